"""Dispatch: by its route into the recipient's inbox, or onto paper; fixes the deemed date and writes the reminders."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.routes import Recipient, Route, System, route
from delivery.service import decide_delivery, fix_count, schedule_reminders
from pipeline.composition import Songda
from pipeline.notices import notices_to
from pipeline.outcomes import Conclusion, Done, Next
from pipeline.recipients import known_recipient
from records import deliveries, directory, documents, ledger
from records.database import legal_time
from records.errors import Permanent
from records.finding import found_at_desk, found_by
from records.ledger import append
from records.steps import Claim
from templates.manifests import manifest


def dispatch(songda: Songda, claim: Claim) -> Conclusion:
    """All inside one transaction: the moment of sending is the moment in which the item stands in the inbox."""

    mail_from = songda.settings.mail_from

    def write(connection: sa.Connection) -> Done:
        ledger.lock(connection, deliveries.stream(connection, claim.subject_id))
        row = deliveries.get(connection, claim.subject_id)
        document = documents.get(connection, row["document_id"])
        sent_at = legal_time(connection)
        facts = directory.pinned_facts(connection, document)
        system = System(facts["system"]["name"]["zh"], facts["system"]["address"])
        instrument = manifest(document["instrument"])
        chosen = route(instrument, _recipient(connection, row), system, sent_at, paper_required=document["important"])
        columns = _columns(connection, row, document, facts, chosen, sent_at)
        deliveries.update(connection, row["id"], **columns)
        _tell(connection, document, row, chosen, columns, sent_at)
        decide_delivery(connection, row["id"], sent_at)
        follow = [Next("delivery", row["id"], "settle")] if chosen.route != "internal" else []
        if chosen.route == "inbox":
            schedule_reminders(connection, row["id"], sent_at)
            follow += [Next("notice", notice, "send") for notice in _write_notices(connection, row, mail_from)]
        return Done(tuple(follow))

    return Conclusion(write)


def _recipient(connection: sa.Connection, row: sa.RowMapping) -> Recipient:
    if row["counterparty_id"] is None:
        return Recipient(kind=None)
    of = (row["authority_id"], row["counterparty_id"])
    counterparty = directory.find_counterparty(connection, *of)
    if counterparty is None:
        raise Permanent(f"counterparty {row['counterparty_id']} is not in the register")
    return known_recipient(connection, *of, counterparty["kind"])


def _columns(
    connection: sa.Connection,
    row: sa.RowMapping,
    document: sa.RowMapping,
    facts: Mapping[str, Any],
    chosen: Route,
    sent_at: datetime,
) -> dict[str, Any]:
    columns: dict[str, Any] = {
        "instrument": document["instrument"],
        "found_by": found_by(document),
        "found_at_desk": found_at_desk(document, row),
        "route": chosen.route,
        "route_reasons": [asdict(reason) for reason in chosen.reasons],
        "sent_at": sent_at,
        "letter_id": chosen.letter_id,
        "paper_required": chosen.paper,
        "paper_status": "to_print" if chosen.paper else "none",
        "places": _places(connection, row, facts),
    }
    if chosen.route == "inbox":
        columns["status"] = "available"
        columns["service_count"] = fix_count(connection, sent_at, day_of(sent_at))
    return columns


def _places(connection: sa.Connection, row: sa.RowMapping, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Principal places of business of both sides: the places of sending and receiving (ESL Art 12)."""
    if row["counterparty_id"] is None:
        return {"from": facts["address"], "to": row["address"]["place"]}
    counterparty = directory.find_counterparty(connection, row["authority_id"], row["counterparty_id"])
    to = {"zh": counterparty["address_zh"], "en": counterparty["address_en"]} if counterparty else None
    return {"from": facts["address"], "to": to}


def _tell(
    connection: sa.Connection,
    document: sa.RowMapping,
    row: sa.RowMapping,
    chosen: Route,
    columns: Mapping[str, Any],
    sent_at: datetime,
) -> None:
    """Electronic Signature Law Art 6, 9, 11: who sent what to whom, when, by which authorisation, into which system."""
    append(
        connection,
        document["id"],
        f"{row['id']}/dispatched",
        "delivery.dispatched",
        subject=row["id"],
        happened_at=sent_at,
        body={
            "route": chosen.route,
            "recipient": {"zh": row["recipient_zh"], "en": row["recipient_en"], "id": row["counterparty_id"]},
            "digest": document["final_digest"],
            "letter": chosen.letter_id,
            "paper": chosen.paper,
            "places": columns["places"],
            "count": columns.get("service_count"),
            "approval": document["approval"],
            "reasons": columns["route_reasons"],
        },
    )


def _write_notices(connection: sa.Connection, row: sa.RowMapping, mail_from: str) -> list[str]:
    rows = notices_to(connection, row["authority_id"], row["counterparty_id"], mail_from, "arrival")
    return deliveries.insert_notices(connection, [each | {"delivery_id": row["id"]} for each in rows])
