"""Every limit of the seeds and of the law: unit, start, roll, and what is not known yet, by hand-counted examples."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from delivery.calendars import Calendar, Notice, default_calendar
from delivery.deadline_rules import limit_book
from delivery.deadlines import answer

NOW = datetime(2026, 12, 31, 4, tzinfo=UTC)
NOTICE_2027 = Notice(2027, {date(2027, 1, 1): False}, "国办发明电〔2026〕1号", "https://www.gov.cn", "a" * 64)
SEED = "procedure-004.1"
SIMPLE = ("simple_reconsideration",)
EXTENDED = ("seizure_extended",)
PRESERVED = "evidence-preservation-notice"
ORDINARY, HEARING = "penalty-prior-notice", "hearing-rights-notice"
DECISION, SPOT, SEIZURE = "penalty-decision", "on-the-spot-decision", "compulsory-measures-decision"


def ask(
    instrument: str | None = None,
    *circumstances: str,
    rules: str | None = None,
    calendar: Calendar | None = None,
    **events: str,
) -> dict[str, dict[str, Any]]:
    request = {
        "instrument": instrument,
        "events": events or None,
        "circumstances": list(circumstances),
        "authority": "caac-north-china",
        "rules": rules,
    }
    found = answer(request, now=NOW, calendar=calendar or default_calendar())
    assert isinstance(found, dict)
    return {each["id"]: each for each in found["deadlines"]}


def said(limit: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in limit["reasons"]}


def case(marks: str, limit: str, last: str, on: str | None = None, flags: tuple[str, ...] = (), **more: Any) -> Any:
    """A row of the tables: `marks` are the rules proved."""
    rules, status = more.pop("rules", None), more.pop("status", "fixed")
    name = f"{limit}{'-004' if rules else ''}-{'-'.join(more.values())}"
    row = (limit, on, flags, rules, more, last, status)
    return pytest.param(*row, id=name, marks=pytest.mark.rule(*marks.split()))


#: By hand from the notices of 2026. Off: 15 to 23 February, 4 to 6 April, 1 to 5 May, 25 to 27 September, 1 to 7
#: October; worked: 14 and 28 February, 9 May, 20 September, 10 October.
BY_HAND = [
    case("N2 N29", "handover-answer", "2026-02-24", handover_requested="2026-02-12"),
    case("N7", "on-the-spot-copies", "2026-09-21", penalised="2026-09-18"),
    case("N7", "on-the-spot-copies", "2026-09-21", penalised="2026-09-16", trip_ended="2026-09-18"),
    case("N9", "collected-fine", "2026-10-09", collected="2026-09-30", trip_ended="2026-10-08"),
    case("N9", "collected-fine", "2026-10-10", collected="2026-09-30", landed="2026-10-08"),
    case("N9", "collected-fine", "2026-10-10", rules=SEED, collected="2026-09-30", trip_ended="2026-10-08"),
    case("N9", "fine-to-bank", "2026-10-09", handed_in="2026-09-30"),
    case("N11", "preserved-evidence", "2026-05-13", on=PRESERVED, preserved="2026-04-30"),
    case("N11", "preserved-evidence", "2026-05-13", on=PRESERVED, made="2026-04-30"),
    case("N12", "file-handover", "2026-11-25", investigation_ended="2026-11-20"),
    case("N14", "file-return", "2026-11-24", file_received="2026-11-20"),
    case("N15", "legal-review", "2026-12-01", file_received="2026-11-20"),
    case("N16", "statement", "2026-02-25", on=ORDINARY, served="2026-02-11"),
    case("N17", "approval-submission", "2026-02-27", on=ORDINARY, heard="2026-02-13", served="2026-02-11"),
    case("N17", "approval-submission", "2026-03-03", on=ORDINARY, served="2026-02-11"),
    case("N18", "limitation", "2026-02-28", violation_ended="2024-03-01"),
    case("N18", "limitation", "2026-02-28", violation_ended="2024-02-29"),
    case("N18", "limitation", "2025-02-28", violation_ended="2023-03-01"),
    case("N18", "limitation-serious", "2026-10-31", flags=("serious_harm",), violation_ended="2021-11-01"),
    case("N20 LAW-9", "hearing-request", "2026-02-25", on=HEARING, served="2026-02-11"),
    case("N20", "hearing-request", "2026-02-14", on=HEARING, rules=SEED, served="2026-02-11"),
    case("N20", "hearing-request", "2021-07-19", on=HEARING, served="2021-07-14"),
    case("N20", "hearing-request", "2021-07-22", on=HEARING, served="2021-07-15"),
    case("N21", "hearing-notice-service", "2026-12-03", on="hearing-notice", hearing="2026-12-14"),
    case("N21", "hearing-notice-service", "2026-09-24", on="hearing-notice", hearing="2026-10-12"),
    case("N22", "hearing-report", "2026-11-26", hearing_ended="2026-11-23"),
    case("N23", "decision-after-hearing-rights", "2026-11-30", on=HEARING, served="2026-11-23"),
    case("N23", "decision-after-hearing-rights", "2026-11-26", on=HEARING, rules=SEED, served="2026-11-23"),
    case("N24", "repeat-window", "2026-06-09", earlier_violation="2024-06-10"),
    case("N25", "decision-making", "2026-10-08", approved="2026-09-30"),
    case("N25", "decision-service", "2026-10-13", on=DECISION, made="2026-09-30"),
    case("N26 LAW-9", "payment", "2026-12-08", on=DECISION, served="2026-11-23"),
    case("N26 LAW-6", "payment", "2026-10-08", on=DECISION, served="2026-09-18"),
    case("N26 LAW-6", "payment", "2026-09-20", on=DECISION, served="2026-09-04"),  # to a worked Sunday
    case("N26 LAW-6", "payment", "2026-05-09", on=SPOT, served="2026-04-24"),  # a worked Saturday stays
    case("N26 N29", "payment", "2026-11-23", on=DECISION, rules=SEED, served="2026-11-02"),
    case("N27", "additional-fine", "2027-01-11", on=DECISION, served="2026-11-23"),
    case("N28", "closing-report", "2026-12-18", executed="2026-12-11"),
    case("N28", "closing-report", "2026-12-25", executed="2026-12-18", status="provisional"),
    case("LAW-1 LAW-9", "absent-party-service", "2026-02-27", on=DECISION, announced="2026-02-11"),
    case("LAW-9", "case-decision", "2026-04-05", filed="2026-01-05"),  # a Sunday: calendar days, not rolled
    case("LAW-9 LAW-10", "reconsideration", "2026-03-06", on=DECISION, served="2026-01-05"),
    case("LAW-6 LAW-10", "reconsideration", "2026-10-08", on=SPOT, served="2026-08-03"),
    case("LAW-11", "litigation", "2026-02-28", on=DECISION, served="2025-08-31"),  # a worked Saturday
    case("LAW-11", "litigation", "2025-10-09", on=DECISION, served="2025-04-04"),
    case("LAW-6", "litigation-after-reconsideration", "2026-02-24", reconsideration_decision_received="2026-01-31"),
    case("LAW-11", "litigation-after-reconsideration", "2026-01-27", reconsideration_expired="2026-01-12"),
    case("LAW-11", "litigation-obstacle", "2026-10-08", obstacle_ended="2026-09-24"),
    case("LAW-9", "reconsideration-reply", "2026-11-16", application_received="2026-11-02"),
    case("LAW-9", "reconsideration-reply", "2023-11-13", application_received="2023-11-01"),  # calendar days then
    case("LAW-9", "reconsideration-reply-simple", "2026-11-09", flags=SIMPLE, application_received="2026-11-02"),
    case("LAW-9", "reconsideration-forward", "2026-11-09", reconsideration_filed_here="2026-11-02"),
    case("LAW-9", "enforcement-after-demand", "2026-10-09", on="demand-letter", served="2026-09-18"),
    case("LAW-9", "enforcement-application", "2026-03-30", on=DECISION, served="2025-06-30"),
    case("LAW-9", "enforcement-application", "2026-04-15", on=DECISION, deferral_ended="2026-01-15"),
    case("LAW-9", "enforcement-application", "2026-06-08", on=SPOT, served="2026-01-05"),
    case("LAW-9", "seizure", "2026-02-18", on=SEIZURE, seized="2026-01-20"),
    case("LAW-9", "seizure-extended", "2026-03-20", on=SEIZURE, flags=EXTENDED, seized="2026-01-20"),
    case("LAW-13", "publication-withdrawal", "2026-10-10", annulled="2026-09-30"),
]  # fmt: skip


@pytest.mark.parametrize(("limit", "on", "flags", "rules", "events", "last", "status"), BY_HAND)
def test_the_last_day_by_hand(
    limit: str,
    on: str | None,
    flags: tuple[str, ...],
    rules: str | None,
    events: dict[str, str],
    last: str,
    status: str,
) -> None:
    found = ask(on, *flags, rules=rules, **events)[limit]
    assert (found["last_day"], found["status"]) == (last, status)
    assert found["citation"] and found["reasons"][0]["citation"] == found["citation"]


def test_every_limit_has_an_example() -> None:
    assert {row.values[0] for row in BY_HAND} == set(limit_book().limit_ids())


@pytest.mark.rule("N29", "LAW-9")
def test_each_limit_carries_its_own_unit() -> None:
    """004-106 counts working days; the law only for two, three, five and seven days (强制法 up to ten)."""
    book = limit_book()
    for limit in book.sets[SEED].limits.values():
        assert limit.unit == ("years" if limit.id in ("limitation", "repeat-window") else "working_days"), limit.id
    newest = book.sets["law-2024.1"].limits
    for limit in newest.values():
        if limit.unit in ("working_days", "calendar_days"):
            by_law = {"enforcement-after-demand": 10, "reconsideration-reply": 10}
            assert (limit.unit == "working_days") == (limit.count in (2, 3, 5, 7) or limit.id in by_law), limit.id


@pytest.mark.rule("N26", "N29", "LAW-9")
def test_the_same_fine_is_due_by_two_counts() -> None:
    seed, law = (ask(DECISION, rules=rules, served="2026-11-23")["payment"] for rules in (SEED, "law-2024.1"))
    assert (seed["unit"], seed["last_day"]) == ("working_days", "2026-12-14")
    assert (law["unit"], law["last_day"]) == ("calendar_days", "2026-12-08")
    assert "004-84" in seed["citation"] and "处罚法 66、67" in law["citation"]


@pytest.mark.rule("N20", "N23")
def test_the_law_counts_before_the_procedure_where_both_speak() -> None:
    found = ask(HEARING, served="2026-11-23")
    assert {each["rule_version"] for each in found.values()} == {"law-2021.1"}
    assert found["decision-after-hearing-rights"]["earliest"] == "2026-12-01"
    seed = ask(HEARING, rules=SEED, served="2026-11-23")
    assert seed["decision-after-hearing-rights"]["earliest"] == "2026-11-27"


@pytest.mark.rule("LAW-10")
def test_a_penalty_on_the_spot_goes_to_reconsideration_first_since_2024() -> None:
    assert "litigation" not in ask(SPOT, served="2026-01-05")
    assert "litigation" in ask(SPOT, served="2023-12-29")


@pytest.mark.rule("LAW-11")
def test_after_reconsideration_only_the_fifteen_days_run() -> None:
    found = ask(DECISION, served="2026-01-05", reconsideration_decision_received="2026-05-06")
    assert "litigation" not in found
    assert found["litigation-after-reconsideration"]["last_day"] == "2026-05-21"
    assert found["enforcement-application"]["event"] == "end:litigation-after-reconsideration"
    assert found["enforcement-application"]["last_day"] == "2026-08-21"


# --- remedies that were not told


@pytest.mark.rule("LAW-10", "LAW-11")
@pytest.mark.parametrize("limit", ["reconsideration", "litigation"])
def test_remedies_not_told_run_from_the_telling_and_a_year_at_the_longest(limit: str) -> None:
    untold = ask(DECISION, "remedies_not_told", served="2025-03-03")[limit]
    assert (untold["last_day"], untold["status"]) == ("2026-03-03", "fixed")
    assert {"untold", "longest"} <= said(untold)
    soon = ask(DECISION, "remedies_not_told", served="2025-03-03", remedies_learnt="2025-03-10")[limit]
    assert soon["last_day"] == {"reconsideration": "2025-05-09", "litigation": "2025-09-10"}[limit]
    late = ask(DECISION, "remedies_not_told", served="2025-03-03", remedies_learnt="2026-02-27")[limit]
    assert late["last_day"] == "2026-03-03"


@pytest.mark.rule("LAW-10")
def test_a_year_that_ends_in_a_year_without_a_notice_is_provisional() -> None:
    asked = {"served": "2026-02-27"}
    untold = ask(DECISION, "remedies_not_told", **asked)["reconsideration"]
    assert (untold["last_day"], untold["status"]) == ("2027-03-01", "provisional")  # 27 February 2027 is a Saturday
    assert "calendar-not-published" in said(untold)
    published = ask(DECISION, "remedies_not_told", calendar=default_calendar().with_notices([NOTICE_2027]), **asked)
    assert published["reconsideration"]["status"] == "fixed"


# --- what is not known yet


@pytest.mark.rule("LAW-6")
def test_a_year_without_a_notice_is_a_state_until_it_is_published() -> None:
    guess = ask(DECISION, served="2026-11-23")
    assert {name: guess[name]["status"] for name in ("payment", "reconsideration", "litigation")} == {
        "payment": "fixed",
        "reconsideration": "provisional",
        "litigation": "provisional",
    }
    assert guess["enforcement-application"]["status"] == "provisional"
    assert "rests-on-provisional" in said(guess["enforcement-application"])
    known = ask(DECISION, calendar=default_calendar().with_notices([NOTICE_2027]), served="2026-11-23")
    assert {each["status"] for each in known.values()} == {"fixed", "not_begun"}


@pytest.mark.rule("LAW-6")
def test_the_last_days_of_december_wait_for_the_next_notice() -> None:
    assert ask(ORDINARY, served="2026-12-17")["statement"]["status"] == "fixed"  # ends on the 24th
    assert ask(ORDINARY, served="2026-12-18")["statement"]["status"] == "provisional"


def test_a_period_that_does_not_roll_needs_no_calendar() -> None:
    assert ask(SEIZURE, seized="2026-12-20")["seizure"] | {"reasons": []} == ask(
        SEIZURE, calendar=default_calendar().with_notices([NOTICE_2027]), seized="2026-12-20"
    )["seizure"] | {
        "reasons": [],
        "calendar_version": default_calendar().version,
    }


# --- knowledge


@pytest.mark.rule("LAW-10", "LAW-11")
def test_once_opened_no_page_may_say_that_no_period_runs() -> None:
    found = ask(DECISION, made="2026-11-18", accessed="2026-11-20")
    party = {name: each["status"] for name, each in found.items() if each["who"] == "party" and each["event"] == ""}
    assert party == dict.fromkeys(("payment", "reconsideration", "litigation"), "may_have_begun") | {
        "additional-fine": "not_begun"
    }
    assert found["payment"]["may_end_on"] == found["payment"]["last_day"] == "2026-12-07"  # the 5th is a Saturday
    assert "may-have-begun" in said(found["reconsideration"])
    assert found["enforcement-application"]["status"] == "not_begun"


@pytest.mark.rule("LAW-10")
def test_an_opening_before_the_service_stands_beside_the_fixed_date() -> None:
    found = ask(DECISION, accessed="2026-11-20", served="2026-11-23")["payment"]
    assert (found["status"], found["last_day"]) == ("fixed", "2026-12-08")
    assert (found["may_have_begun_on"], found["may_end_on"]) == ("2026-11-20", "2026-12-07")
    after = ask(DECISION, accessed="2026-11-24", served="2026-11-23")["payment"]
    assert after["may_have_begun_on"] is None


def test_nothing_begins_before_anything_happened() -> None:
    found = ask(DECISION)
    assert {each["status"] for each in found.values()} == {"not_begun"}
    assert all(each["last_day"] is None and "not-begun" in said(each) for each in found.values())


def test_what_happened_after_the_moment_asked_for_is_not_looked_at() -> None:
    request = {"instrument": DECISION, "events": {"served": "2026-11-23"}, "as_of": "2026-11-22T23:59:59+08:00"}
    found = answer(request, now=NOW)
    assert isinstance(found, dict)
    assert {each["status"] for each in found["deadlines"]} == {"not_begun"}
    request["as_of"] = "2026-11-23T00:00:00+08:00"
    found = answer(request, now=NOW)
    assert isinstance(found, dict)
    assert "fixed" in {each["status"] for each in found["deadlines"]}


def test_what_was_done_is_told() -> None:
    found = ask(DECISION, made="2026-11-18", served="2026-11-23")["decision-service"]
    assert (found["last_day"], found["met_on"]) == ("2026-11-25", "2026-11-23")
    assert "met" in said(found)


def test_a_penalty_without_a_fine_has_nothing_to_pay() -> None:
    with_fine, without = ask(DECISION, served="2026-01-05"), ask(DECISION, "no_fine", served="2026-01-05")
    assert set(with_fine) - set(without) == {"payment", "additional-fine"}


def test_a_procedure_is_its_own_authoritys() -> None:
    request = {"instrument": ORDINARY, "events": {"served": "2026-02-11"}}
    here = answer(request, now=NOW, authority="caac-north-china")
    there = answer(request, now=NOW, authority="elsewhere")
    assert isinstance(here, dict)
    assert isinstance(there, dict)
    assert [each["id"] for each in here["deadlines"]] == ["statement", "approval-submission"]
    assert there["deadlines"] == []


def test_each_reason_is_written_in_both_languages() -> None:
    for row in BY_HAND:
        limit, on, flags, rules, events, *_ = row.values
        for reason in ask(on, *flags, rules=rules, **events)[limit]["reasons"]:
            assert reason["citation"] and reason["text_zh"] and reason["text_en"]
            assert "{" not in reason["text_zh"] + reason["text_en"]
