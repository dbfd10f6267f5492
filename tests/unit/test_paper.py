"""Records of service on paper: what each method demands, and the legal day it makes."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from delivery.paper import CAPACITIES, OUTCOMES, public_notice_day
from delivery.paper_rules import Circumstances, PaperResult, check_receipt
from records.errors import Refused
from templates.manifests import METHODS, manifest

AT = datetime(2026, 3, 20, 2, tzinfo=UTC)
SITUATION = Circumstances(manifest("compulsory-measures-decision"), date(2026, 3, 2), AT, "clerk-1", has_scan=True)

GOOD: dict[str, dict[str, Any]] = {
    "direct": {"outcome": "served", "receiver": "王芳", "capacity": "mail_clerk"},
    "leaving": {
        "outcome": "served",
        "refusal_reason": "拒绝签收",
        "place": "北京市朝阳区1号",
        "witnesses": ["甲", "乙"],
    },
    "post": {
        "outcome": "served",
        "receiver": "王芳",
        "capacity": "mail_clerk",
        "mail_kind": "express",
        "mail_number": "EA123456789CN",
    },
    "entrusted": {"outcome": "served", "receiver": "王芳", "capacity": "head", "organ": "上海监管局"},
    "public_notice": {"outcome": "published", "failed_attempts": ["direct", "post"], "published_in": "人民法院报"},
    "fax": {"outcome": "served", "receiver": "王芳", "capacity": "agent", "consent": True},
}


def record(method: str, **change: Any) -> dict[str, Any]:
    value = {"method": method, "date": "2026-03-10", **GOOD[method], **change}
    return {name: item for name, item in value.items() if item is not ...}


def check(value: Any, **change: Any) -> PaperResult:
    return check_receipt(value, Circumstances(**{**vars(SITUATION), **change}))


def faults(value: Any, **change: Any) -> set[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        check(value, **change)
    assert all(fault.message_en and fault.message_zh for fault in refused.value.faults)
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


@pytest.mark.parametrize("method", [method for method in METHODS if method != "public_notice"])
def test_a_complete_record_makes_its_day_the_legal_one(method: str) -> None:
    found = check(record(method))
    assert (found.served_on, found.final) == (date(2026, 3, 10), True)
    assert check(found.record.as_dict()) == found


def test_without_scan_or_slip_it_is_recorded_but_not_final() -> None:
    found = check(record("direct"), has_scan=False)
    assert (found.served_on, found.final) == (date(2026, 3, 10), False)


@pytest.mark.rule("D4", "D5", "D6", "D7", "LAW-7")
@pytest.mark.parametrize(
    ("method", "change", "pointer"),
    [
        ("direct", {"receiver": ...}, "/receiver"),
        ("direct", {"receiver": "  "}, "/receiver"),
        ("direct", {"capacity": ...}, "/capacity"),
        ("post", {"capacity": ...}, "/capacity"),
        ("post", {"mail_kind": ...}, "/mail_kind"),
        ("post", {"mail_number": ...}, "/mail_number"),
        ("post", {"outcome": "returned", "mail_number": ...}, "/mail_number"),
        ("leaving", {"refusal_reason": ...}, "/refusal_reason"),
        ("leaving", {"place": ...}, "/place"),
        ("leaving", {"witnesses": ["甲"]}, "/witnesses"),
        ("leaving", {"witnesses": ["甲", "甲 "]}, "/witnesses"),
        ("entrusted", {"organ": ...}, "/organ"),
        ("fax", {"consent": False}, "/consent"),
        ("fax", {"consent": ...}, "/consent"),
        ("public_notice", {"failed_attempts": []}, "/failed_attempts"),
        ("public_notice", {"published_in": ...}, "/published_in"),
        ("direct", {"outcome": ...}, "/outcome"),
        ("direct", {"date": ...}, "/date"),
        ("direct", {"date": ""}, "/date"),
    ],
)
def test_what_the_method_demands_is_missed_by_name(method: str, change: dict[str, Any], pointer: str) -> None:
    assert faults(record(method, **change)) == {(pointer, "missing")}


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        ({**record("direct"), "method": "pigeon"}, ("/method", "unknown_method")),
        (record("direct", outcome="locker"), ("/outcome", "unknown_outcome")),
        (record("direct", capacity="guard"), ("/capacity", "unknown_capacity")),
        (record("post", mail_kind="ordinary"), ("/mail_kind", "unknown_mail_kind")),
        (record("direct", date="2026-02-30"), ("/date", "not_a_date")),
        (record("direct", date="20260310"), ("/date", "not_a_date")),
        (record("direct", date=20260310), ("/date", "type")),
        (record("direct", receiver="x" * 501), ("/receiver", "type")),
        (record("leaving", witnesses="甲、乙"), ("/witnesses", "type")),
        (record("fax", consent="yes"), ("/consent", "type")),
        (record("direct", colour="red"), ("/colour", "unknown_key")),
        (record("direct", ruling="算作送达"), ("/ruling", "not_for_this_outcome")),
        ([], ("", "type")),
    ],
)
def test_wrong_values_are_refused_by_name(value: Any, fault: tuple[str, str]) -> None:
    assert faults(value) == {fault}


def test_all_faults_are_told_at_once() -> None:
    value = record("leaving", place=..., refusal_reason=..., witnesses=[], date="2026-03-01")
    assert faults(value) == {
        ("/date", "before_document"),
        ("/place", "missing"),
        ("/refusal_reason", "missing"),
        ("/witnesses", "missing"),
    }


def test_a_date_after_the_day_of_recording_is_refused_by_the_day_in_beijing() -> None:
    assert faults(record("direct", date="2026-03-21")) == {("/date", "in_the_future")}
    late = datetime(2026, 3, 20, 16, tzinfo=UTC)  # already 21 March in Beijing
    assert check(record("direct", date="2026-03-21"), recorded_at=late).served_on == date(2026, 3, 21)


def test_a_date_before_the_documents_own_is_refused() -> None:
    assert faults(record("direct", date="2026-03-01")) == {("/date", "before_document")}


@pytest.mark.rule("D8")
def test_a_method_that_the_instrument_does_not_allow_is_refused() -> None:
    assert faults(record("fax"), instrument=manifest("demand-letter")) == {("/method", "method_not_allowed")}


@pytest.mark.rule("D4", "LAW-7")
def test_leaving_service_may_rest_on_video() -> None:
    assert check(record("leaving", witnesses=..., video=True)).served_on == date(2026, 3, 10)


@pytest.mark.rule("D5")
@pytest.mark.parametrize("outcome", ["refused", "unclaimed", "locker", "signed_by_guard", "signed_by_other"])
def test_such_an_outcome_of_post_is_no_service_until_a_clerk_rules(outcome: str) -> None:
    value = record("post", outcome=outcome, receiver=..., capacity=...)
    assert check(value).served_on is None
    assert check({**value, "ruling": "收件人授权门卫代收，附授权书"}).served_on == date(2026, 3, 10)


@pytest.mark.parametrize(
    ("method", "outcome"),
    [
        (method, outcome)
        for method, outcomes in OUTCOMES.items()
        for outcome in outcomes
        if outcome not in ("served", "published")
    ],
)
def test_an_attempt_that_failed_is_recorded_and_makes_no_date(method: str, outcome: str) -> None:
    assert check(record(method, outcome=outcome, receiver=..., capacity=...)).served_on is None


@pytest.mark.rule("LAW-7")
@pytest.mark.parametrize("capacity", CAPACITIES)
def test_each_capacity_of_the_civil_procedure_law_is_known(capacity: str) -> None:
    assert check(record("post", capacity=capacity)).record.capacity == capacity


@pytest.mark.rule("LAW-7", "LAW-8")
@pytest.mark.parametrize(
    ("published", "abroad", "legal"),
    [
        ("2026-04-05", False, "2026-05-06"),  # 30 days since 2022
        ("2022-01-01", False, "2022-02-01"),
        ("2021-12-31", False, "2022-03-02"),  # 60 days before
        ("2024-01-01", True, "2024-03-02"),  # 60 days since 2024
        ("2023-11-30", True, "2024-03-01"),  # three months before, cut to the month's last day
        ("2023-10-15", True, "2024-01-16"),
        ("1980-01-01", False, "1980-03-02"),
    ],
)
def test_civil_procedure_law_95_283_public_notice_counts_on_the_day_after_its_period(
    published: str, abroad: bool, legal: str
) -> None:
    assert public_notice_day(date.fromisoformat(published), abroad=abroad).isoformat() == legal


def test_a_public_notice_is_recorded_at_publication_and_counts_later() -> None:
    found = check(record("public_notice"))
    assert found.served_on == date(2026, 4, 10)
    assert found.served_on > AT.date()


def test_a_correction_needs_a_reason_and_a_second_person() -> None:
    assert faults(record("direct"), supersedes=True) == {
        ("/correction_reason", "missing"),
        ("/approved_by", "missing"),
    }
    mended = record("direct", correction_reason="日期录入有误", approved_by="clerk-1")
    assert faults(mended, supersedes=True) == {("/approved_by", "same_person")}
    assert check({**mended, "approved_by": "clerk-2"}, supersedes=True).final


def test_a_backdated_record_needs_them_too() -> None:
    late = datetime(2026, 6, 1, tzinfo=UTC)
    assert ("/approved_by", "missing") in faults(record("direct"), recorded_at=late)


def test_no_approval_is_asked_for_a_day_that_cannot_be() -> None:
    late = datetime(2026, 6, 1, tzinfo=UTC)
    assert faults(record("direct", date="2026-03-01"), recorded_at=late) == {("/date", "before_document")}
    assert faults(record("direct"), recorded_at=late, sent_on=date(2026, 3, 11)) == {("/date", "before_release")}
