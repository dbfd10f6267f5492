"""Rules on notices, hearings, on-the-spot decisions, measures, execution: both sides of each limit, both laws."""

from __future__ import annotations

import json
import re
from datetime import date, datetime
from typing import Any

import pytest

from delivery.routes import Letter, Recipient, System, route
from pipeline.law.cases import Earlier
from pipeline.law.rule_sets import law_book
from templates.catalogue import catalogue
from templates.composing import Frame, compose
from templates.manifests import manifest
from tests.law_cases import Facts, approval, authority, case, errors, facts_of, findings, told, warnings

#: Instruments whose rules count days or money.
COUNTED = (
    "penalty-prior-notice",
    "hearing-rights-notice",
    "hearing-notice",
    "hearing-record",
    "on-the-spot-decision",
    "evidence-preservation-notice",
    "evidence-preservation-extension",
    "compulsory-measures-decision",
    "additional-fine-decision",
    "enforcement-application",
    "no-penalty-decision",
    "fax-service-copy",
    "on-the-spot-fine-receipt",
    "case-filing-form",
)


def fined(yuan: str) -> list[Facts]:
    return [{"kind": "fine", "amount": yuan}]


@pytest.mark.parametrize("instrument", COUNTED)
def test_the_samples_keep_every_rule(instrument: str) -> None:
    assert [(each.rule.id, each.pointer) for each in findings(case(instrument))] == []


@pytest.mark.parametrize("day", ["0001-01-01", "1949-12-31", "2200-01-01", "9999-12-31"])
@pytest.mark.parametrize("instrument", COUNTED)
def test_a_day_that_cannot_be_meant_is_named_and_no_period_counted_from_it(instrument: str, day: str) -> None:
    text = json.dumps(facts_of(instrument), ensure_ascii=False)
    facts = json.loads(re.sub(r'"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=["T])', f'"{day}', text))
    tried = case(instrument, facts=facts, circumstances={})
    assert errors(tried) == ({"days-plausible"} if facts != facts_of(instrument) else set())


@pytest.mark.parametrize("day", ["1950-01-01", "2026-12-30", "2199-12-31"])
@pytest.mark.parametrize("instrument", COUNTED)
def test_every_other_day_is_counted_from_without_a_crash(instrument: str, day: str) -> None:
    text = json.dumps(facts_of(instrument), ensure_ascii=False)
    facts = json.loads(re.sub(r'"[0-9]{4}-[0-9]{2}-[0-9]{2}(?=["T])', f'"{day}', text))
    findings(case(instrument, facts=facts))


# --- notices


@pytest.mark.rule("N4", "N19")
@pytest.mark.parametrize("instrument", ["penalty-prior-notice", "hearing-rights-notice"])
def test_a_bureau_announces_no_heavy_penalty(instrument: str) -> None:
    bureau = approval("监管局局长")
    assert "regional-administration-only" in errors(
        case(instrument, facts={"penalties": fined("30000")}, approval=bureau)
    )
    light = case(instrument, facts={"penalties": fined("29999.99")}, approval=bureau)
    assert "regional-administration-only" not in errors(light)
    assert ("hearing-by-regional-administration" in errors(light)) is (instrument == "hearing-rights-notice")


def test_a_prior_notice_does_not_stand_in_for_a_hearing_rights_notice() -> None:
    assert "hearing-rights-told" in warnings(case("penalty-prior-notice", facts={"penalties": fined("30000.00")}))
    assert "hearing-rights-told" not in warnings(case("penalty-prior-notice", facts={"penalties": fined("29999.99")}))


def test_a_ground_of_a_large_amount_wants_one() -> None:
    small = {"penalties": fined("29999.99"), "ground": "large_fine"}
    assert "hearing-ground-fits" in warnings(case("hearing-rights-notice", facts=small))
    assert "hearing-ground-fits" not in warnings(case("hearing-rights-notice", facts=small | {"ground": "other_law"}))


def test_the_head_of_a_department_does_not_consent_to_a_notice() -> None:
    tried = case("penalty-prior-notice", approval=approval("法制职能部门主要负责人"))
    assert (errors(tried), warnings(tried)) == (set(), {"who-consents"})


@pytest.mark.parametrize(("before", "warned"), [("10000", True), ("20000.00", False), ("50000", False)])
def test_a_heavier_second_notice_says_why(before: str, warned: bool) -> None:
    facts = facts_of("penalty-prior-notice")
    first = Earlier(
        "doc_1", "penalty-prior-notice", "甲〔2026〕1号", "1", "released", facts | {"penalties": fined(before)}
    )
    tried = case("penalty-prior-notice", others=[first])
    assert ("reissued-with-reasons" in warnings(tried)) is warned
    said = {"reissued": {"document": {}, "reason": {"zh": "甲", "en": "a"}}}
    assert "reissued-with-reasons" not in warnings(case("penalty-prior-notice", facts=said, others=[first]))


