"""Containers of GB/T 35275: read in the forms that go about, and refused when anything in them was changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import cms, core, x509
from hypothesis import given, settings
from hypothesis import strategies as st

from signing import gbt35275, sm2
from signing.certificates import Anchor, TrustList
from signing.revocation import Evidence
from signing.sm2_testpki import Sm2Authority

NOW = datetime(2026, 6, 1, 8, tzinfo=UTC)
ROOT = Sm2Authority.make()
SIGNER = ROOT.issue("签名单位", "签名证书")
TRUST = TrustList((Anchor(x509.Certificate.load(ROOT.certificate), "made for this test", "2026-01-01"),), (), True)
GOOD = Evidence(crls=(ROOT.revocations({}, since=NOW - timedelta(days=1), until=NOW + timedelta(days=1)),))
DOCUMENT = b"<ofd:Signature/>" * 20
OWN, PKCS7 = "1.2.156.10197.6.1.4.2.", "1.2.840.113549.1.7."


def _tlv(tag: int, *parts: bytes) -> bytes:
    encoded: bytes = core.OctetString(b"".join(parts)).dump()
    return bytes([tag]) + encoded[1:]


def _oid(dotted: str) -> bytes:
    encoded: bytes = core.ObjectIdentifier(dotted).dump()
    return encoded


def _container(
    content: bytes | None, signed: bytes, *, inner: str = OWN, attributes: bool = False, raw: bool = False
) -> bytes:
    """A container over `signed`, which carries `content` if that is not None."""
    certificate = x509.Certificate.load(SIGNER.certificate)
    kind = _oid(inner + "1")
    named = cms.IssuerAndSerialNumber({"issuer": certificate.issuer, "serial_number": certificate.serial_number})
    set_of = b""
    if attributes:
        one = _tlv(0x30, _oid("1.2.840.113549.1.9.3"), _tlv(0x31, kind))
        two = _tlv(0x30, _oid("1.2.840.113549.1.9.4"), _tlv(0x31, _tlv(0x04, sm2.sm3(signed))))
        set_of = _tlv(0x31, one, two)
    signature = SIGNER.key.sign(set_of or signed)
    digest = _tlv(0x30, _oid(sm2.SM3))
    signer = _tlv(
        0x30,
        core.Integer(1).dump(),
        named.dump(),
        digest,
        b"\xa0" + set_of[1:] if attributes else b"",
        _tlv(0x30, _oid(sm2.SM2_WITH_SM3)),
        _tlv(0x04, sm2.raw_signature(signature) if raw else signature),
    )
    info = _tlv(0x30, kind, b"" if content is None else _tlv(0xA0, _tlv(0x04, content)))
    certificates = _tlv(0xA0, SIGNER.certificate)
    body = _tlv(0x30, core.Integer(1).dump(), _tlv(0x31, digest), info, certificates, _tlv(0x31, signer))
    return _tlv(0x30, _oid(OWN + "2"), _tlv(0xA0, body))


def _codes(der: bytes, document: bytes = DOCUMENT, **more: Any) -> list[str]:
    verdict = gbt35275.verify_container(der, [document], TRUST, evidence=GOOD, now=NOW, **more)
    assert verdict.signatures[0].profile == "GB/T 35275-2017"
    return [verdict.verdict, *(reason.code for reason in verdict.reasons)]


@pytest.mark.parametrize("raw", [False, True])
@pytest.mark.parametrize("attributes", [False, True])
@pytest.mark.parametrize("inner", [OWN, PKCS7])
@pytest.mark.parametrize("carries", ["nothing", "digest", "document"])
def test_the_forms_that_go_about_are_read(carries: str, inner: str, attributes: bool, raw: bool) -> None:
    digest = sm2.sm3(DOCUMENT)
    content = {"nothing": None, "digest": digest, "document": DOCUMENT}[carries]
    der = _container(content, DOCUMENT if content is None else content, inner=inner, attributes=attributes, raw=raw)
    assert gbt35275.read_container(der).content == content
    assert _codes(der) == ["valid", "valid", "test_key"]
    digested = carries != "nothing" or attributes
    # without any digest in it, only the signature can tell
    assert _codes(der, DOCUMENT + b" ")[:2] == ["invalid", "changed" if digested else "signature_wrong"]


WITH, WITHOUT = (_container(sm2.sm3(DOCUMENT), sm2.sm3(DOCUMENT), attributes=each) for each in (True, False))


@settings(max_examples=60, deadline=None)
@given(place=st.integers(0, len(WITHOUT) - 1), attributes=st.booleans())
def test_a_changed_byte_in_content_attributes_or_signature_refuses(place: int, attributes: bool) -> None:
    changed = bytearray(WITH if attributes else WITHOUT)
    changed[place] ^= 1
    container = gbt35275.read_container(WITH if attributes else WITHOUT)
    try:
        told = gbt35275.read_container(bytes(changed))
    except gbt35275.ContainerError:
        return
    if told != container:
        assert _codes(bytes(changed))[0] != "valid"


def test_a_certificate_has_one_encoding_only() -> None:
    """X.690 11.2: a signature is a string of octets; one that claims an unused bit reads the same and is refused."""
    der = x509.Certificate.load(SIGNER.certificate)["signature_value"].dump()
    assert WITHOUT.count(der) == 1 and der[2] == 0
    for spare in range(1, 8):
        twin = WITHOUT.replace(der, der[:2] + bytes([spare]) + der[3:])
        try:
            assert _codes(twin)[0] != "valid"
        except gbt35275.ContainerError:
            continue


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=80))
def test_what_is_no_container_is_invalid(data: bytes) -> None:
    assert _codes_of_nothing(data) == ["invalid", "signature_unreadable"]


def _codes_of_nothing(data: bytes) -> list[str]:
    verdict = gbt35275.verify_container(data, [b""], TRUST, now=NOW)
    return [verdict.verdict, *(reason.code for reason in verdict.reasons)]


def test_a_signer_without_proof_of_no_revocation_stays_open() -> None:
    verdict = gbt35275.verify_container(WITH, [DOCUMENT], TRUST, now=NOW)
    assert verdict.verdict == "indeterminate"
    assert verdict.reasons[0].code == "revocation_unknown"
