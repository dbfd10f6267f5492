"""Intake: a job is accepted whole or refused whole, with every fault named and nothing stored."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from delivery.beijing import day_of
from pipeline.callers import Caller
from pipeline.composition import Songda
from records import deliveries, directory, documents, series, steps
from records.database import is_test, legal_time
from records.errors import Fault, Permanent, Refused
from records.ids import new_id
from records.ledger import append, canonical
from templates.catalogue import Instrument, catalogue, check_job_document
from templates.facts import check_facts
from templates.manifests import Print
from templates.markup import markup_faults
from templates.printing import Imprint, print_document


@cache
def job_schema() -> dict[str, Any]:
    """The JSON Schema of a job."""
    return dict(json.loads(Path(__file__).with_name("job.json").read_text("utf-8")))


@dataclass(frozen=True)
class CheckedDocument:
    """A document of a job that may be made, with all that was looked up for it."""

    asked: Mapping[str, Any]
    instrument: Instrument
    seal_id: str | None
    recipients: tuple[Mapping[str, Any], ...]  # counterparty rows, or {"address": …}

    @property
    def printing(self) -> Print:
        """How it is printed."""
        return self.instrument.print


@dataclass(frozen=True)
class CheckedJob:
    """A job without a fault."""

    body: Mapping[str, Any]
    authority_revision: int
    documents: tuple[CheckedDocument, ...]


@dataclass(frozen=True)
class _Surroundings:
    """What the job is checked against."""

    caller: Caller
    authority: Mapping[str, Any]
    revision: int
    year: int
    test: bool


def check(songda: Songda, caller: Caller, body: object) -> CheckedJob:
    """Check a job and print it for trial with the widest number. Raises Refused with all faults; stores nothing."""
    faults = check_facts(job_schema(), body)
    if faults:
        raise Refused(faults)
    assert isinstance(body, Mapping)  # noqa: S101 - the schema says so
    with songda.database.read() as connection:
        found = directory.authority_facts(connection, caller.authority_id)
        if body["authority"] != caller.authority_id or found is None:
            raise Refused(
                [
                    _fault(
                        "/authority",
                        "unknown_authority",
                        "Your key does not act for this authority.",
                        "该密钥无权代表此机关。",
                    )
                ]
            )
        around = _Surroundings(caller, found[1], found[0], day_of(legal_time(connection)).year, is_test(connection))
        checked = []
        for position, asked in enumerate(body["documents"]):
            result = _check_document(connection, around, asked)
            if isinstance(result, CheckedDocument):
                checked.append(result)
            else:
                faults += [fault.under(f"/documents/{position}") for fault in result]
    faults += [*markup_faults(body), *_repeated_numbers(body)]
    if not faults:
        faults = [
            fault.under(f"/documents/{position}")
            for position, document in enumerate(checked)
            for fault in _dry_render(songda, around, document)
        ]
    if faults:
        raise Refused(faults)
    return CheckedJob(body, around.revision, tuple(checked))


def _fault(pointer: str, code: str, en: str, zh: str, rule: str = "") -> Fault:
    return Fault(pointer, code, en, zh, rule)


def _check_document(
    connection: sa.Connection, around: _Surroundings, asked: Mapping[str, Any]
) -> CheckedDocument | list[Fault]:
    try:
        instrument = catalogue().get(asked["instrument"])
    except Refused as refused:
        return list(refused.faults)
    faults = [fault.under("/facts") for fault in check_job_document(instrument, asked["facts"], around.authority)]
    faults += _check_number(connection, around, instrument, asked)
    seal = directory.active_seal(connection, around.caller.authority_id) if instrument.print.sealed else None
    if instrument.print.sealed:
        if "approval" not in asked:
            faults.append(
                _fault(
                    "/approval",
                    "approval_missing",
                    "A seal is used only with an approval: name, role, rule and time are needed.",
                    "用印须经批准：须提供批准人姓名、职务、依据和时间。",
                    "国发〔1999〕25号 第二十五条",
                )
            )
        if seal is None:
            faults.append(
                _fault(
                    "/instrument", "no_seal", "The authority has no active seal.", "该机关没有可用的印章。", "004-77"
                )
            )
    recipients: list[Mapping[str, Any]] = []
    for place, recipient in enumerate(asked.get("recipients", [])):
        found = _recipient(connection, around, recipient)
        if found is None:
            faults.append(
                _fault(
                    f"/recipients/{place}/counterparty",
                    "unknown_counterparty",
                    "This counterparty is not in the authority's register.",
                    "该行政相对人不在本机关名录库中。",
                )
            )
        else:
            recipients.append(found)
    if not instrument.print.delivered and recipients:
        faults.append(
            _fault(
                "/recipients",
                "not_served",
                "This instrument is not served on anybody: it has no recipients.",
                "该文书不向当事人送达，不应指明受送达人。",
            )
        )
    if instrument.print.delivered and not asked.get("recipients"):
        faults.append(
            _fault(
                "/recipients",
                "recipient_missing",
                "This instrument is served: name a recipient.",
                "该文书须送达：请指明受送达人。",
                "004-79",
            )
        )
    return faults or CheckedDocument(asked, instrument, seal["id"] if seal else None, tuple(recipients))


def _recipient(
    connection: sa.Connection, around: _Surroundings, recipient: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    if "address" in recipient:
        return recipient
    found = directory.find_counterparty(connection, around.caller.authority_id, recipient["counterparty"])
    return None if found is None else dict(found)


def _check_number(
    connection: sa.Connection, around: _Surroundings, instrument: Instrument, asked: Mapping[str, Any]
) -> list[Fault]:
    supplied = asked.get("number")
    if not instrument.print.numbered:
        if supplied is None:
            return []
        return [_fault("/number", "not_numbered", "This instrument bears no number.", "该文书不编文号。")]
    if supplied is not None:
        if series.is_taken(connection, around.caller.authority_id, supplied):
            return [
                _fault(
                    "/number", "number_taken", "This number is bound to another document.", "该文号已被其他文书使用。"
                )
            ]
        return []
    try:
        series.find(connection, around.caller.authority_id, instrument.print.series, around.year, supplied=False)
    except series.UnknownSeries as error:
        return [_fault("/instrument", "no_series", f"{error}.", f"本机关没有{around.year}年度的该类文号序列。")]
    return []


def _repeated_numbers(body: Mapping[str, Any]) -> Iterator[Fault]:
    seen: set[str] = set()
    for position, asked in enumerate(body["documents"]):
        number = asked.get("number")
        if number in seen:
            yield _fault(
                f"/documents/{position}/number",
                "number_taken",
                "This number stands twice in the job.",
                "该文号在任务中重复。",
            )
        if number is not None:
            seen.add(number)


def _dry_render(songda: Songda, around: _Surroundings, document: CheckedDocument) -> list[Fault]:
    """Print for trial: what would fail later has to fail now."""
    number_zh = number_en = None
    if document.printing.numbered:
        number_zh = number_en = document.asked.get("number")
        if number_zh is None:
            with songda.database.read() as connection:
                widest = series.widest(connection, around.caller.authority_id, document.printing.series, around.year)
            number_zh, number_en = widest.text_zh, widest.text_en
    copies = tuple((copy["zh"], copy["en"]) for copy in document.asked.get("copies_to", []))
    imprint = Imprint(
        authority=around.authority,
        number_zh=number_zh,
        number_en=number_en,
        test=around.test,
        specimen=True,
        copies_to=copies,
    )
    try:
        print_document(document.instrument, document.asked["facts"], imprint)
    except Refused as refused:
        return [fault.under("/facts") for fault in refused.faults]
    except Permanent as error:
        return [_fault("/facts", "not_printable", f"The document cannot be printed: {error}", "该文书无法印制。")]
    return []


def store(connection: sa.Connection, caller: Caller, checked: CheckedJob) -> tuple[dict[str, Any], list[str]]:
    """Store job, documents, deliveries and first steps in the caller's transaction.

    Returns the answer to the case system and the ids of the steps that are due.
    """
    job_id = new_id("job")
    documents.insert_job(
        connection,
        id=job_id,
        authority_id=caller.authority_id,
        client_id=caller.client_id,
        case_no=checked.body["case_no"],
        body=canonical(checked.body),
    )
    answer: list[dict[str, str]] = []
    due: list[str] = []
    for position, document in enumerate(checked.documents):
        document_id = _store_document(connection, caller, checked, job_id, position, document)
        first = "number" if document.printing.numbered else "render"
        due.append(steps.add(connection, "document", document_id, first))
        answer.append({"id": document_id, "instrument": document.instrument.id})
    return {"job_id": job_id, "documents": answer}, due


def _store_document(
    connection: sa.Connection,
    caller: Caller,
    checked: CheckedJob,
    job_id: str,
    position: int,
    document: CheckedDocument,
) -> str:
    document_id = new_id("doc")
    asked, printing = document.asked, document.printing
    important = document.instrument.manifest.important or bool(asked.get("paper", False))
    documents.insert(
        connection,
        id=document_id,
        job_id=job_id,
        authority_id=caller.authority_id,
        client_id=caller.client_id,
        case_no=checked.body["case_no"],
        position=position,
        instrument=document.instrument.id,
        template_version=printing.version,
        engine=printing.engine,
        facts=asked["facts"],
        authority_revision=checked.authority_revision,
        numbered=printing.numbered,
        sealed=printing.sealed,
        delivered=bool(document.recipients),
        important=important,
        series_kind=printing.series,
        supplied_number=asked.get("number"),
        copies_to=asked.get("copies_to", []),
        approval=asked.get("approval"),
        seal_id=document.seal_id,
    )
    append(
        connection,
        document_id,
        "document.accepted",
        "document.accepted",
        actor=caller.actor,
        body={"job": job_id, "instrument": document.instrument.id, "asked": asked},
    )
    for recipient in document.recipients:
        _store_delivery(connection, caller.authority_id, document_id, recipient)
    return document_id


def _store_delivery(
    connection: sa.Connection, authority_id: str, document_id: str, recipient: Mapping[str, Any]
) -> None:
    address = recipient.get("address")
    if address is not None:
        names = {"recipient_zh": address["name"]["zh"], "recipient_en": address["name"]["en"], "address": address}
    else:
        names = {
            "recipient_zh": recipient["name_zh"],
            "recipient_en": recipient["name_en"],
            "counterparty_id": recipient["id"],
        }
    deliveries.insert(connection, document_id=document_id, authority_id=authority_id, paper_required=False, **names)
