"""A TEST authority for SM2 certificates: certomancer, which serves the others, knows no SM2.

Everything it issues carries TEST in its organisation, so that no answer about such a seal can hide what it is.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import algos, core, crl, keys, x509

from signing.sm2 import Sm2Key
from signing.testpki import ORGANISATION

_ALGORITHM = algos.SignedDigestAlgorithm({"algorithm": "sm3_sm2"})
_FROM, _TO = datetime(2020, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Sm2Identity:
    """An SM2 key with its certificate (DER)."""

    key: Sm2Key
    certificate: bytes


@dataclass(frozen=True)
class Sm2Authority(Sm2Identity):
    """A TEST root. Times are aware. `crl_url`, if any, stands in the certificates that it issues."""

    crl_url: str = ""

    @classmethod
    def make(cls, common_name: str = "TEST SM2 Root CA", crl_url: str = "") -> Sm2Authority:
        """A new root with a new key."""
        key = Sm2Key.generate()
        name = _name(ORGANISATION, common_name)
        return cls(key, _certificate(key, name, key, name, (_FROM, _TO), authority=True), crl_url)

    def issue(
        self, organisation: str, common_name: str, *, valid_from: datetime = _FROM, valid_to: datetime = _TO
    ) -> Sm2Identity:
        """A signing certificate with a new key; the word TEST is added to an organisation that lacks it."""
        key = Sm2Key.generate()
        marked = organisation if "TEST" in organisation.upper() else f"{organisation} TEST 测试"
        issuer = x509.Certificate.load(self.certificate).subject
        period = (valid_from, valid_to)
        named = (_name(marked, common_name), self.key, issuer, period)
        return Sm2Identity(key, _certificate(key, *named, authority=False, crl_url=self.crl_url))

    def revocations(self, revoked: Mapping[int, datetime], *, since: datetime, until: datetime) -> crl.CertificateList:
        """A CRL that names these serial numbers with the time of their revocation."""
        entries = [{"user_certificate": serial, "revocation_date": _time(when)} for serial, when in revoked.items()]
        content: dict[str, Any] = {
            "version": "v2",
            "signature": _ALGORITHM,
            "issuer": x509.Certificate.load(self.certificate).subject,
            "this_update": _time(since),
            "next_update": _time(until),
            "crl_extensions": [{"extn_id": "crl_number", "extn_value": 1}],
        }
        if entries:
            content["revoked_certificates"] = entries
        body = crl.TbsCertList(content)
        return crl.CertificateList(
            {"tbs_cert_list": body, "signature_algorithm": _ALGORITHM, "signature": self.key.sign(body.dump())}
        )


def _name(organisation: str, common_name: str) -> x509.Name:
    return x509.Name.build({"country_name": "CN", "organization_name": organisation, "common_name": common_name})


def _url(address: str) -> x509.GeneralName:
    return x509.GeneralName("uniform_resource_identifier", address)


def _time(moment: datetime) -> x509.Time:
    """RFC 5280 §4.1.2.5: UTCTime up to 2049."""
    form = "utc_time" if moment.year < 2050 else "general_time"
    kind = core.UTCTime if form == "utc_time" else core.GeneralizedTime
    return x509.Time(form, kind(moment.astimezone(UTC)))


def _certificate(
    key: Sm2Key,
    subject: x509.Name,
    issuer_key: Sm2Key,
    issuer: x509.Name,
    period: tuple[datetime, datetime],
    *,
    authority: bool,
    crl_url: str = "",
) -> bytes:
    usage = {"key_cert_sign", "crl_sign"} if authority else {"digital_signature", "non_repudiation"}
    public, issuer_public = (keys.PublicKeyInfo.load(each.public_key) for each in (key, issuer_key))
    extensions = [
        {"extn_id": "basic_constraints", "critical": True, "extn_value": {"ca": authority}},
        {"extn_id": "key_usage", "critical": True, "extn_value": x509.KeyUsage(usage)},
        {"extn_id": "key_identifier", "extn_value": public.sha1},
        {"extn_id": "authority_key_identifier", "extn_value": {"key_identifier": issuer_public.sha1}},
    ]
    if crl_url:
        point = {"distribution_point": x509.DistributionPointName("full_name", [_url(crl_url)])}
        extensions.append({"extn_id": "crl_distribution_points", "extn_value": [point]})
    body = x509.TbsCertificate(
        {
            "version": "v3",
            "serial_number": secrets.randbits(63) | 1 << 62,
            "signature": _ALGORITHM,
            "issuer": issuer,
            "validity": {"not_before": _time(period[0]), "not_after": _time(period[1])},
            "subject": subject,
            "subject_public_key_info": public,
            "extensions": extensions,
        }
    )
    certificate = x509.Certificate(
        {"tbs_certificate": body, "signature_algorithm": _ALGORITHM, "signature_value": issuer_key.sign(body.dump())}
    )
    der: bytes = certificate.dump()
    return der
