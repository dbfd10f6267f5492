"""The limits of the law and of the authorities' procedures: versioned data with citations (deadlines.toml)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from delivery.rule_sets import Reason, Wording, names_in
from records.errors import Permanent
from templates.manifests import manifests

RULES: Final = Path(__file__).parent / "deadlines.toml"
UNITS: Final = ("working_days", "calendar_days", "months", "years")
KINDS: Final = ("deadline", "wait", "before", "effect")
PARTIES: Final = ("party", "agency")
AFTER: Final = "end:"
"""Before the id of another limit: this one begins when that one ends."""


@dataclass(frozen=True)
class Event:
    """Something that may start or end a limit. `instrument`: it happens to one document; `future`: it may lie ahead."""

    zh: str
    en: str
    instrument: bool = False
    future: bool = False


@dataclass(frozen=True)
class Untold:
    """What holds instead when the remedies were not told: from the event `from_` on, but no longer than `longest`."""

    from_: str
    longest_count: int
    longest_unit: str
    wording: Wording


@dataclass(frozen=True)
class LimitRule:
    """One limit as one rule set has it; the fields are told at the head of deadlines.toml."""

    set: str
    id: str
    rules: tuple[str, ...]
    title_zh: str
    title_en: str
    who: str
    kind: str
    start: tuple[str, ...]
    count: int
    unit: str
    wording: Wording
    on: frozenset[str] = frozenset()
    knowledge: bool = False
    start_counts: bool = False
    rolls: bool = False
    met_by: str = ""
    when: Mapping[str, bool] = field(default_factory=dict)
    unless: tuple[str, ...] = ()
    untold: Untold | None = None

    @property
    def begins_by_itself(self) -> bool:
        """Whether it comes with the document itself, and not only with an event that most cases never see."""
        return any(each in ("served", "made") or each.startswith(AFTER) for each in self.start)

    @property
    def follows(self) -> tuple[str, ...]:
        """The limits that this one may begin after."""
        return tuple(each.removeprefix(AFTER) for each in self.start if each.startswith(AFTER))


@dataclass(frozen=True)
class Printed:
    """What the facts of a printed document tell: the day of an event, or a circumstance if they lack a value."""

    instrument: str
    fact: str
    event: str = ""
    circumstance: str = ""
    lacks: str = ""


@dataclass(frozen=True)
class LimitSet:
    """One version of the law, or of an authority's procedure, with its own limits and those of the set it extends."""

    id: str
    kind: str
    title_zh: str
    title_en: str
    effective_from: date
    authorities: frozenset[str]
    limits: Mapping[str, LimitRule]


@dataclass(frozen=True)
class LimitBook:
    """All sets, all events, and the words of the reasons."""

    sets: Mapping[str, LimitSet]
    events: Mapping[str, Event]
    circumstances: Mapping[str, Event]
    printed: tuple[Printed, ...]
    reasons: Mapping[str, Wording]
    unsettled_from_december: int

    @cached_property
    def instruments(self) -> frozenset[str]:
        """The instruments that start a limit in any set."""
        return frozenset().union(*(rule.on for found in self.sets.values() for rule in found.limits.values()))

    def limit_ids(self) -> tuple[str, ...]:
        """Every limit that any set has, in the order of the sets."""
        return self._limit_ids

    def in_force(self, limit_id: str, day: date, authority: str | None = None) -> LimitRule | None:
        """The limit as it was in force on `day` (in Beijing) for an authority; None if nothing then said anything.

        The law counts before a procedure. Without an authority every procedure is looked at. A day before all of the
        sets is judged by the oldest ones.
        """
        for by_age in self._by_age:
            found = [
                each for each in by_age if authority is None or not each.authorities or authority in each.authorities
            ]
            newest = next((each for each in found if each.effective_from <= day), found[-1] if found else None)
            if newest is not None and limit_id in newest.limits:
                return newest.limits[limit_id]
        return None

    @cached_property
    def _by_age(self) -> tuple[list[LimitSet], ...]:
        """The laws, then the procedures, the newest first."""
        newest = sorted(self.sets.values(), key=lambda each: each.effective_from, reverse=True)
        return tuple([each for each in newest if each.kind == kind] for kind in ("law", "procedure"))

    @cached_property
    def _limit_ids(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(limit for found in self.sets.values() for limit in found.limits))

    def rule(self, set_id: str, limit_id: str) -> LimitRule:
        """A limit of a set; raises KeyError."""
        return self.sets[set_id].limits[limit_id]

    def reason(self, rule: str, **values: date | int | tuple[str, str]) -> Reason:
        """The reason named `rule`, filled."""
        return self.reasons[rule].reason(rule, **values)


# --- reading ---------------------------------------------------------------------------------------------------------


