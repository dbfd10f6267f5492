"""Tables of SQLite made anew: it alters no constraint, so migrations copy the table (sqlite.org/lang_altertable)."""

from __future__ import annotations

from collections.abc import Callable

import sqlalchemy as sa
from alembic import op


def rebuild(table: str, change: Callable[[str], str]) -> None:
    """Make `table` anew by its own statement, changed by `change`. Raises RuntimeError if that changed nothing."""
    connection = op.get_bind()
    stands = sa.text("select type, sql from sqlite_master where tbl_name = :name and sql is not null")
    made = connection.execute(stands, {"name": table}).all()
    (statement,) = (row.sql for row in made if row.type == "table")
    changed = change(statement)
    if changed == statement:
        raise RuntimeError(f"table {table} is not as this migration knows it")
    op.execute(f"alter table {table} rename to {table}_before")
    connection.exec_driver_sql(changed)
    op.execute(f"insert into {table} select * from {table}_before")  # noqa: S608 - names of our tables
    op.execute(f"drop table {table}_before")
    for row in made:
        if row.type == "index":
            connection.exec_driver_sql(row.sql)
