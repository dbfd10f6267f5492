"""The limits of a stored delivery: computed when something changed, kept with it, never replaced silently.

What is kept is the outcome; words are taken from the rules when it is shown. A limit whose last day has passed keeps
the calendar that it was fixed with.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of, end_of
from delivery.calendars import Calendar, default_calendar
from delivery.deadline_rules import limit_book
from delivery.deadlines import Limit, LimitFacts, Period, compute
from delivery.document_dates import document_date
from records import deliveries, ledger
from templates.conditions import values
from templates.manifests import manifests

Row = sa.RowMapping | Mapping[str, Any]

_APART: Final = ("calendar_version", "sequence", "cancelled", "changed_at", "shown")
"""What may differ between two outcomes that say the same."""


@dataclass(frozen=True)
class KeptLimit:
    """A limit as it is kept.

    `sequence` counts its changes, `cancelled` says that it no longer holds; `shown` is the last of the last days that
    it ever had, by which calendars know the entry to take away.
    """

    limit: Limit
    sequence: int
    cancelled: bool
    changed_at: datetime
    shown: date | None = None


def keep_deadlines(
    connection: sa.Connection,
    row: sa.RowMapping,
    document: sa.RowMapping,
    served_on: date | None,
    calendar: Calendar,
    as_of: datetime,
) -> bool:
    """Compute the limits of a delivery as of `as_of` and write what changed, with the event `deadlines.computed`.

    `row` is the delivery as it stands, locked; `served_on` its service date, None while there is none. Says whether
    anything changed.
    """
    before = row["deadlines"]
    old = before["limits"] if before else []
    limits = limits_to_keep(row, document, served_on, calendar, as_of)
    if limits == old:
        return False
    revision = before["revision"] + 1 if before else 1
    until = max((limit["shown"] for limit in limits if limit["shown"]), default=None)
    deliveries.update(connection, row["id"], deadlines={"revision": revision, "limits": limits}, deadlines_until=until)
    ledger.append(
        connection,
        row["document_id"],
        f"{row['id']}/deadlines/{revision}",
        "deadlines.computed",
        subject=row["id"],
        happened_at=as_of,
        legal_date=_text(served_on),
        body={"revision": revision, "limits": limits, "before": old},
    )
    return True


def limits_to_keep(
    row: sa.RowMapping, document: sa.RowMapping, served_on: date | None, calendar: Calendar, as_of: datetime
) -> list[dict[str, Any]]:
    """The limits of a delivery as `keep_deadlines` would keep them, none while nothing has begun. Writes nothing."""
    before = row["deadlines"]
    if before is None and document["instrument"] not in limit_book().instruments:
        return []
    old = {limit["id"]: limit for limit in before["limits"]} if before else {}
    new = {limit.rule.id: limit for limit in _compute(row, document, served_on, calendar, as_of)}
    limits = list(_merge(old, new, as_of))
    begun = any(limit["status"] != "not_begun" for limit in limits)
    return limits if begun or before is not None else []


def kept(row: Row) -> tuple[KeptLimit, ...]:
    """The limits of a delivery, in the order of the rules; while nothing has begun, what its instrument may start.

    `row` has the columns of the delivery, and `instrument` and `facts` of its document.
    """
    if row["deadlines"] is not None:
        return tuple(_from_row(limit) for limit in row["deadlines"]["limits"])
    if row["instrument"] not in limit_book().instruments:
        return ()
    found = compute(_facts(row, {}, row["created_at"]), default_calendar(), limit_book())
    return tuple(KeptLimit(limit, 0, False, row["created_at"]) for limit in found)


def _facts(document: Row, events: Mapping[str, date], as_of: datetime) -> LimitFacts:
    instrument = document["instrument"]
    lacking = frozenset(
        told.circumstance
        for told in limit_book().printed
        if told.instrument == instrument and told.circumstance
        if told.lacks not in values(document["facts"], told.fact)
    )
    return LimitFacts(events, as_of, manifests()[instrument], lacking, document["authority_id"])


def _compute(
    row: sa.RowMapping, document: sa.RowMapping, served_on: date | None, calendar: Calendar, as_of: datetime
) -> tuple[Limit, ...]:
    events = {"made": document_date(document)} | dict(_printed_events(document))
    if served_on is not None:
        events["served"] = served_on
    if row["accessed_at"] is not None:
        events["accessed"] = day_of(row["accessed_at"])
    return compute(_facts(document, events, as_of), calendar, limit_book())


def _printed_events(document: Row) -> Iterator[tuple[str, date]]:
    """The days that the document itself tells."""
    for told in limit_book().printed:
        if told.instrument == document["instrument"] and told.event:
            for value in values(document["facts"], told.fact)[:1]:
                yield (
                    told.event,
                    date.fromisoformat(value) if len(value) == 10 else day_of(datetime.fromisoformat(value)),
                )


# --- what changed ----------------------------------------------------------------------------------------------------


def _merge(old: Mapping[str, dict[str, Any]], new: Mapping[str, Limit], as_of: datetime) -> Iterator[dict[str, Any]]:
    """Each limit as it is to be kept: the former row where nothing changed or its day has passed."""
    for limit_id, limit in new.items():
        former, row = old.get(limit_id), _to_row(limit)
        if former is None:
            yield row | _change(0, as_of)
        elif not former["cancelled"] and (_same(former, row) or _passed(former, row, as_of)):
            yield former
        else:
            yield row | _change(former["sequence"] + 1, as_of) | {"shown": row["shown"] or former["shown"]}
    for limit_id, former in old.items():
        if limit_id not in new:
            gone = _change(former["sequence"] + 1, as_of) | {"cancelled": True}
            yield former if former["cancelled"] else former | gone


def _change(sequence: int, as_of: datetime) -> dict[str, Any]:
    return {"sequence": sequence, "cancelled": False, "changed_at": as_of.isoformat()}


def _same(former: Mapping[str, Any], row: Mapping[str, Any]) -> bool:
    return all(former[name] == value for name, value in row.items() if name not in _APART)


def _passed(former: Mapping[str, Any], row: Mapping[str, Any], as_of: datetime) -> bool:
    """Whether the former outcome is one that a later notice does not move: fixed, from the same start, and over."""
    if former["status"] != "fixed" or any(former[name] != row[name] for name in ("set", "event", "start", "met_on")):
        return False
    return end_of(date.fromisoformat(former["period"]["last_day"])) <= as_of


# --- rows ------------------------------------------------------------------------------------------------------------


def _to_row(limit: Limit) -> dict[str, Any]:
    return {
        "id": limit.rule.id,
        "set": limit.rule.set,
        "status": limit.status,
        "event": limit.event,
        "start": _text(limit.start),
        "period": _period_row(limit.period),
        "known_on": _text(limit.known_on),
        "known": _period_row(limit.known),
        "longest": _text(limit.longest),
        "after_provisional": limit.after_provisional,
        "met_on": _text(limit.met_on),
        "calendar_version": limit.calendar_version,
        "shown": _text(limit.last_day),
    }


def _from_row(row: Mapping[str, Any]) -> KeptLimit:
    limit = Limit(
        rule=limit_book().rule(row["set"], row["id"]),
        status=row["status"],
        calendar_version=row["calendar_version"],
        event=row["event"],
        start=_day(row["start"]),
        period=_period(row["period"]),
        known_on=_day(row["known_on"]),
        known=_period(row["known"]),
        longest=_day(row["longest"]),
        after_provisional=row["after_provisional"],
        met_on=_day(row["met_on"]),
    )
    changed_at = datetime.fromisoformat(row["changed_at"])
    return KeptLimit(limit, row["sequence"], row["cancelled"], changed_at, _day(row["shown"]))


def _period_row(period: Period | None) -> dict[str, Any] | None:
    if period is None:
        return None
    return {
        "raw_end": period.raw_end.isoformat(),
        "last_day": period.last_day.isoformat(),
        "days": [day.isoformat() for day in period.days],
        "unsettled": _text(period.unsettled),
    }


def _period(row: Mapping[str, Any] | None) -> Period | None:
    if row is None:
        return None
    days: Sequence[str] = row["days"]
    return Period(
        date.fromisoformat(row["raw_end"]),
        date.fromisoformat(row["last_day"]),
        tuple(date.fromisoformat(day) for day in days),
        _day(row["unsettled"]),
    )


def _text(day: date | None) -> str | None:
    return day.isoformat() if day else None


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None
