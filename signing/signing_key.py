"""What every key that signs seals has in common, wherever it is kept."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from asn1crypto import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from records.errors import Permanent
from signing.certificates import is_test
from signing.parsing import whole

SHA256 = hashes.SHA256()


class SigningKey(ABC):
    """A private key that is ready to sign, with its certificate and what is known of the chain above it.

    `certificate` and `chain` are asn1crypto certificates; `algorithm` is the name of the signature algorithm in
    asn1crypto's words (``sha256_ecdsa`` or ``sha256_rsa``). Safe to use from several threads.
    """

    def __init__(self, certificate: x509.Certificate, chain: Sequence[x509.Certificate]) -> None:
        self.certificate = whole(certificate)
        self.chain = tuple(whole(each) for each in chain)
        self._public = _public_key(certificate)
        self.algorithm = "sha256_ecdsa" if isinstance(self._public, ec.EllipticCurvePublicKey) else "sha256_rsa"

    @property
    def test(self) -> bool:
        """Whether this is a TEST key: it says so in its certificate."""
        return is_test(self.certificate)

    def close(self) -> None:  # noqa: B027 - most keys hold nothing open
        """Close the connections behind the key, if there are any."""

    @abstractmethod
    def _sign(self, data: bytes) -> bytes: ...

    def sign(self, data: bytes) -> bytes:
        """The signature over `data` (DER for ECDSA). Raises Retry or Permanent, never returns a wrong signature."""
        signature = self._sign(data)
        try:
            if isinstance(self._public, ec.EllipticCurvePublicKey):
                self._public.verify(signature, data, ec.ECDSA(SHA256))
            else:
                self._public.verify(signature, data, padding.PKCS1v15(), SHA256)
        except InvalidSignature as error:
            raise Permanent(
                "the key does not belong to its certificate, or its token or service signs wrongly: "
                "the signature it made does not verify with the certificate's public key"
            ) from error
        return signature


def _public_key(certificate: x509.Certificate) -> ec.EllipticCurvePublicKey | rsa.RSAPublicKey:
    public = serialization.load_der_public_key(certificate.public_key.dump())
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, ec.SECP256R1):
        return public
    if isinstance(public, rsa.RSAPublicKey) and public.key_size >= 2048:
        return public
    raise Permanent("only ECDSA P-256 and RSA keys from 2048 bits can sign")