@pytest.mark.rule("LAW-12")
@pytest.mark.parametrize("item", ["findings", "reasons", "basis"])
def test_a_notice_tells_content_facts_reasons_and_basis(item: str) -> None:
    tried = case("penalty-prior-notice", facts={item: None})
    assert [each.pointer for each in told(tried, "notice-items")] == [f"/facts/{item}"]


# --- hearings


@pytest.mark.rule("N21", "LAW-9")
@pytest.mark.parametrize(
    ("today", "held_at", "error", "warning"),
    [
        # seven working days after Monday 2026-11-23: Wednesday 2026-12-02; deemed service is Thursday 26 November
        (date(2026, 11, 23), "2026-12-01T09:30:00+08:00", True, False),
        (date(2026, 11, 23), "2026-12-02T09:30:00+08:00", False, True),
        (date(2026, 11, 23), "2026-12-04T09:30:00+08:00", False, True),
        (date(2026, 11, 23), "2026-12-07T09:30:00+08:00", False, False),
        (date(2026, 11, 23), "2026-12-01T23:30:00+00:00", False, True),
        # the National Day holidays do not count
        (date(2026, 9, 28), "2026-10-13T09:30:00+08:00", False, True),
        (date(2026, 9, 28), "2026-10-12T09:30:00+08:00", True, False),
    ],
)
def test_a_hearing_is_announced_seven_working_days_ahead(today: date, held_at: str, error: bool, warning: bool) -> None:
    hearing = facts_of("hearing-notice")["hearing"] | {"begins_at": held_at}
    tried = case("hearing-notice", today=today, facts={"hearing": hearing, "noticed_on": today.isoformat()})
    assert ("hearing-announced-ahead" in errors(tried)) is error
    assert ("hearing-notice-confirmed-in-time" in warnings(tried)) is warning


@pytest.mark.rule("N21")
def test_the_last_day_of_service_is_told() -> None:
    hearing = facts_of("hearing-notice")["hearing"] | {"begins_at": "2026-12-04T09:30:00+08:00"}
    found = told(case("hearing-notice", facts={"hearing": hearing}), "hearing-notice-confirmed-in-time")
    assert "25 November 2026" in found[0].text_en and "2026年11月25日" in found[0].text_zh


@pytest.mark.rule("N20", "LAW-9")
@pytest.mark.parametrize(
    ("served_on", "asked_on", "noticed_on", "late"),
    [
        ("2026-11-12", "2026-11-19", "2026-11-20", False),
        ("2026-11-11", "2026-11-19", "2026-11-20", True),
        ("2021-07-07", "2021-07-12", "2021-07-13", False),
        ("2021-07-07", "2021-07-13", "2021-07-14", True),
        ("2021-07-07", "2021-07-13", "2021-07-15", False),
    ],
)
def test_a_hearing_is_asked_for_in_time(served_on: str, asked_on: str, noticed_on: str, late: bool) -> None:
    rights = facts_of("hearing-notice")["rights_notice"] | {"served_on": served_on}
    tried = case("hearing-notice", facts={"rights_notice": rights, "requested_on": asked_on, "noticed_on": noticed_on})
    assert ("hearing-asked-in-time" in warnings(tried)) is late


@pytest.mark.parametrize(
    ("instrument", "path"), [("hearing-notice", "/hearing/presiding"), ("hearing-record", "/presiding")]
)
def test_whoever_presides_has_not_investigated(instrument: str, path: str) -> None:
    facts = facts_of(instrument)
    chair = facts["hearing"]["presiding"] if instrument == "hearing-notice" else facts["presiding"]
    officers = [facts["officers"][0], facts["officers"][1] | {"name": chair["name"]}]
    tried = case(instrument, facts={"officers": officers})
    assert [each.pointer for each in told(tried, "presiding-has-not-investigated")] == [f"/facts{path}/name"]


@pytest.mark.rule("N21")
@pytest.mark.parametrize(("served_on", "early"), [("2026-11-11", False), ("2026-11-12", True)])
def test_the_record_of_a_hearing_that_was_held_too_soon_says_so(served_on: str, early: bool) -> None:
    facts = {
        "notice": facts_of("hearing-record")["notice"] | {"served_on": served_on},
        "begins_at": "2026-11-20T09:30:00+08:00",
        "ends_at": "2026-11-20T11:30:00+08:00",
    }
    assert ("hearing-held-with-notice" in warnings(case("hearing-record", facts=facts))) is early


