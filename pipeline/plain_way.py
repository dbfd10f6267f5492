"""The same documents the plain way: what the first page of each tool's documentation shows."""

from __future__ import annotations

import io
import subprocess
import tempfile
from pathlib import Path

import weasyprint

from pipeline.measuring import LEGAL_START, cpu_ms, imprint_of, short, world
from templates.catalogue import catalogue
from templates.printing import reading_page
from templates.typesetters.word import fill


def measure_plain_way(count: int) -> dict[str, float]:
    """The same documents the plain way."""
    decision, letter = catalogue().get("penalty-decision"), catalogue().get("confirmation-letter")
    pages = [reading_page(decision, short(n), imprint_of(world())) for n in range(min(count, 10))]
    found = {"plain_print_weasyprint_cpu_ms": _weasyprint(pages)}
    with tempfile.TemporaryDirectory() as folder:
        filled = Path(folder) / "letter.docx"
        filled.write_bytes(fill((letter.folder / "body.docx").read_bytes(), letter.sample_facts()))
        profile = f"-env:UserInstallation=file://{folder}/profile"
        arguments = ["soffice", profile, "--headless", "--convert-to", "pdf", "--outdir", folder, str(filled)]

        def office(_number: int) -> None:
            subprocess.run(arguments, check=False, capture_output=True)  # a fresh profile makes it leave with 81 once

        found["plain_print_libreoffice_cpu_ms"] = cpu_ms(office, max(3, count // 8), children=True, warm=2)
    found["plain_seal_rsa_cpu_ms"] = _seal(weasyprint.HTML(string=pages[0]).write_pdf(), count)
    return found


def _weasyprint(pages: list[str]) -> float:
    return cpu_ms(lambda n: weasyprint.HTML(string=pages[n % len(pages)]).write_pdf(), min(10, len(pages)))


def _seal(pdf: bytes, count: int) -> float:
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import rsa
    from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12
    from cryptography.x509.oid import NameOID
    from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
    from pyhanko.sign import PdfSignatureMetadata, SimpleSigner, sign_pdf

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plain")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    certificate = (
        builder.not_valid_before(LEGAL_START).not_valid_after(LEGAL_START.replace(year=2040)).sign(key, hashes.SHA256())
    )
    bundle = pkcs12.serialize_key_and_certificates(b"k", key, certificate, None, BestAvailableEncryption(b"secret"))
    signer = SimpleSigner.load_pkcs12_data(bundle, other_certs=[], passphrase=b"secret")

    def sign(_number: int) -> None:
        sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), PdfSignatureMetadata(field_name="Seal"), signer=signer)

    return cpu_ms(sign, min(count, 10))
