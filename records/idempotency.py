"""Idempotency keys: the same request twice makes one job.

A key is locked while its first request runs and bound to the answer in the transaction that stores the job. A lock
lapses by the database's clock, so that a killed process does not hold its key for ever; whoever takes it over gets a
later lapse, and a lock that was taken over can no longer be bound.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records.database import database_time
from records.instants import from_microseconds, microseconds, to_microseconds
from records.statements import insert_if_absent
from records.tables import idempotency_key


class StillRunning(Exception):
    """The first request with this key has not been answered yet."""


class OtherBody(Exception):
    """The key is bound to a request with another body."""


@dataclass(frozen=True)
class Lock:
    """The right to answer the first request of a key, until `until` by the database's clock."""

    api_key_prefix: str
    key: str
    until: datetime


@dataclass(frozen=True)
class Answered:
    """The answer that the key is bound to."""

    response: Mapping[str, Any]


def begin(
    connection: sa.Connection, api_key_prefix: str, key: str, body_digest: str, lock_seconds: float
) -> Lock | Answered:
    """Lock the key for a first request, or return the answer that it got.

    Raises StillRunning while another request holds the lock, OtherBody when the key is bound to another body.
    """
    present = database_time(connection)
    until = from_microseconds(to_microseconds(present) + microseconds(lock_seconds))
    values = {
        "api_key_prefix": api_key_prefix,
        "key": key,
        "body_digest": body_digest,
        "job_id": None,
        "response": None,
        "locked_until": until,
        "created_at": present,
    }
    lock = Lock(api_key_prefix, key, until)
    if insert_if_absent(connection, idempotency_key, values):
        return lock
    row = connection.execute(sa.select(idempotency_key).where(*_named(lock)).with_for_update()).mappings().first()
    if row is None:  # released between the two statements
        raise StillRunning(key)
    if row["job_id"] is not None:
        if row["body_digest"] != body_digest:
            raise OtherBody(key)
        return Answered(row["response"])
    if row["locked_until"] >= present:
        raise StillRunning(key)
    connection.execute(
        idempotency_key.update().where(*_named(lock)).values(body_digest=body_digest, locked_until=until)
    )
    return lock


_BOUND: Final = idempotency_key.update().where(
    idempotency_key.c.api_key_prefix == sa.bindparam("the_prefix"),
    idempotency_key.c.key == sa.bindparam("the_key"),
    idempotency_key.c.job_id.is_(None),
    idempotency_key.c.locked_until == sa.bindparam("the_end"),
)


def bind(connection: sa.Connection, lock: Lock, job_id: str, response: Mapping[str, Any]) -> None:
    """Bind the key to its answer, in the transaction that stores the job. Raises StillRunning if the lock was lost."""
    values = {
        "the_prefix": lock.api_key_prefix,
        "the_key": lock.key,
        "the_end": lock.until,
        "job_id": job_id,
        "response": dict(response),
    }
    bound = connection.execute(_BOUND, values)
    if bound.rowcount != 1:
        raise StillRunning(lock.key)


def release(connection: sa.Connection, lock: Lock) -> None:
    """Free the key of a request that was refused or that failed: it may be used again, with any body."""
    connection.execute(idempotency_key.delete().where(*_held(lock)))


def _named(lock: Lock) -> tuple[sa.ColumnElement[bool], ...]:
    return idempotency_key.c.api_key_prefix == lock.api_key_prefix, idempotency_key.c.key == lock.key


def _held(lock: Lock) -> tuple[sa.ColumnElement[bool], ...]:
    return *_named(lock), idempotency_key.c.job_id.is_(None), idempotency_key.c.locked_until == lock.until
