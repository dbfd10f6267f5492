"""Penalties compared: a heavier one never passes where a lighter one fails (properties), and the edges by example."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.law.penalties import beyond, covers, exceeds_bureau, needs_hearing
from pipeline.law.rule_sets import law_book
from tests.law_cases import case, errors, facts_of

Penalty = dict[str, Any]
SETS = ("north-china-004.1", "north-china-2021.1", "north-china-2024.1", "penalty-law-2024.1")


def fine(yuan: str) -> Penalty:
    return {"kind": "fine", "amount": yuan}


_AMOUNTS = st.integers(0, 10_000_000).map(lambda cents: f"{cents // 100}.{cents % 100:02}")
_PERIODS = st.one_of(
    st.builds(lambda n, unit: {"days": n, "unit": unit}, st.integers(1, 400), st.sampled_from(["working", "calendar"])),
    st.builds(lambda n: {"months": n}, st.integers(1, 40)),
    st.builds(lambda n: {"years": n}, st.integers(1, 4)),
)
_PENALTIES = st.one_of(
    st.sampled_from(["warning", "criticism", "revocation", "closure"]).map(lambda kind: {"kind": kind}),
    st.builds(
        lambda kind, yuan: {"kind": kind, "amount": yuan}, st.sampled_from(["fine", "confiscation_of_gains"]), _AMOUNTS
    ),
    st.builds(
        lambda kind, period: {"kind": kind, "period": period}, st.sampled_from(["suspension", "stop_order"]), _PERIODS
    ),
)
_LISTS = st.lists(_PENALTIES, min_size=1, max_size=4)


@given(_PENALTIES)
def test_what_was_announced_covers_itself(penalty: Penalty) -> None:
    assert covers(penalty, penalty)


@given(_PENALTIES, _PENALTIES, _PENALTIES)
def test_lighter_than_lighter_is_lighter(a: Penalty, b: Penalty, c: Penalty) -> None:
    if covers(a, b) and covers(b, c):
        assert covers(a, c)


@pytest.mark.rule("N4")
@given(_LISTS, _LISTS, _LISTS)
def test_a_heavier_decision_never_passes_where_a_lighter_one_fails(
    noticed: list[Penalty], lighter: list[Penalty], heavier: list[Penalty]
) -> None:
    """`heavier` is heavier when all of `lighter` is covered by it."""
    if not beyond(lighter, heavier) and beyond(lighter, noticed):
        assert beyond(heavier, noticed)


@given(_LISTS, st.randoms())
def test_the_order_of_the_lists_makes_no_difference(noticed: list[Penalty], chance: Any) -> None:
    decided = list(noticed)
    chance.shuffle(decided)
    assert beyond(decided, noticed) == []
    assert beyond([*decided, {"kind": "closure"}, {"kind": "closure"}, *[{"kind": "closure"}] * len(noticed)], noticed)


@pytest.mark.rule("N3", "N4", "N19")
@pytest.mark.parametrize("name", SETS)
@given(st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_more_money_never_needs_less(name: str, one: int, other: int) -> None:
    limits = law_book().sets[name].limits
    less, more = (fine(f"{cents // 100}.{cents % 100:02}") for cents in sorted((one, other)))
    assert needs_hearing(less, limits) <= needs_hearing(more, limits)
    assert exceeds_bureau(less, limits) <= exceeds_bureau(more, limits)


@given(_LISTS, _LISTS)
def test_a_longer_list_is_never_less_beyond(decided: list[Penalty], noticed: list[Penalty]) -> None:
    assert len(beyond(decided + decided, noticed)) >= len(beyond(decided, noticed))


@pytest.mark.parametrize(
    ("decided", "noticed", "places"),
    [
        ([fine("30000.00")], [fine("40000.00")], []),
        ([fine("40000")], [fine("40000.00")], []),
        ([fine("40000.01")], [fine("40000.00")], [0]),
        ([fine("50000"), fine("20000")], [fine("20000")], [0]),
        ([fine("20000"), fine("20000")], [fine("20000")], [1]),
        ([fine("10"), fine("30")], [fine("30"), fine("10")], []),
        ([fine("30"), fine("10")], [fine("10"), fine("30")], []),
        ([{"kind": "warning"}], [fine("10")], []),
        ([{"kind": "warning"}, fine("10")], [fine("10")], [1]),
        ([{"kind": "revocation"}], [fine("1000000")], [0]),
        (
            [{"kind": "suspension", "period": {"months": 3}}],
            [{"kind": "suspension", "period": {"days": 90, "unit": "calendar"}}],
            [0],
        ),
        (
            [{"kind": "suspension", "period": {"months": 3}}],
            [{"kind": "suspension", "period": {"days": 93, "unit": "calendar"}}],
            [],
        ),
        ([{"kind": "suspension", "period": {"months": 12}}], [{"kind": "suspension", "period": {"years": 1}}], []),
        ([{"kind": "suspension", "period": {"years": 1}}], [{"kind": "suspension", "period": {"months": 11}}], [0]),
    ],
)
def test_what_goes_beyond_the_notice(decided: Sequence[Penalty], noticed: Sequence[Penalty], places: list[int]) -> None:
    assert beyond(decided, noticed) == places


_OBJECT = {"object": {"zh": "甲", "en": "A"}}


@pytest.mark.rule("N4", "N19", "N30")
@pytest.mark.parametrize(
    ("penalty", "by_004", "by_2021"),
    [
        (fine("29999.99"), False, False),
        (fine("30000"), True, True),
        (fine("30000.00"), True, True),
        ({"kind": "revocation", **_OBJECT}, True, True),
        ({"kind": "stop_order", **_OBJECT}, True, True),
        ({"kind": "confiscation_of_gains", "amount": "29999.99"}, False, False),
        ({"kind": "confiscation_of_gains", "amount": "30000"}, False, True),
        ({"kind": "grade_lowering", **_OBJECT}, False, True),
        ({"kind": "closure", **_OBJECT}, False, True),
        ({"kind": "business_restriction", **_OBJECT}, False, True),
        ({"kind": "profession_restriction", **_OBJECT}, False, True),
        ({"kind": "suspension", **_OBJECT}, False, False),
        ({"kind": "warning"}, False, False),
    ],
)
def test_which_penalties_need_a_hearing(penalty: Penalty, by_004: bool, by_2021: bool) -> None:
    assert needs_hearing(penalty, law_book().sets["north-china-004.1"].limits) is by_004
    assert needs_hearing(penalty, law_book().sets["north-china-2024.1"].limits) is by_2021


@pytest.mark.rule("N3", "N4")
@pytest.mark.parametrize(
    ("penalty", "allowed"),
    [
        (fine("29999.99"), True),
        (fine("30000"), False),
        ({"kind": "warning"}, True),
        ({"kind": "suspension", **_OBJECT}, True),
        ({"kind": "confiscation_of_goods", **_OBJECT}, True),
        ({"kind": "revocation", **_OBJECT}, False),
        ({"kind": "stop_order", **_OBJECT}, False),
        ({"kind": "closure", **_OBJECT}, False),
    ],
)
def test_what_a_bureau_may_decide_itself(penalty: Penalty, allowed: bool) -> None:
    for name in ("north-china-004.1", "north-china-2024.1"):
        assert exceeds_bureau(penalty, law_book().sets[name].limits) is not allowed


@pytest.mark.rule("N3", "N4")
@given(st.integers(0, 10_000_000), st.integers(0, 10_000_000))
def test_a_higher_fine_never_passes_a_bureau_where_a_lower_one_fails(one: int, other: int) -> None:
    def refused(cents: int) -> bool:
        tried = case(facts={"penalties": [fine(f"{cents // 100}.{cents % 100:02}")]}, approval=BUREAU)
        return "regional-administration-only" in errors(tried)

    assert refused(min(one, other)) <= refused(max(one, other))


@pytest.mark.rule("N5", "N8")
@given(
    st.integers(0, 500_000),
    st.integers(0, 500_000),
    st.sampled_from(["natural_person", "legal_person"]),
    st.sampled_from(["2021-07-14", "2021-07-15", "2026-11-19"]),
)
def test_a_higher_fine_on_the_spot_never_passes_where_a_lower_one_fails(
    one: int, other: int, kind: str, day: str
) -> None:
    def refused(cents: int) -> bool:
        facts = facts_of("on-the-spot-decision")
        facts |= {"party": facts["party"] | {"kind": kind}, "decided_on": day}
        facts["penalties"] = [fine(f"{cents // 100}.{cents % 100:02}")]
        facts["collection"] = {"manner": "on_the_spot", "ground": "small"}
        return bool(errors(case("on-the-spot-decision", facts=facts)) & {"on-the-spot-limit", "on-the-spot-collection"})

    assert refused(min(one, other)) <= refused(max(one, other))


BUREAU = {"name": "甲", "role": "监管局局长", "rule": "004-70", "approved_at": "2026-11-19T16:20:00+08:00"}
