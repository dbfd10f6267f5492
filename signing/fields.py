"""The visible signature field, put into a PDF so that PDF/A and PDF/UA survive.

PDF/UA-1 (ISO 14289-1) 7.18.1 and 7.18.4: a widget needs a description (TU), a Form structure element that refers to it
(OBJR), its way back through the parent tree (StructParent), and a page whose tab order is the structure (Tabs /S);
PDF/A-2 (ISO 19005-2) 6.3.2: it is printed and not hidden (F).
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from records.errors import Fault, Refused
from signing.seals import MM

_PRINT_AND_LOCKED = 4 | 128
# no standard that could be read names the PDF keys of an electronic seal (GB/T 38540), so these names are our own
SEAL_FILTER, SEAL_SUBFILTER = Name("/GM.PKILite"), Name("/GBT.38540")
_FILTER_REQUIRED, _SUBFILTER_REQUIRED = 1, 2


@dataclass(frozen=True)
class Placement:
    """Where the seal stands: its centre in millimetres from the lower-left corner of the page as it is shown.

    `page` counts from 1; -1 is the last page. The seal measures `diameter_mm` on paper, whatever its picture measures.
    """

    page: int
    x_mm: float
    y_mm: float
    diameter_mm: float = 42.0


def add_signature_field(
    pdf: pikepdf.Pdf, placement: Placement | None, picture: bytes | None, name: str, description: str
) -> pikepdf.Object:
    """Add an empty signature field to an open PDF and return its widget; the caller sets /V.

    `picture` is a one-page PDF (`seals.draw_seal`) and becomes the appearance; `description` is read aloud in place of
    it. Without a placement the field is invisible, on the last page. A PDF without tags gets the field without
    structure. Raises Refused for a page that is not there or turned, or a seal that would leave the page.
    """
    _refuse_taken(pdf, name)
    page = _page(pdf, placement.page if placement else -1)
    widget = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Sig,
            T=name,
            TU=description,
            F=_PRINT_AND_LOCKED,
            Rect=Array(_rectangle(page, placement) if placement else [0, 0, 0, 0]),
            P=page.obj,
        )
    )
    appearance = _appearance(pdf, picture) if placement and picture else _nothing(pdf)
    widget.AP = Dictionary(N=appearance)
    _append(page.obj, "/Annots", widget)
    page.obj.Tabs = Name.S
    _add_to_form(pdf, widget)
    if placement and "/StructTreeRoot" in pdf.Root:
        _tag(pdf, page, widget, description)
    return widget


def keep_for_seal(widget: pikepdf.Object) -> None:
    """Say in an empty signature field that only an electronic seal belongs there (ISO 32000-2 12.7.5.5, seed value)."""
    widget.SV = Dictionary(
        Type=Name.SV,
        Ff=_FILTER_REQUIRED | _SUBFILTER_REQUIRED,
        Filter=SEAL_FILTER,
        SubFilter=Array([SEAL_SUBFILTER]),
    )


def is_kept_for_seal(field: Any) -> bool:
    """Whether that is an empty signature field as `keep_for_seal` leaves it."""
    asked = field.get("/SV", Dictionary()).get("/SubFilter", Array())
    return field.get("/FT") == Name.Sig and "/V" not in field and list(asked) == [SEAL_SUBFILTER]


def _refuse_taken(pdf: pikepdf.Pdf, name: str) -> None:
    for field in pdf.Root.get("/AcroForm", Dictionary()).get("/Fields", Array()):
        if field.get("/FT") == Name.Sig and "/V" in field:
            raise Refused(
                [Fault("", "already_signed", "the PDF already carries a signature; rewriting it would break it")]
            )
        if str(field.get("/T", "")) == name:
            raise Refused([Fault("", "field_taken", f"the PDF already has a form field named {name}")])


def _page(pdf: pikepdf.Pdf, number: int) -> pikepdf.Page:
    count = len(pdf.pages)
    if number == 0 or not -count <= number <= count:
        raise Refused([Fault("/page", "no_such_page", f"page {number} is not there: the PDF has {count} pages")])
    page = pdf.pages[number - 1 if number > 0 else number]
    if int(page.obj.get("/Rotate", _inherited(page.obj, "/Rotate", 0))) % 360:
        raise Refused(
            [Fault("/page", "page_turned", "the page is stored turned (/Rotate); a seal needs an upright page")]
        )
    return page


def _inherited(node: Any, key: str, default: Any) -> Any:
    for _ in range(50):  # a page tree is shallow; a looping one is broken
        if key in node:
            return node[key]
        if "/Parent" not in node:
            return default
        node = node.Parent
    return default


def _rectangle(page: pikepdf.Page, placement: Placement) -> list[float]:
    """The square of the seal in the page's own units; PDF's unit is a 72nd of an inch times UserUnit."""
    left, bottom, right, top = (float(value) for value in page.cropbox)
    unit = MM / float(page.obj.get("/UserUnit", 1))
    half = placement.diameter_mm * unit / 2
    x, y = left + placement.x_mm * unit, bottom + placement.y_mm * unit
    box = [x - half, y - half, x + half, y + half]
    if box[0] < left or box[1] < bottom or box[2] > right or box[3] > top:
        where = f"{placement.diameter_mm:g} mm at {placement.x_mm:g}, {placement.y_mm:g} mm"
        raise Refused([Fault("/placement", "off_page", f"a seal of {where} leaves the page", "印章超出页面")])
    return [round(value, 4) for value in box]


def _appearance(pdf: pikepdf.Pdf, picture: bytes) -> pikepdf.Object:
    """The picture as a form XObject; a viewer maps its BBox to the widget's Rect, so the size is the placement's."""
    with pikepdf.open(io.BytesIO(picture)) as source:
        form: pikepdf.Object = pdf.copy_foreign(source.pages[0].as_form_xobject())
    return form


def _nothing(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """An empty appearance: PDF/A-2 6.3.3 wants one for every widget that is not of size zero, and it does no harm."""
    return pikepdf.Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 0, 0]))


def _add_to_form(pdf: pikepdf.Pdf, widget: pikepdf.Object) -> None:
    if "/AcroForm" not in pdf.Root:
        pdf.Root.AcroForm = pdf.make_indirect(Dictionary(Fields=Array()))
    form = pdf.Root.AcroForm
    _append(form, "/Fields", widget)
    form.SigFlags = 3  # SignaturesExist, AppendOnly
    if "/NeedAppearances" in form:
        del form["/NeedAppearances"]  # would let a viewer redraw the seal


def _tag(pdf: pikepdf.Pdf, page: pikepdf.Page, widget: pikepdf.Object, description: str) -> None:
    root = pdf.Root.StructTreeRoot
    top = _top_element(root)
    element = pdf.make_indirect(
        Dictionary(
            Type=Name.StructElem,
            S=Name.Form,
            P=top,
            Pg=page.obj,
            Alt=description,
            K=Dictionary(Type=Name.OBJR, Obj=widget, Pg=page.obj),
        )
    )
    _append(top, "/K", element)
    key = _next_key(root)
    widget.StructParent = key
    root.ParentTreeNextKey = key + 1
    if "/ParentTree" not in root:
        root.ParentTree = pdf.make_indirect(Dictionary(Nums=Array()))
    tree = root.ParentTree
    if "/Kids" in tree:
        leaf = Dictionary(Limits=Array([key, key]), Nums=Array([key, element]))
        tree.Kids.append(pdf.make_indirect(leaf))
    else:
        tree.Nums.append(key)
        tree.Nums.append(element)


def _top_element(root: Any) -> Any:
    """The Document element (the first child of the tree's root), or the root itself if the tree is empty."""
    children = root.get("/K")
    if isinstance(children, Array):
        return children[0] if len(children) else root
    return root if children is None else children


def _next_key(root: Any) -> int:
    taken = max(_keys(root.get("/ParentTree", Dictionary())), default=-1)
    return max(int(root.get("/ParentTreeNextKey", 0)), taken + 1)


def _keys(tree: Any) -> Iterator[int]:
    yield from (int(key) for key in list(tree.get("/Nums", Array()))[0::2])
    for kid in tree.get("/Kids", Array()):
        yield from _keys(kid)


def _append(holder: Any, key: str, value: pikepdf.Object) -> None:
    """Append to an array entry that may be missing, or a single value in place of an array."""
    existing = holder.get(key)
    if existing is None:
        holder[key] = Array([value])
    elif isinstance(existing, Array):
        existing.append(value)
    else:
        holder[key] = Array([existing, value])
