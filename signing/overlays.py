"""Drawing over a printed page, before it is signed, without touching what stands there."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from functools import lru_cache

import pikepdf
from pikepdf import Dictionary, Name

from signing.drawings import MM

_REFERENCE = re.compile(rb"\d+ \d+ R\b")


def page_units(page: pikepdf.Page) -> tuple[tuple[float, float, float, float], float]:
    """The page as it is shown (left, bottom, right, top) and how many of its units a millimetre has.

    PDF's unit is a 72nd of an inch times UserUnit.
    """
    left, bottom, right, top = (float(edge) for edge in page.cropbox)
    return (left, bottom, right, top), MM / float(page.obj.get("/UserUnit", 1))


def form_of(pdf: pikepdf.Pdf, picture: bytes) -> pikepdf.Object:
    """A one-page PDF as a form XObject of an open one."""
    single = _single_stream(picture)
    if single is not None:
        entries, data = single
        stream = pdf.make_stream(data)
        stream.stream_dict = pikepdf.Object.parse(entries)  # type: ignore[assignment]
        return stream
    with pikepdf.open(io.BytesIO(picture)) as source:
        form: pikepdf.Object = pdf.copy_foreign(source.pages[0].as_form_xobject())
    return form


@lru_cache(maxsize=64)
def _single_stream(picture: bytes) -> tuple[bytes, bytes] | None:
    """Dictionary and data of a page that is one stream, remembered so that the same seal is not parsed each time."""
    with pikepdf.open(io.BytesIO(picture)) as source:
        form = source.pages[0].as_form_xobject()
        entries = bytes(form.stream_dict.unparse(resolved=True))
        return None if _REFERENCE.search(entries) else (entries, bytes(form.read_raw_bytes()))


def draw_over(pdf: pikepdf.Pdf, page: pikepdf.Page, content: str, forms: Mapping[str, pikepdf.Object]) -> None:
    """Draw `content` (operators, in the page's units) over a page; `forms` are the XObjects that it names."""
    resources = page.resources
    if forms and "/XObject" not in resources:
        resources.XObject = Dictionary()
    for name, form in forms.items():
        resources.XObject[name] = form
    page.contents_add(b"q\n", prepend=True)  # whatever state the page leaves behind ends before what is drawn here
    page.contents_add(pdf.make_stream(f"\nQ\n{content}\n".encode("ascii")))


def marked(content: str, mark: int | None) -> str:
    """The content as that piece of a tagged figure, or as an artifact."""
    opening = "/Artifact <</Type /Page>> BDC" if mark is None else f"/Figure <</MCID {mark}>> BDC"
    return f"{opening}\n{content}\nEMC"


def shown_at(name: str, form: pikepdf.Object, place: tuple[float, float, float, float]) -> str:
    """The operators that show a form in a rectangle (left, bottom, width, height), in the page's units."""
    box = [float(edge) for edge in form.BBox]
    across, up = place[2] / (box[2] - box[0]), place[3] / (box[3] - box[1])
    x, y = place[0] - box[0] * across, place[1] - box[1] * up
    return f"q {across:.6f} 0 0 {up:.6f} {x:.4f} {y:.4f} cm {Name(name)} Do Q"
