"""The form of issuing by hand: from what was typed to a job, and from a job's faults back to the fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from delivery.fact_forms import Part, facts, form, read_moment, typed_of, where
from delivery.fact_words import FactWords
from delivery.known_facts import known_facts
from delivery.portal.form_faults import FormFaults, Told
from delivery.portal.issue_links import Linked
from delivery.portal.wording import Words
from records import directory, documents
from records.errors import Fault
from templates.catalogue import Instrument, catalogue

APPROVAL: Final = ("name", "role", "rule", "approved_at")
BESIDE: Final = "/beside"
"""Where the fields stand that are of the job and not of the facts: no instrument has a fact of this name."""

_MOST: Final = 50  # recipients (pipeline/job.json)
_DOCUMENT: Final = "/documents/0"
#: The fields of the form itself, by the pointers of the job: the field's id, and the key of its label.
_FIELDS: Final[Mapping[str, tuple[str, str]]] = {
    "/case_no": ("case_no", "inbox.case"),
    f"{_DOCUMENT}/recipients": ("counterparty", "desk.recipient"),
    f"{_DOCUMENT}/paper": ("paper", "issue.paper"),
    f"{_DOCUMENT}/approval": ("name", "issue.approval"),
    **{f"{_DOCUMENT}/approval/{name}": (name, f"issue.{name}") for name in APPROVAL},
}


@dataclass(frozen=True)
class IssueForm:
    """The form of one instrument with what was typed; `beside` is the schema of what a job has beside the facts."""

    made: Instrument
    beside: Mapping[str, Any]
    typed: Mapping[str, str]

    @property
    def recipients(self) -> list[tuple[str, str]]:
        """The fields of recipients: name, and the counterparty that is chosen in it."""
        asked = self.typed.get("recipients", "")
        count = min(int(asked), _MOST) if asked.isascii() and asked.isdigit() and len(asked) < 3 else 1
        names = ["counterparty", *(f"counterparty_{nth}" for nth in range(2, count + 1))]
        return [(name, self.typed.get(name, "")) for name in names]

    def parts(self, faults: Sequence[Fault] = ()) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
        """The facts, and what goes beside them; `faults` point into the job."""
        placed = [fault for fault in map(_placed, faults) if fault is not None]
        words = FactWords(self.made.clauses, self.made.stock.laws)
        asked = form(self.made.schema, self.typed, placed, words)
        return asked, form(self.beside, self.typed, placed, FactWords(), BESIDE)

    def told(self, faults: Sequence[Fault], t: Words) -> FormFaults:
        """Every fault of the job, by the field where it is to be mended."""
        parts = [part for group in self.parts() for part in group]
        return FormFaults(
            tuple(
                Told(*_field_of(fault, parts, t), t.pick(fault.message_zh, fault.message_en), fault.rule)
                for fault in faults
            )
        )

    def job(self, authority_id: str, linked: Linked | None) -> dict[str, Any]:
        """What was typed, as a job with one document."""
        document: dict[str, Any] = {"instrument": self.made.id, "facts": facts(self.made.schema, self.typed)}
        beside = facts(self.beside, self.typed, BESIDE)
        address = beside.pop("address", None)
        if linked is not None:
            document |= linked.in_job()
        else:
            recipients: list[dict[str, Any]] = [{"counterparty": chosen} for _, chosen in self.recipients if chosen]
            recipients += [{"address": address}] if address else []
            document |= {"recipients": recipients} if recipients else {}
        document |= beside
        if self.typed.get("paper"):
            document["paper"] = True
        approval = {name: self.typed[name].strip() for name in APPROVAL if self.typed.get(name, "").strip()}
        if "approved_at" in approval:
            approval["approved_at"] = read_moment(approval["approved_at"])
        if approval:
            document["approval"] = approval
        return {"authority": authority_id, "case_no": self.typed.get("case_no", "").strip(), "documents": [document]}

    def filled(self, connection: sa.Connection, authority_id: str) -> tuple[dict[str, str], list[str]]:
        """What was typed and, where nothing was, what the records know; and the names of the facts that were filled."""
        case_no = self.typed.get("case_no", "").strip()
        case = documents.of_case(connection, authority_id, case_no, catalogue().ids()) if case_no else []
        chosen = next((chosen for _, chosen in self.recipients if chosen), "")
        entry = directory.find_counterparty(connection, authority_id, chosen) if chosen else None
        typed, names = dict(self.typed), []
        for name, value in known_facts(self.made.schema, case, entry, catalogue()).items():
            if not any(text and key.startswith(f"f/{name}/") for key, text in self.typed.items()):
                typed |= typed_of(value, f"/{name}")
                names.append(name)
        return typed, names


def _placed(fault: Fault) -> Fault | None:
    pointer = fault.pointer.removeprefix(_DOCUMENT)
    if pointer == fault.pointer:
        return None
    first, *rest = pointer.removeprefix("/").split("/")
    if first == "facts":
        place = "/" + "/".join(rest) if rest else ""
    elif first == "recipients" and rest[1:2] == ["address"]:
        place = "/".join([BESIDE, *rest[1:]])
    elif first in ("circumstances", "copies_to"):
        place = BESIDE + pointer
    else:
        return None
    return Fault(place, fault.code, fault.message_en, fault.message_zh, fault.rule)


def _field_of(fault: Fault, parts: Sequence[Part], t: Words) -> tuple[str, str]:
    placed = _placed(fault)
    if placed is not None:
        way = where(parts, placed.pointer)
        return (field_id(way[-1].pointer), " · ".join(t.pick(*part.label) for part in way)) if way else ("", "")
    for pointer in _around(fault.pointer):
        if pointer in _FIELDS:
            field, key = _FIELDS[pointer]
            return field, t(key)
    return "", ""


def _around(pointer: str) -> Iterator[str]:
    while pointer:
        yield pointer
        pointer = pointer.rpartition("/")[0]


def field_id(pointer: str) -> str:
    """The id of the field, or group of fields, for the value at `pointer`."""
    return "f" + pointer.replace("/", "_")