def read_limits(text: str) -> LimitBook:
    """The book from TOML. Raises `Permanent`, naming the limit and the field."""
    try:
        table = tomllib.loads(text)
        events = {name: Event(**value) for name, value in table["events"].items()}
        circumstances = {name: Event(**value) for name, value in table["circumstances"].items()}
        printed = tuple(Printed(**value) for value in table.get("printed", []))
        reasons = {name: Wording(**value) for name, value in table["reasons"].items()}
        december = int(table["unsettled_from_december"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise Permanent(f"deadlines cannot be read: {error}") from error
    for name, wording in reasons.items():
        if names_in(wording.zh) != names_in(wording.en):
            raise Permanent(f"deadlines: reason {name} does not name the same values in both languages")
    own: dict[str, dict[str, LimitRule]] = {}
    for entry in table.get("limit", []):
        limit = _read_limit(entry)
        if limit.id in own.setdefault(limit.set, {}):
            raise Permanent(f"deadlines: limit {limit.id} of {limit.set} stands twice")
        own[limit.set][limit.id] = limit
    sets: dict[str, LimitSet] = {}
    for entry in table.get("rule_set", []):
        found = _read_set(entry, sets, own)
        sets[found.id] = found
    if unknown := set(own) - set(sets):
        raise Permanent(f"deadlines: there is no rule set {', '.join(sorted(unknown))}")
    book = LimitBook(
        MappingProxyType(sets),
        MappingProxyType(events),
        MappingProxyType(circumstances),
        printed,
        MappingProxyType(reasons),
        december,
    )
    for told in printed:
        if not {told.event} <= {"", *events} or not {told.circumstance} <= {"", *circumstances}:
            raise Permanent(f"deadlines: what {told.instrument} tells by {told.fact} is unknown")
    for each in sets.values():
        for limit in each.limits.values():
            _check(limit, book)
    return book


def _read_set(
    entry: Mapping[str, Any], sets: Mapping[str, LimitSet], own: Mapping[str, Mapping[str, LimitRule]]
) -> LimitSet:
    name = entry.get("id", "without an id")
    try:
        inherited = sets[entry["extends"]].limits if "extends" in entry else {}
        return LimitSet(
            id=entry["id"],
            kind=entry["kind"],
            title_zh=entry["title_zh"],
            title_en=entry["title_en"],
            effective_from=entry["effective_from"],
            authorities=frozenset(entry.get("authorities", ())),
            limits=MappingProxyType({**inherited, **own.get(entry["id"], {})}),
        )
    except KeyError as error:
        raise Permanent(f"deadlines: rule set {name}: {error.args[0]} is missing") from error


def _read_limit(entry: Mapping[str, Any]) -> LimitRule:
    value = dict(entry)
    name = f"deadlines: limit {value.get('id', 'without an id')}"
    try:
        wording = Wording(value.pop("citation"), value.pop("zh"), value.pop("en"))
        untold = value.pop("untold", None)
        if untold is not None:
            words = Wording(untold["citation"], untold["zh"], untold["en"])
            untold = Untold(untold["from"], untold["longest_count"], untold["longest_unit"], words)
        for several in ("rules", "start", "unless"):
            value[several] = tuple(value.get(several, ()))
        value["on"] = frozenset(value.get("on", ()))
        value["when"] = MappingProxyType(value.get("when", {}))
        return LimitRule(**value, wording=wording, untold=untold)
    except KeyError as error:
        raise Permanent(f"{name}: {error.args[0]} is missing") from error
    except TypeError as error:
        raise Permanent(f"{name}: {error}") from error


def _check(limit: LimitRule, book: LimitBook) -> None:
    """Raise Permanent for a limit that names something that is not there."""
    events = [each for each in limit.start if not each.startswith(AFTER)]
    events += [*limit.unless, *filter(None, [limit.met_by]), *([limit.untold.from_] if limit.untold else [])]
    problems = [
        (limit.who not in PARTIES, "who"),
        (limit.kind not in KINDS, "kind"),
        (limit.unit not in UNITS, "unit"),
        (limit.untold is not None and limit.untold.longest_unit not in UNITS, "untold.longest_unit"),
        (type(limit.count) is not int or limit.count < 1, "count"),
        (not limit.start or not set(events) <= set(book.events), "start, unless, met_by or untold.from"),
        (not set(limit.follows) <= set(book.limit_ids()) - {limit.id}, "start"),
        (not set(limit.when) <= set(book.circumstances), "when"),
        (not limit.on <= set(manifests()), "on"),
        (limit.kind == "before" and limit.unit != "working_days", "unit: only working days are counted back"),
        (limit.unit == "months" and limit.start_counts, "start_counts: not for months"),
        (
            limit.unit == "working_days" and (limit.rolls or limit.start_counts),
            "rolls, start_counts: not for working days",
        ),
    ]
    for wrong, place in problems:
        if wrong:
            raise Permanent(f"deadlines: limit {limit.id} of {limit.set}: {place}")


@cache
def limit_book() -> LimitBook:
    """The limits that come with this program."""
    return read_limits(RULES.read_text(encoding="utf-8"))
