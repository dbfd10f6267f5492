"""Verifies sealed PDFs: integrity, trust, revocation, time stamp, and what was done to the file afterwards.

pyHanko does the work; the verdict, and the refusal of everything doubtful, is ours. It works offline, from the proof
inside the file (B-LT), for as long as archive time stamps keep it provable (B-LTA). A file without that proof is valid
only if a `RevocationCache` is given to fetch it.
"""

from __future__ import annotations

import io
import logging
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.fields import MDPPerm
from pyhanko.sign.validation import EmbeddedPdfSignature
from pyhanko.sign.validation.pdf_embedded import async_validate_pdf_signature
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel, SignatureStatus
from pyhanko_certvalidator import CertificateValidator, ValidationContext, errors

from records.errors import Fault, Refused, Retry
from signing.archival import claim_of
from signing.certificates import TrustList, is_test, name_of
from signing.differences import Differences
from signing.embedded import (
    Proof,
    certificates_in,
    check_unsigned,
    claimed_certificate,
    covered,
    missing_counter_signatures,
    time_in,
    tokens_of,
)
from signing.revisions import ends_with_stray_bytes
from signing.revocation import Evidence, RevocationCache
from signing.ses_pdf import judge_seal_in_pdf, seals_in
from signing.ses_verification import Judged, Surroundings
from signing.stamp_checks import covered_at, doubts_about, end_of, judge_archive_stamp, root_of
from signing.verdicts import Reason, SignatureReport, Verdict, VerdictWord
from signing.waiting import finished

# what pyHanko logs is in the verdict; without a handler Python would print it with tracebacks
for _library in ("pyhanko", "pyhanko_certvalidator"):
    logging.getLogger(_library).addHandler(logging.NullHandler())

_DOCMDP = {1: "no_changes", 2: "fill_forms", 3: "annotate"}
# how pyHanko reports that revocation data is stale, and that it is missing
_REVOCATION_MISSING = (AdESIndeterminate.TRY_LATER, AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE)
# what was made with an algorithm that is no longer secure, such as SHA-1
_WEAK = (AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE, AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE_NO_POE)
# (with a signature time stamp, covered by a document time stamp): the level, as long as the proof is inside
_PROFILES = {(False, False): "B-B", (True, False): "B-LT", (False, True): "B-LTA", (True, True): "B-LTA"}
_ORDER: dict[VerdictWord, int] = {"valid": 0, "indeterminate": 1, "invalid": 2}


def verify(
    pdf: bytes, trust: TrustList, *, revocation: RevocationCache | None = None, now: datetime | None = None
) -> Verdict:
    """The verdict about exactly these bytes. `now` (aware) is for tests.

    Raises Refused for bytes that are no readable PDF, are cut off, or are encrypted: about those there is nothing to
    say.
    """
    now = (now or datetime.now(UTC)).astimezone(UTC)
    reader, signatures = _read(pdf)
    regular = [each for each in signatures if each.sig_object_type == "/Sig"]
    seals = seals_in(reader)
    if not regular and not seals:
        claim = claim_of(pdf, reader, len(pdf))
        return Verdict("invalid", False, (), (Reason.of("unsigned"),), trust_list=trust.told, pdfa=claim)
    proof = Proof.of(reader)
    stamps = sorted((each for each in signatures if each.sig_object_type == "/DocTimeStamp"), key=covered)
    found = [_judge(pdf, each, covered_at(covered(each), stamps), trust, proof, revocation, now) for each in regular]
    around = Surroundings(trust, now, proof.evidence, proof.certificates, revocation)
    for seal in seals:
        found.append(_of_seal(judge_seal_in_pdf(pdf, seal, replace(around, proven_at=covered_at(seal.end, stamps)))))
    reasons = [reason for each in found for reason in each.reasons]
    words = [each.word for each in found]
    archive = []
    for stamp in stamps:
        word, doubts, read = judge_archive_stamp(pdf, stamp, covered_at(covered(stamp), stamps), trust, proof, now)
        words.append(word)
        reasons += doubts
        archive += [read] if read else []
    if missing := missing_counter_signatures(reader):
        words.append("indeterminate")
        reasons.append(Reason.of("counter_signature_missing", ", ".join(missing)))
    if ends_with_stray_bytes(pdf, max([*map(covered, signatures), *(seal.end for seal in seals)])):
        words.append("invalid")
        reasons.insert(0, Reason.of("appended"))
    word = max(words, key=lambda each: _ORDER[each])
    if word != "valid":
        reasons = [reason for reason in reasons if reason.code != "valid"]
    elif archive:
        reasons.append(Reason.of("archived", f"{archive[-1].stamped_at:%Y-%m-%d} – {archive[-1].until:%Y-%m-%d}"))
    test = any(each.report.test for each in found)
    if test:
        reasons.append(Reason.of("test_key"))
    ends = [each.stamp_until for each in found if each.stamp_until]
    first = min([*map(covered, regular), *(seal.end for seal in seals)])
    return Verdict(
        word,
        test,
        tuple(replace(each.report, verdict=each.word, reasons=each.reasons) for each in found),
        tuple(dict.fromkeys(reasons)),
        tuple(archive),
        archive[-1].until if archive else min(ends, default=None),
        _unchecked(proof, trust, asked=revocation is not None),
        trust.told,
        claim_of(pdf, reader, first),
    )


