"""Seals a PDF: PAdES baseline signature (ETSI EN 319 142-1) with the picture of the seal, in one write.

The field, the appearance, the signature dictionary and, from B-LT on, the document security store are written together;
then the digest is taken, the key signs, and the CMS object is put into the room kept for it. So the signature covers
everything, and nothing about it needs a second revision; only the archive stamp of B-LTA, which covers the signature,
is one (`archive`).
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pikepdf
from pikepdf import Array, Dictionary, Name, String

from records.errors import Fault, Permanent, Refused, Retry
from signing.archive import add_archive_stamp, check_authority, refuse_clock
from signing.certificates import ChainChecker, CheckedChain, is_test, name_of
from signing.cms import signed_attributes, signed_data
from signing.fields import Placement, add_signature_field, keep_for_seal
from signing.keys import SigningKey
from signing.rooms import Room, byte_range_holder, contents_holder
from signing.seams import Seam, add_seam_seal
from signing.security_store import extend_store
from signing.timestamps import Timestamp, TimestampService

_BEIJING = timezone(timedelta(hours=8))
# DocMDP level 1: no changes. What ISO 32000-2 12.8.2.2.2 still lets be added are a security store and document time
# stamps, which is what keeping the signature provable for decades needs.
_NO_CHANGES = 1
_FILL_FORMS = 2


class Profile(StrEnum):
    """PAdES baseline levels (EN 319 142-1 §6): plain, with time stamp, with proof of validity, with archive stamp."""

    B_B = "B-B"
    B_T = "B-T"
    B_LT = "B-LT"
    B_LTA = "B-LTA"


_PROVEN = (Profile.B_LT, Profile.B_LTA)


@dataclass(frozen=True)
class SealingMeans:
    """What sealing needs, kept by the caller from document to document: that is what keeps it quick.

    `timestamps` may be missing only for B-B.
    """

    key: SigningKey
    chains: ChainChecker
    timestamps: TimestampService | None = None


@dataclass(frozen=True)
class SealedPdf:
    """A sealed PDF and what is worth recording about it. Times are aware, in UTC.

    `signed_at` is this machine's clock, `stamped_at` the time stamp authority's (None for B-B), `archived_at` that of
    the archive time stamp (None but for B-LTA). `provable_until` is when the first certificate of the chain of the
    authority that stamped last ends, the root left out (None for B-B).
    `test` says that the key, the time stamp or its root is a TEST one.
    """

    pdf: bytes
    profile: Profile
    signed_at: datetime
    stamped_at: datetime | None
    archived_at: datetime | None
    provable_until: datetime | None
    timestamp_authority: str | None
    certificate_serial: str
    certificate_subject: str
    test: bool


def seal_pdf(
    pdf: bytes,
    means: SealingMeans,
    *,
    placement: Placement | None,
    picture: bytes | None,
    profile: Profile = Profile.B_LT,
    reason: str = "",
    location: str = "",
    field_name: str = "Seal",
    description: str = "电子印章和数字签名 Electronic seal and digital signature",
    seam: Seam | None = None,
    second_field: str | None = None,
    fill_second: Callable[[bytes], bytes] | None = None,
    now: datetime | None = None,
) -> SealedPdf:
    """Seal `pdf` with `picture` (a one-page PDF) at `placement`; without them the signature is invisible.

    With `seam` the picture is also drawn in slices over the right edges of all pages (骑缝章), under the signature.
    With `second_field` an empty signature field of that name is prepared for an electronic seal (`ses_pdf`), and DocMDP
    allows filling it (level 2) in place of nothing at all (level 1). `fill_second` is given the signed file and
    gives it back with that field filled, before the archive time stamp of B-LTA covers both.
    Raises Refused for a PDF that cannot be sealed (unreadable, encrypted, already signed, seal off the page), Permanent
    for a certificate that must not sign (expired, not yet valid, revoked, untrusted), and Retry when the key, the time
    stamp authority or fresh revocation data are not to be had; then nothing is sealed.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    signer = means.chains.check(means.key.certificate, means.key.chain, now=now)
    said = (reason, location, field_name, description)
    work = _Work(pdf, means, signer, placement, picture, profile, *said, seam, second_field, now)
    sealed = work.without_timestamp() if profile is Profile.B_B else work.with_timestamp()
    if fill_second is not None:
        sealed = replace(sealed, pdf=fill_second(sealed.pdf))
    return work.archived(sealed) if profile is Profile.B_LTA else sealed


