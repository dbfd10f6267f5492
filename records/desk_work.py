"""What waits at the desk of an authority: counted and listed by indexes of their own, however much is done."""

from __future__ import annotations

from collections.abc import Container
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records import affected, deliveries, steps
from records.paging import Found, Part, part_of
from records.tables import delivery, document, notice, paper_correction, scan_part, step
from records.tables.documents import (
    DATE_IS_PROVISIONAL,
    DOCUMENT_FAILED,
    PAPER_IS_SENT,
    SCAN_IS_MISSING,
    SENDING_IS_AMBIGUOUS,
)
from records.tables.paper import CORRECTION_WAITS, PART_IS_OPEN
from records.tables.steps import STEP_IS_DEAD

#: Lists of deliveries: the states of the paper track, what is counted beside them, and what bears a mark in question.
TRACKS: Final = ("to_print", "sent", "returned", "served")
LISTS: Final = ("late", "scan_missing", "provisional")
IN_QUESTION: Final = "in_question"


def _where(authority_id: str, name: str, sent_before: datetime) -> list[Any]:
    if name == IN_QUESTION:
        return [delivery.c.document_id.in_(affected.in_question(authority_id)), deliveries.of_few(authority_id)]
    of = delivery.c.authority_id == authority_id
    if name in TRACKS:
        return [of, delivery.c.paper_status == name]
    if name == "late":
        return [of, PAPER_IS_SENT, delivery.c.paper_since < sent_before]
    return [of, {"scan_missing": SCAN_IS_MISSING, "provisional": DATE_IS_PROVISIONAL}[name]]


def counts(
    connection: sa.Connection, authority_id: str, sent_before: datetime, wanted: Container[str] | None = None
) -> dict[str, int]:
    """How much of each kind waits; paper is late that was sent before `sent_before` (legal time). One query.

    Of the kinds only those `wanted`, if that is given.
    """
    kinds: dict[str, sa.Select[Any]] = {
        name: sa.select(sa.func.count()).select_from(delivery).where(*_where(authority_id, name, sent_before))
        for name in LISTS
    }
    kinds["corrections"] = (
        sa.select(sa.func.count())
        .select_from(paper_correction)
        .where(paper_correction.c.authority_id == authority_id, CORRECTION_WAITS)
    )
    kinds["open_parts"] = (
        sa.select(sa.func.count()).select_from(scan_part).where(scan_part.c.authority_id == authority_id, PART_IS_OPEN)
    )
    kinds["ambiguous"] = sa.select(sa.func.count()).select_from(_ambiguous(authority_id).subquery())
    kinds["dead"] = sa.select(sa.func.count()).select_from(_dead(authority_id).subquery())
    kinds["failed"] = (
        sa.select(sa.func.count()).select_from(document).where(document.c.authority_id == authority_id, DOCUMENT_FAILED)
    )
    asked = {name: each for name, each in kinds.items() if wanted is None or name in wanted}
    if not asked:
        return {}
    query = sa.select(*(each.scalar_subquery().label(name) for name, each in asked.items()))
    return dict(connection.execute(query).mappings().one())


def listed(connection: sa.Connection, authority_id: str, name: str, sent_before: datetime, part: Part) -> Found:
    """Deliveries with their documents, of one of TRACKS, LISTS or IN_QUESTION: those first that waited longest.

    Paper is late that was sent before `sent_before` (legal time).
    """
    order = (delivery.c.paper_since if name == "late" else delivery.c.created_at, delivery.c.id)
    query = sa.select(delivery.c.id).where(*_where(authority_id, name, sent_before))
    found = part_of(connection, query, order, part)
    ids = [row["id"] for row in found.rows]
    return Found(deliveries.desk_items(connection, ids, authority_id), found.next)


def _ambiguous(authority_id: str) -> sa.Select[Any]:
    """Asked from the few notices: joined, SQLite begins with every delivery of the authority."""
    whose = sa.select(delivery.c.authority_id).where(delivery.c.id == notice.c.delivery_id).scalar_subquery()
    columns = (notice.c.id, notice.c.channel, notice.c.created_at, notice.c.delivery_id)
    return sa.select(*columns).where(SENDING_IS_AMBIGUOUS, whose == authority_id)


def _dead(authority_id: str) -> sa.Select[Any]:
    """Steps of the authority's deliveries and of their notices that were given up."""
    dead = sa.select(step).where(STEP_IS_DEAD).subquery()
    columns = (dead.c.id, dead.c.stage, dead.c.error, dead.c.run_at, delivery.c.id.label("delivery_id"))
    of = delivery.c.authority_id == authority_id
    return (
        sa.union_all(
            sa.select(*columns)
            .join(delivery, delivery.c.id == dead.c.subject_id)
            .where(dead.c.subject_type == "delivery", of),
            sa.select(*columns)
            .join(notice, notice.c.id == dead.c.subject_id)
            .join(delivery, delivery.c.id == notice.c.delivery_id)
            .where(dead.c.subject_type == "notice", of),
        )
        .subquery()
        .select()
    )


def ambiguous(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """Reminders of which nobody knows whether they went out, oldest first: `id`, `channel`, `delivery_id`."""
    found = _ambiguous(authority_id).subquery()
    return part_of(connection, found.select(), (found.c.created_at, found.c.id), part)


def dead(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """Steps that were given up, in the order in which they were due: `id`, `stage`, `error`, `delivery_id`."""
    found = _dead(authority_id).subquery()
    return part_of(connection, found.select(), (found.c.run_at, found.c.id), part)


def failed(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """Documents that failed, newest first: `id`, `instrument`, `number_zh`, `case_no`, `reason`, `created_at`."""
    columns = ("id", "instrument", "number_zh", "number_en", "case_no", "reason", "created_at")
    mine = (document.c.authority_id == authority_id, DOCUMENT_FAILED)
    query = sa.select(*(document.c[name] for name in columns)).where(*mine)
    return part_of(connection, query, (document.c.created_at, document.c.id), part, newest=True)


def requeue(connection: sa.Connection, authority_id: str, step_id: str, by: str) -> None:
    """Make a step that was given up due again. Raises LookupError when it is none of the authority's, NotRequeued."""
    mine = _dead(authority_id).subquery()
    if connection.execute(sa.select(mine.c.id).where(mine.c.id == step_id)).first() is None:
        raise LookupError(f"no step {step_id}")
    steps.requeue(connection, step_id, by)
