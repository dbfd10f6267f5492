"""Verifies electronic seals and the signatures made with them (order of GM/T 0031-2014 §6.1.2 and §7).

Format, signature over the document's digest, the seal's own signature, the signer's place in the seal's list, the
periods, and the certificates of signer and maker: chain, revocation, usage. One verdict model serves all signatures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from asn1crypto import x509

from signing.certificates import TrustList
from signing.cms import CheckedToken, CmsError, check_token
from signing.revocation import Evidence, RevocationCache
from signing.ses import Seal, SealSignature, read_seal, read_seal_signature
from signing.ses_soundness import broken_seal, broken_signature, load_certificate, period_of
from signing.sm2_trust import distrust, root_of, told_name, told_test
from signing.verdicts import Reason, SignatureReport, Verdict, VerdictWord

_CLOCK_TOLERANCE = timedelta(minutes=5)
NO_EVIDENCE = Evidence()


@dataclass(frozen=True)
class Surroundings:
    """With what a seal is judged: the roots, revocation data and certificates that came along, and the time.

    `revocation` fetches what is missing; without it only what came along counts. `now` is aware, and so is `proven_at`:
    when a time stamp over the signature, such as the archive one of its file, proves that it was there.
    """

    trust: TrustList
    now: datetime
    evidence: Evidence = NO_EVIDENCE
    certificates: tuple[x509.Certificate, ...] = ()
    revocation: RevocationCache | None = None
    proven_at: datetime | None = None

    def distrust(self, certificate: x509.Certificate, moment: datetime) -> Reason | None:
        """Why that certificate was not good at `moment`, or None."""
        return distrust(
            certificate, self.trust, moment, self.evidence, others=self.certificates, revocation=self.revocation
        )


@dataclass(frozen=True)
class Judged:
    """The verdict about one signature made with a seal."""

    word: VerdictWord
    report: SignatureReport
    reasons: tuple[Reason, ...]


def verify_seal(
    der: bytes,
    trust: TrustList,
    *,
    evidence: Evidence = NO_EVIDENCE,
    certificates: Sequence[x509.Certificate] = (),
    revocation: RevocationCache | None = None,
    now: datetime | None = None,
) -> Verdict:
    """The verdict about a seal by itself (an ``.esl`` file): ``valid`` means that it may be used at `now`."""
    around = Surroundings(trust, utc(now), evidence, tuple(certificates), revocation)
    try:
        seal = read_seal(der)
        maker = load_certificate(seal.signed.certificate)
    except ValueError as error:
        return as_verdict(Judged("invalid", report_on("", (), "SES"), (_unreadable(error),)))
    broken = broken_seal(seal, maker)
    doubts = [] if broken else _seal_doubts(seal, maker, around.now, around)
    if not broken and not seal.valid_from <= around.now <= seal.valid_to:
        doubts.append(Reason.of("seal_period", period_of(seal)))
    report = report_on("", (maker,), seal.edition, intact=not broken, trusted=not broken and not doubts)
    return as_verdict(weighed(broken, doubts, report, Reason.of("seal_sound", f"{seal.name} ({told_name(maker)})")))


def verify_seal_signature(
    der: bytes,
    document: Sequence[bytes | memoryview],
    trust: TrustList,
    *,
    evidence: Evidence = NO_EVIDENCE,
    certificates: Sequence[x509.Certificate] = (),
    revocation: RevocationCache | None = None,
    now: datetime | None = None,
) -> Verdict:
    """The verdict about a SES_Signature over the joined parts of `document`.

    `evidence` and `certificates` are what came with the file; `now` (aware) is for tests.
    """
    around = Surroundings(trust, utc(now), evidence, tuple(certificates), revocation)
    return as_verdict(judge_seal_signature(der, document, around))


def judge_seal_signature(
    der: bytes, document: Sequence[bytes | memoryview], around: Surroundings, *, field: str = ""
) -> Judged:
    """As `verify_seal_signature`, as one of several signatures of a file; `field` is where it stands there."""
    try:
        signature = read_seal_signature(der)
        signer = load_certificate(signature.signed.certificate)
        maker = load_certificate(signature.seal.signed.certificate)
    except ValueError as error:
        return Judged("invalid", report_on(field, (), "SES"), (_unreadable(error),))
    broken = broken_signature(signature, signer, document) + broken_seal(signature.seal, maker)
    stamp, doubts = _stamp(signature, around)
    moment = stamp.time if stamp and not doubts else around.proven_at or around.now
    if not broken:
        doubts += _time_doubts(signature, moment, around.now)
        doubts += _seal_doubts(signature.seal, maker, moment, around)
        doubts += [reason for reason in [around.distrust(signer, moment)] if reason]
    trusted = not broken and not doubts
    report = report_on(field, (signer, maker), signature.edition, signature, stamp, intact=not broken, trusted=trusted)
    if trusted:
        report = replace(report, root=root_of(signer, around.trust, moment, around.certificates))
    return weighed(broken, doubts, report, Reason.of("valid", f"{signature.seal.name} ({told_name(signer)})"))


def as_verdict(judged: Judged) -> Verdict:
    """The verdict where that signature is all there is."""
    reasons = judged.reasons
    if judged.report.test:
        reasons = (*reasons, Reason.of("test_key"))
    report = replace(judged.report, verdict=judged.word, reasons=judged.reasons)
    return Verdict(judged.word, report.test, (report,), reasons)


def weighed(broken: list[Reason], doubts: list[Reason], report: SignatureReport, good: Reason) -> Judged:
    """Broken or revoked is invalid, doubtful is indeterminate; else it is valid, and `good` says so."""
    if broken or any(reason.code == "revoked" for reason in doubts):
        return Judged("invalid", report, tuple(dict.fromkeys([*broken, *doubts])))
    if doubts:
        return Judged("indeterminate", report, tuple(dict.fromkeys(doubts)))
    return Judged("valid", report, (good,))


def _seal_doubts(seal: Seal, maker: x509.Certificate, moment: datetime, around: Surroundings) -> list[Reason]:
    reasons = [reason for reason in [around.distrust(maker, moment)] if reason]
    if seal.timestamp is not None and not _token_holds(seal.timestamp, seal.signed.signature, around):
        reasons.append(Reason.of("timestamp_untrusted", seal.name))
    return reasons


def _time_doubts(signature: SealSignature, moment: datetime, now: datetime) -> list[Reason]:
    """The claimed time is the signer's own word: without a time stamp, what has ended by now proves nothing."""
    reasons = []
    if signature.claimed_at is not None and signature.claimed_at > now + _CLOCK_TOLERANCE:
        reasons.append(Reason.of("claimed_in_future"))
    if not signature.seal.valid_from <= moment <= signature.seal.valid_to:
        reasons.append(Reason.of("seal_ended", period_of(signature.seal)))
    return reasons


