"""SM2 with SM3: the system's libcrypto, held against the openssl command line and against GmSSL."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from asn1crypto import algos, keys
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from records.errors import Permanent
from signing import sm2

gmssl = pytest.importorskip("gmssl_pyx", reason="GmSSL (gmssl-pyx), the second implementation, is not installed")

KEY = sm2.Sm2Key.generate()
PUBLIC = KEY.public_key
ORDER = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
MESSAGE = "电子印章".encode()


def _openssl(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["openssl", *arguments], capture_output=True, text=True, check=False, timeout=20)


def _gmssl_parts(key: sm2.Sm2Key) -> tuple[bytes, bytes]:
    """(x‖y, d) as GmSSL wants them."""
    inner = keys.PrivateKeyInfo.load(key.pkcs8())["private_key"].parsed
    point = keys.PublicKeyInfo.load(key.public_key)["public_key"].native
    return bytes(point)[1:], int(inner["private_key"].native).to_bytes(32, "big")


def test_sm3_of_the_standards_example() -> None:
    # GB/T 32905 appendix A.1
    digest = "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"
    assert sm2.sm3(b"ab", b"c").hex() == digest


def test_the_openssl_command_line_accepts_our_signature_and_we_accept_its_own(tmp_path: Path) -> None:
    files = {name: tmp_path / name for name in ("key", "public", "message", "ours", "theirs")}
    files["key"].write_bytes(KEY.pkcs8())
    files["public"].write_bytes(PUBLIC)
    files["message"].write_bytes(MESSAGE)
    files["ours"].write_bytes(KEY.sign(MESSAGE))
    common = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678", "-in", str(files["message"])]
    key = ["-inkey", str(files["key"]), "-keyform", "DER"]
    public = ["-pubin", "-inkey", str(files["public"]), "-keyform", "DER"]
    checked = _openssl("pkeyutl", "-verify", *public, *common, "-sigfile", str(files["ours"]))
    assert checked.returncode == 0, checked.stderr
    made = _openssl("pkeyutl", "-sign", *key, *common, "-out", str(files["theirs"]))
    assert made.returncode == 0, made.stderr
    assert sm2.verify(PUBLIC, files["theirs"].read_bytes(), MESSAGE)


@settings(max_examples=15, deadline=None)
@given(message=st.binary(max_size=200))
def test_gmssl_agrees_both_ways(message: bytes) -> None:
    point, secret = _gmssl_parts(KEY)
    assert gmssl.sm2_verify(point, message, KEY.sign(message))
    assert sm2.verify(PUBLIC, gmssl.sm2_sign(secret, point, message), message)
    assert sm2.sm3(message) == gmssl.sm3_hash(message)


def test_raw_and_der_are_both_read() -> None:
    for _ in range(20):
        der = KEY.sign(MESSAGE)
        raw = sm2.raw_signature(der)
        assert len(raw) == 64
        assert sm2.verify(PUBLIC, der, MESSAGE)
        assert sm2.verify(PUBLIC, raw, MESSAGE)
        assert not sm2.verify(PUBLIC, raw, MESSAGE + b"\0")


def test_the_identity_of_the_signer_is_part_of_what_is_signed() -> None:
    signature = KEY.sign(MESSAGE, b"ALICE123@YAHOO.COM")
    assert sm2.verify(PUBLIC, signature, MESSAGE, b"ALICE123@YAHOO.COM")
    assert not sm2.verify(PUBLIC, signature, MESSAGE)
    assert not sm2.verify(PUBLIC, signature, MESSAGE, b"")


@pytest.mark.parametrize("place", range(0, 70, 7))
def test_a_changed_byte_in_the_signature_is_refused(place: int) -> None:
    signature = bytearray(KEY.sign(MESSAGE))
    signature[place] ^= 1
    assert not sm2.verify(PUBLIC, bytes(signature), MESSAGE)


def test_what_is_no_proper_signature_is_refused() -> None:
    r, s = (int(algos.DSASignature.load(KEY.sign(MESSAGE))[name].native) for name in ("r", "s"))
    good = KEY.sign(MESSAGE)
    forged = [(r + ORDER, s), (r, s + ORDER), (0, s), (r, 0), (r, ORDER), (-r, s)]
    hostile = [algos.DSASignature({"r": a, "s": b}).dump() for a, b in forged]
    hostile += [b"", good + b"\0", good[:-1], bytes(64), b"\xff" * 64, b"\x30" * 64, good * 2]
    assert not any(sm2.verify(PUBLIC, each, MESSAGE) for each in hostile)


def test_only_sm2_keys_verify_and_sign() -> None:
    other = ec.generate_private_key(ec.SECP256R1())
    plain = serialization.NoEncryption()
    pkcs8 = other.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, plain)
    public = other.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    assert not sm2.verify(public, KEY.sign(MESSAGE), MESSAGE)
    assert not sm2.verify(b"", KEY.sign(MESSAGE), MESSAGE)
    assert not sm2.verify(PUBLIC[:-3], KEY.sign(MESSAGE), MESSAGE)
    with pytest.raises(Permanent):
        sm2.Sm2Key(pkcs8)
    with pytest.raises(Permanent):
        sm2.Sm2Key(b"no key at all")


def test_keys_are_read_from_pem_and_from_an_encrypted_file(tmp_path: Path) -> None:
    plain, locked = tmp_path / "plain.pem", tmp_path / "locked.pem"
    made = _openssl("genpkey", "-algorithm", "SM2", "-out", str(plain))
    assert made.returncode == 0, made.stderr
    wrapped = _openssl(
        "pkcs8", "-topk8", "-in", str(plain), "-out", str(locked), "-v2", "aes-256-cbc", "-passout", "pass:secret"
    )
    assert wrapped.returncode == 0, wrapped.stderr
    key = sm2.Sm2Key(plain.read_bytes())
    assert sm2.Sm2Key(locked.read_bytes(), "secret").public_key == key.public_key
    with pytest.raises(Permanent):
        sm2.Sm2Key(locked.read_bytes(), "wrong")
    assert sm2.verify(key.public_key, sm2.Sm2Key(key.pkcs8()).sign(MESSAGE), MESSAGE)
