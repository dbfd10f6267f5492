"""The picture of a seal that is registered in place of a drawing: a square one-page PDF, nothing but a drawing."""

from __future__ import annotations

import io
from typing import Final

import pikepdf

from records.errors import Fault, Refused

#: By how much width and height may differ: a round seal's picture is square.
_SKEW: Final = 0.01


def check_picture(pdf: bytes) -> None:
    """Raises Refused for what is no square, unencrypted one-page PDF without annotations and actions."""
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            wrong = _wrong(opened)
    except (pikepdf.PdfError, pikepdf.PasswordError) as error:
        raise _refused("is no readable PDF", "不是可读取的PDF") from error
    if wrong:
        raise _refused(*wrong)


def _wrong(pdf: pikepdf.Pdf) -> tuple[str, str] | None:
    if pdf.is_encrypted or len(pdf.pages) != 1:
        return "has to be one page, unencrypted", "须为一页且未加密"
    page = pdf.pages[0]
    left, bottom, right, top = (float(side) for side in page.mediabox)
    width, height = right - left, top - bottom
    if height <= 0 or abs(width / height - 1) > _SKEW or int(page.obj.get("/Rotate", 0)) % 360:
        return "has to be square and not turned", "须为正方形且未旋转"
    if "/Annots" in page.obj or "/AA" in page.obj or "/OpenAction" in pdf.Root or "/AcroForm" in pdf.Root:
        return "has to be a drawing only", "只能是图形"
    return None


def _refused(en: str, zh: str) -> Refused:
    return Refused([Fault("--picture", "picture", f"The picture of a seal {en}.", f"印章图片{zh}。")])
