"""Preflight: one document of a job is checked against instrument, register, series and seal; every fault is named."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from pipeline.callers import Caller
from pipeline.law.evaluation import Verdict, evaluate
from pipeline.law.lookups import gather
from pipeline.law.rule_sets import law_book
from pipeline.linking import Link, links_of
from records import directory, seals, series
from records.errors import Fault, Refused
from templates.catalogue import Instrument, catalogue, filling_faults
from templates.facts import check_text, schema_faults
from templates.manifests import Print
from templates.printing import engine_faults


@dataclass(frozen=True)
class CheckedDocument:
    """A document of a job that may be made, with all that was looked up for it."""

    asked: Mapping[str, Any]
    instrument: Instrument
    seal_id: str | None
    recipients: tuple[Mapping[str, Any], ...]  # counterparty rows, or {"address": …}
    links: tuple[Link, ...]
    verdict: Verdict

    @property
    def printing(self) -> Print:
        """How it is printed."""
        return self.instrument.print

    @property
    def engine(self) -> str:
        """What it is printed by: the engine that the job names, or that of the manifest."""
        return str(self.asked.get("engine") or self.printing.engine)


@dataclass(frozen=True)
class Surroundings:
    """What a job is checked against.

    `now` is by the legal clock. `own`: the job names the caller's own authority; of another one's register, seals and
    numbers nothing is said.
    """

    caller: Caller
    authority: Mapping[str, Any]
    revision: int
    case_no: str
    now: datetime
    test: bool
    own: bool

    @property
    def year(self) -> int:
        """The legal year (Beijing), whose series number what is accepted."""
        return day_of(self.now).year


@dataclass(frozen=True)
class Asked:
    """A document as it was asked for. `broken` are the pointers at which the job's schema found it at fault."""

    value: Mapping[str, Any]
    broken: Collection[str]

    def sound(self, *parts: object) -> bool:
        """Whether the schema found nothing wrong at or below this place."""
        place = "".join(f"/{part}" for part in parts)
        return not any(pointer == place or pointer.startswith(f"{place}/") for pointer in self.broken)

    def get(self, name: str) -> Any:
        """The member, or None when it is missing or of the wrong shape."""
        return self.value.get(name) if self.sound(name) else None


_KINDS_ZH = {"official": "公章", "enforcement": "行政执法专用章", "signature_stamp": "签名章"}

#: Parts of a document whose shape must be right before the law can be asked.
_LAW_LOOKS_AT = ("facts", "approval", "circumstances", "recipients", "paper")


def check_document(
    connection: sa.Connection, around: Surroundings, asked: Asked
) -> tuple[CheckedDocument | None, list[Fault]]:
    """The document that may be made, or None and its faults, with pointers relative to the document."""
    identifier, facts = asked.get("instrument"), asked.value.get("facts")
    if not isinstance(identifier, str):
        return None, []
    try:
        instrument = catalogue().get(identifier)
    except Refused as refused:
        return None, list(refused.faults)
    faults: list[Fault] = []
    if isinstance(facts, dict):
        # size, texts and the two languages are checked for the whole job at once
        found = list(schema_faults(instrument.schema, facts)) or filling_faults(instrument, facts, around.authority)
        faults += [fault.under("/facts") for fault in found]
    printable = isinstance(facts, dict) and not faults
    faults += _approval_faults(instrument, asked)
    engine = asked.get("engine")
    faults += engine_faults(instrument, engine) if engine is not None else []
    if not around.own:
        return None, faults
    if asked.sound("number"):
        faults += _number_faults(connection, around, instrument, asked.value.get("number"))
    seal, lacking = _seals(connection, around, instrument)
    faults += lacking
    recipients, wrong = _recipients(connection, around, asked)
    links, unfit = links_of(connection, around.caller.authority_id, instrument.manifest, asked.value, asked.sound)
    faults += [*wrong, *_recipient_faults(instrument, asked), *unfit]
    if not printable or wrong or not all(asked.sound(part) for part in _LAW_LOOKS_AT):
        return None, faults
    rows = [None if "address" in recipient else recipient for recipient in recipients]
    case = gather(
        connection,
        instrument,
        asked.value,
        case_no=around.case_no,
        authority=around.authority,
        seal=dict(seal) if seal else None,
        recipients=rows,
        now=around.now,
    )
    verdict = evaluate(case, law_book())
    faults += verdict.faults
    if faults:
        return None, faults
    seal_id = seal["id"] if seal else None
    return CheckedDocument(asked.value, instrument, seal_id, tuple(recipients), links, verdict), []