# --- on the spot


def spot(yuan: str, kind: str, day: str, **more: Any) -> Facts:
    party = facts_of("on-the-spot-decision")["party"] | {"kind": kind}
    moment = f"{day}T10:10:00+08:00"
    violation = facts_of("on-the-spot-decision")["violation"] | {"at": moment}
    return {
        "penalties": fined(yuan),
        "party": party,
        "decided_on": day,
        "decided_at": moment,
        "violation": violation,
    } | more


@pytest.mark.rule("N5", "N30")
@pytest.mark.parametrize(
    ("yuan", "kind", "day", "refused"),
    [
        ("50", "natural_person", "2021-07-14", False),
        ("50.01", "natural_person", "2021-07-14", True),
        ("1000", "legal_person", "2021-07-14", False),
        ("1000.01", "other_organisation", "2021-07-14", True),
        ("200", "natural_person", "2021-07-15", False),
        ("200.01", "natural_person", "2021-07-15", True),
        ("3000.00", "legal_person", "2021-07-15", False),
        ("3000.01", "foreign_entity", "2021-07-15", True),
        ("200", "natural_person", "2026-11-19", False),
        ("3000.01", "other_organisation", "2026-11-19", True),
    ],
)
def test_the_limit_of_a_fine_on_the_spot(yuan: str, kind: str, day: str, refused: bool) -> None:
    assert ("on-the-spot-limit" in errors(case("on-the-spot-decision", facts=spot(yuan, kind, day)))) is refused


@pytest.mark.rule("N8", "N30")
@pytest.mark.parametrize(
    ("yuan", "day", "ground", "refused"),
    [
        ("20", "2021-07-14", "small", False),
        ("20.01", "2021-07-14", "small", True),
        ("100", "2021-07-15", "small", False),
        ("100.01", "2021-07-15", "small", True),
        ("200", "2026-11-19", "hard_later", False),
        ("200", "2026-11-19", "remote", False),
    ],
)
def test_what_may_be_collected_on_the_spot(yuan: str, day: str, ground: str, refused: bool) -> None:
    facts = spot(yuan, "legal_person", day, collection={"manner": "on_the_spot", "ground": ground})
    assert ("on-the-spot-collection" in errors(case("on-the-spot-decision", facts=facts))) is refused


@pytest.mark.rule("N8", "N30")
@pytest.mark.parametrize(
    ("yuan", "ground", "refused"), [("100", "small", False), ("100.01", "small", True), ("200", "remote", False)]
)
def test_the_receipt_of_what_was_collected_on_the_spot(yuan: str, ground: str, refused: bool) -> None:
    tried = case("on-the-spot-fine-receipt", facts={"fine": yuan, "ground": ground})
    assert [each.pointer for each in told(tried, "on-the-spot-collection")] == ["/facts/ground"] * refused


@pytest.mark.rule("N18")
@pytest.mark.parametrize(("ended_on", "refused"), [("2024-10-14", False), ("2024-01-01", True)])
def test_no_case_is_opened_on_what_was_found_too_late(ended_on: str, refused: bool) -> None:
    known = {"violation_ended_on": ended_on, "serious_harm": False}
    tried = case("case-filing-form", facts={"found_on": "2026-10-13"}, circumstances=known)
    assert ("within-limitation" in errors(tried)) is refused


@pytest.mark.rule("N5")
def test_only_warning_and_fine_on_the_spot() -> None:
    penalties = [{"kind": "suspension", "object": {"zh": "甲", "en": "a"}, "period": {"months": 1}}]
    assert "on-the-spot-kinds" in errors(case("on-the-spot-decision", facts={"penalties": penalties}))


@pytest.mark.rule("N1", "N18")
def test_on_the_spot_too_two_officers_and_the_limitation_period() -> None:
    officers = facts_of("on-the-spot-decision")["officers"]
    assert "two-officers" in errors(case("on-the-spot-decision", facts={"officers": [officers[0]] * 2}))
    old = facts_of("on-the-spot-decision")["violation"] | {"at": "2021-11-01T10:00:00+08:00"}
    found = told(case("on-the-spot-decision", facts={"violation": old}), "within-limitation")
    assert [each.pointer for each in found] == ["/facts/violation/at"]


# --- remedies


