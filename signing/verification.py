"""Verifies sealed PDFs: integrity, trust, revocation, time stamp, and what was done to the file afterwards.

pyHanko does the work; the verdict, and the refusal of everything doubtful, is ours. It works offline, from the proof
inside the file (B-LT). A file without that proof is valid only if a `RevocationCache` is given to fetch it.
"""

from __future__ import annotations

import asyncio
import io
import logging
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from asn1crypto import cms, crl, ocsp, tsp, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import EmbeddedPdfSignature
from pyhanko.sign.validation.pdf_embedded import async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.status import (
    DocumentTimestampStatus,
    PdfSignatureStatus,
    SignatureCoverageLevel,
    SignatureStatus,
)
from pyhanko_certvalidator import CertificateValidator, ValidationContext, errors

from records.errors import Fault, Refused, Retry
from signing.certificates import TrustList, is_test, name_of
from signing.cms import CmsError, check_form, stray_certificates, unpadded
from signing.revisions import ends_with_stray_bytes
from signing.revocation import Evidence, RevocationCache
from signing.verdicts import Reason, SignatureReport, Verdict, VerdictWord

# what pyHanko logs is in the verdict; without a handler Python would print it with tracebacks
for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).addHandler(logging.NullHandler())

_CLOCK_TOLERANCE = timedelta(minutes=5)
_DOCMDP = {1: "no_changes", 2: "fill_forms", 3: "annotate"}
# how pyHanko reports that revocation data is stale, and that it is missing
_REVOCATION_MISSING = (AdESIndeterminate.TRY_LATER, AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE)
_GAP = re.compile(rb"<(?:(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+)>")
_ORDER: dict[VerdictWord, int] = {"valid": 0, "indeterminate": 1, "invalid": 2}


def verify(
    pdf: bytes, trust: TrustList, *, revocation: RevocationCache | None = None, now: datetime | None = None
) -> Verdict:
    """The verdict about exactly these bytes. `now` (aware) is for tests.

    Raises Refused for bytes that are no readable PDF, are cut off, or are encrypted: about those there is nothing to
    say. Must not be called inside a running event loop.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    reader, signatures = _read(pdf)
    regular = [each for each in signatures if each.sig_object_type == "/Sig"]
    if not regular:
        return Verdict("invalid", False, (), (Reason.of("unsigned"),))
    proof = _Proof.of(reader)
    found = [_judge(pdf, signature, trust, proof, revocation, now) for signature in regular]
    reasons = [reason for each in found for reason in each.reasons]
    words = [each.word for each in found]
    for stamp in (each for each in signatures if each.sig_object_type == "/DocTimeStamp"):
        word, reason = _judge_document_timestamp(pdf, stamp, trust, proof)
        words.append(word)
        reasons += [reason] if reason else []
    if ends_with_stray_bytes(pdf, max(_covered(signature) for signature in signatures)):
        words.append("invalid")
        reasons = [Reason.of("appended"), *(reason for reason in reasons if reason.code != "valid")]
    test = any(each.report.test for each in found)
    if test:
        reasons.append(Reason.of("test_key"))
    word = max(words, key=lambda each: _ORDER[each])
    return Verdict(word, test, tuple(each.report for each in found), tuple(dict.fromkeys(reasons)))


def _covered(signature: EmbeddedPdfSignature) -> int:
    """Where the second stretch of the ByteRange ends; 0 when there is none that could be read."""
    try:
        return sum(int(value) for value in list(signature.byte_range)[2:4])
    except (ValueError, TypeError):
        return 0


@dataclass(frozen=True)
class _Proof:
    """What the file's security store holds."""

    certificates: tuple[x509.Certificate, ...]
    evidence: Evidence

    @classmethod
    def of(cls, reader: PdfFileReader) -> _Proof:
        """Read the security store; unreadable entries are left out, and then prove nothing."""
        return cls(
            tuple(_entries(reader, "/Certs", x509.Certificate)),
            Evidence(
                tuple(_entries(reader, "/OCSPs", ocsp.OCSPResponse)),
                tuple(_entries(reader, "/CRLs", crl.CertificateList)),
            ),
        )


