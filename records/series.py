"""Number series (文号): without gaps, counted in the finishing transaction of the step that binds a number.

A database sequence would leave a gap at each rollback; a row that is counted up in the same transaction does not.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from records.ids import new_id
from records.instants import now
from records.ledger import append
from records.statements import insert_at, select_by
from records.tables import document, number, series


@dataclass(frozen=True)
class Number:
    """A document number, in both languages."""

    text_zh: str
    text_en: str


class UnknownSeries(LookupError):
    """The authority has no series of this kind and year."""


class NotForward(ValueError):
    """A series goes forward only: numbers that were given would be given again."""


class NumberTaken(ValueError):
    """A number that a case system supplied is bound to another document already."""


def create(
    connection: sa.Connection,
    authority_id: str,
    kind: str,
    year: int,
    pattern_zh: str,
    pattern_en: str,
    *,
    first: int = 1,
    supplied: bool = False,
    by: str = "system",
) -> str:
    """Create a series; returns its id. Patterns carry `{year}` and `{n}`, e.g. `民航华北罚决〔{year}〕{n}号`.

    Raises ValueError for a pattern without `{n}`.
    """
    for pattern in (pattern_zh, pattern_en):
        if "{n}" not in pattern:
            raise ValueError(f"pattern {pattern!r} has no {{n}}")
    series_id = new_id("ser")
    connection.execute(
        series.insert().values(
            id=series_id,
            authority_id=authority_id,
            kind=kind,
            year=year,
            pattern_zh=pattern_zh,
            pattern_en=pattern_en,
            first=first,
            next=first,
            supplied=supplied,
        )
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"series/{series_id}/opened",
        "series.opened",
        subject=series_id,
        actor=by,
        body={"kind": kind, "year": year, "first": first, "supplied": supplied, "zh": pattern_zh, "en": pattern_en},
    )
    return series_id


def open_year(connection: sa.Connection, authority_id: str, year: int, by: str) -> list[str]:
    """Open for `year` every series that the authority had the year before and lacks now; returns their kinds.

    The patterns go on, the numbers begin with 1 again.
    """
    of_year = sa.select(series).where(series.c.authority_id == authority_id, series.c.supplied.is_(False))
    standing = {row.kind for row in connection.execute(of_year.where(series.c.year == year))}
    before = connection.execute(of_year.where(series.c.year == year - 1).order_by(series.c.kind)).all()
    opened = [row for row in before if row.kind not in standing]
    for row in opened:
        create(connection, authority_id, row.kind, year, row.pattern_zh, row.pattern_en, by=by)
    return [row.kind for row in opened]


def advance(connection: sa.Connection, authority_id: str, kind: str, year: int, to: int, by: str, reason: str) -> None:
    """Let the series go on with number `to`, as `by` and for `reason`: the numbers before it are used elsewhere.

    Raises UnknownSeries; NotForward unless `to` lies beyond the next number.
    """
    found = find(connection, authority_id, kind, year, supplied=False)
    present = connection.execute(sa.select(series.c.next).where(series.c.id == found).with_for_update()).scalar_one()
    if present >= to:
        raise NotForward(f"the next number of {kind} {year} is {present} already")
    connection.execute(series.update().where(series.c.id == found).values(next=to))
    append(
        connection,
        f"directory:{authority_id}",
        f"series/{found}/advanced/{to}",
        "series.advanced",
        subject=found,
        actor=by,
        body={"kind": kind, "year": year, "first": present, "next": to, "reason": reason},
    )


def listed(connection: sa.Connection) -> list[sa.RowMapping]:
    """`authority_id`, `kind`, `year` and `next` of every series that Songda counts itself."""
    columns = (series.c.authority_id, series.c.kind, series.c.year, series.c.next)
    query = sa.select(*columns).where(series.c.supplied.is_(False)).order_by(*columns[:3])
    return list(connection.execute(query).mappings())


def printed(pattern: str, year: int, ordinal: int) -> str:
    """The text of one number by its pattern."""
    return pattern.replace("{year}", str(year)).replace("{n}", str(ordinal))


def find(connection: sa.Connection, authority_id: str, kind: str, year: int, *, supplied: bool) -> str:
    """Id of a series. Raises UnknownSeries."""
    return str(_row(connection, authority_id, kind, year, supplied=supplied)["id"])


def _row(connection: sa.Connection, authority_id: str, kind: str, year: int, *, supplied: bool) -> sa.RowMapping:
    named = {"authority_id": authority_id, "kind": kind, "year": year, "supplied": supplied}
    found = connection.execute(select_by(series, *named), named).mappings().first()
    if found is None:
        raise UnknownSeries(f"authority {authority_id} has no series {kind!r} for {year}")
    return found


def widest(connection: sa.Connection, authority_id: str, kind: str, year: int) -> Number:
    """The widest number that the series may print. Raises UnknownSeries."""
    row = _row(connection, authority_id, kind, year, supplied=False)
    return Number(printed(row["pattern_zh"], year, 99999), printed(row["pattern_en"], year, 99999))


_COUNTED_UP: Final = (
    series.update()
    .where(series.c.id == sa.bindparam("the_series"))
    .values(next=series.c.next + 1)
    .returning(series.c.next, series.c.pattern_zh, series.c.pattern_en)
)
_IS_BOUND: Final = sa.exists().where(
    number.c.authority_id == sa.bindparam("the_authority"), number.c.text_zh == sa.bindparam("the_text")
)
_IS_PROMISED: Final = sa.exists().where(
    document.c.authority_id == sa.bindparam("the_authority"),
    document.c.supplied_number == sa.bindparam("the_text"),
    document.c.status == "accepted",
)
_BOUND: Final = sa.select(_IS_BOUND)
_BOUND_OR_PROMISED: Final = sa.select(sa.or_(_IS_BOUND, _IS_PROMISED))


def bind_next(connection: sa.Connection, authority_id: str, kind: str, year: int, document_id: str) -> Number:
    """Bind the next number of the series to the document. Raises UnknownSeries.

    A number that a case system brought before and that looks like the series' own stays where it is: it is passed by.
    """
    found = find(connection, authority_id, kind, year, supplied=False)
    while True:
        row = connection.execute(_COUNTED_UP, {"the_series": found}).one()
        ordinal = row.next - 1
        text = Number(printed(row.pattern_zh, year, ordinal), printed(row.pattern_en, year, ordinal))
        if not is_taken(connection, authority_id, text.text_zh, promised=True):
            _bind(connection, found, ordinal, authority_id, text, document_id)
            return text


def bind_supplied(
    connection: sa.Connection, authority_id: str, kind: str, year: int, text: str, document_id: str
) -> Number:
    """Bind a number that the case system brought; such numbers have a series of their own. Raises NumberTaken."""
    try:
        series_id = find(connection, authority_id, kind, year, supplied=True)
    except UnknownSeries:
        series_id = create(connection, authority_id, kind, year, "{n}", "{n}", supplied=True)
    ordinal = connection.execute(_COUNTED_UP, {"the_series": series_id}).one().next
    if is_taken(connection, authority_id, text):
        raise NumberTaken(f"number {text!r} is bound to another document")
    _bind(connection, series_id, ordinal - 1, authority_id, Number(text, text), document_id)
    return Number(text, text)


def is_taken(connection: sa.Connection, authority_id: str, text: str, *, promised: bool = False) -> bool:
    """Whether a number with this Chinese text was ever bound by the authority, void ones included.

    With `promised` also whether an accepted document is about to bear it, because its case system said so.
    """
    asked = _BOUND_OR_PROMISED if promised else _BOUND
    return bool(connection.execute(asked, {"the_authority": authority_id, "the_text": text}).scalar_one())


def bound_to(connection: sa.Connection, authority_id: str, texts: Iterable[str]) -> list[tuple[str, str]]:
    """Which of these texts are numbers of the authority, and the id of the document that bears each."""
    query = sa.select(number.c.text_zh, number.c.document_id).where(
        number.c.authority_id == authority_id, number.c.text_zh.in_(list(texts))
    )
    return [(row.text_zh, row.document_id) for row in connection.execute(query.order_by(number.c.text_zh))]


def hold(connection: sa.Connection, authority_id: str, texts: Iterable[str]) -> None:
    """Let no other intake take these numbers until the transaction ends.

    Write transactions of SQLite come one after another anyway; PostgreSQL gets a lock for each number.
    """
    if connection.dialect.name != "postgresql":
        return
    for text in sorted(texts):
        digest = hashlib.sha256(f"{authority_id}\n{text}".encode()).digest()
        key = int.from_bytes(digest[:8], "big", signed=True)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def _bind(
    connection: sa.Connection, series_id: str, ordinal: int, authority_id: str, text: Number, document_id: str
) -> None:
    row = {
        "series_id": series_id,
        "ordinal": ordinal,
        "authority_id": authority_id,
        "text_zh": text.text_zh,
        "text_en": text.text_en,
        "document_id": document_id,
        "state": "bound",
    }
    connection.execute(insert_at(number), row)


def void(connection: sa.Connection, document_id: str, reason: str, by: str = "system") -> bool:
    """Mark the document's number 作废 with the reason; it is kept and never given again. False if it has none."""
    changed = connection.execute(
        number.update()
        .where(number.c.document_id == document_id)
        .values(state="void", reason=reason, voided_by=by, voided_at=now())
    )
    return bool(changed.rowcount)
