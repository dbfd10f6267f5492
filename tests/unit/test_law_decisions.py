"""Rules on a penalty decision: who decides, after which notice and period, with what in it, and how late."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from pipeline.law.cases import Case, Earlier
from pipeline.law.evaluation import evaluate
from pipeline.law.limitation import last_day
from pipeline.law.rule_sets import law_book
from tests.law_cases import TODAY, Facts, approval, authority, case, errors, facts_of, findings, told, warnings

LIGHT = [{"kind": "fine", "amount": "29999.99"}]
HEAVY = [{"kind": "fine", "amount": "30000.00"}]
REVOKED = [{"kind": "revocation", "object": {"zh": "执照", "en": "licence"}}]
CLOSED = [{"kind": "closure", "object": {"zh": "站点", "en": "station"}}]


def procedure(served_on: str, response: str = "waived", notice: str = "hearing-rights-notice") -> Facts:
    number = {"zh": "民航华北罚听告〔2026〕9号", "en": "CAAC-NC Hearing Rights [2026] No. 9"}
    heard: Facts = {}
    if response != "waived":
        heard = {"heard_on": served_on, "submission": {"zh": "无", "en": "None"}, "finding": {"zh": "无", "en": "None"}}
    return {"notice": notice, "document": {"number": number, "served_on": served_on}, "response": response} | heard


def test_the_sample_decision_keeps_every_rule() -> None:
    assert [each.rule.id for each in findings(case())] == []


# --- who decides


@pytest.mark.rule("N3", "N4", "N30")
@pytest.mark.parametrize(
    ("penalties", "day", "refused"),
    [
        (LIGHT, "2026-11-20", False),
        (HEAVY, "2026-11-20", True),
        (REVOKED, "2026-11-20", True),
        (CLOSED, "2026-11-20", True),
        (LIGHT, "2021-07-14", False),
        (HEAVY, "2021-07-14", True),
        ([{"kind": "confiscation_of_gains", "amount": "30000"}], "2026-11-20", True),
        ([{"kind": "confiscation_of_gains", "amount": "30000"}], "2021-07-14", False),
    ],
)
def test_a_bureau_decides_only_what_004_25_allows(penalties: list[Facts], day: str, refused: bool) -> None:
    tried = case(facts={"penalties": penalties, "decided_on": day}, approval=approval("监管局局长"))
    assert ("regional-administration-only" in errors(tried)) is refused
    assert [each.pointer for each in told(tried, "regional-administration-only")] == ["/facts/penalties/0"] * refused


@pytest.mark.rule("N3")
@pytest.mark.parametrize(
    ("name", "refused"),
    [("中国民用航空华北地区管理局", False), ("民航北京安全监督管理局", True), ("民航天津监管局", True)],
)
def test_a_bureau_punishes_in_the_name_of_the_regional_administration(name: str, refused: bool) -> None:
    tried = case(authority=authority(name={"zh": name, "en": "x"}))
    assert ("name-of-regional-administration" in errors(tried)) is refused


@pytest.mark.parametrize(
    ("role", "penalties", "error", "warning"),
    [
        ("管理局主要负责人", HEAVY, False, False),
        ("局务会议", HEAVY, False, False),
        ("分管法制工作的局领导", HEAVY, True, False),
        ("分管法制工作的局领导", LIGHT, False, False),
        ("管理局主要负责人", LIGHT, False, False),
        ("法制职能部门主要负责人", LIGHT, True, False),
        ("监察员", LIGHT, True, False),
        ("代理局长", LIGHT, False, True),
        (" 管理局主要负责人 ", HEAVY, False, False),
    ],
)
@pytest.mark.rule("N4")
def test_who_may_decide_by_004_70(role: str, penalties: list[Facts], error: bool, warning: bool) -> None:
    tried = case(facts={"penalties": penalties}, approval=approval(role))
    assert ("who-decides" in errors(tried)) is error
    assert ("role-known" in warnings(tried)) is warning


def test_other_authorities_are_not_held_to_the_roles_of_north_china() -> None:
    tried = case(authority=authority(id="caac-east"), approval=approval("甲"))
    assert not {"who-decides", "role-known", "collective-decision"} & (errors(tried) | warnings(tried))


@pytest.mark.rule("LAW-12")
def test_the_seal_is_the_one_for_enforcement_and_bears_the_agencys_name() -> None:
    other = case(seal={"ring_text": "中国民用航空华北地区管理局", "second_line": "合同专用章"})
    assert "enforcement-seal" in errors(other)
    foreign = case(seal={"ring_text": "甲公司", "second_line": "行政执法专用章"})
    assert (errors(foreign), warnings(foreign)) == (set(), {"seal-of-the-agency"})


def test_a_heavy_penalty_and_a_foreign_party_want_the_meeting_named() -> None:
    assert warnings(case(circumstances={})) >= {"collective-decision"}
    light = {"penalties": LIGHT}
    assert "collective-decision" not in warnings(case(circumstances={}, facts=light))
    foreign = {"party": facts_of("penalty-prior-notice")["party"]} | light
    assert "foreign-party-is-major" in warnings(case(circumstances={}, facts=foreign))
    assert "foreign-party-is-major" in warnings(case(circumstances={}, facts=light, foreign_recipient=True))
    assert "foreign-party-is-major" in warnings(case(facts=foreign, approval=approval("监管局局长")))
    assert "foreign-party-is-major" not in warnings(case(facts=foreign))


# --- the notice before


@pytest.mark.rule("N4", "N19", "N30")
@pytest.mark.parametrize(
    ("penalties", "day", "refused"),
    [
        (LIGHT, "2026-11-20", False),
        (HEAVY, "2026-11-20", True),
        (REVOKED, "2026-11-20", True),
        (CLOSED, "2026-11-20", True),
        (CLOSED, "2021-07-14", False),
        (HEAVY, "2021-07-14", True),
        (REVOKED, "2021-07-14", True),
    ],
)
def test_a_heavy_penalty_needs_a_hearing_rights_notice_first(penalties: list[Facts], day: str, refused: bool) -> None:
    facts = {
        "penalties": penalties,
        "decided_on": day,
        "procedure": procedure("2026-10-19", "waived", "penalty-prior-notice"),
    }
    tried = case(facts=facts)
    assert ("hearing-rights-notice-first" in errors(tried)) is refused
    version = "1" if day < "2021-07-15" else "2"
    assert all(each.rule.version == version for each in told(tried, "hearing-rights-notice-first"))


@pytest.mark.rule("N16", "N20", "N23", "LAW-9")
@pytest.mark.parametrize(
    ("notice", "served_on", "response", "decided_on", "refused"),
    [
        # five working days after Thursday 2026-11-12 end on Thursday 2026-11-19
        ("penalty-prior-notice", "2026-11-12", "waived", "2026-11-19", True),
        ("penalty-prior-notice", "2026-11-12", "waived", "2026-11-20", False),
        ("hearing-rights-notice", "2026-11-12", "waived", "2026-11-19", True),
        ("hearing-rights-notice", "2026-11-12", "waived", "2026-11-20", False),
        # a statement does not use up the right to a hearing; a hearing does
        ("hearing-rights-notice", "2026-11-12", "statement", "2026-11-19", True),
        ("hearing-rights-notice", "2026-11-12", "hearing", "2026-11-19", False),
        ("penalty-prior-notice", "2026-11-12", "statement", "2026-11-19", False),
        # over the National Day holidays of 2026, with the worked Saturday 10-10: 8, 9, 10, 12, 13 October
        ("penalty-prior-notice", "2026-09-30", "waived", "2026-10-13", True),
        ("penalty-prior-notice", "2026-09-30", "waived", "2026-10-14", False),
        # under 004 a hearing is asked for within three working days: 8, 9, 12 July 2021
        ("hearing-rights-notice", "2021-07-07", "waived", "2021-07-12", True),
        ("hearing-rights-notice", "2021-07-07", "waived", "2021-07-13", False),
        ("penalty-prior-notice", "2021-07-07", "waived", "2021-07-14", True),
        # the same notice and a decision under the law of 2021: five, until 14 July; a longer one until 16 July
        ("hearing-rights-notice", "2021-07-09", "waived", "2021-07-16", True),
        ("hearing-rights-notice", "2021-07-09", "waived", "2021-07-17", False),
    ],
)
def test_no_decision_before_the_partys_period_is_over(
    notice: str, served_on: str, response: str, decided_on: str, refused: bool
) -> None:
    facts = {"penalties": LIGHT, "decided_on": decided_on, "procedure": procedure(served_on, response, notice)}
    assert ("period-over" in errors(case(facts=facts))) is refused


@pytest.mark.rule("N16")
def test_a_statement_made_early_leaves_a_warning_until_the_period_ends() -> None:
    def tried(day: str) -> Case:
        heard = procedure("2026-11-12", "statement", "penalty-prior-notice")
        return case(facts={"penalties": LIGHT, "decided_on": day, "procedure": heard})

    assert "period-still-running" in warnings(tried("2026-11-19"))
    assert "period-still-running" not in warnings(tried("2026-11-20"))


@pytest.mark.rule("N16", "LAW-9")
def test_a_period_over_days_without_a_holiday_notice_is_a_guess_and_said_to_be_one() -> None:
    facts = {"penalties": LIGHT, "decided_on": "2027-01-15", "procedure": procedure("2026-12-28")}
    assert "calendar-published" in warnings(case(facts=facts, today=date(2027, 1, 15)))


def notice(**more: Any) -> Earlier:
    facts = facts_of("penalty-prior-notice") | {"party": facts_of("penalty-decision")["party"]}
    values: dict[str, Any] = {
        "id": "doc_1",
        "instrument": "hearing-rights-notice",
        "number_zh": "民航华北罚听告〔2026〕9号",
        "case_no": case().case_no,
        "status": "released",
        "facts": facts | {"penalties": more.pop("penalties", HEAVY), "violated": case().facts["violated"]},
        "service_date": date(2026, 10, 19),
    }
    return Earlier(**(values | more))


@pytest.mark.rule("N4")
@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (notice(), set()),
        (notice(penalties=LIGHT), {"not-heavier-than-noticed"}),
        (notice(penalties=REVOKED), {"not-heavier-than-noticed"}),
        (notice(penalties=[*REVOKED, *HEAVY]), set()),
        (notice(instrument="penalty-prior-notice"), {"notice-matches"}),
        (notice(case_no="另案"), {"notice-matches"}),
        (notice(status="accepted"), {"notice-released"}),
        (notice(status="void"), {"notice-released"}),
        (notice(status="revoked"), {"notice-released"}),
        (notice(service_date=date(2026, 10, 20)), {"served-as-recorded"}),
        (notice(service_date=None), set()),
    ],
)
def test_the_notice_is_compared_with_what_is_on_record(found: Earlier, expected: set[str]) -> None:
    tried = case(notice=found, circumstances={})
    assert errors(tried) == expected
    assert ("service-settled" in warnings(tried)) is (found.service_date is None)
    assert "notice-known" not in warnings(tried)


def test_a_notice_of_another_system_is_compared_with_what_the_job_says_of_it() -> None:
    assert "notice-known" in warnings(case(circumstances={}))
    assert errors(case(circumstances={"noticed_penalties": LIGHT})) == {"not-heavier-than-noticed"}
    assert errors(case(circumstances={"noticed_penalties": HEAVY})) == set()


def test_another_object_or_another_basis_than_the_notices_is_told() -> None:
    one, other = ({"kind": "revocation", "object": {"zh": name, "en": name}} for name in ("甲证", "乙证"))
    tried = case(facts={"penalties": [one]}, notice=notice(penalties=[other]))
    assert "object-as-noticed" in warnings(tried)
    assert "object-as-noticed" not in warnings(case(facts={"penalties": [one]}, notice=notice(penalties=[one])))
    assert [each.pointer for each in told(tried, "basis-as-noticed")] == ["/facts/basis/0"]


@pytest.mark.parametrize(
    ("status", "warned"), [("released", True), ("accepted", True), ("void", False), ("revoked", False)]
)
def test_a_second_decision_in_the_case_is_told(status: str, warned: bool) -> None:
    earlier = Earlier("doc_2", "penalty-decision", "甲〔2026〕1号", "1", status, facts_of("penalty-decision"))
    assert ("not-decided-already" in warnings(case(others=[earlier]))) is warned


@pytest.mark.parametrize(
    ("response", "status", "warned"),
    [("waived", "released", True), ("hearing", "released", False), ("waived", "void", False)],
)
def test_a_hearing_that_was_announced_is_told_of(response: str, status: str, warned: bool) -> None:
    announced = Earlier("doc_3", "hearing-notice", "甲〔2026〕3号", "1", status, {"party": case().facts["party"]})
    tried = case(facts={"procedure": procedure("2026-10-19", response)}, others=[announced])
    assert ("hearing-held-when-announced" in warnings(tried)) is warned


@pytest.mark.rule("N16")
def test_only_north_china_gives_a_figure_for_the_statement() -> None:
    facts: Facts = {"penalties": LIGHT, "decided_on": "2026-11-19"}
    facts["procedure"] = procedure("2026-11-18", "waived", "penalty-prior-notice")
    assert "period-over" in errors(case(facts=facts))
    assert "period-over" not in errors(case(facts=facts, authority=authority(id="caac-east")))


def test_fines_that_only_together_reach_the_threshold_and_goods_without_a_value_are_told() -> None:
    told_by_prior_notice = {"procedure": procedure("2026-10-19", "waived", "penalty-prior-notice")}
    twice = told_by_prior_notice | {"penalties": [{"kind": "fine", "amount": "15000"}] * 2}
    assert "fines-together" in warnings(case(facts=twice))
    assert "fines-together" not in warnings(case(facts=told_by_prior_notice | {"penalties": LIGHT}))
    goods = told_by_prior_notice | {
        "penalties": [{"kind": "confiscation_of_goods", "object": {"zh": "油", "en": "oil"}}]
    }
    assert "goods-of-value" in warnings(case(facts=goods))
    assert "goods-of-value" not in warnings(case(facts=goods | {"decided_on": "2021-07-14"}))


# --- contents and days


@pytest.mark.rule("N1")
def test_one_officer_named_twice_is_one_officer() -> None:
    officers = case().facts["officers"]
    assert "two-officers" in errors(case(facts={"officers": [officers[0], officers[0]]}))
    assert "two-officers" in errors(case(facts={"officers": officers[:1]}))


@pytest.mark.rule("LAW-12")
@pytest.mark.parametrize("item", ["findings", "evidence", "penalties", "basis"])
def test_a_decision_without_a_mandatory_item_is_refused_whatever_the_schema_says(item: str) -> None:
    facts = facts_of("penalty-decision")
    del facts[item]
    tried = Case(**{**vars(case()), "facts": facts})
    assert [each.pointer for each in told(tried, "decision-items")] == [f"/facts/{item}"]


@pytest.mark.rule("LAW-10", "LAW-11")
def test_remedies_are_named_and_since_2024_the_internet_channel() -> None:
    no_court = authority()
    del no_court["court"]
    assert "remedies-named" in errors(case(authority=no_court))
    no_channel = authority()
    no_channel["reconsideration"] = {name: no_channel["reconsideration"][name] for name in ("name", "address")}
    assert "reconsideration-channel" in errors(case(authority=no_channel))
    before = case(authority=no_channel, facts={"decided_on": "2023-12-31"})
    assert "reconsideration-channel" not in errors(before)


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"opened_on": "2026-11-21"}, "/facts/procedure/document/served_on"),
        ({"decided_on": "2026-10-22"}, "/facts/decided_on"),
        ({"procedure": procedure("2026-11-21")}, "/facts/decided_on"),
    ],
)
def test_acts_follow_one_another(change: Facts, pointer: str) -> None:
    assert pointer in {each.pointer for each in told(case(facts=change), "dates-in-order")}


@pytest.mark.rule("N25")
@pytest.mark.parametrize(
    ("approved", "decided", "expected"),
    [
        ("2026-11-19T16:20:00+08:00", "2026-11-18", {"made-after-approval"}),
        ("2026-11-19T16:20:00+08:00", "2026-11-19", set()),
        ("2026-11-19T16:20:00+08:00", "2026-11-20", set()),
        ("2026-11-19T16:20:00+08:00", "2026-11-23", {"made-the-day-after-approval"}),
        ("2026-11-20T16:20:00+08:00", "2026-11-23", set()),
        ("2026-11-19T17:00:00+00:00", "2026-11-23", set()),
    ],
)
def test_a_decision_is_made_the_working_day_after_its_approval(approved: str, decided: str, expected: set[str]) -> None:
    tried = case(facts={"decided_on": decided}, approval=approval(at=approved))
    assert warnings(tried) & {"made-after-approval", "made-the-day-after-approval"} == expected


def test_a_document_of_tomorrow_is_told() -> None:
    day = (TODAY + timedelta(days=1)).isoformat()
    assert "not-dated-ahead" in warnings(case(facts={"decided_on": day}))
    assert "not-dated-ahead" not in warnings(case(facts={"decided_on": TODAY.isoformat()}))


@pytest.mark.parametrize(
    ("opened_on", "decided_on", "warned"),
    [
        ("2026-08-22", "2026-11-20", False),
        ("2026-08-21", "2026-11-20", True),
        ("2021-01-01", "2021-07-14", False),
        ("2021-01-01", "2021-07-15", True),
    ],
)
@pytest.mark.rule("LAW-9")
def test_a_decision_within_ninety_days_of_the_opening_since_2021(opened_on: str, decided_on: str, warned: bool) -> None:
    tried = case(facts={"opened_on": opened_on, "decided_on": decided_on})
    assert ("decided-in-time" in warnings(tried)) is warned


@pytest.mark.rule("N18")
@pytest.mark.parametrize(
    ("ended_on", "discovered_on", "harm", "decided_on", "expected"),
    [
        ("2024-09-03", "2026-09-02", None, "2026-11-20", set()),
        ("2024-09-02", "2026-09-02", None, "2026-11-20", {"longer-limitation-only-for-harm"}),
        ("2024-09-02", "2026-09-02", False, "2026-11-20", {"within-limitation"}),
        ("2024-09-02", "2026-09-02", True, "2026-11-20", set()),
        ("2021-09-03", "2026-09-02", True, "2026-11-20", set()),
        ("2021-09-02", "2026-09-02", True, "2026-11-20", {"within-limitation"}),
        ("2021-09-02", "2026-09-02", None, "2026-11-20", {"within-limitation"}),
        ("2019-07-01", "2021-07-01", None, "2021-07-14", {"within-limitation"}),
        ("2019-07-02", "2021-07-01", None, "2021-07-14", set()),
        ("2024-02-29", "2026-02-28", False, "2026-11-20", set()),
        ("2024-02-29", "2026-03-01", False, "2026-11-20", {"within-limitation"}),
    ],
)
def test_what_was_discovered_too_late_is_not_punished(
    ended_on: str, discovered_on: str, harm: bool | None, decided_on: str, expected: set[str]
) -> None:
    known: Facts = {"violation_ended_on": ended_on, "discovered_on": discovered_on}
    tried = case(
        facts={"decided_on": decided_on}, circumstances=known | ({} if harm is None else {"serious_harm": harm})
    )
    found = {each.rule.id for each in findings(tried)}
    assert found & {"within-limitation", "longer-limitation-only-for-harm"} == expected


def test_a_period_of_years_ends_the_day_before() -> None:
    assert last_day(date(2024, 9, 1), 2) == date(2026, 8, 31)
    assert last_day(date(2024, 2, 29), 2) == date(2026, 2, 28)
    assert last_day(date(2024, 2, 29), 4) == date(2028, 2, 28)


def test_every_text_is_filled_in_both_languages() -> None:
    """Whatever the law finds is told in whole sentences."""
    bad = case(
        facts={"penalties": HEAVY, "decided_on": "2026-10-20"}, approval=approval("监管局局长"), circumstances={}
    )
    for each in evaluate(bad, law_book()).findings:
        assert "{" not in each.text_zh + each.text_en and each.text_zh and each.text_en
        assert each.as_dict("/documents/0")["pointer"].startswith("/documents/0/")
