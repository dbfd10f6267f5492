"""What a holiday notice would change if it counted: days, service dates, limits. Nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.calendars import Calendar, Notice, statutory_holidays
from delivery.service import Outlook, foresee
from records import deliveries


@dataclass(frozen=True)
class DayChange:
    """A day that is worked by one calendar and not by the other. `guessed`: what stands was never settled."""

    day: date
    worked: bool
    guessed: bool


@dataclass(frozen=True)
class DateChange:
    """A delivery whose deemed date, status or service date would change: (before, after) of each."""

    delivery_id: str
    deemed_date: tuple[date | None, date | None]
    status: tuple[str, str]
    service_date: tuple[date | None, date | None]


@dataclass(frozen=True)
class LimitChange:
    """A limit of a delivery that would change: (before, after) of its status and of its last day."""

    delivery_id: str
    limit: str
    status: tuple[str | None, str]
    last_day: tuple[str | None, str | None]


@dataclass(frozen=True)
class Preview:
    """`publishes`: the year had no notice before. `looked_at` counts the deliveries that have not passed.

    `holidays_worked` are statutory holidays that the notice would have people work on: a sign that its file is not
    whole, because a notice always tells its whole year.
    """

    publishes: bool
    days: tuple[DayChange, ...]
    holidays_worked: tuple[date, ...]
    looked_at: int
    dates: tuple[DateChange, ...]
    limits: tuple[LimitChange, ...]

    def as_dict(self) -> dict[str, Any]:
        """The preview as JSON."""
        return {
            "publishes": self.publishes,
            "days": [
                {"date": each.day.isoformat(), "worked": each.worked, "was_a_guess": each.guessed} for each in self.days
            ],
            "statutory_holidays_worked": [day.isoformat() for day in self.holidays_worked],
            "deliveries_looked_at": self.looked_at,
            "deliveries_changed": len(self.dates),
            "deliveries": [
                {
                    "delivery": each.delivery_id,
                    "deemed_date": _change(each.deemed_date),
                    "status": _change(each.status),
                    "service_date": _change(each.service_date),
                }
                for each in self.dates
            ],
            "limits_changed": len(self.limits),
            "limits": [
                {
                    "delivery": each.delivery_id,
                    "limit": each.limit,
                    "status": _change(each.status),
                    "last_day": _change(each.last_day),
                }
                for each in self.limits
            ],
        }


def _change(pair: tuple[date | str | None, date | str | None]) -> dict[str, str | None]:
    before, after = (each.isoformat() if isinstance(each, date) else each for each in pair)
    return {"before": before, "after": after}


def preview(connection: sa.Connection, standing: Calendar, notice: Notice, as_of: datetime) -> Preview:
    """What would change as of `as_of` (aware, the legal clock) if `notice` counted beside what stands."""
    wanted = standing.with_notices([notice])
    dates: list[DateChange] = []
    limits: list[LimitChange] = []
    open_ = deliveries.not_passed(connection, day_of(as_of).isoformat())
    for delivery_id in open_:
        before, after = foresee(connection, delivery_id, (standing, wanted), as_of)
        dates.extend(_date_changes(delivery_id, before, after))
        limits.extend(_limit_changes(delivery_id, before, after))
    return Preview(
        publishes=not standing.is_published(notice.year),
        days=tuple(_day_changes(standing, wanted, notice.year)),
        holidays_worked=tuple(
            day
            for first, length in statutory_holidays(notice.year)
            for day in (first + timedelta(days=offset) for offset in range(length))
            if wanted.is_working_day(day)
        ),
        looked_at=len(open_),
        dates=tuple(dates),
        limits=tuple(limits),
    )


def _day_changes(standing: Calendar, wanted: Calendar, year: int) -> Iterator[DayChange]:
    """The differing days of the year and of the December before it, which a notice may move too."""
    day = date(year - 1, 12, 1)
    while day.year <= year:
        worked = wanted.is_working_day(day)
        if worked != standing.is_working_day(day):
            yield DayChange(day, worked, guessed=not standing.is_settled(day))
        day += timedelta(days=1)


def _date_changes(delivery_id: str, before: Outlook, after: Outlook) -> Iterator[DateChange]:
    old, new = before.decided, after.decided
    change = DateChange(
        delivery_id,
        (old.deemed_date, new.deemed_date),
        (old.status, new.status),
        (old.service_date, new.service_date),
    )
    if any(one != other for one, other in (change.deemed_date, change.status, change.service_date)):
        yield change


def _limit_changes(delivery_id: str, before: Outlook, after: Outlook) -> Iterator[LimitChange]:
    old = {limit["id"]: limit for limit in before.limits}
    for limit in after.limits:
        former = old.get(limit["id"], {"status": None, "shown": None})
        status, last_day = (former["status"], limit["status"]), (former["shown"], limit["shown"])
        if status[0] != status[1] or last_day[0] != last_day[1]:
            yield LimitChange(delivery_id, limit["id"], status, last_day)
