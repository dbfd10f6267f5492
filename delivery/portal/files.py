"""The files and reading pages that visitors get: what the store holds, under names that people can file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.beijing import day_of
from delivery.imprints import imprint_of, template_of
from delivery.portal.views import file_headers, file_names
from delivery.portal.web import Portal
from delivery.receipts import print_receipt, receipt_of
from records import archives, directory, documents, paper
from records.database import legal_time
from records.errors import Permanent
from templates.catalogue import catalogue
from templates.copies import numbered_copies
from templates.manifests import Print
from templates.printing import Imprint, print_document, reading_page

_PDF: Final = "application/pdf"
ENDINGS: Final = {_PDF: "pdf", "image/jpeg": "jpg", "image/png": "png"}
"""Endings of file names, by what may be uploaded."""
_PROOF: Final = "proof-of-service"
TO_BE_WRITTEN: Final = {"name": {"zh": "＿＿＿＿＿＿", "en": "____________"}, "certificate": "____________"}


def pdf_response(data: bytes, names: tuple[str, str], *, download: bool) -> Response:
    """A PDF under its Chinese and its plain name."""
    return Response(data, media_type=_PDF, headers=file_headers(*names, download=download))


def document(portal: Portal, row: sa.RowMapping, *, download: bool) -> Response:
    """The newest file of the row's document, checked against its digest: it begins with the released bytes.

    Raises 404 before the release.
    """
    if row["final_digest"] is None:
        raise HTTPException(404)
    with portal.database.read() as connection:
        digest = archives.newest(connection, row["document_id"], row["final_digest"])
    return pdf_response(portal.store.get(digest), file_names(row), download=download)


def copies(portal: Portal, row: sa.RowMapping) -> Response:
    """The numbered copies to print. Raises 404 before the release, and for what is made in one original."""
    if row["final_digest"] is None or _printing(portal, row).copies == 1:
        raise HTTPException(404)
    return pdf_response(to_print(portal, row), file_names(row, "各份", "copies"), download=False)


def to_print(portal: Portal, row: sa.RowMapping) -> bytes:
    """The released document as it is put on paper: every copy of an instrument made in several originals, marked."""
    printing, stored = _printing(portal, row), portal.store.get(row["final_digest"])
    return stored if printing.copies == 1 else numbered_copies(stored, printing)


def _printing(portal: Portal, row: sa.RowMapping) -> Print:
    with portal.database.read() as connection:
        stored = documents.get(connection, row["document_id"])
    return template_of(portal.store, stored).print


def reading(portal: Portal, row: sa.RowMapping) -> str | None:
    """The document as an HTML fragment; None for one that is only to be had as a PDF (a Word template)."""
    with portal.database.read() as connection:
        stored = documents.get(connection, row["document_id"])
        imprint = imprint_of(connection, stored)
    try:
        instrument = template_of(portal.store, stored)
    except Permanent:  # its template is gone: by another version the words might differ from the sealed ones
        return None
    return reading_page(instrument, stored["facts"], imprint) if instrument.clauses else None


def proof(portal: Portal, row: sa.RowMapping) -> Response:
    """The 送达回证 of one paper delivery, with what is known printed and the rest to be filled by hand (004-79)."""
    zh, plain = file_names(row)
    names = f"送达回证 {zh}", f"Proof of Service {plain}"
    return pdf_response(print_proof(portal, row, {}), names, download=False)


def print_proof(portal: Portal, row: sa.RowMapping, known: Mapping[str, Any]) -> bytes:
    """The 送达回证 with the facts of the delivery, and with those that are `known` beside them."""
    with portal.database.read() as connection:
        facts = {**proof_facts(connection, row), **known}
        authority = directory.pinned_facts(connection, documents.get(connection, row["document_id"]))
    blank = Imprint(authority, None, None, portal.test, False)
    return print_document(catalogue().get(_PROOF), facts, blank).pdf


def kept_scan(portal: Portal, digest: str, name: str) -> Response:
    """A scan from the store, under a name that says nothing of the case. Raises 404 for any other kind of file."""
    with portal.database.read() as connection:
        kept = paper.scan(connection, digest)
    if kept is None or kept["media_type"] not in ENDINGS:
        raise HTTPException(404)
    named = f"{name}.{ENDINGS[kept['media_type']]}"
    headers = file_headers(named, named, download=False)
    return Response(portal.store.get(digest), media_type=kept["media_type"], headers=headers)


def receipt(portal: Portal, row: sa.RowMapping) -> Response:
    """The 收讫回执 of a confirmed delivery."""
    with portal.database.read() as connection:
        facts = receipt_of(connection, row["id"], test=portal.test)
    zh, plain = file_names(row)
    return pdf_response(print_receipt(facts), (f"收讫回执 {zh}", f"Receipt of {plain}"), download=False)


def proof_facts(connection: sa.Connection, row: sa.RowMapping) -> dict[str, Any]:
    """The facts of a proof of service: who is to be served with what, where, and by whom."""
    manifest = catalogue().get(row["instrument"]).manifest
    title = {"zh": manifest.title_zh, "en": manifest.title_en}
    facts: Mapping[str, Any] = row["facts"]
    return {
        "prepared_on": day_of(legal_time(connection)).isoformat(),
        "case_no": row["case_no"],
        "cause": facts.get("cause", title),
        "document": {
            "title": title,
            "number": {"zh": row["number_zh"] or "—", "en": row["number_en"] or row["number_zh"] or "—"},
        },
        "recipient": {
            "name": {"zh": row["recipient_zh"], "en": row["recipient_en"]},
            "address": address_of(connection, row),
        },
        "servers": facts.get("officers") or [TO_BE_WRITTEN, TO_BE_WRITTEN],
    }


def address_of(connection: sa.Connection, row: sa.RowMapping) -> dict[str, str]:
    """Where the paper goes: as it was fixed at dispatch, else as the job gave it, else the directory's."""
    if to := row["places"].get("to") or (row["address"] or {}).get("place"):
        return {"zh": to["zh"], "en": to["en"]}
    found = directory.find_counterparty(connection, row["authority_id"], row["counterparty_id"])
    if found is None:
        raise Permanent(f"delivery {row['id']} has neither an address nor a counterparty")
    return {"zh": found["address_zh"], "en": found["address_en"]}
