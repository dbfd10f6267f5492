"""The seam seal at each edge: slices that make one seal when the pages are fanned out, and stay on the page."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageChops

from records.errors import Refused
from signing.overlays import form_of
from signing.seals import SealDesign, draw_seal
from signing.seams import Edge, Seam, _groups, add_seam_seal
from templates.fonts import font_path

PICTURE = draw_seal(SealDesign("民航华北地区管理局", "行政执法专用章"), font_path("title"))
DPI = 127  # 5 dots per millimetre


def _sealed(folder: Path, pages: int, seam: Seam) -> list[Image.Image]:
    with pikepdf.new() as pdf:
        for _ in range(pages):
            pdf.add_blank_page(page_size=(595.276, 841.89))
        add_seam_seal(pdf, form_of(pdf, PICTURE), seam)
        pdf.save(folder / "seam.pdf")
    subprocess.run(["pdftoppm", "-png", "-r", str(DPI), "seam.pdf", "page"], cwd=folder, check=True)
    return [Image.open(path).convert("RGB") for path in sorted(folder.glob("page-*.png"))]


@pytest.mark.parametrize("offset", [0.0, 60.0])
@pytest.mark.parametrize("edge", list(Edge))
def test_the_pages_fanned_out_beyond_the_edge_show_the_whole_seal(edge: Edge, offset: float, tmp_path: Path) -> None:
    """Each page lies under the one before and sticks out beyond it by its slice."""
    if edge in (Edge.TOP, Edge.BOTTOM):
        offset /= 2
    pages = _sealed(tmp_path, 3, Seam(edge, width_mm=42.0, offset_mm=offset))
    wide, high = pages[0].size
    step = 70  # 14 mm
    joined = Image.new("RGB", (210, 210), "white")
    for index, page in enumerate(pages):
        if edge in (Edge.RIGHT, Edge.LEFT):
            low = high // 2 - round(offset * 5) - 105
            part = page.crop((wide - step, low, wide, low + 210) if edge is Edge.RIGHT else (0, low, step, low + 210))
            joined.paste(part, (step * (index if edge is Edge.RIGHT else 2 - index), 0))
        else:
            side = wide // 2 + round(offset * 5) - 105
            part = page.crop((side, 0, side + 210, step) if edge is Edge.TOP else (side, high - step, side + 210, high))
            joined.paste(part, (0, step * (2 - index if edge is Edge.TOP else index)))
    (tmp_path / "seal.pdf").write_bytes(PICTURE)
    subprocess.run(["pdftoppm", "-png", "-r", "127", "-singlefile", "seal.pdf", "seal"], cwd=tmp_path, check=True)
    seal = Image.open(tmp_path / "seal.png").convert("RGB").resize((210, 210))
    different = ImageChops.difference(seal, joined).convert("L").point(lambda value: 255 * (value > 128))
    assert different.histogram()[255] < 0.05 * 210 * 210


def test_more_pages_than_one_seal_can_bear_get_several(tmp_path: Path) -> None:
    pages = _sealed(tmp_path, 5, Seam(pages=2))
    widths = []
    for page in pages:
        left, _, right, _ = page.getchannel("G").point(lambda value: 255 * (value < 200)).getbbox() or (0, 0, 0, 0)
        widths.append(round((right - left) / 5))
        assert right >= page.width - 1
    assert widths == [14, 14, 14, 21, 21], "a page alone would show a whole seal, over its text"


@pytest.mark.parametrize("seam", [Seam(offset_mm=130), Seam(Edge.LEFT, offset_mm=-130), Seam(Edge.TOP, offset_mm=90)])
def test_a_seam_that_leaves_the_page_is_refused(seam: Seam, tmp_path: Path) -> None:
    with pytest.raises(Refused) as refused:
        _sealed(tmp_path, 2, seam)
    assert refused.value.faults[0].code == "off_page"


@given(st.integers(2, 400), st.integers(2, 20))
def test_the_pages_of_a_seam_are_spread_evenly_and_none_is_alone(pages: int, most: int) -> None:
    groups = _groups(pages, most)
    assert sum(groups) == pages
    assert max(groups) - min(groups) <= 1
    assert min(groups) >= 2
    assert max(groups) <= most or (most == 2 and max(groups) == 3)