def _entries(reader: PdfFileReader, key: str, kind: Any) -> Iterable[Any]:
    try:
        for stream in reader.root["/DSS"][key]:
            yield kind.load(stream.get_object().data, strict=True)
    except Exception:  # a hostile store may break the parser anywhere; what was not read proves nothing
        return


@dataclass(frozen=True)
class _Judged:
    word: VerdictWord
    report: SignatureReport
    reasons: tuple[Reason, ...]


def _read(pdf: bytes) -> tuple[PdfFileReader, list[EmbeddedPdfSignature]]:
    if b"%PDF-" not in pdf[:1024]:
        raise Refused([Fault("", "not_a_pdf", "this is not a PDF file", "不是PDF文件")])
    if b"%%EOF" not in pdf[-1024:]:
        raise Refused([Fault("", "truncated", "the PDF is cut off: its end is missing", "PDF文件不完整")])
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        encrypted = reader.encrypted
    except Exception as error:  # whatever a hostile file makes the parser raise, it is no readable PDF
        raise Refused([Fault("", "unreadable", f"not a readable PDF: {error}", "无法读取的PDF文件")]) from error
    if encrypted:
        raise Refused([Fault("", "encrypted", "the PDF is encrypted", "PDF文件已加密")])
    try:
        return reader, list(reader.embedded_signatures)
    except Exception as error:
        raise Refused([Fault("", "unreadable", f"its signatures cannot be read: {error}", "签名无法读取")]) from error


def _judge(
    pdf: bytes,
    signature: EmbeddedPdfSignature,
    trust: TrustList,
    proof: _Proof,
    revocation: RevocationCache | None,
    now: datetime,
) -> _Judged:
    try:
        stamped_at = _stamped_at(signature)
        moment = stamped_at or now
        embedded = _validate(signature, trust.context(moment, certificates=proof.certificates, evidence=proof.evidence))
        status, profile = embedded, "B-LT" if stamped_at else "B-B"
        if _lacks_revocation(status):
            profile = "B-T" if stamped_at else "B-B"
            status = _validate_online(signature, trust, proof, revocation, moment) or status
        report = _report(signature, status, profile)
        _check_unsigned(pdf, signature, trust, proof, status.validation_path or ())
        word, reasons = _weigh(status, trust, moment, now)
    except Exception as error:  # a hostile signature may break the validator anywhere: it is then not valid
        unreadable = Reason.of("signature_unreadable", str(error) or type(error).__name__)
        return _Judged("invalid", _report(signature, None, "B-B"), (unreadable,))
    if word == "valid":
        reasons = (Reason.of("valid", report.signer),)
    return _Judged(word, report, reasons)


def _validate(signature: EmbeddedPdfSignature, context: ValidationContext) -> PdfSignatureStatus:
    return asyncio.run(async_validate_pdf_signature(signature, context, context))


def _validate_online(
    signature: EmbeddedPdfSignature,
    trust: TrustList,
    proof: _Proof,
    revocation: RevocationCache | None,
    moment: datetime,
) -> PdfSignatureStatus | None:
    """Validate with revocation data fetched now, or None where that cannot be done.

    Addresses are taken only from certificates that already lead to a trusted root.
    """
    if revocation is None:
        return None
    embedded = [*proof.certificates, *signature.other_embedded_certs]
    stamps = [certificate for token in _tokens(signature) for certificate in _certificates(token["content"])]
    evidence = proof.evidence
    for certificate in (signature.signer_cert, *stamps):
        path = _path(certificate, trust.context(moment, certificates=[*embedded, *stamps]))
        if path is None:
            continue
        try:
            fetched = revocation.evidence(path, datetime.now(UTC))
        except Retry:
            return None
        evidence = Evidence(evidence.ocsps + fetched.ocsps, evidence.crls + fetched.crls)
    return _validate(signature, trust.context(moment, certificates=[*embedded, *stamps], evidence=evidence))


def _path(certificate: x509.Certificate, context: ValidationContext) -> list[x509.Certificate] | None:
    validator = CertificateValidator(certificate, validation_context=context)
    try:
        path = asyncio.run(validator.async_validate_path())
    except (errors.PathError, errors.ValidationError):
        return None
    return list(reversed([each for each in path if isinstance(each, x509.Certificate)]))


