"""The ledger: append-only events in one hash chain per stream.

A stream is a document (its deliveries and notices write there too) or an authority's directory. Keys are
deterministic and an event is inserted only if its key is absent, so a replayed step cannot make a second legal
event. Three times are kept apart: when it happened (legal clock), when it was recorded (database clock), and the
legal date that it carries, if any. (Electronic Signature Law Art 6, 8.)
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records.instants import from_microseconds, now, to_microseconds
from records.statements import insert_if_absent
from records.tables import event, ledger_head, system

_GENESIS = "0" * 64


@dataclass(frozen=True)
class Event:
    """One entry of the ledger. `happened_at` and `recorded_at` are UTC; `legal_date` is YYYY-MM-DD in Beijing."""

    stream: str
    seq: int
    key: str
    kind: str
    subject: str
    actor: str
    happened_at: datetime
    recorded_at: datetime
    legal_date: str | None
    body: Mapping[str, Any]
    hash: str


def canonical(value: object) -> str:
    """JSON with sorted keys and no spare white space: the form that is hashed."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _hash(row: Mapping[str, Any]) -> str:
    fields = [
        row["stream"],
        row["seq"],
        row["key"],
        row["kind"],
        row["subject"],
        row["actor"],
        to_microseconds(row["happened_at"]),
        to_microseconds(row["recorded_at"]),
        row["legal_date"],
        row["body"],
        row["previous"],
    ]
    return hashlib.sha256(canonical(fields).encode()).hexdigest()


# Statements of every event are built once: building one costs more than running it.
_HEAD: Final = (
    sa.select(ledger_head.c.seq, ledger_head.c.hash).where(ledger_head.c.stream == sa.bindparam("of")).with_for_update()
)
_PRESENT: Final = sa.select(
    sa.exists().where(event.c.stream == sa.bindparam("of"), event.c.key == sa.bindparam("at")).label("known"),
    now().label("recorded_at"),
    (now() + system.c.legal_offset).label("legal_now"),
)
_EVENT: Final = event.insert()
_COUNTED: Final = sa.select(sa.func.count()).where(
    event.c.stream == sa.bindparam("stream"),
    event.c.subject == sa.bindparam("subject"),
    event.c.kind.in_(sa.bindparam("kinds", expanding=True)),
)
_MOVED: Final = ledger_head.update().where(ledger_head.c.stream == sa.bindparam("of"))


def lock(connection: sa.Connection, stream: str) -> sa.Row[int, str]:
    """Hold the stream until the transaction ends; returns `seq` and `hash` of its head.

    Whoever changes rows of a document's deliveries takes this lock first: one order of locks, so no two can deadlock.
    """
    found = connection.execute(_HEAD, {"of": stream}).first()
    if found is None:
        insert_if_absent(connection, ledger_head, {"stream": stream, "seq": 0, "hash": _GENESIS})
        found = connection.execute(_HEAD, {"of": stream}).one()
    return found


def append(
    connection: sa.Connection,
    stream: str,
    key: str,
    kind: str,
    *,
    subject: str | None = None,
    actor: str = "system",
    happened_at: datetime | None = None,
    legal_date: str | None = None,
    body: Mapping[str, Any] | None = None,
) -> bool:
    """Append an event to `stream` unless one with `key` stands there already; says whether it was appended.

    Takes the stream's head lock until the transaction ends, so chains stay unforked under concurrent writers.
    `happened_at` (aware) defaults to the legal clock's now; `subject` to the stream itself.
    """
    head = lock(connection, stream)
    # asked in one statement, and after the lock: what another writer committed meanwhile is seen, and time goes on
    present = connection.execute(_PRESENT, {"of": stream, "at": key}).one()
    if present.known:
        return False
    row: dict[str, Any] = {
        "stream": stream,
        "seq": head.seq + 1,
        "key": key,
        "kind": kind,
        "subject": subject or stream,
        "actor": actor,
        "happened_at": happened_at or from_microseconds(present.legal_now),
        "recorded_at": from_microseconds(present.recorded_at),
        "legal_date": legal_date,
        "body": canonical(body or {}),
        "previous": head.hash,
    }
    row["hash"] = _hash(row)
    connection.execute(_EVENT, row)
    connection.execute(_MOVED, {"of": stream, "seq": row["seq"], "hash": row["hash"]})
    return True


def subject_of(connection: sa.Connection, stream: str, key: str) -> str | None:
    """The subject of the event with this key in the stream; None when there is none."""
    query = sa.select(event.c.subject).where(event.c.stream == stream, event.c.key == key)
    return connection.execute(query).scalar()


def count(connection: sa.Connection, stream: str, subject: str, kinds: Collection[str]) -> int:
    """How many events of these kinds `stream` has on `subject`."""
    values = {"stream": stream, "subject": subject, "kinds": list(kinds)}
    return int(connection.execute(_COUNTED, values).scalar_one())


def events(connection: sa.Connection, stream: str) -> list[Event]:
    """All events of one stream, oldest first."""
    return _read(connection, sa.select(event).where(event.c.stream == stream).order_by(event.c.seq))


def _read(connection: sa.Connection, query: sa.Select[Any]) -> list[Event]:
    return [
        Event(**{name: row[name] for name in Event.__annotations__ if name != "body"}, body=json.loads(row["body"]))
        for row in connection.execute(query).mappings()
    ]


def count_all(connection: sa.Connection, streams: Collection[str]) -> int:
    """How many events these streams have together."""
    query = sa.select(sa.func.count()).select_from(event).where(event.c.stream.in_(streams))
    return int(connection.execute(query).scalar_one())


def together(connection: sa.Connection, streams: Collection[str], *, skip: int, limit: int) -> list[Event]:
    """Events of several streams as they happened by the legal clock, oldest first, without the first `skip`."""
    query = sa.select(event).where(event.c.stream.in_(streams))
    ordered = query.order_by(event.c.happened_at, event.c.stream, event.c.seq)
    return _read(connection, ordered.offset(skip).limit(limit))


def verify(connection: sa.Connection, stream: str | None = None) -> Iterator[str]:
    """Every fault of the chains (of one stream, or of all), as a sentence that names the entry; nothing if whole."""
    query = sa.select(event).order_by(event.c.stream, event.c.seq)
    heads = sa.select(ledger_head)
    if stream is not None:
        query, heads = query.where(event.c.stream == stream), heads.where(ledger_head.c.stream == stream)
    last: dict[str, tuple[int, str]] = {}
    for row in connection.execute(query).mappings():
        seq, previous = last.get(row["stream"], (0, _GENESIS))
        place = f"stream {row['stream']}, entry {row['seq']} ({row['kind']})"
        if row["seq"] != seq + 1:
            yield f"{place}: entry {seq + 1} is missing before it"
        if row["previous"] != previous:
            yield f"{place}: does not follow from the entry before it"
        if row["hash"] != _hash(dict(row)):
            yield f"{place}: its content was changed after it was written"
        last[row["stream"]] = (row["seq"], row["hash"])
    for head in connection.execute(heads).mappings():
        seq, hash_ = last.get(head["stream"], (0, _GENESIS))
        if (head["seq"], head["hash"]) != (seq, hash_):
            yield f"stream {head['stream']}: the last entry is {seq}, but the head names {head['seq']}"
