"""What tables are made of."""

from __future__ import annotations

import sqlalchemy as sa

from records.instants import Instant

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    """A table of `metadata`."""
    return sa.Table(name, metadata, *items)


def text(name: str, *items: sa.schema.SchemaItem, null: bool = False, **options: object) -> sa.Column[str]:
    """A text column, NOT NULL unless `null`."""
    return sa.Column(name, sa.Text, *items, nullable=null, **options)  # type: ignore[arg-type]


def instant(name: str, null: bool = False) -> sa.Column[object]:
    """A moment: aware datetime in Python, microseconds since 1970 UTC in the database."""
    return sa.Column(name, Instant, nullable=null)


def one_of(column: str, *values: str) -> sa.CheckConstraint:
    """The column holds one of these values."""
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(value) for value in values)})", name=column)


def counterparty_key() -> sa.ForeignKeyConstraint:
    """`authority_id` and `counterparty_id` name a counterparty of that authority."""
    return sa.ForeignKeyConstraint(
        ["authority_id", "counterparty_id"], ["counterparty.authority_id", "counterparty.id"]
    )
