"""Whether an SM2 certificate is trusted: pyHanko's path validation (RFC 5280) with SM2 signatures understood.

Roots are in the trust list like all others. TEST roots count only in a TEST system.
"""

from __future__ import annotations

from datetime import datetime

from asn1crypto import x509
from pyhanko_certvalidator import CertificateValidator, errors
from pyhanko_certvalidator.path import ValidationPath

from records.errors import Retry
from signing.certificates import TrustList, is_test, name_of
from signing.revocation import Evidence, RevocationCache
from signing.verdicts import Reason, TrustedRoot
from signing.waiting import finished

_SIGNING_USES = {"digital_signature", "non_repudiation"}


def told_name(certificate: x509.Certificate) -> str:
    """Whose certificate it is, for people; the serial number where the name is malformed, as in some real seals."""
    try:
        return name_of(certificate)
    except (ValueError, TypeError, KeyError):
        return f"{certificate.serial_number:x}"


def told_test(certificate: x509.Certificate) -> bool:
    """Whether it is a TEST certificate; one with a malformed name is not known to be one."""
    try:
        return is_test(certificate)
    except (ValueError, TypeError, KeyError):
        return False


def distrust(
    certificate: x509.Certificate,
    trust: TrustList,
    moment: datetime,
    evidence: Evidence,
    *,
    others: tuple[x509.Certificate, ...] = (),
    revocation: RevocationCache | None = None,
) -> Reason | None:
    """Why `certificate` was not good for signing at `moment` (aware), or None if it was.

    `evidence` and `others` (certificates that may help to find a path) come from the file; `revocation` fetches what
    they lack, from addresses in certificates that lead to a trusted root.
    """
    try:
        reason = _problem(certificate, trust, moment, evidence, others)
        if reason is None or reason.code != "revocation_unknown" or revocation is None:
            return reason
        path = _path(certificate, trust, moment, None, others)
        fetched = revocation.evidence([each for each in path if isinstance(each, x509.Certificate)][::-1], moment)
        return _problem(certificate, trust, moment, _joined(evidence, fetched), others)
    except (Retry, errors.PathError, errors.ValidationError):
        return reason
    except (ValueError, TypeError, KeyError, AttributeError) as error:  # a hostile certificate breaks anywhere
        return Reason.of("certificate_unfit", str(error).split("\n", 1)[0])


def root_of(
    certificate: x509.Certificate, trust: TrustList, moment: datetime, others: tuple[x509.Certificate, ...]
) -> TrustedRoot | None:
    """The root of the trust list to which a certificate leads that was found good at `moment` (aware), or None."""
    try:
        anchor = trust.anchor_of(_path(certificate, trust, moment, None, others))
    except (errors.PathError, errors.ValidationError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return anchor.told if anchor else None


def _joined(one: Evidence, other: Evidence) -> Evidence:
    return Evidence(one.ocsps + other.ocsps, one.crls + other.crls)


def _path(
    certificate: x509.Certificate,
    trust: TrustList,
    moment: datetime,
    evidence: Evidence | None,
    others: tuple[x509.Certificate, ...],
) -> ValidationPath:
    context = trust.context(moment, certificates=others, evidence=evidence)
    return finished(CertificateValidator(certificate, validation_context=context).async_validate_path())


def _problem(
    certificate: x509.Certificate,
    trust: TrustList,
    moment: datetime,
    evidence: Evidence,
    others: tuple[x509.Certificate, ...],
) -> Reason | None:
    name = told_name(certificate)
    usage = certificate.key_usage_value
    if usage is not None and not usage.native & _SIGNING_USES:
        return Reason.of("certificate_unfit", name)
    key, der = certificate.public_key.dump(), certificate.dump()
    if any(root.public_key.dump() == key and root.dump() != der for root in trust.roots):
        return Reason.of("untrusted", name)  # path building knows a root by name and key, and checks nothing else of it
    try:
        _path(certificate, trust, moment, evidence, others)
    except errors.RevokedError:
        return Reason.of("revoked", name)
    except errors.PathBuildingError:
        refused = told_test(certificate) and not trust.test_system
        return Reason.of("test_not_trusted") if refused else Reason.of("untrusted", name)
    except (errors.ExpiredError, errors.NotYetValidError):
        return Reason.of("certificate_period", name)
    except errors.InsufficientRevinfoError:
        return Reason.of("revocation_unknown", name)
    except (errors.ValidationError, errors.PathError) as error:
        return Reason.of("certificate_unfit", f"{name} ({error})")
    return None
