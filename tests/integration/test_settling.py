"""Settle: which day becomes the service date, when the step wakes by itself for it, and what the ledger keeps of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from delivery import desk, inbox
from delivery.beijing import BEIJING
from delivery.paper import public_notice_day
from pipeline.calendar_import import Approved
from pipeline.composition import Songda
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.steps.settling import settle
from records import deliveries, ledger, steps
from records.database import Database, legal_time, set_legal_time
from records.store import FileStore
from records.tables import delivery, step
from tests.integration.test_desk import SCAN
from tests.notices import publish
from tests.portal_house import AUTHORITY, PortalHouse, furnish

SHOWN = inbox.Statement("我单位确认", "we confirm")
ORDINARY, IMPORTANT = "penalty-prior-notice", "penalty-decision"
#: Sent on Monday, 23 November 2026: the third working day after it is Thursday the 26th.
DEEMED = date(2026, 11, 26)


def midnight(day: date) -> datetime:
    """The first moment of the day in Beijing."""
    return datetime(day.year, day.month, day.day, tzinfo=BEIJING)


class Settling:
    """A house with the settle step, run by a runner as in a worker."""

    def __init__(self, database: Database, home: Path) -> None:
        self.house: PortalHouse = furnish(database, home)
        self.database = database
        self.songda = Songda(Settings(home=home), database, FileStore(home / "store"))
        self.runner = Runner(self.songda, "test", {"settle": settle})
        self.runner.queue = Queue("", 16, self.runner.run_step)

    def deliver(self, instrument: str = ORDINARY, **more: Any) -> str:
        delivery_id = self.house.deliver(instrument, **more)
        with self.database.write() as connection:
            steps.add(connection, "delivery", delivery_id, "settle")
        self.run(delivery_id)
        return delivery_id

    def run(self, delivery_id: str) -> sa.RowMapping:
        """What a worker does if the step is due; returns the step's row."""
        self.runner.run_step(f"{delivery_id}/settle")
        with self.database.read() as connection:
            query = sa.select(step).where(step.c.id == f"{delivery_id}/settle")
            return connection.execute(query).mappings().one()

    def at(self, moment: datetime, delivery_id: str) -> sa.RowMapping:
        """The legal clock reaches `moment`; the step runs only if that made it due."""
        with self.database.write() as connection:
            set_legal_time(connection, moment)
        return self.run(delivery_id)

    def answer(self, delivery_id: str) -> tuple[str, str | None, str | None]:
        row = self.house.row(delivery_id)
        return row["service_status"], row["service_basis"], row["service_date"]

    def told(self, delivery_id: str) -> list[tuple[str, str, str | None]]:
        """Kind, status and legal date of each event on the service date."""
        with self.database.read() as connection:
            stream = deliveries.get(connection, delivery_id)["document_id"]
            assert list(ledger.verify(connection, stream)) == []
            return [
                (event.kind, event.body["answer"]["status"], event.legal_date)
                for event in ledger.events(connection, stream)
                if event.kind.startswith("service.")
            ]

    def confirm(self, delivery_id: str) -> None:
        inbox.confirm(self.database, delivery_id, self.house.accounts["NEA-FLB"], "session", SHOWN)

    def serve(self, delivery_id: str, on: date, scan: bytes | None = SCAN, **more: Any) -> None:
        record = {"method": "direct", "outcome": "served", "receiver": "孙丽", "capacity": "mail_clerk"}
        value = record | more | {"date": on.isoformat()}
        desk.record_paper_receipt(self.database, self.house.store, AUTHORITY, delivery_id, value, scan, "clerk")

    def publish(self, delivery_id: str, on: date, scan: bytes | None = SCAN) -> None:
        value = {
            "method": "public_notice",
            "outcome": "published",
            "date": on.isoformat(),
            "failed_attempts": ["direct", "post"],
            "published_in": "中国民航报",
        }
        desk.record_paper_receipt(self.database, self.house.store, AUTHORITY, delivery_id, value, scan, "clerk")


@pytest.fixture
def settling(database: Database, tmp_path: Path) -> Iterator[Settling]:
    settling = Settling(database, tmp_path)
    yield settling
    settling.runner.close()


# --- the deemed day


