"""An application in its applicant's hands: filled in, with its scans, reported to the authority once and for all."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.offices import Responsible, reached, responsible
from delivery.registration_facts import FILES, LETTER, faults, letter_digest, letter_facts
from delivery.registration_sweep import set_aside_unused
from delivery.scans import check_scan
from records import campaigns, directory, documents, messages, registrations
from records.database import Database, legal_time
from records.errors import Fault, Permanent, Refused
from records.ledger import append, canonical, lock
from records.store import Store
from templates.catalogue import catalogue
from templates.printing import Imprint, print_document

USES: Final = 60
"""Scans that one application may bring, replaced ones counted, and letters that it may have printed."""

_OPEN: Final = ("draft", "returned")
_PRINTED: Final = ("/name_zh", "/name_en", "/address_zh", "/address_en", "/credit_code", "/contacts")
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"


class NotOpen(Exception):
    """The application was reported, or approved, and cannot be changed any more; or its campaign has ended."""


def save(database: Database, registration_id: str, part: Mapping[str, Any]) -> None:
    """Keep what was entered, right or wrong. Raises NotOpen."""
    with database.write() as connection:
        lock(connection, registration_id)
        row = _open(connection, registration_id)
        registrations.change(connection, registration_id, _OPEN, facts={**row["facts"], **part})


def add_scan(database: Database, store: Store, registration_id: str, name: str, data: bytes) -> None:
    """Keep a scan, judged by its bytes. Raises Refused, its fault at `/files/{name}`, and NotOpen."""
    if name not in FILES:
        raise Refused([Fault(f"/files/{name}", "unknown_scan", "There is no such scan.", "没有这种扫描件。")])
    scan = check_scan(data, f"/files/{name}")
    with database.read() as connection:
        _check_uses(_open(connection, registration_id), f"/files/{name}")
    digest = store.put(data)
    with database.write() as connection:
        lock(connection, registration_id)
        row = _open(connection, registration_id)
        former = row["files"].get(name, {}).get("digest", digest)
        documents.record_artifact(connection, digest, len(data), scan.media_type)
        kept = {"digest": digest, "media_type": scan.media_type, "pages": scan.pages}
        if name == "letter":
            kept["of"] = letter_digest(row["facts"])
        files = {**row["files"], name: kept}
        registrations.change(connection, registration_id, _OPEN, files=files, uses=row["uses"] + 1)
    if former != digest:
        set_aside_unused(database, store, [former])


def letter(database: Database, store: Store, registration_id: str, *, test: bool) -> bytes:
    """The confirmation letter of what was entered, as a PDF to print, sign and seal; printed once for the same facts.

    LibreOffice works in a child with limits. Raises NotOpen, Refused with what is missing, Retry when the child was
    lost.
    """
    with database.read() as connection:
        row = _open(connection, registration_id)
        authority, said = authority_of(connection, row), letter_digest(row["facts"])
        wrong = [fault for fault in faults_of(connection, row) if fault.pointer.startswith(_PRINTED)]
    if wrong:
        raise Refused(wrong)
    blank = row["files"].get("blank")
    if blank and blank["of"] == said:
        return store.get(str(blank["digest"]))
    _check_uses(row, "/files/letter")
    imprint = Imprint(authority, None, None, test, specimen=False)
    pdf = print_document(catalogue().get(LETTER), letter_facts(row["facts"]), imprint).pdf
    digest = store.put(pdf)
    with database.write() as connection:
        lock(connection, registration_id)
        row = _open(connection, registration_id)
        former = row["files"].get("blank", {}).get("digest", digest)
        documents.record_artifact(connection, digest, len(pdf), "application/pdf")
        files = {**row["files"], "blank": {"digest": digest, "of": said}}
        registrations.change(connection, registration_id, _OPEN, files=files, uses=row["uses"] + 1)
    if former != digest:
        set_aside_unused(database, store, [former])
    return pdf


def _check_uses(row: sa.RowMapping, pointer: str) -> None:
    if row["uses"] >= USES:
        said = (f"More than {USES} scans and prints.", f"上传和打印已超过{USES}次。")
        raise Refused([Fault(pointer, "too_many", *said)])


def faults_of(connection: sa.Connection, row: sa.RowMapping) -> list[Fault]:
    """Everything that keeps the application from being reported."""
    today = day_of(legal_time(connection))
    return faults(row["category"], row["facts"], row["files"], today, authority_of(connection, row))


def authority_of(connection: sa.Connection, row: sa.RowMapping) -> dict[str, Any]:
    """The record of the authority that the application goes to. Raises Permanent while none is approved."""
    found = directory.authority_facts(connection, row["authority_id"])
    if found is None:
        raise Permanent(f"authority {row['authority_id']} has no approved facts")
    return found[1]


def office_of(row: sa.RowMapping) -> Responsible:
    """The responsible office, by the data of today. Raises Permanent when the facts do not tell."""
    found = responsible(row["category"], row["facts"])
    if found is None:
        raise Permanent(f"{row['id']}: the facts name no office")
    return found


def submit(database: Database, registration_id: str) -> str:
    """Report the application to the authority (报送局方), which cannot be withdrawn; returns its number.

    What is reported is kept for good with the time and the responsible office, which is told by e-mail. Raises NotOpen,
    and Refused with every fault.
    """
    with database.write() as connection:
        lock(connection, registration_id)
        row = _open(connection, registration_id)
        now = legal_time(connection)
        campaign = campaigns.find(connection, row["campaign_id"])
        if row["state"] == "draft" and (campaign is None or not campaigns.is_open(campaign, day_of(now).isoformat())):
            raise NotOpen
        if found := faults_of(connection, row):
            raise Refused(found)
        nth, office = row["submissions"] + 1, office_of(row)
        number = row["number"] or f"{day_of(now):%Y%m%d}-{''.join(secrets.choice(_ALPHABET) for _ in range(7))}"
        changed = {"state": "submitted", "number": number, "submissions": nth, "review": {}}
        registrations.change(connection, registration_id, _OPEN, **changed)
        registrations.keep_submission(connection, row, nth, office.as_dict(), now)
        append(
            connection,
            registration_id,
            f"submitted/{nth}",
            "registration.submitted",
            actor="applicant",
            body={
                "number": number,
                "facts": hashlib.sha256(canonical(row["facts"]).encode()).hexdigest(),
                "files": {name: each["digest"] for name, each in row["files"].items()},
                "office": office.as_dict(),
            },
        )
        box = reached(authority_of(connection, row), office.id, office.administration).get("email")
        if box:
            to = (connection, row["authority_id"], "email", box, "registration-received")
            messages.write(*to, {"number": number}, registration_id=registration_id)
    return number


def _open(connection: sa.Connection, registration_id: str) -> sa.RowMapping:
    row = registrations.find(connection, registration_id)
    if row is None or row["state"] not in _OPEN:
        raise NotOpen
    return row
