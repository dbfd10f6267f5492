"""Which reminders a delivery calls for, when, and whether one is still true. Pure: nothing is looked up or stored.

A reminder is service of nothing and sets no date. Its occasion and what it is about name it for good, so that a step
that runs twice makes no second one: `third_day` (about the last day), `served` (about the service date) and `deadline`
(about the limit and its last day). The arrival is told by the dispatch itself.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import BEIJING, day_of, end_of
from delivery.kept_deadlines import KeptLimit, kept

Row = sa.RowMapping | Mapping[str, Any]

OCCASIONS: Final = ("arrival", "third_day", "served", "deadline")
"""What a contact may be told of a delivery."""

UNTRUE: Final = (
    "confirmed",
    "served",
    "too_late",
    "limit_met",
    "limit_cancelled",
    "no_longer_planned",
    "document_revoked",
    "document_changed",
    "document_void",
)
"""Why a reminder is not to go out."""

_DATA: Final = Path(__file__).parent / "reminders.toml"
_ACTS: Final = ("deadline", "before")  # the other kinds of limit ask nothing of the party
_ENDED: Final = ("revoked", "void", "changed")


@dataclass(frozen=True)
class Timing:
    """When reminders go out: hours of the day and days before, as reminders.toml has them."""

    third_day_before: int
    third_day_hour: int
    served_within: int
    deadline_before: int
    deadline_hour: int
    quiet_from: int
    quiet_until: int


@dataclass(frozen=True)
class Due:
    """A reminder that is due at `at` (aware, legal clock). `untrue` says why it is not to go out; "" if it is."""

    occasion: str
    about: str
    at: datetime
    untrue: str = ""


@cache
def timing() -> Timing:
    """The timing in force."""
    data = tomllib.loads(_DATA.read_text("utf-8"))
    return Timing(
        third_day_before=data["third_day"]["working_days_before"],
        third_day_hour=data["third_day"]["hour"],
        served_within=data["served"]["within_days"],
        deadline_before=data["deadline"]["days_before"],
        deadline_hour=data["deadline"]["hour"],
        quiet_from=data["quiet"]["from"],
        quiet_until=data["quiet"]["until"],
    )


def plan(row: Row, as_of: datetime, rules: Timing) -> tuple[Due, ...]:
    """Every reminder after the arrival that the delivery calls for as of `as_of` (aware), done or not, true or not.

    `row` has the columns of the delivery, and `instrument`, `facts`, `important`, `document_status` of its document.
    Only what stands in an inbox is reminded of.
    """
    if row["route"] != "inbox" or row["sent_at"] is None:
        return ()
    found = [*_third_day(row, as_of, rules), *_served(row, as_of, rules), *_deadlines(row, as_of, rules)]
    if row["document_status"] in _ENDED:
        return tuple(Due(each.occasion, each.about, each.at, f"document_{row['document_status']}") for each in found)
    return tuple(found)


def still(row: Row, occasion: str, about: str, as_of: datetime, rules: Timing) -> str:
    """Why a reminder that was written is not to go out any more; "" if it is still true."""
    for each in plan(row, as_of, rules):
        if (each.occasion, each.about) == (occasion, about):
            return each.untrue
    return "no_longer_planned"


def _third_day(row: Row, as_of: datetime, rules: Timing) -> Iterator[Due]:
    """Where paper decides, a confirmation sets no date, and there is no third day to miss."""
    if row["important"] or not row["service_count"]:
        return
    days = [date.fromisoformat(day) for day in row["service_count"]["days"]]
    morning = _at(days[max(0, len(days) - 1 - rules.third_day_before)], rules.third_day_hour)
    untrue = ""
    if row["confirmed_at"] is not None:
        untrue = "confirmed"
    elif row["service_status"] == "final":
        untrue = "served"
    elif end_of(days[-1]) <= as_of:
        untrue = "too_late"
    yield Due("third_day", days[-1].isoformat(), morning, untrue)


def _served(row: Row, as_of: datetime, rules: Timing) -> Iterator[Due]:
    if row["service_status"] == "final" and row["service_date"]:
        day = date.fromisoformat(row["service_date"])
        old = end_of(day + timedelta(days=rules.served_within)) <= as_of
        yield Due("served", row["service_date"], _at(day, 0), "too_late" if old else "")


def _deadlines(row: Row, as_of: datetime, rules: Timing) -> Iterator[Due]:
    for each in kept(row):
        limit = each.limit
        if (
            limit.rule.who != "party"
            or limit.rule.kind not in _ACTS
            or limit.status != "fixed"
            or limit.last_day is None
        ):
            continue
        at = _at(limit.last_day - timedelta(days=rules.deadline_before), rules.deadline_hour)
        about = f"{limit.rule.id}/{limit.last_day.isoformat()}"
        yield Due("deadline", about, at, _limit_is_over(each, limit.last_day, as_of))


def _limit_is_over(each: KeptLimit, last_day: date, as_of: datetime) -> str:
    if each.cancelled:
        return "limit_cancelled"
    if each.limit.met_on is not None:
        return "limit_met"
    return "too_late" if end_of(last_day) <= as_of else ""


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), BEIJING)


def loud_again(moment: datetime, rules: Timing) -> datetime | None:
    """When the quiet hours end in which `moment` (aware) lies; None outside of them."""
    local = moment.astimezone(BEIJING)
    quiet = (
        rules.quiet_from <= local.hour < rules.quiet_until
        if rules.quiet_from <= rules.quiet_until
        else local.hour >= rules.quiet_from or local.hour < rules.quiet_until
    )
    if not quiet:
        return None
    morning = _at(day_of(moment), rules.quiet_until)
    return morning if morning > moment else morning + timedelta(days=1)


def mainland_phone(phone: str | None) -> bool:
    """Whether an SMS can be sent there: a mobile number of the mainland, with or without +86."""
    plain = (phone or "").replace(" ", "").replace("-", "").removeprefix("+86").removeprefix("0086")
    return len(plain) == 11 and plain.isascii() and plain.isdigit() and plain.startswith("1")