@pytest.mark.rule("D2")
def test_ii_4_the_deemed_day_decides_when_it_has_ended_and_not_a_moment_before(settling: Settling) -> None:
    delivery_id = settling.deliver()
    end = midnight(DEEMED + timedelta(days=1))
    with settling.database.read() as connection:
        row = connection.execute(sa.select(step).where(step.c.stage == "settle")).mappings().one()
    assert (row["state"], row["legal_at"]) == ("ready", end)
    assert settling.answer(delivery_id) == ("pending", None, None)
    assert settling.at(end - timedelta(seconds=20), delivery_id)["state"] == "ready"
    assert settling.answer(delivery_id) == ("pending", None, None)
    assert settling.at(end, delivery_id)["state"] == "done"
    assert settling.answer(delivery_id) == ("final", "deemed", "2026-11-26")
    assert settling.house.row(delivery_id)["status"] == "deemed"
    assert settling.told(delivery_id) == [
        ("service.decided", "pending", None),
        ("service.decided", "final", "2026-11-26"),
    ]


@pytest.mark.rule("D1")
def test_ii_4_a_confirmation_inside_the_three_days_is_the_date(settling: Settling) -> None:
    delivery_id = settling.deliver()
    with settling.database.write() as connection:
        set_legal_time(connection, midnight(DEEMED + timedelta(days=1)) - timedelta(seconds=30))
    settling.confirm(delivery_id)
    assert settling.run(delivery_id)["state"] == "done"
    assert settling.answer(delivery_id) == ("final", "confirmed", "2026-11-26")
    settling.at(midnight(DEEMED + timedelta(days=2)), delivery_id)
    assert settling.answer(delivery_id) == ("final", "confirmed", "2026-11-26")
    assert [kind for kind, *_ in settling.told(delivery_id)] == ["service.decided", "service.decided"]


def test_ii_4_a_late_confirmation_is_on_record_and_changes_nothing(settling: Settling) -> None:
    delivery_id = settling.deliver()
    settling.at(midnight(DEEMED + timedelta(days=1)), delivery_id)
    before = settling.told(delivery_id)
    settling.at(midnight(DEEMED + timedelta(days=3)), delivery_id)
    settling.confirm(delivery_id)
    settling.run(delivery_id)
    assert settling.answer(delivery_id) == ("final", "deemed", "2026-11-26")
    assert settling.told(delivery_id) == before
    assert settling.house.row(delivery_id)["status"] == "deemed"


def test_a_confirmation_after_the_day_but_before_the_step_ran_does_not_move_the_date(settling: Settling) -> None:
    """Workers may have been down over midnight: the deemed day counts all the same."""
    delivery_id = settling.deliver()
    with settling.database.write() as connection:
        set_legal_time(connection, midnight(DEEMED + timedelta(days=4)))
    settling.confirm(delivery_id)
    settling.run(delivery_id)
    assert settling.answer(delivery_id) == ("final", "deemed", "2026-11-26")


def test_replays_add_no_event(settling: Settling) -> None:
    delivery_id = settling.deliver()
    for moment in (None, midnight(DEEMED), midnight(DEEMED + timedelta(days=1))):
        for _ in range(3):
            with settling.database.write() as connection:
                if moment is not None and legal_time(connection) < moment:
                    set_legal_time(connection, moment)
                steps.wake(connection, f"{delivery_id}/settle")
            settling.run(delivery_id)
    assert settling.told(delivery_id) == [
        ("service.decided", "pending", None),
        ("service.decided", "final", "2026-11-26"),
    ]


# --- paper


@pytest.mark.rule("D3")
def test_rule_1_for_an_important_instrument_only_paper_decides(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT)
    settling.confirm(delivery_id)
    settling.run(delivery_id)
    row = settling.at(midnight(DEEMED + timedelta(days=9)), delivery_id)
    assert (row["state"], row["legal_at"]) == ("waiting", None)
    assert settling.answer(delivery_id) == ("pending", None, None)
    settling.serve(delivery_id, date(2026, 12, 4))
    assert settling.run(delivery_id)["state"] == "done"
    assert settling.answer(delivery_id) == ("final", "paper", "2026-12-04")


@pytest.mark.rule("LAW-7")
def test_cpl_95_the_legal_day_of_a_public_notice_wakes_the_step_when_it_begins(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT)
    settling.publish(delivery_id, date(2026, 11, 23))
    served = public_notice_day(date(2026, 11, 23))
    assert served > date(2026, 12, 20)
    assert settling.run(delivery_id)["legal_at"] == midnight(DEEMED + timedelta(days=1))
    row = settling.at(midnight(DEEMED + timedelta(days=2)), delivery_id)
    assert (row["state"], row["legal_at"]) == ("ready", midnight(served))
    settling.at(midnight(served) - timedelta(seconds=20), delivery_id)
    assert settling.answer(delivery_id) == ("pending", None, None)
    assert settling.at(midnight(served), delivery_id)["state"] == "done"
    assert settling.answer(delivery_id) == ("final", "paper", served.isoformat())
    assert settling.told(delivery_id)[-1] == ("service.decided", "final", served.isoformat())


