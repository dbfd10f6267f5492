"""Keys that sign seals: from a PKCS#12 file, a PKCS#11 token or a remote service, loaded once and kept.

The addresses are ``pkcs12:PATH``, RFC 7512 URIs (``pkcs11:token=seals;object=north?module-path=/usr/lib/….so``) and
``csc:https://…`` (`remote_keys`). A key signs with SHA-256 (ECDSA on P-256, or RSA PKCS#1 v1.5 from 2048 bits); nothing
weaker is loaded.

Load keys after a process has forked, never before: PKCS#11 modules do not survive a fork.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from asn1crypto import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from records.errors import Permanent
from signing.certificates import read_certificates
from signing.remote_keys import load_remote_key
from signing.signing_key import SHA256, SigningKey
from signing.token_keys import load_token_key

__all__ = ["SigningKey", "SoftwareKey", "load_key"]


class SoftwareKey(SigningKey):
    """A key held in this process's memory."""

    def __init__(
        self,
        private: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
        certificate: x509.Certificate,
        chain: Sequence[x509.Certificate],
    ) -> None:
        super().__init__(certificate, chain)
        self._private = private

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._private, rsa.RSAPrivateKey):
            return self._private.sign(data, padding.PKCS1v15(), SHA256)
        return self._private.sign(data, ec.ECDSA(SHA256))


def load_key(
    address: str, secret: str | None = None, *, chain: Iterable[Path] = (), token_sessions: int = 4
) -> SigningKey:
    """Load the key at `address` (see the module's docstring) and prove that it fits its certificate.

    `secret` is the passphrase of the PKCS#12 file, the PIN of the token (without it, a ``pin-source=file:PATH`` of the
    PKCS#11 URI is read), or the secrets of a remote service as JSON. `chain` names PEM files with the certificates
    between this one and its root; `token_sessions` is how many threads at most use a token at the same time.
    Raises Permanent when a person has to act (wrong PIN or passphrase, missing file, unfit key), Retry when the
    token or the service is away; the message says which and what to do. A refused PIN is not tried a second time by
    this process, however often it is asked for: tokens and services lock themselves.
    """
    above = [certificate for path in chain for certificate in read_certificates(path)]
    scheme, _, rest = address.partition(":")
    if scheme == "pkcs12":
        key = _load_pkcs12(Path(rest), secret, above)
    elif scheme == "pkcs11":
        key = load_token_key(rest, secret, above, token_sessions)
    elif scheme == "csc":
        key = load_remote_key(rest, secret, above)
    else:
        raise Permanent(
            f"key address {scheme!r}: is unknown; use pkcs12:PATH, pkcs11:token=…;object=…?module-path=… "
            "or csc:https://…?credential=…&client=…"
        )
    try:
        key.sign(b"songda: does the key fit its certificate?")
    except BaseException:
        key.close()
        raise
    return key


def _load_pkcs12(path: Path, passphrase: str | None, above: list[x509.Certificate]) -> SigningKey:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise Permanent(f"key file {path}: cannot be read ({error.strerror})") from error
    try:
        private, certificate, others = pkcs12.load_key_and_certificates(
            data, passphrase.encode() if passphrase else None
        )
    except ValueError as error:
        raise Permanent(f"key file {path}: the passphrase is wrong, or the file is no PKCS#12 file") from error
    if private is None or certificate is None:
        raise Permanent(f"key file {path}: holds no private key with its certificate")
    if not isinstance(private, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey):
        raise Permanent(f"key file {path}: only ECDSA P-256 and RSA keys can sign")
    der = serialization.Encoding.DER
    chain = [x509.Certificate.load(other.public_bytes(der)) for other in others] + above
    return SoftwareKey(private, x509.Certificate.load(certificate.public_bytes(der)), chain)
