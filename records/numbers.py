"""The register of a series: every number that it ever gave, with its document and state, and why any is missing.

A number is missing only where a person moved the series forward, for a reason, or where a case system had brought a
number that reads the same. Whatever else is missing is a fault of the database, and is told as one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from records import series as counted
from records.tables import document, event, number, series


@dataclass(frozen=True)
class Gap:
    """Ordinals from `first` to `last` that the series did not give.

    `state` is `elsewhere` (a person moved the series forward), `supplied` (a case system brought the number) or
    `missing`, which no record explains. `reason` and `by` are the person's; `document_id` bears the supplied number.
    """

    first: int
    last: int
    state: str
    reason: str | None = None
    by: str | None = None
    document_id: str | None = None


def listed(connection: sa.Connection, authority_id: str) -> list[sa.RowMapping]:
    """Every series of the authority, with `given` and `void`: how many numbers it gave, how many are 作废."""
    void = sa.func.coalesce(sa.func.sum(sa.case((number.c.state == "void", 1), else_=0)), 0)
    query = (
        sa.select(series, sa.func.count(number.c.ordinal).label("given"), void.label("void"))
        .join(number, number.c.series_id == series.c.id, isouter=True)
        .where(series.c.authority_id == authority_id)
        .group_by(*series.c)
        .order_by(series.c.kind, series.c.year, series.c.supplied)
    )
    return list(connection.execute(query).mappings())


def lacking(connection: sa.Connection, year: int) -> list[sa.RowMapping]:
    """`authority_id` and `kind` of every series of the year before that has none of `year` to go on with."""
    later = series.alias()
    goes_on = sa.exists().where(
        later.c.authority_id == series.c.authority_id,
        later.c.kind == series.c.kind,
        later.c.year == year,
        later.c.supplied.is_(False),
    )
    query = sa.select(series.c.authority_id, series.c.kind).where(
        series.c.year == year - 1, series.c.supplied.is_(False), ~goes_on
    )
    return list(connection.execute(query.order_by(series.c.authority_id, series.c.kind)).mappings())


def entries(
    connection: sa.Connection, series_id: str, *, after: int = 0, limit: int = 100, only_void: bool = False
) -> list[sa.RowMapping]:
    """Numbers of the series beyond the ordinal `after`, in order, with `document_status`, `client_id`, `case_no`."""
    query = (
        sa.select(number, document.c.status.label("document_status"), document.c.client_id, document.c.case_no)
        .join(document, document.c.id == number.c.document_id)
        .where(number.c.series_id == series_id, number.c.ordinal > after)
    )
    if only_void:
        query = query.where(number.c.state == "void")
    return list(connection.execute(query.order_by(number.c.ordinal).limit(limit)).mappings())


def gaps(connection: sa.Connection, series_id: str) -> list[Gap]:
    """Every ordinal of the series that bears no number, and why."""
    row = connection.execute(sa.select(series).where(series.c.id == series_id)).mappings().one()
    moves = _moves(connection, row)
    found: list[Gap] = []
    for first, last in _holes(connection, row):
        for ordinal in _cut(first, last, moves):
            found.append(_explained(connection, row, moves, *ordinal))
    return found


def _holes(connection: sa.Connection, row: sa.RowMapping) -> Iterator[tuple[int, int]]:
    """Ranges of ordinals between the series' first and its next number that no row of `number` has."""
    following = sa.func.lead(number.c.ordinal, 1, row["next"]).over(order_by=number.c.ordinal)
    given = sa.select(number.c.ordinal, following.label("following")).where(number.c.series_id == row["id"]).subquery()
    query = sa.select(given).where(given.c.following > given.c.ordinal + 1).order_by(given.c.ordinal)
    lowest = connection.execute(
        sa.select(sa.func.min(number.c.ordinal)).where(number.c.series_id == row["id"])
    ).scalar()
    if (lowest or row["next"]) > row["first"]:
        yield row["first"], (lowest or row["next"]) - 1
    for each in connection.execute(query):
        yield each.ordinal + 1, each.following - 1


def _moves(connection: sa.Connection, row: sa.RowMapping) -> list[dict[str, Any]]:
    """What persons moved the series over: `first`, `next`, `reason`, `by`, oldest first."""
    query = sa.select(event.c.body, event.c.actor).where(
        event.c.stream == f"directory:{row['authority_id']}",
        event.c.kind == "series.advanced",
        event.c.subject == row["id"],
    )
    told = [json.loads(each.body) | {"by": each.actor} for each in connection.execute(query.order_by(event.c.seq))]
    return [{"first": row["first"]} | each for each in told]  # an entry of the first version does not tell its start


def _cut(first: int, last: int, moves: list[dict[str, Any]]) -> Iterator[tuple[int, int]]:
    """The range in pieces: each lies wholly inside one move, or is one single ordinal."""
    while first <= last:
        within = next((move for move in moves if move["first"] <= first < move["next"]), None)
        end = min(last, within["next"] - 1) if within else first
        yield first, end
        first = end + 1


def _explained(
    connection: sa.Connection, row: sa.RowMapping, moves: list[dict[str, Any]], first: int, last: int
) -> Gap:
    for move in moves:
        if move["first"] <= first < move["next"]:
            return Gap(first, last, "elsewhere", move["reason"], move["by"])
    text = counted.printed(row["pattern_zh"], row["year"], first)
    bearer = counted.bound_to(connection, row["authority_id"], [text])
    if bearer:
        return Gap(first, last, "supplied", document_id=bearer[0][1])
    promised = counted.is_taken(connection, row["authority_id"], text, promised=True)
    return Gap(first, last, "supplied" if promised else "missing")
