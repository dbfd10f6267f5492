"""A second reader of sealed PDFs that shares nothing with pyHanko: it has to agree before a document is released.

The PDF is parsed by qpdf (pikepdf), the CMS object by asn1crypto, the cryptography is `cryptography`'s. It answers one
question, whether the signature covers these bytes and was made with the key of the certificate inside; whether that
certificate is trusted is for `verification`.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pikepdf
from pikepdf import Name

from records.errors import Fault, Refused
from signing.cms import CheckedToken, CmsError, check_detached, check_token, unpadded
from signing.fields import PADES_SUBFILTER, SEAL_SUBFILTER, asked_signer, kept_for
from signing.revisions import ends_with_stray_bytes, later_changes
from signing.ses import read_seal_signature
from signing.ses_soundness import broken_seal, broken_signature, load_certificate

_GAP = re.compile(rb"<(?:(?:[0-9a-f]{2})+|(?:[0-9A-F]{2})+)>")
_REVISION_END = re.compile(rb"%%EOF(?:\r\n|\r|\n)?\Z")


@dataclass(frozen=True)
class ReadSeal:
    """One sound signature. `kind` is ``Sig``, ``DocTimeStamp`` or ``ElectronicSeal``; `covers` counts bytes.

    `certificate_serial` is hexadecimal; `stamped_at` (UTC) is None for a signature without a time stamp, `stamp` the
    time stamp itself.
    """

    field: str
    kind: str
    covers: int
    certificate_serial: str
    stamp: CheckedToken | None

    @property
    def stamped_at(self) -> datetime | None:
        """When the authority says that it stamped (UTC)."""
        return self.stamp.time if self.stamp else None


@dataclass(frozen=True)
class Reading:
    """What the reader found. Only with `sound` is the file whole: at least one signature, and nothing wrong."""

    seals: tuple[ReadSeal, ...]
    faults: tuple[Fault, ...]

    @property
    def sound(self) -> bool:
        """Whether every signature is sound and covers everything but its own room and allowed later proof."""
        return not self.faults and any(seal.kind == "Sig" for seal in self.seals)


def read_seals(pdf: bytes) -> Reading:
    """Read every signature of a file. Never raises for what the file holds: it comes back as faults."""
    try:
        with pikepdf.open(io.BytesIO(pdf), attempt_recovery=False, suppress_warnings=True) as opened:
            return _read(pdf, opened)
    except (pikepdf.PdfError, pikepdf.PasswordError, ValueError, TypeError, KeyError, AttributeError) as error:
        return Reading((), (Fault("", "unreadable", f"not a readable PDF: {error}", "无法读取的PDF文件"),))


def read_independently(pdf: bytes) -> dict[str, Any]:
    """What stands in the record of a release: the sound signatures of a file, as JSON.

    Raises Refused with every fault when the file is not sound.
    """
    reading = read_seals(pdf)
    if not reading.sound:
        raise Refused(reading.faults)
    return {
        "signatures": [
            {
                "field": seal.field,
                "kind": seal.kind,
                "covers": seal.covers,
                "serial": seal.certificate_serial,
                "timestamp": seal.stamped_at.strftime("%Y-%m-%dT%H:%M:%SZ") if seal.stamped_at else None,
            }
            for seal in reading.seals
        ]
    }


def _read(pdf: bytes, opened: pikepdf.Pdf) -> Reading:
    seals, faults = [], []
    for name, dictionary, asked in _signatures(opened):
        try:
            seals.append(_check(pdf, name, dictionary, asked))
        except CmsError as error:
            faults.append(Fault(f"/{name}", error.code, str(error)))
        except (ValueError, TypeError, KeyError, AttributeError, pikepdf.PdfError) as error:
            faults.append(Fault(f"/{name}", "signature_unreadable", f"the signature cannot be read: {error}"))
    faults += [
        Fault(f"/{name}", "counter_signature_missing", "the counter-signature is missing", "缺少副署签名")
        for name in _kept_empty(opened)
    ]
    if opened.get_warnings():
        faults.append(Fault("", "damaged", "the file's structure is damaged"))
    if not faults and not any(seal.kind == "Sig" for seal in seals):
        faults.append(Fault("", "unsigned", "the file carries no signature", "文件没有数字签名"))
    if seals and ends_with_stray_bytes(pdf, max(seal.covers for seal in seals)):
        faults.append(Fault("", "appended", "bytes that belong to no revision were appended", "文件末尾被附加了内容"))
    if seals:
        faults += later_changes(pdf, min(seal.covers for seal in seals))
    return Reading(tuple(seals), tuple(dict.fromkeys(faults)))


def _signatures(pdf: pikepdf.Pdf) -> Iterator[tuple[str, Any, bytes | None]]:
    """(field name, signature dictionary, certificate asked for) of every filled signature field, nested ones too."""
    waiting = [("", field) for field in pdf.Root.get("/AcroForm", pikepdf.Dictionary()).get("/Fields", [])]
    seen = 0
    while waiting and seen < 10_000:
        seen += 1
        prefix, field = waiting.pop(0)
        name = prefix + str(field.get("/T", ""))
        if field.get("/FT") == Name.Sig and "/V" in field:
            yield name, field.V, asked_signer(field)
        waiting += [(f"{name}.", kid) for kid in field.get("/Kids", []) if "/T" in kid or "/FT" in kid]


def _kept_empty(pdf: pikepdf.Pdf) -> list[str]:
    """The fields in which a counter-signature is still to stand."""
    fields: Iterable[Any] = pdf.Root.get("/AcroForm", pikepdf.Dictionary()).get("/Fields", [])
    return [str(field.get("/T", "")) for field in fields if kept_for(field) == PADES_SUBFILTER]


def _check(pdf: bytes, name: str, dictionary: Any, asked: bytes | None) -> ReadSeal:
    values = [int(value) for value in dictionary.ByteRange]
    if len(values) != 4 or values[0] != 0 or min(values) < 0 or values[1] >= values[2]:
        raise CmsError("byte_range", "the ByteRange is not two stretches that begin at the first byte")
    before, after, end = values[1], values[2], values[2] + values[3]
    if end > len(pdf):
        raise CmsError("byte_range", "the ByteRange reaches beyond the end of the file")
    gap = pdf[before:after]
    contents = bytes(dictionary.Contents)
    if not _GAP.fullmatch(gap) or bytes.fromhex(gap[1:-1].decode("ascii")) != contents:
        raise CmsError("byte_range", "the gap of the ByteRange is not exactly the signature")
    if not _REVISION_END.search(pdf[max(0, end - 8) : end]):
        raise CmsError("byte_range", "the signed bytes do not end where a revision of the file ends")
    view = memoryview(pdf)
    signed: list[bytes | memoryview] = [view[:before], view[after:end]]
    der = unpadded(contents)
    if dictionary.get("/SubFilter") == Name("/ETSI.RFC3161"):
        token = check_token(der, b"".join(signed))
        return ReadSeal(name, "DocTimeStamp", end, f"{token.certificate.serial_number:x}", token)
    if dictionary.get("/SubFilter") == SEAL_SUBFILTER:
        return ReadSeal(name, "ElectronicSeal", end, _check_electronic(der, signed), None)
    if dictionary.get("/SubFilter") != Name("/ETSI.CAdES.detached"):
        raise CmsError("subfilter", "the signature is not a PAdES signature (ETSI.CAdES.detached)")
    checked = check_detached(der, signed)
    if asked is not None and checked.certificate.dump() != asked:
        raise CmsError("counter_signer", "it stands in a field that was kept for another certificate")
    stamp = check_token(checked.timestamp_token, checked.signature) if checked.timestamp_token is not None else None
    return ReadSeal(name, "Sig", end, f"{checked.certificate.serial_number:x}", stamp)


def _check_electronic(der: bytes, signed: list[bytes | memoryview]) -> str:
    """Check a signature with an electronic seal (GB/T 38540); gives the serial number of its certificate."""
    signature = read_seal_signature(der)
    signer = load_certificate(signature.signed.certificate)
    maker = load_certificate(signature.seal.signed.certificate)
    for reason in (*broken_signature(signature, signer, signed), *broken_seal(signature.seal, maker)):
        raise CmsError(reason.code, reason.text_en)
    return f"{signer.serial_number:x}"