def test_the_earliest_of_several_legal_days_wakes_the_step(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT, route="paper")
    with settling.database.write() as connection:
        for served_on, final in (("2027-03-01", True), ("2027-02-01", True), ("2027-01-05", False)):
            deliveries.insert_paper_receipt(
                connection,
                delivery_id=delivery_id,
                method="public_notice",
                outcome="published",
                served_on=served_on,
                record={"method": "public_notice", "outcome": "published", "date": "2026-12-01"},
                final=final,
                recorded_by="clerk",
            )
        steps.wake(connection, f"{delivery_id}/settle")
    assert settling.run(delivery_id)["legal_at"] == midnight(date(2027, 2, 1))
    assert settling.at(midnight(date(2027, 2, 1)), delivery_id)["state"] == "done"
    assert settling.answer(delivery_id) == ("final", "paper", "2027-02-01")


def test_a_record_without_its_scan_makes_no_date_and_wakes_nothing(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT, route="paper")
    settling.publish(delivery_id, date(2026, 11, 23), scan=None)
    row = settling.run(delivery_id)
    assert (row["state"], row["legal_at"]) == ("waiting", None)
    settling.publish(delivery_id, date(2026, 11, 23))
    assert settling.run(delivery_id)["legal_at"] == midnight(public_notice_day(date(2026, 11, 23)))


def test_the_legal_clock_moved_over_a_waiting_day_wakes_the_step_however_far(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT, route="paper")
    settling.publish(delivery_id, date(2026, 11, 23))
    settling.run(delivery_id)
    settling.at(datetime(2028, 1, 1, tzinfo=UTC), delivery_id)
    served = public_notice_day(date(2026, 11, 23)).isoformat()
    assert settling.answer(delivery_id) == ("final", "paper", served)


def test_an_answer_that_comes_back_is_told_again(settling: Settling) -> None:
    """A record is corrected and corrected back: each change is a superseding event, and none is swallowed."""
    delivery_id = settling.deliver(IMPORTANT)
    last = None
    with settling.database.write() as connection:
        set_legal_time(connection, midnight(date(2026, 12, 10)))
    for day in ("2026-12-04", "2026-12-03", "2026-12-04"):
        with settling.database.write() as connection:
            last = deliveries.insert_paper_receipt(
                connection,
                delivery_id=delivery_id,
                method="direct",
                outcome="served",
                served_on=day,
                record={"method": "direct", "outcome": "served", "date": day},
                final=True,
                supersedes=last,
                recorded_by="clerk",
            )
            steps.wake(connection, f"{delivery_id}/settle")
        settling.run(delivery_id)
    assert settling.told(delivery_id)[1:] == [
        ("service.decided", "final", "2026-12-04"),
        ("service.superseded", "final", "2026-12-03"),
        ("service.superseded", "final", "2026-12-04"),
    ]


# --- years whose notice is not published


def _publish(settling: Settling, year: int, **days: bool) -> Approved:
    named = {date.fromisoformat(day.replace("_", "-")[1:]): worked for day, worked in days.items()}
    return publish(settling.songda, year, named)


def _deliver_at_the_end_of_the_year(settling: Settling) -> str:
    with settling.database.write() as connection:
        set_legal_time(connection, datetime(2026, 12, 30, 10, tzinfo=BEIJING))
    return settling.deliver()


def test_a_year_without_its_notice_leaves_the_date_provisional_until_it_is_imported(settling: Settling) -> None:
    delivery_id = _deliver_at_the_end_of_the_year(settling)
    assert settling.answer(delivery_id) == ("provisional", None, None)
    guess = settling.house.row(delivery_id)["deemed_date"]
    row = settling.at(midnight(date(2027, 1, 20)), delivery_id)
    assert (row["state"], row["legal_at"]) == ("waiting", None)
    assert settling.answer(delivery_id) == ("provisional", None, None)
    days = {"d2027_01_01": False, "d2027_01_04": False, "d2027_01_05": False, "d2027_01_09": True}
    imported = _publish(settling, 2027, **days)
    assert imported.woken == (f"{delivery_id}/settle",)
    settling.run(delivery_id)
    # 31 December is worked; 1, 4 and 5 January are not; then the 6th and 7th are the second and third working days
    assert settling.answer(delivery_id) == ("final", "deemed", "2027-01-07") and guess != "2027-01-07"
    assert settling.told(delivery_id) == [
        ("service.decided", "provisional", None),
        ("service.decided", "final", "2027-01-07"),
    ]
    with settling.database.read() as connection:
        stream = deliveries.get(connection, delivery_id)["document_id"]
        last = [each for each in ledger.events(connection, stream) if each.kind.startswith("service.")][-1]
    assert last.body["before"]["deemed_date"] == guess
    assert last.body["answer"]["calendar_version"] != "" and "2027" in last.body["answer"]["calendar_version"]