def _unchecked(proof: Proof, trust: TrustList, *, asked: bool) -> tuple[Reason, ...]:
    """What cannot be known from the file and the trust list alone; `asked` says that revocation data was fetched."""
    notes = [Reason.of("later_instrument")]
    if not asked:
        newest = proof.evidence.newest
        notes.append(Reason.of("revocation_since", f"{newest:%Y-%m-%d}") if newest else Reason.of("revocation_absent"))
    notes.append(Reason.of("trust_list_dated", trust.dated or "–") if trust.roots else Reason.of("trust_list_empty"))
    return tuple(notes)


@dataclass(frozen=True)
class _Judged:
    word: VerdictWord
    report: SignatureReport
    reasons: tuple[Reason, ...]
    stamp_until: datetime | None = None


def _of_seal(judged: Judged) -> _Judged:
    return _Judged(judged.word, judged.report, judged.reasons)


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
    later: datetime | None,
    trust: TrustList,
    proof: Proof,
    revocation: RevocationCache | None,
    now: datetime,
) -> _Judged:
    try:
        stamped_at = _stamped_at(signature)
        moments = _Moments(stamped_at or later or now, max(stamped_at, later) if stamped_at and later else stamped_at)
        differences = Differences(pdf, covered(signature))
        status = _validate(signature, trust, moments, proof, differences)
        profile = _PROFILES[stamped_at is not None, later is not None]
        if _lacks_revocation(status):
            profile = "B-T" if stamped_at else "B-B"
            status = _validate_online(signature, trust, proof, revocation, moments, differences) or status
        report = _report(signature, status, profile, trust)
        check_unsigned(pdf, signature, trust, proof, status.validation_path or ())
        word, reasons = _weigh(status, trust, moments.signer, later, now)
        if word != "invalid" and _changed_later(signature, differences):
            word, reasons = "invalid", (Reason.of("changed_after_signing"), *reasons)
    except Exception as error:  # a hostile signature may break the validator anywhere: it is then not valid
        unreadable = Reason.of("signature_unreadable", str(error) or type(error).__name__)
        return _Judged("invalid", _report(signature, None, "B-B", trust), (unreadable,))
    if word == "valid":
        reasons = (Reason.of("valid", report.signer),)
    stamp = status.timestamp_validity
    return _Judged(word, report, reasons, end_of(stamp) if stamp else None)


@dataclass(frozen=True)
class _Moments:
    """When the signer's certificate and the time stamp's have to be good (aware)."""

    signer: datetime
    stamp: datetime | None


