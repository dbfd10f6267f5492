"""Working days: the State Council's notices, and the state "not published"."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta, timezone

import chinese_calendar
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.calendars import Calendar, Notice, default_calendar, read_notice, statutory_rest_days
from records.errors import Refused

CALENDAR = default_calendar()
PUBLISHED = st.dates(date(2004, 1, 1), date(2026, 12, 31))


def notice_bytes(year: int = 2027, **changes: object) -> bytes:
    value = {
        "year": year,
        "number": f"国办发明电〔{year - 1}〕7号",
        "papers": [f"https://www.gov.cn/{year}.htm"],
        "days": [{"name": "元旦", "date": f"{year}-01-01", "isOffDay": True}],
    }
    return json.dumps({**value, **changes}).encode()


@pytest.mark.rule("LAW-6")
@pytest.mark.parametrize("day", ["2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09", "2026-09-20", "2026-10-10"])
def test_make_up_weekends_of_2026_are_worked(day: str) -> None:
    assert date.fromisoformat(day).weekday() >= 5
    assert CALENDAR.is_working_day(date.fromisoformat(day))


def test_2026_has_248_working_days() -> None:
    year = (date(2026, 1, 1) + timedelta(days=offset) for offset in range(365))
    assert sum(CALENDAR.is_working_day(day) for day in year) == 248


@pytest.mark.rule("LAW-6", "LAW-9", "N29", "D2")
@pytest.mark.parametrize(
    ("sent", "third"),
    [
        ("2026-02-12", "2026-02-24"),
        ("2026-02-13", "2026-02-25"),
        ("2026-09-18", "2026-09-22"),
        ("2026-09-30", "2026-10-10"),
        ("2026-05-08", "2026-05-12"),
    ],
)
def test_third_working_days_across_feasts_and_make_up_days(sent: str, third: str) -> None:
    assert CALENDAR.nth_working_day_after(date.fromisoformat(sent), 3).isoformat() == third


@given(PUBLISHED)
def test_published_years_agree_with_chinesecalendar(day: date) -> None:
    assert CALENDAR.is_working_day(day) == chinese_calendar.is_workday(day)


@pytest.mark.rule("LAW-6", "N29")
@given(st.dates(date(1990, 1, 1), date(2060, 12, 31)), st.integers(1, 12))
def test_counting_skips_no_working_day_and_counts_no_rest_day(day: date, count: int) -> None:
    days = CALENDAR.working_days_after(day, count)
    assert len(days) == count
    span = {day + timedelta(days=offset) for offset in range(1, (days[-1] - day).days + 1)}
    assert {each for each in span if CALENDAR.is_working_day(each)} == set(days)
    assert list(days) == sorted(days)


def test_a_year_without_a_notice_is_a_state_and_not_an_empty_list() -> None:
    assert CALENDAR.is_published(2026)
    assert not CALENDAR.is_published(2027)
    assert not CALENDAR.is_published(2003)
    assert not CALENDAR.is_settled(date(2027, 6, 1))


@pytest.mark.parametrize(("day", "settled"), [("2026-12-24", True), ("2026-12-25", False), ("2025-12-25", True)])
def test_days_from_25_december_wait_for_the_next_notice(day: str, settled: bool) -> None:
    assert CALENDAR.is_settled(date.fromisoformat(day)) is settled


def test_an_imported_notice_publishes_its_year_and_settles_the_december_before() -> None:
    calendar = CALENDAR.with_notices([read_notice(notice_bytes())])
    assert calendar.is_published(2027)
    assert calendar.is_settled(date(2026, 12, 31))
    assert not calendar.is_settled(date(2027, 12, 31))
    assert not CALENDAR.is_published(2027), "importing makes another calendar"


def test_a_notice_may_move_days_of_the_december_before() -> None:
    days = [{"date": "2026-12-31", "isOffDay": True}, {"date": "2026-12-26", "isOffDay": False}]
    calendar = CALENDAR.with_notices([read_notice(notice_bytes(days=days))])
    assert CALENDAR.is_working_day(date(2026, 12, 31))
    assert not calendar.is_working_day(date(2026, 12, 31))
    assert calendar.is_working_day(date(2026, 12, 26))


def test_an_amended_notice_replaces_the_base_and_the_earlier_import_of_its_year() -> None:
    first = read_notice(notice_bytes(2026, days=[{"date": "2026-03-02", "isOffDay": True}]))
    second = read_notice(notice_bytes(2026, days=[{"date": "2026-03-03", "isOffDay": True}]))
    calendar = Calendar((first, second))
    assert calendar.is_working_day(date(2026, 3, 2))
    assert not calendar.is_working_day(date(2026, 3, 3))
    assert calendar.is_working_day(date(2026, 10, 1)), "nothing of the base is left in an amended year"


def test_the_version_names_what_was_imported() -> None:
    notice = read_notice(notice_bytes())
    calendar = CALENDAR.with_notices([notice])
    assert calendar.version == f"{CALENDAR.version}+2027.{notice.sha256[:12]}"
    assert calendar == Calendar((notice,))


def test_a_moment_is_not_a_day() -> None:
    with pytest.raises(TypeError):
        CALENDAR.is_working_day(datetime(2026, 3, 2, tzinfo=timezone(timedelta(hours=8))))


def test_days_are_counted_from_one() -> None:
    with pytest.raises(ValueError, match="from 1"):
        CALENDAR.nth_working_day_after(date(2026, 3, 2), 0)


@pytest.mark.parametrize(
    ("raw", "code", "pointer"),
    [
        (b"{", "not_json", ""),
        (b"[" * 100_000, "not_json", ""),
        (b"[]", "type", ""),
        (notice_bytes(papers=[], days=[]), "not_published", "/papers"),
        (notice_bytes(number=""), "missing", "/number"),
        (notice_bytes(2027).replace(b": 2027", b": true"), "type", "/year"),
        (notice_bytes(days=[{"date": "2026-11-30", "isOffDay": True}]), "year", "/days/0/date"),
        (notice_bytes(days=[{"date": "2027-02-30", "isOffDay": True}]), "no_such_day", "/days/0/date"),
        (notice_bytes(days=[{"date": "20270101", "isOffDay": True}]), "type", "/days/0"),
        (notice_bytes(days=["2027-01-01"]), "type", "/days/0"),
        (notice_bytes(days=[{"date": "2028-01-01", "isOffDay": True}]), "year", "/days/0/date"),
        (notice_bytes(days=[{"date": "2027-01-01", "isOffDay": 1}]), "type", "/days/0/isOffDay"),
        (notice_bytes(days=[{"date": "2027-01-01", "isOffDay": True}] * 2), "duplicate", "/days/1/date"),
        (
            notice_bytes(days=[{"date": "2027-02-14", "isOffDay": off} for off in (True, False)]),
            "off_and_worked",
            "/days/1/date",
        ),
        (b'{"year": 2027, "year": 2028}', "not_json", ""),
        (notice_bytes(papers=[" "]), "source", "/papers/0"),
        (notice_bytes(papers="https://www.gov.cn"), "not_published", "/papers"),
    ],
)
def test_a_wrong_notice_is_refused_with_the_place_of_its_fault(raw: bytes, code: str, pointer: str) -> None:
    with pytest.raises(Refused) as refused:
        read_notice(raw)
    assert (pointer, code) in {(fault.pointer, fault.code) for fault in refused.value.faults}


def test_the_statutory_guess_for_2027() -> None:
    rest = {day.isoformat() for day in statutory_rest_days(2027)}
    assert {"2027-01-01", "2027-02-05", "2027-02-08", "2027-02-10", "2027-04-05", "2027-05-04", "2027-10-05"} <= rest
    assert len(rest) == 19
    assert CALENDAR.nth_working_day_after(date(2026, 12, 29), 3) == date(2027, 1, 4)
    assert CALENDAR.nth_working_day_after(date(2026, 12, 30), 3) == date(2027, 1, 5)


def test_the_guess_has_the_fixed_holidays_beyond_the_table_of_feasts() -> None:
    assert date(2050, 10, 3) in statutory_rest_days(2050)


def test_a_notice_is_plain_data() -> None:
    notice = Notice(2027, {date(2027, 1, 1): False}, "国办发明电〔2026〕1号", "https://www.gov.cn", "0" * 64)
    assert not Calendar((notice,)).is_working_day(date(2027, 1, 1))
