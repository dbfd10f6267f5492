"""The signature field in PDFs of every build: tag trees of several shapes, existing forms, displaced pages."""

from __future__ import annotations

import io
from collections.abc import Callable

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String

from records.errors import Refused
from signing.drawings import MM
from signing.fields import Placement, add_signature_field

A4 = (595.276, 841.89)


_PARENT_TREES: dict[str, Callable[[], Dictionary | None]] = {
    "missing": lambda: None,
    "empty": lambda: Dictionary(Nums=Array([])),
    "flat": lambda: Dictionary(Nums=Array([0, Array([]), 7, Array([])])),
    "nested": lambda: Dictionary(
        Kids=Array([Dictionary(Limits=Array([0, 3]), Nums=Array([0, Array([]), 3, Array([])]))])
    ),
}


def _pdf() -> pikepdf.Pdf:
    pdf = pikepdf.new()
    pdf.add_blank_page(page_size=A4)
    return pdf


def _tagged(parent_tree: Dictionary | None, children: str) -> pikepdf.Pdf:
    """A tag tree with the parent tree given and the Document element as dictionary, as array, or not there."""
    pdf = _pdf()
    root = pdf.make_indirect(Dictionary(Type=Name.StructTreeRoot))
    if children != "none":
        top = pdf.make_indirect(Dictionary(Type=Name.StructElem, S=Name.Document, P=root))
        root.K = top if children == "dictionary" else Array([top])
    if parent_tree is not None:
        root.ParentTree = pdf.make_indirect(parent_tree)
    pdf.Root.StructTreeRoot = root
    return pdf


def _saved(pdf: pikepdf.Pdf) -> pikepdf.Pdf:
    buffer = io.BytesIO()
    pdf.save(buffer)
    return pikepdf.open(buffer)


@pytest.mark.parametrize("children", ["dictionary", "array", "none"])
@pytest.mark.parametrize("parent_tree", list(_PARENT_TREES))
def test_pdf_ua_1_7_18_the_form_element_is_found_both_ways(parent_tree: str, children: str) -> None:
    pdf = _tagged(_PARENT_TREES[parent_tree](), children)
    add_signature_field(pdf, Placement(1, 100, 100), None, "Seal", "印章 seal")
    with _saved(pdf) as saved:
        widget = saved.pages[0].obj.Annots[0]
        root = saved.Root.StructTreeRoot
        element = pikepdf.NumberTree(root.ParentTree)[int(widget.StructParent)]
        assert (element.S, element.K.Type) == (Name.Form, Name.OBJR)
        assert element.K.Obj.objgen == widget.objgen
        top = element.P
        kids = top.K if isinstance(top.K, Array) else [top.K]
        assert element.objgen in [kid.objgen for kid in kids]
        assert int(root.ParentTreeNextKey) == int(widget.StructParent) + 1
        assert saved.pages[0].obj.Tabs == Name.S


def test_the_tag_keys_in_use_are_left_alone() -> None:
    pdf = _tagged(Dictionary(Nums=Array([0, Array([]), 7, String("mine")])), "array")
    pdf.Root.StructTreeRoot.ParentTreeNextKey = 3  # a writer that counted wrongly
    widget = add_signature_field(pdf, Placement(1, 100, 100), None, "Seal", "seal")
    assert int(widget.StructParent) == 8


def test_the_seal_is_measured_from_the_corner_of_the_page_as_shown() -> None:
    pdf = _pdf()
    pdf.pages[0].obj.MediaBox = Array([-100, 50, 700, 1000])
    pdf.pages[0].obj.CropBox = Array([10, 60, 605.276, 901.89])
    widget = add_signature_field(pdf, Placement(1, 100, 50, 42), None, "Seal", "seal")
    left, bottom, right, top = (float(edge) for edge in widget.Rect)
    assert (right - left, top - bottom) == (pytest.approx(42 * MM, abs=1e-3), pytest.approx(42 * MM, abs=1e-3))
    assert (left + right) / 2 == pytest.approx(10 + 100 * MM, abs=1e-3)
    assert (bottom + top) / 2 == pytest.approx(60 + 50 * MM, abs=1e-3)


def test_user_units_are_minded() -> None:
    pdf = _pdf()
    pdf.pages[0].obj.UserUnit = 2
    widget = add_signature_field(pdf, Placement(1, 50, 50, 42), None, "Seal", "seal")
    assert float(widget.Rect[2]) - float(widget.Rect[0]) == pytest.approx(42 * MM / 2, abs=1e-3)


@pytest.mark.parametrize("where", ["page", "tree"])
def test_a_page_that_is_stored_turned_is_refused(where: str) -> None:
    pdf = _pdf()
    (pdf.pages[0].obj if where == "page" else pdf.Root.Pages).Rotate = 90
    with pytest.raises(Refused) as refused:
        add_signature_field(pdf, Placement(1, 100, 100), None, "Seal", "seal")
    assert refused.value.faults[0].code == "page_turned"


def test_an_existing_form_is_kept_and_its_names_are_not_taken_twice() -> None:
    pdf = _pdf()
    field = pdf.make_indirect(Dictionary(FT=Name.Tx, T=String("Seal"), V=String("text")))
    pdf.Root.AcroForm = Dictionary(Fields=Array([field]), NeedAppearances=True)
    with pytest.raises(Refused) as refused:
        add_signature_field(pdf, Placement(1, 100, 100), None, "Seal", "seal")
    assert refused.value.faults[0].code == "field_taken"
    add_signature_field(pdf, Placement(1, 100, 100), None, "Seal2", "seal")
    assert len(pdf.Root.AcroForm.Fields) == 2
    assert "/NeedAppearances" not in pdf.Root.AcroForm
    assert int(pdf.Root.AcroForm.SigFlags) == 3


def test_existing_annotations_are_kept() -> None:
    pdf = _pdf()
    link = pdf.make_indirect(Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9])))
    pdf.pages[0].obj.Annots = Array([link])
    add_signature_field(pdf, Placement(1, 100, 100), None, "Seal", "seal")
    assert [annotation.Subtype for annotation in pdf.pages[0].obj.Annots] == [Name.Link, Name.Widget]