def test_a_confirmation_inside_the_guess_stays_when_the_notice_comes(settling: Settling) -> None:
    delivery_id = _deliver_at_the_end_of_the_year(settling)
    settling.confirm(delivery_id)
    settling.run(delivery_id)
    assert settling.answer(delivery_id) == ("final", "confirmed", "2026-12-30")
    _publish(settling, 2027, d2027_01_01=False)
    settling.run(delivery_id)
    assert settling.answer(delivery_id) == ("final", "confirmed", "2026-12-30")


def test_a_confirmation_after_the_guess_is_weighed_when_the_notice_comes(settling: Settling) -> None:
    """The guess was 5 January; the receipt was confirmed on the 7th, which by the notice is still the third day."""
    delivery_id = _deliver_at_the_end_of_the_year(settling)
    with settling.database.write() as connection:
        set_legal_time(connection, datetime(2027, 1, 7, 10, tzinfo=BEIJING))
    settling.confirm(delivery_id)
    settling.run(delivery_id)
    assert settling.answer(delivery_id) == ("provisional", None, None)
    _publish(settling, 2027, d2027_01_01=False, d2027_01_04=False, d2027_01_05=False)
    settling.run(delivery_id)
    assert settling.answer(delivery_id) == ("final", "confirmed", "2027-01-07")


def test_an_amended_notice_moves_what_has_not_passed_and_nothing_else(settling: Settling) -> None:
    passed = settling.deliver(number=1)
    settling.at(midnight(DEEMED + timedelta(days=1)), passed)
    open_ = settling.deliver(number=2)  # sent on Friday, 27 November; deemed on Wednesday, 2 December
    assert settling.house.row(open_)["deemed_date"] == "2026-12-02"
    _publish(settling, 2026, d2026_11_25=False, d2026_11_30=False)
    for delivery_id in (passed, open_):
        settling.run(delivery_id)
    assert settling.answer(passed) == ("final", "deemed", "2026-11-26")
    assert settling.house.row(open_)["deemed_date"] == "2026-12-03"
    settling.at(midnight(date(2026, 12, 3)), open_)
    assert settling.answer(open_) == ("pending", None, None)
    settling.at(midnight(date(2026, 12, 4)), open_)
    assert settling.answer(open_) == ("final", "deemed", "2026-12-03")
    with settling.database.read() as connection:
        stream = deliveries.get(connection, open_)["document_id"]
        dates = [
            event.body["answer"]["deemed_date"]
            for event in ledger.events(connection, stream)
            if event.kind.startswith("service.")
        ]
    assert dates == ["2026-12-02", "2026-12-03", "2026-12-03"]


# --- at the same time


def test_counterparty_clerk_and_worker_at_the_same_moment_neither_deadlock_nor_contradict(settling: Settling) -> None:
    ids = [settling.deliver(IMPORTANT, number=n) for n in range(1, 7)]
    errors: list[BaseException] = []

    def act(what: Any) -> None:
        try:
            for delivery_id in ids:
                what(delivery_id)
        except BaseException as error:
            errors.append(error)

    def again(delivery_id: str) -> None:
        with settling.database.write() as connection:
            steps.wake(connection, f"{delivery_id}/settle")
        settling.run(delivery_id)

    acts = (settling.confirm, lambda each: settling.serve(each, date(2026, 11, 23)), again, again)
    threads = [threading.Thread(target=act, args=(each,)) for each in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    for delivery_id in ids:
        again(delivery_id)
        assert settling.answer(delivery_id) == ("final", "paper", "2026-11-23")
        assert [kind for kind, status, _ in settling.told(delivery_id) if status == "final"] == ["service.decided"]
    with settling.database.read() as connection:
        assert all(row.confirmed_at for row in connection.execute(sa.select(delivery)))
