"""An application as applicant and clerk read it: its facts, its scans, the office, what was decided each time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from delivery.offices import offices, originals_to
from delivery.portal.register_form import label_of, texts_of
from delivery.portal.views import minute, timed
from delivery.portal.wording import Words
from delivery.registration_facts import ACCOUNT, CONTACT, ENTITY, FILES, letter_digest
from records.errors import Fault

Section = tuple[str, list[tuple[str, str]]]


def said(row: sa.RowMapping, t: Words) -> list[Section]:
    """The facts in sections: (title, [(label, value)])."""
    facts = row["facts"]
    entity = [(t(f"register.{name}"), facts.get(name, "")) for name in ENTITY]
    entity.insert(0, (t("register.category"), t(f"register.{row['category']}")))
    if row["category"] == "foreign_entity":
        kind, region = facts.get("foreign_kind"), offices().administrations.get(facts.get("administration", ""))
        entity.append((t("register.foreign_kind"), t(f"register.foreign_{kind}") if kind else ""))
        entity.append((t("register.administration"), t.pick(region.zh, region.en) if region else ""))
    elif division := offices().divisions.get(facts.get("division", "")):
        entity.append((t("register.division"), t.pick(division.zh, division.en)))
    signer = facts.get("signer", {})
    signed = [
        (t("register.capacity"), t(f"register.{signer['capacity']}") if signer.get("capacity") else ""),
        (t("register.signer_name"), signer.get("name", "")),
        *([(t("register.power"), signer["power"])] if signer.get("power") else []),
        (t("register.signed_on"), signer.get("signed_on", "")),
    ]
    return [
        (t("register.step_entity"), entity),
        *_many("contacts", CONTACT, facts, t),
        *_many("accounts", ACCOUNT, facts, t),
        (t("register.signer"), signed),
    ]


def _many(part: str, names: Sequence[str], facts: Mapping[str, Any], t: Words) -> list[Section]:
    return [
        (
            f"{t(f'register.one_{part}')} {place}",
            [(t(f"register.{label_of(f'{part}/{name}')}"), each.get(name, "")) for name in names],
        )
        for place, each in enumerate(facts.get(part, []), 1)
    ]


def scans(row: sa.RowMapping, t: Words, faults: Sequence[Fault] = ()) -> list[dict[str, Any]]:
    """Each kind of scan: its name, whether it is there, whether the letter in it is still the one of these facts."""
    files = row["files"]
    return [
        {
            "name": name,
            "title": t(f"register.{name}"),
            "hint": t(f"register.{name}_hint"),
            "kept": name in files,
            "outdated": name == "letter" and name in files and files[name]["of"] != letter_digest(row["facts"]),
            "faults": texts_of(f"/files/{name}", faults, t),
        }
        for name in FILES
    ]


def office_line(office: Mapping[str, Any], t: Words) -> dict[str, Any]:
    """The responsible office, and whether a clerk has still to confirm it."""
    region = offices().administrations[office["administration"]]
    above = "" if region.id == office["id"] else t.pick(region.zh, region.en)
    return {"name": t.pick(office["zh"], office["en"]), "above": above, "certain": office["certain"]}


def originals_line(authority: Mapping[str, Any], office: Mapping[str, Any], t: Words) -> list[tuple[str, str]]:
    """Where the paper originals are sent, for the office as a registration keeps it: [(label, value)]."""
    found = originals_to(authority, office["id"], office["administration"])
    said = [("addressee", found["name"]), ("address", found["address"])]
    lines = [(t(f"register.originals_{name}"), t.pick(value["zh"], value["en"])) for name, value in said]
    return lines + [(t(f"register.originals_{name}"), found[name]) for name in ("postcode", "phone") if name in found]


def _decided_office(each: sa.RowMapping) -> Mapping[str, Any]:
    """The office that a clerk confirmed or put right, else the one that was found."""
    if each["outcome"] != "approved":
        return dict(each["office"])
    return asdict(offices().all[each["review"]["office"]]) | {"certain": True}


def versions(history: Sequence[sa.RowMapping], t: Words) -> list[dict[str, Any]]:
    """What was reported each time and what was decided on it, newest first."""
    return [
        {
            "nth": each["nth"],
            "submitted": timed(each["submitted_at"], t, minute),
            "office": office_line(_decided_office(each), t),
            "outcome": each["outcome"] or "submitted",
            "decided": timed(each["decided_at"], t, minute),
            "decided_by": each["decided_by"],
            "reasons_zh": each["reasons_zh"] or "",
            "reasons_en": each["reasons_en"] or "",
        }
        for each in history
    ]
