"""Making and migrating the schema, by Alembic; and the one row that says whether a database is a TEST one."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from records.database import Database, database_time
from records.instants import now, to_microseconds
from records.tables import system

_MIGRATION_LOCK = 0x536F6E676461  # any number that nobody else takes: "Songda"


#: The newest version: what a process of this code works with.
NEWEST = "0023"


def keep_up(database: Database) -> None:
    """Migrate a database that an earlier version of this code made; costs one look when there is nothing to do.

    Raises LookupError when the database has no schema at all: `create` makes one.
    """
    with database.read() as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            raise LookupError("this database is empty: set the system up first")
        present = connection.execute(sa.text("select version_num from alembic_version")).scalar()
    if present != NEWEST:
        migrate(database)


def migrate(database: Database) -> None:
    """Bring the schema to the newest version; safe to call at any time."""
    import alembic.command  # heavy, and rarely needed
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    with database.write() as connection:
        if database.is_postgresql:  # one migration at a time; SQLite has one writer anyway
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_MIGRATION_LOCK)))
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")


def create(database: Database, *, test: bool, legal_now: datetime | None = None) -> None:
    """Migrate, and mark the database TEST or not, for good.

    `legal_now` (aware) is where the legal clock of a TEST database starts; the present by default.
    Raises ValueError when it was marked the other way before, or for a legal clock of a production database.
    """
    if legal_now is not None and not test:
        raise ValueError("only a TEST database has a legal clock of its own")
    migrate(database)
    with database.write() as connection:
        marked = connection.execute(sa.select(system.c.test)).scalar()
        if marked is None:
            connection.execute(system.insert().values(id=1, test=test, legal_offset=0, created_at=now()))
            if legal_now is not None:
                offset = to_microseconds(legal_now) - to_microseconds(database_time(connection))
                connection.execute(system.update().values(legal_offset=offset))
        elif marked != test:
            raise ValueError(f"this database was created as {'TEST' if marked else 'production'} and stays so")
