"""The seam seal 骑缝章: one seal cut into vertical slices, one on the right edge of each page.

Laid fanned out, the pages show the whole seal, so a page that was exchanged or left out is seen on paper too. The
slices are page content, drawn before the one signature and therefore covered by it, and marked as artifacts for PDF/UA.
"""

from __future__ import annotations

import io
from dataclasses import dataclass

import pikepdf
from pikepdf import Dictionary, Name

from records.errors import Fault, Refused
from signing.seals import MM

_NAME = Name("/SongdaSeamSeal")


@dataclass(frozen=True)
class Seam:
    """How the seam seal is laid: its size, the height of its centre above the lower page edge, pages per whole seal.

    A document with more than `most_pages` pages gets several whole seals, each over about as many pages: slices thinner
    than 4 mm (42 mm over 10 pages) show nothing.
    """

    diameter_mm: float = 42.0
    y_mm: float = 148.5
    most_pages: int = 10


def add_seam_seal(pdf: pikepdf.Pdf, picture: bytes, seam: Seam) -> None:
    """Draw the slices of `picture` (a one-page PDF, `seals.draw_seal`) on an open PDF.

    A document of one page has no seam and stays as it is. Raises Refused where the seal would leave a page.
    """
    pages = list(pdf.pages)
    if len(pages) < 2:
        return
    with pikepdf.open(io.BytesIO(picture)) as source:
        form = pdf.copy_foreign(source.pages[0].as_form_xobject())
    start = 0
    for count in _groups(len(pages), seam.most_pages):
        for index, page in enumerate(pages[start : start + count]):
            _draw_slice(pdf, page, form, seam, index, count)
        start += count


def _groups(pages: int, most: int) -> list[int]:
    """How many pages share each whole seal: as few seals as possible, the pages spread evenly."""
    seals = -(-pages // most)
    return [pages // seals + (index < pages % seals) for index in range(seals)]


def _draw_slice(pdf: pikepdf.Pdf, page: pikepdf.Page, form: pikepdf.Object, seam: Seam, index: int, count: int) -> None:
    _, low, right, high = (float(edge) for edge in page.cropbox)
    unit = MM / float(page.obj.get("/UserUnit", 1))
    side = seam.diameter_mm * unit
    bottom = low + seam.y_mm * unit - side / 2
    if bottom < low or bottom + side > high:
        raise Refused([Fault("/seam", "off_page", "the seam seal leaves the page", "骑缝章超出页面")])
    width = side / count
    scale = side / float(form.BBox[2])
    content = (
        f"\nQ\n/Artifact <</Type /Page>> BDC\nq {right - width:.4f} {bottom:.4f} {width:.4f} {side:.4f} re W n\n"
        f"{scale:.6f} 0 0 {scale:.6f} {right - width * (index + 1):.4f} {bottom:.4f} cm {_NAME} Do Q\nEMC\n"
    )
    resources = page.resources
    if "/XObject" not in resources:
        resources.XObject = Dictionary()
    resources.XObject[_NAME] = form
    page.contents_add(b"q\n", prepend=True)  # whatever state the page leaves behind ends before the slice
    page.contents_add(pdf.make_stream(content.encode("ascii")))
