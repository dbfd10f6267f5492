"""What must hold of limits whatever the dates are, and against counts made without the engine."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from chinese_calendar import get_workdays, is_workday
from dateutil.relativedelta import relativedelta
from hypothesis import given
from hypothesis import strategies as st

from delivery.calendars import default_calendar
from delivery.deadline_facts import LimitFacts
from delivery.deadline_rules import AFTER, LimitRule, limit_book
from delivery.deadlines import Limit, compute, reasons_of
from templates.manifests import manifests

BOOK, CALENDAR = limit_book(), default_calendar()
DAY = timedelta(days=1)
AS_OF = datetime(2026, 12, 31, tzinfo=UTC)
DAYS = st.dates(date(2021, 8, 1), date(2026, 6, 30))
EVENTS = st.sampled_from(sorted(BOOK.events))
PLAIN = [
    (set_id, rule)
    for set_id, found in BOOK.sets.items()
    for rule in found.limits.values()
    if not rule.start[0].startswith(AFTER)
]
rules = st.sampled_from(PLAIN)


def limit_from(set_id: str, rule: LimitRule, start: date) -> Limit:
    """The limit of the rule when its first event happened on `start`."""
    circumstances = frozenset(name for name, wanted in rule.when.items() if wanted)
    instrument = manifests()[min(rule.on)] if rule.on else None
    facts = LimitFacts({rule.start[0]: start}, AS_OF, instrument, circumstances, None, set_id)
    return next(each for each in compute(facts, CALENDAR, BOOK) if each.rule.id == rule.id)


def end(set_id: str, rule: LimitRule, start: date) -> date:
    last = limit_from(set_id, rule, start).last_day
    assert last is not None
    return last


@given(rules, DAYS, st.integers(0, 40))
def test_a_later_start_never_ends_earlier(named: tuple[str, LimitRule], start: date, later: int) -> None:
    assert end(*named, start) <= end(*named, start + timedelta(days=later))


@pytest.mark.rule("LAW-6")
@given(rules, DAYS)
def test_a_limit_that_rolls_never_ends_on_a_day_off(named: tuple[str, LimitRule], start: date) -> None:
    limit = limit_from(*named, start)
    assert limit.period is not None
    if named[1].rolls or named[1].unit == "working_days":
        assert is_workday(limit.period.last_day)
    if limit.period.last_day != limit.period.raw_end:
        between = (limit.period.last_day - limit.period.raw_end).days
        assert not any(is_workday(limit.period.raw_end + timedelta(days=offset)) for offset in range(between))


@pytest.mark.rule("N29", "LAW-9")
@given(rules, DAYS)
def test_working_days_agree_with_an_independent_count(named: tuple[str, LimitRule], start: date) -> None:
    rule = named[1]
    if rule.unit != "working_days":
        return
    last = end(*named, start)
    first, final = (last, start - DAY) if rule.kind == "before" else (start + DAY, last)
    assert len(get_workdays(first, final)) == rule.count and is_workday(last)


@pytest.mark.rule("LAW-6", "LAW-9")
@given(rules, DAYS)
def test_months_and_years_agree_with_an_independent_count(named: tuple[str, LimitRule], start: date) -> None:
    rule = named[1]
    limit = limit_from(*named, start)
    if rule.unit == "working_days" or rule.start_counts or limit.period is None:
        return
    names = {"calendar_days": "days", "months": "months", "years": "years"}
    assert limit.period.raw_end == start + relativedelta(**{names[rule.unit]: rule.count})


@pytest.mark.rule("LAW-6")
@given(rules, DAYS)
def test_the_day_of_the_event_does_not_count(named: tuple[str, LimitRule], start: date) -> None:
    limit = limit_from(*named, start)
    assert limit.period is not None
    assert start not in limit.period.days
    if named[1].kind != "before":
        assert limit.period.last_day > start


@given(st.sampled_from(sorted(manifests())), st.dictionaries(EVENTS, DAYS, max_size=6), st.booleans())
def test_whatever_happened_each_limit_has_a_status_and_reasons(
    instrument: str, events: dict[str, date], untold: bool
) -> None:
    circumstances = frozenset({"remedies_not_told"} if untold else ())
    found = compute(LimitFacts(events, AS_OF, manifests()[instrument], circumstances), CALENDAR, BOOK)
    assert len({limit.rule.id for limit in found}) == len(found)
    for limit in found:
        assert (limit.last_day is None) == (limit.status == "not_begun")
        assert (limit.status == "may_have_begun") <= (limit.rule.who == "party" and "accessed" in events)
        assert reasons_of(limit, BOOK)
        if limit.longest is not None and limit.last_day is not None:
            assert limit.last_day <= limit.longest


@given(DAYS, st.integers(1, 60))
def test_what_was_opened_before_may_end_no_later_than_what_was_served(served: date, before: int) -> None:
    events = {"served": served, "accessed": served - timedelta(days=before)}
    for limit in compute(LimitFacts(events, AS_OF, manifests()["penalty-decision"]), CALENDAR, BOOK):
        if limit.known is not None and limit.period is not None:
            assert limit.known.last_day <= limit.period.last_day
