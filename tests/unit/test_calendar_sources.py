"""Working days of 2018 to 2026 against two sources that share no data with ours, and the years that went otherwise.

`holidays` and `lunar_python` know the same State Council notices by other hands. They agree with `chinesecalendar` on
every day of those years. Beyond the published years they answer all the same, without a word: that is why they are
sources to test against and none to count by.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lunar_python.util import HolidayUtil

from delivery.beijing import BEIJING
from delivery.calendars import Calendar, Notice, default_calendar, read_notice
from delivery.rule_sets import rule_book
from delivery.service_dates import count_days, recount
from tests.notices import notice_file

YEARS = range(2018, 2027)
BASE = default_calendar()
RULES = rule_book().in_force(date(2026, 1, 1))
_HOLIDAYS = holidays.country_holidays("CN", years=range(2005, 2028))


def by_holidays(day: date) -> bool:
    return bool(_HOLIDAYS.is_working_day(day))


def by_lunar_python(day: date) -> bool:
    named = HolidayUtil.getHoliday(day.year, day.month, day.day)
    return bool(named.isWork()) if named else day.weekday() < 5


both_sources = pytest.mark.parametrize("is_worked", [by_holidays, by_lunar_python])
Source = Callable[[date], bool]


def _third(is_worked: Source, day: date) -> date:
    for _ in range(3):
        day += timedelta(days=1)
        while not is_worked(day):
            day += timedelta(days=1)
    return day


@pytest.mark.rule("LAW-6", "LAW-9")
@both_sources
def test_every_day_of_2018_to_2026_is_worked_or_off_as_the_source_says(is_worked: Source) -> None:
    days = [date(2018, 1, 1) + timedelta(days=n) for n in range((date(2027, 1, 1) - date(2018, 1, 1)).days)]
    assert [day for day in days if BASE.is_working_day(day) != is_worked(day)] == []


@both_sources
@pytest.mark.parametrize("year", YEARS)
def test_each_year_has_the_same_make_up_days(is_worked: Source, year: int) -> None:
    days = [date(year, 1, 1) + timedelta(days=n) for n in range(365)]
    made_up = [day for day in days if day.weekday() >= 5 and BASE.is_working_day(day)]
    assert made_up and made_up == [day for day in days if day.weekday() >= 5 and is_worked(day)]


@pytest.mark.rule("LAW-6")
@both_sources
@given(sent=st.dates(date(2018, 1, 1), date(2026, 12, 21)))
def test_the_third_working_day_is_that_of_the_source(is_worked: Source, sent: date) -> None:
    assert BASE.nth_working_day_after(sent, 3) == _third(is_worked, sent)


# --- 2020: the notice of 2019, and the one that extended the Spring Festival while it was going on


def _span(first: str, last: str) -> dict[date, bool]:
    start, end = date.fromisoformat(first), date.fromisoformat(last)
    return {start + timedelta(days=n): False for n in range((end - start).days + 1)}


def _notice_of_2020(number: str, spring_ends: str, *worked: str) -> Notice:
    days = _span("2020-01-01", "2020-01-01") | _span("2020-01-24", spring_ends) | _span("2020-04-04", "2020-04-06")
    days |= _span("2020-05-01", "2020-05-05") | _span("2020-06-25", "2020-06-27") | _span("2020-10-01", "2020-10-08")
    made_up = ("2020-04-26", "2020-05-09", "2020-06-28", "2020-09-27", "2020-10-10", *worked)
    return read_notice(notice_file(2020, days | {date.fromisoformat(day): True for day in made_up}, number=number))


FIRST_2020 = _notice_of_2020("国办发明电〔2019〕16号", "2020-01-30", "2020-01-19", "2020-02-01")
AMENDED_2020 = _notice_of_2020("国办发明电〔2020〕1号", "2020-02-02", "2020-01-19")


def test_2020_the_library_knows_the_amended_year_only_and_the_first_notice_said_otherwise() -> None:
    first, amended = Calendar((FIRST_2020,)), Calendar((FIRST_2020, AMENDED_2020))
    days = [date(2020, 1, 1) + timedelta(days=n) for n in range(366)]
    assert [day for day in days if amended.is_working_day(day) != BASE.is_working_day(day)] == []
    differing = [day.isoformat() for day in days if first.is_working_day(day) != BASE.is_working_day(day)]
    assert differing == ["2020-01-31", "2020-02-01"]
    assert len({BASE.version, first.version, amended.version}) == 3


@pytest.mark.rule("LAW-6")
@pytest.mark.parametrize(
    ("sent", "by_the_first", "by_the_amended"),
    [
        ("2020-01-20", "2020-01-23", "2020-01-23"),  # passed before the festival: it stays
        ("2020-01-21", "2020-01-31", "2020-02-03"),
        ("2020-01-22", "2020-02-01", "2020-02-04"),
        ("2020-01-23", "2020-02-03", "2020-02-05"),
    ],
)
def test_2020_an_amendment_in_the_middle_of_the_festival_moves_what_had_not_passed(
    sent: str, by_the_first: str, by_the_amended: str
) -> None:
    sent_at = datetime.fromisoformat(f"{sent}T10:00:00+08:00")
    fixed = count_days(sent_at, Calendar((FIRST_2020,)), RULES)
    assert (fixed.deemed_date.isoformat(), fixed.unsettled) == (by_the_first, None)
    amended = Calendar((FIRST_2020, AMENDED_2020))
    again = recount(fixed, sent_at, datetime(2020, 1, 27, 12, tzinfo=BEIJING), amended, RULES)
    assert again.deemed_date.isoformat() == by_the_amended
    kept = again.calendar_version == fixed.calendar_version
    assert kept is (by_the_first == by_the_amended), "a date that has passed keeps the version it was fixed with"
    too_late = recount(fixed, sent_at, datetime(2020, 3, 1, tzinfo=BEIJING), amended, RULES)
    assert too_late == fixed


# --- the last days of December belong to the next year's notice


@pytest.mark.parametrize(
    ("day", "worked"),
    [
        ("2006-12-30", True),
        ("2006-12-31", True),
        ("2007-12-29", True),
        ("2007-12-31", False),
        ("2011-12-31", True),
        ("2018-12-29", True),
        ("2018-12-31", False),
    ],
)
def test_decembers_that_the_next_years_notice_moved(day: str, worked: bool) -> None:
    there = date.fromisoformat(day)
    assert {BASE.is_working_day(there), by_holidays(there), by_lunar_python(there)} == {worked}
    assert worked != (there.weekday() < 5)


def test_december_2018_a_document_sent_on_the_26th_was_served_on_a_worked_saturday() -> None:
    assert BASE.nth_working_day_after(date(2018, 12, 26), 3) == date(2018, 12, 29)
    assert BASE.nth_working_day_after(date(2018, 12, 27), 3) == date(2019, 1, 2), "28, 29 December, then 2 January"


@pytest.mark.parametrize(
    ("sent", "deemed", "unsettled"),
    [
        ("2026-12-21", "2026-12-24", None),
        ("2026-12-22", "2026-12-25", "2026-12-25"),
        ("2026-12-28", "2026-12-31", "2026-12-29"),
        ("2026-12-29", "2027-01-04", "2026-12-30"),
        ("2026-12-30", "2027-01-05", "2026-12-31"),
    ],
)
def test_december_2026_is_a_guess_where_other_libraries_answer_without_a_word(
    sent: str, deemed: str, unsettled: str | None
) -> None:
    count = count_days(datetime.fromisoformat(f"{sent}T10:00:00+08:00"), BASE, RULES)
    assert count.deemed_date.isoformat() == deemed
    assert (count.unsettled and count.unsettled.isoformat()) == unsettled
    assert _third(by_holidays, date.fromisoformat(sent)).isoformat() == deemed, "the same guess, told as a date"


@both_sources
def test_no_source_says_that_a_year_is_not_published(is_worked: Source) -> None:
    assert not BASE.is_published(2027)
    assert not any(is_worked(date(2027, 1, 2) + timedelta(weeks=n)) for n in range(52)), "no make-up day, silently"
