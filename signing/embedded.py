"""What a PDF's signatures hold beside what pyHanko checks: proof, time stamp tokens, and the bytes nobody signed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from asn1crypto import cms, crl, ocsp, tsp, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import enumerate_sig_fields
from pyhanko.sign.validation import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from signing.certificates import TrustList, name_of
from signing.cms import CmsError, check_form, stray_certificates, unpadded
from signing.fields import PADES_SUBFILTER
from signing.parsing import parsed
from signing.revocation import Evidence

_MOST_FIELDS = 1000
_GAP = re.compile(rb"<(?:(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+)>")


@dataclass(frozen=True)
class Proof:
    """What the file's security store holds."""

    certificates: tuple[x509.Certificate, ...]
    evidence: Evidence
    _contexts: dict[datetime, ValidationContext] = field(default_factory=dict, compare=False)

    def context(self, trust: TrustList, moment: datetime) -> ValidationContext:
        """In which pyHanko validates the certificates of this file at `moment` (aware); one for each moment."""
        if moment not in self._contexts:
            self._contexts[moment] = trust.context(moment, certificates=self.certificates, evidence=self.evidence)
        return self._contexts[moment]

    @classmethod
    def of(cls, reader: PdfFileReader) -> Proof:
        """Read the security store; unreadable entries are left out, and then prove nothing."""
        return cls(
            tuple(_entries(reader, "/Certs", x509.Certificate)),
            Evidence(
                tuple(_entries(reader, "/OCSPs", ocsp.OCSPResponse)),
                tuple(_entries(reader, "/CRLs", crl.CertificateList)),
            ),
        )


def _entries(reader: PdfFileReader, key: str, kind: Any) -> Iterable[Any]:
    try:
        for stream in reader.root["/DSS"][key]:
            yield parsed(kind, stream.get_object().data)
    except Exception:  # a hostile store may break the parser anywhere; what was not read proves nothing
        return


def covered(signature: EmbeddedPdfSignature) -> int:
    """Where the second stretch of the ByteRange ends; 0 when there is none that could be read."""
    try:
        return sum(int(value) for value in list(signature.byte_range)[2:4])
    except (ValueError, TypeError):
        return 0


def missing_counter_signatures(reader: PdfFileReader) -> list[str]:
    """The names of the fields that a signature kept for counter-signatures and that are still empty."""
    fields = islice(enumerate_sig_fields(reader, filled_status=False), _MOST_FIELDS)
    return [name for name, _, field in fields if _asked(field) == [PADES_SUBFILTER]]


def _asked(field: Any) -> list[Any]:
    try:
        return list(field.get_object()["/SV"]["/SubFilter"])
    except Exception:  # no seed value, or a hostile one: not a field that we keep
        return []


def tokens_of(signature: EmbeddedPdfSignature) -> list[cms.ContentInfo]:
    """The signature time stamps beside a signature."""
    return [
        token
        for attribute in signature.signer_info["unsigned_attrs"] or ()
        if attribute["type"].native == "signature_time_stamp_token"
        for token in attribute["values"]
    ]


def certificates_in(data: cms.SignedData) -> list[x509.Certificate]:
    """The certificates of a CMS object."""
    return [choice.chosen for choice in data["certificates"] if choice.name == "certificate"]


def time_in(token: cms.SignedData) -> datetime:
    """The time (UTC) that a time stamp names, which is not verified by that. Raises for what is none."""
    info: Any = tsp.TSTInfo.load(bytes(token["encap_content_info"]["content"]))
    time: datetime = info["gen_time"].native
    return time


def claimed_certificate(signature: EmbeddedPdfSignature) -> x509.Certificate | None:
    """Whose signature it claims to be, where even that can still be read."""
    try:
        certificate = certificates_in(signature.signed_data)[0]
        _ = certificate.native  # parses all of it
    except Exception:
        return None
    return certificate


def check_room(pdf: bytes, byte_range: Sequence[int], contents: bytes) -> None:
    """Check that a ByteRange is two stretches of the file and its gap exactly the signature. Raises CmsError."""
    if len(byte_range) != 4 or byte_range[0] != 0 or min(byte_range) < 0 or sum(byte_range[2:]) > len(pdf):
        raise CmsError("byte_range", "its ByteRange is not two stretches of this file")
    gap = pdf[byte_range[1] : byte_range[2]]
    if not _GAP.fullmatch(gap) or bytes.fromhex(gap[1:-1].decode()) != contents:
        raise CmsError("byte_range", "the gap of its ByteRange is not exactly the signature")


def check_unsigned(
    pdf: bytes, signature: EmbeddedPdfSignature, trust: TrustList, proof: Proof, path: Iterable[Any]
) -> None:
    """Check what no signature covers: the room of the signature, and the CMS object around the signed attributes.

    pyHanko compares lengths only, so a literal string would leave room in the gap for entries that nobody signed.
    Raises CmsError.
    """
    contents = bytes(signature.pkcs7_content)
    check_room(pdf, [int(value) for value in signature.byte_range], contents)
    check_form(unpadded(contents))
    known = [*trust.roots, *trust.intermediates, *proof.certificates]
    known += [each for each in path if isinstance(each, x509.Certificate)]
    tokens = tokens_of(signature)
    for token in tokens:
        check_form(token.dump())
    embedded = [
        *signature.other_embedded_certs,
        *(each for token in tokens for each in certificates_in(token["content"])),
    ]
    if stray := stray_certificates(embedded, known):
        raise CmsError("stray_certificate", f"it carries a certificate that nobody issued: {name_of(stray[0])}")
