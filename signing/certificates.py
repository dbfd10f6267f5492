"""Which certificates are trusted, and whether one of them is good at this moment.

Trust is data: a JSON file beside PEM files, with where each root came from and when. Path building and validation
(RFC 5280) are pyHanko's certvalidator; what is fetched, kept and for how long is decided here.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Lock

from asn1crypto import pem, x509
from pyhanko_certvalidator import CertificateValidator, ValidationContext, errors
from pyhanko_certvalidator.path import ValidationPath

from records.errors import Permanent
from signing.parsing import whole
from signing.revocation import Evidence, RevocationCache
from signing.sm2_check import SignatureCheck
from signing.verdicts import ListOfRoots, TrustedRoot
from signing.waiting import finished

SEAL_USAGE = frozenset({"non_repudiation"})


def is_test(certificate: x509.Certificate) -> bool:
    """Whether the organisation of the subject or of the issuer carries the word TEST."""
    names = (certificate.subject.native, certificate.issuer.native)
    organisations = [name.get("organization_name", "") for name in names]
    flat = [part for each in organisations for part in (each if isinstance(each, list) else [each])]
    return any("TEST" in part.upper() for part in flat)


def name_of(certificate: x509.Certificate) -> str:
    """Whose certificate it is, for people: organisation and common name (``民航华北地区管理局, 行政执法专用章``)."""
    subject = certificate.subject.native
    parts = [subject.get("organization_name"), subject.get("common_name")]
    flat = [str(part) for each in parts if each for part in (each if isinstance(each, list) else [each])]
    return ", ".join(flat) or str(certificate.subject.human_friendly)


def certificate_facts(certificate: x509.Certificate) -> dict[str, str]:
    """What a register keeps of a certificate: serial number (hex), subject, period (ISO 8601, UTC), SHA-256 (hex)."""
    return {
        "serial": f"{certificate.serial_number:x}",
        "subject": name_of(certificate),
        "not_before": certificate.not_valid_before.isoformat(),
        "not_after": certificate.not_valid_after.isoformat(),
        "sha256": certificate.sha256.hex(),
    }


def read_certificates(path: Path) -> list[x509.Certificate]:
    """The certificates of a PEM or DER file, for any number of threads. Raises Permanent if it cannot be read."""
    try:
        data = path.read_bytes()
        if not pem.detect(data):
            return [whole(x509.Certificate.load(data, strict=True))]
        return [whole(x509.Certificate.load(der, strict=True)) for _, _, der in pem.unarmor(data, multiple=True)]
    except (OSError, ValueError) as error:
        raise Permanent(f"certificate file {path}: cannot be read ({error})") from error


@dataclass(frozen=True)
class Anchor:
    """A root certificate, where it was obtained, and on which day (ISO 8601)."""

    certificate: x509.Certificate
    source: str
    obtained: str

    @property
    def test(self) -> bool:
        """Whether this is a TEST root."""
        return is_test(self.certificate)

    @property
    def told(self) -> TrustedRoot:
        """As verdicts name it."""
        digest = self.certificate.sha256.hex()
        return TrustedRoot(name_of(self.certificate), digest, self.source, self.obtained, self.test)


@dataclass(frozen=True)
class TrustList:
    """The roots of this system. TEST roots count only when `test_system` says that this is a TEST system.

    `intermediates` help to build paths and are not trusted by themselves. `source` and `dated` (ISO 8601) are of the
    list as a whole; without them it is as old as its newest root.
    """

    anchors: tuple[Anchor, ...]
    intermediates: tuple[x509.Certificate, ...] = ()
    test_system: bool = False
    source: str = ""
    dated: str = ""

    @classmethod
    def load(cls, path: Path, *, test_system: bool) -> TrustList:
        """Read a trust list: ``{"anchors": [{"file", "source", "obtained"}], "intermediates": ["file"]}``.

        The list as a whole may have ``source`` and ``dated`` beside them. File names are relative to the list. Raises
        Permanent when it or a certificate of it cannot be read.
        """
        try:
            data = json.loads(path.read_text())
            anchors = tuple(
                Anchor(certificate, entry["source"], entry["obtained"])
                for entry in data["anchors"]
                for certificate in read_certificates(path.parent / entry["file"])
            )
            files = data.get("intermediates", [])
            dated = data.get("dated") or max((anchor.obtained for anchor in anchors), default="")
            about = (str(data.get("source", "")), str(dated))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Permanent(f"trust list {path}: cannot be read ({error!r})") from error
        between = tuple(each for name in files for each in read_certificates(path.parent / name))
        return cls(anchors, between, test_system, *about)

    @property
    def roots(self) -> list[x509.Certificate]:
        """The root certificates that count in this system."""
        return [anchor.certificate for anchor in self.anchors if self.test_system or not anchor.test]

    @property
    def told(self) -> ListOfRoots:
        """As verdicts name it."""
        return ListOfRoots(self.source, self.dated, len(self.roots))

    def anchor_of(self, path: Iterable[object]) -> Anchor | None:
        """The anchor at which a validated path begins (its root is the first certificate), or None."""
        for root in path:
            der = root.dump() if isinstance(root, x509.Certificate) else None
            return next((anchor for anchor in self.anchors if anchor.certificate.dump() == der), None)
        return None

    def context(
        self,
        moment: datetime,
        *,
        certificates: Iterable[x509.Certificate] = (),
        evidence: Evidence | None = None,
    ) -> ValidationContext:
        """A context that validates at `moment` (aware), offline.

        With `evidence` every certificate below the root must be proved unrevoked by it; with None revocation is left
        out, which is only fit for finding a path.
        """
        return ValidationContext(
            trust_roots=self.roots,
            other_certs=[*self.intermediates, *certificates],
            moment=moment,
            best_signature_time=moment,
            allow_fetching=False,
            revocation_mode="soft-fail" if evidence is None else "require",
            crls=list(evidence.crls) if evidence else [],
            ocsps=list(evidence.ocsps) if evidence else [],
            time_tolerance=timedelta(seconds=1),
            retroactive_revinfo=True,  # an answer given later also speaks for the time before it
            signature_validator=SignatureCheck(),
        )


@dataclass(frozen=True)
class CheckedChain:
    """A certificate that was good when it was checked, with the chain and the proof. Times are aware, in UTC.

    `path` starts at the certificate and ends at its root; `usable_until` is when the check has to be made anew.
    """

    path: tuple[x509.Certificate, ...]
    evidence: Evidence
    usable_until: datetime

    @property
    def certificate(self) -> x509.Certificate:
        """The certificate that was checked."""
        return self.path[0]

    @property
    def ends_at(self) -> datetime:
        """When (UTC) the first certificate of the chain ends; the root, which is trusted by itself, does not count."""
        ends: list[datetime] = [each.not_valid_after for each in self.path[:-1]]
        return min(ends)


class ChainChecker:
    """Checks certificates against a trust list and fresh revocation data, and remembers the answer for a while.

    What is remembered is no older than the revocation cache allows, and the certificate's own period is looked at
    each time. Safe to use from several threads.
    """

    def __init__(self, trust: TrustList, revocation: RevocationCache) -> None:
        self.trust, self.revocation = trust, revocation
        self._checked: dict[bytes, CheckedChain] = {}
        self._lock = Lock()

    def check(
        self,
        certificate: x509.Certificate,
        others: Sequence[x509.Certificate] = (),
        *,
        now: datetime | None = None,
        time_stamping: bool = False,
    ) -> CheckedChain:
        """Prove that `certificate` may be used now: period, path to a trusted root, usage, not revoked.

        Raises Permanent (expired, not yet valid, revoked, untrusted, wrong usage) or Retry (no fresh revocation data).
        """
        now = now or datetime.now(UTC)
        _check_period(certificate, now)
        key = certificate.sha256 + bytes([time_stamping])
        with self._lock:
            checked = self._checked.get(key)
        if checked is not None and now < checked.usable_until:
            return checked
        checked = self._check(certificate, others, now, time_stamping)
        with self._lock:
            self._checked[key] = checked
        return checked

    def _check(
        self, certificate: x509.Certificate, others: Sequence[x509.Certificate], now: datetime, time_stamping: bool
    ) -> CheckedChain:
        path = self._validate(certificate, others, now, time_stamping, None)
        evidence = self.revocation.evidence(path, now)
        self._validate(certificate, others, now, time_stamping, evidence)
        return CheckedChain(path, evidence, evidence.usable_until)

    def _validate(
        self,
        certificate: x509.Certificate,
        others: Sequence[x509.Certificate],
        now: datetime,
        time_stamping: bool,
        evidence: Evidence | None,
    ) -> tuple[x509.Certificate, ...]:
        context = self.trust.context(now, certificates=others, evidence=evidence)
        validator = CertificateValidator(certificate, validation_context=context)
        usage = validator.async_validate_usage(  # type: ignore[no-untyped-call]
            key_usage=set() if time_stamping else set(SEAL_USAGE),
            extended_key_usage={"time_stamping"} if time_stamping else None,
        )
        name = name_of(certificate)
        try:
            path: ValidationPath = finished(usage)
        except errors.RevokedError as error:
            raise Permanent(f"certificate {name}: {error.failure_msg}") from error
        except errors.PathBuildingError as error:
            hint = "; it is a TEST certificate and this is no TEST system" if self._refused_as_test(certificate) else ""
            raise Permanent(f"certificate {name}: no path to a root of the trust list{hint}") from error
        except errors.InvalidCertificateError as error:
            raise Permanent(f"certificate {name}: {error}") from error
        except errors.PathValidationError as error:
            raise Permanent(f"certificate {name}: {error.failure_msg}") from error
        return tuple(reversed([each for each in path if isinstance(each, x509.Certificate)]))

    def _refused_as_test(self, certificate: x509.Certificate) -> bool:
        return not self.trust.test_system and is_test(certificate)


def _check_period(certificate: x509.Certificate, now: datetime) -> None:
    """RFC 5280 §4.1.2.5: both ends of the period belong to it."""
    if now < certificate.not_valid_before:
        raise Permanent(f"certificate {name_of(certificate)}: not valid before {certificate.not_valid_before:%Y-%m-%d}")
    if now > certificate.not_valid_after:
        raise Permanent(f"certificate {name_of(certificate)}: expired on {certificate.not_valid_after:%Y-%m-%d}")
