"""Links at intake: may this document end, change, mend or declare void the document that it names?

A released document binds. It ends or changes only by another decision (004-100), a 补正决定书 mends its text, and each
of these is served like the first; 作废 (004-97) is for what was never released.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from delivery.linked_acts import RULES, TOLD, state_faults
from records import documents, ledger, links, series
from records.errors import Fault, Refused
from records.ledger import canonical
from templates.manifests import ACTS, Manifest, manifests


@dataclass(frozen=True)
class Link:
    """What a document does to another; `pointer` is where the job says so, seen from the document."""

    effect: str
    target: str
    pointer: str


def links_of(
    connection: sa.Connection,
    authority_id: str,
    instrument: Manifest,
    asked: Mapping[str, Any],
    sound: Callable[[str], bool],
) -> tuple[tuple[Link, ...], list[Fault]]:
    """The links of a document of a job, and every fault; `sound` says whether the schema found a member in order."""
    named = tuple(_named(asked, sound))
    faults = [
        _fault(
            link,
            "cannot_act",
            f"This instrument does not do that to a document: {_who(link.effect)} does.",
            f"该文书不能用于此目的，应使用{_who(link.effect, zh=True)}。",
        )
        for link in named
        if link.effect not in instrument.acts
    ]
    if faults or not instrument.acts:
        return (), faults
    if len({link.effect for link in named}) > 1:
        en = "A document does one thing to one other document: ends it, changes it or mends it."
        return (), [_fault(named[1], "one_effect", en, "一份文书只能撤销、变更或者补正一份文书。")]
    if not any(effect in asked for effect in ACTS):
        return (), list(_unlinked(connection, authority_id, asked.get("facts")))
    for link in named:
        faults += _state_faults(connection, authority_id, link) or _content_faults(connection, link, asked)
    return named, faults


def _named(asked: Mapping[str, Any], sound: Callable[[str], bool]) -> Iterator[Link]:
    for effect in ACTS:
        value = asked.get(effect)
        if value is None or not sound(effect):
            continue
        if isinstance(value, str):
            yield Link(effect, value, f"/{effect}")
        else:
            yield from (Link(effect, target, f"/{effect}/{place}") for place, target in enumerate(value))


def _who(effect: str, *, zh: bool = False) -> str:
    found = [each for each in manifests().values() if effect in each.acts]
    return "、".join(f"《{each.title_zh}》" for each in found) if zh else ", ".join(each.id for each in found)


def _fault(link: Link, code: str, en: str, zh: str) -> Fault:
    return Fault(link.pointer, code, en, zh, RULES[link.effect])


def _state_faults(connection: sa.Connection, authority_id: str, link: Link) -> list[Fault]:
    return [fault.under(link.pointer) for fault in state_faults(connection, authority_id, link.effect, link.target)]


def _content_faults(connection: sa.Connection, link: Link, asked: Mapping[str, Any]) -> Iterator[Fault]:
    """Whether the facts name the target by its number, and the new document goes to all whom the old one went to."""
    target = documents.get(connection, link.target)
    number = target["number_zh"]
    if number is not None and not any(number in text for text, _ in _texts(asked.get("facts"), "")):
        en = f"The facts do not name the document that is meant, {target['number_en']}."
        yield _fault(link, "number_differs", en, f"事实中没有写明所指文书的文号{number}。")
    if link.effect == "declares":
        return
    facts, rows = asked.get("facts"), links.recipients(connection, link.target)
    yield from _told_faults(link, facts if isinstance(facts, dict) else {}, rows)
    listed = asked.get("recipients")
    named = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    for row in rows:
        if not any(_is(row, each) for each in named):
            en = f"The document was served on {row['recipient_en']} too: this one has to be served on all of them."
            zh = f"原文书的受送达人还有{row['recipient_zh']}，本文书也应向其送达。"
            yield Fault("/recipients", "recipient_missing", en, zh, "004-79")


def _told_faults(link: Link, facts: Mapping[str, Any], rows: Sequence[sa.RowMapping]) -> Iterator[Fault]:
    """Whether the text of the new document tells the same of the old one as the records do."""
    told = facts.get("effect")
    if told in TOLD.values() and told != TOLD.get(link.effect):
        en = f"The facts say that the document is to {told} the other one, the job says otherwise."
        yield Fault("/facts/effect", "effect_differs", en, "事实所述的处理方式与任务不一致。", "004-100")
    document = facts.get("document")
    day = document.get("served_on") if isinstance(document, dict) else None
    served = sorted({row["service_date"] for row in rows if row["service_date"]})
    if isinstance(day, str) and day not in served:
        on = ", ".join(served)
        en = (
            f"The document was served on {on}, not on this day." if on else "The document is not served on anybody yet."
        )
        zh = f"该文书的送达日期为{on}，与此不符。" if on else "该文书尚未送达。"
        yield Fault("/facts/document/served_on", "served_on_differs", en, zh, "004-79")


def _is(row: sa.RowMapping, recipient: Mapping[str, Any]) -> bool:
    if row["counterparty_id"] is not None:
        return bool(recipient.get("counterparty") == row["counterparty_id"])
    address = recipient.get("address")
    return isinstance(address, dict) and canonical(address.get("name")) == canonical(row["address"]["name"])


def _unlinked(connection: sa.Connection, authority_id: str, facts: Any) -> Iterator[Fault]:
    """A number of our own in the facts, and no link to its document: nothing would become of it there."""
    places = dict(_texts(facts, ""))
    for text, document_id in series.bound_to(connection, authority_id, places):
        en = f"This number is that of the document {document_id}: name it, so that its fate is recorded there."
        zh = f"该文号属于文书 {document_id}，应在任务中指明，以便一并记录。"
        yield Fault(f"/facts{places[text]}", "link_missing", en, zh, "004-100")


def _texts(value: Any, pointer: str) -> Iterator[tuple[str, str]]:
    """Every text inside the facts, with its pointer."""
    if isinstance(value, str):
        yield value, pointer
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _texts(each, f"{pointer}/{name}")
    elif isinstance(value, list):
        for place, each in enumerate(value):
            yield from _texts(each, f"{pointer}/{place}")


def lock(connection: sa.Connection, named: Sequence[Link]) -> None:
    """Hold the targets until the transaction ends, the newest first as everywhere (see `records.links`)."""
    for target in sorted({link.target for link in named}, reverse=True):
        ledger.lock(connection, target)


def store(connection: sa.Connection, authority_id: str, document_id: str, position: int, named: Sequence[Link]) -> None:
    """Store the links of an accepted document. Raises Refused when one of its targets was taken since the check."""
    for link in named:
        faults = _state_faults(connection, authority_id, link)
        if faults:
            raise Refused([fault.under(f"/documents/{position}") for fault in faults])
        links.insert(connection, document_id, link.target, authority_id, link.effect)
