"""Service on paper: important instruments, instruments without electronic service, and which attempt counts."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from delivery.calendars import default_calendar
from delivery.rule_sets import rule_book
from delivery.service_dates import PaperAttempt, ServiceFacts, answer, decide
from records.errors import Refused
from templates.manifests import manifest

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
IMPORTANT = "compulsory-measures-decision"


def ask(**request: Any) -> dict[str, Any]:
    request.setdefault("instrument", IMPORTANT)
    request.setdefault("sent_at", "2026-03-02T10:00:00+08:00")
    result = answer(request, now=NOW)
    assert isinstance(result, dict)
    return result


def said(result: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in result["reasons"]}


def on(method: str, day: str | None, **more: Any) -> dict[str, Any]:
    return {"method": method, "served_on": day, **more}


@pytest.mark.rule("D3")
@pytest.mark.parametrize("instrument", ["penalty-decision", "compulsory-measures-decision", "on-the-spot-decision"])
def test_letter_ii4_an_important_instrument_waits_for_paper_though_confirmed_and_long_past(instrument: str) -> None:
    result = ask(instrument=instrument, confirmed_at="2026-03-03T10:00:00+08:00")
    assert (result["status"], result["service_date"], result["basis"]) == ("pending", None, None)
    assert result["deemed_date"] == "2026-03-05", "shown as information only"
    assert {"paper-awaited", "important", "information-only", "confirmation-not-decisive"} <= said(result)


@pytest.mark.rule("D3")
@pytest.mark.parametrize("day", ["2026-02-27", "2026-03-02", "2026-03-05", "2026-04-30"])
@pytest.mark.parametrize("method", ["direct", "post", "leaving", "entrusted", "public_notice"])
def test_the_paper_date_counts_be_it_earlier_or_later_than_the_electronic_one(method: str, day: str) -> None:
    result = ask(paper=[on(method, day)], confirmed_at="2026-03-03T10:00:00+08:00")
    assert (result["status"], result["basis"], result["service_date"]) == ("final", "paper", day)
    assert "paper-served" in said(result)


@pytest.mark.rule("D3")
def test_a_job_may_raise_importance() -> None:
    result = ask(instrument="rectification-notice", paper_required=True, confirmed_at="2026-03-03T10:00:00+08:00")
    assert result["status"] == "pending"
    assert "made-important" in said(result)
    served = ask(instrument="rectification-notice", paper_required=True, paper=[on("post", "2026-03-20")])
    assert served["service_date"] == "2026-03-20"


def test_a_job_may_never_lower_importance() -> None:
    assert ask(paper_required=False)["status"] == "pending"


def test_courtesy_copies_of_other_instruments_never_count() -> None:
    result = ask(instrument="rectification-notice", paper=[on("direct", "2026-03-03")])
    assert (result["basis"], result["service_date"]) == ("deemed", "2026-03-05")
    assert "courtesy-copy" in said(result)


def test_the_first_attempt_that_succeeded_counts_in_time_not_in_the_list() -> None:
    attempts = [on("direct", None), on("post", "2026-03-20"), on("leaving", "2026-03-10"), on("direct", "2026-04-01")]
    result = ask(paper=attempts)
    assert result["service_date"] == "2026-03-10"
    assert "attempts-failed" in said(result)


def test_failed_attempts_are_no_service() -> None:
    result = ask(paper=[on("direct", None), on("post", None)])
    assert result["status"] == "pending"
    assert "attempts-failed" in said(result)


@pytest.mark.parametrize(
    ("as_of", "status"),
    [
        ("2026-03-19T23:59:59+08:00", "pending"),
        ("2026-03-19T16:00:00Z", "final"),
        ("2026-03-20T09:00:00+08:00", "final"),
        ("2026-02-01T09:00:00+08:00", "pending"),
    ],
)
def test_paper_after_as_of_is_not_looked_at(as_of: str, status: str) -> None:
    result = ask(paper=[on("post", "2026-03-20")], as_of=as_of)
    assert result["status"] == status
    assert ("later-not-looked-at" in said(result)) == (status == "pending")


def test_a_later_success_does_not_change_the_answer_of_an_earlier_moment() -> None:
    first, second = on("post", "2026-03-20"), on("direct", "2026-03-25")
    assert ask(paper=[second, first], as_of="2026-03-22T00:00:00+08:00")["service_date"] == "2026-03-20"


# --- fax, 004-80 -------------------------------------------------------------------------------------------------


@pytest.mark.rule("D7")
def test_004_80_a_fax_counts_with_consent_only() -> None:
    assert ask(paper=[on("fax", "2026-03-10", consent=True)])["service_date"] == "2026-03-10"
    for without in (on("fax", "2026-03-10"), on("fax", "2026-03-10", consent=False)):
        result = ask(paper=[without])
        assert result["status"] == "pending"
        assert "fax-without-consent" in said(result)


@pytest.mark.rule("D7")
def test_004_80_a_fax_is_never_enough_for_the_original_of_a_penalty_decision() -> None:
    fax = on("fax", "2026-03-10", consent=True)
    alone = ask(instrument="penalty-decision", paper=[fax])
    assert alone["status"] == "pending"
    assert "fax-is-not-the-original" in said(alone)
    both = ask(instrument="penalty-decision", paper=[fax, on("post", "2026-03-16")])
    assert both["service_date"] == "2026-03-16"
    assert "fax-is-not-the-original" in said(both)


# --- no electronic service ---------------------------------------------------------------------------------------


def test_compulsion_law_38_a_demand_letter_is_never_deemed_served_electronically() -> None:
    result = ask(instrument="demand-letter", confirmed_at="2026-03-03T10:00:00+08:00")
    assert result["status"] == "pending"
    assert result["deemed_date"] is None
    assert result["days"] == []
    assert {"no-electronic-service", "confirmation-not-decisive"} <= said(result)


@pytest.mark.rule("D8")
def test_compulsion_law_38_a_demand_letter_is_served_directly_first() -> None:
    assert ask(instrument="demand-letter", paper=[on("direct", "2026-03-10")])["service_date"] == "2026-03-10"
    alone = ask(instrument="demand-letter", paper=[on("post", "2026-03-10")])
    assert alone["status"] == "pending"
    assert "direct-first" in said(alone)
    after = ask(instrument="demand-letter", paper=[on("direct", None), on("post", "2026-03-10")])
    assert after["service_date"] == "2026-03-10"
    before = ask(instrument="demand-letter", paper=[on("post", "2026-03-10"), on("direct", None)])
    assert before["status"] == "pending"


def test_a_demand_letter_may_not_be_faxed() -> None:
    with pytest.raises(Refused) as refused:
        ask(instrument="demand-letter", paper=[on("fax", "2026-03-10", consent=True)])
    assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [
        ("/paper/0/method", "method_not_allowed")
    ]


def test_an_internal_form_is_never_served_and_takes_no_paper() -> None:
    assert ask(instrument="closing-report")["status"] == "pending"
    with pytest.raises(Refused, match="may not be served"):
        ask(instrument="closing-report", paper=[on("direct", "2026-03-10")])


@pytest.mark.rule("LAW-7")
def test_public_notice_says_that_other_ways_must_have_failed() -> None:
    result = ask(paper=[on("direct", None), on("post", None), on("public_notice", "2026-05-06")])
    assert result["service_date"] == "2026-05-06"
    note = next(reason for reason in result["reasons"] if reason["rule"] == "public-notice-last")
    assert note["text_en"].endswith("recorded before it: 2.")


def test_paper_counts_for_any_instrument_that_was_never_sent_to_an_account() -> None:
    facts = ServiceFacts(manifest("rectification-notice"), None, NOW, paper=(PaperAttempt("post", date(2026, 3, 10)),))
    found = decide(facts, default_calendar(), rule_book().in_force(date(2026, 3, 2)))
    assert (found.status, found.basis, found.service_date) == ("final", "paper", date(2026, 3, 10))
    assert found.deemed_date is None
    assert "not-sent-electronically" in {reason.rule for reason in found.reasons}