def _stamp(signature: SealSignature, around: Surroundings) -> tuple[CheckedToken | None, list[Reason]]:
    if signature.timestamp is None:
        return None, []
    try:
        token = check_token(signature.timestamp, signature.signed.signature)
    except CmsError as error:
        return None, [Reason.of("timestamp_untrusted", str(error))]
    held = _token_holds(signature.timestamp, signature.signed.signature, around)
    return token, [] if held else [Reason.of("timestamp_untrusted", told_name(token.certificate))]


def _token_holds(token: bytes, stamped: bytes, around: Surroundings) -> bool:
    """Whether a time stamp is sound and its authority trusted at the time it names."""
    try:
        checked = check_token(token, stamped)
    except CmsError:
        return False
    usage = checked.certificate.extended_key_usage_value
    if usage is None or "time_stamping" not in usage.native or checked.time > around.now + _CLOCK_TOLERANCE:
        return False
    with_its_own = Surroundings(
        around.trust, around.now, around.evidence, (*around.certificates, *checked.certificates), around.revocation
    )
    return with_its_own.distrust(checked.certificate, checked.time) is None


def _unreadable(error: Exception) -> Reason:
    return Reason.of("signature_unreadable", str(error).split("\n", 1)[0] or type(error).__name__)


def report_on(
    field: str,
    certificates: tuple[x509.Certificate, ...],
    edition: str,
    signature: SealSignature | None = None,
    stamp: CheckedToken | None = None,
    *,
    intact: bool = False,
    trusted: bool = False,
) -> SignatureReport:
    """The report about the first of `certificates`; if any of them is a TEST one, it is a TEST."""
    certificate = certificates[0] if certificates else None
    return SignatureReport(
        field=field,
        signer=told_name(certificate) if certificate else "",
        serial=f"{certificate.serial_number:x}" if certificate else "",
        claimed_at=signature.claimed_at if signature else None,
        stamped_at=stamp.time if stamp else None,
        stamped_by=told_name(stamp.certificate) if stamp else None,
        profile=edition,
        intact=intact,
        trusted=trusted,
        test=any(told_test(each) for each in (*certificates, *([stamp.certificate] if stamp else []))),
        docmdp=None,
        coverage="unclear",
        modification="unclear",
    )


def utc(now: datetime | None) -> datetime:
    """That moment in UTC; this one without any."""
    return (now or datetime.now(UTC)).astimezone(UTC)
