"""The limits of a stored delivery: computed by what happens to it, superseded by an event, never replaced silently."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delivery import inbox
from delivery.calendars import statutory_rest_days
from delivery.kept_deadlines import KeptLimit, kept
from delivery.service import decide_delivery
from records import deliveries, ledger
from records.database import Database, legal_time, set_legal_time
from records.ledger import Event
from tests.integration.test_desk import SCAN
from tests.integration.test_settling import DEEMED, IMPORTANT, ORDINARY, Settling, midnight
from tests.notices import publish


class Limits:
    """A house, and what is kept of a delivery's limits."""

    def __init__(self, database: Database, home: Path) -> None:
        self.settling = Settling(database, home)
        self.database = database

    def deliver(self, instrument: str, **more: Any) -> str:
        return self.settling.deliver(instrument, **more)

    def open(self, delivery_id: str) -> None:
        account = self.settling.house.accounts["NEA-FLB"]
        inbox.access(self.database, delivery_id, account, "session", "reading")

    def of(self, delivery_id: str) -> dict[str, KeptLimit]:
        with self.database.read() as connection:
            document_id = deliveries.get(connection, delivery_id)["document_id"]
            assert list(ledger.verify(connection, document_id)) == []
            row = deliveries.desk_item(connection, delivery_id, "caac-north-china")
            assert row
            return {each.limit.rule.id: each for each in kept(row)}

    def last_days(self, delivery_id: str) -> dict[str, tuple[str, str | None]]:
        found = self.of(delivery_id).items()
        return {
            name: (each.limit.status, each.limit.last_day and each.limit.last_day.isoformat()) for name, each in found
        }  # type: ignore[misc]

    def told(self, delivery_id: str) -> list[Event]:
        with self.database.read() as connection:
            stream = deliveries.get(connection, delivery_id)["document_id"]
            return [each for each in ledger.events(connection, stream) if each.kind == "deadlines.computed"]

    def publish(self, *off: date) -> None:
        """Import a notice for 2027 with these days off and the statutory ones."""
        days = dict.fromkeys(sorted({*statutory_rest_days(2027), *off}), False)
        for step in publish(self.settling.songda, 2027, days).woken:
            self.settling.runner.run_step(step)


@pytest.fixture
def limits(database: Database, tmp_path: Path) -> Iterator[Limits]:
    limits = Limits(database, tmp_path)
    yield limits
    limits.settling.runner.close()


def test_before_the_service_nothing_has_begun_and_nothing_is_written(limits: Limits) -> None:
    delivery_id = limits.deliver(ORDINARY)
    assert limits.last_days(delivery_id) == {
        "statement": ("not_begun", None),
        "approval-submission": ("not_begun", None),
    }
    assert limits.told(delivery_id) == []
    assert limits.settling.house.row(delivery_id)["deadlines"] is None


def test_an_instrument_that_starts_no_limit_costs_nothing(limits: Limits) -> None:
    delivery_id = limits.deliver("rectification-suggestion")
    limits.settling.confirm(delivery_id)
    limits.open(delivery_id)
    assert limits.of(delivery_id) == {} and limits.told(delivery_id) == []


@pytest.mark.rule("N16", "N17")
def test_a_confirmation_starts_the_limits_in_the_same_transaction(limits: Limits) -> None:
    delivery_id = limits.deliver(ORDINARY)
    limits.settling.confirm(delivery_id)  # on Monday, 23 November 2026
    assert limits.last_days(delivery_id) == {
        "statement": ("fixed", "2026-11-30"),
        "approval-submission": ("fixed", "2026-12-07"),
    }
    (event,) = limits.told(delivery_id)
    assert (event.legal_date, event.body["revision"], event.body["before"]) == ("2026-11-23", 1, [])
    assert limits.settling.house.row(delivery_id)["deadlines_until"] == "2026-12-07"


@pytest.mark.rule("N16", "D2")
def test_the_deemed_day_starts_the_limits_when_it_has_ended(limits: Limits) -> None:
    delivery_id = limits.deliver(ORDINARY)
    limits.settling.at(midnight(DEEMED + timedelta(days=1)), delivery_id)
    assert limits.last_days(delivery_id)["statement"] == ("fixed", "2026-12-03")


@pytest.mark.rule("LAW-10", "LAW-11")
def test_an_opening_may_have_begun_a_period_and_the_service_supersedes_that(limits: Limits) -> None:
    delivery_id = limits.deliver(IMPORTANT)
    limits.open(delivery_id)
    opened = limits.of(delivery_id)
    assert {name for name, each in opened.items() if each.limit.status == "may_have_begun"} == {
        "payment",
        "reconsideration",
        "litigation",
    }
    limits.settling.serve(delivery_id, date(2026, 11, 23))
    served = limits.of(delivery_id)
    assert served["payment"].limit.status == "fixed"
    assert served["payment"].sequence == opened["payment"].sequence + 1
    first, second, third = limits.told(delivery_id)
    assert (first.body["revision"], second.body["revision"], third.body["revision"]) == (1, 2, 3)
    assert third.body["before"] == second.body["limits"] and second.body["before"] == first.body["limits"]


