"""The picture of a seal from a file: a PNG with transparency, or a one-page PDF, made a page of exact size.

What it brings along goes into documents that are PDF/A-2 and PDF/UA-1, so it may hold paths, pictures and red, grey or
black ink, but no text in fonts, no colour of a press (CMYK), no layer, link or script.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name
from PIL import Image, UnidentifiedImageError

from records.errors import Fault, Refused
from signing.drawings import MM, RED, TEST_MARK, drawing
from signing.outlines import Outlines, font_face

_SMALLEST_MM, _LARGEST_MM = 8.0, 60.0
_MOST_PIXELS = 4_000_000  # 60 mm at 850 dots per inch
_LEAST_DPI = 150.0
_NESTED = 5
# what draws paths and pictures in grey or RGB (ISO 32000-1 Annex A)
_OPERATORS = {
    "q",
    "Q",
    "cm",
    "w",
    "J",
    "j",
    "M",
    "d",
    "ri",
    "i",
    "gs",
    "m",
    "l",
    "c",
    "v",
    "y",
    "h",
    "re",
    "n",
    "W",
    "W*",
}
_OPERATORS |= {"S", "s", "f", "F", "f*", "B", "B*", "b", "b*", "g", "G", "rg", "RG", "Do"}
_OPERATORS |= {"BMC", "BDC", "EMC", "MP", "DP"}
_COLOURS = ("/DeviceRGB", "/DeviceGray")


@lru_cache(maxsize=64)
def picture_page(content: bytes, width_mm: float, test_font: Path | None = None) -> bytes:
    """A PNG or a one-page PDF as a one-page PDF of `width_mm`, its height in proportion; made once and remembered.

    `test_font` marks it 测试 TEST across the middle, in the outlines of that font, as a TEST system has to. Raises
    Refused for any other file, more than one page, something besides paths and pictures, too few dots for its size, or
    a width outside 8 to 60 mm.
    """
    if not _SMALLEST_MM <= width_mm <= _LARGEST_MM:
        raise _refused(
            "/width_mm",
            "range",
            f"the picture of a seal is {_SMALLEST_MM:g} to {_LARGEST_MM:g} mm wide",
            f"印章图片宽度应为{_SMALLEST_MM:g}至{_LARGEST_MM:g}毫米",
        )
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return _sized(_from_png(content, width_mm), width_mm, test_font)
    if content.startswith(b"%PDF-"):
        return _sized(_from_pdf(content), width_mm, test_font)
    raise _refused(
        "", "no_picture", "the picture of a seal is a PNG file or a one-page PDF", "印章图片应为PNG或单页PDF"
    )


def _refused(pointer: str, code: str, english: str, chinese: str) -> Refused:
    return Refused([Fault(pointer, code, english, chinese)])


def _from_png(content: bytes, width_mm: float) -> pikepdf.Pdf:
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as opened:
            if opened.width * opened.height > _MOST_PIXELS:
                raise _refused("", "too_large", "the PNG has more than 4 million dots", "PNG图片超过四百万像素")
            if getattr(opened, "n_frames", 1) > 1:
                raise _refused("", "no_picture", "the PNG is moving", "PNG图片不应为动画")
            picture = opened.convert("RGBA")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as error:
        raise _refused("", "unreadable", f"the PNG cannot be read: {error}", "PNG图片无法读取") from error
    if picture.width / (width_mm / 25.4) < _LEAST_DPI:
        raise _refused(
            "", "too_coarse", f"at this width the PNG has fewer than {_LEAST_DPI:g} dots per inch", "PNG图片分辨率不足"
        )
    if picture.getchannel("A").getextrema() == (255, 255):
        raise _refused(
            "", "no_transparency", "the PNG has no transparent ground: it would cover the text", "PNG图片背景应透明"
        )
    pdf = pikepdf.new()
    mask = _image(pdf, picture.getchannel("A"), "/DeviceGray")
    image = _image(pdf, picture.convert("RGB"), "/DeviceRGB", SMask=mask)
    page = pdf.add_blank_page(page_size=(picture.width, picture.height))
    page.obj.Resources = Dictionary(XObject=Dictionary(Picture=image))
    page.obj.Contents = pdf.make_stream(f"q {picture.width} 0 0 {picture.height} 0 0 cm /Picture Do Q".encode("ascii"))
    return pdf


def _image(pdf: pikepdf.Pdf, picture: Image.Image, colours: str, **entries: Any) -> pikepdf.Object:
    stream = pdf.make_stream(zlib.compress(picture.tobytes(), 9))
    stream.stream_dict = Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=picture.width,
        Height=picture.height,
        ColorSpace=Name(colours),
        BitsPerComponent=8,
        Filter=Name.FlateDecode,
        **entries,
    )
    return stream


def _from_pdf(content: bytes) -> pikepdf.Pdf:
    try:
        pdf = pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True)
        if pdf.is_encrypted or len(pdf.pages) != 1:
            raise _refused(
                "", "no_picture", "the PDF of a seal has one page and no password", "印章PDF应为单页且未加密"
            )
        page = pdf.pages[0]
        page.obj.Resources = page.resources  # what it inherits, too
        found = list(_foreign(page.obj, page.resources, 0))
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise _refused("", "unreadable", f"not a readable PDF: {error}", "无法读取的PDF") from error
    if "/Annots" in page.obj or int(page.obj.get("/Rotate", 0)) % 360:
        found.append("annotations or a turned page")
    if found:
        raise _refused(
            "",
            "foreign_content",
            f"the picture of a seal is drawn of paths and pictures in grey or RGB; this one has {', '.join(found)}",
            "印章图片只能由路径和RGB或灰度图像构成",
        )
    return pdf


def _foreign(stream: Any, resources: Any, depth: int) -> Iterator[str]:
    """What a content holds that would not survive in PDF/A and PDF/UA, or draws with something we do not know."""
    if depth > _NESTED:
        yield "pictures in pictures without end"
        return
    operators = {str(each.operator) for each in pikepdf.parse_content_stream(stream)}
    if strange := sorted(operators - _OPERATORS):
        yield f"the operators {' '.join(strange)}"
    for each in resources.get("/XObject", Dictionary()).values():
        if each.get("/Subtype") == Name.Form:
            yield from _foreign(each, each.get("/Resources", resources), depth + 1)
        elif str(each.get("/ColorSpace", "/DeviceGray")) not in _COLOURS or "/Alternates" in each:
            yield "a picture in other colours"
        elif "/SMask" in each and str(each.SMask.get("/ColorSpace")) != "/DeviceGray":
            yield "a mask in other colours"


def _sized(source: pikepdf.Pdf, width_mm: float, test_font: Path | None) -> bytes:
    """The source's page drawn on a page of the exact size, ink over ink (Multiply)."""
    with source, pikepdf.new() as pdf:
        box = [float(edge) for edge in source.pages[0].cropbox]
        across, up = box[2] - box[0], box[3] - box[1]
        width, height = width_mm * MM, width_mm * MM * up / across
        page = pdf.add_blank_page(page_size=(round(width, 4), round(height, 4)))
        form = pdf.copy_foreign(source.pages[0].as_form_xobject(handle_transformations=False))
        forms = Dictionary(Picture=form)
        ink = Dictionary(Ink=Dictionary(Type=Name.ExtGState, BM=Name.Multiply))
        scale = width / across
        content = f"q /Ink gs {scale:.6f} 0 0 {scale:.6f} {-box[0] * scale:.4f} {-box[1] * scale:.4f} cm /Picture Do Q"
        if test_font is not None:
            with pikepdf.open(io.BytesIO(_test_mark(test_font, width_mm, height / MM))) as mark:
                forms.Mark = pdf.copy_foreign(mark.pages[0].as_form_xobject())
            content += "\nq /Mark Do Q"
        page.obj.Resources = Dictionary(XObject=forms, ExtGState=ink)
        page.obj.Contents = pdf.make_stream(content.encode("ascii"))
        page.obj.MediaBox = Array([0, 0, round(width, 4), round(height, 4)])
        buffer = io.BytesIO()
        pdf.remove_unreferenced_resources()
        pdf.save(buffer, deterministic_id=True)
    return buffer.getvalue()


def _test_mark(font: Path, width_mm: float, height_mm: float) -> bytes:
    width, height = width_mm * MM, height_mm * MM
    with font_face(font) as face:
        size = min(height * 0.25, width * 0.2)
        line = Outlines(face).line(TEST_MARK, (width / 2, height / 2), size, width * 0.9)
    return drawing(f"{RED}\n{line}", width_mm, height_mm)
