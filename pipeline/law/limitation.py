"""The limitation period: what was not discovered in time is not punished any more."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from pipeline.law.cases import Breach, Case
from pipeline.law.rule_sets import Limits


def within_limitation(case: Case, limits: Limits) -> Iterator[Breach]:
    """Discovered after every period that can apply had ended."""
    ended, discovered = _days(case)
    harm = case.circumstances.get("serious_harm", True)  # not said: the longer period may be the right one
    years = (limits.limitation_years_harm if harm else None) or limits.limitation_years
    if ended is not None and discovered > last_day(ended, years):
        yield Breach(_place(case), {"years": years, "last": last_day(ended, years)})


def longer_limitation_only_for_harm(case: Case, limits: Limits) -> Iterator[Breach]:
    """Discovered in time only if the longer period applies, and the job does not say that it does."""
    ended, discovered = _days(case)
    if ended is None or limits.limitation_years_harm is None:
        return
    between = last_day(ended, limits.limitation_years) < discovered <= last_day(ended, limits.limitation_years_harm)
    if between and "serious_harm" not in case.circumstances:
        yield Breach(_place(case), {"years": limits.limitation_years})


def _place(case: Case) -> str:
    said = "violation_ended_on" in case.circumstances
    return "/circumstances/violation_ended_on" if said else "/facts/violation/at"


def _days(case: Case) -> tuple[date | None, date]:
    """The day the violation ended, and the day it was discovered: at the latest when the case was opened or decided."""
    ended = case.circumstance("violation_ended_on") or case.day("violation.at")
    discovered = case.circumstance("discovered_on") or case.day("found_on") or case.day("opened_on")
    return ended, discovered or case.dated


def last_day(ended: date, years: int) -> date:
    """The last day of a period of years from the day the violation ended: the day before the same day, years later.

    The day itself counts (处罚法 36: 从违法行为发生之日起计算；连续或者继续状态的，从行为终了之日起计算).
    """
    try:
        return ended.replace(year=ended.year + years) - timedelta(days=1)
    except ValueError:  # 29 February
        return date(ended.year + years, 2, 28)
