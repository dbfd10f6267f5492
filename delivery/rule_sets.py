"""Rule sets for the service date: versioned data with citations (rules.toml), each reason in both languages."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from delivery.beijing import date_en, date_zh
from records.errors import Permanent

RULES: Final = Path(__file__).parent / "rules.toml"

_NTH_ZH = ("", "一", "二", "三", "四", "五", "六", "七", "八", "九", "十")
_NTH_EN = ("", "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


@dataclass(frozen=True)
class Reason:
    """Why a service date is what it is: a rule by name, where it is written, and what it says of this case."""

    rule: str
    citation: str
    text_zh: str
    text_en: str

    def as_dict(self) -> dict[str, str]:
        """The reason as JSON."""
        return {"rule": self.rule, "citation": self.citation, "text_zh": self.text_zh, "text_en": self.text_en}


@dataclass(frozen=True)
class Wording:
    """The two texts of a reason, with `{names}` to be filled."""

    citation: str
    zh: str
    en: str

    def reason(self, rule: str, **values: date | int | tuple[str, str]) -> Reason:
        """The reason named `rule`, filled: a date is written out in each language, a pair is (Chinese, English)."""
        pairs = {name: in_both(value) for name, value in values.items()}
        return Reason(
            rule,
            self.citation,
            self.zh.format_map({name: zh for name, (zh, _) in pairs.items()}),
            self.en.format_map({name: en for name, (_, en) in pairs.items()}),
        )


@dataclass(frozen=True)
class RuleSet:
    """One version of the rules.

    `working_days`: how many working days after sending a document is deemed served. `unsettled_from_december`: from
    this day of December on a count waits for the next year's notice. `fax_is_not_the_original` and `direct_first`
    name instruments.
    """

    id: str
    title_zh: str
    title_en: str
    effective_from: date
    working_days: int
    unsettled_from_december: int
    fax_is_not_the_original: frozenset[str]
    direct_first: frozenset[str]
    reasons: Mapping[str, Wording]

    def reason(self, rule: str, **values: date | int | tuple[str, str]) -> Reason:
        """The reason named `rule`, filled (see `Wording.reason`)."""
        nth = (_NTH_ZH[self.working_days], _NTH_EN[self.working_days])
        return self.reasons[rule].reason(rule, **values, nth=nth)


def in_both(value: date | int | tuple[str, str]) -> tuple[str, str]:
    """A value as it is written in Chinese and in English."""
    if isinstance(value, tuple):
        return value
    if isinstance(value, date):
        return date_zh(value), date_en(value)
    return str(value), str(value)


@dataclass(frozen=True)
class RuleBook:
    """All rule sets by id."""

    sets: Mapping[str, RuleSet]

    def in_force(self, day: date) -> RuleSet:
        """The set in force on `day` (in Beijing); the oldest one for a day before all of them."""
        by_age = sorted(self.sets.values(), key=lambda found: found.effective_from)
        return next((found for found in reversed(by_age) if found.effective_from <= day), by_age[0])


def read_rules(text: str) -> RuleBook:
    """Rule sets from TOML. Raises `Permanent`, naming the set and the field."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Permanent(f"rules cannot be read: {error}") from error
    sets: dict[str, RuleSet] = {}
    for entry in table.get("rule_set", []):
        found = _read_set(entry)
        if found.id in sets:
            raise Permanent(f"rule set {found.id}: stands twice")
        sets[found.id] = found
    if not sets:
        raise Permanent("rules: there is no rule set")
    return RuleBook(MappingProxyType(sets))


def _read_set(entry: Mapping[str, Any]) -> RuleSet:
    name = entry.get("id", "without an id")
    try:
        found = RuleSet(
            id=entry["id"],
            title_zh=entry["title_zh"],
            title_en=entry["title_en"],
            effective_from=entry["effective_from"],
            working_days=entry["working_days"],
            unsettled_from_december=entry["unsettled_from_december"],
            fax_is_not_the_original=frozenset(entry["fax_is_not_the_original"]),
            direct_first=frozenset(entry["direct_first"]),
            reasons=MappingProxyType({rule: Wording(**wording) for rule, wording in entry["reasons"].items()}),
        )
    except KeyError as error:
        raise Permanent(f"rule set {name}: {error.args[0]} is missing") from error
    except TypeError as error:
        raise Permanent(f"rule set {name}: a reason needs citation, zh and en, and nothing else") from error
    if type(found.working_days) is not int or not 1 <= found.working_days < len(_NTH_ZH):
        raise Permanent(f"rule set {name}: working_days must be a whole number from 1 to {len(_NTH_ZH) - 1}")
    for rule, wording in found.reasons.items():
        if names_in(wording.zh) != names_in(wording.en):
            raise Permanent(f"rule set {name}: reason {rule} does not name the same values in both languages")
    return found


def names_in(text: str) -> set[str]:
    """The `{names}` that a text wants filled."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@cache
def rule_book() -> RuleBook:
    """The rule sets that come with this program."""
    return read_rules(RULES.read_text(encoding="utf-8"))
