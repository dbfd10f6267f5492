"""Signature stamps and pictures from files: exact on paper, red, marked TEST, and nothing that would spoil PDF/A."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name
from PIL import Image

from records.errors import Refused
from signing.drawings import MM
from signing.picture_files import picture_page
from signing.seals import SealDesign, draw_seal
from signing.stamps import StampDesign, draw_stamp
from templates.fonts import font_path
from tests.signing_support import png_picture

FONT = font_path("title")
DPI = 300


def _page_mm(pdf: bytes) -> tuple[float, float]:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        box = [float(edge) for edge in opened.pages[0].mediabox]
    return box[2] / MM, box[3] / MM


def _raster(pdf: bytes, folder: Path) -> Image.Image:
    (folder / "picture.pdf").write_bytes(pdf)
    command = ["pdftoppm", "-png", "-r", str(DPI), "-singlefile", "picture.pdf", "picture"]
    subprocess.run(command, cwd=folder, check=True)
    with Image.open(folder / "picture.png") as image:
        return image.convert("RGB")


def _ink_mm(image: Image.Image) -> tuple[float, float]:
    left, top, right, bottom = image.getchannel("G").point(lambda value: 255 * (value < 128)).getbbox() or (0, 0, 0, 0)
    return (right - left) * 25.4 / DPI, (bottom - top) * 25.4 / DPI


def _pdf(content: str = "1 0 0 rg 0 0 200 100 re f", pages: int = 1, **resources: Dictionary) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.new() as pdf:
        for _ in range(pages):
            page = pdf.add_blank_page(page_size=(200, 100))
            page.obj.Contents = pdf.make_stream(content.encode())
            page.obj.Resources = Dictionary(**resources)
        pdf.save(buffer)
    return buffer.getvalue()


@pytest.mark.parametrize(("width", "height"), [(30.0, 12.0), (18.0, 18.0), (40.0, 20.0)])
@pytest.mark.parametrize("test", [True, False])
def test_gb_t_9704_7_3_5_3_a_signature_stamp_is_red_and_exact(
    width: float, height: float, test: bool, tmp_path: Path
) -> None:
    pdf = draw_stamp(StampDesign("张三丰", width, height, test), FONT)
    assert _page_mm(pdf) == (pytest.approx(width, abs=0.01), pytest.approx(height, abs=0.01))
    image = _raster(pdf, tmp_path)
    assert _ink_mm(image) == (pytest.approx(width, abs=0.2), pytest.approx(height, abs=0.2))
    assert all(red >= max(green, blue) for _, (red, green, blue) in image.getcolors(1 << 20) or [])
    assert b"/Font" not in pdf
    assert draw_stamp(StampDesign("张三丰", width, height, test), FONT) == pdf


def test_a_test_stamp_shows_the_word_test(tmp_path: Path) -> None:
    plain, marked = (_raster(draw_stamp(StampDesign("张三", 20, 20, test), FONT), tmp_path) for test in (False, True))
    box = (marked.width // 8, marked.height * 3 // 4, marked.width * 7 // 8, marked.height * 9 // 10)
    rows = [
        {bytes(each.getchannel("G").crop((box[0], y, box[2], y + 1)).point(lambda v: v < 128).tobytes())
         for y in range(box[1], box[3])}
        for each in (plain, marked)
    ]  # fmt: skip
    assert rows[0] != rows[1]
    assert len(draw_stamp(StampDesign("张三", 20, 20, True), FONT)) > len(draw_stamp(StampDesign("张三", 20, 20), FONT))


@pytest.mark.parametrize(
    ("design", "pointer", "code"),
    [
        (StampDesign("张"), "/name", "length"),
        (StampDesign("欧阳震华博士", 20, 20), "/name", "length"),
        (StampDesign("张三", 5, 12), "/width_mm", "range"),
        (StampDesign("张三", 30, 90), "/height_mm", "range"),
        (StampDesign("张\U0001f6eb"), "/name", "glyph_missing"),
    ],
)
def test_an_impossible_stamp_is_refused(design: StampDesign, pointer: str, code: str) -> None:
    with pytest.raises(Refused) as refused:
        draw_stamp(design, FONT)
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [(pointer, code)]


@pytest.mark.parametrize("width", [30.0, 38.0])
@pytest.mark.parametrize("kind", ["png", "pdf"])
def test_a_picture_from_a_file_is_exact_and_lets_the_ground_through(kind: str, width: float, tmp_path: Path) -> None:
    content = png_picture() if kind == "png" else _pdf()
    pdf = picture_page(content, width)
    assert _page_mm(pdf) == (pytest.approx(width, abs=0.01), pytest.approx(width / 2, abs=0.01))
    assert _ink_mm(_raster(pdf, tmp_path)) == (pytest.approx(width, abs=0.2), pytest.approx(width / 2, abs=0.2))
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert Name.Multiply == opened.pages[0].resources.ExtGState.Ink.BM


def test_a_picture_from_a_file_is_marked_test_in_a_test_system(tmp_path: Path) -> None:
    plain, marked = (
        _raster(picture_page(png_picture(), 40.0), tmp_path),
        _raster(picture_page(png_picture(), 40.0, FONT), tmp_path),
    )
    middle = (plain.width // 3, plain.height // 3, plain.width * 2 // 3, plain.height * 2 // 3)
    assert plain.crop(middle).getcolors() == [(plain.crop(middle).width * plain.crop(middle).height, (255, 255, 255))]
    assert len(marked.crop(middle).getcolors(1 << 20) or []) > 1


def test_the_seal_that_is_drawn_here_is_a_picture_too() -> None:
    seal = draw_seal(SealDesign("民航华北地区管理局"), FONT)
    assert _page_mm(picture_page(seal, 45.0)) == (pytest.approx(45.0, abs=0.01), pytest.approx(45.0, abs=0.01))


_CMYK = Dictionary(Type=Name.XObject, Subtype=Name.Image, Width=1, Height=1, ColorSpace=Name.DeviceCMYK)


@pytest.mark.parametrize(
    ("content", "width", "code"),
    [
        (b"GIF89a", 30.0, "no_picture"),
        (png_picture(), 5.0, "range"),
        (png_picture(), 90.0, "range"),
        (png_picture()[:200], 30.0, "unreadable"),
        (png_picture((80, 40)), 30.0, "too_coarse"),
        (png_picture(ground=(255, 255, 255, 255)), 30.0, "no_transparency"),
        (_pdf()[:300], 30.0, "unreadable"),
        (_pdf(pages=2), 30.0, "no_picture"),
        (_pdf("BT /F1 12 Tf (x) Tj ET"), 30.0, "foreign_content"),
        (_pdf("0 1 1 0 k 0 0 9 9 re f"), 30.0, "foreign_content"),
        (_pdf("/Pattern cs /P scn 0 0 9 9 re f"), 30.0, "foreign_content"),
    ],
)
def test_a_picture_that_would_cover_text_or_spoil_pdf_a_is_refused(content: bytes, width: float, code: str) -> None:
    with pytest.raises(Refused) as refused:
        picture_page(content, width)
    assert refused.value.faults[0].code == code


def test_foreign_colours_and_annotations_inside_a_pdf_are_found() -> None:
    with pikepdf.open(io.BytesIO(_pdf("q /X Do Q"))) as pdf:
        inner = pdf.make_stream(b"q /Y Do Q")
        inner.stream_dict = Dictionary(
            Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 9, 9]), Resources=Dictionary(XObject=Dictionary())
        )
        picture = pdf.make_stream(b"\0\0\0\0")
        picture.stream_dict = _CMYK
        inner.Resources.XObject.Y = picture
        pdf.pages[0].obj.Resources = Dictionary(XObject=Dictionary(X=inner))
        pdf.pages[0].obj.Annots = Array([])
        buffer = io.BytesIO()
        pdf.save(buffer)
    with pytest.raises(Refused, match="other colours, annotations"):
        picture_page(buffer.getvalue(), 30.0)
