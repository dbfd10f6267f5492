"""A paper record that was judged becomes a row, its event, and the paper track's state: in the caller's transaction."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa

from delivery.paper import PaperRecord
from delivery.paper_rules import PaperResult, lacking
from records import deliveries
from records.database import legal_time
from records.ledger import append, canonical


def write_receipt(
    connection: sa.Connection,
    row: sa.RowMapping,
    result: PaperResult,
    digest: str | None,
    *,
    former: str | None,
    by: str,
    attempt_id: str | None = None,
    correction_id: str = "",
) -> str:
    """Write the record of delivery `row` and its event, whose key follows from its content; returns the record's id.

    `former` is the record that this one supersedes; `correction_id` what a second person approved, "" for none.
    """
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
        attempt_id=attempt_id,
        recorded_by=by,
    )
    content = [entered, digest, *([attempt_id] if attempt_id else []), *([correction_id] if correction_id else [])]
    key = hashlib.sha256(canonical(content).encode()).hexdigest()[:32]
    body: dict[str, Any] = {"receipt": receipt_id, "record": entered, "scan_sha256": digest, "final": result.final}
    body |= {"attempt": attempt_id} if attempt_id else {}
    body |= {"correction": correction_id} if correction_id else {}
    append(
        connection,
        row["document_id"],
        f"{row['id']}/paper/{key}",
        "paper.corrected" if correction_id and former else "paper.recorded",
        subject=row["id"],
        actor=by,
        legal_date=served_on,
        body=body | {"supersedes": former},
    )
    return receipt_id


def is_incomplete(row: sa.RowMapping) -> bool:
    """Whether something of a standing record may still follow: its scan, or details, but not a date in doubt."""
    lacks = () if row["final"] else lacking(row["record"], has_scan=row["scan_digest"] is not None)
    return not row["final"] and lacks != ("date",)


def refresh_track(connection: sa.Connection, delivery_id: str) -> str:
    """Let the delivery's columns say what its standing records say; returns where the paper track stands now.

    Service without its scan or details is still to be completed: the paper counts as sent. With them it is served, be
    its date in doubt or not.
    """
    standing = deliveries.paper_receipts(connection, delivery_id)
    served = [row for row in standing if PaperRecord.of(row["record"]).is_service]
    if any(not is_incomplete(row) for row in served):
        status = "served"
    elif served:
        status = "sent"
    else:
        status = "returned"
    missing = any(is_incomplete(row) for row in standing)
    deliveries.update(
        connection, delivery_id, paper_status=status, scan_missing=missing, paper_since=legal_time(connection)
    )
    return status