@pytest.mark.rule("LAW-10", "LAW-11", "LAW-12")
def test_whatever_is_held_to_name_the_remedies_prints_them() -> None:
    record = authority()
    law = law_book().sets["north-china-2024.1"]
    held = next(rule.instruments for rule in law.rules if rule.id == "remedies-named")
    assert held == next(rule.instruments for rule in law.rules if rule.id == "reconsideration-channel")
    for name in sorted(held):
        instrument = catalogue().get(name)
        assert instrument.clauses is not None
        frame = Frame(instrument.manifest.title_zh, instrument.manifest.title_en, record, "一号", "No. 1")
        printed = str(compose(instrument.clauses, facts_of(name), frame))
        for part in (record["reconsideration"]["name"], record["court"]["name"]):
            assert part["zh"] in printed and part["en"] in printed, name
        assert record["reconsideration"]["channel"] in printed, name


# --- measures and execution


@pytest.mark.rule("N11", "LAW-9")
@pytest.mark.parametrize(("until", "refused"), [("2026-11-23", False), ("2026-11-24", True)])
def test_preserved_evidence_is_decided_on_within_seven_working_days(until: str, refused: bool) -> None:
    facts = {"registered_at": "2026-11-12T10:00:00+08:00", "noticed_on": "2026-11-12", "until": until}
    assert ("evidence-decided-in-time" in errors(case("evidence-preservation-notice", facts=facts))) is refused


@pytest.mark.parametrize(
    ("until", "days", "special", "refused"),
    [
        ("2026-12-18", 30, False, False),
        ("2026-12-18", 29, False, True),
        ("2026-12-19", 31, False, True),
        ("2026-12-19", 31, True, False),
    ],
)
def test_a_seizure_of_thirty_days(until: str, days: int, special: bool, refused: bool) -> None:
    period: Facts = {"from": "2026-11-19", "until": until, "days": days}
    if special:
        period["special_basis"] = [{"law": "work-safety-law", "article": 70}]
    assert ("seizure-days" in errors(case("compulsory-measures-decision", facts={"period": period}))) is refused


@pytest.mark.rule("N27")
@pytest.mark.parametrize(("unpaid", "refused"), [("10000.00", False), ("10000.01", True)])
def test_no_more_is_unpaid_than_was_imposed(unpaid: str, refused: bool) -> None:
    tried = case("additional-fine-decision", facts={"fine": "10000", "unpaid": unpaid})
    assert ("additional-fine-within-fine" in errors(tried)) is refused


@pytest.mark.rule("LAW-9")
@pytest.mark.parametrize(
    ("applied_on", "lapsed_on", "expected"),
    [
        # ten working days after Monday 2026-11-02 end on Monday 2026-11-16
        ("2026-11-16", "2026-10-01", {"demand-before-enforcement"}),
        ("2026-11-17", "2026-10-01", set()),
        ("2026-11-17", "2026-08-17", set()),
        ("2026-11-17", "2026-08-16", {"enforcement-in-time"}),
        ("2026-11-30", "2026-08-31", set()),
    ],
)
def test_the_court_is_asked_after_the_demand_and_within_three_months(
    applied_on: str, lapsed_on: str, expected: set[str]
) -> None:
    demand = facts_of("enforcement-application")["demand"] | {"served_on": "2026-11-02"}
    facts = {"applied_on": applied_on, "remedies_lapsed_on": lapsed_on, "demand": demand}
    found = errors(case("enforcement-application", facts=facts)) - {"dates-in-order"}
    assert found == expected


# --- service

_SYSTEM = System(authority()["system"]["name"]["zh"], authority()["system"]["address"])
_NOW = datetime.fromisoformat("2026-11-23T09:00:00+08:00")
_LETTER = Letter("let_1", _SYSTEM, datetime.fromisoformat("2026-01-01T00:00:00+08:00"))


@pytest.mark.rule("LAW-2")
@pytest.mark.parametrize(
    ("recipient", "warned"),
    [
        (Recipient("legal_person", True, (_LETTER,)), False),
        (Recipient("legal_person", True, ()), True),
        (Recipient("legal_person", False, (_LETTER,)), True),
        (
            Recipient("legal_person", True, (Letter("let_2", System("甲", "https://a.test"), _LETTER.in_force_from),)),
            True,
        ),
        (Recipient("legal_person", True, (Letter("let_3", _SYSTEM, _LETTER.in_force_from, _NOW),)), True),
    ],
)
def test_without_a_letter_in_force_paper_is_foretold(recipient: Recipient, warned: bool) -> None:
    way = route(manifest("penalty-decision"), recipient, _SYSTEM, _NOW)
    tried = case(routes={0: way})
    assert ("letter-in-force" in warnings(tried)) is warned
    assert errors(tried) == set()
