"""Paper records that wait for a second person: corrections, and records dated far back."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from records.ids import new_id
from records.instants import now
from records.paging import Found, Part, part_of
from records.statements import select_by
from records.tables import delivery, document, paper_correction
from records.tables.paper import CORRECTION_WAITS


class NotWaiting(Exception):
    """Somebody decided on it already."""


def propose(connection: sa.Connection, authority_id: str, delivery_id: str, **values: Any) -> str:
    """Store what waits for approval; returns its id. Raises IntegrityError when one of the delivery waits already."""
    correction_id = new_id("pcr")
    row = {"id": correction_id, "authority_id": authority_id, "delivery_id": delivery_id, "state": "waiting"}
    connection.execute(paper_correction.insert().values(proposed_at=now(), **row, **values))
    return correction_id


def find(connection: sa.Connection, correction_id: str, authority_id: str) -> sa.RowMapping | None:
    """One of the authority's, or None."""
    names = {"id": correction_id, "authority_id": authority_id}
    return connection.execute(select_by(paper_correction, *names), names).mappings().first()


def waiting_for(connection: sa.Connection, delivery_id: str) -> sa.RowMapping | None:
    """The one of this delivery that waits, or None."""
    names = {"delivery_id": delivery_id, "state": "waiting"}
    return connection.execute(select_by(paper_correction, *names), names).mappings().first()


def waiting(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """What waits at an authority, oldest first, with the names of the delivery and its document."""
    query = (
        sa.select(
            paper_correction,
            delivery.c.recipient_zh,
            delivery.c.recipient_en,
            document.c.instrument,
            document.c.number_zh,
            document.c.number_en,
            document.c.case_no,
        )
        .join(delivery, delivery.c.id == paper_correction.c.delivery_id)
        .join(document, document.c.id == delivery.c.document_id)
        .where(paper_correction.c.authority_id == authority_id, CORRECTION_WAITS)
    )
    return part_of(connection, query, (paper_correction.c.proposed_at, paper_correction.c.id), part)


def decide(connection: sa.Connection, correction_id: str, state: str, by: str, **values: str | None) -> None:
    """End the wait as `approved` or `declined`, once. Raises NotWaiting."""
    statement = (
        paper_correction.update()
        .where(paper_correction.c.id == correction_id, paper_correction.c.state == "waiting")
        .values(state=state, decided_by=by, decided_at=now(), **values)
    )
    if connection.execute(statement).rowcount != 1:
        raise NotWaiting(correction_id)
