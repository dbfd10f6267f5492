"""Leases: one owner at a time; a result that came too late is thrown away, and what it sealed leaves its digest."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done
from pipeline.runner import Leases
from records import documents, steps
from records.cancellation import cancel
from records.database import Database
from records.errors import Permanent
from records.tables import event, step
from tests.rows import make_document
from tests.running import STEP, Bench, move_to_rendered


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(database, tmp_path)
    bench.add_document()
    yield bench
    bench.runner.close()


def _sealed(bench: Bench, meanwhile: Callable[[sa.Connection], Any]) -> None:
    """Work that makes bytes which must not vanish without a trace; something happens before they can be written."""

    def work(songda: Songda, claim: steps.Claim) -> Conclusion:
        with songda.database.write() as connection:
            meanwhile(connection)
        return Conclusion(move_to_rendered, discarded="d" * 64)

    bench.work = work


def _discarded(bench: Bench) -> list[dict[str, Any]]:
    return [dict(each.body) for each in bench.events() if each.kind == "document.discarded"]


def test_a_lost_lease_throws_the_result_away_and_leaves_the_digest(bench: Bench) -> None:
    _sealed(bench, lambda connection: steps.wake(connection, STEP))
    row = bench.run()
    assert (row["state"], row["attempt"]) == ("ready", 0)
    assert bench.document()["status"] == "accepted"
    assert [(each["digest"], each["fence"]) for each in _discarded(bench)] == [("d" * 64, 1)]


def test_a_result_that_collides_with_the_winners_is_thrown_away_like_that_too(bench: Bench) -> None:
    """The slower of two workers meets rows that the faster one has written: no failed document comes of it."""

    def win(connection: sa.Connection) -> None:
        connection.execute(step.update().where(step.c.id == STEP).values(lease_until=0))
        held = steps.claim(connection, STEP, "the faster one", 60)
        assert held
        move_to_rendered(connection)
        steps.finish(connection, held)

    _sealed(bench, win)
    assert bench.run()["state"] == "done"
    assert bench.document()["status"] == "rendered"
    assert [each["fence"] for each in _discarded(bench)] == [1]
    assert [each.kind for each in bench.events()].count("document.rendered") == 1


def test_a_document_that_is_cancelled_meanwhile_stays_cancelled_and_the_digest_stays(bench: Bench) -> None:
    _sealed(bench, lambda connection: cancel(connection, "doc_1", "a mistake", "client:x"))
    assert bench.run()["state"] == "done"
    assert bench.document()["status"] == "cancelled"
    assert len(_discarded(bench)) == 1


def test_giving_up_a_document_that_is_cancelled_meanwhile_changes_nothing(bench: Bench) -> None:
    def work(songda: Songda, claim: steps.Claim) -> Conclusion:
        with songda.database.write() as connection:
            cancel(connection, "doc_1", "a mistake", "client:x")
        raise Permanent("too late")

    bench.work = work
    assert bench.run()["state"] == "done"
    assert bench.document()["status"] == "cancelled"


def test_bytes_that_could_not_be_written_for_another_reason_leave_their_digest_as_well(bench: Bench) -> None:
    def write(connection: sa.Connection) -> Done:
        raise ZeroDivisionError("the disk of the database is full")

    bench.work = lambda songda, claim: Conclusion(write, discarded="d" * 64)
    assert bench.run()["state"] == "ready"
    assert [each["why"] for each in _discarded(bench)] == ["the disk of the database is full"]


def test_bytes_whose_commit_went_through_after_all_are_not_called_discarded(bench: Bench) -> None:
    """The connection breaks after COMMIT was sent: the row is there, and the worker learns of an error."""

    def write(connection: sa.Connection) -> Done:
        documents.move(connection, "doc_1", "rendered", final_digest="d" * 64)
        connection.commit()
        connection.begin()
        raise ZeroDivisionError("connection reset")

    bench.work = lambda songda, claim: Conclusion(write, discarded="d" * 64)
    bench.run()
    assert _discarded(bench) == []


def test_the_lease_is_renewed_while_a_long_stage_runs(database: Database, tmp_path: Path) -> None:
    bench = Bench(database, tmp_path, lease_seconds=0.9)
    with database.write() as connection:
        make_document(connection, "doc_1")
        steps.add(connection, "document", "doc_1", "render")

    def work(songda: Songda, claim: steps.Claim) -> Conclusion:
        time.sleep(2.2)
        return Conclusion(move_to_rendered)

    bench.work = work
    thread = threading.Thread(target=bench.run)
    thread.start()
    time.sleep(0.2)
    tries = 0
    while thread.is_alive():
        with database.write() as connection:
            assert steps.claim(connection, STEP, "a thief", 60) is None or not thread.is_alive()
        tries += 1
        time.sleep(0.1)
    thread.join()
    bench.runner.close()
    assert tries > 10 and bench.runs == 1
    assert bench.row()["state"] == "done" and bench.document()["status"] == "rendered"


def test_who_lost_a_lease_does_not_end_the_renewal_of_the_one_who_has_it(database: Database, tmp_path: Path) -> None:
    """Both may be threads of one worker: the first one's end must not leave the second one's lease to lapse."""
    bench = Bench(database, tmp_path, lease_seconds=0.6)
    leases = Leases(bench.songda)
    with database.write() as connection:
        make_document(connection, "doc_1")
        steps.add(connection, "document", "doc_1", "render")
        first = steps.claim(connection, STEP, "one", 60)
        connection.execute(step.update().values(lease_until=0))
        second = steps.claim(connection, STEP, "two", 0.6)
    assert first and second
    with leases.hold(second):
        with leases.hold(first):
            pass
        time.sleep(1.2)
        with database.write() as connection:
            assert steps.claim(connection, STEP, "a thief", 60) is None
    leases.stop()
    bench.runner.close()


def test_a_database_that_is_away_loses_nothing(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the result nor the failure can be written: the lease lapses and the step runs again."""

    def work(songda: Songda, claim: steps.Claim) -> Conclusion:
        monkeypatch.setattr(Database, "write", _away)
        return Conclusion(move_to_rendered, discarded="d" * 64)

    bench.work = work
    assert bench.run()["state"] == "running"
    monkeypatch.undo()
    bench.pass_time()
    bench.work = lambda songda, claim: Conclusion(move_to_rendered)
    assert bench.run()["state"] == "done"
    with bench.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(event)).scalar_one() > 0


def _away(self: Database) -> Any:
    raise sa.exc.OperationalError("begin", {}, Exception("the database is away"))
