"""Periods of measures and of execution: evidence preserved, things seized, the additional fine, the court asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from pipeline.law.cases import Breach, Case
from pipeline.law.rule_sets import Limits


def evidence_decided_in_time(case: Case, limits: Limits) -> Iterator[Breach]:
    """Evidence is to be kept longer than the law allows without an extension."""
    registered_on, until = case.day("registered_at"), case.day("until")
    if registered_on is not None and until is not None:
        end = case.period_end(registered_on, limits.evidence_days, limits)
        if until > end:
            yield Breach("/facts/until", {"end": end, "days": limits.evidence_days})


def seizure_days(case: Case, limits: Limits) -> Iterator[Breach]:
    """The days of a seizure are not those between its first and its last day, or more than the law allows."""
    first, last = case.day("period.from"), case.day("period.until")
    if first is None or last is None:
        return
    days = (last - first).days + 1
    if days != case.get("period.days"):
        yield Breach("/facts/period/days", {"days": days, "most": limits.seizure_days})
    elif days > limits.seizure_days and case.get("period.special_basis") is None:
        yield Breach("/facts/period/until", {"days": days, "most": limits.seizure_days})


def additional_fine_within_fine(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001 - one shape for all
    """More is said to be unpaid than was imposed."""
    fine, unpaid = Decimal(case.facts["fine"]), Decimal(case.facts["unpaid"])
    if unpaid > fine:
        yield Breach("/facts/unpaid", {"fine": fine})


def demand_before_enforcement(case: Case, limits: Limits) -> Iterator[Breach]:
    """The court is asked while the period of the demand still runs, which counts working days (强制法 69)."""
    served_on = case.day("demand.served_on")
    if served_on is not None:
        end = case.calendar.nth_working_day_after(served_on, limits.demand_days)
        if case.dated <= end:
            yield Breach("/facts/applied_on", {"end": end, "days": limits.demand_days})


def enforcement_in_time(case: Case, limits: Limits) -> Iterator[Breach]:
    """The court is asked later than the law allows after the remedies lapsed."""
    lapsed_on = case.day("remedies_lapsed_on")
    if lapsed_on is not None:
        last = _months_after(lapsed_on, limits.enforcement_months)
        if case.dated > last:
            yield Breach("/facts/applied_on", {"last": last, "months": limits.enforcement_months})


def _months_after(day: date, months: int) -> date:
    """The same day so many months later; the last of a month that has no such day."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    for number in range(day.day, 27, -1):
        try:
            return date(year, month + 1, number)
        except ValueError:
            continue
    return date(year, month + 1, day.day)
