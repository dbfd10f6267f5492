"""The rule sets of the preflight are sound data: chosen by authority and date, in both languages, with citations."""

from __future__ import annotations

import re
from datetime import date

import pytest

from delivery.deadline_rules import limit_book
from delivery.rule_sets import names_in
from pipeline.law.evaluation import PREDICATES
from pipeline.law.rule_sets import RULES, SETS, law_book, read_book
from records.errors import Permanent
from templates.manifests import manifests
from tests.house import AUTHORITY, ROOT

_RULES = "\n".join(path.read_text("utf-8") for path in sorted(RULES.glob("*.toml")))
_SETS = SETS.read_text("utf-8")


@pytest.mark.rule("N29")
@pytest.mark.parametrize(
    ("authority", "day", "expected"),
    [
        (AUTHORITY, date(2026, 11, 23), "north-china-2024.1"),
        (AUTHORITY, date(2024, 1, 1), "north-china-2024.1"),
        (AUTHORITY, date(2023, 12, 31), "north-china-2021.1"),
        (AUTHORITY, date(2021, 7, 15), "north-china-2021.1"),
        (AUTHORITY, date(2021, 7, 14), "north-china-004.1"),
        (AUTHORITY, date(1990, 1, 1), "north-china-004.1"),
        ("caac-east", date(2026, 11, 23), "penalty-law-2024.1"),
        ("caac-east", date(2021, 7, 15), "penalty-law-2021.1"),
        ("caac-east", date(2021, 7, 14), "penalty-law-1996.1"),
        ("caac-east", date(1990, 1, 1), "penalty-law-1996.1"),
    ],
)
def test_the_set_is_chosen_by_authority_and_day(authority: str, day: date, expected: str) -> None:
    assert law_book().in_force(authority, day).id == expected


@pytest.mark.rule("N3", "N5", "N8", "N18", "N20")
@pytest.mark.parametrize(
    ("name", "days_to_ask", "spot", "collection", "years", "decision_days", "bureau"),
    [
        ("north-china-004.1", 3, (50, 1000), 20, (2, None), None, 30000),
        ("north-china-2021.1", 5, (200, 3000), 100, (2, 5), 90, 30000),
        ("north-china-2024.1", 5, (200, 3000), 100, (2, 5), 90, 30000),
        ("penalty-law-2024.1", 5, (200, 3000), 100, (2, 5), 90, None),
    ],
)
def test_the_limits_are_those_of_the_law_of_the_day(
    name: str,
    days_to_ask: int,
    spot: tuple[int, int],
    collection: int,
    years: tuple[int, int | None],
    decision_days: int | None,
    bureau: int | None,
) -> None:
    limits = law_book().sets[name].limits
    assert limits.hearing_request_days == days_to_ask
    assert (limits.spot_fine_person, limits.spot_fine_organisation) == spot
    assert limits.spot_collection == collection
    assert (limits.limitation_years, limits.limitation_years_harm) == years
    assert limits.decision_days == decision_days
    assert limits.bureau_fine_below == bureau
    assert limits.working_days
    assert (limits.officers, limits.hearing_notice_days) == (2, 7)
    assert limits.statement_days == (5 if name.startswith("north-china") else None)


#: Limits of the preflight, and the deadline (delivery/deadlines.toml) that counts the same days.
_SAME = (
    ("hearing_request_days", "hearing-request"),
    ("statement_days", "statement"),
    ("hearing_notice_days", "hearing-notice-service"),
    ("evidence_days", "preserved-evidence"),
    ("decision_days", "case-decision"),
    ("limitation_years", "limitation"),
    ("limitation_years_harm", "limitation-serious"),
    ("demand_days", "enforcement-after-demand"),
    ("enforcement_months", "enforcement-application"),
    ("seizure_days", "seizure"),
)


@pytest.mark.rule("N16", "N18", "N20", "N21", "N11", "LAW-9")
@pytest.mark.parametrize(("name", "deadline"), _SAME)
@pytest.mark.parametrize("day", [date(2021, 7, 14), date(2021, 7, 15), date(2026, 11, 23)])
def test_the_preflight_counts_the_days_that_the_deadlines_count(name: str, deadline: str, day: date) -> None:
    limits = law_book().in_force(AUTHORITY, day).limits
    rule = limit_book().in_force(deadline, day, AUTHORITY)
    assert getattr(limits, name) == (rule.count if rule else None)


def test_every_rule_of_the_data_is_looked_at_and_every_look_is_a_rule() -> None:
    in_sets = {rule.id for law in law_book().sets.values() for rule in law.rules}
    in_data = set(re.findall(r'^id = "([^"]+)"$', _RULES, re.MULTILINE))
    assert in_sets == in_data == set(PREDICATES)


def test_every_version_of_a_rule_is_in_force_somewhere() -> None:
    written = set(re.findall(r'^id = "([^"]+)"\nversion = "([^"]+)"', _RULES, re.MULTILINE))
    assert written == {(rule.id, rule.version) for law in law_book().sets.values() for rule in law.rules}


def test_every_rule_names_instruments_that_there_are() -> None:
    for law in law_book().sets.values():
        for rule in law.rules:
            assert rule.instruments <= set(manifests()), rule.id
            assert rule.citation and rule.zh.endswith(("。", "}")) and rule.en.endswith((".", "}"))
            assert names_in(rule.zh) == names_in(rule.en)


def test_every_rule_and_every_set_stands_in_the_documentation_with_its_citation() -> None:
    page = (ROOT / "docs" / "preflight.md").read_text("utf-8")
    for law in law_book().sets.values():
        assert f"`{law.id}`" in page
        for rule in law.rules:
            assert re.search(rf"^\| `{rule.id}` \| {rule.severity} \|", page, re.MULTILINE), rule.id
            assert rule.citation in page, f"{rule.id}/{rule.version}: {rule.citation}"
    told = set(re.findall(r"^\| `([a-z-]+)` \| (?:error|warning) \|", page, re.MULTILINE))
    assert told == set(PREDICATES)


@pytest.mark.parametrize(
    ("rules", "sets", "message"),
    [
        ("nonsense", _SETS, "cannot be read"),
        (_RULES.replace('severity = "error"', 'severity = "fatal"', 1), _SETS, "severity"),
        (_RULES.replace("zh = ", "zht = ", 1), _SETS, "zht"),
        (_RULES.replace("{below}的罚款", "罚款", 1), _SETS, "both languages"),
        (_RULES + _RULES, _SETS, "stands twice"),
        (_RULES, _SETS.replace("hearing_fine = 30000\n", "", 1), "the limit hearing_fine is missing"),
        (_RULES, _SETS.replace("hearing_fine", "hearing_fines", 1), "hearing_fine"),
        (_RULES, _SETS.replace('two-officers = "1"', 'two-officers = "9"'), "two-officers"),
        (_RULES, _SETS.replace('["penalty-law-1996.1"]', '["nothing"]', 1), "extends nothing"),
        (_RULES, _SETS + _SETS, "stands twice"),
        (_RULES, "", "no general one"),
    ],
)
def test_wrong_data_is_named_when_it_is_read(rules: str, sets: str, message: str) -> None:
    with pytest.raises(Permanent, match=message):
        read_book(rules, sets)
