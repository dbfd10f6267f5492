"""What a clerk does at the desk: mark paper as sent, record what came of it. One transaction each.

The rules of a record stand in `delivery.paper`; here they meet the delivery, the store and the ledger.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from delivery.document_dates import document_date
from delivery.paper import Circumstances, PaperResult, check_receipt
from delivery.scans import check_scan
from delivery.service import settle_now
from records import deliveries, documents, paper
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.ledger import append, canonical
from records.store import Store
from templates.manifests import manifest

#: What makes a record the same attempt as one that was entered before without its scan.
_SAME_ATTEMPT = ("method", "outcome", "date")


@dataclass(frozen=True)
class RecordedReceipt:
    """A paper receipt that stands.

    `served_on` is the legal day (Beijing), None for an attempt that was no service; `final` is False while the scan is
    missing. `hint` names the steps that are due now; it is empty for a repetition, which changed nothing.
    """

    id: str
    served_on: date | None
    final: bool
    paper_status: str
    hint: tuple[str, ...]


def record_paper_receipt(
    database: Database,
    store: Store,
    authority_id: str,
    delivery_id: str,
    record: Mapping[str, Any],
    scan: bytes | None,
    recorded_by: str,
) -> RecordedReceipt:
    """Record one attempt to serve on paper; the same record again changes nothing.

    `record` is as `delivery.paper.check_receipt` reads it, `scan` the signed proof, slip or receipt. Raises Refused
    with every fault, and LookupError when the authority has no such delivery.
    """
    result, media_type = _checked(database, authority_id, delivery_id, record, scan, recorded_by)
    digest = store.put(scan) if scan is not None else None  # the file first, its row after
    entered = result.record.as_dict()
    with database.write() as connection:
        row = _locked(connection, delivery_id, authority_id)
        known = _known(connection, delivery_id, entered, digest)
        if known is not None:
            return _answer(known, row["paper_status"], ())
        former = _completed(deliveries.paper_receipts(connection, delivery_id), entered)
        if scan is not None and digest is not None:
            documents.record_artifact(connection, digest, len(scan), media_type)
        receipt_id = _store(connection, row, result, digest, former, recorded_by)
        status = _paper_status(result)
        deliveries.update(connection, delivery_id, paper_status=status)
        due = settle_now(connection, delivery_id, legal_time(connection))
        return RecordedReceipt(receipt_id, result.served_on, result.final, status, due)


def _store(
    connection: sa.Connection,
    row: sa.RowMapping,
    result: PaperResult,
    digest: str | None,
    former: str | None,
    recorded_by: str,
) -> str:
    """Write the record and its event, whose key follows from its content; returns the record's id."""
    entered = result.record.as_dict()
    served_on = result.served_on.isoformat() if result.served_on else None
    receipt_id = deliveries.insert_paper_receipt(
        connection,
        delivery_id=row["id"],
        method=result.record.method,
        outcome=result.record.outcome,
        served_on=served_on,
        record=entered,
        scan_digest=digest,
        final=result.final,
        supersedes=former,
        recorded_by=recorded_by,
    )
    key = hashlib.sha256(canonical([entered, digest]).encode()).hexdigest()[:32]
    body = {"receipt": receipt_id, "record": entered, "scan_sha256": digest, "final": result.final}
    append(
        connection,
        row["document_id"],
        f"{row['id']}/paper/{key}",
        "paper.recorded",
        subject=row["id"],
        actor=recorded_by,
        legal_date=served_on,
        body=body | {"supersedes": former},
    )
    return receipt_id


def _locked(connection: sa.Connection, delivery_id: str, authority_id: str) -> sa.RowMapping:
    row = paper.lock(connection, delivery_id, authority_id)
    if row is None:
        raise LookupError(f"no delivery {delivery_id}")
    return row