@dataclass(frozen=True)
class _Work:
    source: bytes
    means: SealingMeans
    signer: CheckedChain
    placement: Placement | None
    picture: bytes | None
    profile: Profile
    reason: str
    location: str
    field_name: str
    description: str
    seam: Seam | None
    second_field: str | None
    now: datetime

    def without_timestamp(self) -> SealedPdf:
        attributes, prepared = self._prepare([], reserve=self._cms_size(None))
        return self._result(prepared.filled(self._cms(attributes, None)), None)

    def with_timestamp(self) -> SealedPdf:
        """Time stamp, with the proof for the authority's certificate inside the signed bytes.

        Which authority answers is known only after signing, so the proof is laid in for the one that answered a first,
        throw-away request; when another one or another certificate turns up, the work is done once more with that.
        """
        service = self._timestamps()
        expected = service.latest()
        for _ in range(3):
            authority = check_authority(self.means.chains, expected, self.now)
            reserve = self._cms_size(expected.token)
            attributes, prepared = self._prepare([authority], reserve)
            signature = self.means.key.sign(attributes)
            stamp = service.stamp(signature)
            if stamp.certificate.sha256 == expected.certificate.sha256:
                refuse_clock(stamp, datetime.now(UTC))
                cms = self._cms(attributes, stamp.token, signature)
                if len(cms) <= reserve:
                    return self._result(prepared.filled(cms), stamp, authority)
            expected = stamp
        raise Retry("the time stamp authorities answered by turns with different certificates; nothing was sealed")

    def archived(self, sealed: SealedPdf) -> SealedPdf:
        """The sealed file with its first archive time stamp."""
        service = self._timestamps()
        archived = add_archive_stamp(sealed.pdf, self.means.chains, service, now=datetime.now(UTC))
        return replace(
            sealed,
            pdf=archived.pdf,
            archived_at=archived.stamped_at,
            provable_until=archived.until,
            test=sealed.test or archived.test,
        )

    def _timestamps(self) -> TimestampService:
        if self.means.timestamps is None:
            raise Permanent(f"profile {self.profile} needs a time stamp authority, and none is configured")
        return self.means.timestamps

    def _prepare(self, authorities: list[CheckedChain], reserve: int) -> tuple[bytes, Room]:
        prepared = self._write(authorities, reserve)
        return signed_attributes(prepared.digest(), self.signer.certificate), prepared

    def _cms(self, attributes: bytes, token: bytes | None, signature: bytes | None = None) -> bytes:
        # the chain above stands in the security store: there the signature covers it, here it would not
        signature = signature or self.means.key.sign(attributes)
        return signed_data(attributes, signature, self.means.key.algorithm, [self.signer.certificate], token)

    def _cms_size(self, token: bytes | None) -> int:
        """Room for the CMS object in bytes, with a margin: names, an RSA signature, a longer token."""
        return len(self.signer.certificate.dump()) + (len(token) if token else 0) + 1024

    def _write(self, authorities: list[CheckedChain], reserve: int) -> Room:
        with _opened(self.source) as pdf:
            if self.seam and self.picture:
                add_seam_seal(pdf, self.picture, self.seam)
            widget = add_signature_field(pdf, self.placement, self.picture, self.field_name, self.description)
            if self.second_field:
                keep_for_seal(add_signature_field(pdf, None, None, self.second_field, "电子印章 Electronic seal"))
            dictionary = pdf.make_indirect(self._dictionary(reserve))
            widget.V = dictionary
            pdf.Root.Perms = Dictionary(DocMDP=dictionary)
            extend_store(pdf, [self.signer, *authorities], proof=self.profile in _PROVEN)
            _declare_extension(pdf)
            buffer = io.BytesIO()
            pdf.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.preserve, deterministic_id=True)
        return Room.locate(buffer.getvalue(), reserve)

    def _dictionary(self, reserve: int) -> Dictionary:
        allowed = _FILL_FORMS if self.second_field else _NO_CHANGES
        parameters = Dictionary(Type=Name.TransformParams, P=allowed, V=Name("/1.2"))
        reference = Dictionary(Type=Name.SigRef, TransformMethod=Name.DocMDP, TransformParams=parameters)
        dictionary = Dictionary(
            Type=Name.Sig,
            Filter=Name("/Adobe.PPKLite"),
            SubFilter=Name("/ETSI.CAdES.detached"),
            ByteRange=byte_range_holder(),
            Contents=contents_holder(reserve),
            M=String(f"{self.now.astimezone(_BEIJING):D:%Y%m%d%H%M%S}+08'00'"),
            Name=String(name_of(self.signer.certificate)),
            Reference=Array([reference]),
        )
        if self.reason:
            dictionary.Reason = String(self.reason)
        if self.location:
            dictionary.Location = String(self.location)
        return dictionary

    def _result(self, pdf: bytes, stamp: Timestamp | None, authority: CheckedChain | None = None) -> SealedPdf:
        certificate = self.signer.certificate
        return SealedPdf(
            pdf=pdf,
            profile=self.profile,
            signed_at=self.now,
            stamped_at=stamp.time if stamp else None,
            archived_at=None,
            provable_until=authority.ends_at if authority else None,
            timestamp_authority=stamp.authority if stamp else None,
            certificate_serial=f"{certificate.serial_number:x}",
            certificate_subject=name_of(certificate),
            test=is_test(certificate) or (stamp is not None and is_test(stamp.certificate)),
        )


def _opened(pdf: bytes) -> pikepdf.Pdf:
    try:
        opened = pikepdf.open(io.BytesIO(pdf))
    except pikepdf.PasswordError as error:
        raise Refused([Fault("", "encrypted", "the PDF is encrypted", "PDF已加密")]) from error
    except pikepdf.PdfError as error:
        raise Refused([Fault("", "unreadable", f"not a readable PDF: {error}", "无法读取的PDF")]) from error
    if opened.is_encrypted:
        opened.close()
        raise Refused([Fault("", "encrypted", "the PDF is encrypted", "PDF已加密")])
    return opened


def _declare_extension(pdf: pikepdf.Pdf) -> None:
    """ISO 32000-1 does not know the PAdES subfilter: EN 319 142-1 §5.6 wants the ESIC extension declared."""
    if pdf.pdf_version < "2.0":
        extensions = pdf.Root.get("/Extensions", Dictionary())
        extensions.ESIC = Dictionary(BaseVersion=Name("/1.7"), ExtensionLevel=1)
        pdf.Root.Extensions = extensions
