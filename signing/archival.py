"""What a file claims as an archival one (PDF/A, ISO 19005), and what later revisions obviously did to that claim.

This is information and no trust: no rule of PDF/A is validated here, and the verdict does not follow from it.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pikepdf
from lxml import etree  # type: ignore[import-untyped]
from pikepdf import Array, Dictionary, Name
from pyhanko.pdf_utils.reader import PdfFileReader

from signing.revisions import only_proof_follows
from signing.verdicts import ArchivalClaim, Reason

_PDFA = "http://www.aiim.org/pdfa/ns/id/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_LARGEST = 64 * 1024  # bytes as they stand in the file, compressed: it cannot become very much more than that


def claim_of(pdf: bytes, reader: PdfFileReader, signed: int) -> ArchivalClaim | None:
    """The claim of the file, or None without one; `signed` bytes is the revision that the first signature covers."""
    try:
        metadata = reader.root["/Metadata"]
        now = _claimed(metadata.data) if len(metadata.encoded_data) <= _LARGEST else None
    except Exception:  # no metadata, or hostile ones: then nothing is claimed
        now = None
    later = 0 < signed < len(pdf) and not only_proof_follows(pdf, signed)
    if not later:
        return ArchivalClaim(*now, (_told(now),)) if now else None
    try:
        return _after_revisions(pdf[:signed], pdf, now)
    except (pikepdf.PdfError, etree.LxmlError, ValueError, TypeError, KeyError, AttributeError):
        return ArchivalClaim(*now, (_told(now), Reason.of("pdfa_unreadable"))) if now else None


def _told(claim: tuple[int, str]) -> Reason:
    return Reason.of("pdfa_claimed", f"PDF/A-{claim[0]}{claim[1].lower()}")


def _claimed(metadata: bytes) -> tuple[int, str] | None:
    """Part and conformance level, as elements or as attributes of the description (XMP, ISO 16684-1)."""
    root = etree.fromstring(metadata, etree.XMLParser(resolve_entities=False, no_network=True))
    found: dict[str, str] = {}
    for description in root.iter(f"{{{_RDF}}}Description"):
        for name in ("part", "conformance"):
            value = description.get(f"{{{_PDFA}}}{name}") or description.findtext(f"{{{_PDFA}}}{name}")
            if value:
                found[name] = value.strip()
    if not found.get("part", "").isdecimal():
        return None
    return int(found["part"][:4]), found.get("conformance", "")[:2]


def _after_revisions(before: bytes, after: bytes, claim: tuple[int, str] | None) -> ArchivalClaim | None:
    with pikepdf.open(io.BytesIO(before)) as old, pikepdf.open(io.BytesIO(after)) as new:
        then = _claimed(bytes(old.Root.Metadata.read_bytes())) if _has_metadata(old) else None
        subject = claim or then
        if subject is None:
            return None
        notes = [_told(subject)]
        if then != claim:
            was, now = (f"PDF/A-{each[0]}{each[1].lower()}" if each else "–" for each in (then, claim))
            notes.append(Reason.of("pdfa_claim_changed", f"{was} → {now}"))
        if _acts(new) and not _acts(old):
            notes.append(Reason.of("pdfa_script"))
        if subject[1].upper() == "A" and _is_tagged(old) and not _is_tagged(new):
            notes.append(Reason.of("pdfa_tags"))
        if len(_bare(new)) > len(_bare(old)):
            notes.append(Reason.of("pdfa_annotation"))
        return ArchivalClaim(*subject, tuple(notes))


def _has_metadata(pdf: pikepdf.Pdf) -> bool:
    return "/Metadata" in pdf.Root and len(pdf.Root.Metadata.read_raw_bytes()) <= _LARGEST


def _acts(pdf: pikepdf.Pdf) -> bool:
    """Whether the document does something by itself: scripts by name, actions on opening, additional actions."""
    root = pdf.Root
    opening = root.get("/OpenAction")
    runs = isinstance(opening, Dictionary) and opening.get("/S") not in (Name.GoTo, Name.Named)
    fields = root.get("/AcroForm", Dictionary()).get("/Fields", Array())
    acting = any("/AA" in each for each in [root, *fields, *(page.obj for page in pdf.pages)])
    return runs or acting or "/JavaScript" in root.get("/Names", Dictionary())


def _is_tagged(pdf: pikepdf.Pdf) -> bool:
    return bool(pdf.Root.get("/MarkInfo", Dictionary()).get("/Marked", False)) and "/StructTreeRoot" in pdf.Root


def _bare(pdf: pikepdf.Pdf) -> list[Any]:
    """Annotations that take up room on a page and have no appearance (ISO 19005-2 6.3.3)."""
    return [each for each in _annotations(pdf) if "/AP" not in each and _has_room(each)]


def _annotations(pdf: pikepdf.Pdf) -> Iterator[Any]:
    for page in pdf.pages:
        yield from page.obj.get("/Annots", Array())


def _has_room(annotation: Any) -> bool:
    left, bottom, right, top = (float(each) for each in annotation.get("/Rect", [0, 0, 0, 0]))
    return left != right and bottom != top and annotation.get("/Subtype") not in (Name.Popup, Name.Link)