def _changed_later(signature: EmbeddedPdfSignature, differences: Differences) -> bool:
    """Whether more than proof followed a seal that allows no changes, or only what it kept fields for.

    Stricter than pyHanko, about metadata for one.
    """
    level = signature.docmdp_level
    if level is MDPPerm.NO_CHANGES:
        return not differences.only_proof
    return level is MDPPerm.FILL_FORMS and differences.more_than_kept


def _validate(
    signature: EmbeddedPdfSignature,
    trust: TrustList,
    moments: _Moments,
    proof: Proof,
    differences: Differences,
) -> PdfSignatureStatus:
    signer = proof.context(trust, moments.signer)
    stamp = proof.context(trust, moments.stamp or moments.signer)
    return finished(async_validate_pdf_signature(signature, signer, stamp, diff_policy=differences))


def _validate_online(
    signature: EmbeddedPdfSignature,
    trust: TrustList,
    proof: Proof,
    revocation: RevocationCache | None,
    moments: _Moments,
    differences: Differences,
) -> PdfSignatureStatus | None:
    """Validate with revocation data fetched now, or None where that cannot be done.

    Addresses are taken only from certificates that already lead to a trusted root.
    """
    if revocation is None:
        return None
    embedded = [*proof.certificates, *signature.other_embedded_certs]
    stamps = [certificate for token in tokens_of(signature) for certificate in certificates_in(token["content"])]
    evidence = proof.evidence
    for certificate in (signature.signer_cert, *stamps):
        path = _path(certificate, trust.context(moments.signer, certificates=[*embedded, *stamps]))
        if path is None:
            continue
        try:
            fetched = revocation.evidence(path, datetime.now(UTC))
        except Retry:
            return None
        evidence = Evidence(evidence.ocsps + fetched.ocsps, evidence.crls + fetched.crls)
    return _validate(signature, trust, moments, Proof((*embedded, *stamps), evidence), differences)


def _path(certificate: x509.Certificate, context: ValidationContext) -> list[x509.Certificate] | None:
    validator = CertificateValidator(certificate, validation_context=context)
    try:
        path = finished(validator.async_validate_path())
    except (errors.PathError, errors.ValidationError):
        return None
    return list(reversed([each for each in path if isinstance(each, x509.Certificate)]))


def _stamped_at(signature: EmbeddedPdfSignature) -> datetime | None:
    """The time that the (not yet verified) signature time stamp names."""
    for token in tokens_of(signature):
        return time_in(token["content"])
    return None


def _lacks_revocation(status: SignatureStatus) -> bool:
    """Whether nothing but missing revocation data stands in the way, for the signer or for the time stamp."""
    stamp = getattr(status, "timestamp_validity", None)
    problems = [status.trust_problem_indic, stamp.trust_problem_indic if stamp else None]
    return any(problem in _REVOCATION_MISSING for problem in problems)


def _weigh(
    status: PdfSignatureStatus, trust: TrustList, moment: datetime, later: datetime | None, now: datetime
) -> tuple[VerdictWord, tuple[Reason, ...]]:
    broken = _broken(status)
    if broken:
        return "invalid", tuple(broken)
    reasons = _distrust(status, trust, moment)
    if any(reason.code == "revoked" for reason in reasons):
        return "invalid", tuple(reasons)
    if status.timestamp_validity is not None:
        reasons += doubts_about(status.timestamp_validity, later, now)
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
    if not status.seed_value_ok:
        reasons.append(Reason.of("counter_signer", name_of(status.signing_cert)))
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
    if problem in _WEAK:
        return [Reason.of("algorithm_weak", name)]
    return [Reason.of("certificate_unfit", f"{name} ({problem.standard_name if problem else 'no path'})")]


def _report(
    signature: EmbeddedPdfSignature, status: PdfSignatureStatus | None, profile: str, trust: TrustList
) -> SignatureReport:
    """The report; without a status, of a signature that the validator could not get through."""
    certificate = status.signing_cert if status else claimed_certificate(signature)
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
        root=root_of(status, trust) if status and status.trusted else None,
    )
