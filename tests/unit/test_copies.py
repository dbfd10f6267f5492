"""Numbered copies: each page of each copy bears its mark, everything is drawn, nothing of the signature is left."""

from __future__ import annotations

import dataclasses
import io
import json

import pikepdf
import pypdf
import pytest

from records.errors import Permanent
from templates.catalogue import catalogue
from templates.copies import marks, numbered_copies
from templates.manifests import Print
from templates.printing import Imprint, print_document
from tests.house import AUTHORITY, SAMPLES

ID = "penalty-decision"


def _printing(copies: int, *holders: tuple[str, str]) -> Print:
    return dataclasses.replace(catalogue().get(ID).print, copies=copies, holders=holders)


@pytest.fixture(scope="module")
def pdf() -> bytes:
    """A printed decision with a signature field whose picture is a filled square."""
    instrument = catalogue().get(ID)
    facts = instrument.sample_facts()
    authority = json.loads((SAMPLES / "authorities" / f"{AUTHORITY}.json").read_text("utf-8"))
    printed = print_document(instrument, facts, Imprint(authority, "某〔2026〕1号", "No. 1", False, False))
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(printed.pdf)) as document:
        box = [100, 100, 200, 200]
        look = document.make_stream(b"1 0 0 rg 0 0 100 100 re f", {"/Type": pikepdf.Name.XObject})
        look["/Subtype"] = pikepdf.Name.Form
        look["/BBox"] = pikepdf.Array([0, 0, 100, 100])
        field = document.make_indirect(
            pikepdf.Dictionary(
                Type=pikepdf.Name.Annot,
                Subtype=pikepdf.Name.Widget,
                FT=pikepdf.Name.Sig,
                T="seal",
                F=4,
                Rect=pikepdf.Array(box),
                AP=pikepdf.Dictionary(N=look),
            )
        )
        document.pages[0].obj["/Annots"] = pikepdf.Array([field])
        document.Root["/AcroForm"] = pikepdf.Dictionary(Fields=pikepdf.Array([field]), SigFlags=3)
        document.save(buffer)
    return buffer.getvalue()


def _drawn(page: pikepdf.Page) -> bytes:
    forms = [form.read_bytes() for form in page.resources["/XObject"].values() if form.get("/Subtype") == "/Form"]
    return b"".join(forms)


@pytest.mark.rule("N6", "N13")
def test_every_page_of_every_copy_is_marked_with_its_number_and_holder_once(pdf: bytes) -> None:
    holders = (("当事人", "the party"), ("存档", "the archive"), ("备案", "the record"))
    made = pypdf.PdfReader(io.BytesIO(numbered_copies(pdf, _printing(3, *holders))))
    single = len(pypdf.PdfReader(io.BytesIO(pdf)).pages)
    assert len(made.pages) == 3 * single
    for place, page in enumerate(made.pages):
        text = page.extract_text()
        zh, en = holders[place // single]
        nth = place // single + 1
        assert text.count("（共三份）") == 1 and f"第{'一二三'[nth - 1]}份（共三份）：{zh}" in text
        assert text.count("Copy ") >= 1 and f"Copy {nth} of 3: {en}" in text


def test_the_seal_is_drawn_and_no_signature_is_left_that_would_not_hold(pdf: bytes) -> None:
    with pikepdf.open(io.BytesIO(numbered_copies(pdf, _printing(2)))) as made:
        assert "/AcroForm" not in made.Root
        assert not any("/Annots" in page for page in made.pages)
        pages = len(made.pages) // 2
        assert [b"1 0 0 rg" in _drawn(made.pages[place]) for place in (0, 1, pages)] == [True, False, True]


def test_the_same_document_gives_the_same_copies(pdf: bytes) -> None:
    assert numbered_copies(pdf, _printing(2)) == numbered_copies(pdf, _printing(2))


def test_a_mark_without_holder_tells_the_number_alone() -> None:
    assert marks(_printing(2)) == [
        [("zh", "第一份（共二份）"), ("en", "Copy 1 of 2")],
        [("zh", "第二份（共二份）"), ("en", "Copy 2 of 2")],
    ]


def test_bytes_that_are_no_document_are_refused() -> None:
    with pytest.raises(Permanent, match="cannot be read"):
        numbered_copies(b"no pdf", _printing(2))
