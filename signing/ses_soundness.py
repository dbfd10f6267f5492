"""Whether a signature with an electronic seal is sound: digest, signatures, the signer named by the seal, periods.

Whom to trust is another question, for `ses_verification`. No pyHanko here: the second reader asks this too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from hmac import compare_digest

from asn1crypto import x509

from signing import sm2
from signing.ses import ALGORITHMS, Seal, SealSignature, Signed
from signing.verdicts import Reason


def load_certificate(der: bytes) -> x509.Certificate:
    """The certificate, with its key and number parsed. Raises ValueError for what is none."""
    try:
        certificate = x509.Certificate.load(der, strict=True)
        _ = certificate.public_key.native, certificate.serial_number
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"not a certificate: {error}") from error
    if certificate["signature_value"].contents[:1] != b"\0":  # one certificate would have two encodings (X.690 11.2)
        raise ValueError("the signature of the certificate is not a string of octets")
    return certificate


def broken_signature(
    signature: SealSignature, signer: x509.Certificate, document: Sequence[bytes | memoryview]
) -> list[Reason]:
    """What is wrong with the signature itself, whoever is trusted."""
    reasons = []
    if not compare_digest(signature.digest, sm2.sm3(*document)):
        reasons.append(Reason.of("changed"))
    if not _fits(signature.signed, signer):
        reasons.append(Reason.of("signature_wrong"))
    if not may_use(signature.seal, signature.signed.certificate):
        reasons.append(Reason.of("seal_signer", signature.seal.name))
    seal, claimed = signature.seal, signature.claimed_at
    if claimed is not None and not seal.valid_from <= claimed <= seal.valid_to:
        reasons.append(Reason.of("seal_period", period_of(seal)))
    return reasons


def broken_seal(seal: Seal, maker: x509.Certificate) -> list[Reason]:
    """What is wrong with the seal itself."""
    if not _fits(seal.signed, maker):
        return [Reason.of("seal_changed")]
    return [] if seal.valid_from < seal.valid_to else [Reason.of("seal_period", period_of(seal))]


def _fits(signed: Signed, certificate: x509.Certificate) -> bool:
    key = certificate.public_key.dump()
    return signed.algorithm in ALGORITHMS and sm2.verify(key, signed.signature, signed.content)


def may_use(seal: Seal, certificate: bytes) -> bool:
    """Whether the seal's list names that certificate (DER), byte for byte; a renewed one needs a new seal (§6.2.2).

    Of lists of digests, those made with SM3 or SHA-256 count.
    """
    if certificate in seal.certificates:
        return True
    digests = {"SM3": sm2.sm3(certificate), "SHA256": _sha256(certificate)}
    return any(digests.get(_plain(name)) == value for name, value in seal.digests)


def _plain(name: str) -> str:
    """The name of a digest as makers write it: ``SM3``, ``sha-256``, or its object identifier."""
    known = {sm2.SM3: "SM3", "2.16.840.1.101.3.4.2.1": "SHA256"}
    return known.get(name, name.upper().replace("-", ""))


def _sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def period_of(seal: Seal) -> str:
    """From when to when the seal may be used."""
    return f"{seal.valid_from:%Y-%m-%d} – {seal.valid_to:%Y-%m-%d}"
