"""The visible signature field, put into a PDF so that PDF/A and PDF/UA survive.

PDF/UA-1 (ISO 14289-1) 7.18.1 and 7.18.4: a widget needs a description (TU), a Form structure element that refers to it
(OBJR), its way back through the parent tree (StructParent), and a page whose tab order is the structure (Tabs /S);
PDF/A-2 (ISO 19005-2) 6.3.2: it is printed and not hidden (F).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from records.errors import Fault, Refused
from signing.overlays import page_units
from signing.tags import append, tag_annotation

_PRINT_AND_LOCKED = 4 | 128
# no standard that could be read names the PDF keys of an electronic seal (GB/T 38540), so these names are our own
SEAL_FILTER, SEAL_SUBFILTER = Name("/GM.PKILite"), Name("/GBT.38540")
PADES_FILTER, PADES_SUBFILTER = Name("/Adobe.PPKLite"), Name("/ETSI.CAdES.detached")
_FILTER_REQUIRED, _SUBFILTER_REQUIRED = 1, 2
_SUBJECT_REQUIRED = 1


@dataclass(frozen=True)
class Placement:
    """Where the seal stands: its centre in millimetres from the lower-left corner of the page as it is shown.

    `page` counts from 1; -1 is the last page. The seal measures `width_mm` by `height_mm` on paper, whatever its
    picture measures; without a height it is as high as it is wide.
    """

    page: int
    x_mm: float
    y_mm: float
    width_mm: float = 42.0
    height_mm: float | None = None

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height on paper."""
        return self.width_mm, self.width_mm if self.height_mm is None else self.height_mm


def add_signature_field(
    pdf: pikepdf.Pdf, placement: Placement | None, form: pikepdf.Object | None, name: str, description: str
) -> pikepdf.Object:
    """Add an empty signature field to an open PDF and return its widget; the caller sets /V.

    `form` (`overlays.form_of`) becomes the appearance; `description` is read aloud in place of it. Without a placement
    the field is invisible, on the last page. A PDF without tags gets the field without structure. Raises Refused for a
    page that is not there or turned, or a seal that would leave the page.
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
    # a viewer maps the form's BBox to the widget's Rect, so the size is the placement's
    widget.AP = Dictionary(N=form if placement and form is not None else _nothing(pdf))
    append(page.obj, "/Annots", widget)
    page.obj.Tabs = Name.S
    _add_to_form(pdf, widget)
    if placement and "/StructTreeRoot" in pdf.Root:
        tag_annotation(pdf, page, widget, description)
    return widget


def keep_for_seal(widget: pikepdf.Object) -> None:
    """Say in an empty signature field that only an electronic seal belongs there (ISO 32000-2 12.7.5.5, seed value)."""
    _keep(widget, SEAL_FILTER, SEAL_SUBFILTER)


def keep_for_counter_signature(widget: pikepdf.Object, certificate: bytes) -> None:
    """Say in an empty signature field that a counter-signature with that certificate (DER) belongs there, no other.

    Without it something is missing. That is a certificate seed value (ISO 32000-2 12.7.5.5), and the first signature
    covers it: whoever else has a trusted certificate cannot take the place.
    """
    _keep(widget, PADES_FILTER, PADES_SUBFILTER)
    widget.SV.Cert = Dictionary(Type=Name.SVCert, Ff=_SUBJECT_REQUIRED, Subject=Array([String(certificate)]))


def asked_signer(field: Any) -> bytes | None:
    """The certificate (DER) with which alone a field may be signed; None when any will do."""
    asked = list(field.get("/SV", Dictionary()).get("/Cert", Dictionary()).get("/Subject", Array()))
    return bytes(asked[0]) if len(asked) == 1 else None


def _keep(widget: pikepdf.Object, filter_: Name, subfilter: Name) -> None:
    flags = _FILTER_REQUIRED | _SUBFILTER_REQUIRED
    widget.SV = Dictionary(Type=Name.SV, Ff=flags, Filter=filter_, SubFilter=Array([subfilter]))


def kept_for(field: Any) -> Name | None:
    """The SubFilter of what an empty signature field is kept for, as `keep_for_seal` and its like leave it."""
    asked = list(field.get("/SV", Dictionary()).get("/SubFilter", Array()))
    if field.get("/FT") != Name.Sig or "/V" in field or len(asked) != 1:
        return None
    return next((each for each in (SEAL_SUBFILTER, PADES_SUBFILTER) if asked[0] == each), None)


def kept_field(pdf: pikepdf.Pdf, name: str, subfilter: Name) -> Any:
    """The empty field of an open PDF that is kept for that. Raises Refused when there is none."""
    for field in pdf.Root.get("/AcroForm", Dictionary()).get("/Fields", Array()):
        if str(field.get("/T", "")) == name and kept_for(field) == subfilter:
            return field
    raise Refused(
        [Fault("", "no_empty_field", f"the PDF keeps no empty signature field {name}", f"PDF没有预留的空签名域{name}")]
    )


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
    """The edges of the seal in the page's own units; PDF's unit is a 72nd of an inch times UserUnit."""
    (left, bottom, right, top), unit = page_units(page)
    width, height = placement.size_mm
    x, y = left + placement.x_mm * unit, bottom + placement.y_mm * unit
    dx, dy = width * unit / 2, height * unit / 2
    box = [x - dx, y - dy, x + dx, y + dy]
    if box[0] < left or box[1] < bottom or box[2] > right or box[3] > top:
        where = f"{width:g} by {height:g} mm at {placement.x_mm:g}, {placement.y_mm:g} mm"
        raise Refused([Fault("/placement", "off_page", f"a seal of {where} leaves the page", "印章超出页面")])
    return [round(value, 4) for value in box]


def _nothing(pdf: pikepdf.Pdf) -> pikepdf.Object:
    """An empty appearance: PDF/A-2 6.3.3 wants one for every widget that is not of size zero, and it does no harm."""
    return pikepdf.Stream(pdf, b"", Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 0, 0]))


def _add_to_form(pdf: pikepdf.Pdf, widget: pikepdf.Object) -> None:
    if "/AcroForm" not in pdf.Root:
        pdf.Root.AcroForm = pdf.make_indirect(Dictionary(Fields=Array()))
    form = pdf.Root.AcroForm
    append(form, "/Fields", widget)
    form.SigFlags = 3  # SignaturesExist, AppendOnly
    if "/NeedAppearances" in form:
        del form["/NeedAppearances"]  # would let a viewer redraw the seal
