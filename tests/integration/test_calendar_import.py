"""Holiday notices: proposed by one person, approved by another, foreseen exactly, and nothing of before is lost."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from delivery.beijing import BEIJING
from delivery.calendar_preview import Preview
from delivery.calendar_years import year_states
from delivery.calendars import statutory_rest_days
from delivery.service import stored_calendar
from pipeline.calendar_import import approve_notice, propose_notice
from records import deliveries, ledger, notices
from records.database import Database, set_legal_time
from records.directory import SelfApproval
from records.errors import Refused
from records.tables import artifact
from tests.integration.test_settling import DEEMED, Settling, midnight
from tests.notices import notice_file, publish

FIRST, SECOND = "per_first", "per_second"
#: The statutory days and a bridge on 4 January 2027, with the Saturday after it worked.
DAYS_2027 = dict.fromkeys(statutory_rest_days(2027), False) | {date(2027, 1, 4): False, date(2027, 1, 9): True}


@pytest.fixture
def settling(database: Database, tmp_path: Path) -> Iterator[Settling]:
    settling = Settling(database, tmp_path)
    yield settling
    settling.runner.close()


def _code(settling: Settling, year: int = 2027) -> str:
    with settling.database.read() as connection:
        return year_states(connection, [year])[0].code


def _sent_on(settling: Settling, day: date, **more: Any) -> str:
    with settling.database.write() as connection:
        set_legal_time(connection, datetime(day.year, day.month, day.day, 10, tzinfo=BEIJING))
    return settling.deliver(**more)


def _answers(settling: Settling, delivery_id: str) -> list[dict[str, Any]]:
    """Every answer on the service date that the ledger keeps, oldest first."""
    with settling.database.read() as connection:
        stream = deliveries.get(connection, delivery_id)["document_id"]
        events = ledger.events(connection, stream)
    return [event.body["answer"] for event in events if event.kind.startswith("service.")]


def _limits(settling: Settling, delivery_id: str) -> dict[str, tuple[str, str | None]]:
    kept = settling.house.row(delivery_id)["deadlines"]
    return {limit["id"]: (limit["status"], limit["shown"]) for limit in kept["limits"]} if kept else {}


# --- two persons


def test_a_proposal_changes_nothing_until_a_second_person_approves(settling: Settling) -> None:
    delivery_id = _sent_on(settling, date(2026, 12, 30))
    raw = notice_file(2027, DAYS_2027)
    assert _code(settling) == "none"
    proposed = propose_notice(settling.songda, raw, FIRST)
    assert (proposed.edition, _code(settling)) == (1, "proposed")
    with settling.database.read() as connection:
        assert stored_calendar(connection).notices == ()
    with pytest.raises(SelfApproval):
        approve_notice(settling.songda, 2027, 1, FIRST)
    settling.run(delivery_id)
    assert settling.answer(delivery_id)[0] == "provisional"
    approved = approve_notice(settling.songda, 2027, 1, SECOND)
    assert approved.woken == (f"{delivery_id}/settle",)
    assert _code(settling) == "imported"
    with settling.database.read() as connection:
        assert stored_calendar(connection).notices == (proposed.notice,)
        (row,) = notices.editions(connection)
        assert (row["proposed_by"], row["approved_by"]) == (FIRST, SECOND)
        events = ledger.events(connection, notices.STREAM)
        assert list(ledger.verify(connection, notices.STREAM)) == []
        kept = connection.execute(artifact.select().where(artifact.c.digest == proposed.notice.sha256)).one()
    assert [(event.kind, event.actor, event.body["digest"]) for event in events] == [
        ("calendar.proposed", FIRST, proposed.notice.sha256),
        ("calendar.approved", SECOND, proposed.notice.sha256),
    ]
    assert settling.songda.store.get(kept.digest) == raw


def test_approving_again_wakes_again_and_writes_nothing(settling: Settling) -> None:
    delivery_id = _sent_on(settling, date(2026, 12, 30))
    publish(settling.songda, 2027, DAYS_2027)
    again = approve_notice(settling.songda, 2027, 1, "per_third")
    assert again.woken == (f"{delivery_id}/settle",) and again.preview.days == ()
    with settling.database.read() as connection:
        assert [row["approved_by"] for row in notices.editions(connection)] == [SECOND]
        assert len(ledger.events(connection, notices.STREAM)) == 2


def test_an_earlier_edition_does_not_take_the_place_of_a_later_one(settling: Settling) -> None:
    propose_notice(settling.songda, notice_file(2027, DAYS_2027), FIRST)
    publish(settling.songda, 2027, DAYS_2027 | {date(2027, 2, 11): False})
    with pytest.raises(notices.Outdated, match="edition 2 of 2027"):
        approve_notice(settling.songda, 2027, 1, SECOND)
    with pytest.raises(LookupError, match="no edition 3"):
        approve_notice(settling.songda, 2027, 3, SECOND)


def test_the_same_file_is_not_proposed_twice_and_no_year_beyond_the_next(settling: Settling) -> None:
    raw = notice_file(2027, DAYS_2027)
    propose_notice(settling.songda, raw, FIRST)
    with pytest.raises(Refused) as proposed:
        propose_notice(settling.songda, raw, SECOND)
    assert "is proposed already" in proposed.value.faults[0].message_en
    approve_notice(settling.songda, 2027, 1, SECOND)
    with pytest.raises(Refused) as counts:
        propose_notice(settling.songda, raw, FIRST)
    assert [fault.code for fault in counts.value.faults] == ["known"]
    with pytest.raises(Refused) as too_far:
        propose_notice(settling.songda, notice_file(2028, {date(2028, 1, 1): False}), FIRST)
    assert [(fault.pointer, fault.code) for fault in too_far.value.faults] == [("/year", "not_published")]


def test_the_second_person_may_name_the_digest_and_what_is_stored_is_held_against_the_file(settling: Settling) -> None:
    raw = notice_file(2027, DAYS_2027)
    propose_notice(settling.songda, raw, FIRST)
    with pytest.raises(Refused) as other:
        approve_notice(settling.songda, 2027, 1, SECOND, sha256="0" * 64)
    assert [fault.code for fault in other.value.faults] == ["digest_differs"]
    with settling.database.write() as connection:  # a row that does not say what its file says
        row = dict(notices.find(connection, 2027, 1))
        told = {name: row[name] for name in ("year", "document_number", "source", "digest")}
        notices.propose(connection, days={"2027-01-01": True}, by=FIRST, **told)
    with pytest.raises(Refused) as altered:
        approve_notice(settling.songda, 2027, 2, SECOND)
    assert [fault.code for fault in altered.value.faults] == ["altered"]
    assert _code(settling) == "proposed"


# --- the preview


@pytest.mark.rule("LAW-6", "LAW-9")
def test_the_preview_foresees_exactly_what_the_approval_does(settling: Settling) -> None:
    served = settling.deliver(number=1)  # final before the notice; its limits run on
    settling.at(midnight(DEEMED + timedelta(days=1)), served)
    guessed = _sent_on(settling, date(2026, 12, 30), number=2)
    untouched = settling.deliver(number=3)
    settling.confirm(untouched)
    settling.run(untouched)
    before = {each: (settling.house.row(each), _limits(settling, each)) for each in (served, guessed, untouched)}
    proposed = propose_notice(settling.songda, notice_file(2027, DAYS_2027), FIRST).preview
    assert proposed.publishes and proposed.holidays_worked == ()
    assert {(each.day.isoformat(), each.worked, each.guessed) for each in proposed.days} == {
        ("2027-01-04", False, True),
        ("2027-01-09", True, True),
    }
    (change,) = proposed.dates
    # sent on Wednesday 30 December: 31 December, then 5 and 6 January, for the 4th is off
    assert change.delivery_id == guessed
    assert change.deemed_date == (date(2027, 1, 5), date(2027, 1, 6))
    assert change.status == ("provisional", "pending")
    approved = approve_notice(settling.songda, 2027, 1, SECOND)
    assert approved.preview == proposed
    for step in approved.woken:
        settling.runner.run_step(step)
    _assert_as_foreseen(settling, proposed, before)


def _assert_as_foreseen(settling: Settling, foreseen: Preview, before: dict[str, tuple[Any, Any]]) -> None:
    dates = {each.delivery_id: each for each in foreseen.dates}
    limits = {(each.delivery_id, each.limit): each for each in foreseen.limits}
    for delivery_id, (row, limits_before) in before.items():
        now, limits_now = settling.house.row(delivery_id), _limits(settling, delivery_id)
        told = dates.get(delivery_id)
        deemed = told.deemed_date[1].isoformat() if told and told.deemed_date[1] else row["deemed_date"]
        assert (now["deemed_date"], now["service_status"]) == (
            deemed,
            told.status[1] if told else row["service_status"],
        )
        changed = {each for each in limits_now if limits_now[each] != limits_before.get(each)}
        assert changed == {limit for whose, limit in limits if whose == delivery_id}
        for limit in changed:
            change = limits[delivery_id, limit]
            assert limits_now[limit] == (change.status[1], change.last_day[1])


def test_a_file_that_is_not_whole_is_told_by_the_holidays_people_would_work_on(settling: Settling) -> None:
    """An amendment that names only what it changes would make working days of all other holidays."""
    preview = propose_notice(settling.songda, notice_file(2026, {date(2026, 10, 9): False}), FIRST).preview
    assert not preview.publishes
    assert date(2026, 10, 1) in preview.holidays_worked
    assert {each.day for each in preview.days if each.worked} > {date(2026, 10, 1), date(2026, 2, 16)}


def test_a_delivery_whose_date_has_passed_is_not_even_looked_at(settling: Settling) -> None:
    _sent_on(settling, date(2026, 11, 24))
    with settling.database.write() as connection:
        set_legal_time(connection, datetime(2029, 1, 1, tzinfo=BEIJING))
    preview = propose_notice(settling.songda, notice_file(2029, {date(2029, 1, 1): False}), FIRST).preview
    assert preview.looked_at == 1, "not settled yet: the step has not run"
    assert preview.dates == ()
    for step in publish(settling.songda, 2029, {date(2029, 1, 2): False}).woken:
        settling.runner.run_step(step)
    assert propose_notice(settling.songda, notice_file(2030, {date(2030, 1, 1): False}), FIRST).preview.looked_at == 0


# --- amendments


@pytest.mark.rule("D2")
def test_an_amendment_of_an_imported_notice_supersedes_open_dates_and_leaves_passed_ones(settling: Settling) -> None:
    publish(settling.songda, 2027, DAYS_2027)
    passed = _sent_on(settling, date(2027, 1, 11), number=1)  # Monday: 12, 13, 14 January
    settling.at(midnight(date(2027, 1, 15)), passed)
    assert settling.answer(passed) == ("final", "deemed", "2027-01-14")
    open_ = _sent_on(settling, date(2027, 1, 15), number=2)  # Friday: 18, 19, 20 January
    assert settling.house.row(open_)["deemed_date"] == "2027-01-20"
    first = settling.house.row(open_)["service_count"]["calendar_version"]
    amended = DAYS_2027 | {date(2027, 1, 13): False, date(2027, 1, 19): False}
    approved = publish(settling.songda, 2027, amended, number="国办发明电〔2027〕1号")
    assert [(each.delivery_id, each.deemed_date) for each in approved.preview.dates] == [
        (open_, (date(2027, 1, 20), date(2027, 1, 21)))
    ]
    for delivery_id in (passed, open_):
        settling.run(delivery_id)
    assert settling.answer(passed) == ("final", "deemed", "2027-01-14")
    assert {answer["calendar_version"] for answer in _answers(settling, passed)} == {first}
    told = _answers(settling, open_)
    assert [answer["deemed_date"] for answer in told] == ["2027-01-20", "2027-01-21"]
    assert told[0]["calendar_version"] == first != told[1]["calendar_version"]
    settling.at(midnight(date(2027, 1, 22)), open_)
    assert settling.answer(open_) == ("final", "deemed", "2027-01-21")
    with settling.database.read() as connection:
        editions = [(row["edition"], row["document_number"]) for row in notices.editions(connection)]
    assert editions == [(1, "国办发明电〔2026〕7号"), (2, "国办发明电〔2027〕1号")]


@pytest.mark.rule("D2")
def test_an_amendment_after_the_day_ended_but_before_the_step_ran_does_not_move_the_date(settling: Settling) -> None:
    """Workers were down over midnight; the date had passed by law all the same."""
    delivery_id = settling.deliver()
    with settling.database.write() as connection:
        set_legal_time(connection, midnight(DEEMED + timedelta(days=1)))
    publish(settling.songda, 2026, {date(2026, 11, 25): False})
    settling.run(delivery_id)
    assert settling.answer(delivery_id) == ("final", "deemed", DEEMED.isoformat())


def test_the_next_years_notice_may_move_the_last_days_of_december(settling: Settling) -> None:
    delivery_id = _sent_on(settling, date(2026, 12, 22))  # Tuesday: 23, 24, 25 December, and the 25th is unsettled
    assert settling.answer(delivery_id)[0] == "provisional"
    moved = DAYS_2027 | {date(2026, 12, 25): False, date(2026, 12, 26): True}
    (change,) = publish(settling.songda, 2027, moved).preview.dates
    assert change.deemed_date == (date(2026, 12, 25), date(2026, 12, 26))
    settling.run(delivery_id)
    settling.at(midnight(date(2026, 12, 27)), delivery_id)
    assert settling.answer(delivery_id) == ("final", "deemed", "2026-12-26")


# --- the desk


NOVEMBER = midnight(date(2027, 11, 1))


@pytest.mark.parametrize(
    ("now", "alarm", "since"),
    [
        (NOVEMBER - timedelta(seconds=30), False, ""),
        (NOVEMBER, True, "25 December 2027"),
        (midnight(date(2027, 12, 30)), True, "30 December 2027"),
        (midnight(date(2028, 1, 4)), True, "4 January 2028"),
    ],
)
def test_the_desk_says_how_the_years_stand_and_warns_from_1_november_in_beijing(
    settling: Settling, now: datetime, alarm: bool, since: str
) -> None:
    publish(settling.songda, 2027, DAYS_2027)
    with settling.database.write() as connection:
        set_legal_time(connection, now)
    browser = settling.house.browser("clerk")

    def page(language: str) -> str:
        return browser.get("/desk", params={"lang": language}).text

    assert "2028年：尚无节假日安排通知" in page("zh")
    assert ("2027年：已导入节假日安排通知（国办发明电〔2026〕7号）" in page("zh")) is (now.year == 2027)
    assert ("2028年节假日安排通知尚未导入" in page("zh")) is alarm
    assert ("The holiday notice of 2028 is not imported" in page("en")) is alarm
    assert (f"from {since} on stay provisional" in page("en")) is alarm
    propose_notice(settling.songda, notice_file(2028, {date(2028, 1, 1): False}), FIRST)
    assert "国办发明电〔2027〕7号）已提交，待另一人批准" in page("zh")
    assert ("尚未导入" in page("zh")) is alarm, "a proposal is no notice"
    approve_notice(settling.songda, 2028, 1, SECOND)
    assert "2028: the holiday notice 国办发明电〔2027〕7号 is imported" in page("en")
    assert "尚未导入" not in page("zh")
    propose_notice(settling.songda, notice_file(2028, {date(2028, 1, 1): False}, number="国办发明电〔2028〕1号"), FIRST)
    assert "the amendment 国办发明电〔2028〕1号 waits" in page("en")


def test_the_stored_calendar_costs_one_query(settling: Settling) -> None:
    publish(settling.songda, 2027, DAYS_2027)
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_rest: object) -> None:
        asked.append(statement)

    sa.event.listen(settling.database.engine, "before_cursor_execute", note)
    with settling.database.read() as connection:
        assert stored_calendar(connection).is_published(2027)
    sa.event.remove(settling.database.engine, "before_cursor_execute", note)
    assert len([each for each in asked if each.lower().startswith("select")]) == 1
