"""The drawing of the seal: size, colour, text as outlines, the TEST mark, determinism."""

from __future__ import annotations

import io
import re
import subprocess
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from records.errors import Refused
from signing.drawings import MM
from signing.seals import SealDesign, draw_seal
from templates.fonts import font_path

FONT = font_path("title")
NORTH = SealDesign("民航华北地区管理局", "行政执法专用章")


def _raster(pdf: bytes, folder: Path, dpi: int = 300) -> Image.Image:
    (folder / "seal.pdf").write_bytes(pdf)
    command = ["pdftoppm", "-png", "-r", str(dpi), "-singlefile", "seal.pdf", "seal"]
    subprocess.run(command, cwd=folder, check=True)
    with Image.open(folder / "seal.png") as image:
        return image.convert("RGB")


def _content(pdf: bytes) -> bytes:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return opened.pages[0].Contents.read_bytes()


@pytest.mark.parametrize("diameter", [42.0, 45.0, 38.5])
def test_the_page_and_the_ring_measure_the_diameter(diameter: float, tmp_path: Path) -> None:
    pdf = draw_seal(SealDesign("民航华北地区管理局", "行政执法专用章", diameter), FONT)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        box = [float(edge) for edge in opened.pages[0].mediabox]
    assert box == [0, 0, pytest.approx(diameter * MM, abs=1e-3), pytest.approx(diameter * MM, abs=1e-3)]
    ink = _raster(pdf, tmp_path).point(lambda value: 255 * (value < 128)).getbbox()
    assert ink is not None
    assert (ink[2] - ink[0]) * 25.4 / 300 == pytest.approx(diameter, abs=0.2)
    assert (ink[3] - ink[1]) * 25.4 / 300 == pytest.approx(diameter, abs=0.2)


def test_gb_t_9704_the_seal_is_red_and_nothing_else(tmp_path: Path) -> None:
    image = _raster(draw_seal(NORTH, FONT), tmp_path, dpi=100)
    for _, (red, green, blue) in image.getcolors(1 << 20) or []:
        assert red >= max(green, blue), "a pixel that is neither white nor a shade of red"
    assert b" g\n" not in _content(draw_seal(NORTH, FONT))


def test_text_is_outlines_so_no_font_is_needed() -> None:
    pdf = draw_seal(NORTH, FONT)
    assert b"/Font" not in pdf
    assert not re.search(rb"\b(Tf|Tj|TJ|BT)\b", _content(pdf))


def test_the_star_stands_in_the_middle_with_one_point_up(tmp_path: Path) -> None:
    image = _raster(draw_seal(SealDesign("中国民用航空局"), FONT), tmp_path)
    side = image.width
    near, far = round(side * 0.3), round(side * 0.7)
    middle = image.crop((near, near, far, far)).convert("L").point(lambda value: 255 * (value < 160))
    left, top, right, bottom = middle.getbbox() or (0, 0, 0, 0)
    assert (left + right) / 2 == pytest.approx(middle.width / 2, abs=3)
    row = [middle.getpixel((x, top + 4)) for x in range(middle.width)]
    assert 0 < sum(bool(value) for value in row) < 20, "the top row of the star is a point"
    assert (right - left) / side == pytest.approx(0.317, abs=0.01)
    assert bottom < middle.height


def test_a_test_seal_shows_the_word_test_and_a_real_one_does_not(tmp_path: Path) -> None:
    for second in ("", "行政执法专用章"):
        real = SealDesign("民航华北地区管理局", second)
        marked = SealDesign("民航华北地区管理局", second, test=True)
        assert len(_content(draw_seal(marked, FONT))) > len(_content(draw_seal(real, FONT)))
        first, second_image = (_raster(draw_seal(each, FONT), tmp_path) for each in (real, marked))
        low = (first.width // 4, first.height * 7 // 10, first.width * 3 // 4, first.height * 9 // 10)
        ink = [sum(value < 128 for value in image.crop(low).convert("L").tobytes()) for image in (first, second_image)]
        assert ink[1] > ink[0] + 300


def test_the_same_design_gives_the_same_bytes_even_drawn_afresh() -> None:
    from signing.seals import _draw

    first = draw_seal(NORTH, FONT)
    _draw.cache_clear()
    assert draw_seal(NORTH, FONT) == first


def test_a_character_without_a_glyph_is_refused_and_named() -> None:
    with pytest.raises(Refused) as refused:
        draw_seal(SealDesign("民航🛫管理局"), FONT)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/ring_text", "glyph_missing")]
    assert "U+1F6EB" in refused.value.faults[0].message_en


@pytest.mark.parametrize(
    ("design", "pointer"),
    [
        (SealDesign(""), "/ring_text"),
        (SealDesign("字" * 31), "/ring_text"),
        (SealDesign("民航局", "字" * 15), "/second_line"),
        (SealDesign("民航局", "", 60.0), "/diameter_mm"),
        (SealDesign("民航局", "", 0.0), "/diameter_mm"),
    ],
)
def test_an_impossible_design_is_refused(design: SealDesign, pointer: str) -> None:
    with pytest.raises(Refused) as refused:
        draw_seal(design, FONT)
    assert [fault.pointer for fault in refused.value.faults] == [pointer]


@settings(max_examples=8, deadline=None)
@given(st.text("民航华北地区管理局中国用空安全监督", min_size=2, max_size=30), st.booleans(), st.booleans())
def test_every_name_stays_inside_the_ring_and_clear_of_the_star(ring: str, second: bool, test: bool) -> None:
    """No stroke of the name reaches the ring (0.945 of the radius) or the star (a third of it)."""
    from signing.outlines import Outlines, font_face
    from signing.seals import _ring_text

    design = SealDesign(ring, "行政执法专用章" if second else "", test=test)
    radius = design.diameter_mm * MM / 2
    with font_face(FONT) as face:
        drawn = "\n".join(_ring_text(Outlines(face), design, radius))
    for x, y in re.findall(r"(-?[\d.]+) (-?[\d.]+) [ml]", drawn):
        reach = ((float(x) - radius) ** 2 + (float(y) - radius) ** 2) ** 0.5 / radius
        assert 0.36 < reach < 0.94
