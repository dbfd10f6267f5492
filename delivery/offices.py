"""The responsible office (所属监管局, 主管管理局) of a counterparty, found from its address by `offices.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from records.errors import Permanent

DATA: Final = Path(__file__).with_name("offices.toml")


@dataclass(frozen=True)
class Office:
    """An office of the civil aviation administration: `administration` is the region that it belongs to, or is."""

    id: str
    zh: str
    en: str
    administration: str


@dataclass(frozen=True)
class Division:
    """An administrative division by GB/T 2260: two digits for a province, four for a city of it."""

    code: str
    zh: str
    en: str
    office: Office
    certain: bool


@dataclass(frozen=True)
class Offices:
    """All offices: `administrations` by their ids, `divisions` by their codes, in the file's order."""

    edition: str
    administrations: Mapping[str, Office]
    divisions: Mapping[str, Division]

    @property
    def all(self) -> Mapping[str, Office]:
        """Every office by its id: the administrations and what belongs to them."""
        return dict(self.administrations) | {each.office.id: each.office for each in self.divisions.values()}


@dataclass(frozen=True)
class Responsible:
    """Who is responsible. `certain` says that nobody has to confirm it; `edition` is that of the data."""

    id: str
    zh: str
    en: str
    administration: str
    certain: bool
    edition: str

    def as_dict(self) -> dict[str, Any]:
        """As a registration keeps it."""
        return asdict(self)


@cache
def offices() -> Offices:
    """The offices of `offices.toml`."""
    return read(DATA.read_text("utf-8"))


def read(text: str) -> Offices:
    """The offices of a TOML text. Raises Permanent for what stands twice, or a city without the rest."""
    data = tomllib.loads(text)
    administrations: dict[str, Office] = {}
    divisions: dict[str, Division] = {}
    for region in data["administration"]:
        own = Office(region["id"], region["zh"], region["en"], region["id"])
        if own.id in administrations:
            raise Permanent(f"offices: {own.id} stands twice")
        administrations[own.id] = own
        for each in region["division"]:
            office = Office(**each["office"], administration=own.id) if "office" in each else own
            certain = "office" in each and not each.get("confirm", False)
            if each["code"] in divisions:
                raise Permanent(f"offices: division {each['code']} stands twice")
            divisions[each["code"]] = Division(each["code"], each["zh"], each["en"], office, certain)
    for code in divisions:
        if code[:2] not in divisions:
            raise Permanent(f"offices: {code} is a part of {code[:2]}, which is missing")
    return Offices(data["edition"], administrations, divisions)


def responsible(category: str, facts: Mapping[str, Any]) -> Responsible | None:
    """Who is responsible for a counterparty (000 二(三)(四)); None while its facts do not tell.

    In the country: by the division of its address. A foreign carrier, and one of Hong Kong, Macao or Taiwan: the
    administration that approved its operations. Any other foreign body: the one that it chose, for a clerk to confirm.
    """
    known = offices()
    if category == "foreign_entity":
        chosen = known.administrations.get(facts.get("administration", ""))
        return None if chosen is None else _told(chosen, facts.get("foreign_kind") == "carrier", known.edition)
    division = known.divisions.get(facts.get("division", ""))
    return None if division is None else _told(division.office, division.certain, known.edition)


def reached(authority: Mapping[str, Any], office: str, administration: str) -> Mapping[str, Any]:
    """Where the office is reached by the authority's record: its own entry there, else that of its administration.

    May have `email`, `address`, `postcode` and `phone` (authority.json); empty where the record says nothing.
    """
    entries: Mapping[str, Any] = authority.get("offices", {})
    return entries.get(office) or entries.get(administration) or {}


def originals_to(authority: Mapping[str, Any], office: str, administration: str) -> Mapping[str, Any]:
    """Where paper originals for the office are sent: `name`, `address`, and `postcode` and `phone` if they are known.

    To the office, else to its administration, if the authority's record has an address of it; else to the authority.
    """
    known, entries = offices().all, authority.get("offices", {})
    for each in (office, administration):
        found = {key: value for key, value in entries.get(each, {}).items() if key != "email"}
        if each in known and "address" in found:
            return found | {"name": {"zh": known[each].zh, "en": known[each].en}}
    return {key: authority[key] for key in ("name", "address", "postcode")}


def _told(office: Office, certain: bool, edition: str) -> Responsible:
    return Responsible(**asdict(office), certain=certain, edition=edition)
