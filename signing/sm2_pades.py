"""PAdES signatures with SM2 and SM3, made by pyHanko with an SM2 key; it validates them with `sm2.SignatureCheck`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from datetime import UTC, datetime

from asn1crypto import algos, x509
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import SigSeedSubFilter
from pyhanko.sign.signers import Signer
from pyhanko_certvalidator.registry import SimpleCertificateStore

from records.errors import Fault, Permanent, Refused
from signing.ses_soundness import load_certificate
from signing.sm2 import Sm2Key
from signing.sm2_trust import told_name

_LONGEST_SIGNATURE = 72


class Sm2Signer(Signer):
    """Signs for pyHanko with an SM2 key in this process's memory; certificates are DER."""

    def __init__(self, key: Sm2Key, certificate: bytes, chain: Sequence[bytes] = ()) -> None:
        """Raises Permanent if the certificate is not the key's, or not in force."""
        own = load_certificate(certificate)
        if own.public_key.dump() != key.public_key:
            raise Permanent(f"certificate {told_name(own)}: the SM2 key is not its key")
        if not own.not_valid_before <= datetime.now(UTC) <= own.not_valid_after:
            raise Permanent(f"certificate {told_name(own)}: not in force at this time")
        registry = SimpleCertificateStore()  # type: ignore[no-untyped-call]
        registry.register_multiple([x509.Certificate.load(each) for each in chain])
        mechanism = algos.SignedDigestAlgorithm({"algorithm": "sm3_sm2"})
        super().__init__(signing_cert=own, cert_registry=registry, signature_mechanism=mechanism)
        self._key = key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """The DER signature over `data`; as a trial, as many zeros as it may have bytes."""
        if digest_algorithm != "sm3":
            raise Permanent(f"SM2 signs with SM3, not with {digest_algorithm}")
        return bytes(_LONGEST_SIGNATURE) if dry_run else self._key.sign(data)


def sign_pades_sm2(pdf: bytes, signer: Sm2Signer, *, field_name: str) -> bytes:
    """`pdf` with an invisible PAdES B-B signature (``ETSI.CAdES.detached``, SM3) as a further revision.

    Raises Refused for a file that pyHanko cannot read or whose earlier signatures allow no other. Must not be called
    inside a running event loop.
    """
    metadata = PdfSignatureMetadata(field_name=field_name, md_algorithm="sm3", subfilter=SigSeedSubFilter.PADES)
    try:
        writer = IncrementalPdfFileWriter(io.BytesIO(pdf))
        signed = asyncio.run(PdfSigner(metadata, signer=signer).async_sign_pdf(writer))
    except (PdfError, ValueError) as error:
        raise Refused([Fault("", "unsignable", f"the PDF cannot be signed: {error}", "PDF无法签名")]) from error
    written: bytes = signed.getvalue()
    return written
