"""Rule sets of the preflight: which rules of law a job is held to, by authority and date (rules/, sets.toml).

A rule has an id and versions; a set pins the version of each rule it holds, and the limits (numbers, kinds, roles) that
the rules count with. A set or a version of a rule that was used once is never changed: another reading is another one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from delivery.rule_sets import in_both, names_in
from records.errors import Permanent

RULES: Final = Path(__file__).with_name("rules")
SETS: Final = Path(__file__).with_name("sets.toml")

Severity = Literal["error", "warning"]
Value = date | int | Decimal | tuple[str, str]


@dataclass(frozen=True)
class Rule:
    """One version of a rule: where it is written, whether a breach refuses the job, and its words.

    `instruments` are those whose documents are held to it; `{names}` in the texts are filled for each breach.
    """

    id: str
    version: str
    severity: Severity
    citation: str
    instruments: frozenset[str]
    zh: str
    en: str

    def told(self, values: Mapping[str, Value]) -> tuple[str, str]:
        """The Chinese and the English text: dates are written out, a Decimal is an amount in yuan."""
        pairs = {name: _written(value) for name, value in values.items()}
        return (
            self.zh.format_map({name: zh for name, (zh, _) in pairs.items()}),
            self.en.format_map({name: en for name, (_, en) in pairs.items()}),
        )


def _written(value: Value) -> tuple[str, str]:
    if isinstance(value, Decimal):
        return f"{value:f}元", f"{value:,f} yuan"
    return in_both(value)


@dataclass(frozen=True)
class Limits:
    """The numbers, kinds and names that the rules of one set count with. Amounts are yuan; None: the set has none.

    `working_days`: whether periods of up to 10 days are counted in working days. `hearing_fine` and
    `hearing_confiscation`: from what amount on a hearing may be asked for. `decision_days`: calendar days.
    `decision_items`, `notice_items`, `spot_items`: facts that may not be missing. `bureau_*`: what a 监管局 may decide
    (004-25), and how its name ends. `seal_line`: what a decision's seal says. `principals` and after: roles.
    """

    working_days: bool
    officers: int
    hearing_request_days: int
    hearing_notice_days: int
    hearing_fine: int
    hearing_kinds: frozenset[str]
    spot_kinds: frozenset[str]
    spot_fine_person: int
    spot_fine_organisation: int
    spot_collection: int
    limitation_years: int
    evidence_days: int
    seizure_days: int
    demand_days: int
    enforcement_months: int
    decision_items: frozenset[str]
    notice_items: frozenset[str]
    spot_items: frozenset[str]
    statement_days: int | None = None
    hearing_confiscation: int | None = None
    limitation_years_harm: int | None = None
    decision_days: int | None = None
    bureau_fine_below: int | None = None
    bureau_kinds: frozenset[str] = frozenset()
    bureau_name_endings: frozenset[str] = frozenset()
    seal_line: str | None = None
    principals: frozenset[str] = frozenset()
    deputies: frozenset[str] = frozenset()
    bureau_heads: frozenset[str] = frozenset()
    never_decide: frozenset[str] = frozenset()


@dataclass(frozen=True)
class LawSet:
    """The rules in force for some authorities from a day on. Without `authorities` it is for all that have none."""

    id: str
    title_zh: str
    title_en: str
    authorities: frozenset[str]
    effective_from: date
    limits: Limits
    rules: tuple[Rule, ...]


@dataclass(frozen=True)
class LawBook:
    """All rule sets, by id."""

    sets: Mapping[str, LawSet]

    def in_force(self, authority_id: str, day: date) -> LawSet:
        """The authority's set on `day` (in Beijing); of the general ones when it has none of its own.

        For a day before all of them the oldest one is taken.
        """
        own = [found for found in self.sets.values() if authority_id in found.authorities]
        by_age = sorted(own or self.general(), key=lambda found: found.effective_from)
        return next((found for found in reversed(by_age) if found.effective_from <= day), by_age[0])

    def general(self) -> list[LawSet]:
        """The sets for authorities that have none of their own."""
        return [found for found in self.sets.values() if not found.authorities]


@cache
def law_book() -> LawBook:
    """The rule sets that come with this program."""
    rules = "\n".join(path.read_text("utf-8") for path in sorted(RULES.glob("*.toml")))
    return read_book(rules, SETS.read_text("utf-8"))


def read_book(rules: str, sets: str) -> LawBook:
    """Rule sets from the two TOML texts. Raises Permanent, naming what is wrong and where."""
    known = _read_rules(_toml(rules).get("rule", []))
    raw: dict[str, Mapping[str, Any]] = {}
    found: dict[str, LawSet] = {}
    for entry in _toml(sets).get("rule_set", []):
        name = str(entry.get("id", "without an id"))
        if name in raw:
            raise Permanent(f"rule set {name}: stands twice")
        raw[name] = _whole(name, entry, raw)
        found[name] = _read_set(name, raw[name], known)
    if not any(not each.authorities for each in found.values()):
        raise Permanent("rule sets: there is no general one")
    return LawBook(MappingProxyType(found))


def _toml(text: str) -> Mapping[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Permanent(f"rules of law cannot be read: {error}") from error


def _read_rules(entries: list[Mapping[str, Any]]) -> Mapping[tuple[str, str], Rule]:
    found: dict[tuple[str, str], Rule] = {}
    for entry in entries:
        name = f"rule {entry.get('id')}/{entry.get('version')}"
        try:
            rule = Rule(**{**entry, "instruments": frozenset(entry["instruments"])})
        except (TypeError, KeyError) as error:
            raise Permanent(f"{name}: {error}") from error
        if rule.severity not in ("error", "warning"):
            raise Permanent(f"{name}: severity must be error or warning")
        if names_in(rule.zh) != names_in(rule.en):
            raise Permanent(f"{name}: does not name the same values in both languages")
        if (rule.id, rule.version) in found:
            raise Permanent(f"{name}: stands twice")
        found[rule.id, rule.version] = rule
    return found


def _whole(name: str, entry: Mapping[str, Any], earlier: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The entry with the limits and rules of the sets that it extends: the later one wins, and its own over all."""
    parts: dict[str, dict[str, Any]] = {"limits": {}, "rules": {}}
    for base in entry.get("extends", ()):
        if base not in earlier:
            raise Permanent(f"rule set {name}: extends {base}, which does not stand before it")
        for part, whole in parts.items():
            whole |= earlier[base][part]
    return {**entry, **{part: {**whole, **entry.get(part, {})} for part, whole in parts.items()}}


def _read_set(name: str, entry: Mapping[str, Any], known: Mapping[tuple[str, str], Rule]) -> LawSet:
    try:
        return LawSet(
            id=name,
            title_zh=entry["title_zh"],
            title_en=entry["title_en"],
            authorities=frozenset(entry["authorities"]),
            effective_from=entry["effective_from"],
            limits=_read_limits(entry["limits"]),
            rules=tuple(known[rule, version] for rule, version in entry["rules"].items()),
        )
    except KeyError as error:
        raise Permanent(f"rule set {name}: {error.args[0]} is missing") from error


def _listed(value: Any) -> Any:
    return frozenset(value) if isinstance(value, list) else value


def _read_limits(entry: Mapping[str, Any]) -> Limits:
    values: dict[str, Any] = {name: _listed(value) for name, value in entry.items()}
    needed = {each.name for each in fields(Limits) if each.default is MISSING}
    for wrong in sorted((needed - values.keys()) | (values.keys() - {each.name for each in fields(Limits)})):
        raise KeyError(f"the limit {wrong}" if wrong in needed else f"a use for {wrong}")
    return Limits(**values)
