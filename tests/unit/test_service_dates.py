"""The service date: every rule of the confirmation letter's II.4, and every decision where the letter is silent."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from delivery.beijing import day_of
from delivery.calendars import Calendar, Notice, default_calendar
from delivery.rule_sets import RULES, read_rules, rule_book
from delivery.service_dates import ServiceFacts, answer, count_days, decide, recount
from delivery.service_facts import UpheldObjection
from records.errors import Permanent, Refused
from templates.manifests import manifest, manifests

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
LATER = "2027-06-01T00:00:00+08:00"
NOTICE_2027 = Notice(2027, {date(2027, 1, 1): False}, "国办发明电〔2026〕1号", "https://www.gov.cn", "a" * 64)


def ask(calendar: Calendar | None = None, **request: Any) -> dict[str, Any]:
    request.setdefault("instrument", "rectification-notice")
    request.setdefault("sent_at", "2026-03-02T10:00:00+08:00")
    result = answer(request, now=NOW, calendar=calendar)
    assert isinstance(result, dict)
    assert set(result) == {
        "service_date",
        "status",
        "basis",
        "deemed_date",
        "days",
        "reasons",
        "calendar_version",
        "rule_version",
    }
    if result["status"] != "final":
        assert result["service_date"] is None
        assert result["basis"] is None
    return result


def said(result: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in result["reasons"]}


def outcome(result: dict[str, Any]) -> tuple[str, str | None, str | None]:
    return result["status"], result["basis"], result["service_date"]


@pytest.mark.rule("D2", "LAW-6")
@pytest.mark.parametrize(
    ("sent", "deemed"),
    [
        ("2026-02-12", "2026-02-24"),  # Spring Festival, with the worked Saturday before it
        ("2026-02-13", "2026-02-25"),  # sent on a Friday before a worked Saturday
        ("2026-09-30", "2026-10-10"),  # National Day, with the worked Saturday after it
        ("2026-09-18", "2026-09-22"),  # worked Sunday
        ("2026-05-08", "2026-05-12"),  # worked Saturday
        ("2026-02-15", "2026-02-26"),  # sent on a rest day: belongs to that day, the next working day is day 1
        ("2026-03-07", "2026-03-11"),  # sent on a Saturday
        ("2026-02-14", "2026-02-26"),  # sent on a worked Saturday, which does not count
        ("2025-12-29", "2026-01-04"),  # across a year change that is published, onto a worked Sunday
    ],
)
def test_letter_ii4_without_confirmation_it_is_the_third_working_day_after_sending(sent: str, deemed: str) -> None:
    result = ask(sent_at=f"{sent}T10:00:00+08:00", as_of=LATER)
    assert outcome(result) == ("final", "deemed", deemed)
    assert result["deemed_date"] == deemed
    assert len(result["days"]) == 3
    assert result["days"][-1] == deemed
    assert "deemed" in said(result)


@pytest.mark.parametrize(
    ("as_of", "status"),
    [
        ("2026-03-05T23:59:59.999999+08:00", "pending"),
        ("2026-03-06T00:00:00+08:00", "final"),
        ("2026-03-05T16:00:00Z", "final"),
        ("2026-03-05T15:59:59Z", "pending"),
        ("2026-03-05T00:00:00+08:00", "pending"),
        ("2026-03-02T10:00:00+08:00", "pending"),
    ],
)
def test_the_third_working_day_must_have_ended_in_beijing(as_of: str, status: str) -> None:
    result = ask(as_of=as_of)
    assert result["status"] == status
    assert result["deemed_date"] == "2026-03-05"


@pytest.mark.rule("LAW-6")
@pytest.mark.parametrize(
    ("sent_at", "first_day"),
    [
        ("2026-03-02T23:59:59+08:00", "2026-03-03"),
        ("2026-03-03T00:00:00+08:00", "2026-03-04"),
        ("2026-03-02T15:59:59Z", "2026-03-03"),
        ("2026-03-02T16:00:00Z", "2026-03-04"),
        ("2026-03-02T08:00:00-08:00", "2026-03-04"),
        ("2026-03-03T01:00:00+14:00", "2026-03-03"),
    ],
)
def test_the_day_of_sending_is_the_day_in_beijing_whatever_the_offset(sent_at: str, first_day: str) -> None:
    assert ask(sent_at=sent_at)["days"][0] == first_day


@pytest.mark.rule("D1", "ESL-10")
@pytest.mark.parametrize(
    ("confirmed_at", "expected"),
    [
        ("2026-03-02T10:00:00+08:00", ("final", "confirmed", "2026-03-02")),
        ("2026-03-02T20:00:00+08:00", ("final", "confirmed", "2026-03-02")),
        ("2026-03-04T09:00:00+08:00", ("final", "confirmed", "2026-03-04")),
        ("2026-03-05T23:59:59+08:00", ("final", "confirmed", "2026-03-05")),
        ("2026-03-05T17:00:00Z", ("final", "deemed", "2026-03-05")),
        ("2026-03-09T09:00:00+08:00", ("final", "deemed", "2026-03-05")),
    ],
)
def test_letter_ii4_the_day_of_confirmation_counts_up_to_the_third_working_day(
    confirmed_at: str, expected: tuple[str, str, str]
) -> None:
    assert outcome(ask(confirmed_at=confirmed_at)) == expected


def test_a_confirmation_is_final_at_once_also_on_a_rest_day() -> None:
    result = ask(
        sent_at="2026-03-06T10:00:00+08:00", confirmed_at="2026-03-07T08:00:00+08:00", as_of="2026-03-07T08:00:00+08:00"
    )
    assert outcome(result) == ("final", "confirmed", "2026-03-07")
    assert result["deemed_date"] == "2026-03-11"


@pytest.mark.rule("D2")
def test_a_late_confirmation_is_on_record_and_changes_nothing() -> None:
    assert "confirmed-late" in said(ask(confirmed_at="2026-03-09T09:00:00+08:00"))


def test_what_happened_after_as_of_is_not_looked_at() -> None:
    request = {"confirmed_at": "2026-03-04T09:00:00+08:00"}
    before = ask(as_of="2026-03-04T08:59:59+08:00", **request)
    assert outcome(before) == ("pending", None, None)
    assert "later-not-looked-at" in said(before)
    assert outcome(ask(as_of="2026-03-04T09:00:00+08:00", **request)) == ("final", "confirmed", "2026-03-04")


def test_any_moment_may_be_asked_for_even_one_before_sending() -> None:
    result = ask(as_of="2026-03-01T00:00:00+08:00")
    assert outcome(result) == ("pending", None, None)
    assert result["deemed_date"] == "2026-03-05"
    assert "not-sent-yet" in said(result)


# --- the calendar ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("2026-12-21", "final"),  # 22, 23, 24 December
        ("2026-12-22", "provisional"),  # reaches 25 December
        ("2026-12-24", "provisional"),
        ("2026-12-28", "provisional"),
        ("2026-12-29", "provisional"),
        ("2026-12-31", "provisional"),
        ("2027-03-01", "provisional"),
        ("2003-03-03", "provisional"),
    ],
)
def test_a_count_that_needs_an_unpublished_notice_stays_provisional(sent: str, status: str) -> None:
    result = ask(sent_at=f"{sent}T10:00:00+08:00", as_of="2030-01-01T00:00:00+08:00")
    assert result["status"] == status
    assert ("calendar-not-published" in said(result)) == (status == "provisional")
    assert result["deemed_date"] is not None


def test_the_guess_across_the_year_knows_the_statutory_holidays() -> None:
    assert ask(sent_at="2026-12-29T10:00:00+08:00")["deemed_date"] == "2027-01-04"


def test_provisional_whatever_as_of_is() -> None:
    for as_of in ("2026-12-28T10:00:00+08:00", "2026-12-01T00:00:00+08:00", "2028-01-01T00:00:00+08:00"):
        assert ask(sent_at="2026-12-28T10:00:00+08:00", as_of=as_of)["status"] == "provisional"


@pytest.mark.parametrize(
    ("confirmed", "expected"),
    [
        ("2026-12-31T23:59:59+08:00", ("final", "confirmed", "2026-12-31")),
        ("2027-01-01T00:00:00+08:00", ("provisional", None, None)),
    ],
)
def test_a_confirmation_inside_the_guess_is_final_and_one_after_it_is_not(
    confirmed: str, expected: tuple[str, str | None, str | None]
) -> None:
    result = ask(sent_at="2026-12-28T10:00:00+08:00", confirmed_at=confirmed, as_of=LATER)
    assert result["deemed_date"] == "2026-12-31"
    assert outcome(result) == expected


def test_an_imported_notice_makes_the_date_final_and_names_itself() -> None:
    calendar = default_calendar().with_notices([NOTICE_2027])
    result = ask(calendar, sent_at="2026-12-29T10:00:00+08:00", as_of=LATER)
    assert outcome(result) == ("final", "deemed", "2027-01-04")
    assert result["calendar_version"].endswith("+2027.aaaaaaaaaaaa")


def test_a_passed_date_keeps_its_calendar_and_an_open_one_is_counted_anew() -> None:
    amended = Notice(2026, {date(2026, 3, 4): False}, "国办发明电〔2026〕9号", "https://www.gov.cn", "b" * 64)
    rules, old, new = rule_book().in_force(date(2026, 3, 2)), default_calendar(), Calendar((amended,))
    sent = datetime(2026, 3, 2, 2, tzinfo=UTC)
    stored = count_days(sent, old, rules)
    assert recount(stored, sent, datetime(2026, 3, 5, 16, tzinfo=UTC), new, rules) is stored
    moved = recount(stored, sent, datetime(2026, 3, 5, 15, 59, tzinfo=UTC), new, rules)
    assert moved.deemed_date == date(2026, 3, 6)
    facts = ServiceFacts(manifest("rectification-notice"), sent, datetime(2026, 3, 20, tzinfo=UTC))
    kept = decide(facts, new, rules, fixed=stored)
    assert (kept.service_date, kept.calendar_version) == (date(2026, 3, 5), old.version)
    assert decide(facts, new, rules).service_date == date(2026, 3, 6)


def test_a_guess_is_counted_anew_though_its_day_has_passed() -> None:
    rules = rule_book().in_force(date(2026, 12, 29))
    sent = datetime(2026, 12, 29, 2, tzinfo=UTC)
    stored = count_days(sent, default_calendar(), rules)
    calendar = default_calendar().with_notices([NOTICE_2027])
    assert recount(stored, sent, datetime(2027, 2, 1, tzinfo=UTC), calendar, rules).unsettled is None


def test_a_date_confirmed_inside_the_guess_stays_final_when_the_notice_makes_the_third_day_earlier() -> None:
    rules, sent = rule_book().in_force(date(2026, 12, 30)), datetime(2026, 12, 30, 2, tzinfo=UTC)
    confirmed = datetime(2027, 1, 5, 2, tzinfo=UTC)
    stored = count_days(sent, default_calendar(), rules)
    assert stored.deemed_date == date(2027, 1, 5)
    worked_sunday = Notice(
        2027, {date(2027, 1, 1): False, date(2027, 1, 3): True}, "1号", "https://www.gov.cn", "c" * 64
    )
    calendar = default_calendar().with_notices([worked_sunday])
    as_of = datetime(2027, 1, 8, tzinfo=UTC)
    assert recount(stored, sent, as_of, calendar, rules).deemed_date == date(2027, 1, 4)
    kept = recount(stored, sent, as_of, calendar, rules, confirmed_at=confirmed)
    assert kept is stored
    facts = ServiceFacts(manifest("rectification-notice"), sent, as_of, confirmed)
    found = decide(facts, calendar, rules, fixed=kept)
    assert (found.status, found.basis, found.service_date) == ("final", "confirmed", date(2027, 1, 5))


# --- the rule sets -----------------------------------------------------------------------------------------------


@pytest.mark.rule("ESL-11c")
def test_the_letter_in_force_at_sending_decides_two_letters_two_dates() -> None:
    text = RULES.read_text(encoding="utf-8")
    second = text.replace('"ses-letter-2018.1"', '"five-days"').replace("2018-07-30", "2026-06-01")
    book = read_rules(text + second.replace("working_days = 3 ", "working_days = 5 "))
    request = {"instrument": "rectification-notice", "as_of": LATER}
    for sent, rules, deemed in (
        ("2026-05-29", None, "2026-06-03"),
        ("2026-06-01", None, "2026-06-08"),
        ("2026-06-01", "ses-letter-2018.1", "2026-06-04"),
    ):
        result = answer({**request, "sent_at": f"{sent}T10:00:00+08:00", "rules": rules}, now=NOW, book=book)
        assert isinstance(result, dict)
        assert result["service_date"] == deemed
        assert result["rule_version"] == rules or sent < "2026-06-01" or result["rule_version"] == "five-days"


def test_before_the_letter_the_oldest_rules_are_used_and_it_is_said() -> None:
    result = ask(sent_at="2017-03-06T10:00:00+08:00")
    assert outcome(result) == ("final", "deemed", "2017-03-09")
    assert "before-the-letter" in said(result)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("working_days = 3 ", 'working_days = "3" ', "working_days"),
        ("working_days = 3 ", "working_days = 0 ", "working_days"),
        ("effective_from = 2018-07-30\n", "", "effective_from is missing"),
        ('zh = "本文书以纸质送达之日为准；截至{as_of}尚无', 'zh = "尚无', "both languages"),
        ("[rule_set.reasons.paper-served]\n", "[rule_set.reasons.paper-served]\nfr = ''\n", "citation, zh and en"),
        ("[[rule_set]]", "[[rule_sets]]", "no rule set"),
        ("[[rule_set]]", "[[rule_set]", "cannot be read"),
    ],
)
def test_wrong_rule_data_is_refused_by_name(old: str, new: str, message: str) -> None:
    text = RULES.read_text(encoding="utf-8")
    assert old in text
    changed = text.replace(old, new, 1)
    if new == "[[rule_sets]]":
        changed = 'other = "x"\n'
    with pytest.raises(Permanent, match=message):
        read_rules(changed)


def test_two_rule_sets_of_one_name_are_refused() -> None:
    text = RULES.read_text(encoding="utf-8")
    with pytest.raises(Permanent, match="stands twice"):
        read_rules(text + text)


def test_every_reason_has_a_citation_and_both_languages() -> None:
    for found in rule_book().sets.values():
        for wording in found.reasons.values():
            assert wording.citation
            assert wording.zh.endswith("。")
            assert wording.en.endswith(".")


# --- all instruments ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identifier", sorted(manifests()))
def test_every_instrument_has_an_answer_and_only_one_that_is_served_by_account_is_deemed(identifier: str) -> None:
    result = ask(instrument=identifier, as_of=LATER)
    found = manifest(identifier)
    if found.electronic and not found.important:
        assert outcome(result) == ("final", "deemed", "2026-03-05")
    else:
        assert outcome(result) == ("pending", None, None)
    if not found.served:
        assert said(result) == {"never-served"}
        assert result["days"] == []


def test_a_list_is_answered_in_order_and_a_wrong_item_in_its_place() -> None:
    good = {"instrument": "rectification-notice", "sent_at": "2026-03-02T10:00:00+08:00"}
    result = answer([good, {**good, "sent_at": "2026-03-02T10:00:00"}, good], now=NOW)
    assert isinstance(result, list)
    assert [("error" in item) for item in result] == [False, True, False]
    assert result[1]["error"]["code"] == "no_offset"
    assert result[1]["error"]["field"] == "sent_at"
    assert set(result[1]["error"]) == {"code", "field", "message"}
    assert answer([], now=NOW) == []


def test_now_stands_in_for_as_of() -> None:
    moment = datetime.now(UTC)
    result = answer({"instrument": "rectification-notice", "sent_at": moment.isoformat()})
    assert isinstance(result, dict)
    assert result["status"] in {"pending", "provisional"}


def test_a_moment_without_offset_belongs_to_no_day() -> None:
    with pytest.raises(ValueError, match="no day"):
        day_of(datetime(2026, 3, 2, 10))  # noqa: DTZ001 - that is the point


def test_facts_are_immutable() -> None:
    facts = ServiceFacts(manifest("rectification-notice"), NOW, NOW)
    assert replace(facts, paper_required=True).paper_counts
    with pytest.raises(AttributeError):
        facts.paper_required = True  # type: ignore[misc]


def test_one_wrong_request_is_refused() -> None:
    with pytest.raises(Refused):
        answer({}, now=NOW)


def test_every_decision_that_a_reason_cites_stands_in_the_page_for_readers() -> None:
    page = (Path(__file__).parents[2] / "docs" / "service-dates.md").read_text(encoding="utf-8")
    for found in rule_book().sets.values():
        for wording in found.reasons.values():
            for number in re.findall("《送达日期说明》([0-9]+)", wording.citation):
                assert f"\n{number}. **" in page.partition("## Decided where")[2]


@pytest.mark.rule("LAW-4")
@pytest.mark.parametrize("instrument", ["rectification-notice", "penalty-decision"])
def test_an_upheld_objection_sets_the_date_from_its_ruling_on(instrument: str) -> None:
    sent, ruled = datetime(2026, 3, 2, 2, tzinfo=UTC), datetime(2026, 3, 20, 2, tzinfo=UTC)
    facts = ServiceFacts(
        manifest(instrument), sent, ruled, upheld=UpheldObjection(ruled_at=ruled, served_on=date(2026, 3, 16))
    )
    rules = rule_book().in_force(date(2026, 3, 2))
    found = decide(facts, default_calendar(), rules)
    assert (found.status, found.basis, found.service_date) == ("final", "ruling", date(2026, 3, 16))
    assert "objection-upheld" in {reason.rule for reason in found.reasons}
    before = decide(replace(facts, as_of=ruled - timedelta(seconds=1)), default_calendar(), rules)
    assert before.basis != "ruling" and before == decide(
        replace(facts, as_of=ruled - timedelta(seconds=1), upheld=None), default_calendar(), rules
    )
