"""Messages about a registration: each is a row before it is sent. A secret in one is made at sending and never stored.

Times are the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from records import steps
from records.ids import new_id
from records.instants import microseconds, now
from records.ledger import append, count, lock
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


def bringing(connection: sa.Connection, secret_of: str) -> sa.RowMapping | None:
    """The message that brings a code, by the visit or the activation whose code it is; or None."""
    return connection.execute(select_by(message, "secret_of"), {"secret_of": secret_of}).mappings().first()


def conclude(connection: sa.Connection, message_id: str, state: str, detail: str) -> None:
    """Write what our sending came to, unless the gateway has reported the end of it already."""
    values = {"state": state, "detail": detail, "sent_at": now() if state == "sent" else None}
    here = message.c.id == message_id, message.c.state == "pending"
    connection.execute(message.update().where(*here).values(**values))


def record_report(
    connection: sa.Connection,
    message_id: str,
    report: str,
    code: str,
    detail: str,
    *,
    actor: str,
    authority_id: str | None = None,
) -> sa.RowMapping:
    """Record that an SMS was `delivered` or `failed`, as the gateway told; the same report again changes nothing.

    Raises LookupError for a message that is not ours, or not of the authority that is named. Returns it as it stood.
    """
    query = sa.select(message).where(message.c.id == message_id, message.c.channel == "sms")
    if authority_id is not None:
        query = query.where(message.c.authority_id == authority_id)
    row = connection.execute(query.with_for_update()).mappings().first()
    if row is None:
        raise LookupError(f"no message {message_id}")
    state, told = ("sent" if report == "delivered" else "failed"), f"reported {report} {code} {detail}".rstrip()
    if (row["state"], row["detail"]) == (state, told):
        return row
    update_row(connection, message, message_id, {"state": state, "detail": told})
    if row["registration_id"] is not None:
        stream = row["registration_id"]
        lock(connection, stream)
        key = f"{message_id}/reported/{count(connection, stream, message_id, ('message.reported',)) + 1}"
        body = {"channel": "sms", "template": row["template"], "report": report, "code": code, "was": row["state"]}
        append(connection, stream, key, "message.reported", subject=message_id, actor=actor, body=body)
    return row


def of_registration(connection: sa.Connection, registration_id: str) -> list[sa.RowMapping]:
    """The messages about an application, oldest first."""
    named = {"registration_id": registration_id}
    rows = connection.execute(select_by(message, *named), named).mappings()
    return sorted(rows, key=lambda row: (row["created_at"], row["id"]))


def count_by_state(connection: sa.Connection) -> dict[str, int]:
    """How many messages stand in each state."""
    query = sa.select(message.c.state, sa.func.count().label("many")).group_by(message.c.state)
    return {row.state: row.many for row in connection.execute(query)}


def _old() -> tuple[sa.ColumnElement[bool], ...]:
    return message.c.asked_from.is_not(None), message.c.created_at < now() - microseconds(_CODES_KEPT)


def any_old(connection: sa.Connection) -> bool:
    """Whether `sweep` would find anything."""
    return connection.execute(sa.select(message.c.id).where(*_old()).limit(1)).first() is not None


def sweep(connection: sa.Connection) -> None:
    """Delete messages that only brought a code to the door, a month ago or longer."""
    connection.execute(message.delete().where(*_old()))


def asked(connection: sa.Connection, address: str, network: str, seconds: float) -> tuple[int, int]:
    """How many codes were asked for within `seconds`: to this address, and from this network. Sweeps old ones."""
    sweep(connection)
    asked_for = message.c.asked_from.is_not(None)
    recent = message.c.created_at > now() - microseconds(seconds)
    query = sa.select(sa.func.count()).select_from(message).where(asked_for, recent)
    to = connection.execute(query.where(message.c.address == address)).scalar_one()
    return int(to), int(connection.execute(query.where(message.c.asked_from == network)).scalar_one())