@pytest.mark.rule("N25")
def test_the_agencys_own_limit_runs_from_the_making_and_is_met_by_the_service(limits: Limits) -> None:
    delivery_id = limits.deliver(IMPORTANT)
    before = limits.of(delivery_id)["decision-service"].limit
    assert (before.status, before.event, before.met_on) == ("fixed", "made", None)
    limits.settling.serve(delivery_id, date(2026, 11, 23))
    assert limits.of(delivery_id)["decision-service"].limit.met_on == date(2026, 11, 23)


@pytest.mark.rule("N21")
def test_a_notice_of_hearing_tells_the_day_of_the_hearing_itself(limits: Limits) -> None:
    delivery_id = limits.deliver("hearing-notice")
    limit = limits.of(delivery_id)["hearing-notice-service"].limit
    assert (limit.event, limit.start, limit.last_day) == ("hearing", date(2026, 12, 8), date(2026, 11, 27))


@pytest.mark.rule("N26", "N27")
def test_a_penalty_without_a_fine_has_nothing_to_pay(limits: Limits) -> None:
    row = {
        "deadlines": None,
        "instrument": "penalty-decision",
        "authority_id": "x",
        "created_at": datetime.now().astimezone(),
    }
    names = [
        {each.limit.rule.id for each in kept(row | {"facts": {"penalties": [{"kind": kind}]}})}
        for kind in ("fine", "warning")
    ]
    assert names[0] - names[1] == {"payment", "additional-fine"}


def test_replays_add_no_event(limits: Limits) -> None:
    delivery_id = limits.deliver(IMPORTANT)
    limits.settling.serve(delivery_id, date(2026, 11, 23))
    before = limits.told(delivery_id)
    for _ in range(3):
        limits.settling.house.settle(delivery_id)
    assert limits.told(delivery_id) == before


# --- recomputed, never silently


@pytest.mark.rule("LAW-6", "LAW-10", "LAW-11")
def test_the_notice_of_the_next_year_fixes_what_was_provisional(limits: Limits) -> None:
    delivery_id = limits.deliver(IMPORTANT)
    limits.settling.serve(delivery_id, date(2026, 11, 23))
    before = limits.of(delivery_id)
    assert before["reconsideration"].limit.status == "provisional"
    limits.publish()
    after = limits.of(delivery_id)
    assert (after["reconsideration"].limit.status, after["reconsideration"].sequence) == (
        "fixed",
        before["reconsideration"].sequence + 1,
    )
    assert after["payment"] == before["payment"]  # fixed before, and the same: it keeps its calendar
    told = limits.told(delivery_id)
    limits.publish(date(2027, 6, 30))  # an amendment that touches none of these days
    assert limits.told(delivery_id) == told
    limits.publish(date(2027, 1, 22))  # another one: the last day becomes a day off
    assert limits.of(delivery_id)["reconsideration"].limit.last_day == date(2027, 1, 25)
    event = limits.told(delivery_id)[-1]
    named = {each["id"]: each["period"]["last_day"] for each in event.body["before"] if each["period"]}
    assert named["reconsideration"] == "2027-01-22"


@pytest.mark.rule("LAW-6")
def test_a_limit_that_has_passed_keeps_the_calendar_that_it_was_fixed_with(limits: Limits) -> None:
    delivery_id = limits.deliver(IMPORTANT)
    limits.settling.serve(delivery_id, date(2026, 11, 23))
    limits.publish()
    fixed = limits.of(delivery_id)["reconsideration"]
    with limits.database.write() as connection:
        set_legal_time(connection, midnight(date(2027, 1, 23)))
    limits.publish(date(2027, 1, 22))
    assert limits.of(delivery_id)["reconsideration"] == fixed


def test_a_corrected_service_date_supersedes_every_limit_that_hangs_on_it(limits: Limits) -> None:
    delivery_id = limits.deliver(IMPORTANT)
    limits.settling.serve(delivery_id, date(2026, 11, 23))
    first = limits.of(delivery_id)
    with limits.database.write() as connection:
        (receipt,) = deliveries.paper_receipts(connection, delivery_id)
        deliveries.insert_paper_receipt(
            connection,
            **{name: receipt[name] for name in ("delivery_id", "method", "outcome", "record", "scan_digest", "final")},
            served_on="2026-11-20",
            supersedes=receipt["id"],
            recorded_by="clerk",
        )
        decide_delivery(connection, delivery_id, legal_time(connection))
    second = limits.of(delivery_id)
    assert (first["payment"].limit.last_day, second["payment"].limit.last_day) == (date(2026, 12, 8), date(2026, 12, 7))
    assert second["payment"].sequence == first["payment"].sequence + 1
    assert limits.told(delivery_id)[-1].legal_date == "2026-11-20"


def test_a_service_that_falls_away_takes_its_limits_back(limits: Limits) -> None:
    delivery_id = limits.deliver(IMPORTANT)
    limits.settling.serve(delivery_id, date(2026, 11, 23))
    with limits.database.write() as connection:
        (receipt,) = deliveries.paper_receipts(connection, delivery_id)
        deliveries.insert_paper_receipt(
            connection,
            **{name: receipt[name] for name in ("delivery_id", "method", "record", "scan_digest", "final")},
            outcome="refused",
            served_on=None,
            supersedes=receipt["id"],
            recorded_by="clerk",
        )
        decide_delivery(connection, delivery_id, legal_time(connection))
    assert limits.last_days(delivery_id)["payment"] == ("not_begun", None)
    limits.settling.serve(delivery_id, date(2026, 11, 23), SCAN, receiver="王五")
    assert limits.of(delivery_id)["payment"].sequence == 3
