"""The connection to the database: the only record of truth.

SQLite (embedded) and PostgreSQL (distributed) behind one `Database`. Every write transaction of SQLite begins
IMMEDIATE, so that a reader never has to become a writer half way, and is durable when it returns (synchronous=FULL).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import pysqlite3
import sqlalchemy as sa
from sqlalchemy import event

from records.instants import from_microseconds, now, to_microseconds
from records.tables import step, system

#: Below this version SQLite may lose a committed transaction when a WAL is reset: it gets a rollback journal instead.
_SAFE_WAL = (3, 51, 3)


class Database:
    """One database, named by an SQLAlchemy URL such as `sqlite:////path/songda.db` or `postgresql+psycopg://…`."""

    def __init__(self, url: str, pool_size: int = 8) -> None:
        self.url = url
        self.engine = _sqlite(url, pool_size) if url.startswith("sqlite") else _postgresql(url, pool_size)
        self._reading: dict[str, Any] = {"songda_read_only": True}
        if self.is_postgresql:
            self._reading = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}

    @property
    def is_postgresql(self) -> bool:
        """Whether rows can be locked one by one (FOR UPDATE SKIP LOCKED)."""
        return self.engine.dialect.name == "postgresql"

    @contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that may write; committed at the end, rolled back on any error."""
        with self.engine.begin() as connection:
            yield connection

    @contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A transaction that only reads, all of it as of one moment; never blocks writers."""
        with self.engine.connect().execution_options(**self._reading) as connection:
            yield connection

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _sqlite(url: str, pool_size: int) -> sa.Engine:
    path = sa.make_url(url).database
    if path and path != ":memory:":
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(
        url,
        hide_parameters=True,  # errors stand in logs and on steps: they hold no facts of a case
        module=pysqlite3,
        connect_args={"timeout": 30, "check_same_thread": False},
        pool_size=pool_size,
        max_overflow=pool_size,
    )
    journal = "WAL" if pysqlite3.sqlite_version_info >= _SAFE_WAL else "DELETE"

    @event.listens_for(engine, "connect")
    def prepare(dbapi: Any, _record: Any) -> None:
        dbapi.isolation_level = None  # transactions are begun below, not by the driver
        cursor = dbapi.cursor()
        for pragma in (f"journal_mode={journal}", "synchronous=FULL", "foreign_keys=ON", "busy_timeout=30000"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        reading = connection.get_execution_options().get("songda_read_only", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")

    return engine


def _postgresql(url: str, pool_size: int) -> sa.Engine:
    return sa.create_engine(url, hide_parameters=True, pool_size=pool_size, max_overflow=pool_size, pool_pre_ping=True)


_DATABASE_TIME: Final = sa.select(now())
_LEGAL_TIME: Final = sa.select(now() + system.c.legal_offset)
#: The legal clock's moment, for a statement that writes it.
LEGAL_NOW: Final = _LEGAL_TIME.scalar_subquery()
_TEST: Final = sa.select(system.c.test)


def database_time(connection: sa.Connection) -> datetime:
    """The database's clock (UTC): infrastructure time, for leases, tokens and the time of recording."""
    return from_microseconds(connection.execute(_DATABASE_TIME).scalar_one())


def legal_time(connection: sa.Connection) -> datetime:
    """The legal clock (UTC): the database's clock, shifted only in a database that was marked TEST at its creation."""
    clock = connection.execute(_LEGAL_TIME).scalar_one()
    return from_microseconds(clock)


def is_test(connection: sa.Connection) -> bool:
    """Whether this database was marked TEST when it was created."""
    return bool(connection.execute(_TEST).scalar_one())


def set_legal_time(connection: sa.Connection, moment: datetime) -> None:
    """Set the legal clock of a TEST database to `moment`; it runs on from there.

    Steps that wait for a legal moment become due by the new clock. Raises PermissionError outside TEST databases and
    for a moment before the present legal time (legal time never runs backwards).
    """
    if not is_test(connection):
        raise PermissionError("only a database marked TEST at its creation has a legal clock that can be set")
    if moment < legal_time(connection):
        raise PermissionError("the legal clock does not run backwards")
    offset = to_microseconds(moment) - to_microseconds(database_time(connection))
    connection.execute(system.update().values(legal_offset=offset))
    connection.execute(
        step.update()
        .where(step.c.legal_at.is_not(None), step.c.state == "ready")
        .values(run_at=step.c.legal_at - offset)
    )
