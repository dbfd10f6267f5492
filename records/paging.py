"""Lists that are walked part by part, by key: no row comes twice or not at all when others are added or handled."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

Key = tuple[datetime, str]
"""Where a row stands: the moment (aware) by which its list is ordered, and its id, for many have one moment."""

Order = tuple[sa.ColumnElement[datetime], sa.ColumnElement[str]]
"""The columns that make the key."""


@dataclass(frozen=True)
class Part:
    """What is wanted of a list: up to `limit` rows, from its beginning or from behind the row with the key `after`."""

    limit: int
    after: Key | None = None


@dataclass(frozen=True)
class Found:
    """The rows of a part, and the key of the last one if there are more behind it."""

    rows: Sequence[sa.RowMapping]
    next: Key | None = None


def behind(order: Order, after: Key | None, *, newest: bool = False) -> list[sa.ColumnElement[bool]]:
    """The condition that leaves what comes after a key, none without one; an index answers it, however many are one."""
    if after is None:
        return []
    here, there = sa.tuple_(*order), sa.tuple_(*map(sa.literal, after, (column.type for column in order)))
    return [here < there if newest else here > there]


def ordered(order: Order, *, newest: bool = False) -> list[sa.ColumnElement[Any]]:
    """By what the list is sorted: the oldest first, or the newest."""
    return [column.desc() if newest else column.asc() for column in order]


def part_among(rows: Sequence[sa.RowMapping], part: Part) -> Found:
    """A part of rows that are here already, oldest first by `created_at` and `id`."""
    keys = [(row["created_at"], row["id"]) for row in rows]
    start = 0 if part.after is None else bisect_right(keys, part.after)
    end = start + part.limit
    return Found(rows[start:end], keys[end - 1] if end < len(rows) else None)


def part_of(
    connection: sa.Connection, query: sa.Select[Any], order: Order, part: Part, *, newest: bool = False
) -> Found:
    """A part of what `query` finds. The columns of `order` are of its tables."""
    query = query.add_columns(order[0].label("key_moment"), order[1].label("key_id"))
    query = query.where(*behind(order, part.after, newest=newest)).order_by(*ordered(order, newest=newest))
    rows = list(connection.execute(query.limit(part.limit + 1)).mappings())
    if len(rows) <= part.limit:
        return Found(rows)
    last = rows[part.limit - 1]
    return Found(rows[: part.limit], (last["key_moment"], last["key_id"]))
