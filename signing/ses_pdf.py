"""An electronic seal of GB/T 38540-2020 in a PDF: a second signature, in a field that was there before the first.

Other viewers report an unknown signature, and that is why it is put on only where somebody asks for it. What is signed
is the ByteRange, by SM3.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from itertools import islice
from typing import Any

import pikepdf
from pikepdf import Dictionary, Name, String
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields

from records.errors import Fault, Permanent, Refused
from signing import sm2
from signing.certificates import CheckedChain
from signing.cms import CmsError, unpadded
from signing.embedded import check_room
from signing.fields import SEAL_FILTER, SEAL_SUBFILTER, kept_field
from signing.increments import append_revision
from signing.locks import refuse_locked
from signing.revisions import later_changes
from signing.rooms import Room, byte_range_holder, contents_holder
from signing.security_store import extend_store
from signing.ses import SesError, is_seal_signature, read_seal
from signing.ses_making import sign_with_seal
from signing.ses_verification import Judged, Surroundings, judge_seal_signature, report_on
from signing.verdicts import Reason

_PLACE = "PDF:ByteRange"
_BEIJING = timezone(timedelta(hours=8))
_REVISION_END = re.compile(rb"%%EOF(?:\r\n|\r|\n)?\Z")
_AROUND_SEAL = 2048  # certificate, digest, time and signature beside the seal itself
_MOST_FIELDS = 1000


@dataclass(frozen=True)
class SealInPdf:
    """A signature with an electronic seal as it stands in a file: name of the field, ByteRange, padded DER."""

    field: str
    byte_range: tuple[int, ...]
    contents: bytes

    @property
    def end(self) -> int:
        """Where the second stretch of the ByteRange ends; 0 when there is none."""
        return sum(self.byte_range[2:4])


def seals_in(reader: PdfFileReader) -> list[SealInPdf]:
    """The electronic seals of a file; pyHanko passes over them, as it does not know their SubFilter."""
    fields = islice(enumerate_sig_fields(reader, filled_status=True), _MOST_FIELDS)
    found = [_read(name, value) for name, value, _ in fields]
    return [seal for seal in found if seal is not None]


def _read(name: str, value: Any) -> SealInPdf | None:
    ours = False
    try:
        dictionary = value.get_object()
        ours = dictionary.get("/SubFilter") == str(SEAL_SUBFILTER)
        contents = bytes(dictionary.raw_get("/Contents"))
        if not ours and not is_seal_signature(contents):
            return None
        return SealInPdf(name, tuple(int(each) for each in dictionary["/ByteRange"]), contents)
    except Exception:  # a hostile dictionary may break the parser anywhere: what calls itself a seal is a broken one
        return SealInPdf(name, (), b"") if ours else None


def judge_seal_in_pdf(pdf: bytes, seal: SealInPdf, around: Surroundings) -> Judged:
    """The verdict about one electronic seal of a file: the signature, what it covers, and what was added later."""
    try:
        check_room(pdf, seal.byte_range, seal.contents)
        if not _REVISION_END.search(pdf[max(0, seal.end - 8) : seal.end]):
            raise CmsError("byte_range", "the signed bytes do not end where a revision of the file ends")
        der = unpadded(seal.contents)
    except CmsError as error:
        reason = Reason.of("signature_unreadable", str(error))
        return Judged("invalid", report_on(seal.field, (), "SES"), (reason,))
    view = memoryview(pdf)
    first, second = seal.byte_range[1], seal.byte_range[2]
    judged = judge_seal_signature(der, [view[:first], view[second : seal.end]], around, field=seal.field)
    later = seal.end < len(pdf) and bool(later_changes(pdf, seal.end))
    report = replace(
        judged.report,
        coverage="entire_file" if seal.end == len(pdf) else "entire_revision",
        modification="other" if later else "lta_updates" if seal.end < len(pdf) else "none",
    )
    if later:
        rest = tuple(reason for reason in judged.reasons if reason.code != "valid")
        return Judged("invalid", report, (Reason.of("changed_after_signing"), *rest))
    return replace(judged, report=report)


def add_electronic_seal(
    pdf: bytes,
    field: str,
    seal: bytes,
    signer: sm2.Sm2Key,
    certificate: bytes,
    *,
    proven: Sequence[CheckedChain] = (),
    now: datetime | None = None,
) -> bytes:
    """`pdf` with a further revision in which the empty signature field `field` holds a signature with `seal` (DER).

    `proven` are the chains of signer and maker with their revocation data, for the security store. Raises Refused for
    a file without that empty field or whose first signature allows none, Permanent as `sign_with_seal` does.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    reserve = len(seal) + len(certificate) + _AROUND_SEAL
    with _opened(pdf) as opened:
        widget = kept_field(opened, field, SEAL_SUBFILTER)
        refuse_locked(opened, field)
        value = opened.make_indirect(_dictionary(seal, reserve, now))
        widget.V = value
        changed = [value, widget, *extend_store(opened, proven)]
        room = Room.locate(append_revision(pdf, opened, changed), reserve, since=len(pdf))
    der = sign_with_seal(seal, sm2.sm3(room.signed()), signer, certificate, place=_PLACE, now=now)
    if len(der) > reserve:
        raise Permanent("the signature with the electronic seal is larger than the room kept for it")
    return room.filled(der)


def _opened(pdf: bytes) -> pikepdf.Pdf:
    try:
        return pikepdf.open(io.BytesIO(pdf))
    except pikepdf.PdfError as error:
        raise Refused([Fault("", "unreadable", f"not a readable PDF: {error}", "无法读取的PDF")]) from error


def _dictionary(seal: bytes, reserve: int, now: datetime) -> Dictionary:
    try:
        name = read_seal(seal).name
    except SesError as error:
        raise Permanent(f"the electronic seal cannot be read: {error}") from error
    return Dictionary(
        Type=Name.Sig,
        Filter=SEAL_FILTER,
        SubFilter=SEAL_SUBFILTER,
        ByteRange=byte_range_holder(),
        Contents=contents_holder(reserve),
        M=String(f"{now.astimezone(_BEIJING):D:%Y%m%d%H%M%S}+08'00'"),
        Name=String(name),
    )
