"""Applications that were begun and never reported are deleted after a while, with their scans: nobody needs them.

Moments are those of the legal clock. Files are named by their content and may belong to others too: they are set aside,
looked at once more an hour later, and only then deleted.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from records import artifacts, messages, registrations, visits
from records.database import Database, legal_time
from records.ledger import append, lock
from records.store import Store

SECOND_LOOK: Final = 3600.0
"""Seconds until what was set aside is looked at again: far longer than anybody needs from a file to its row."""
_AT_ONCE: Final = 50


@cache
def draft_days() -> int:
    """For how many days after its last change a draft is kept."""
    data = tomllib.loads((Path(__file__).parent / "registration.toml").read_text("utf-8"))
    return int(data["drafts"]["days"])


def sweep(database: Database, store: Store) -> int:
    """Delete drafts that nobody came back to, and visits and codes that have ended; returns how many drafts.

    Raises Retry when the store is away: the next round goes on.
    """
    with database.read() as connection:
        before = legal_time(connection) - timedelta(days=draft_days())
        drafts = registrations.forgotten(connection, before, _AT_ONCE)
        ended = visits.any_ended(connection) or messages.any_old(connection)
    if ended:
        with database.write() as connection:
            visits.sweep(connection)
            messages.sweep(connection)
    swept = 0
    for row in drafts:
        digests = {str(each["digest"]) for each in row["files"].values()}
        set_aside_unused(database, store, digests, but=row["id"])  # before the row: a crash leaves nothing unnamed
        with database.write() as connection:
            lock(connection, row["id"])
            if registrations.forget(connection, row["id"], before):
                swept += 1
                _tell(connection, row, len(digests))
    return swept


def _tell(connection: sa.Connection, row: sa.RowMapping, files: int) -> None:
    """An event without anything of whoever began it."""
    append(
        connection,
        f"directory:{row['authority_id']}",
        f"registration/{row['id']}/swept",
        "registration.swept",
        subject=row["id"],
        body={"files": files, "days": draft_days()},
    )


def set_aside_unused(database: Database, store: Store, digests: Collection[str], *, but: str = "") -> None:
    """Set those files aside that no row names, but for the application `but`."""
    with database.read() as connection:
        unused = set(digests) - artifacts.held(connection, digests, but=but)
    for digest in unused:
        store.set_aside(digest)


def look_again(database: Database, store: Store, seconds: float = SECOND_LOOK) -> int:
    """Delete what was set aside more than `seconds` ago, or put back what a row names after all; returns how many
    were deleted."""
    waiting = store.aside(seconds)
    with database.read() as connection:
        held = artifacts.held(connection, waiting) if waiting else set()
    deleted = 0
    for digest in waiting:
        if digest not in held and _forget(database, store, digest):
            store.destroy(digest)
            deleted += 1
        else:
            store.put_back(digest)
    return deleted


class _StoredAnew(Exception):
    """Somebody has stored the same bytes anew, and names them, or is about to."""


def _forget(database: Database, store: Store, digest: str) -> bool:
    """Take the name away, unless the same bytes have come again: they are stored first and named after, so the look
    at the store comes after the deletion, for which whoever names them has to wait. False when a row names them."""
    try:
        with suppress(_StoredAnew), database.write() as connection:
            artifacts.forget(connection, digest)
            if store.has(digest):
                raise _StoredAnew
    except IntegrityError:
        return False
    return True
