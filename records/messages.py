"""Messages about a registration: each is a row before it is sent. A secret in one is made at sending and never stored.

Times are the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from records import steps
from records.ids import new_id
from records.instants import microseconds, now
from records.statements import select_by, update_row
from records.tables import message

_CODES_KEPT = 30 * 24 * 3600.0


def write(
    connection: sa.Connection,
    authority_id: str,
    channel: str,
    address: str,
    template: str,
    params: Mapping[str, str],
    *,
    registration_id: str | None = None,
    secret_of: str | None = None,
    asked_from: str | None = None,
) -> str:
    """A message that is to be sent, with the step that sends it; returns the step's id."""
    message_id = new_id("msg")
    connection.execute(
        message.insert().values(
            id=message_id,
            authority_id=authority_id,
            registration_id=registration_id,
            channel=channel,
            address=address,
            template=template,
            params=dict(params),
            secret_of=secret_of,
            asked_from=asked_from,
            state="pending",
            created_at=now(),
        )
    )
    return steps.add(connection, "message", message_id, "tell")


def get(connection: sa.Connection, message_id: str) -> sa.RowMapping:
    """A message by its id. Raises NoResultFound."""
    return connection.execute(select_by(message, "id"), {"id": message_id}).mappings().one()


def update(connection: sa.Connection, message_id: str, **columns: Any) -> None:
    """Change columns of a message."""
    update_row(connection, message, message_id, columns)


def of_registration(connection: sa.Connection, registration_id: str) -> list[sa.RowMapping]:
    """The messages about an application, oldest first."""
    named = {"registration_id": registration_id}
    rows = connection.execute(select_by(message, *named), named).mappings()
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


def count_by_state(connection: sa.Connection) -> dict[str, int]:
    """How many messages stand in each state."""
    query = sa.select(message.c.state, sa.func.count().label("many")).group_by(message.c.state)
    return {row.state: row.many for row in connection.execute(query)}


def asked(connection: sa.Connection, address: str, network: str, seconds: float) -> tuple[int, int]:
    """How many codes were asked for within `seconds`: to this address, and from this network. Sweeps old ones."""
    asked_for = message.c.asked_from.is_not(None)
    connection.execute(message.delete().where(asked_for, message.c.created_at < now() - microseconds(_CODES_KEPT)))
    recent = message.c.created_at > now() - microseconds(seconds)
    query = sa.select(sa.func.count()).select_from(message).where(asked_for, recent)
    to = connection.execute(query.where(message.c.address == address)).scalar_one()
    return int(to), int(connection.execute(query.where(message.c.asked_from == network)).scalar_one())
