"""Real servers on loopback for the tests: PostgreSQL and Valkey, started once a session."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from records import schema
from records.database import Database
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


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty TEST database with the schema, on each back end in turn."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path}/songda.db"
    else:
        url = request.getfixturevalue("postgres").create_database()
    database = Database(url)
    schema.create(database, test=True, legal_now=LEGAL_NOW)
    yield database
    database.close()
