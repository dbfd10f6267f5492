"""The hearing: announced in time, asked for in time, led by someone who has not investigated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Final

from pipeline.law.cases import Breach, Case
from pipeline.law.rule_sets import Limits

_DEEMED_AFTER: Final = 3  # working days until a delivery to the account is deemed served, at the latest (Letter II.4)


def hearing_announced_ahead(case: Case, limits: Limits) -> Iterator[Breach]:
    """Even a notice that is served today comes too late."""
    held_on = case.day("hearing.begins_at")
    if held_on is not None and held_on < case.period_end(_today(case), limits.hearing_notice_days, limits):
        yield Breach("/facts/hearing/begins_at", {"days": limits.hearing_notice_days})


def hearing_notice_confirmed_in_time(case: Case, limits: Limits) -> Iterator[Breach]:
    """In time if it is served soon, too late if its service is only deemed."""
    held_on = case.day("hearing.begins_at")
    if held_on is None or next(hearing_announced_ahead(case, limits), None) is not None:
        return
    deemed = case.calendar.nth_working_day_after(_today(case), _DEEMED_AFTER)
    if held_on < case.period_end(deemed, limits.hearing_notice_days, limits):
        latest = _latest_service(case, held_on, limits)
        yield Breach("/facts/hearing/begins_at", {"latest": latest, "days": limits.hearing_notice_days})


def _today(case: Case) -> date:
    """The first day on which the notice can be served."""
    return max(case.today, case.dated)


def _latest_service(case: Case, held_on: date, limits: Limits) -> date:
    day = _today(case)
    while case.period_end(day + timedelta(days=1), limits.hearing_notice_days, limits) <= held_on:
        day += timedelta(days=1)
    return day


def hearing_held_with_notice(case: Case, limits: Limits) -> Iterator[Breach]:
    """The record is of a hearing that was held too soon after its notice was served."""
    served_on, held_on = case.day("notice.served_on"), case.day("begins_at")
    if served_on is not None and held_on is not None:
        first = case.period_end(served_on, limits.hearing_notice_days, limits)
        if held_on < first:
            yield Breach("/facts/begins_at", {"first": first, "days": limits.hearing_notice_days})


def hearing_asked_in_time(case: Case, limits: Limits) -> Iterator[Breach]:
    """The party asked after its period had ended: the request may be refused."""
    served_on, asked_on = case.day("rights_notice.served_on"), case.day("requested_on")
    if served_on is not None and asked_on is not None:
        end = case.period_end(served_on, limits.hearing_request_days, limits)
        if asked_on > end:
            yield Breach("/facts/requested_on", {"end": end, "days": limits.hearing_request_days})


def presiding_has_not_investigated(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001 - one shape for all
    """Whoever presides is one of the officers in charge."""
    path = "presiding" if "presiding" in case.facts else "hearing.presiding"
    presiding = case.get(f"{path}.name.zh")
    if any(officer["name"]["zh"] == presiding for officer in case.facts.get("officers", ())):
        yield Breach(f"/facts/{path.replace('.', '/')}/name")
