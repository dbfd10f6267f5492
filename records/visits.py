"""Visits to the registration: who is at the door, the code that lets in, and for how long. Only hashes are stored.

All times are the database's clock.
"""

from __future__ import annotations

import secrets
from typing import Any

import sqlalchemy as sa

from records.access import token_hash
from records.instants import microseconds, now
from records.tables import visit


def open_visit(connection: sa.Connection, seconds: float, **columns: Any) -> str:
    """A visitor who has to prove a mobile number within `seconds`; returns the token. Sweeps visits that have ended."""
    token = secrets.token_urlsafe(32)
    sweep(connection)
    connection.execute(
        visit.insert().values(
            token_hash=token_hash(token),
            csrf_token=secrets.token_urlsafe(32),
            tries=0,
            created_at=now(),
            expires_at=now() + microseconds(seconds),
            **columns,
        )
    )
    return token


def any_ended(connection: sa.Connection) -> bool:
    """Whether `sweep` would find anything."""
    return (
        connection.execute(sa.select(visit.c.token_hash).where(visit.c.expires_at < now()).limit(1)).first() is not None
    )


def sweep(connection: sa.Connection) -> None:
    """Delete visits that have ended."""
    connection.execute(visit.delete().where(visit.c.expires_at < now()))


def find(connection: sa.Connection, token: str) -> sa.RowMapping | None:
    """The visit of a token, unless it has ended."""
    alive = (visit.c.token_hash == token_hash(token), visit.c.expires_at > now())
    return connection.execute(sa.select(visit).where(*alive)).mappings().first()


def set_code(connection: sa.Connection, visit_hash: str, code_hash: str, seconds: float) -> None:
    """The code that is about to be sent lets in for `seconds`; one that was sent before no longer does."""
    values = {"code_hash": code_hash, "code_until": now() + microseconds(seconds), "tries": 0}
    connection.execute(visit.update().where(visit.c.token_hash == visit_hash).values(**values))


def count_try(connection: sa.Connection, visit_hash: str, most: int) -> str | None:
    """Count a try before the code is looked at; returns the hash to compare with, None when no try is left or no code
    holds (any more)."""
    holds = (visit.c.token_hash == visit_hash, visit.c.tries < most, visit.c.code_until > now())
    counted = visit.update().where(*holds).values(tries=visit.c.tries + 1).returning(visit.c.code_hash)
    return connection.execute(counted).scalar()


def prove(connection: sa.Connection, visit_hash: str, registration_id: str, seconds: float) -> str:
    """The number is proved: the visit is in that application for `seconds`, its code is used up; returns a new token.

    The token from before the proof opens nothing: whoever planted it in a browser gains nothing by the proof.
    """
    token = secrets.token_urlsafe(32)
    values = {"registration_id": registration_id, "proved_at": now(), "expires_at": now() + microseconds(seconds)}
    renewed = {"token_hash": token_hash(token), "csrf_token": secrets.token_urlsafe(32)}
    connection.execute(
        visit.update()
        .where(visit.c.token_hash == visit_hash)
        .values(code_hash=None, code_until=None, **renewed, **values)
    )
    return token


def close(connection: sa.Connection, visit_hash: str) -> None:
    """End a visit."""
    connection.execute(visit.delete().where(visit.c.token_hash == visit_hash))
