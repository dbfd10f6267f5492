"""What a clerk does at the desk: mark paper as sent, record what came of it. One transaction each.

The rules of a record stand in `delivery.paper_rules`; here they meet the delivery, the store and the ledger.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from delivery.document_dates import document_date, sending_day
from delivery.paper import PaperRecord
from delivery.paper_records import refresh_track, write_receipt
from delivery.paper_rules import Circumstances, PaperResult, check_receipt
from delivery.scans import check_scan
from delivery.service import settle_now
from records import attempts, deliveries, documents, paper
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.ledger import append
from records.store import Store
from templates.manifests import manifest

#: What makes a record the same attempt as one that was entered before without its scan.
_SAME_ATTEMPT = ("method", "outcome", "date")


@dataclass(frozen=True)
class RecordedReceipt:
    """A paper receipt that stands.

    `served_on` is the legal day (Beijing), None for an attempt that was no service or whose day is in doubt; `final` is
    False while that is so or the scan is missing. `hint` names the steps that are due now; it is empty for a
    repetition, which changed nothing.
    """

    id: str
    served_on: date | None
    final: bool
    paper_status: str
    hint: tuple[str, ...]

    @classmethod
    def of(cls, row: sa.RowMapping, status: str, hint: tuple[str, ...]) -> RecordedReceipt:
        """What a row tells."""
        served_on = date.fromisoformat(row["served_on"]) if row["served_on"] else None
        return cls(row["id"], served_on, row["final"], status, hint)


def record_paper_receipt(
    database: Database,
    store: Store,
    authority_id: str,
    delivery_id: str,
    record: Mapping[str, Any],
    scan: bytes | None,
    recorded_by: str,
    *,
    attempt_id: str | None = None,
    scanned: bool = False,
) -> RecordedReceipt:
    """Record what came of one attempt to serve on paper; the same record again changes nothing.

    `record` is as `delivery.paper_rules.check_receipt` reads it, `scan` the signed proof, slip or receipt; without
    one the proof that was attached to the attempt counts. `scanned` lets details follow with the scan. Raises Refused
    with every fault, and LookupError when the authority has no such delivery or the delivery no such attempt.
    """
    of = authority_id, delivery_id, attempt_id
    with database.read() as connection:
        judged = judge(connection, of, record, scan, recorded_by, scanned=scanned)
    digest = store.put(scan) if scan is not None else judged.attached  # the file first, its row after
    with database.write() as connection:
        if scan is not None and digest is not None:
            documents.record_artifact(connection, digest, len(scan), judged.media_type)
        return enter(connection, of, judged.result, digest, recorded_by, with_file=scan is not None)


def enter(
    connection: sa.Connection,
    of: tuple[str, str, str | None],
    result: PaperResult,
    digest: str | None,
    by: str,
    *,
    with_file: bool = False,
) -> RecordedReceipt:
    """Enter a judged record in the caller's transaction. `of` names authority, delivery and attempt.

    `with_file`: `digest` is a file that came with the record, so it is attached to the attempt as well. Raises Refused
    when what stands says otherwise.
    """
    authority_id, delivery_id, attempt_id = of
    entered = result.record.as_dict()
    row = locked(connection, delivery_id, authority_id)
    known = _known(connection, delivery_id, entered, digest, attempt_id)
    if known is not None:
        return RecordedReceipt.of(known, row["paper_status"], ())
    former = _completed(deliveries.paper_receipts(connection, delivery_id), entered, attempt_id)
    if with_file and digest is not None and attempt_id is not None:
        attempts.add_file(connection, authority_id, attempt_id, "proof", digest, by)
    receipt_id = write_receipt(connection, row, result, digest, former=former, by=by, attempt_id=attempt_id)
    status = refresh_track(connection, delivery_id)
    due = settle_now(connection, delivery_id, legal_time(connection))
    return RecordedReceipt(receipt_id, result.served_on, result.final, status, due)


def locked(connection: sa.Connection, delivery_id: str, authority_id: str) -> sa.RowMapping:
    """The delivery's row, held until the transaction ends. Raises LookupError when the authority has none such."""
    row = paper.lock(connection, delivery_id, authority_id)
    if row is None:
        raise LookupError(f"no delivery {delivery_id}")
    return row


@dataclass(frozen=True)
class Judged:
    """A record without a fault, the media type of its scan, and the proof that was attached to the attempt before."""

    result: PaperResult
    media_type: str
    attached: str | None


