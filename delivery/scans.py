"""Scans of signed proofs and slips: what is taken in, judged by its bytes and never by its name or declared type.

A scan is a PDF, a JPEG or a PNG, whole, unencrypted, of bounded size and without active content (scripts, actions that
run by themselves, embedded files, forms that submit).
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pikepdf
from PIL import Image, UnidentifiedImageError

from records.errors import Fault, Refused

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PAGES: Final = 200
MAX_PIXELS: Final = 50_000_000  # an A4 page at 600 dpi has 35 million
MAX_OBJECTS: Final = 50_000

_ACTIVE_KEYS: Final = frozenset({"/JS", "/AA", "/XFA", "/EmbeddedFiles", "/EF", "/Rendition", "/RichMediaContent"})
_ACTIVE_ACTIONS: Final = frozenset(
    {
        "/JavaScript",
        "/Launch",
        "/SubmitForm",
        "/ImportData",
        "/ResetForm",
        "/Movie",
        "/Sound",
        "/Rendition",
        "/RichMediaExecute",
        "/GoToR",
        "/GoToE",
        "/Trans",
        "/URI",
    }
)
_ACTIVE_SUBTYPES: Final = frozenset({"/RichMedia", "/Movie", "/Sound", "/Screen", "/3D", "/FileAttachment"})


@dataclass(frozen=True)
class Scan:
    """A scan that may be kept: its media type, the ending of its file name, and how many pages it has."""

    media_type: str
    suffix: str
    pages: int


def check_scan(content: bytes, pointer: str = "/scan") -> Scan:
    """Judge the bytes of a scan. Raises `Refused`, the fault standing at `pointer`."""
    if not content:
        raise _refused(pointer, "empty", "The scan is empty.", "扫描件为空。")
    if len(content) > MAX_BYTES:
        limit = MAX_BYTES // 1024 // 1024
        raise _refused(pointer, "too_large", f"The scan is larger than {limit} MB.", f"扫描件超过{limit}MB。")
    if content.startswith(b"%PDF-"):
        return Scan("application/pdf", ".pdf", _check_pdf(content, pointer))
    if content.startswith(b"\xff\xd8\xff"):
        _check_image(content, "JPEG", pointer)
        return Scan("image/jpeg", ".jpg", 1)
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        _check_image(content, "PNG", pointer)
        return Scan("image/png", ".png", 1)
    raise _refused(
        pointer, "unknown_kind", "The scan is neither a PDF nor a JPEG nor a PNG file.", "扫描件须为 PDF、JPEG 或 PNG。"
    )


def _refused(pointer: str, code: str, en: str, zh: str) -> Refused:
    return Refused([Fault(pointer, code, en, zh)])


def _check_pdf(content: bytes, pointer: str) -> int:
    try:
        with pikepdf.open(io.BytesIO(content), attempt_recovery=False, suppress_warnings=True) as pdf:
            if pdf.is_encrypted:
                raise _refused(pointer, "encrypted", "The scan is encrypted.", "扫描件已加密。")
            if len(pdf.objects) > MAX_OBJECTS:
                raise _refused(pointer, "too_complex", "The scan has too many objects.", "扫描件结构过于复杂。")
            active = next(_active_content(pdf), None)
            if active is not None:
                en = f"The scan has active content ({active})."
                raise _refused(pointer, "active_content", en, "扫描件含有活动内容。")
            pages = len(pdf.pages)
    except pikepdf.PasswordError as error:
        raise _refused(pointer, "encrypted", "The scan is encrypted.", "扫描件已加密。") from error
    except pikepdf.PdfError as error:
        raise _refused(pointer, "damaged", "The scan is a damaged PDF file.", "扫描件已损坏。") from error
    if not 1 <= pages <= MAX_PAGES:
        en = f"The scan must have from 1 to {MAX_PAGES} pages."
        raise _refused(pointer, "pages", en, f"扫描件页数须为1至{MAX_PAGES}页。")
    return pages


def _active_content(pdf: pikepdf.Pdf) -> Iterator[str]:
    """Names of what could act: in any object of the file, reachable or not, however deep inside it."""
    waiting: list[pikepdf.Object] = [*pdf.objects, pdf.trailer]
    while waiting:
        found = waiting.pop()
        if isinstance(found, pikepdf.Array):
            waiting.extend(item for item in found if _is_nested(item))
            continue
        if not isinstance(found, pikepdf.Dictionary | pikepdf.Stream):
            continue
        for key, value in found.items():
            if key in _ACTIVE_KEYS or (key == "/OpenAction" and isinstance(value, pikepdf.Dictionary)):
                yield key
            elif (key == "/S" and str(value) in _ACTIVE_ACTIONS) or (
                key == "/Subtype" and str(value) in _ACTIVE_SUBTYPES
            ):
                yield str(value)
            elif _is_nested(value):
                waiting.append(value)


def _is_nested(value: object) -> bool:
    """Whether to look inside: indirect objects are visited on their own."""
    return isinstance(value, pikepdf.Array | pikepdf.Dictionary | pikepdf.Stream) and not value.is_indirect


def _check_image(content: bytes, kind: str, pointer: str) -> None:
    end = b"\xff\xd9" if kind == "JPEG" else b"IEND\xaeB`\x82"
    if not content.rstrip(b"\0").endswith(end):
        raise _refused(
            pointer, "damaged", "The scan is cut short, or something follows it.", "扫描件不完整或有附加数据。"
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            with Image.open(io.BytesIO(content), formats=[kind]) as image:
                width, height = image.size
                if width * height > MAX_PIXELS:
                    raise _refused(pointer, "too_large", "The scan has too many pixels.", "扫描件像素过多。")
                if kind == "JPEG":
                    image.draft("L", (width // 8, height // 8))  # decodes the whole file, at an eighth of its size
                    image.load()
                else:
                    image.verify()
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Warning, Image.DecompressionBombError) as error:
        raise _refused(pointer, "damaged", "The scan is a damaged image.", "扫描件已损坏。") from error
