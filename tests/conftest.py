"""Real servers on loopback for the tests: PostgreSQL and Valkey, started once a session."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from records import schema
from records.database import Database, database_time
from records.instants import to_microseconds
from records.tables import system
from tests.servers import Postgres, Valkey

#: Where the legal clock of every test starts (a Monday, 09:00 in Beijing): working days are published all around it.
LEGAL_NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    with Postgres.start() as server:
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    with Valkey.start(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty TEST database, migrated once: every test copies it."""
    path = tmp_path_factory.mktemp("template") / "songda.db"
    _create(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Postgres) -> str:
    """The same as a PostgreSQL database; its name."""
    url = postgres.create_database()
    _create(url)
    return url.rpartition("/")[2]


def _create(url: str) -> None:
    database = Database(url)
    schema.create(database, test=True, legal_now=LEGAL_NOW)
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty TEST database with the schema, on each back end in turn; its legal clock stands at LEGAL_NOW."""
    if request.param == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "songda.db")
        url = f"sqlite:///{tmp_path}/songda.db"
    else:
        template = request.getfixturevalue("postgres_template")
        url = request.getfixturevalue("postgres").create_database(template)
    database = Database(url)
    with database.write() as connection:
        offset = to_microseconds(LEGAL_NOW) - to_microseconds(database_time(connection))
        connection.execute(system.update().values(legal_offset=offset))
    yield database
    database.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database without any schema."""
    postgres: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    database = Database(postgres.create_database() if postgres else f"sqlite:///{tmp_path}/empty.db")
    yield database
    database.close()
