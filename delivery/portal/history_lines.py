"""What was done with a delivery, by whom and when: every account of the counterparty sees the same."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from delivery.portal.views import moment, stamp
from delivery.portal.wording import Words
from records import ledger

KINDS: Final = {
    "delivery.dispatched": "sent",
    "delivery.accessed": "opened",
    "delivery.confirmed": "confirmed",
    "copy.asked": "copy_asked",
    "copy.sent": "copy_sent",
    "submission.received": "submitted",
    "submission.taken": "taken",
    "objection.raised": "objected",
    "objection.ruled": "ruled",
}
"""Events of the ledger that a counterparty sees, and their words."""


@dataclass(frozen=True)
class HistoryLine:
    """One act: `who` is empty for what the system did; `at` is the moment itself."""

    text: str
    who: str
    time: str
    at: str


def history_lines(connection: sa.Connection, row: sa.RowMapping, t: Words) -> list[HistoryLine]:
    """The acts on the delivery `row`, oldest first."""
    found = (
        event
        for event in ledger.events(connection, row["document_id"])
        if event.subject == row["id"] and event.kind in KINDS
    )
    return [
        HistoryLine(
            t(f"history.{KINDS[event.kind]}"),
            who_of(event.body, t),
            moment(event.happened_at, t),
            stamp(event.happened_at),
        )
        for event in found
    ]


def who_of(body: Mapping[str, Any], t: Words) -> str:
    """Who acted, as the event's body tells it.

    Names of the counterparty's people stand there in full, those of the authority without their log-in names.
    """
    of_party = (body.get("person"), body.get("office"), body.get("login"), body.get("department"))
    told = of_party if "department" in body else (body.get("name"),)
    return t.pick("，", ", ").join(str(each) for each in told if each)
