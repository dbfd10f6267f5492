"""Seals a PDF: PAdES baseline signature (ETSI EN 319 142-1) with the picture of the seal, in one write.

The field, the appearance, the signature dictionary and, from B-LT on, the document security store are written together;
then the digest is taken, the key signs, and the CMS object is put into the room kept for it. So the signature covers
everything, the seam seal and the verification code too, and nothing about it needs a second revision; only the archive
stamp of B-LTA, which covers the signature, is one (`archive`), and so is each further signature (`counter_signing`).
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone
from enum import StrEnum

import pikepdf
from asn1crypto import x509
from pikepdf import Array, Dictionary, Name, String

from records.errors import Fault, Permanent, Refused, Retry
from signing.archive import add_archive_stamp
from signing.certificates import ChainChecker, CheckedChain, is_test, name_of
from signing.cms import signed_attributes, signed_data
from signing.codes import Code, add_code
from signing.fields import (
    PADES_FILTER,
    PADES_SUBFILTER,
    Placement,
    add_signature_field,
    keep_for_counter_signature,
    keep_for_seal,
)
from signing.keys import SigningKey
from signing.overlays import form_of
from signing.rooms import Room, byte_range_holder, contents_holder
from signing.seams import Seam, add_seam_seal
from signing.security_store import extend_store
from signing.specimens import refuse_specimen
from signing.timestamps import Timestamp, TimestampService, check_authority

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


PROVEN = (Profile.B_LT, Profile.B_LTA)


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


@dataclass(frozen=True)
class KeptField:
    """A field for a counter-signature, prepared before the first one: its name, its place, what is read aloud of it.

    `certificate` is that of the one who is to sign there, and with no other one can.
    """

    name: str
    placement: Placement
    description: str
    certificate: x509.Certificate


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
    code: Code | None = None,
    kept: Sequence[KeptField] = (),
    second_field: str | None = None,
    now: datetime | None = None,
) -> SealedPdf:
    """Seal `pdf` with `picture` (a one-page PDF) at `placement`; without them the signature is invisible.

    With `seam` the picture is also drawn in slices over the edges of all pages (骑缝章), with `code` the verification
    code; both under the signature. `kept` prepares empty fields for counter-signatures (`counter_signing`), and
    `second_field` one of that name for an electronic seal (`ses_pdf`); DocMDP then allows filling them (level 2) in
    place of nothing at all (level 1), and the archive time stamp is left to the caller (`joint`).
    Raises Refused for a PDF that must not or cannot be sealed (a specimen, unreadable, encrypted, already signed, seal
    off the page), Permanent for a certificate that must not sign (expired, not yet valid, revoked, untrusted) or an
    archive time stamp before what is to be filled, and Retry when the key, the time stamp authority or fresh
    revocation data are not to be had; then nothing is sealed.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    if (kept or second_field) and profile is Profile.B_LTA:
        raise Permanent("the archive time stamp comes after all signatures, and fields are kept for more of them")
    signer = means.chains.check(means.key.certificate, means.key.chain, now=now)

    def write(authorities: Sequence[CheckedChain], reserve: int) -> Room:
        with opened_for_signing(pdf) as opened:
            form = form_of(opened, picture) if picture else None
            if seam and form is not None:
                add_seam_seal(opened, form, seam)
            if code:
                add_code(opened, code, pdf)
            widget = add_signature_field(opened, placement, form, field_name, description)
            for each in kept:
                empty = add_signature_field(opened, each.placement, None, each.name, each.description)
                keep_for_counter_signature(empty, each.certificate.dump())
            if second_field:
                keep_for_seal(add_signature_field(opened, None, None, second_field, "电子印章 Electronic seal"))
            dictionary = opened.make_indirect(signature_dictionary(signer, reserve, reason, location, now))
            dictionary.Reference = _certification(_FILL_FORMS if kept or second_field else _NO_CHANGES)
            widget.V = dictionary
            opened.Root.Perms = Dictionary(DocMDP=dictionary)
            extend_store(opened, [signer, *authorities], proof=profile in PROVEN)
            _declare_extension(opened)
            buffer = io.BytesIO()
            opened.save(buffer, object_stream_mode=pikepdf.ObjectStreamMode.preserve, deterministic_id=True)
        return Room.locate(buffer.getvalue(), reserve)

    sealed = Signing(means, signer, profile, now, write).signed()
    return archived(sealed, means) if profile is Profile.B_LTA else sealed


