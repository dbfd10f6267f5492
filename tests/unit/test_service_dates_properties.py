"""What must hold of service dates whatever the facts are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.beijing import day_of, end_of
from delivery.calendars import default_calendar
from delivery.rule_sets import rule_book
from delivery.service_dates import PaperAttempt, ServiceDate, ServiceFacts, answer, decide
from templates.manifests import manifest

CALENDAR = default_calendar()
RULES = rule_book().sets["ses-letter-2018.1"]
INSTRUMENTS = ["rectification-notice", "compulsory-measures-decision", "demand-letter", "closing-report"]
START = datetime(2025, 12, 1, tzinfo=UTC)
MINUTES = st.integers(0, 480 * 24 * 60)


def moment(minutes: int) -> datetime:
    return START + timedelta(minutes=minutes)


@st.composite
def cases(draw: st.DrawFn) -> ServiceFacts:
    instrument = manifest(draw(st.sampled_from(INSTRUMENTS)))
    sent = moment(draw(MINUTES))
    after = st.integers(0, 20 * 24 * 60)
    confirmed = draw(st.none() | after)
    paper: list[PaperAttempt] = []
    for _ in range(draw(st.integers(0, 3)) if instrument.methods else 0):
        offset = draw(st.none() | st.integers(-5, 25))
        day = None if offset is None else day_of(sent) + timedelta(days=offset)
        unknown = day is None and draw(st.booleans())
        paper.append(PaperAttempt(draw(st.sampled_from(instrument.methods)), day, draw(st.booleans()), unknown))
    return ServiceFacts(
        instrument,
        sent,
        sent + timedelta(minutes=draw(st.integers(-3 * 24 * 60, 30 * 24 * 60))),
        None if confirmed is None else sent + timedelta(minutes=confirmed),
        draw(st.booleans()),
        tuple(paper),
    )


def found(facts: ServiceFacts) -> ServiceDate:
    return decide(facts, CALENDAR, RULES)


@given(cases(), st.integers(0, 40 * 24 * 60))
def test_a_final_date_stays_final_and_the_same(facts: ServiceFacts, minutes: int) -> None:
    first = found(facts)
    later = found(replace(facts, as_of=facts.as_of + timedelta(minutes=minutes)))
    if first.status == "final":
        assert (later.status, later.basis, later.service_date) == ("final", first.basis, first.service_date)
    assert later.days == first.days


@given(cases())
def test_only_a_final_answer_has_a_date_and_a_basis(facts: ServiceFacts) -> None:
    answer = found(facts)
    assert (answer.status == "final") == (answer.service_date is not None) == (answer.basis is not None)
    assert answer.reasons
    assert (answer.deemed_date is None) == (answer.days == ())


@given(cases())
def test_no_date_lies_in_the_future_of_its_moment(facts: ServiceFacts) -> None:
    answer = found(facts)
    if answer.service_date is not None:
        assert answer.service_date <= day_of(facts.as_of)
    if answer.basis == "deemed" and answer.service_date is not None:
        assert end_of(answer.service_date) <= facts.as_of


@pytest.mark.rule("D1", "D2")
@given(cases())
def test_an_electronic_date_lies_between_sending_and_the_deemed_day(facts: ServiceFacts) -> None:
    answer = found(facts)
    if answer.basis in ("confirmed", "deemed"):
        assert facts.sent_at is not None
        assert answer.service_date is not None
        assert answer.deemed_date is not None
        assert day_of(facts.sent_at) <= answer.service_date <= answer.deemed_date
    assert answer.basis != "paper" or facts.paper_counts
    assert answer.basis in (None, "paper") or not facts.paper_counts


@given(cases(), st.integers(1, 60 * 24 * 60))
def test_what_happens_later_does_not_change_an_earlier_answer(facts: ServiceFacts, minutes: int) -> None:
    event = facts.as_of + timedelta(minutes=minutes)
    before = found(facts)
    if facts.confirmed_at is None and facts.sent_at is not None and event >= facts.sent_at:
        assert _core(found(replace(facts, confirmed_at=event))) == _core(before)
    if facts.instrument.methods and day_of(event) > day_of(facts.as_of):
        more = (*facts.paper, PaperAttempt("direct", day_of(event)))
        assert _core(found(replace(facts, paper=more))) == _core(before)


def _core(answer: ServiceDate) -> tuple[Any, ...]:
    return answer.service_date, answer.status, answer.basis, answer.deemed_date, answer.days


@given(cases(), st.integers(-14 * 60, 14 * 60), st.integers(-14 * 60, 14 * 60))
def test_the_callers_offset_does_not_matter(facts: ServiceFacts, first: int, second: int) -> None:
    assert facts.sent_at is not None
    one, other = timezone(timedelta(minutes=first)), timezone(timedelta(minutes=second))
    moved = replace(
        facts,
        sent_at=facts.sent_at.astimezone(one),
        as_of=facts.as_of.astimezone(other),
        confirmed_at=facts.confirmed_at and facts.confirmed_at.astimezone(other),
    )
    assert found(moved) == found(facts)


@given(MINUTES, st.integers(0, 10 * 24 * 60))
def test_sending_later_never_makes_the_deemed_day_earlier(minutes: int, more: int) -> None:
    first, second = (
        found(ServiceFacts(manifest("rectification-notice"), moment(sent), moment(0))).deemed_date
        for sent in (minutes, minutes + more)
    )
    assert first is not None
    assert second is not None
    assert first <= second


@settings(max_examples=50)
@given(cases())
def test_the_answer_over_json_is_the_same_and_recomputing_changes_nothing(facts: ServiceFacts) -> None:
    request = {
        "instrument": facts.instrument.id,
        "sent_at": facts.sent_at and facts.sent_at.isoformat(),
        "confirmed_at": facts.confirmed_at and facts.confirmed_at.isoformat(),
        "paper_required": facts.paper_required,
        "paper": [
            {
                "method": each.method,
                "served_on": each.served_on and each.served_on.isoformat(),
                "consent": each.consent,
                "date_unknown": each.date_unknown,
            }
            for each in facts.paper
        ],
        "as_of": facts.as_of.isoformat(),
    }
    assert answer(request) == found(facts).as_dict() == found(facts).as_dict()
