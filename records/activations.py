"""Activation codes: an account's owner chooses the password with one, once. Only hashes are stored.

Times are the database's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from records import messages
from records.access import OPEN
from records.database import database_time
from records.ids import new_id
from records.instants import microseconds, now
from records.statements import select_by
from records.tables import account, activation


def issue(
    connection: sa.Connection,
    account_id: str,
    authority_id: str,
    seconds: float,
    by: str,
    call_back: Mapping[str, str] | None = None,
) -> str:
    """A code that counts for `seconds` from now on, instead of every earlier one of the account; returns its id.

    `call_back` is who was asked back, under which number, and from which source that was: needed for all but the first.
    """
    activation_id = new_id("act")
    connection.execute(
        activation.insert().values(
            id=activation_id,
            account_id=account_id,
            authority_id=authority_id,
            expires_at=now() + microseconds(seconds),
            tries=0,
            issued_by=by,
            call_back=None if call_back is None else dict(call_back),
            issued_at=now(),
        )
    )
    return activation_id


def get(connection: sa.Connection, activation_id: str) -> sa.RowMapping:
    """An activation by its id. Raises NoResultFound."""
    return connection.execute(select_by(activation, "id"), {"id": activation_id}).mappings().one()


def set_code(connection: sa.Connection, activation_id: str, code_hash: str) -> None:
    """The code that is about to be sent; one that was sent before for the same activation no longer counts."""
    connection.execute(activation.update().where(activation.c.id == activation_id).values(code_hash=code_hash))


def newest(connection: sa.Connection, account_id: str) -> sa.RowMapping | None:
    """The activation of an account that counts, used or not, expired or not; None when there never was one."""
    order = (activation.c.issued_at.desc(), activation.c.id.desc())
    query = sa.select(activation).where(activation.c.account_id == account_id).order_by(*order).limit(1)
    return connection.execute(query).mappings().first()


def count_try(connection: sa.Connection, login: str, most: int) -> sa.RowMapping | None:
    """Count a try on the account of this login before its code is looked at.

    Returns the activation with its `code_hash`, and the account's `login`, `department` and ids; None when no code
    counts (any more) or no try is left.
    """
    query = sa.select(account.c.id).where(account.c.login == login, *OPEN)
    account_id = connection.execute(query).scalar()
    row = None if account_id is None else newest(connection, account_id)
    if row is None:
        return None
    holds = (activation.c.id == row["id"], activation.c.tries < most, activation.c.used_at.is_(None))
    counted = activation.update().where(*holds, activation.c.expires_at > now()).values(tries=activation.c.tries + 1)
    return row if connection.execute(counted).rowcount else None


def use(connection: sa.Connection, activation_id: str) -> bool:
    """Use an activation up; False when somebody was quicker."""
    unused = (activation.c.id == activation_id, activation.c.used_at.is_(None))
    return bool(connection.execute(activation.update().where(*unused).values(used_at=now())).rowcount)


def of_counterparty(connection: sa.Connection, authority_id: str, counterparty_id: str) -> list[dict[str, Any]]:
    """The accounts of a counterparty, each with the activation that counts and the message that brings its code.

    Both (`activation`, `message`) are None where there never was one; `late` says that the code has expired.
    """
    named = {"authority_id": authority_id, "counterparty_id": counterparty_id}
    rows = connection.execute(select_by(account, *named), named).mappings().all()
    clock, found = database_time(connection), []
    for row in sorted(rows, key=lambda row: str(row["login"])):
        code = newest(connection, row["id"])
        sent = None if code is None else messages.bringing(connection, code["id"])
        late = code is not None and code["expires_at"] <= clock
        found.append({**row, "activation": code, "message": sent, "late": late})
    return found
