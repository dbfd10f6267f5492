"""The form of a paper receipt: from what a clerk typed to the record that the rules judge, and back with its faults."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from delivery.paper import (
    CAPACITIES,
    DATE_SOURCES,
    DETAILS,
    FLAGS,
    LISTS,
    MAIL_KINDS,
    OUTCOMES,
    backdated_after,
)
from delivery.portal.form_faults import FormFaults
from delivery.portal.views import outcome_name
from delivery.portal.wording import Words
from delivery.scanner import said_of_day
from records.errors import Fault


@dataclass(frozen=True)
class Field:
    """One field as it is shown: its label, what was typed, what is wrong with it."""

    name: str
    kind: str  # text, area, flag, choice
    label: str
    value: str
    faults: tuple[str, ...]
    choices: tuple[tuple[str, str], ...] = ()


def record_of(fields: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as `delivery.paper_rules.check_receipt` reads it."""
    method, _, outcome = fields.get("result", "").partition("/")
    record: dict[str, Any] = {"method": method, "outcome": outcome, **said_of_day(fields.get("date", ""))}
    record |= {name: fields[name].strip() for name in DETAILS if fields.get(name, "").strip()}
    for name in LISTS:
        lines = [line.strip() for line in fields.get(name, "").splitlines() if line.strip()]
        if lines:
            record[name] = lines
    record |= {name: True for name in FLAGS if fields.get(name)}
    return {name: value for name, value in record.items() if value}


def fields_of(record: Mapping[str, Any]) -> dict[str, str]:
    """A record as it would be typed: `record_of` the other way round."""
    fields = {"result": f"{record['method']}/{record['outcome']}", "date": record.get("date", "")}
    fields |= {name: record[name] for name in DETAILS if name in record}
    fields |= {name: "\n".join(record[name]) for name in LISTS if name in record}
    return fields | {name: "1" for name in FLAGS if record.get(name)}


def results(methods: Sequence[str], t: Words) -> list[tuple[str, list[tuple[str, str]]]]:
    """Methods of service, each with its outcomes: (name, [(value, name)])."""
    return [
        (
            t(f"method.{method}"),
            [(f"{method}/{outcome}", outcome_name(method, outcome, t)) for outcome in OUTCOMES[method]],
        )
        for method in methods
    ]


def sections(
    methods: Sequence[str], fields: Mapping[str, str], faults: Sequence[Fault], t: Words
) -> list[tuple[str, str, bool, list[Field]]]:
    """The parts of the form that belong to one method each: (id, title, open, fields)."""
    parts: dict[str, tuple[str, ...]] = {
        "post": ("mail_kind", "mail_number", "ruling"),
        "leaving": ("refusal_reason", "witnesses", "video"),
        "entrusted": ("organ",),
        "public_notice": ("published_in", "failed_attempts", "abroad"),
        "fax": ("consent",),
    }
    chosen = fields.get("result", "").partition("/")[0]
    made = []
    for method, names in parts.items():
        if method not in methods:
            continue
        shown = [field(name, fields, faults, t) for name in names]
        is_open = method == chosen or any(each.value or each.faults for each in shown)
        made.append((method, t(f"record.{method}"), is_open, shown))
    return made


def field(name: str, fields: Mapping[str, str], faults: Sequence[Fault], t: Words) -> Field:
    """One field with its faults in the visitor's language."""
    kind = "text"
    choices: tuple[tuple[str, str], ...] = ()
    if name in LISTS or name in ("note", "date_note", "ruling", "correction_reason"):
        kind = "area"
    elif name in FLAGS:
        kind = "flag"
    elif name == "capacity":
        kind, choices = "choice", tuple((each, t(f"capacity.{each}")) for each in CAPACITIES)
    elif name == "date_source":
        kind, choices = "choice", tuple((each, t(f"date_source.{each}")) for each in DATE_SOURCES)
    elif name == "mail_kind":
        kind, choices = "choice", tuple((each, t(f"mail_kind.{each}")) for each in MAIL_KINDS)
    return Field(name, kind, t(f"record.{name}"), fields.get(name, ""), faults_of(name, faults, t), choices)


def told(faults: Sequence[Fault], asked: Sequence[str], t: Words) -> FormFaults:
    """Every fault with its field, if that is one of those `asked` for on the form (or of its first and last ones)."""
    labels = {name: t(f"record.{name}") for name in ("result", "date", *asked, "scan")}
    return FormFaults.of(faults, labels, t, ids={"method": "result", "outcome": "result"}, cites=True)


def at_its_date(faults: Sequence[Fault]) -> list[Fault]:
    """The faults of a record, where one dated too far back has a single one, at its date.

    The form of a record has no place for a reason or an approval: that of a record of long ago has.
    """
    if not is_far_back(faults):
        return list(faults)
    days = backdated_after()
    en = f"This day is more than {days} days ago: such a record needs a reason and a second person's approval."
    zh = f"该日期距今已超过{days}日：须作为补录说明理由，并经另一人批准。"
    left = [fault for fault in faults if fault.pointer not in ("/correction_reason", "/approved_by")]
    return [Fault("/date", "far_back", en, zh), *left]


def is_far_back(faults: Sequence[Fault]) -> bool:
    """Whether a record was refused because its day lies too far back for one person."""
    return any(fault.pointer == "/approved_by" for fault in faults)


def faults_of(name: str, faults: Sequence[Fault], t: Words) -> tuple[str, ...]:
    """The faults that point at a field of the form."""
    pointers = ("/method", "/outcome") if name == "result" else (f"/{name}",)
    return tuple(t.pick(fault.message_zh, fault.message_en) for fault in faults if fault.pointer in pointers)
