"""Statements that are built once and run often: building one costs more than running it."""

from __future__ import annotations

from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from records.instants import now


@cache
def select_by(table: sa.Table, *names: str) -> sa.Select[Any]:
    """Rows of `table` whose columns `names` equal the parameters of the same names."""
    return sa.select(table).where(*(table.c[name] == sa.bindparam(name) for name in names))


@cache
def insert_at(table: sa.Table, *moments: str) -> sa.Insert:
    """A new row, with the database's time in the columns `moments` and parameters in the others."""
    return table.insert().values(dict.fromkeys(moments, now()))


@cache
def _insert_if_absent(table: sa.Table, dialect: str, moments: tuple[str, ...]) -> sa.Executable:
    made: Any = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    inserted = made.values(dict.fromkeys(moments, now())).on_conflict_do_nothing()
    return inserted.returning(*table.primary_key.columns)  # type: ignore[no-any-return]


def insert_if_absent(connection: sa.Connection, table: sa.Table, row: dict[str, Any], *moments: str) -> bool:
    """Insert as `insert_at` does, unless a row with the same key stands already; says whether it was inserted."""
    statement = _insert_if_absent(table, connection.dialect.name, moments)
    return connection.execute(statement, row).first() is not None


def contains(connection: sa.Connection, column: sa.ColumnElement[Any], text: str) -> sa.ColumnElement[bool]:
    """Whether the column contains `text` as it is typed, no part of it a pattern; letters of either case.

    SQLite's own LIKE makes no difference between them (SQLAlchemy's ILIKE would lower each row's text there).
    """
    pattern = "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    like = column.ilike if connection.dialect.name == "postgresql" else column.like
    return like(pattern, escape="\\")


@cache
def _update_row(table: sa.Table) -> sa.Update:
    return table.update().where(table.c.id == sa.bindparam("the_row"))


def update_row(connection: sa.Connection, table: sa.Table, row_id: str, columns: dict[str, Any]) -> None:
    """Change columns of the row with this id, to values or to SQL expressions."""
    statement = _update_row(table)
    computed = {name: value for name, value in columns.items() if isinstance(value, sa.ClauseElement)}
    if computed:
        statement = statement.values(computed)
    plain = {name: value for name, value in columns.items() if name not in computed}
    connection.execute(statement, {"the_row": row_id, **plain})
