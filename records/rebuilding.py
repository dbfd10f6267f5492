"""Changes of a table that SQLite cannot alter, such as of a constraint (sqlite.org/lang_altertable)."""

from __future__ import annotations

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op


def rebuild(table: str, change: Callable[[str], str]) -> None:
    """In a migration on SQLite: make the table anew by its own statement, as `change` changes it; indexes come back.

    Raises RuntimeError when `change` changes nothing.
    """
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


def drop_checked_column(table: str, column: str) -> None:
    """In a migration on SQLite: drop a column with the constraint `ck_<table>_<column>`, in a table others refer to.

    Renaming such a table would carry the references away. So its rows are set aside and put back, while references are
    not looked at before the end of the transaction.
    """
    connection = op.get_bind()
    made = connection.execute(sa.text("select sql from sqlite_master where name = :name"), {"name": table}).scalar_one()
    left = re.sub(rf"^\s*(CONSTRAINT ck_{table}_)?{column} .*\n", "", made, flags=re.MULTILINE)
    kept = ", ".join(each["name"] for each in sa.inspect(connection).get_columns(table) if each["name"] != column)
    op.execute("pragma defer_foreign_keys = on")
    op.execute(f"create temporary table set_aside as select {kept} from {table}")  # noqa: S608 - names of our tables
    op.execute(f"drop table {table}")
    connection.exec_driver_sql(left)
    op.execute(f"insert into {table} ({kept}) select {kept} from set_aside")  # noqa: S608 - names of our tables
    op.execute("drop table set_aside")
