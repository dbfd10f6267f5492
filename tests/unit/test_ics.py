"""RFC 5545, read back by a reader that shares no code with the writer."""

from __future__ import annotations

from datetime import UTC, date, datetime

from hypothesis import given
from hypothesis import strategies as st

from delivery.ics import LINE, STATUSES, Entry, write_calendar
from tests.calendar_reader import read_calendar, unfolded

NOW = datetime(2026, 11, 23, 1, 0, 0, tzinfo=UTC)
TEXTS = st.text(st.characters(exclude_categories=["C"]), max_size=120)
ENTRIES = st.builds(
    Entry,
    uid=st.uuids().map(lambda each: f"{each}@songda"),
    sequence=st.integers(0, 9),
    changed_at=st.datetimes(timezones=st.just(UTC)).filter(lambda moment: moment.year > 1970),
    day=st.dates(date(1990, 1, 1), date(2190, 1, 1)),
    summary=TEXTS,
    description=TEXTS,
    status=st.sampled_from(STATUSES),
)


def test_rfc_5545_3_6_a_calendar_without_entries_is_still_one() -> None:
    found = read_calendar(write_calendar("期限", []))
    assert found["VEVENT"] == [] and found["VTIMEZONE"][0]["TZID"] == "Asia/Shanghai"


def test_rfc_5545_3_1_lines_are_folded_at_75_octets_and_no_letter_is_cut() -> None:
    entry = Entry("u@songda", 2, NOW, date(2026, 12, 8), "缴纳罚款" * 40, "x" * 300, "CONFIRMED")
    raw = write_calendar("期限", [entry])
    assert max(map(len, raw.split(b"\r\n"))) == LINE
    assert any(line.startswith(b"SUMMARY:") and len(line) > 400 for line in unfolded(raw))
    assert read_calendar(raw)["VEVENT"][0]["SUMMARY"] == "缴纳罚款" * 40


def test_rfc_5545_3_8_2_a_whole_day_ends_where_the_next_begins() -> None:
    (event,) = read_calendar(
        write_calendar("x", [Entry("u@songda", 0, NOW, date(2026, 12, 31), "a", "b", "TENTATIVE")])
    )["VEVENT"]
    assert (event["DTSTART"], event["DTEND"], event["DTSTAMP"]) == (date(2026, 12, 31), date(2027, 1, 1), NOW)


def test_control_and_format_characters_break_no_line() -> None:
    entry = Entry("u@songda", 0, NOW, date(2026, 12, 8), "a\r\nEND:VEVENT\x00\u202e;b,c\\", "d", "CONFIRMED")
    (event,) = read_calendar(write_calendar("x", [entry]))["VEVENT"]
    assert event["SUMMARY"] == "a\nEND:VEVENT;b,c\\"


@given(TEXTS, st.lists(ENTRIES, max_size=4, unique_by=lambda entry: entry.uid))
def test_what_is_written_is_read_back(name: str, entries: list[Entry]) -> None:
    found = read_calendar(write_calendar(name, entries))
    assert found["NAME"] == name
    for entry, event in zip(entries, found["VEVENT"], strict=True):
        assert (event["UID"], event["SEQUENCE"], event["STATUS"]) == (entry.uid, entry.sequence, entry.status)
        assert (event["SUMMARY"], event["DESCRIPTION"]) == (entry.summary, entry.description)
        assert event["DTSTART"] == entry.day and event["DTSTAMP"] == entry.changed_at.replace(microsecond=0)
