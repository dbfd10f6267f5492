"""The service date of a stored delivery: gathers its facts from the rows and lets the pure rules decide."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.calendars import Calendar, Notice
from delivery.kept_deadlines import keep_deadlines, limits_to_keep
from delivery.paper import PaperRecord
from delivery.reminders import plan, timing
from delivery.rule_sets import RuleSet, rule_book
from delivery.service_dates import Count, PaperAttempt, ServiceDate, ServiceFacts, count_days, decide, recount
from delivery.service_facts import UpheldObjection
from records import deliveries, documents, ledger, links, notices, objections, steps
from templates.manifests import manifest


def stored_calendar(connection: sa.Connection) -> Calendar:
    """The library's working days with every imported notice that counts."""
    rows = notices.imported(connection)
    if not rows:
        return Calendar()
    return Calendar(tuple(stored_notice(row) for row in rows))


def stored_notice(row: sa.RowMapping) -> Notice:
    """The notice of a row, whether it counts or not."""
    return Notice(
        row["year"],
        MappingProxyType({date.fromisoformat(day): worked for day, worked in row["days"].items()}),
        row["document_number"],
        row["source"],
        row["digest"],
    )


def count_as_json(count: Count, rules: RuleSet) -> dict[str, Any]:
    """A count as it is stored with the delivery."""
    return {
        "days": [day.isoformat() for day in count.days],
        "unsettled": count.unsettled and count.unsettled.isoformat(),
        "calendar_version": count.calendar_version,
        "rule_version": rules.id,
    }


def _count_from_json(value: dict[str, Any]) -> Count:
    unsettled = value["unsettled"]
    return Count(
        tuple(date.fromisoformat(day) for day in value["days"]),
        date.fromisoformat(unsettled) if unsettled else None,
        value["calendar_version"],
    )


def fix_count(connection: sa.Connection, sent_at: datetime, sent_on: date) -> dict[str, Any]:
    """Count the days at sending (aware `sent_at`, its day in Beijing), to be stored with the delivery."""
    rules = rule_book().in_force(sent_on)
    return count_as_json(count_days(sent_at, stored_calendar(connection), rules), rules)


def _facts(connection: sa.Connection, row: sa.RowMapping, document: sa.RowMapping, as_of: datetime) -> ServiceFacts:
    attempts = tuple(
        attempt
        for receipt in deliveries.paper_receipts(connection, row["id"])
        if (attempt := _attempt(receipt)) is not None
    )
    by_account = row["route"] == "inbox"
    return ServiceFacts(
        instrument=manifest(document["instrument"]),
        sent_at=row["sent_at"] if by_account else None,
        as_of=as_of,
        confirmed_at=row["confirmed_at"],
        paper_required=document["important"],
        paper=attempts,
        upheld=_upheld(connection, row["id"]),
    )


def _attempt(receipt: sa.RowMapping) -> PaperAttempt | None:
    """What a record tells of its attempt; None as long as it is not final, unless it is one of service on a day that
    nobody knows: such a one holds a date back from the beginning, so that none has to be taken back.
    """
    record = PaperRecord.of(receipt["record"])
    if record.doubtful:
        return PaperAttempt(record.method, None, record.consent, date_unknown=True, date_note=record.date_note)
    if not receipt["final"]:
        return None
    served_on = date.fromisoformat(receipt["served_on"]) if receipt["served_on"] else None
    return PaperAttempt(record.method, served_on, record.consent)


def _upheld(connection: sa.Connection, delivery_id: str) -> UpheldObjection | None:
    row = objections.upheld(connection, delivery_id)
    return None if row is None else UpheldObjection(row["ruled_at"], date.fromisoformat(row["served_on"]))


def decide_delivery(connection: sa.Connection, delivery_id: str, as_of: datetime) -> ServiceDate:
    """Decide as of `as_of` (aware) and write what changed: columns, and the event that says why.

    A final date that comes out different from the one written before is a superseding event; both stay in the ledger.
    """
    ledger.lock(connection, deliveries.get(connection, delivery_id)["document_id"])
    row = deliveries.get(connection, delivery_id)  # as it stands under the lock
    calendar = stored_calendar(connection)
    document = documents.get(connection, row["document_id"])
    facts = _facts(connection, row, document, as_of)
    decided, stored = _decide(row, facts, calendar)
    answer = decided.as_dict()
    if answer != row["service_answer"]:
        _write(connection, row, answer, stored, decided)
        if decided.status == "final" and facts.instrument.acts:
            served = deliveries.first_served(connection, row["document_id"])
            links.take_effect(connection, row["document_id"], served)
    keep_deadlines(connection, row, document, decided.service_date, calendar, as_of)
    return decided


