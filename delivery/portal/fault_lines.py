"""Faults as the head of a form tells them: each with a link to the field where it is to be mended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from delivery.portal.wording import Words
from records.errors import Fault


@dataclass(frozen=True)
class FaultLine:
    """One fault: the field's id, "" for none, what the field is called, what is wrong, and the article it rests on."""

    field: str
    label: str
    text: str
    rule: str = ""


def fault_lines(faults: Sequence[Fault], fields: Mapping[str, tuple[str, str]], t: Words) -> list[FaultLine]:
    """Every fault; `fields` has the id and the name of the field by the first part of a pointer."""
    return [
        FaultLine(
            *fields.get(fault.pointer.removeprefix("/").partition("/")[0], ("", "")),
            t.pick(fault.message_zh, fault.message_en),
            fault.rule or "",
        )
        for fault in faults
    ]
