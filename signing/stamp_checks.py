"""Judges time stamps in the row in which they keep each other provable (ETSI EN 319 102-1 §5.6).

A time stamp has to be good when the next one that covers it was made, and the last one has to be good now. So each is
validated at the time of its successor: a certificate that had ended or was revoked by then proves nothing any more.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from asn1crypto import x509
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import EmbeddedPdfSignature
from pyhanko.sign.validation.pdf_embedded import async_validate_pdf_timestamp
from pyhanko.sign.validation.status import (
    DocumentTimestampStatus,
    SignatureCoverageLevel,
    SignatureStatus,
    TimestampSignatureStatus,
)

from signing.certificates import TrustList, name_of
from signing.differences import Differences
from signing.embedded import Proof, check_unsigned, covered, time_in
from signing.verdicts import ArchiveStamp, Reason, TrustedRoot, VerdictWord
from signing.waiting import finished

_CLOCK_TOLERANCE = timedelta(minutes=5)


def covered_at(end: int, stamps: Sequence[EmbeddedPdfSignature]) -> datetime | None:
    """The time (UTC) that the first of `stamps`, oldest first, names which covers more than the first `end` bytes.

    It proves the signature over these bytes. None without one.

    One that cannot be read tells no time: it is found invalid by itself.
    """
    for stamp in stamps:
        if covered(stamp) > end:
            try:
                return time_in(stamp.signed_data)
            except Exception:
                return None
    return None


def end_of(status: SignatureStatus) -> datetime:
    """When (UTC) the first certificate of the chain ends; the root, which is trusted by itself, does not count."""
    path = [each for each in status.validation_path or () if isinstance(each, x509.Certificate)]
    ends: list[datetime] = [each.not_valid_after for each in (*path[1:], status.signing_cert)]
    return min(ends)


def root_of(status: SignatureStatus, trust: TrustList) -> TrustedRoot | None:
    """The root of the trust list to which the certificate was led, or None."""
    anchor = trust.anchor_of(status.validation_path or ())
    return anchor.told if anchor else None


def doubts_about(stamp: TimestampSignatureStatus, later: datetime | None, now: datetime) -> list[Reason]:
    """Why a sound time stamp proves nothing, if so. `later` is when the next one covered it; all times are aware."""
    name, end = name_of(stamp.signing_cert), end_of(stamp)
    if end < (later or now):
        return [Reason.of("timestamp_expired", f"{name}, {end:%Y-%m-%d}")]
    if stamp.revoked:
        return [Reason.of("timestamp_revoked", name)]
    if not stamp.trusted:
        return [Reason.of("timestamp_untrusted", name)]
    if stamp.timestamp > now + _CLOCK_TOLERANCE:
        return [Reason.of("timestamp_in_future")]
    if later is not None and stamp.timestamp > later + _CLOCK_TOLERANCE:
        return [Reason.of("timestamp_order", name)]
    return []


def judge_archive_stamp(
    pdf: bytes, stamp: EmbeddedPdfSignature, later: datetime | None, trust: TrustList, proof: Proof, now: datetime
) -> tuple[VerdictWord, list[Reason], ArchiveStamp | None]:
    """The verdict about a document time stamp. One that is not sound makes the file invalid."""
    try:
        own = time_in(stamp.signed_data)
        moment = max(own, later) if later else own
        context = proof.context(trust, moment)
        status: DocumentTimestampStatus = finished(
            async_validate_pdf_timestamp(stamp, context, diff_policy=Differences(pdf, covered(stamp)))
        )
        whole = status.coverage is not None and status.coverage >= SignatureCoverageLevel.ENTIRE_REVISION
        if status.coverage is not SignatureCoverageLevel.ENTIRE_FILE:
            whole = whole and status.modification_level not in (None, ModificationLevel.OTHER)
        check_unsigned(pdf, stamp, trust, proof, status.validation_path or ())
        if not (status.intact and status.valid and whole):
            return "invalid", [Reason.of("timestamp_wrong")], None
    except Exception as error:  # a hostile time stamp may break the validator anywhere: it is then not valid
        return "invalid", [Reason.of("signature_unreadable", str(error) or type(error).__name__)], None
    doubts = doubts_about(status, later, now)
    word: VerdictWord = "indeterminate" if doubts else "valid"
    root = root_of(status, trust)
    by, end = name_of(status.signing_cert), end_of(status)
    return word, doubts, ArchiveStamp(stamp.field_name, status.timestamp, by, end, root, word, tuple(doubts))