def _seals(
    connection: sa.Connection, around: Surroundings, instrument: Instrument
) -> tuple[sa.RowMapping | None, list[Fault]]:
    """The first seal that the instrument asks for, if it asks for any, and a fault for each that is not to be had."""
    kinds = instrument.print.seals if instrument.print.sealed else ()
    found = {kind: seals.active(connection, around.caller.authority_id, kind) for kind in kinds}
    faults = []
    for kind in (kind for kind in kinds if found[kind] is None):
        en, zh = f"The authority has no active seal of the kind {kind}.", f"该机关没有可用的{_KINDS_ZH[kind]}。"
        faults.append(Fault("/instrument", "no_seal", en, zh, "004-77"))
    return (found[kinds[0]] if kinds else None), faults


def _approval_faults(instrument: Instrument, asked: Asked) -> Iterator[Fault]:
    if instrument.print.sealed and "approval" not in asked.value:
        yield Fault(
            "/approval",
            "approval_missing",
            "A seal is used only with an approval: name, role, rule and time are needed.",
            "用印须经批准：须提供批准人姓名、职务、依据和时间。",
            "国发〔1999〕25号 第二十五条",
        )


def _number_faults(
    connection: sa.Connection, around: Surroundings, instrument: Instrument, supplied: str | None
) -> Iterator[Fault]:
    authority_id = around.caller.authority_id
    if not instrument.print.numbered:
        if supplied is not None:
            yield Fault("/number", "not_numbered", "This instrument bears no number.", "该文书不编文号。")
    elif supplied is not None:
        if series.is_taken(connection, authority_id, supplied, promised=True):
            yield number_taken()
    else:
        try:
            widest = series.widest(connection, authority_id, instrument.print.series, around.year)
            for text in (widest.text_zh, widest.text_en):
                yield from (fault.under("/instrument") for fault in check_text(text))
        except series.UnknownSeries as error:
            zh = f"本机关没有{around.year}年度的该类文号序列。"
            yield Fault("/instrument", "no_series", f"{error}.", zh)


def number_taken() -> Fault:
    """The fault of a number that is used already."""
    en = "This number is bound to another document."
    return Fault("/number", "number_taken", en, "该文号已被其他文书使用。")


def _recipients(
    connection: sa.Connection, around: Surroundings, asked: Asked
) -> tuple[list[Mapping[str, Any]], list[Fault]]:
    """Every recipient of the right shape as it was looked up, and a fault for each that is not in the register."""
    found: list[Mapping[str, Any]] = []
    faults: list[Fault] = []
    listed = asked.value.get("recipients", [])
    for place, recipient in enumerate(listed if isinstance(listed, list) else []):
        if not asked.sound("recipients", place):
            continue
        if "address" in recipient:
            found.append(recipient)
            continue
        row = directory.find_counterparty(connection, around.caller.authority_id, recipient["counterparty"])
        if row is not None:
            found.append(dict(row))
            continue
        en = "This counterparty is not in the authority's register."
        zh = "该行政相对人不在本机关名录库中。"
        faults.append(Fault(f"/recipients/{place}/counterparty", "unknown_counterparty", en, zh))
    return found, faults


def _recipient_faults(instrument: Instrument, asked: Asked) -> Iterator[Fault]:
    named = bool(asked.value.get("recipients"))
    if named and not instrument.print.delivered:
        en = "This instrument is not served on anybody: it has no recipients."
        yield Fault("/recipients", "not_served", en, "该文书不向当事人送达，不应指明受送达人。")
    elif not named and instrument.print.delivered:
        en = "This instrument is served: name a recipient."
        yield Fault("/recipients", "recipient_missing", en, "该文书须送达：请指明受送达人。", "004-79")
