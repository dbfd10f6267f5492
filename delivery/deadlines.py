"""The limits that run in a case: facts in, each limit's last day with its reasons out. Pure: nothing is stored.

Figures, units and sources are data (deadlines.toml); what is decided where the sources are silent is in
docs/deadlines.md. All days are days in Beijing. The day of the event does not count, and a period in days, months or
years that ends on a day off ends on the next working day where the law says so (民诉法 85).
"""

from __future__ import annotations

import calendar as civil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from delivery.beijing import day_of
from delivery.calendars import Calendar, default_calendar
from delivery.deadline_facts import LimitFacts, parse_limits
from delivery.deadline_rules import AFTER, LimitBook, LimitRule, Untold, limit_book
from delivery.rule_sets import Reason
from delivery.service_dates import error_of
from records.errors import Refused

__all__ = ["Limit", "LimitFacts", "Period", "answer", "as_dict", "compute", "event_name", "reasons_of", "rule_version"]

_DAY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Period:
    """A stretch of days, as it was counted.

    `raw_end` is the last day before it was moved off a day off; `days` are the working days counted, day 1 first (none
    for other units); `unsettled` is the first day that depends on a notice not published: then it is a guess.
    """

    raw_end: date
    last_day: date
    days: tuple[date, ...]
    unsettled: date | None


@dataclass(frozen=True)
class Limit:
    """One limit as it stands.

    `status`: `fixed`; `provisional` (the calendar is not published); `may_have_begun` (opened, not served); or
    `not_begun`. `event` is what started it ("end:x" after limit x), `start` its day. `known` is the period from an
    opening ahead of the service; `longest` the end that no telling moves. `met_on`: the day on which it was done.
    """

    rule: LimitRule
    status: str
    calendar_version: str
    event: str = ""
    start: date | None = None
    period: Period | None = None
    known_on: date | None = None
    known: Period | None = None
    longest: date | None = None
    after_provisional: bool = False
    met_on: date | None = None

    @property
    def last_day(self) -> date | None:
        """The last day to act; of a wait, the last day on which nobody may; None while it has not begun."""
        found = self.period or self.known
        return found.last_day if found else None

    @property
    def earliest(self) -> date | None:
        """Of a wait, the first day on which one may act."""
        return self.last_day + _DAY if self.rule.kind == "wait" and self.last_day else None


def compute(facts: LimitFacts, calendar: Calendar, book: LimitBook) -> tuple[Limit, ...]:
    """Every limit that the facts touch, in the order of the book."""
    return _Case(facts, calendar, book).limits()


def rule_version(limits: tuple[Limit, ...]) -> str:
    """The sets that were applied, joined by a plus sign."""
    return "+".join(sorted({limit.rule.set for limit in limits}))


