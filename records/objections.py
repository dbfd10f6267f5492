"""Objections of parties to a service date, and the rulings on them. Append-only."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from records.paging import Found, Part, part_of
from records.tables import delivery, objection, objection_ruling


def _query() -> sa.Select[Any]:
    """Objections with their rulings (`outcome` null before there is one) and their document."""
    return (
        sa.select(
            objection,
            objection_ruling.c.outcome,
            objection_ruling.c.served_on,
            objection_ruling.c.reasons,
            objection_ruling.c.name.label("ruled_by"),
            objection_ruling.c.ruled_at,
            delivery.c.instrument,
            delivery.c.recipient_zh,
            delivery.c.recipient_en,
        )
        .join(delivery, delivery.c.id == objection.c.delivery_id)
        .outerjoin(objection_ruling, objection_ruling.c.objection_id == objection.c.id)
    )


def insert(connection: sa.Connection, **values: Any) -> None:
    """Store an objection; the caller writes the event."""
    connection.execute(objection.insert().values(**values))


def rule(connection: sa.Connection, **values: Any) -> None:
    """Store the ruling on an objection; the caller writes the event."""
    connection.execute(objection_ruling.insert().values(**values))


def find(connection: sa.Connection, objection_id: str, authority_id: str) -> sa.RowMapping | None:
    """An objection made to the authority, or None."""
    query = _query().where(objection.c.id == objection_id, objection.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def of_delivery(connection: sa.Connection, *delivery_ids: str) -> list[sa.RowMapping]:
    """The objections to the service dates of one or more deliveries, oldest first."""
    query = _query().where(objection.c.delivery_id.in_(delivery_ids))
    return list(connection.execute(query.order_by(objection.c.raised_at, objection.c.id)).mappings())


def waiting(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """Those without a ruling, oldest first."""
    return part_of(connection, _waiting(authority_id), (objection.c.raised_at, objection.c.id), part)


def count_waiting(connection: sa.Connection, authority_id: str) -> int:
    """How many there are."""
    found = _waiting(authority_id).with_only_columns(objection.c.id).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())


def _waiting(authority_id: str) -> sa.Select[Any]:
    return _query().where(objection.c.authority_id == authority_id, objection_ruling.c.outcome.is_(None))


def upheld(connection: sa.Connection, delivery_id: str) -> sa.RowMapping | None:
    """`served_on` and `ruled_at` of the last upheld objection to the service date of a delivery, or None."""
    query = (
        sa.select(objection_ruling.c.served_on, objection_ruling.c.ruled_at)
        .join(objection, objection.c.id == objection_ruling.c.objection_id)
        .where(objection.c.delivery_id == delivery_id, objection_ruling.c.outcome == "upheld")
        .order_by(objection_ruling.c.ruled_at.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().first()
