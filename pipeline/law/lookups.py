"""What the rules of law need from the records: looked up once, and only what the instrument's rules look at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.calendars import Calendar, default_calendar
from delivery.routes import LETTER_KINDS, System, route
from delivery.service import stored_calendar
from pipeline.law.cases import Case, Earlier
from pipeline.law.notices import NOTICES, reference
from pipeline.recipients import known_recipient
from records import deliveries, documents
from templates.catalogue import Instrument

#: Instruments that are compared with what was made before in the same case.
_IN_A_CASE: Final = frozenset({"penalty-decision", "hearing-notice", *NOTICES})
#: Instruments whose rules count working days.
_COUNTING: Final = frozenset(
    {"penalty-decision", "hearing-notice", "hearing-record", "evidence-preservation-notice", "enforcement-application"}
)


def gather(
    connection: sa.Connection,
    instrument: Instrument,
    asked: Mapping[str, Any],
    *,
    case_no: str,
    authority: Mapping[str, Any],
    seal: Mapping[str, Any] | None,
    recipients: Sequence[Mapping[str, Any] | None],
    now: datetime,
) -> Case:
    """The case of one document. `recipients`: by place, the counterparty's row; None for one outside the register."""
    authority_id, manifest = str(authority["id"]), instrument.manifest
    others: list[Earlier] = []
    if manifest.id in _IN_A_CASE:
        rows = documents.of_case(connection, authority_id, case_no, _IN_A_CASE)
        others = [_earlier(row) for row in rows]
    ways = {}
    system = System(authority["system"]["name"]["zh"], authority["system"]["address"])
    for place, row in enumerate(recipients):
        if manifest.electronic and row is not None and row["kind"] in LETTER_KINDS:
            recipient = known_recipient(connection, authority_id, row["id"], row["kind"])
            ways[place] = route(manifest, recipient, system, now, paper_required=bool(asked.get("paper", False)))
    return Case(
        instrument=manifest.id,
        facts=asked["facts"],
        dated_by=instrument.clauses.dated if instrument.clauses else "",
        case_no=case_no,
        today=day_of(now),
        calendar=_calendar(connection, manifest.id),
        authority=authority,
        approval=asked.get("approval"),
        circumstances=asked.get("circumstances", {}),
        seal=seal,
        foreign_recipient=any(row is not None and row["kind"] == "foreign_entity" for row in recipients),
        notice=_notice(connection, authority_id, manifest.id, asked["facts"]),
        others=others,
        routes=ways,
    )


def _calendar(connection: sa.Connection, instrument: str) -> Calendar:
    return stored_calendar(connection) if instrument in _COUNTING else default_calendar()


def _notice(connection: sa.Connection, authority_id: str, instrument: str, facts: Mapping[str, Any]) -> Earlier | None:
    """The document that bears the number of the notice which the facts name."""
    path = reference(instrument)
    if path is None:
        return None
    named: Any = facts
    for name in (*path.split("."), "number", "zh"):
        named = named.get(name) if isinstance(named, Mapping) else None
    row = documents.numbered(connection, authority_id, named) if isinstance(named, str) else None
    return None if row is None else _earlier(row, deliveries.of_document(connection, row["id"]))


def _earlier(row: sa.RowMapping, sent: Sequence[sa.RowMapping] = ()) -> Earlier:
    final = [each["service_date"] for each in sent if each["service_status"] == "final" and each["service_date"]]
    served = max(final) if final and len(final) == len(sent) else None
    return Earlier(
        id=row["id"],
        instrument=row["instrument"],
        number_zh=row["number_zh"],
        case_no=row["case_no"],
        status=row["status"],
        facts=row["facts"],
        service_date=date.fromisoformat(served) if served else None,
    )
