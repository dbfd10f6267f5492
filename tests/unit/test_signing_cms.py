"""The CMS object: built byte by byte, read back by asn1crypto, and what is refused."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

import pytest
from asn1crypto import cms as asn1_cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from hypothesis import given, settings
from hypothesis import strategies as st

from signing.cms import CmsError, check_detached, check_form, check_token, signed_attributes, signed_data, unpadded

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


def _certificate(key: Key, common_name: str) -> asn1_x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    period = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC))
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), *period)
    return asn1_x509.Certificate.load(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER))


EC_KEY, RSA_KEY = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
CERTIFICATES = {"sha256_ecdsa": _certificate(EC_KEY, "印章"), "sha256_rsa": _certificate(RSA_KEY, "seal")}


def _sign(algorithm: str, attributes: bytes) -> bytes:
    if algorithm == "sha256_ecdsa":
        return EC_KEY.sign(attributes, ec.ECDSA(hashes.SHA256()))
    return RSA_KEY.sign(attributes, padding.PKCS1v15(), hashes.SHA256())


def _built(algorithm: str, document: bytes, others: tuple[asn1_x509.Certificate, ...] = ()) -> bytes:
    certificate = CERTIFICATES[algorithm]
    attributes = signed_attributes(hashlib.sha256(document).digest(), certificate)
    return signed_data(attributes, _sign(algorithm, attributes), algorithm, [certificate, *others])


@pytest.mark.parametrize("algorithm", list(CERTIFICATES))
@settings(max_examples=30, deadline=None)
@given(document=st.binary(max_size=300))
def test_what_is_built_is_sound(algorithm: str, document: bytes) -> None:
    der = _built(algorithm, document, (CERTIFICATES["sha256_rsa"],))
    checked = check_detached(der, [document[:7], document[7:]])
    assert checked.certificate.dump() == CERTIFICATES[algorithm].dump()
    parsed = asn1_cms.ContentInfo.load(der, strict=True)
    assert parsed["content"]["signer_infos"][0]["signature_algorithm"]["algorithm"].native == algorithm


def test_asn1crypto_encodes_the_same_object_to_the_same_bytes() -> None:
    der = _built("sha256_ecdsa", b"document")
    assert asn1_cms.ContentInfo.load(der).dump(force=True) == der


def test_en_319_142_1_the_signed_attributes_of_pades_and_no_signing_time() -> None:
    attributes = asn1_cms.CMSAttributes.load(signed_attributes(b"\x00" * 32, CERTIFICATES["sha256_ecdsa"]), strict=True)
    kinds = {attribute["type"].native for attribute in attributes}
    assert kinds == {"content_type", "message_digest", "signing_certificate_v2"}


@pytest.mark.rule("ESL-13b")
@settings(max_examples=30, deadline=None)
@given(position=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_one_flipped_bit_anywhere_in_the_object_is_found(position: int, bit: int) -> None:
    der = bytearray(_built("sha256_ecdsa", b"document"))
    der[position % len(der)] ^= 1 << bit
    with pytest.raises(CmsError):
        check_detached(bytes(der), [b"document"])


def test_other_bytes_are_a_digest_mismatch() -> None:
    with pytest.raises(CmsError) as error:
        check_detached(_built("sha256_rsa", b"document"), [b"another"])
    assert error.value.code == "digest_mismatch"


def test_a_certificate_put_in_place_of_the_signers_is_found() -> None:
    """signing-certificate-v2 (RFC 5035): same key, same name, same serial number, another certificate."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "印章")])
    period = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))
    serial = CERTIFICATES["sha256_ecdsa"].serial_number
    twin = x509.CertificateBuilder(name, name, EC_KEY.public_key(), serial, *period).sign(EC_KEY, hashes.SHA256())
    attributes = signed_attributes(hashlib.sha256(b"document").digest(), CERTIFICATES["sha256_ecdsa"])
    substitute = asn1_x509.Certificate.load(twin.public_bytes(serialization.Encoding.DER))
    der = signed_data(attributes, _sign("sha256_ecdsa", attributes), "sha256_ecdsa", [substitute])
    with pytest.raises(CmsError) as error:
        check_detached(der, [b"document"])
    assert error.value.code == "signing_certificate_mismatch"


@pytest.mark.rule("ESL-13b")
def test_attributes_signed_by_another_key_are_found() -> None:
    attributes = signed_attributes(hashlib.sha256(b"document").digest(), CERTIFICATES["sha256_ecdsa"])
    stranger = ec.generate_private_key(ec.SECP256R1()).sign(attributes, ec.ECDSA(hashes.SHA256()))
    with pytest.raises(CmsError) as error:
        check_detached(signed_data(attributes, stranger, "sha256_ecdsa", [CERTIFICATES["sha256_ecdsa"]]), [b"document"])
    assert error.value.code == "signature_wrong"


def test_only_zeros_may_stand_behind_the_object_in_its_room() -> None:
    der = _built("sha256_ecdsa", b"document")
    assert unpadded(der + bytes(50)) == der
    with pytest.raises(CmsError):
        unpadded(der + bytes(20) + b"\x01" + bytes(29))


@settings(max_examples=30, deadline=None)
@given(st.binary(max_size=200))
def test_rubbish_is_a_cms_error_and_nothing_else(rubbish: bytes) -> None:
    for check in (
        lambda: check_form(rubbish),
        lambda: check_detached(rubbish, [b""]),
        lambda: check_token(rubbish, b""),
    ):
        with pytest.raises(CmsError):
            check()


def test_a_detached_signature_is_no_time_stamp() -> None:
    with pytest.raises(CmsError) as error:
        check_token(_built("sha256_ecdsa", b"document"), b"document")
    assert error.value.code == "token_content"