class _Case:
    """The limits of one case in the making; each is worked out once."""

    def __init__(self, facts: LimitFacts, calendar: Calendar, book: LimitBook) -> None:
        self.facts, self.calendar, self.book = facts, calendar, book
        self.today = day_of(facts.as_of)
        self.events = {name: day for name, day in facts.events.items() if day <= self.today or book.events[name].future}
        self.known: dict[str, Limit | None] = {}

    def limits(self) -> tuple[Limit, ...]:
        found = (self.limit(limit_id) for limit_id in self.book.limit_ids())
        return tuple(limit for limit in found if limit is not None)

    def limit(self, limit_id: str) -> Limit | None:
        """One limit; None if the facts do not touch it."""
        if limit_id not in self.known:
            self.known[limit_id] = None  # a limit that should follow itself is not touched
            rule = self.rule(limit_id)
            self.known[limit_id] = self.judge(rule) if rule is not None and self.touches(rule) else None
        return self.known[limit_id]

    def rule(self, limit_id: str) -> LimitRule | None:
        """The version that counts: that of the set asked for, else the one in force on the day the limit begins."""
        if self.facts.rules is not None:
            return self.book.sets[self.facts.rules].limits.get(limit_id)
        present = self.book.in_force(limit_id, self.today, self.facts.authority)
        begun = self.start(present)[1] if present is not None else None
        if begun is None and "served" in (present.start if present else ()):
            begun = self.events.get("accessed")
        return self.book.in_force(limit_id, begun, self.facts.authority) if begun is not None else present

    def touches(self, rule: LimitRule) -> bool:
        """Whether the limit is a matter of this case at all."""
        if any((name in self.facts.circumstances) != wanted for name, wanted in rule.when.items()):
            return False
        if any(name in self.events for name in rule.unless):
            return False
        instrument = self.facts.instrument
        if rule.on and (instrument is None or instrument.id not in rule.on):
            return False
        return (bool(rule.on) and rule.begins_by_itself) or self.start(rule)[1] is not None

    def start(self, rule: LimitRule) -> tuple[str, date | None]:
        """What starts the limit, and its day."""
        for name in rule.start:
            if name.startswith(AFTER):
                before = self.limit(name.removeprefix(AFTER))
                if before is not None and before.status in ("fixed", "provisional"):
                    return name, before.last_day
            elif name in self.events:
                return name, self.events[name]
        return "", None

    def judge(self, rule: LimitRule) -> Limit:
        """Work the limit out."""
        event, start = self.start(rule)
        accessed = self.events.get("accessed") if rule.knowledge else None
        limit = Limit(rule, "not_begun", self.calendar.version, event, start)
        if rule.untold is not None and "remedies_not_told" in self.facts.circumstances:
            limit = self.untold(limit, rule.untold, accessed)
        else:
            if accessed is not None and (start is None or accessed < start):
                limit = replace(limit, known_on=accessed, known=self.count(rule, accessed))
            if start is not None:
                limit = replace(limit, period=self.count(rule, start))
        return self.with_status(limit)

    def untold(self, limit: Limit, untold: Untold, accessed: date | None) -> Limit:
        """A limit whose remedy was not told: it runs from the telling, and ends at the longest after the knowing."""

        def from_(base: date) -> tuple[Period, Period]:
            longest = self.period(limit.rule, base, untold.longest_count, untold.longest_unit)
            told = self.count(limit.rule, learnt) if learnt is not None else longest
            return min(told, longest, key=lambda period: period.last_day), longest

        learnt = self.events.get(untold.from_)
        if accessed is not None and (limit.start is None or accessed < limit.start):
            known, longest = from_(accessed)
            limit = replace(limit, known_on=accessed, known=known, longest=longest.last_day)
        if limit.start is not None:
            period, longest = from_(limit.start)
            event = limit.event if learnt is None else untold.from_
            limit = replace(limit, event=event, start=learnt or limit.start, period=period, longest=longest.last_day)
        return limit

    def with_status(self, limit: Limit) -> Limit:
        """Not begun, perhaps begun, fixed, or provisional where a day of it is not settled; and whether it is done."""
        if limit.period is None:
            return replace(limit, status="may_have_begun" if limit.known else "not_begun")
        before = self.limit(limit.event.removeprefix(AFTER)) if limit.event.startswith(AFTER) else None
        shaky = before is not None and before.status == "provisional"
        status = "provisional" if shaky or limit.period.unsettled is not None else "fixed"
        met_on = self.events.get(limit.rule.met_by) if limit.rule.met_by else None
        return replace(limit, status=status, after_provisional=shaky, met_on=met_on)

    def count(self, rule: LimitRule, start: date) -> Period:
        return self.period(rule, start, rule.count, rule.unit)

    def period(self, rule: LimitRule, start: date, count: int, unit: str) -> Period:
        """Count `count` units from `start`."""
        if unit == "working_days":
            return self.working_days(start, count, back=rule.kind == "before")
        raw = _civil_end(start, count, unit, start_counts=rule.start_counts)
        last = raw
        while rule.rolls and not self.calendar.is_working_day(last):
            last += _DAY
        return Period(raw, last, (), self.unsettled(raw, last) if rule.rolls else None)

    def working_days(self, start: date, count: int, *, back: bool) -> Period:
        """The working days after `start`, or before it."""
        step = -_DAY if back else _DAY
        day, days = start, list[date]()
        while len(days) < count:
            day += step
            if self.calendar.is_working_day(day):
                days.append(day)
        first, last = sorted((start + step, day))
        return Period(day, day, tuple(days), self.unsettled(first, last))

    def unsettled(self, first: date, last: date) -> date | None:
        """The first day from `first` to `last` on which no legal date may rest yet."""
        days = (first + offset * _DAY for offset in range((last - first).days + 1))
        return next((day for day in days if not self.calendar.is_settled(day, self.book.unsettled_from_december)), None)


def _civil_end(start: date, count: int, unit: str, *, start_counts: bool) -> date:
    """The last day of a period in calendar days, months or years (民法典 201, 202)."""
    if unit == "calendar_days":
        return start + (count - start_counts) * _DAY
    months = start.year * 12 + start.month - 1 + count * (12 if unit == "years" else 1)
    year, month = divmod(months, 12)
    length = civil.monthrange(year, month + 1)[1]
    if start.day > length:  # no corresponding day: the month's last one, whether or not the first day counts
        return date(year, month + 1, length)
    return date(year, month + 1, start.day) - start_counts * _DAY


# --- reasons ---------------------------------------------------------------------------------------------------------


def reasons_of(limit: Limit, book: LimitBook) -> tuple[Reason, ...]:
    """Why the limit is what it is: the rule, the start, the count, and what is open."""
    return tuple(_reasons(limit, book))


