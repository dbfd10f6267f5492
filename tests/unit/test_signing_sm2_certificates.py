"""SM2 certificates and CRLs, held against the openssl command line both ways (distid 1234567812345678, GM/T 0009)."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

from asn1crypto import pem, x509

from signing.certificates import Anchor, TrustList, read_certificates
from signing.revocation import Evidence
from signing.sm2 import Sm2Key
from signing.sm2_testpki import Sm2Authority
from signing.sm2_trust import distrust

DISTID = "distid:1234567812345678"
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
ROOT = Sm2Authority.make()


def _openssl(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    words = ["openssl", *map(str, arguments)]
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=20)


def test_openssl_accepts_our_certificates(tmp_path: Path) -> None:
    root, leaf = tmp_path / "root.pem", tmp_path / "leaf.pem"
    root.write_bytes(pem.armor("CERTIFICATE", ROOT.certificate))
    leaf.write_bytes(pem.armor("CERTIFICATE", ROOT.issue("民航", "行政执法专用章").certificate))
    good = _openssl("verify", "-vfyopt", DISTID, "-CAfile", root, leaf)
    assert good.returncode == 0, good.stderr
    other = tmp_path / "other.pem"
    other.write_bytes(pem.armor("CERTIFICATE", Sm2Authority.make().certificate))
    assert _openssl("verify", "-vfyopt", DISTID, "-CAfile", other, leaf).returncode != 0


def test_openssl_accepts_the_signature_of_our_crl(tmp_path: Path) -> None:
    """By its own command for signatures: `openssl verify` takes the identity for certificates only, not for CRLs."""
    made = ROOT.revocations({7: NOW - DAY}, since=NOW - DAY, until=NOW + DAY)
    files = {name: tmp_path / name for name in ("body", "signature", "key")}
    files["body"].write_bytes(made["tbs_cert_list"].dump())
    files["signature"].write_bytes(made["signature"].native)
    files["key"].write_bytes(ROOT.key.public_key)
    words = ("pkeyutl", "-verify", "-pubin", "-inkey", files["key"], "-keyform", "DER", "-rawin", "-digest", "sm3")
    words = (*words, "-pkeyopt", DISTID, "-sigfile", files["signature"], "-in", files["body"])
    assert _openssl(*words).returncode == 0
    files["body"].write_bytes(made["tbs_cert_list"].dump()[:-1] + b"\0")
    assert _openssl(*words).returncode != 0


def test_we_accept_a_certificate_that_openssl_made_and_none_of_another_identity(tmp_path: Path) -> None:
    def made(name: str, distid: str) -> x509.Certificate:
        key, certificate = tmp_path / f"{name}.key", tmp_path / f"{name}.pem"
        assert _openssl("genpkey", "-algorithm", "SM2", "-out", key).returncode == 0
        subject = ("-subj", f"/C=CN/O=TEST/CN={name}", "-days", "30")
        sign = ("-sm3", "-sigopt", distid, "-addext", "keyUsage=critical,nonRepudiation,keyCertSign,cRLSign")
        done = _openssl("req", "-x509", "-new", "-key", key, *subject, *sign, "-out", certificate)
        assert done.returncode == 0, done.stderr
        return read_certificates(certificate)[0]

    def leaf(of: str, distid: str) -> x509.Certificate:
        """A certificate by the root `of`."""
        key, request, out = (tmp_path / f"leaf-{of}.{each}" for each in ("key", "csr", "pem"))
        assert _openssl("genpkey", "-algorithm", "SM2", "-out", key).returncode == 0
        named = ("-subj", "/C=CN/O=TEST/CN=leaf", "-sm3", "-sigopt", distid)
        assert _openssl("req", "-new", "-key", key, *named, "-out", request).returncode == 0
        by = ("-CA", tmp_path / f"{of}.pem", "-CAkey", tmp_path / f"{of}.key", "-CAcreateserial", "-days", "9")
        usage = tmp_path / "usage.cnf"
        usage.write_text("keyUsage=critical,nonRepudiation\nauthorityKeyIdentifier=keyid\nsubjectKeyIdentifier=hash\n")
        with_usage = ("-extfile", usage, "-sm3", "-sigopt", distid, "-vfyopt", distid)
        done = _openssl("x509", "-req", "-in", request, *by, *with_usage, "-out", out)
        assert done.returncode == 0, done.stderr
        return read_certificates(out)[0]

    def reason(root: str, distid: str) -> str:
        trust = TrustList((Anchor(made(root, distid), "made by openssl", "2026-11-28"),), (), True)
        found = distrust(leaf(root, distid), trust, datetime.now(UTC) + timedelta(seconds=5), Evidence())
        return found.code if found else ""

    assert reason("ours", DISTID) == "revocation_unknown", "the path holds; only a CRL is missing"
    assert reason("others", "distid:someone@else") in ("untrusted", "certificate_unfit")


def test_openssl_reads_the_encrypted_key_that_we_write(tmp_path: Path) -> None:
    key, file = Sm2Key.generate(), tmp_path / "key.p8"
    file.write_bytes(key.encrypted("秘密 secret"))
    told = _openssl("pkey", "-inform", "DER", "-in", file, "-passin", "pass:秘密 secret", "-pubout", "-outform", "PEM")
    assert told.returncode == 0, told.stderr
    assert pem.unarmor(told.stdout.encode())[2] == key.public_key
    assert _openssl("pkey", "-inform", "DER", "-in", file, "-passin", "pass:wrong", "-noout").returncode != 0
    assert Sm2Key(file.read_bytes(), "秘密 secret").public_key == key.public_key
