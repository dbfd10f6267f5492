"""What the rules of law look at: one document as it was asked for, and what the records say around it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from delivery.beijing import day_of
from delivery.calendars import Calendar
from delivery.routes import Route
from pipeline.law.rule_sets import Limits, Value


@dataclass(frozen=True)
class Breach:
    """One place where a rule is not kept: a pointer relative to the document, and what fills the rule's words."""

    pointer: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True)
class Earlier:
    """A document that the authority has made, or is making, in Songda.

    `service_date` is the latest one of its deliveries, known only when all of them have a final one.
    """

    id: str
    instrument: str
    number_zh: str | None
    case_no: str
    status: str
    facts: Mapping[str, Any]
    service_date: date | None = None


@dataclass(frozen=True)
class Case:
    """A document with its surroundings; nothing here is looked up any more.

    `dated_by` is the path of the fact that dates the document, `today` the legal day in Beijing. `notice` is the
    document in Songda that bears the number of the notice which the facts refer to; `others` are the other documents of
    the same case. `routes`: by place of the recipient, the way that the document would take today.
    """

    instrument: str
    facts: Mapping[str, Any]
    dated_by: str
    case_no: str
    today: date
    calendar: Calendar
    authority: Mapping[str, Any]
    approval: Mapping[str, Any] | None = None
    circumstances: Mapping[str, Any] = field(default_factory=dict)
    seal: Mapping[str, Any] | None = None
    foreign_recipient: bool = False
    notice: Earlier | None = None
    others: Sequence[Earlier] = ()
    routes: Mapping[int, Route] = field(default_factory=dict)

    @property
    def dated(self) -> date:
        """The document's own day; today when it has none."""
        return self.day(self.dated_by) or self.today

    @property
    def penalties(self) -> Sequence[Mapping[str, Any]]:
        """The penalties, in the order of the facts."""
        listed = self.facts.get("penalties", ())
        return listed if isinstance(listed, list) else ()

    @property
    def role(self) -> str:
        """In which role the approval was given; empty without one."""
        return str(self.approval["role"]).strip() if self.approval else ""

    @property
    def approved_on(self) -> date | None:
        """The day of the approval in Beijing."""
        return day_of(datetime.fromisoformat(self.approval["approved_at"])) if self.approval else None

    def get(self, path: str) -> Any:
        """A fact by its dotted path, or None."""
        found: Any = self.facts
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
        return found

    def day(self, path: str) -> date | None:
        """A fact that is a day, or the day in Beijing of one that is a moment; None when it is not given."""
        return _day(self.get(path))

    def circumstance(self, name: str) -> date | None:
        """A circumstance that is a day."""
        return _day(self.circumstances.get(name))

    def period_end(self, served_on: date, days: int, limits: Limits) -> date:
        """The last day of a period that runs from the day after `served_on` (民诉法 85; 处罚法 85; 004-106)."""
        if limits.working_days:
            return self.calendar.nth_working_day_after(served_on, days)
        return date.fromordinal(served_on.toordinal() + days)

    def is_by_bureau(self, limits: Limits) -> bool:
        """Whether a 监管局 decides: the approval was given by its head, or the authority itself is one."""
        return self.role in limits.bureau_heads or self.is_bureau(limits)

    def is_bureau(self, limits: Limits) -> bool:
        """Whether the authority is a 监管局, by its name (004-2)."""
        name = str(self.authority["name"]["zh"])
        return any(name.endswith(ending) for ending in limits.bureau_name_endings)


def _day(value: Any) -> date | None:
    if not isinstance(value, str):
        return None
    return date.fromisoformat(value) if len(value) == len("2026-11-23") else day_of(datetime.fromisoformat(value))


def placed(listed: Sequence[Mapping[str, Any]], place: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each item with its pointer."""
    return ((f"{place}/{index}", item) for index, item in enumerate(listed))