def _reasons(limit: Limit, book: LimitBook) -> Iterator[Reason]:
    rule = limit.rule
    yield rule.wording.reason(rule.id)
    if limit.longest is not None and rule.untold is not None:
        yield rule.untold.wording.reason("untold")
        longest = book.reason("longest", longest_count=rule.untold.longest_count, longest=limit.longest)
        yield replace(longest, citation=rule.untold.wording.citation)
    if limit.status == "not_begun":
        yield book.reason("not-begun", event=event_name(book, rule.start[0]))
    if limit.start is not None and limit.period is not None:
        yield _because_start(limit, book, limit.start)
        yield from _because_count(limit, book, limit.period)
        if limit.start < book.sets[rule.set].effective_from:
            yield book.reason("before-the-rules", start=limit.start, effective=book.sets[rule.set].effective_from)
    if limit.after_provisional:
        yield book.reason("rests-on-provisional")
    if limit.known is not None and limit.known_on is not None:
        name = "may-have-begun" if limit.status == "may_have_begun" else "may-have-begun-earlier"
        yield book.reason(name, known=limit.known_on, known_last=limit.known.last_day)
        if limit.status == "may_have_begun":
            yield from _because_count(limit, book, limit.known)
    if limit.met_on is not None:
        yield book.reason("met", event=event_name(book, rule.met_by), met=limit.met_on)


def event_name(book: LimitBook, name: str) -> tuple[str, str]:
    """What starts or ends a limit, in Chinese and in English."""
    if name.startswith(AFTER):
        found = next(each.limits[name[4:]] for each in book.sets.values() if name[4:] in each.limits)
        return f"“{found.title_zh}”期限届满", f"the end of the period “{found.title_en}”"
    return book.events[name].zh, book.events[name].en


def _because_start(limit: Limit, book: LimitBook, start: date) -> Reason:
    if limit.event.startswith(AFTER):
        return book.reason("after-end", start=start)
    name = "counted-back" if limit.rule.kind == "before" else "day-not-counted"
    if limit.rule.start_counts:
        name = "day-counted"
    return book.reason(name, event=event_name(book, limit.event), start=start)


def _because_count(limit: Limit, book: LimitBook, period: Period) -> Iterator[Reason]:
    rule = limit.rule
    if limit.longest is None or period.last_day < limit.longest:  # else the longest time counts: its reason is told
        if rule.unit == "working_days":
            counted = book.reason("working-days", count=rule.count, last=period.last_day)
        else:
            corresponding = "-start-counted" if rule.start_counts and rule.unit == "years" else ""
            name = rule.unit.replace("_", "-") + corresponding
            counted = book.reason(name, count=rule.count, raw=period.raw_end)
        yield replace(counted, citation=rule.wording.citation)
    if period.last_day != period.raw_end:
        yield book.reason("rolled", raw=period.raw_end, last=period.last_day)
    if period.unsettled is not None:
        day = period.unsettled
        year = day.year + ((day.month, day.day) >= (12, book.unsettled_from_december))
        yield book.reason("calendar-not-published", unsettled=day, year=(str(year), str(year)), last=period.last_day)


def as_dict(limit: Limit, book: LimitBook) -> dict[str, Any]:
    """The limit as JSON, with its words in both languages."""
    rule, period = limit.rule, limit.period or limit.known
    return {
        "id": rule.id,
        "title_zh": rule.title_zh,
        "title_en": rule.title_en,
        "who": rule.who,
        "kind": rule.kind,
        "rules": list(rule.rules),
        "citation": rule.wording.citation,
        "status": limit.status,
        "event": limit.event,
        "start": _day(limit.start),
        "last_day": _day(limit.last_day),
        "earliest": _day(limit.earliest),
        "unit": rule.unit,
        "count": rule.count,
        "start_counts": rule.start_counts,
        "rolls": rule.rolls,
        "days": [day.isoformat() for day in period.days] if period else [],
        "may_have_begun_on": _day(limit.known_on),
        "may_end_on": _day(limit.known.last_day if limit.known else None),
        "met_on": _day(limit.met_on),
        "reasons": [reason.as_dict() for reason in reasons_of(limit, book)],
        "calendar_version": limit.calendar_version,
        "rule_version": rule.set,
    }


def _day(day: date | None) -> str | None:
    return day.isoformat() if day else None


# --- JSON in, JSON out -----------------------------------------------------------------------------------------------


def _answer_one(
    value: Any, now: datetime, calendar: Calendar, book: LimitBook, authority: str | None
) -> dict[str, Any]:
    found = compute(parse_limits(value, book, now, authority), calendar, book)
    return {
        "deadlines": [as_dict(limit, book) for limit in found],
        "calendar_version": calendar.version,
        "rule_version": rule_version(found),
    }


def answer(
    value: Any,
    *,
    now: datetime | None = None,
    calendar: Calendar | None = None,
    authority: str | None = None,
    book: LimitBook | None = None,
) -> dict[str, Any] | list[dict[str, Any]]:
    """Answer one request (an object) or a list of them, in order.

    `now` is the legal clock, `authority` whose procedure applies where a request names none. One request that is wrong
    raises `Refused`; in a list its place is taken by `{"error": …, "faults": […]}`.
    """
    now, calendar, book = now or datetime.now(UTC), calendar or default_calendar(), book or limit_book()
    if not isinstance(value, list):
        return _answer_one(value, now, calendar, book, authority)
    answers = []
    for item in value:
        try:
            answers.append(_answer_one(item, now, calendar, book, authority))
        except Refused as refused:
            answers.append(error_of(refused.faults))
    return answers
