"""Requests for a service date: what is wrong is refused, all of it at once, with its place."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from delivery.service_dates import answer
from records.errors import Refused

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
GOOD = {"instrument": "compulsory-measures-decision", "sent_at": "2026-03-02T10:00:00+08:00"}


def faults(value: Any) -> set[tuple[str, str]]:
    with pytest.raises(Refused) as refused:
        answer(value, now=NOW)
    assert all(fault.message_en and fault.message_zh for fault in refused.value.faults)
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


@pytest.mark.parametrize(
    ("change", "pointer", "code"),
    [
        ({"instrument": "parking-ticket"}, "/instrument", "unknown_instrument"),
        ({"instrument": ""}, "/instrument", "unknown_instrument"),
        ({"instrument": ["x"]}, "/instrument", "unknown_instrument"),
        ({"instrument": None}, "/instrument", "missing"),
        ({"sent_at": None}, "/sent_at", "missing"),
        ({"sent_at": "2026-03-02T10:00:00"}, "/sent_at", "no_offset"),
        ({"sent_at": "2026-03-02T10:00"}, "/sent_at", "no_offset"),
        ({"sent_at": "2026-03-02"}, "/sent_at", "not_a_time"),
        ({"sent_at": 1772416800}, "/sent_at", "not_a_time"),
        ({"sent_at": True}, "/sent_at", "not_a_time"),
        ({"sent_at": "2026-02-30T10:00:00+08:00"}, "/sent_at", "not_a_time"),
        ({"sent_at": "2026-03-02T25:00:00+08:00"}, "/sent_at", "not_a_time"),
        ({"sent_at": "2026-03-02T10:00:00 Asia/Shanghai"}, "/sent_at", "not_a_time"),
        ({"sent_at": "2026-03-02T10:00:00+99:00"}, "/sent_at", "not_a_time"),
        ({"sent_at": "２０２６-03-02T10:00:00+08:00"}, "/sent_at", "not_a_time"),
        ({"sent_at": "2026-03-02T10:00:00+08:00\n"}, "/sent_at", "not_a_time"),
        ({"sent_at": "0001-01-01T00:00:00+08:00"}, "/sent_at", "out_of_range"),
        ({"sent_at": "9999-12-31T23:59:59-08:00"}, "/sent_at", "out_of_range"),
        ({"confirmed_at": "2026-03-03T10:00:00"}, "/confirmed_at", "no_offset"),
        ({"confirmed_at": "2026-03-02T09:59:59+08:00"}, "/confirmed_at", "confirmed_before_sent"),
        ({"confirmed_at": "2026-03-02T10:30:00+09:00"}, "/confirmed_at", "confirmed_before_sent"),
        ({"as_of": "2026-03-03"}, "/as_of", "not_a_time"),
        ({"as_of": "2026-03-03T10:00:00"}, "/as_of", "no_offset"),
        ({"rules": "no-such-rules"}, "/rules", "unknown_rules"),
        ({"rules": 1}, "/rules", "unknown_rules"),
        ({"paper_required": "yes"}, "/paper_required", "type"),
        ({"paper_required": 1}, "/paper_required", "type"),
        ({"important": True}, "/important", "unknown_key"),
        ({"a/b~c": 1}, "/a~1b~0c", "unknown_key"),
        ({"paper": {}}, "/paper", "type"),
        ({"paper": ["direct"]}, "/paper/0", "type"),
        ({"paper": [{"served_on": None}]}, "/paper/0/method", "missing"),
        ({"paper": [{"method": "pigeon", "served_on": None}]}, "/paper/0/method", "unknown_method"),
        ({"paper": [{"method": ["direct"], "served_on": None}]}, "/paper/0/method", "unknown_method"),
        ({"paper": [{"method": "direct"}]}, "/paper/0/served_on", "missing"),
        ({"paper": [{"method": "direct", "served_on": ""}]}, "/paper/0/served_on", "not_a_date"),
        ({"paper": [{"method": "direct", "served_on": "2026-02-29"}]}, "/paper/0/served_on", "not_a_date"),
        ({"paper": [{"method": "direct", "served_on": "2026-W10-1"}]}, "/paper/0/served_on", "not_a_date"),
        ({"paper": [{"method": "direct", "served_on": GOOD["sent_at"]}]}, "/paper/0/served_on", "not_a_date"),
        ({"paper": [{"method": "fax", "served_on": None, "consent": "yes"}]}, "/paper/0/consent", "type"),
        ({"paper": [{"method": "direct", "served_on": None, "by": "x"}]}, "/paper/0/by", "unknown_key"),
    ],
)
def test_one_fault_is_named_with_its_place(change: dict[str, Any], pointer: str, code: str) -> None:
    assert faults({**GOOD, **change}) == {(pointer, code)}


def test_all_faults_are_told_at_once() -> None:
    request = {"instrument": "x", "sent_at": "y", "colour": 1, "paper": [{"method": "z"}]}
    assert faults(request) == {
        ("/instrument", "unknown_instrument"),
        ("/sent_at", "not_a_time"),
        ("/colour", "unknown_key"),
        ("/paper/0/method", "unknown_method"),
        ("/paper/0/served_on", "missing"),
    }


@pytest.mark.parametrize("value", [None, 1, "x", True])
def test_a_request_is_an_object(value: Any) -> None:
    assert faults(value) == {("", "type")}


def test_an_empty_request_misses_what_it_needs() -> None:
    assert faults({}) == {("/instrument", "missing"), ("/sent_at", "missing")}


def test_null_is_the_same_as_leaving_an_optional_key_out() -> None:
    empty = {"confirmed_at": None, "paper_required": None, "paper": None, "as_of": None, "rules": None}
    assert answer({**GOOD, **empty}, now=NOW) == answer(GOOD, now=NOW)


@pytest.mark.parametrize(
    "sent_at",
    [
        "2026-03-02T02:00:00Z",
        "2026-03-02t02:00:00z",
        "2026-03-02 10:00+08:00",
        "2026-03-01T21:00:00.000000000-05:00",
        "2026-03-02T02:00:00-00:00",
    ],
)
def test_rfc_3339_times_of_any_offset_are_read(sent_at: str) -> None:
    assert answer({**GOOD, "sent_at": sent_at}, now=NOW) == answer(GOOD, now=NOW)
