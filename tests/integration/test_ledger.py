from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import timedelta

import pytest
import sqlalchemy as sa

from records import ledger
from records.database import Database, legal_time, set_legal_time
from tests.conftest import LEGAL_NOW


@pytest.mark.rule("ESL-7")
def test_chain_is_whole_and_a_replay_makes_no_second_event(database: Database) -> None:
    with database.write() as connection:
        assert ledger.append(connection, "doc_1", "a", "document.accepted", body={"名": "值"})
        assert ledger.append(connection, "doc_1", "b", "document.numbered")
        assert not ledger.append(connection, "doc_1", "a", "document.accepted", body={"other": 1})
    with database.read() as connection:
        assert [event.key for event in ledger.events(connection, "doc_1")] == ["a", "b"]
        assert list(ledger.verify(connection)) == []


@pytest.mark.rule("ESL-8")
@pytest.mark.parametrize("statement", ["update event set kind = 'x'", "delete from event"])
def test_the_database_refuses_to_change_an_event(database: Database, statement: str) -> None:
    with database.write() as connection:
        ledger.append(connection, "doc_1", "a", "document.accepted")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.write() as connection:
        connection.exec_driver_sql(statement)


@pytest.mark.rule("ESL-7", "ESL-8")
def test_esl_8_a_broken_entry_is_named(database: Database) -> None:
    with database.write() as connection:
        for key in "abc":
            ledger.append(connection, "doc_1", key, "document.accepted")
    with database.write() as connection:
        if database.is_postgresql:
            connection.exec_driver_sql("alter table event disable trigger all")
        else:
            connection.exec_driver_sql("drop trigger event_no_update")
        connection.exec_driver_sql("update event set body = '{\"n\":1}' where key = 'b'")
    with database.read() as connection:
        faults = list(ledger.verify(connection))
    assert faults == ["stream doc_1, entry 2 (document.accepted): its content was changed after it was written"]


def test_concurrent_writers_do_not_fork_a_chain(database: Database) -> None:
    def write(name: str) -> None:
        for n in range(10):
            with database.write() as connection:
                ledger.append(connection, "doc_1", f"{name}{n}", "document.accepted")

    threads = [threading.Thread(target=write, args=(name,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with database.read() as connection:
        assert len(ledger.events(connection, "doc_1")) == 40
        assert list(ledger.verify(connection)) == []


def test_legal_clock_of_a_test_database_runs_on_from_where_it_is_set(database: Database) -> None:
    moment = LEGAL_NOW + timedelta(days=30)
    with database.write() as connection:
        set_legal_time(connection, moment)
    with database.read() as connection:
        assert timedelta() <= legal_time(connection) - moment < timedelta(seconds=5)
    with pytest.raises(PermissionError), database.write() as connection:
        set_legal_time(connection, moment - timedelta(days=1))


def test_a_ledger_is_verified_as_of_one_moment_while_others_write(database: Database) -> None:
    """Entries and heads are read one after the other: what is written between them is no fault."""
    with database.write() as connection:
        ledger.append(connection, "doc_1", "0", "document.accepted")
    with database.read() as connection:
        faults = ledger.verify(connection)
        connection.execute(sa.text("select 1 from event")).all()
        with database.write() as other:
            ledger.append(other, "doc_1", "1", "document.numbered")
        assert list(faults) == []
        assert len(ledger.events(connection, "doc_1")) == 1
    with database.read() as connection:
        assert len(ledger.events(connection, "doc_1")) == 2


def test_who_only_reads_cannot_write(database: Database) -> None:
    """On PostgreSQL it is refused; on SQLite it is gone with the transaction."""
    refused = pytest.raises(sa.exc.DBAPIError, match="read-only") if database.is_postgresql else nullcontext()
    with refused, database.read() as connection:
        ledger.append(connection, "doc_1", "a", "document.accepted")
    with database.read() as connection:
        assert ledger.events(connection, "doc_1") == []
