"""The electronic seals that go with seals of the register: one is used wherever its seal is, until it is taken off."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from records.ids import new_id
from records.instants import now
from records.ledger import append, lock
from records.statements import insert_at, select_by
from records.tables import electronic_seal


def register(
    connection: sa.Connection,
    authority_id: str,
    seal_id: str,
    by: str,
    *,
    name: str,
    digest: str,
    key_uri: str,
    certificate: str,
    valid_from: datetime,
    valid_to: datetime,
    test: bool,
) -> str:
    """From now on this electronic seal goes with the seal, in place of the one before; returns its id."""
    lock(connection, _stream(authority_id))
    take_off(connection, authority_id, seal_id, by)
    electronic_id = new_id("els")
    row = {
        "id": electronic_id,
        "authority_id": authority_id,
        "seal_id": seal_id,
        "name": name,
        "digest": digest,
        "key_uri": key_uri,
        "certificate": certificate,
        "valid_from": valid_from,
        "valid_to": valid_to,
        "state": "active",
        "test": test,
        "registered_by": by,
    }
    connection.execute(insert_at(electronic_seal, "registered_at"), row)
    period = {"valid_from": valid_from.isoformat(), "valid_to": valid_to.isoformat()}
    body = {"seal": seal_id, "name": name, "digest": digest, "test": test, **period}
    _tell(connection, authority_id, electronic_id, "registered", by, body)
    return electronic_id


def take_off(connection: sa.Connection, authority_id: str, seal_id: str, by: str) -> str | None:
    """From now on the seal is used without its electronic seal, whose id is returned; None when it had none."""
    present = active(connection, seal_id)
    if present is None or present["authority_id"] != authority_id:
        return None
    mine = electronic_seal.update().where(electronic_seal.c.id == present["id"])
    connection.execute(mine.values(state="off", ended_by=by, ended_at=now()))
    _tell(connection, authority_id, present["id"], "taken_off", by, {"seal": seal_id})
    return str(present["id"])


def active(connection: sa.Connection, seal_id: str) -> sa.RowMapping | None:
    """The electronic seal that goes with the seal, or None."""
    named = {"seal_id": seal_id, "state": "active"}
    return connection.execute(select_by(electronic_seal, *named), named).mappings().first()


def in_use(connection: sa.Connection) -> list[sa.RowMapping]:
    """The electronic seals of all authorities that go with a seal, those that end first."""
    query = sa.select(electronic_seal).where(electronic_seal.c.state == "active")
    return list(connection.execute(query.order_by(electronic_seal.c.valid_to, electronic_seal.c.id)).mappings())


def _stream(authority_id: str) -> str:
    return f"directory:{authority_id}"


def _tell(
    connection: sa.Connection, authority_id: str, electronic_id: str, what: str, by: str, body: dict[str, object]
) -> None:
    key, kind = f"electronic_seal/{electronic_id}/{what}", f"electronic_seal.{what}"
    append(connection, _stream(authority_id), key, kind, subject=electronic_id, actor=by, body=body)