@dataclass(frozen=True)
class Signing:
    """One signature over what `write` lays out: it gets the chains of the authorities to prove and the room to keep."""

    means: SealingMeans
    signer: CheckedChain
    profile: Profile
    now: datetime
    write: Callable[[Sequence[CheckedChain], int], Room]

    def signed(self) -> SealedPdf:
        """The file with the signature at its level, still without an archive time stamp. Raises as `seal_pdf` does."""
        return self._without_timestamp() if self.profile is Profile.B_B else self._with_timestamp()

    def _without_timestamp(self) -> SealedPdf:
        attributes, prepared = self._prepare([], reserve=self._cms_size(None))
        return self._result(prepared.filled(self._cms(attributes, None)), None)

    def _with_timestamp(self) -> SealedPdf:
        """Time stamp, with the proof for the authority's certificate inside the signed bytes.

        Which authority answers is known only after signing, so the proof is laid in for the one that answered a first,
        throw-away request; when another one or another certificate turns up, the work is done once more with that.
        """
        service = timestamps_of(self.means, self.profile)
        expected = service.latest(self.means.chains, self.now)
        for _ in range(3):
            authority = check_authority(self.means.chains, expected, self.now)
            reserve = self._cms_size(expected.token)
            attributes, prepared = self._prepare([authority], reserve)
            signature = self.means.key.sign(attributes)
            stamp = service.stamp(signature, self.means.chains, self.now)
            if stamp.certificate.sha256 == expected.certificate.sha256:
                cms = self._cms(attributes, stamp.token, signature)
                if len(cms) <= reserve:
                    return self._result(prepared.filled(cms), stamp, authority)
            expected = stamp
        raise Retry("the time stamp authorities answered by turns with different certificates; nothing was sealed")

    def _prepare(self, authorities: list[CheckedChain], reserve: int) -> tuple[bytes, Room]:
        prepared = self.write(authorities, reserve)
        return signed_attributes(prepared.digest(), self.signer.certificate), prepared

    def _cms(self, attributes: bytes, token: bytes | None, signature: bytes | None = None) -> bytes:
        # the chain above stands in the security store: there the signature covers it, here it would not
        signature = signature or self.means.key.sign(attributes)
        return signed_data(attributes, signature, self.means.key.algorithm, [self.signer.certificate], token)

    def _cms_size(self, token: bytes | None) -> int:
        """Room for the CMS object in bytes, with a margin: names, an RSA signature, a longer token."""
        return len(self.signer.certificate.dump()) + (len(token) if token else 0) + 1024

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


def archived(sealed: SealedPdf, means: SealingMeans) -> SealedPdf:
    """The sealed file with its first archive time stamp. Raises Permanent or Retry as `seal_pdf` does."""
    service = timestamps_of(means, Profile.B_LTA)
    stamped = add_archive_stamp(sealed.pdf, means.chains, service, now=datetime.now(UTC))
    return replace(
        sealed,
        pdf=stamped.pdf,
        profile=Profile.B_LTA,
        archived_at=stamped.stamped_at,
        provable_until=stamped.until,
        test=sealed.test or stamped.test,
    )


def timestamps_of(means: SealingMeans, profile: Profile) -> TimestampService:
    """The authorities that time stamps come from. Raises Permanent when there are none."""
    if means.timestamps is None:
        raise Permanent(f"profile {profile} needs a time stamp authority, and none is configured")
    return means.timestamps


def signature_dictionary(signer: CheckedChain, reserve: int, reason: str, location: str, now: datetime) -> Dictionary:
    """A signature dictionary (ISO 32000-2 12.8.1) with room for a CMS object of `reserve` bytes."""
    dictionary = Dictionary(
        Type=Name.Sig,
        Filter=PADES_FILTER,
        SubFilter=PADES_SUBFILTER,
        ByteRange=byte_range_holder(),
        Contents=contents_holder(reserve),
        M=String(f"{now.astimezone(_BEIJING):D:%Y%m%d%H%M%S}+08'00'"),
        Name=String(name_of(signer.certificate)),
    )
    if reason:
        dictionary.Reason = String(reason)
    if location:
        dictionary.Location = String(location)
    return dictionary


def _certification(level: int) -> Array:
    """The entry that makes a signature the certifying one: what may be done afterwards (ISO 32000-2 12.8.2.2)."""
    parameters = Dictionary(Type=Name.TransformParams, P=level, V=Name("/1.2"))
    return Array([Dictionary(Type=Name.SigRef, TransformMethod=Name.DocMDP, TransformParams=parameters)])


def opened_for_signing(pdf: bytes) -> pikepdf.Pdf:
    """The PDF, opened. Raises Refused when it cannot be read or is encrypted."""
    try:
        opened = pikepdf.open(io.BytesIO(pdf))
    except pikepdf.PasswordError as error:
        raise Refused([Fault("", "encrypted", "the PDF is encrypted", "PDF已加密")]) from error
    except pikepdf.PdfError as error:
        raise Refused([Fault("", "unreadable", f"not a readable PDF: {error}", "无法读取的PDF")]) from error
    if opened.is_encrypted:
        opened.close()
        raise Refused([Fault("", "encrypted", "the PDF is encrypted", "PDF已加密")])
    refuse_specimen(opened)
    return opened


def _declare_extension(pdf: pikepdf.Pdf) -> None:
    """ISO 32000-1 does not know the PAdES subfilter: EN 319 142-1 §5.6 wants the ESIC extension declared."""
    if pdf.pdf_version < "2.0":
        extensions = pdf.Root.get("/Extensions", Dictionary())
        extensions.ESIC = Dictionary(BaseVersion=Name("/1.7"), ExtensionLevel=1)
        pdf.Root.Extensions = extensions
