"""Numbered copies: an instrument made in several originals is printed once for each, marked with its number and holder.

004-30(5): three originals of a decision made on the spot, one for the party, one for the department's archive, one for
the legal department's record; 004-51: two of a hand-over slip. The stored document is one and stays as it was released.
The copies are printed from its bytes, each page marked in the upper left corner, where GB/T 9704-2012 has the 份号.
This is for paper: the seal is drawn on it, and the electronic signature stays with the stored file.
"""

from __future__ import annotations

import io
from pathlib import Path

import pikepdf

from records.errors import Permanent
from templates.composing import Line, pair
from templates.manifests import Print
from templates.numerals import chinese
from templates.typesetters import typst


def marks(printing: Print) -> list[list[Line]]:
    """What each copy is marked with, in both languages: 第一份（共三份）：当事人 / Copy 1 of 3: the party."""
    found = []
    for nth in range(1, printing.copies + 1):
        zh, en = f"第{chinese(nth)}份（共{chinese(printing.copies)}份）", f"Copy {nth} of {printing.copies}"
        if printing.holders:
            holder_zh, holder_en = printing.holders[nth - 1]
            zh, en = f"{zh}：{holder_zh}", f"{en}: {holder_en}"
        found.append(pair(zh, en))
    return found


def numbered_copies(pdf: bytes, printing: Print) -> bytes:
    """All copies of a released document in one file to print, copy after copy; the same bytes every time.

    Raises Permanent when the document cannot be read, or when typst refuses the marks.
    """
    overlays = pikepdf.open(io.BytesIO(typst.overlays(typst.COPY_MARK, marks(printing))))
    made, buffer = pikepdf.new(), io.BytesIO()
    with overlays, flat(pdf) as document:
        for _ in overlays.pages:
            made.pages.extend(document.pages)
        marked = [made.copy_foreign(overlay.as_form_xobject()) for overlay in overlays.pages]
        for place in range(len(made.pages)):
            _lay_over(made, made.pages[place], marked[place // len(document.pages)])
        made.save(buffer, deterministic_id=True)
    return buffer.getvalue()


def _lay_over(made: pikepdf.Pdf, page: pikepdf.Page, mark: pikepdf.Object) -> None:
    """Draw the mark on this page alone: copies share their contents and resources, which stay as they are."""
    pictures = pikepdf.Dictionary(dict(page.resources.get("/XObject", {}).items()))
    pictures["/SongdaCopy"] = mark
    resources = pikepdf.Dictionary(dict(page.resources.items()))
    resources["/XObject"] = pictures
    page.obj["/Resources"] = resources
    contents = page.obj.get("/Contents", pikepdf.Array())
    drawn = list(contents.as_list()) if isinstance(contents, pikepdf.Array) else [contents]
    page.obj["/Contents"] = pikepdf.Array([made.make_stream(b"q"), *drawn, made.make_stream(b"Q q /SongdaCopy Do Q")])


def flat(pdf: bytes | Path) -> pikepdf.Pdf:
    """The document with everything drawn on its pages: no form, no signature that would no longer hold, no tags.

    Raises Permanent when it cannot be read.
    """
    try:
        document = pikepdf.open(io.BytesIO(pdf) if isinstance(pdf, bytes) else pdf)
    except pikepdf.PdfError as error:
        raise Permanent(f"the document cannot be read: {error}") from error
    document.flatten_annotations("print")
    for page in document.pages:
        for name in ("/Annots", "/StructParents", "/Tabs"):
            if name in page:
                del page[name]
    return document
