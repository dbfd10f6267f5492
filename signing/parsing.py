"""ASN.1 values that several threads share are parsed to their last leaf before a second thread sees them.

asn1crypto parses a part when it is first asked for, and two threads that ask at once spoil it for both: a good
certificate was then seen without its key or without its basic constraints, and a valid seal was called invalid.
"""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar

from asn1crypto import crl, ocsp, x509

_T = TypeVar("_T", x509.Certificate, ocsp.OCSPResponse, crl.CertificateList)
_KEPT = 512
_LARGEST_KEPT = 32 * 1024


def parsed(kind: Any, der: bytes) -> Any:
    """`der` as a value of `kind`. Raises ValueError for what is no such thing.

    One authority's certificates, answers and lists come back in thousands of files. The same bytes are therefore
    parsed once and shared, never two that merely resemble each other; what is large or malformed is left out of that.
    """
    if len(der) <= _LARGEST_KEPT:
        with suppress(Exception):  # malformed further in: it is parsed as far as it is asked for, as ever
            return _kept(kind, der)
    return kind.load(der, strict=True)


@lru_cache(maxsize=_KEPT)
def _kept(kind: Any, der: bytes) -> Any:
    value = whole(kind.load(der, strict=True))
    if value.dump() != der:  # asn1crypto may encode anew what it was asked about; only the bytes that came are shared
        raise ValueError("not encoded as it is written")
    return value


def whole(value: _T) -> _T:
    """The same value, wholly parsed, with what it works out and keeps. Raises ValueError for what is malformed."""
    parsed: Any = value
    _ask(parsed, "native", "critical_extensions")
    if isinstance(value, x509.Certificate):
        _ask_certificate(parsed)
    elif isinstance(value, crl.CertificateList):
        _ask(parsed, "issuer_cert_urls", "delta_crl_distribution_points", "sha1", "sha256")
        for revoked in parsed["tbs_cert_list"]["revoked_certificates"]:
            _ask(revoked, "critical_extensions")
    else:
        for answer in parsed.response_data["responses"]:
            _ask(answer, "critical_extensions")
        for certificate in parsed.basic_ocsp_response["certs"]:
            _ask_certificate(certificate)
    return value


def _ask_certificate(certificate: Any) -> None:
    _ask(certificate, "native", "critical_extensions", "sha1", "sha256", "issuer_serial", "self_issued", "self_signed")
    _ask(certificate, "valid_domains", "valid_ips")
    _ask(certificate.public_key, "native", "algorithm", "bit_size", "sha1", "sha256")
    for name in (certificate.subject, certificate.issuer):
        _ask(name, "native", "hashable", "sha1", "sha256", "human_friendly")
    for point in (*certificate.crl_distribution_points, *certificate.delta_crl_distribution_points):
        with suppress(ValueError):  # one that is relative to its issuer has no address
            _ask(point, "url")


def _ask(value: Any, *names: str) -> None:
    """Asking is what parses: through every extension, and what is wrapped in it."""
    for name in names:
        getattr(value, name)
