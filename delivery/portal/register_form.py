"""The form of an application: from what was typed to its facts, and back to fields with their faults."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from delivery.account_names import suggest
from delivery.offices import offices
from delivery.portal.wording import Words
from delivery.registration_facts import (
    ACCOUNT,
    CAPACITIES,
    CONTACT,
    ENTITY,
    FOREIGN_KINDS,
    MOST_ACCOUNTS,
    MOST_CONTACTS,
    SIGNER,
)
from delivery.scanner import read_day
from records.errors import Fault

LONGEST: Final = 400
"""Characters of a field that are kept at all."""

_KINDS: Final = {"mobile": "tel", "email": "email"}
_COMPLETED: Final = {"address_zh": "street-address", "name_zh": "organization"}
_HINTED: Final = ("name_en", "short_name", "abbreviation", "credit_code", "address_zh", "mobile", "login", "power")

Choices = Sequence[tuple[str, Sequence[tuple[str, str]]]]


@dataclass(frozen=True)
class Entry:
    """One field as it is shown. `choices` are groups (title, [(value, name)]); `faults` are in their language."""

    name: str
    label: str
    value: str
    kind: str = "text"
    hint: str = ""
    faults: tuple[str, ...] = ()
    choices: Choices = ()
    completed: str = "off"
    optional: bool = False


def typed(fields: Mapping[str, str], name: str) -> str:
    """What was typed, on one line and without spaces around it."""
    return " ".join(fields.get(name, "").split())[:LONGEST]


def entity_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """The entity's own facts."""
    facts = {name: typed(fields, name) for name in (*ENTITY, "division", "foreign_kind", "administration")}
    return facts | {"credit_code": facts["credit_code"].upper().replace(" ", "")}


