"""The facts that limits rest on, and the reading of them from JSON: every fault is told, nothing guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any, Final

from delivery.beijing import day_of
from delivery.deadline_rules import LimitBook
from delivery.service_facts import Faults, known_instrument
from records.errors import Fault, Refused
from templates.manifests import Manifest

_KEYS: Final = ("instrument", "events", "circumstances", "authority", "as_of", "rules")


@dataclass(frozen=True)
class LimitFacts:
    """What happened. Days are those of Beijing; `as_of` carries an offset, and what happened later is not looked at.

    `authority`: whose own procedure applies beside the law; None looks at every procedure known. `rules`: a set that is
    applied whatever the days say.
    """

    events: Mapping[str, date]
    as_of: datetime
    instrument: Manifest | None = None
    circumstances: frozenset[str] = frozenset()
    authority: str | None = None
    rules: str | None = None


def parse_limits(value: Any, book: LimitBook, now: datetime, authority: str | None = None) -> LimitFacts:
    """The facts of one `deadlines` request; `now` and `authority` stand in for what is not given.

    An event is a day (`2026-11-23`) or a time with its offset, which belongs to its day in Beijing; null is the same as
    leaving it out. Raises `Refused` with every fault.
    """
    if not isinstance(value, dict):
        raise Refused([Fault("", "type", "A request must be a JSON object.", "请求必须是 JSON 对象。")])
    faults = Faults()
    faults.keys(value, _KEYS, "")
    named_instrument = value.get("instrument")
    instrument = None if named_instrument is None else known_instrument(named_instrument, faults)
    events = dict(_events(value.get("events"), book, instrument, value.get("instrument") is None, faults))
    circumstances = _circumstances(value.get("circumstances"), book, faults)
    as_of = None if value.get("as_of") is None else faults.moment(value["as_of"], "/as_of")
    named = value.get("authority")
    if named is not None and (not isinstance(named, str) or not named.strip()):
        faults.add(
            "/authority", "type", "authority must be the identifier of an authority.", "authority 须为行政机关标识。"
        )
    rules = value.get("rules")
    if rules is not None and (not isinstance(rules, str) or rules not in book.sets):
        known = ", ".join(book.sets)
        faults.add("/rules", "unknown_rules", f"There is no such rule set; known are: {known}.", "没有该规则版本。")
    if faults.found:
        raise Refused(faults.found)
    return LimitFacts(
        MappingProxyType(events), as_of or now, instrument, circumstances, authority if named is None else named, rules
    )


def _events(value: Any, book: LimitBook, instrument: Manifest | None, unnamed: bool, faults: Faults) -> dict[str, date]:
    found: dict[str, date] = {}
    if value is None and instrument is not None:
        return found
    if not isinstance(value, dict) or not value:
        code = "missing" if value is None else "type"
        faults.add(
            "/events", code, "events must be an object of days by event.", "events 须为以事由为键、日期为值的对象。"
        )
        return found
    faults.keys(value, tuple(book.events), "/events")
    for name in book.events:
        if value.get(name) is None:
            continue
        if book.events[name].instrument and unnamed:
            en = f"Of which instrument is this {book.events[name].en}?"
            faults.add("/instrument", "missing", en, "请给出文书标识。")
        day = _day(value[name], f"/events/{name}", faults)
        if day is not None:
            found[name] = day
    _order(found, faults)
    return found


def _order(found: Mapping[str, date], faults: Faults) -> None:
    """A document is made before it is announced, and announced before it is served on who was not there."""
    for earlier, later in (("made", "served"), ("announced", "served"), ("made", "accessed")):
        if earlier in found and later in found and found[later] < found[earlier]:
            en = f"{later} cannot be before {earlier}."
            faults.add(f"/events/{later}", "wrong_order", en, f"{later} 不能早于 {earlier}。")


def _day(value: Any, pointer: str, faults: Faults) -> date | None:
    if isinstance(value, str) and len(value) > 10:
        moment = faults.moment(value, pointer)
        return day_of(moment) if moment is not None else None
    return faults.day(value, pointer)


def _circumstances(value: Any, book: LimitBook, faults: Faults) -> frozenset[str]:
    if value is None:
        return frozenset()
    if not isinstance(value, list):
        faults.add("/circumstances", "type", "circumstances must be a list of names.", "circumstances 须为列表。")
        return frozenset()
    for index, name in enumerate(value):
        if not isinstance(name, str) or name not in book.circumstances:
            en = f"A circumstance must be one of {', '.join(book.circumstances)}."
            faults.add(f"/circumstances/{index}", "unknown_circumstance", en, "没有该情形。")
    return frozenset(each for each in value if isinstance(each, str))