def _tokens(signature: EmbeddedPdfSignature) -> list[cms.ContentInfo]:
    return [
        token
        for attribute in signature.signer_info["unsigned_attrs"] or ()
        if attribute["type"].native == "signature_time_stamp_token"
        for token in attribute["values"]
    ]


def _certificates(data: cms.SignedData) -> list[x509.Certificate]:
    return [choice.chosen for choice in data["certificates"] if choice.name == "certificate"]


def _stamped_at(signature: EmbeddedPdfSignature) -> datetime | None:
    """The time that the (not yet verified) signature time stamp names."""
    for token in _tokens(signature):
        info: Any = tsp.TSTInfo.load(bytes(token["content"]["encap_content_info"]["content"]))
        time: datetime = info["gen_time"].native
        return time
    return None


def _check_unsigned(
    pdf: bytes, signature: EmbeddedPdfSignature, trust: TrustList, proof: _Proof, path: Iterable[Any]
) -> None:
    """Check what no signature covers: the room of the signature, and the CMS object around the signed attributes.

    pyHanko compares lengths only, so a literal string would leave room in the gap for entries that nobody signed.
    Raises CmsError.
    """
    values = [int(value) for value in signature.byte_range]
    if len(values) != 4 or values[0] != 0 or min(values) < 0 or values[2] + values[3] > len(pdf):
        raise CmsError("byte_range", "its ByteRange is not two stretches of this file")
    gap, contents = pdf[values[1] : values[2]], bytes(signature.pkcs7_content)
    if not _GAP.fullmatch(gap) or bytes.fromhex(gap[1:-1].decode()) != contents:
        raise CmsError("byte_range", "the gap of its ByteRange is not exactly the signature")
    check_form(unpadded(contents))
    known = [*trust.roots, *trust.intermediates, *proof.certificates]
    known += [each for each in path if isinstance(each, x509.Certificate)]
    tokens = _tokens(signature)
    for token in tokens:
        check_form(token.dump())
    embedded = [
        *signature.other_embedded_certs,
        *(each for token in tokens for each in _certificates(token["content"])),
    ]
    if stray := stray_certificates(embedded, known):
        raise CmsError("stray_certificate", f"it carries a certificate that nobody issued: {name_of(stray[0])}")


def _lacks_revocation(status: SignatureStatus) -> bool:
    """Whether nothing but missing revocation data stands in the way, for the signer or for the time stamp."""
    stamp = getattr(status, "timestamp_validity", None)
    problems = [status.trust_problem_indic, stamp.trust_problem_indic if stamp else None]
    return any(problem in _REVOCATION_MISSING for problem in problems)


def _weigh(
    status: PdfSignatureStatus, trust: TrustList, moment: datetime, now: datetime
) -> tuple[VerdictWord, tuple[Reason, ...]]:
    broken = _broken(status)
    if broken:
        return "invalid", tuple(broken)
    reasons = _distrust(status, trust, moment)
    if any(reason.code == "revoked" for reason in reasons):
        return "invalid", tuple(reasons)
    reasons += _timestamp_doubts(status, now)
    return ("indeterminate", tuple(reasons)) if reasons or not status.bottom_line else ("valid", ())


def _broken(status: PdfSignatureStatus) -> list[Reason]:
    """What is wrong with the file itself, whoever signed it."""
    reasons = []
    if not status.intact:
        reasons.append(Reason.of("changed"))
    if not status.valid:
        reasons.append(Reason.of("signature_wrong"))
    if status.coverage is None or status.coverage < SignatureCoverageLevel.ENTIRE_REVISION:
        reasons.append(Reason.of("coverage"))
    elif not status.docmdp_ok or status.modification_level in (None, ModificationLevel.OTHER):
        reasons.append(Reason.of("changed_after_signing"))
    stamp = status.timestamp_validity
    if stamp is not None and not (stamp.intact and stamp.valid):
        reasons.append(Reason.of("timestamp_wrong"))
    return reasons