def people_of(fields: Mapping[str, str], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Contacts and accounts; an account without a name gets the one that rule R3 makes. Empty rows are left out."""
    contacts = [_row(fields, f"contacts-{place}", CONTACT) for place in range(MOST_CONTACTS)]
    for each in contacts:
        plain = re.sub(r"[ -]", "", each["mobile"])
        each["mobile"] = plain if re.fullmatch(r"1[0-9]{10}", plain) else each["mobile"]
    accounts = [_row(fields, f"accounts-{place}", ACCOUNT) for place in range(MOST_ACCOUNTS)]
    accounts = [each for each in accounts if any(each.values())]
    taken = [each["login"] for each in accounts if each["login"]]
    for each in accounts:
        if not each["login"]:
            each["login"] = suggest(
                facts.get("abbreviation", ""), facts.get("short_name", ""), each["department"], taken
            )
            taken.append(each["login"])
    return {"contacts": [each for each in contacts if any(each.values())], "accounts": accounts}


def signer_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """Who signs the letter, by what right, and when."""
    signer = _row(fields, "signer", SIGNER)
    return {"signer": signer | {"signed_on": read_day(signer["signed_on"])}}


def _row(fields: Mapping[str, str], prefix: str, names: Sequence[str]) -> dict[str, str]:
    return {name: typed(fields, f"{prefix}-{name}") for name in names}


def entity_entries(category: str, facts: Mapping[str, Any], faults: Sequence[Fault], t: Words) -> list[Entry]:
    """The fields of the first step."""
    made = [_entry(name, name, facts, faults, t, category) for name in ENTITY]
    if category == "foreign_entity":
        kinds = [(each, t(f"register.foreign_{each}")) for each in FOREIGN_KINDS]
        regions = [(each.id, t.pick(each.zh, each.en)) for each in offices().administrations.values()]
        return [
            *made,
            _choice("foreign_kind", facts, faults, t, [("", kinds)]),
            _choice("administration", facts, faults, t, [("", regions)]),
        ]
    return [*made[:5], _choice("division", facts, faults, t, _divisions(t)), *made[5:]]


def _divisions(t: Words) -> Choices:
    known = offices()
    return [
        (
            t.pick(region.zh, region.en),
            [
                (each.code, t.pick(each.zh, each.en))
                for each in known.divisions.values()
                if each.office.administration == region.id
            ],
        )
        for region in known.administrations.values()
    ]


def contact_rows(
    category: str, facts: Mapping[str, Any], faults: Sequence[Fault], t: Words, more: int
) -> list[list[Entry]]:
    """Two rows of contact fields at least, and `more` beyond those that are filled."""
    return _rows("contacts", CONTACT, facts, faults, t, category, max(2, min(MOST_CONTACTS, more)))


def account_rows(facts: Mapping[str, Any], faults: Sequence[Fault], t: Words, more: int) -> list[list[Entry]]:
    """One row of account fields at least."""
    return _rows("accounts", ACCOUNT, facts, faults, t, "", max(1, min(MOST_ACCOUNTS, more)))


def _rows(
    part: str,
    names: Sequence[str],
    facts: Mapping[str, Any],
    faults: Sequence[Fault],
    t: Words,
    category: str,
    many: int,
) -> list[list[Entry]]:
    filled = facts.get(part, [])
    made = []
    for place in range(max(many, len(filled))):
        values = filled[place] if place < len(filled) else {}
        shown = faults if place < len(filled) else ()
        made.append([_entry(name, f"{part}-{place}-{name}", values, shown, t, category) for name in names])
    return made


def signer_entries(facts: Mapping[str, Any], faults: Sequence[Fault], t: Words) -> list[Entry]:
    """Who signs."""
    signer = facts.get("signer", {})
    capacities = [(each, t(f"register.{each}")) for each in CAPACITIES]
    return [
        _choice("capacity", signer, faults, t, [("", capacities)], prefix="signer-"),
        *(_entry(name, f"signer-{name}", signer, faults, t, "") for name in ("name", "power", "signed_on")),
    ]


def field_of(pointer: str) -> str:
    """The id of the field for what stands at a place of the facts: `/contacts/0/name` is `contacts-0-name`."""
    return pointer.removeprefix("/").replace("/", "-")


def texts_of(pointer: str, faults: Sequence[Fault], t: Words) -> tuple[str, ...]:
    """The faults at one place, in the visitor's language."""
    return tuple(t.pick(fault.message_zh, fault.message_en) for fault in faults if fault.pointer == pointer)


def _entry(name: str, full: str, values: Mapping[str, str], faults: Sequence[Fault], t: Words, category: str) -> Entry:
    key = label_of(full.replace("-", "/"))
    hint = t(f"register.{key}_hint") if key in (*_HINTED, "signed_on") else ""
    if name == "mobile" and category == "foreign_entity":
        hint = t("register.mobile_abroad_hint")
    if name == "name" and full.startswith("contacts") and category == "foreign_entity":
        hint = t("register.name_abroad_hint")
    optional = name in ("abbreviation", "login", "power") or (name == "credit_code" and category == "foreign_entity")
    return Entry(
        full,
        t(f"register.{key}"),
        values.get(name, ""),
        _KINDS.get(name, "text"),
        hint,
        texts_of("/" + full.replace("-", "/"), faults, t),
        completed=_COMPLETED.get(full, "off"),
        optional=optional,
    )


def label_of(place: str) -> str:
    """The message that names what stands at a place of the facts, such as `contacts/0/name_en`."""
    parts = place.split("/")
    special = {("contacts", "name_en"): "latin_name", ("signer", "name"): "signer_name"}
    return special.get((parts[0], parts[-1]), parts[-1])


def _choice(
    name: str, values: Mapping[str, str], faults: Sequence[Fault], t: Words, choices: Choices, prefix: str = ""
) -> Entry:
    full = prefix + name
    shown = texts_of("/" + full.replace("-", "/"), faults, t)
    hint = t(f"register.{name}_hint") if name in ("division", "administration") else ""
    return Entry(full, t(f"register.{name}"), values.get(name, ""), "choice", hint, shown, choices)
