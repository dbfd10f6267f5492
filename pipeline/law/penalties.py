"""Penalties compared: which need a hearing, and which go beyond what the party was told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from pipeline.law.rule_sets import Limits

Penalty = Mapping[str, Any]

#: Lightest of all (处罚法 9): it may stand in the place of any other penalty that was announced.
_LIGHTEST: Final = "warning"


def amount(penalty: Penalty) -> Decimal:
    """Yuan of a fine or of confiscated gains; nought for what has no amount."""
    return Decimal(penalty.get("amount", "0"))


def needs_hearing(penalty: Penalty, limits: Limits) -> bool:
    """Whether the party may ask for a hearing before this penalty (004-63; 处罚法 63). 以上 includes the number."""
    kind = penalty["kind"]
    if kind == "fine":
        return amount(penalty) >= limits.hearing_fine
    if kind == "confiscation_of_gains" and limits.hearing_confiscation is not None:
        return amount(penalty) >= limits.hearing_confiscation
    return kind in limits.hearing_kinds


def exceeds_bureau(penalty: Penalty, limits: Limits) -> bool:
    """Whether a 监管局 may not decide this penalty itself (004-25); never where the set knows no such limit."""
    if limits.bureau_fine_below is None:
        return False
    too_much = penalty["kind"] == "fine" and amount(penalty) >= limits.bureau_fine_below
    return too_much or penalty["kind"] not in limits.bureau_kinds or needs_hearing(penalty, limits)


def covers(noticed: Penalty, decided: Penalty) -> bool:
    """Whether the party that was told of `noticed` was told of `decided` too: the same kind and not more of it."""
    if decided["kind"] == _LIGHTEST:
        return True
    if decided["kind"] != noticed["kind"] or amount(decided) > amount(noticed):
        return False
    period, told = decided.get("period"), noticed.get("period")
    return period is None or told is None or _not_longer(period, told)


def _not_longer(period: Mapping[str, Any], told: Mapping[str, Any]) -> bool:
    """Of one unit by their numbers; of two, only when it is so whatever the calendar."""
    (unit, number, _, longest), (told_unit, told_number, shortest, _) = _measured(period), _measured(told)
    return number <= told_number if unit == told_unit else longest <= shortest


def _measured(period: Mapping[str, Any]) -> tuple[str, int, int, int]:
    """Unit, number of it, and the fewest and the most calendar days that it can be."""
    if "days" in period:
        days = int(period["days"])
        if period["unit"] == "calendar":
            return "calendar", days, days, days
        return "working", days, days, 2 * days + 12  # no notice so far made working days rarer than that
    months = int(period.get("months", 0)) + 12 * int(period.get("years", 0))
    return "months", months, 28 * months, 31 * months


def beyond(decided: Sequence[Penalty], noticed: Sequence[Penalty]) -> list[int]:
    """Places of the decided penalties that no announced one covers; each announced one covers one at most.

    As few as can be: a largest matching of the two lists (each has eight at most).
    """
    taken: dict[int, int] = {}

    def place(index: int, tried: set[int]) -> bool:
        for other, announced in enumerate(noticed):
            if other in tried or not covers(announced, decided[index]):
                continue
            tried.add(other)
            if other not in taken or place(taken[other], tried):
                taken[other] = index
                return True
        return False

    return [index for index in range(len(decided)) if not place(index, set())]