def _checked(
    database: Database,
    authority_id: str,
    delivery_id: str,
    record: Mapping[str, Any],
    scan: bytes | None,
    recorded_by: str,
) -> tuple[PaperResult, str]:
    """Judge record and scan, telling the faults of both; returns the result and the scan's media type."""
    with database.read() as connection:
        row = deliveries.desk_item(connection, delivery_id, authority_id)
        if row is None:
            raise LookupError(f"no delivery {delivery_id}")
        moment = legal_time(connection)
        document = documents.get(connection, row["document_id"])
    faults = [*_not_released(document), *_corrections(record)]
    media_type = ""
    try:
        media_type = check_scan(scan).media_type if scan is not None else ""
    except Refused as refused:
        faults += refused.faults
    circumstances = Circumstances(
        manifest(row["instrument"]), document_date(document), moment, recorded_by, scan is not None
    )
    try:
        result = check_receipt(dict(record), circumstances)
    except Refused as refused:
        raise Refused([*faults, *refused.faults]) from None
    if faults:
        raise Refused(faults)
    return result, media_type


def _not_released(document: sa.RowMapping) -> list[Fault]:
    if document["released_at"] is not None:
        return []
    en = "The document is not released: nothing can have been served yet."
    return [Fault("", "not_released", en, "文书尚未签发，不可能已经送达。")]


def _corrections(record: Mapping[str, Any]) -> list[Fault]:
    """A name typed in is no approval: corrections wait for the second person's own act in this system."""
    en = "Corrections and backdated records need a second person's approval in this system; that is not built yet."
    zh = "更正和补录须由另一人在本系统内批准，本版本尚不支持。"
    return [
        Fault(f"/{name}", "approval_not_available", en, zh)
        for name in ("correction_reason", "approved_by")
        if record.get(name)
    ]


def _known(
    connection: sa.Connection, delivery_id: str, entered: Mapping[str, Any], digest: str | None
) -> sa.RowMapping | None:
    """The same record of this delivery, entered before (a second click, a request sent again)."""
    for row in paper.all_receipts(connection, delivery_id):
        if row["record"] == entered and row["scan_digest"] == digest:
            return row
    return None


def _completed(standing: Sequence[sa.RowMapping], entered: Mapping[str, Any]) -> str | None:
    """The record without a scan that this one completes, or None. Raises Refused when it is served already."""
    served = next((row for row in standing if row["served_on"] is not None), None)
    if served is not None and served["final"]:
        en = (
            f"This delivery was served on {served['served_on']} already; a correction needs a second person's approval."
        )
        zh = f"本文书已于{served['served_on']}送达；更正须经另一人批准，本版本尚不支持。"
        raise Refused([Fault("/outcome", "already_served", en, zh, "004-79")])
    for row in standing:
        if not row["final"] and all(row["record"][name] == entered[name] for name in _SAME_ATTEMPT):
            return str(row["id"])
    if served is not None:
        en = "A record without its scan says otherwise; complete that one, with the same method, outcome and date."
        zh = "已有一条缺少扫描件的送达记录，请按相同的方式、结果和日期补充扫描件。"
        raise Refused([Fault("/outcome", "record_incomplete", en, zh, "004-79")])
    return None


def _paper_status(result: PaperResult) -> str:
    """Where the paper track stands: a service without its scan is still to be completed."""
    if result.served_on is None:
        return "returned"
    return "served" if result.final else "sent"


def _answer(row: sa.RowMapping, status: str, hint: tuple[str, ...]) -> RecordedReceipt:
    served_on = date.fromisoformat(row["served_on"]) if row["served_on"] else None
    return RecordedReceipt(row["id"], served_on, row["final"], status, hint)


def mark_paper_sent(database: Database, authority_id: str, delivery_id: str, by: str) -> bool:
    """Record that the paper copy has left the house; says whether that is news. Sending is never service.

    Raises LookupError when the authority has no such delivery, Refused when there is no paper copy to send.
    """
    with database.write() as connection:
        row = _locked(connection, delivery_id, authority_id)
        if row["paper_status"] in ("sent", "served"):
            return False
        if row["paper_status"] == "none":
            en = "No paper copy belongs to this delivery."
            raise Refused([Fault("", "no_paper", en, "本文书没有纸质送达。")])
        attempt = len(paper.all_receipts(connection, delivery_id)) + 1
        append(
            connection,
            row["document_id"],
            f"{delivery_id}/paper/sent/{attempt}",
            "paper.sent",
            subject=delivery_id,
            actor=by,
            body={"attempt": attempt},
        )
        deliveries.update(connection, delivery_id, paper_status="sent")
        return True
