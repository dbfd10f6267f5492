"""A date that the paper does not tell: never guessed, never overtaken (民诉法 87; docs/service-dates.md, 11)."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.calendars import default_calendar
from delivery.paper import OUTCOMES, PaperRecord
from delivery.paper_rules import lacking
from delivery.rule_sets import rule_book
from delivery.scanner import said_of_day
from delivery.service_dates import PaperAttempt, ServiceFacts, answer, decide
from delivery.service_facts import UpheldObjection
from delivery.volumes import Bound, Cover, Paper, front_html, order
from records.errors import Refused
from templates.manifests import manifest
from tests.unit.test_paper import check, faults, record
from tests.unit.test_service_dates_paper import IMPORTANT, NOW, ask, on, said
from tests.unit.test_service_dates_properties import cases, found

UNKNOWN = {"method": "direct", "served_on": None, "date_unknown": True, "date_note": "水渍"}
ORDINARY = "rectification-notice"


# --- the service date


@pytest.mark.rule("D3", "LAW-7")
@pytest.mark.parametrize(
    ("instrument", "confirmed", "paper", "status", "day"),
    [
        (IMPORTANT, None, [], "pending", None),
        (IMPORTANT, None, [UNKNOWN], "provisional", None),
        (IMPORTANT, "2026-03-03", [UNKNOWN], "provisional", None),
        (IMPORTANT, None, [on("post", None), UNKNOWN], "provisional", None),
        (IMPORTANT, None, [on("post", "2026-03-20")], "final", "2026-03-20"),
        (IMPORTANT, None, [on("post", "2026-03-20"), UNKNOWN], "provisional", None),
        (IMPORTANT, None, [UNKNOWN, on("post", "2026-03-20")], "provisional", None),
        (IMPORTANT, "2026-03-03", [on("post", "2026-03-02"), UNKNOWN], "provisional", None),
        (IMPORTANT, None, [UNKNOWN, UNKNOWN], "provisional", None),
        (ORDINARY, None, [UNKNOWN], "final", "2026-03-05"),
        (ORDINARY, "2026-03-03", [UNKNOWN], "final", "2026-03-03"),
        (ORDINARY, "2026-03-03", [on("post", "2026-03-02"), UNKNOWN], "final", "2026-03-03"),
        ("demand-letter", None, [UNKNOWN], "provisional", None),
    ],
)
def test_an_unknown_day_on_paper_holds_back_the_date_of_paper_and_no_other(
    instrument: str, confirmed: str | None, paper: list[dict[str, Any]], status: str, day: str | None
) -> None:
    confirmed_at = f"{confirmed}T10:00:00+08:00" if confirmed else None
    result = ask(instrument=instrument, confirmed_at=confirmed_at, paper=paper)
    assert (result["status"], result["service_date"]) == (status, day)
    assert ("paper-date-unknown" in said(result)) == (status == "provisional")
    assert ("courtesy-date-unknown" in said(result)) == (instrument == ORDINARY)


def test_the_reason_says_what_is_wrong_with_the_date_and_that_the_other_may_be_later() -> None:
    result = ask(paper=[UNKNOWN, on("post", "2026-03-20")])
    texts = {each["rule"]: (each["text_zh"], each["text_en"]) for each in result["reasons"]}
    assert all("水渍" in text for text in texts["paper-date-unknown"])
    assert "2026年3月20日" in texts["paper-date-may-be-earlier"][0]
    assert "paper-served" not in texts and "paper-awaited" not in texts


def test_an_attempt_that_is_no_service_holds_nothing_back_whatever_its_day() -> None:
    fax = {**UNKNOWN, "method": "fax"}
    result = ask(paper=[fax, on("post", "2026-03-20")])
    assert result["service_date"] == "2026-03-20"
    (reason,) = (each for each in result["reasons"] if each["rule"] == "fax-without-consent")
    assert reason["text_zh"].startswith("日期不明的传真")
    post = {**UNKNOWN, "method": "post"}
    assert ask(instrument="demand-letter", paper=[post])["status"] == "pending", "served directly first"
    after = ask(instrument="demand-letter", paper=[UNKNOWN, on("post", "2026-03-20")])
    assert after["status"] == "provisional", "service on an unknown day is no direct attempt that failed"
    assert "direct-first" in said(after)


def test_a_ruling_sets_the_day_all_the_same() -> None:
    facts = ServiceFacts(manifest(IMPORTANT), NOW, NOW, paper=(PaperAttempt("direct", None, date_unknown=True),))
    ruled = replace(facts, upheld=UpheldObjection(NOW - timedelta(hours=1), date(2026, 3, 9)))
    book = rule_book().in_force(date(2026, 3, 2))
    assert decide(facts, default_calendar(), book).status == "provisional"
    assert decide(ruled, default_calendar(), book).service_date == date(2026, 3, 9)


@pytest.mark.rule("D3")
@given(cases(), st.data())
def test_an_unknown_day_never_moves_a_date_it_only_holds_one_back(facts: ServiceFacts, data: st.DataObject) -> None:
    if not facts.instrument.methods:
        return
    method = data.draw(st.sampled_from(facts.instrument.methods))
    unknown = PaperAttempt(method, None, data.draw(st.booleans()), date_unknown=True)
    at = data.draw(st.integers(0, len(facts.paper)))
    more = replace(facts, paper=(*facts.paper[:at], unknown, *facts.paper[at:]))
    before, after = found(facts), found(more)
    assert after.service_date in (None, before.service_date)
    if before.basis in ("confirmed", "deemed"):
        assert after.service_date == before.service_date
    if before.service_date is None:
        assert after.service_date is None
    assert (after.days, after.deemed_date) == (before.days, before.deemed_date)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"served_on": "2026-03-20"}, ("/paper/0/served_on", "date_is_unknown")),
        ({"date_unknown": "yes"}, ("/paper/0/date_unknown", "type")),
        ({"date_note": 7}, ("/paper/0/date_note", "type")),
        ({"date_note": "x" * 501}, ("/paper/0/date_note", "type")),
    ],
)
def test_a_request_that_contradicts_itself_is_refused(change: dict[str, Any], fault: tuple[str, str]) -> None:
    with pytest.raises(Refused) as refused:
        answer({"instrument": IMPORTANT, "sent_at": "2026-03-02T10:00:00+08:00", "paper": [UNKNOWN | change]}, now=NOW)
    assert [(each.pointer, each.code) for each in refused.value.faults] == [fault]


# --- the record


def dateless(method: str = "direct", **more: Any) -> dict[str, Any]:
    return record(method, date=..., illegible=True, date_note="邮戳模糊", **more)


def test_a_record_without_its_date_proves_service_and_makes_no_day() -> None:
    made = check(dateless())
    assert (made.served_on, made.final, made.record.date) == (None, False, None)
    assert made.record.is_service and made.record.doubtful
    stored = made.record.as_dict()
    assert "date" not in stored and PaperRecord.of(stored) == made.record
    assert lacking(stored, has_scan=True) == ("date",)
    assert lacking(stored, has_scan=False) == ("scan", "date")


def test_a_missing_date_has_to_be_said_and_explained() -> None:
    assert faults(record("direct", date=...)) == {("/date", "missing")}
    assert faults(record("direct", date=None)) == {("/date", "missing")}
    assert faults({**dateless(), "date_note": " "}) == {("/date_note", "missing")}
    assert check({**dateless(), "date_note": "", "note": "邮戳模糊"}).record.doubtful, "as it was said before"
    scanned = check({"method": "direct", "outcome": "served", "illegible": True}, scanned=True, has_scan=False)
    assert scanned.lacks == ("date_note", "receiver", "capacity")


def test_the_day_of_a_publication_can_be_looked_up() -> None:
    assert faults(dateless("public_notice")) == {("/date", "missing")}


@pytest.mark.parametrize("outcome", [each for each in OUTCOMES["post"] if each != "served"])
def test_an_attempt_that_failed_needs_no_day(outcome: str) -> None:
    made = check(dateless("post", outcome=outcome, receiver=..., capacity=...))
    assert (made.served_on, made.final, made.record.doubtful) == (None, True, False)


def test_what_a_clerk_rules_to_be_service_on_an_unknown_day_is_in_doubt_too() -> None:
    made = check(dateless("post", outcome="locker", ruling="本人确认取件"))
    assert (made.served_on, made.final, made.record.doubtful) == (None, False, True)


def test_a_day_that_is_supplied_names_its_source_and_is_approved() -> None:
    supplied = dateless() | {"date": "2026-03-10", "correction_reason": "查询投递信息", "approved_by": "clerk-2"}
    assert faults(supplied, supersedes=True, dateless=True) == {("/date_source", "missing")}
    assert faults({**supplied, "date_source": "dream"}, supersedes=True, dateless=True) == {
        ("/date_source", "unknown_date_source")
    }
    made = check({**supplied, "date_source": "mail_track"}, supersedes=True, dateless=True)
    assert (made.served_on, made.final) == (date(2026, 3, 10), True)
    alone = {**supplied, "date_source": "mail_track", "approved_by": "clerk-1"}
    assert faults(alone, supersedes=True, dateless=True) == {("/approved_by", "same_person")}
    still = {name: value for name, value in supplied.items() if name != "date"}
    assert not check(still, supersedes=True, dateless=True).final, "approved, and still without its date"


def test_a_supplied_day_is_judged_as_every_day_is() -> None:
    supplied = dateless() | {"date": "2026-03-21", "correction_reason": "查询", "date_source": "witness"}
    assert faults(supplied, supersedes=True, dateless=True, proposed=True) == {("/date", "in_the_future")}


def test_of_two_that_conflict_neither_is_the_legal_day() -> None:
    made = check(record("direct", conflicting=True, date_note="回证10日，邮戳11日"))
    assert (made.served_on, made.final) == (None, False)


@pytest.mark.parametrize("text", ["?", "？", " ? ", "不清", "日期不清", "Illegible"])
def test_in_a_date_field_a_question_mark_says_that_it_cannot_be_read(text: str) -> None:
    assert said_of_day(text) == {"illegible": True}


@pytest.mark.parametrize("text", ["", "x", "20261122", "看清", "2026-??-22"])
def test_nothing_else_does(text: str) -> None:
    assert "illegible" not in said_of_day(text)


def test_the_contents_of_a_volume_give_it_no_day() -> None:
    part = order().parts[0].number
    title = ("送达凭证", "Proof of service")
    paper = Paper(part, title, "", date(2026, 3, 20), "0" * 64, "application/pdf", undated=True)
    cover = Cover(("示例局", "Example"), "1号", None, date(2026, 11, 23), True)
    page = front_html(cover, [Bound(paper, 1, 1), Bound(replace(paper, undated=False, day=date(2026, 3, 21)), 2, 2)])
    assert "日期不清" in page and "2026-03-21" in page and "2026-03-20" not in page
