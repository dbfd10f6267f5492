"""Every rule is proved by a test or says why not; the page that shows it is current."""

from __future__ import annotations

import re

import pytest

from tests.traceability import PAGE, Rule, marks, page, rules

NUMBERED = [*(f"N{n}" for n in range(1, 31)), *(f"D{n}" for n in range(1, 9)), *(f"R{n}" for n in range(1, 7))]


def test_every_rule_of_the_seeds_and_of_the_law_is_listed() -> None:
    laws = [f"LAW-{n}" for n in range(1, 16)]
    signatures = ["3", "4", "5a", "5b", "6", "7", "8", "9", "10", "11a", "11b", "11c", "12", "13a", "13b", "14", "15"]
    assert list(rules()) == [*NUMBERED, *laws, *(f"ESL-{each}" for each in [*signatures, "16", "20", "21", "24"])]


def test_every_rule_has_a_test_or_names_why_it_has_none() -> None:
    proved = marks()
    assert [rule.id for rule in rules().values() if not proved.get(rule.id) and not rule.why] == []


def test_every_mark_names_a_rule_that_is_listed() -> None:
    assert {rule: tests for rule, tests in marks().items() if rule not in rules()} == {}


@pytest.mark.parametrize("rule", rules().values(), ids=lambda rule: rule.id)
def test_a_rule_has_a_title_in_english_and_its_source(rule: Rule) -> None:
    assert re.match("[A-Z“]", rule.title)
    assert rule.source
    assert "|" not in rule.title + rule.source + rule.why


def test_the_page_is_current() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.traceability`"