def judge(
    connection: sa.Connection,
    of: tuple[str, str, str | None],
    record: Mapping[str, Any],
    scan: bytes | None,
    recorded_by: str,
    *,
    scanned: bool,
    scan_at: str = "/scan",
) -> Judged:
    """Judge record and scan, telling the faults of both. `of` names authority, delivery and attempt.

    `scan_at` is where the faults of the scan point. Raises Refused, and LookupError when the authority has no such
    delivery or the delivery no such attempt.
    """
    authority_id, delivery_id, attempt_id = of
    attached = None
    row = deliveries.desk_item(connection, delivery_id, authority_id)
    if row is None:
        raise LookupError(f"no delivery {delivery_id}")
    if attempt_id is not None:
        if attempts.find(connection, attempt_id, delivery_id, authority_id) is None:
            raise LookupError(f"no attempt {attempt_id}")
        attached = attempts.newest_proof(connection, attempt_id) if scan is None else None
    moment = legal_time(connection)
    document = documents.get(connection, row["document_id"])
    faults = [*not_released(document), *_corrections(record)]
    media_type = ""
    try:
        media_type = check_scan(scan, scan_at).media_type if scan is not None else ""
    except Refused as refused:
        faults += refused.faults
    circumstances = Circumstances(
        manifest(row["instrument"]),
        document_date(document),
        moment,
        recorded_by,
        has_scan=scan is not None or attached is not None,
        scanned=scanned,
        sent_on=sending_day(row),
    )
    try:
        result = check_receipt(dict(record), circumstances)
    except Refused as refused:
        raise Refused([*faults, *refused.faults]) from None
    if faults:
        raise Refused(faults)
    return Judged(result, media_type, attached)


def not_released(document: sa.RowMapping) -> list[Fault]:
    """The fault of a record about a document that nobody can have been given yet, or none."""
    if document["released_at"] is not None:
        return []
    en = "The document is not released: nothing can have been served yet."
    return [Fault("", "not_released", en, "文书尚未签发，不可能已经送达。")]


def _corrections(record: Mapping[str, Any]) -> list[Fault]:
    """A name typed in is no approval: corrections wait for the second person's own act (`delivery.corrections`)."""
    en = "Corrections and backdated records are proposed at the desk, and approved there by a second person."
    zh = "更正和补录须在工作台提出，由另一人在本系统内批准。"
    return [
        Fault(f"/{name}", "approval_at_the_desk", en, zh)
        for name in ("correction_reason", "approved_by")
        if record.get(name)
    ]


def _known(
    connection: sa.Connection,
    delivery_id: str,
    entered: Mapping[str, Any],
    digest: str | None,
    attempt_id: str | None,
) -> sa.RowMapping | None:
    """The same record of this delivery, entered before (a second click, a request sent again)."""
    for row in paper.all_receipts(connection, delivery_id):
        if row["record"] == entered and row["scan_digest"] == digest and row["attempt_id"] == attempt_id:
            return row
    return None


def _completed(standing: Sequence[sa.RowMapping], entered: Mapping[str, Any], attempt_id: str | None) -> str | None:
    """The record without a scan that this one completes, or None. Raises Refused when it is served already."""
    for row in standing:
        same = all(row["record"].get(name) == entered.get(name) for name in _SAME_ATTEMPT)
        if row["final"] or not same or not _is_same_attempt(row, entered, attempt_id):
            continue
        if _doubts(entered) or not PaperRecord.of(row["record"]).doubtful:
            return str(row["id"])
    check_doubted(standing, entered, attempt_id)
    served = next((row for row in standing if row["served_on"] is not None), None)
    if served is not None and served["final"]:
        en = (
            f"This delivery was served on {served['served_on']} already; a correction needs a second person's approval."
        )
        zh = f"本文书已于{served['served_on']}送达；更正须经另一人批准。"
        raise Refused([Fault("/outcome", "already_served", en, zh, "004-79")])
    if served is not None:
        en = "A record without its scan says otherwise; complete that one, with the same method, outcome and date."
        zh = "已有一条缺少扫描件的送达记录，请按相同的方式、结果和日期补充扫描件。"
        raise Refused([Fault("/outcome", "record_incomplete", en, zh, "004-79")])
    return None


def _is_same_attempt(row: sa.RowMapping, entered: Mapping[str, Any], attempt_id: str | None) -> bool:
    """Whether a record is of the attempt that a standing one is of: by name; or, where one has none, by what it says.

    Two without a date are told apart by the number of the mail item.
    """
    if None not in (row["attempt_id"], attempt_id):
        return bool(row["attempt_id"] == attempt_id)
    names = ("method", "outcome", *(() if entered.get("date") else ("mail_number",)))
    return all(row["record"].get(name) == entered.get(name) for name in names)


def _doubts(entered: Mapping[str, Any]) -> bool:
    return bool(entered.get("illegible") or entered.get("conflicting"))


def check_doubted(standing: Sequence[sa.RowMapping], entered: Mapping[str, Any], attempt_id: str | None) -> None:
    """Raise Refused when a record would stand beside one of the same attempt whose date is in doubt.

    To supply that date is a correction.
    """
    for row in standing:
        if PaperRecord.of(row["record"]).doubtful and _is_same_attempt(row, entered, attempt_id):
            en = "This service is recorded already, with its date in doubt: supply the date by correcting that record."
            zh = "该次送达已登记，日期存疑；请以更正该记录的方式补明日期。"
            raise Refused([Fault("/date", "date_in_doubt", en, zh, "民诉法 87")])


def mark_paper_sent(database: Database, authority_id: str, delivery_id: str, by: str) -> bool:
    """Record that the paper copy has left the house; says whether that is news. Sending is never service.

    Raises LookupError when the authority has no such delivery, Refused when there is no paper copy to send.
    """
    with database.write() as connection:
        row = locked(connection, delivery_id, authority_id)
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
        deliveries.update(connection, delivery_id, paper_status="sent", paper_since=legal_time(connection))
        return True
