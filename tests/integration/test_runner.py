"""The runner: messages decide nothing, rows do. Attempts, pauses, leases, and results that came too late."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next, Parked
from records import series, steps
from records.database import Database, legal_time, set_legal_time
from records.errors import Ambiguous, Fault, Permanent, Refused, Retry
from records.tables import number, step
from tests.rows import AUTHORITY, make_delivery
from tests.running import STEP, Bench, move_to_rendered


@pytest.fixture
def bench(database: Database, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(database, tmp_path)
    bench.add_document()
    yield bench
    bench.runner.close()


# --- messages: doubled, early, late, wrong


def test_a_doubled_message_does_nothing(bench: Bench) -> None:
    bench.work = lambda songda, claim: Conclusion(move_to_rendered)
    assert bench.run()["state"] == "done"
    assert bench.run()["state"] == "done"
    assert bench.runs == 1
    assert [each.kind for each in bench.events()] == ["document.rendered"]


def test_a_message_for_a_step_under_way_does_nothing(bench: Bench) -> None:
    began, may_end = threading.Event(), threading.Event()

    def work(songda: Songda, claim: steps.Claim) -> Conclusion:
        began.set()
        may_end.wait(10)
        return Conclusion(move_to_rendered)

    bench.work = work
    thread = threading.Thread(target=bench.run)
    thread.start()
    began.wait(10)
    bench.runner.run_step(STEP)
    may_end.set()
    thread.join()
    assert bench.runs == 1 and bench.row()["state"] == "done"


def test_an_early_message_does_nothing(bench: Bench) -> None:
    bench.raising(Retry("the TSA did not answer", after_seconds=600))
    bench.run()
    bench.work = lambda songda, claim: Conclusion(lambda connection: Done())
    assert bench.run()["state"] == "ready"
    assert bench.runs == 1


def test_messages_for_steps_that_never_were_do_nothing(bench: Bench) -> None:
    for step_id in ("doc_2/render", "", "'; drop table step", "doc_1/render/x"):
        bench.runner.run_step(step_id)
    assert bench.runs == 0


# --- attempts


def test_the_attempt_is_counted_before_the_work(bench: Bench) -> None:
    seen: list[tuple[str, int, bool]] = []

    def work(songda: Songda, claim: steps.Claim) -> Conclusion:
        row = bench.row()
        seen.append((row["state"], row["attempt"], claim.takes_over))
        raise KeyboardInterrupt  # as if the process ended here: nothing is written

    bench.work = work
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            bench.run()
        bench.pass_time()
    assert seen == [("running", 1, False), ("running", 2, True)]


def test_work_that_kills_its_worker_is_given_up_in_the_end(bench: Bench) -> None:
    bench.raising(KeyboardInterrupt())
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            bench.run()
        bench.pass_time()
    row = bench.run()
    assert bench.runs == 3
    assert row["state"] == "dead" and "did not end" in row["error"]
    assert bench.document()["status"] == "failed"


def test_a_raising_stage_runs_again_after_growing_pauses_and_then_the_document_fails_with_the_reason(
    bench: Bench,
) -> None:
    bench.raising(ZeroDivisionError("no such glyph"))
    pauses = []
    for attempt in (1, 2):
        row = bench.run()
        assert (row["state"], row["attempt"], row["owner"]) == ("ready", attempt, None)
        assert "no such glyph" in row["error"]
        with bench.database.read() as connection:
            pauses.append(steps.seconds_until_next(connection) or 0)
        bench.pass_time()
    assert 0.5 < pauses[0] < pauses[1] < 4
    assert bench.document()["status"] == "accepted"
    assert bench.run()["state"] == "dead"
    assert bench.document()["status"] == "failed"
    assert "no such glyph" in bench.document()["reason"]
    failed = bench.events()[-1]
    assert failed.kind == "document.failed"
    assert failed.body["stage"] == "render" and "no such glyph" in failed.body["error"]
    bench.pass_time()
    assert bench.run()["state"] == "dead" and bench.runs == 3


def test_retry_never_gives_up_and_does_not_use_up_the_attempts(bench: Bench) -> None:
    bench.raising(Retry("the TSA did not answer"))
    for _ in range(10):
        row = bench.run()
        assert row["state"] == "ready" and row["error"] == "the TSA did not answer"
        bench.pass_time()
    bench.raising(ZeroDivisionError("a hiccup"))
    assert bench.run()["state"] == "ready"
    bench.pass_time()
    bench.work = lambda songda, claim: Conclusion(move_to_rendered)
    assert bench.run()["state"] == "done"
    assert bench.document()["status"] == "rendered"


def test_the_pause_of_a_retry_is_the_one_wished_for_and_at_most_five_minutes_otherwise(bench: Bench) -> None:
    def pause() -> float:
        bench.run()
        with bench.database.read() as connection:
            return steps.seconds_until_next(connection) or 0

    bench.raising(Retry("later", after_seconds=40))
    assert 39 < pause() < 51
    with bench.database.write() as connection:
        connection.execute(step.update().values(attempt=50, excused=50, run_at=0))
    bench.raising(Retry("later"))
    assert 299 < pause() < 376


@pytest.mark.parametrize(
    "error",
    [Permanent("the key is stopped"), Ambiguous("nobody knows"), Refused([Fault("/facts/x", "code", "wrong fact")])],
)
def test_what_cannot_succeed_is_left_to_a_person_at_once(bench: Bench, error: Exception) -> None:
    bench.raising(error)
    row = bench.run()
    assert (row["state"], row["attempt"], row["error"]) == ("dead", 1, str(error))
    assert (bench.document()["status"], bench.document()["reason"]) == ("failed", str(error))


def test_the_number_of_a_document_that_fails_is_void_with_the_reason(bench: Bench) -> None:
    with bench.database.write() as connection:
        series.create(connection, AUTHORITY, "hearing-notice", 2026, "听〔{year}〕{n}号", "H [{year}] {n}")
        series.bind_next(connection, AUTHORITY, "hearing-notice", 2026, "doc_1")
    bench.raising(Permanent("the key is stopped"))
    bench.run()
    with bench.database.read() as connection:
        row = connection.execute(sa.select(number)).mappings().one()
    assert (row["state"], row["reason"], row["text_zh"]) == ("void", "the key is stopped", "听〔2026〕1号")


def test_a_dead_step_of_a_delivery_is_told_in_its_documents_ledger(bench: Bench) -> None:
    with bench.database.write() as connection:
        delivery_id = make_delivery(connection, "doc_1")
        step_id = steps.add(connection, "delivery", delivery_id, "settle")
    bench.raising(Permanent("no such rule"))
    assert bench.run(step_id)["state"] == "dead"
    assert bench.document()["status"] == "accepted"
    dead = bench.events()[-1]
    assert (dead.kind, dead.subject, dead.body) == (
        "step.dead",
        delivery_id,
        {"stage": "settle", "error": "no such rule"},
    )


# --- the finishing transaction


def test_result_next_steps_and_events_are_written_together_or_not_at_all(bench: Bench) -> None:
    def write(connection: sa.Connection) -> Done:
        move_to_rendered(connection)
        raise ZeroDivisionError("at the last moment")

    bench.work = lambda songda, claim: Conclusion(write)
    assert bench.run()["state"] == "ready"
    assert bench.document()["status"] == "accepted"
    assert bench.events() == []
    with bench.database.read() as connection:
        assert connection.execute(sa.select(step.c.id)).scalars().all() == [STEP]


def test_the_next_step_is_done_by_whoever_finished_the_one_before(bench: Bench) -> None:
    bench.work = lambda songda, claim: Conclusion(move_to_rendered)
    bench.run()
    assert bench.followed == ["doc_1/seal"]
    row = bench.row("doc_1/seal")
    assert (row["state"], row["attempt"], row["fence"]) == ("done", 1, 1)
    assert bench.runner.queue.room() == 16  # no message was needed


def _many(connection: sa.Connection) -> Done:
    return Done(tuple(Next("document", f"doc_{number}", "seal") for number in range(10)))


def test_what_is_too_much_for_one_thread_is_sent_to_the_others(bench: Bench) -> None:
    bench.work = lambda songda, claim: Conclusion(_many)
    bench.run()
    assert bench.followed == [f"doc_{number}/seal" for number in range(8)]
    assert bench.runner.queue.room() == 14
    with bench.database.write() as connection:
        assert steps.pick_due(connection, 10, 10) == []  # the relay sends no second message for it


def test_without_credit_it_is_left_to_the_relay(bench: Bench) -> None:
    bench.runner.queue.send(["x"] * 16)
    bench.work = lambda songda, claim: Conclusion(_many)
    bench.run()
    assert bench.runner.queue.room() == 0
    with bench.database.write() as connection:
        assert set(steps.pick_due(connection, 10, 10)) == {"doc_8/seal", "doc_9/seal"}


def test_a_worker_that_ends_begins_nothing_that_follows(bench: Bench) -> None:
    bench.runner.end()
    bench.work = lambda songda, claim: Conclusion(move_to_rendered)
    assert bench.run()["state"] == "ready"  # nor the step itself: its message comes again
    assert bench.runs == 0


def test_a_chain_goes_on_after_a_step_that_has_to_wait(bench: Bench) -> None:
    bench.work = lambda songda, claim: Conclusion(_many)
    calls = iter([Retry("later"), ZeroDivisionError("a hiccup")])

    def follow(songda: Songda, claim: steps.Claim) -> Conclusion:
        if error := next(calls, None):
            raise error
        return Conclusion(lambda connection: Done())

    bench.runner._stages = {**bench.runner._stages, "seal": follow}
    bench.run()
    states = [bench.row(f"doc_{number}/seal")["state"] for number in range(8)]
    assert states == ["ready", "ready", *["done"] * 6]


def test_a_parked_step_waits_for_its_legal_moment_or_to_be_woken(bench: Bench) -> None:
    with bench.database.read() as connection:
        moment = legal_time(connection) + timedelta(days=3)
    bench.work = lambda songda, claim: Conclusion(lambda connection: Parked(moment, "the third day has not ended"))
    row = bench.run()
    assert (row["state"], row["legal_at"], row["attempt"]) == ("ready", moment, 0)
    assert bench.run()["state"] == "ready" and bench.runs == 1
    with bench.database.write() as connection:
        set_legal_time(connection, moment)
    bench.work = lambda songda, claim: Conclusion(lambda connection: Parked(None, "provisional"))
    row = bench.run()
    assert (row["state"], row["error"], bench.runs) == ("waiting", "provisional", 2)
    with bench.database.write() as connection:
        steps.wake(connection, STEP)
    assert bench.run()["state"] == "waiting" and bench.runs == 3