def _decide(row: sa.RowMapping, facts: ServiceFacts, calendar: Calendar) -> tuple[ServiceDate, dict[str, Any] | None]:
    """The answer by `calendar`, and the count to be stored with it."""
    count, stored = None, row["service_count"]
    rules = rule_book().sets[stored["rule_version"]] if stored else rule_book().in_force(day_of(facts.as_of))
    if stored:
        confirmed_at = row["confirmed_at"]
        fixed = _count_from_json(stored)
        count = recount(fixed, row["sent_at"], facts.as_of, calendar, rules, confirmed_at=confirmed_at)
        stored = count_as_json(count, rules)
    return decide(facts, calendar, rules, count), stored


@dataclass(frozen=True)
class Outlook:
    """What a calendar would make of a delivery: its service date, and its limits as they would be kept."""

    decided: ServiceDate
    limits: list[dict[str, Any]]


def foresee(
    connection: sa.Connection, delivery_id: str, calendars: Sequence[Calendar], as_of: datetime
) -> list[Outlook]:
    """What `decide_delivery` would come to by each of `calendars` as of `as_of` (aware). Nothing is written."""
    row = deliveries.get(connection, delivery_id)
    document = documents.get(connection, row["document_id"])
    facts = _facts(connection, row, document, as_of)
    found = [_decide(row, facts, calendar)[0] for calendar in calendars]
    return [
        Outlook(decided, limits_to_keep(row, document, decided.service_date, calendar, as_of))
        for decided, calendar in zip(found, calendars, strict=True)
    ]


def refresh_deadlines(connection: sa.Connection, delivery_id: str, as_of: datetime) -> None:
    """Compute the limits again after an act that sets no service date; the caller holds the document's stream."""
    row = deliveries.get(connection, delivery_id)
    document = documents.get(connection, row["document_id"])
    served_on = date.fromisoformat(row["service_date"]) if row["service_date"] else None
    keep_deadlines(connection, row, document, served_on, stored_calendar(connection), as_of)


def settle_now(connection: sa.Connection, delivery_id: str, as_of: datetime) -> tuple[str, ...]:
    """Decide in the transaction of the act that may decide it, so that whoever acted sees the date at once.

    The settle step is made due as well, to wait for what is still to come; returns its id for the queue's hint.
    """
    decide_delivery(connection, delivery_id, as_of)
    schedule_reminders(connection, delivery_id, as_of)
    step_id = f"{delivery_id}/settle"
    if not steps.wake(connection, step_id):
        steps.add(connection, "delivery", delivery_id, "settle")
    return (step_id,)


def schedule_reminders(connection: sa.Connection, delivery_id: str, as_of: datetime) -> None:
    """Let the remind step be due at the next reminder, as the delivery stands now; the caller holds its stream."""
    row = deliveries.whole(connection, delivery_id)
    moments = [as_of if each.untrue else max(each.at, as_of) for each in plan(row, as_of, timing())]
    if moments:
        steps.schedule(connection, "delivery", delivery_id, "remind", min(moments))


def _write(
    connection: sa.Connection,
    row: sa.RowMapping,
    answer: dict[str, Any],
    count: dict[str, Any] | None,
    decided: ServiceDate,
) -> None:
    before = row["service_answer"] or {}
    columns: dict[str, Any] = {
        "service_answer": answer,
        "service_count": count,
        "service_status": decided.status,
        "service_date": answer["service_date"],
        "service_basis": decided.basis,
        "deemed_date": answer["deemed_date"],
    }
    if decided.basis == "deemed":
        columns["status"] = "deemed"
    deliveries.update(connection, row["id"], **columns)
    said = ("service_date", "status", "basis", "deemed_date")
    if all(answer[name] == before.get(name) for name in said):
        return
    kinds = ("service.decided", "service.superseded")
    # counted, because an answer may come back: correct a record twice, and the first date stands again
    nth = ledger.count(connection, row["document_id"], row["id"], kinds) + 1
    ledger.append(
        connection,
        row["document_id"],
        f"{row['id']}/service/{nth}",
        kinds[bool(before.get("service_date"))],
        subject=row["id"],
        legal_date=answer["service_date"],
        body={"answer": answer, "before": {name: before.get(name) for name in said} if before else None},
    )
