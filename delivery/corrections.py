"""Corrections of paper records, and records dated far back: proposed by one person, approved by another.

Nothing is overwritten. The approved record is a new one that supersedes the wrong one, with the reason; the service
date follows by a superseding event (`delivery.service`). A slip of the same day, of which nothing was told outside,
is mended by one person: no date was made by it, so none was told. Where the paper tells no date, two supply it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.desk import check_doubted, locked, not_released
from delivery.document_dates import document_date, sending_day
from delivery.paper import PaperRecord
from delivery.paper_records import refresh_track, write_receipt
from delivery.paper_rules import Circumstances, PaperResult, check_receipt
from delivery.scans import check_scan
from delivery.service import settle_now
from records import attempts, corrections, deliveries, documents, ledger
from records.corrections import NotWaiting
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.ledger import append
from records.store import Store
from templates.manifests import manifest


@dataclass(frozen=True)
class Proposed:
    """What came of it: `correction_id` waits for a second person; or the slip is mended, and `hint` names due steps."""

    correction_id: str
    hint: tuple[str, ...] = ()

    @property
    def mended(self) -> bool:
        """Whether the record stands already."""
        return not self.correction_id


def can_mend(receipt: sa.RowMapping, recorded_on: date, today: date) -> bool:
    """Whether one person may put the record right: entered today (both days in Beijing), and no date came of it.

    Not when it is of service on a day that is not known: what one person calls illegible, another has to see dated.
    """
    return recorded_on == today and not (receipt["served_on"] and receipt["final"]) and not _dateless(receipt)


def _dateless(receipt: sa.RowMapping) -> bool:
    return PaperRecord.of(receipt["record"]).is_dateless


def _proof(connection: sa.Connection, former: sa.RowMapping | None, attempt_id: str | None) -> str | None:
    """The scan that a correction keeps, or that was attached to the attempt."""
    if former is None:
        return attempts.newest_proof(connection, attempt_id) if attempt_id is not None else None
    kept: str | None = former["scan_digest"]
    return kept


def propose(
    database: Database,
    store: Store,
    authority_id: str,
    delivery_id: str,
    record: Mapping[str, Any],
    scan: bytes | None,
    reason: str,
    by: str,
    *,
    supersedes: str | None = None,
    attempt_id: str | None = None,
) -> Proposed:
    """Propose a correction of the record `supersedes`, or with None a record that is dated far back.

    Without `scan` a correction keeps the one that the wrong record had, and a record of `attempt_id` takes the proof
    that was attached to it. Raises LookupError when there is no such delivery or attempt, or the record does not stand;
    Refused with every fault, also when something of the delivery waits already.
    """
    media_type = check_scan(scan).media_type if scan is not None else ""
    digest = store.put(scan) if scan is not None else None
    with database.write() as connection:
        row = locked(connection, delivery_id, authority_id)
        former = _standing(connection, delivery_id, supersedes)
        today = day_of(legal_time(connection))
        mends = former is not None and can_mend(former, recorded_on(connection, row, former), today)
        attempt_id = former["attempt_id"] if former is not None else attempt_id
        if attempt_id is not None and attempts.find(connection, attempt_id, delivery_id, authority_id) is None:
            raise LookupError(f"no attempt {attempt_id}")
        digest = digest or _proof(connection, former, attempt_id)
        entered = {**record, **({} if mends else {"correction_reason": reason.strip()})}
        entered.pop("approved_by", None)
        result = _judge(connection, row, entered, by, has_scan=digest is not None, former=former, mends=mends)
        if former is None:
            check_doubted(deliveries.paper_receipts(connection, delivery_id), entered, attempt_id)
        if corrections.waiting_for(connection, delivery_id) is not None:
            en, zh = "A correction of this delivery waits for approval already.", "本件已有一项更正待批准。"
            raise Refused([Fault("", "waiting_already", en, zh)])
        if scan is not None and digest is not None:
            documents.record_artifact(connection, digest, len(scan), media_type)
        if mends and former is not None:
            write_receipt(connection, row, result, digest, former=former["id"], by=by, attempt_id=attempt_id)
            refresh_track(connection, delivery_id)
            return Proposed("", settle_now(connection, delivery_id, legal_time(connection)))
        values = {
            "supersedes": supersedes,
            "attempt_id": attempt_id,
            "record": result.record.as_dict(),
            "scan_digest": digest,
            "reason": reason.strip(),
            "proposed_by": by,
        }
        return Proposed(_wait(connection, row, values))


def _wait(connection: sa.Connection, row: sa.RowMapping, values: Mapping[str, Any]) -> str:
    correction_id = corrections.propose(connection, row["authority_id"], row["id"], **values)
    append(
        connection,
        row["document_id"],
        f"{row['id']}/correction/{correction_id}",
        "paper.correction_proposed",
        subject=row["id"],
        actor=values["proposed_by"],
        body={"correction": correction_id, **{name: values[name] for name in ("supersedes", "record", "reason")}},
    )
    return correction_id


def decide(
    database: Database, authority_id: str, correction_id: str, by: str, *, approve: bool, note: str = ""
) -> tuple[str, ...]:
    """Approve or decline what waits; returns the steps that are due. The proposer cannot.

    Raises LookupError, NotWaiting, and Refused when the record could not be made any more (the record that it corrects
    was superseded meanwhile), when `by` proposed it, or when it is declined without a reason.
    """
    with database.write() as connection:
        found = corrections.find(connection, correction_id, authority_id)
        if found is None:
            raise LookupError(f"no correction {correction_id}")
        row = locked(connection, found["delivery_id"], authority_id)
        found = corrections.find(connection, correction_id, authority_id)  # as it stands under the lock
        if found is None or found["state"] != "waiting":
            raise NotWaiting(correction_id)
        if found["proposed_by"] == by:
            raise Refused([_same_person()])
        if approve:
            return _approve(connection, row, found, by, note.strip())
        if not note.strip():
            raise Refused([Fault("/note", "missing", "Say why it is declined.", "请说明不予批准的理由。")])
        corrections.decide(connection, correction_id, "declined", by, note=note.strip())
        _tell(connection, row, found, "paper.correction_declined", by, {"note": note.strip()})
        return ()


def _approve(
    connection: sa.Connection, row: sa.RowMapping, found: sa.RowMapping, by: str, note: str
) -> tuple[str, ...]:
    try:
        former = _standing(connection, row["id"], found["supersedes"])
    except LookupError:
        en, zh = "The record that it corrects does not stand any more.", "拟更正的记录已不再有效。"
        raise Refused([Fault("", "superseded", en, zh)]) from None
    entered = {**found["record"], "approved_by": by}
    has_scan = found["scan_digest"] is not None
    result = _judge(connection, row, entered, found["proposed_by"], has_scan=has_scan, former=former)
    receipt_id = write_receipt(
        connection,
        row,
        result,
        found["scan_digest"],
        former=found["supersedes"],
        by=found["proposed_by"],
        attempt_id=found["attempt_id"],
        correction_id=found["id"],
    )
    corrections.decide(connection, found["id"], "approved", by, note=note, receipt_id=receipt_id)
    _tell(connection, row, found, "paper.correction_approved", by, {"receipt": receipt_id, "note": note})
    refresh_track(connection, row["id"])
    return settle_now(connection, row["id"], legal_time(connection))


def _same_person() -> Fault:
    en, zh = "The approval must be another person's.", "批准人不得为提出人本人。"
    return Fault("/approved_by", "same_person", en, zh)


def _tell(
    connection: sa.Connection, row: sa.RowMapping, found: sa.RowMapping, kind: str, by: str, body: Mapping[str, Any]
) -> None:
    key = f"{row['id']}/correction/{found['id']}/decided"
    body = {"correction": found["id"], **body}
    append(connection, row["document_id"], key, kind, subject=row["id"], actor=by, body=body)


def _standing(connection: sa.Connection, delivery_id: str, receipt_id: str | None) -> sa.RowMapping | None:
    """The record that is to be corrected. Raises LookupError when it is not there or was superseded."""
    if receipt_id is None:
        return None
    for row in deliveries.paper_receipts(connection, delivery_id):
        if row["id"] == receipt_id:
            return row
    raise LookupError(f"no record {receipt_id}")


def recorded_on(connection: sa.Connection, row: sa.RowMapping, receipt: sa.RowMapping) -> date:
    """The day in Beijing, by the legal clock, on which a record of the delivery `row` was entered."""
    for event in ledger.events(connection, row["document_id"]):
        if event.kind in ("paper.recorded", "paper.corrected") and event.body["receipt"] == receipt["id"]:
            return day_of(event.happened_at)
    raise LookupError(f"no event of record {receipt['id']}")


def _judge(
    connection: sa.Connection,
    row: sa.RowMapping,
    entered: Mapping[str, Any],
    by: str,
    *,
    has_scan: bool,
    former: sa.RowMapping | None,
    mends: bool = False,
) -> PaperResult:
    document = documents.get(connection, row["document_id"])
    circumstances = Circumstances(
        manifest(document["instrument"]),
        document_date(document),
        legal_time(connection),
        by,
        has_scan,
        supersedes=former is not None,
        mends=mends,
        proposed="approved_by" not in entered,
        sent_on=sending_day(row),
        dateless=former is not None and _dateless(former),
    )
    faults = not_released(document)
    if former is None and any(each["served_on"] for each in deliveries.paper_receipts(connection, row["id"])):
        en = "A record of service stands already: correct that one."
        faults.append(Fault("/outcome", "already_served", en, "已有送达记录，请更正该记录。", "004-79"))
    try:
        result = check_receipt(dict(entered), circumstances)
    except Refused as refused:
        raise Refused([*faults, *refused.faults]) from None
    if faults:
        raise Refused(faults)
    return result
