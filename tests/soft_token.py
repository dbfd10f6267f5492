"""A SoftHSM2 token of the tests' own: made, filled, unplugged and plugged in again."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"
needs_softhsm = pytest.mark.skipif(not MODULE.exists(), reason="the SoftHSM2 module is not installed (apt: softhsm2)")

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class SoftToken:
    """A token in a folder; whoever uses it needs `environment`."""

    folder: Path
    label: str

    @classmethod
    def make(cls, folder: Path, label: str) -> SoftToken:
        token = cls(folder, label)
        (folder / "tokens").mkdir(parents=True)
        settings = f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n"
        (folder / "softhsm2.conf").write_text(settings)
        command = ["softhsm2-util", "--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "123456"]
        subprocess.run(command, check=True, capture_output=True, env=token.environment)
        return token

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SOFTHSM2_CONF": str(self.folder / "softhsm2.conf")}

    def uri(self, name: str) -> str:
        return f"pkcs11:token={self.label};object={name}?module-path={MODULE}"

    def put(self, name: str, identifier: str, key: PrivateKey, certificate: x509.Certificate) -> None:
        pkcs8 = serialization.PrivateFormat.PKCS8
        pem = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
        (self.folder / "key.pem").write_bytes(pem)
        (self.folder / "certificate.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
        names = ["--label", name, "--id", identifier]
        imported = ["softhsm2-util", "--import", "key.pem", "--token", self.label, "--pin", PIN, *names]
        written = ["pkcs11-tool", "--module", str(MODULE), "--token-label", self.label, "--login", "--pin", PIN, *names]
        written += ["--write-object", "certificate.der", "--type", "cert"]
        for command in (imported, written):
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True, env=self.environment)
        (self.folder / "key.pem").unlink()

    def unplug(self) -> None:
        (self.folder / "tokens").rename(self.folder / "away")
        (self.folder / "tokens").mkdir()

    def plug(self) -> None:
        (self.folder / "tokens").rmdir()
        (self.folder / "away").rename(self.folder / "tokens")


@contextmanager
def in_this_process(token: SoftToken) -> Iterator[SoftToken]:
    """Let the module in this process find the token."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", token.environment["SOFTHSM2_CONF"])
        yield token


def self_signed(key: PrivateKey) -> x509.Certificate:
    """A certificate that nobody trusts."""
    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "rsa"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "局")]
    )
    return x509.CertificateBuilder(
        name, name, key.public_key(), 7, datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    ).sign(key, hashes.SHA256())
