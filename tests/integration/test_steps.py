"""Steps as rows: one owner at a time, attempts counted before the work, nothing forgotten."""

from __future__ import annotations

import threading
from collections import Counter
from datetime import timedelta

import pytest

from records import steps
from records.database import Database, legal_time, set_legal_time


def _add(database: Database, subject: str = "doc_1", stage: str = "render") -> str:
    with database.write() as connection:
        return steps.add(connection, "document", subject, stage)


def _claim(database: Database, step_id: str, lease: float = 30) -> steps.Claim | None:
    with database.write() as connection:
        return steps.claim(connection, step_id, "worker", lease)


def test_a_doubled_message_finds_nothing_to_claim(database: Database) -> None:
    step_id = _add(database)
    assert _claim(database, step_id) is not None
    assert _claim(database, step_id) is None


def test_a_lapsed_lease_is_taken_over_and_the_first_result_thrown_away(database: Database) -> None:
    step_id = _add(database)
    first = _claim(database, step_id, lease=-1)
    second = _claim(database, step_id)
    assert first and second and second.fence == first.fence + 1 and second.attempt == 2
    with pytest.raises(steps.LeaseLost), database.write() as connection:
        steps.finish(connection, first)
    with database.write() as connection:
        assert not steps.renew(connection, first, 30)
        assert steps.renew(connection, second, 30)
        steps.finish(connection, second)
    assert _claim(database, step_id) is None


def test_of_many_claimants_exactly_one_wins(database: Database) -> None:
    ids = [_add(database, f"doc_{n}") for n in range(10)]
    wins: Counter[str] = Counter()

    def run() -> None:
        for step_id in ids:
            if _claim(database, step_id):
                wins[step_id] += 1

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert dict(wins) == dict.fromkeys(ids, 1)


def test_relay_hints_each_due_step_once_until_the_hint_lapses(database: Database) -> None:
    ids = {_add(database, f"doc_{n}") for n in range(5)}
    with database.write() as connection:
        first = steps.pick_due(connection, 3, 60)
    with database.write() as connection:
        second = steps.pick_due(connection, 10, 60)
    with database.write() as connection:
        assert steps.pick_due(connection, 10, 60) == []
    assert len(first) == 3 and set(first) | set(second) == ids


def test_a_step_parked_for_a_legal_moment_becomes_due_when_the_legal_clock_reaches_it(database: Database) -> None:
    step_id = _add(database, stage="settle")
    held = _claim(database, step_id)
    assert held
    with database.write() as connection:
        moment = legal_time(connection) + timedelta(days=3)
        steps.park(connection, held, moment, "the third working day has not ended")
    assert _claim(database, step_id) is None
    with database.write() as connection:
        set_legal_time(connection, moment + timedelta(seconds=1))
    assert _claim(database, step_id) is not None


def test_waking_a_running_step_throws_its_work_away(database: Database) -> None:
    step_id = _add(database, stage="settle")
    held = _claim(database, step_id)
    assert held
    with database.write() as connection:
        assert steps.wake(connection, step_id)
    with pytest.raises(steps.LeaseLost), database.write() as connection:
        steps.finish(connection, held)
    again = _claim(database, step_id)
    assert again and again.attempt == 1


def test_a_pause_keeps_a_failed_step_from_running_too_early(database: Database) -> None:
    step_id = _add(database)
    held = _claim(database, step_id)
    assert held
    with database.write() as connection:
        steps.retry_later(connection, held, 3600, "TSA did not answer")
    assert _claim(database, step_id) is None
    with database.read() as connection:
        assert 3500 < (steps.seconds_until_next(connection) or 0) < 3601