def _distrust(status: SignatureStatus, trust: TrustList, moment: datetime) -> list[Reason]:
    """Why the signer's certificate was not trusted at `moment`, if it was not."""
    if status.trusted:
        return []
    name = name_of(status.signing_cert)
    if status.revoked:
        return [Reason.of("revoked", name)]
    certificate, problem = status.signing_cert, status.trust_problem_indic
    if problem is AdESIndeterminate.NO_CERTIFICATE_CHAIN_FOUND:
        refused = is_test(certificate) and not trust.test_system
        return [Reason.of("test_not_trusted") if refused else Reason.of("untrusted", name)]
    if not certificate.not_valid_before <= moment <= certificate.not_valid_after:
        return [Reason.of("certificate_period", name)]
    if problem in _REVOCATION_MISSING:
        return [Reason.of("revocation_unknown", name)]
    return [Reason.of("certificate_unfit", f"{name} ({problem.standard_name if problem else 'no path'})")]


def _timestamp_doubts(status: PdfSignatureStatus, now: datetime) -> list[Reason]:
    stamp = status.timestamp_validity
    if stamp is None:
        return []
    if not stamp.trusted:
        return [Reason.of("timestamp_untrusted", name_of(stamp.signing_cert))]
    if stamp.timestamp > now + _CLOCK_TOLERANCE:
        return [Reason.of("timestamp_in_future")]
    if stamp.signing_cert.not_valid_after < now:
        return [Reason.of("timestamp_expired")]
    return []


def _judge_document_timestamp(
    pdf: bytes, stamp: EmbeddedPdfSignature, trust: TrustList, proof: _Proof
) -> tuple[VerdictWord, Reason | None]:
    """A document time stamp beside a seal must be sound, or the file was tampered with."""
    try:
        info: Any = tsp.TSTInfo.load(bytes(stamp.signed_data["encap_content_info"]["content"]))
        moment: datetime = info["gen_time"].native
        context = trust.context(moment, certificates=proof.certificates, evidence=proof.evidence)
        status: DocumentTimestampStatus = asyncio.run(async_validate_pdf_timestamp(stamp, context))
        sound = status.intact and status.valid and bool(status.docmdp_ok or status.modification_level is not None)
        _check_unsigned(pdf, stamp, trust, proof, status.validation_path or ())
        if not sound or status.modification_level is ModificationLevel.OTHER:
            return "invalid", Reason.of("timestamp_wrong")
    except Exception as error:  # as in _judge
        return "invalid", Reason.of("signature_unreadable", str(error) or type(error).__name__)
    if not status.trusted:
        return "indeterminate", Reason.of("timestamp_untrusted", name_of(status.signing_cert))
    return "valid", None


def _report(signature: EmbeddedPdfSignature, status: PdfSignatureStatus | None, profile: str) -> SignatureReport:
    """The report; without a status, of a signature that the validator could not get through."""
    certificate = status.signing_cert if status else _claimed_certificate(signature)
    stamp = status.timestamp_validity if status else None
    docmdp = signature.docmdp_level if status else None
    return SignatureReport(
        field=signature.field_name,
        signer=name_of(certificate) if certificate else "",
        serial=f"{certificate.serial_number:x}" if certificate else "",
        claimed_at=signature.self_reported_timestamp if status else None,
        stamped_at=stamp.timestamp if stamp else None,
        stamped_by=name_of(stamp.signing_cert) if stamp else None,
        profile=profile,
        intact=bool(status and status.intact and status.valid),
        trusted=bool(status and status.trusted),
        test=bool(certificate and is_test(certificate)) or (stamp is not None and is_test(stamp.signing_cert)),
        docmdp=_DOCMDP.get(docmdp.value) if docmdp else None,
        coverage=status.coverage.name.lower() if status and status.coverage else "unclear",
        modification=status.modification_level.name.lower() if status and status.modification_level else "unclear",
    )


def _claimed_certificate(signature: EmbeddedPdfSignature) -> x509.Certificate | None:
    """Whose signature it claims to be, where even that can still be read."""
    try:
        certificate = _certificates(signature.signed_data)[0]
        _ = certificate.native  # parses all of it
    except Exception:
        return None
    return certificate
