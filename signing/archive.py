"""Archive time stamps: PAdES B-LTA (ETSI EN 319 142-1 §5.4.3, §6), put on as a further revision.

A document time stamp covers everything before it, so a signature stays provable after the certificates and algorithms
under it have run out, as long as somebody stamps again before the last stamp does. DocMDP level 1 allows exactly that
(ISO 32000-2 12.8.2.2.2).
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name

from records.errors import Retry
from signing.certificates import ChainChecker, CheckedChain, is_test
from signing.increments import append_revision
from signing.rooms import Room, byte_range_holder, contents_holder
from signing.security_store import extend_store
from signing.timestamps import TimestampService, check_authority

_LONGER_TOKEN = 512
_PRINTED = 4


@dataclass(frozen=True)
class ArchivedPdf:
    """A PDF with a new archive time stamp. Times are aware, in UTC.

    `until` is when the first certificate of the authority's chain, its root left out, ends: before that the next stamp
    is due. `test` says that the authority is a TEST one.
    """

    pdf: bytes
    stamped_at: datetime
    until: datetime
    timestamp_authority: str
    test: bool


def add_archive_stamp(
    pdf: bytes,
    chains: ChainChecker,
    timestamps: TimestampService,
    *,
    now: datetime,
    proven: Sequence[CheckedChain] = (),
) -> ArchivedPdf:
    """Append a document time stamp over all of `pdf`, and with it the proof for its authority and for `proven`.

    What the file's security store holds already isn't written again. The caller has verified the file. Raises
    Permanent or Retry as `seal_pdf` does; then there is no new file.
    """
    expected = timestamps.latest(chains, now, now)
    for _ in range(3):
        authority = check_authority(chains, expected, now)
        reserve = len(expected.token) + _LONGER_TOKEN
        room = _write(pdf, [*proven, authority], reserve)
        stamp = timestamps.stamp(room.signed(), chains, now, now)
        if stamp.certificate.sha256 == expected.certificate.sha256 and len(stamp.token) <= reserve:
            test = is_test(stamp.certificate)
            return ArchivedPdf(room.filled(stamp.token), stamp.time, authority.ends_at, stamp.authority, test)
        expected = stamp
    raise Retry("the time stamp authorities answered by turns with different certificates; nothing was stamped")


def _write(pdf: bytes, chains: Sequence[CheckedChain], reserve: int) -> Room:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        changed = extend_store(opened, chains) + _add_field(opened, reserve)
        return Room.locate(append_revision(pdf, opened, changed), reserve, since=len(pdf))


def _add_field(pdf: pikepdf.Pdf, reserve: int) -> list[Any]:
    """An invisible field with the room for a time stamp, on the page of the seal; gives the objects changed.

    It lies outside the page, so that PDF/UA-1 7.18 asks for no tag: the tags are under the seal already.
    """
    fields = list(pdf.Root.get("/AcroForm", Dictionary()).get("/Fields", Array()))
    page = _page_of(pdf, fields)
    left, bottom = (float(each) for each in list(pikepdf.Page(page).cropbox)[:2])
    names = {str(field.get("/T", "")) for field in fields}
    value = pdf.make_indirect(
        Dictionary(
            Type=Name.DocTimeStamp,
            Filter=Name("/Adobe.PPKLite"),
            SubFilter=Name("/ETSI.RFC3161"),
            ByteRange=byte_range_holder(),
            Contents=contents_holder(reserve),
        )
    )
    widget = pdf.make_indirect(
        Dictionary(
            Type=Name.Annot,
            Subtype=Name.Widget,
            FT=Name.Sig,
            T=next(name for name in (f"Archive{n}" for n in range(1, 10_000)) if name not in names),
            TU="归档时间戳 Archive time stamp",
            F=_PRINTED,
            Rect=Array([left - 1, bottom - 1, left - 1, bottom - 1]),
            P=page,
            V=value,
        )
    )
    changed = [value, widget, _append(page, "/Annots", widget)]
    if "/AcroForm" not in pdf.Root:
        pdf.Root.AcroForm = pdf.make_indirect(Dictionary(Fields=Array(), SigFlags=3))
        changed.append(pdf.Root)
    form = pdf.Root.AcroForm
    touched = _append(form, "/Fields", widget)
    return [*changed, touched if touched.is_indirect else pdf.Root]


def _page_of(pdf: pikepdf.Pdf, fields: Sequence[Any]) -> Any:
    """The page of the first signature field, where annotations stand already; else the last page."""
    pages = {page.obj.objgen: page.obj for page in pdf.pages}
    for field in fields:
        page = field.get("/P")
        if field.get("/FT") == Name.Sig and page is not None and page.objgen in pages:
            return pages[page.objgen]
    return pdf.pages[-1].obj


def _append(holder: Any, key: str, value: Any) -> Any:
    """Append to an array entry that may be missing; gives the object that was changed by that."""
    array = holder.get(key)
    if array is None:
        holder[key] = Array([value])
        return holder
    array.append(value)
    return array if array.is_indirect else holder
