"""What is asked of the limits is read strictly, and the data they come from too."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

import pytest

from delivery.deadline_facts import parse_limits
from delivery.deadline_rules import RULES, limit_book, read_limits
from records.errors import Permanent, Refused
from templates.manifests import manifests
from tests.house import ROOT

NOW = datetime(2026, 11, 22, 4, tzinfo=UTC)
GOOD: dict[str, Any] = {"instrument": "penalty-decision", "events": {"served": "2026-11-20"}}
TEXT = RULES.read_text("utf-8")


def refused(value: Any) -> list[tuple[str, str]]:
    with pytest.raises(Refused) as caught:
        parse_limits(value, limit_book(), NOW)
    assert all(fault.message_zh and fault.message_en for fault in caught.value.faults)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


@pytest.mark.parametrize(
    ("value", "faults"),
    [
        (3, [("", "type")]),
        ({}, [("/events", "missing")]),
        (GOOD | {"x": 1}, [("/x", "unknown_key")]),
        (GOOD | {"instrument": "letter"}, [("/instrument", "unknown_instrument")]),
        (GOOD | {"instrument": 3}, [("/instrument", "unknown_instrument")]),
        (GOOD | {"events": []}, [("/events", "type")]),
        (GOOD | {"events": {"a/b": "2026-11-20"}}, [("/events/a~1b", "unknown_key")]),
        (GOOD | {"events": {"served": "2026-02-30"}}, [("/events/served", "not_a_date")]),
        (GOOD | {"events": {"served": "2026-11-20T10:00:00"}}, [("/events/served", "no_offset")]),
        (GOOD | {"events": {"served": 20261120}}, [("/events/served", "not_a_date")]),
        (GOOD | {"events": {"served": "1900-01-01"}}, [("/events/served", "out_of_range")]),
        (GOOD | {"events": {"served": "2026-11-20", "made": "2026-11-21"}}, [("/events/served", "wrong_order")]),
        ({"events": {"served": "2026-11-20"}}, [("/instrument", "missing")]),
        (GOOD | {"circumstances": "remedies_not_told"}, [("/circumstances", "type")]),
        (GOOD | {"circumstances": [{}]}, [("/circumstances/0", "unknown_circumstance")]),
        (GOOD | {"as_of": "2026-11-20"}, [("/as_of", "not_a_time")]),
        (GOOD | {"authority": ""}, [("/authority", "type")]),
        (GOOD | {"rules": "law-1996"}, [("/rules", "unknown_rules")]),
        ({"events": {"y": 1}, "rules": []}, [("/events/y", "unknown_key"), ("/rules", "unknown_rules")]),
    ],
)  # fmt: skip
def test_a_faulty_request_is_refused_with_every_fault(value: Any, faults: list[tuple[str, str]]) -> None:
    assert refused(value) == faults


def test_a_time_belongs_to_its_day_in_beijing() -> None:
    facts = parse_limits(GOOD | {"events": {"served": "2026-11-20T16:00:00Z"}}, limit_book(), NOW)
    assert facts.events == {"served": date(2026, 11, 21)}


def test_null_is_the_same_as_leaving_it_out() -> None:
    empty = dict.fromkeys(("events", "circumstances", "authority", "as_of", "rules"))
    facts = parse_limits(GOOD | empty, limit_book(), NOW, "caac-north-china")
    assert (facts.events, facts.circumstances, facts.authority, facts.as_of) == (
        {},
        frozenset(),
        "caac-north-china",
        NOW,
    )
    assert parse_limits(GOOD | {"events": {"served": None}}, limit_book(), NOW).events == {}


# --- the data


def test_every_limit_says_what_it_rests_on_in_both_languages() -> None:
    for found in limit_book().sets.values():
        for limit in found.limits.values():
            assert re.search(r"\d", limit.wording.citation), limit.id
            for zh, en in ((limit.title_zh, limit.title_en), (limit.wording.zh, limit.wording.en)):
                assert re.search(r"[\u4e00-\u9fff]", zh) and not re.search(r"[\u4e00-\u9fff]", en), limit.id
            assert limit.rules, limit.id


def test_every_event_and_circumstance_is_used() -> None:
    book = limit_book()
    limits = [limit for found in book.sets.values() for limit in found.limits.values()]
    used = {name for limit in limits for name in (*limit.start, *limit.unless, limit.met_by)} | {"accessed"}
    used |= {limit.untold.from_ for limit in limits if limit.untold}
    assert set(book.events) <= used
    assert set(book.circumstances) == {name for limit in limits for name in limit.when} | {"remedies_not_told"}


def test_what_may_begin_by_knowledge_is_the_partys_and_begins_with_the_service() -> None:
    for found in limit_book().sets.values():
        for limit in found.limits.values():
            assert limit.knowledge == (limit.who == "party" and limit.start == ("served",)), limit.id


def test_every_remedy_hangs_on_the_same_instruments() -> None:
    newest = limit_book().sets["law-2024.1"].limits
    assert newest["reconsideration"].on - newest["litigation"].on == {"on-the-spot-decision"}
    assert newest["reconsideration"].on <= set(manifests())


def test_the_documentation_lists_every_limit_as_it_is() -> None:
    page = (ROOT / "docs/deadlines.md").read_text("utf-8")
    units = {"working_days": "working days", "calendar_days": "days", "months": "months", "years": "years"}
    rows = [line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 8]
    limits = [each for found in limit_book().sets.values() for each in found.limits.values() if each.set == found.id]
    assert len(rows) == len(limits)
    for row, limit in zip(rows, limits, strict=True):
        name, from_, whose, start, length, _, source = (cell.strip() for cell in row.strip("| ").split(" | "))
        assert (name, from_, whose) == (f"`{limit.id}` {limit.title_zh}", f"`{limit.set}`", limit.who)
        assert start == ", ".join(f"`{each}`" for each in limit.start)
        assert length.startswith(f"{limit.count} {units[limit.unit]}") and source == limit.wording.citation


def test_every_set_and_circumstance_stands_in_the_documentation() -> None:
    page = (ROOT / "docs/deadlines.md").read_text("utf-8")
    assert all(f"`{name}`" in page for name in (*limit_book().sets, *limit_book().circumstances))
    cited = set(re.findall(r"《期限说明》(\d+)", TEXT))
    assert cited <= set(re.findall(r"^(\d+)\. \*\*", page, re.MULTILINE))


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('who = "party"', 'who = "court"', "who"),
        ('kind = "wait"', 'kind = "pause"', "kind"),
        ('unit = "months"', 'unit = "weeks"', "unit"),
        ("count = 90", "count = 0", "count"),
        ('start = ["filed"]', 'start = ["flied"]', "start"),
        ('start = ["end:payment"]', 'start = ["end:paymnet"]', "start"),
        ('on = ["demand-letter"]', 'on = ["demand"]', "on"),
        ('met_by = "handed_in"', 'met_by = "handed"', "met_by"),
        ("when = { seizure_extended = true }", "when = { extended = true }", "when"),
        ('longest_unit = "years"', 'longest_unit = "ages"', "longest_unit"),
        ('set = "law-2024.1"', 'set = "law-2030.1"', "law-2030.1"),
        ('extends = "law-2018.1"', 'extends = "law-2017.1"', "law-2017.1"),
        ('id = "fine-to-bank"', 'id = "payment"', "twice"),
        ('title_zh = "缴纳罚款"\n', "", "title_zh"),
        ('citation = "004-84、106"\n', "", "citation"),
        ("unsettled_from_december = 25", "", "unsettled_from_december"),
        ("{last}。", "{lst}。", "both languages"),
        ("[events]", "[events", "read"),
    ],
)
def test_faulty_data_is_refused_by_name(old: str, new: str, told: str) -> None:
    assert old in TEXT
    with pytest.raises(Permanent, match=re.escape(told)):
        read_limits(TEXT.replace(old, new, 1))


def test_a_day_before_every_set_is_judged_by_the_oldest_ones() -> None:
    book = limit_book()
    assert [book.in_force("payment", date(1990, 1, 1), "caac-north-china"), book.in_force("x", date(2026, 1, 1))] == [
        book.rule("procedure-004.1", "payment"),
        None,
    ]
