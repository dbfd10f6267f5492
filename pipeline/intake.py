"""Intake: a job is accepted whole or refused whole, with every fault named and nothing stored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline import linking
from pipeline.callers import Caller
from pipeline.composition import Songda
from pipeline.pinning import bind
from pipeline.preflight import Asked, CheckedDocument, Surroundings, check_document, number_taken
from records import deliveries, directory, documents, series, steps
from records.database import is_test, legal_time
from records.errors import Fault, Permanent, Refused
from records.ids import new_id
from records.ledger import append, canonical
from templates.catalogue import Instrument, load_schema
from templates.facts import check_facts
from templates.markup import markup_faults
from templates.printing import Imprint, try_filling


@cache
def job_schema() -> dict[str, Any]:
    """The JSON Schema of a job."""
    return load_schema(Path(__file__).with_name("job.json"))


@dataclass(frozen=True)
class CheckedJob:
    """A job without a fault."""

    body: Mapping[str, Any]
    authority_revision: int
    documents: tuple[CheckedDocument, ...]
    unbound: tuple[Instrument, ...]  # of which no document was accepted yet in this version


#: Faults of size: a body that has one is looked at no further.
_HOPELESS = frozenset({"too_many_values", "too_deep", "too_long", "number"})


def check(songda: Songda, caller: Caller, body: object) -> CheckedJob:
    """Check a job, all but printing it. Raises Refused with all faults; stores nothing."""
    faults = check_facts(job_schema(), body)
    if not isinstance(body, dict) or any(fault.code in _HOPELESS for fault in faults):
        raise Refused(faults)
    listed: list[Any] = body["documents"] if all(fault.pointer not in ("", "/documents") for fault in faults) else []
    with songda.database.read() as connection:
        found = directory.authority_facts(connection, caller.authority_id)
        own = found is not None and body.get("authority") == caller.authority_id
        if not own and "authority" in body:
            en = "Your key does not act for this authority."
            faults.append(Fault("/authority", "unknown_authority", en, "该密钥无权代表此机关。"))
        if found is None:
            raise Refused(faults)
        case_no = body.get("case_no")
        around = Surroundings(
            caller,
            found[1],
            found[0],
            case_no if isinstance(case_no, str) else "",
            legal_time(connection),
            is_test(connection),
            own,
        )
        checked = list(_check_documents(connection, around, listed, faults))
    faults += [*markup_faults(body), *_repeated_numbers(listed)]
    if not faults:
        faults = [
            fault.under(f"/documents/{position}")
            for position, document in enumerate(checked)
            for fault in (*songda.pins.faults(document.instrument), *_unfillable(around, document))
        ]
    if faults:
        raise Refused(list(dict.fromkeys(faults)))
    unbound = songda.pins.unbound(document.instrument for document in checked)
    return CheckedJob(body, around.revision, tuple(checked), unbound)


def _check_documents(
    connection: sa.Connection, around: Surroundings, listed: list[Any], faults: list[Fault]
) -> Iterator[CheckedDocument]:
    """The documents without a fault; the faults of the others are added to `faults`."""
    broken = [fault.pointer for fault in faults]
    for position, value in enumerate(listed):
        if not isinstance(value, dict):
            continue
        place = f"/documents/{position}"
        here = Asked(value, [pointer.removeprefix(place) for pointer in broken if pointer.startswith(f"{place}/")])
        document, found = check_document(connection, around, here)
        faults += [fault.under(place) for fault in found]
        if document is not None:
            yield document


def _repeated_numbers(listed: list[Any]) -> Iterator[Fault]:
    seen: set[str] = set()
    for position, asked in enumerate(listed):
        number = asked.get("number") if isinstance(asked, dict) else None
        if not isinstance(number, str):
            continue
        if number in seen:
            en = "This number stands twice in the job."
            yield Fault(f"/documents/{position}/number", "number_taken", en, "该文号在任务中重复。")
        seen.add(number)


def _unfillable(around: Surroundings, document: CheckedDocument) -> list[Fault]:
    """What a Word template finds when it is filled: that would fail later, so it has to fail now."""
    number = document.asked.get("number") or "1"
    copies = tuple((copy["zh"], copy["en"]) for copy in document.asked.get("copies_to", []))
    imprint = Imprint(around.authority, number, number, test=around.test, specimen=True, copies_to=copies)
    try:
        try_filling(document.instrument, document.asked["facts"], imprint, document.engine)
    except Refused as refused:
        return [fault.under("/facts") for fault in refused.faults]
    except Permanent as error:
        return [Fault("/facts", "not_printable", f"The document cannot be printed: {error}", "该文书无法印制。")]
    return []


def store(connection: sa.Connection, caller: Caller, checked: CheckedJob) -> tuple[dict[str, Any], list[str]]:
    """Store job, documents, deliveries and first steps in the caller's transaction.

    Returns the answer to the case system and the ids of the steps that are due. Raises Refused when another job took a
    number or a document's end since the check.
    """
    _claim_numbers(connection, caller, checked)
    linking.lock(connection, [link for each in checked.documents for link in each.links])
    job_id = new_id("job")
    documents.insert_job(
        connection,
        id=job_id,
        authority_id=caller.authority_id,
        client_id=caller.client_id,
        case_no=checked.body["case_no"],
        body=canonical(checked.body),
    )
    bind(connection, checked.unbound)
    answer: list[dict[str, Any]] = []
    due: list[str] = []
    for position, document in enumerate(checked.documents):
        preflight = document.verdict.as_dict(f"/documents/{position}")
        document_id = _store_document(connection, caller, checked, job_id, position, preflight)
        first = "number" if document.printing.numbered else "render"
        due.append(steps.add(connection, "document", document_id, first))
        answer.append({"id": document_id, "instrument": document.instrument.id, **preflight})
    return {"job_id": job_id, "documents": answer}, due


def _claim_numbers(connection: sa.Connection, caller: Caller, checked: CheckedJob) -> None:
    """Ask again, with the numbers held, what two jobs at once might both have been told. Raises Refused."""
    supplied = {
        f"/documents/{position}": str(each.asked["number"])
        for position, each in enumerate(checked.documents)
        if each.asked.get("number")
    }
    series.hold(connection, caller.authority_id, supplied.values())
    faults = [
        number_taken().under(place)
        for place, text in supplied.items()
        if series.is_taken(connection, caller.authority_id, text, promised=True)
    ]
    if faults:
        raise Refused(faults)


def _store_document(
    connection: sa.Connection,
    caller: Caller,
    checked: CheckedJob,
    job_id: str,
    position: int,
    preflight: Mapping[str, Any],
) -> str:
    document_id, document = new_id("doc"), checked.documents[position]
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
        template_version=document.instrument.version,
        template_digest=document.instrument.digest,
        engine=document.engine,
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
        preflight=preflight,
    )
    append(
        connection,
        document_id,
        "document.accepted",
        "document.accepted",
        actor=caller.actor,
        body={
            "job": job_id,
            "instrument": document.instrument.id,
            "template_version": document.instrument.version,
            "template_digest": document.instrument.digest,
            "asked": asked,
            "preflight": preflight,
        },
    )
    linking.store(connection, caller.authority_id, document_id, position, document.links)
    _store_deliveries(connection, caller.authority_id, document_id, document.recipients)
    return document_id


def _store_deliveries(
    connection: sa.Connection, authority_id: str, document_id: str, recipients: Sequence[Mapping[str, Any]]
) -> None:
    for recipient in recipients:
        of = {"document_id": document_id, "authority_id": authority_id}
        deliveries.insert(connection, **of, **_whom(recipient), paper_required=False)


def _whom(recipient: Mapping[str, Any]) -> dict[str, Any]:
    address = recipient.get("address")
    if address is not None:
        return {"recipient_zh": address["name"]["zh"], "recipient_en": address["name"]["en"], "address": address}
    return {
        "recipient_zh": recipient["name_zh"],
        "recipient_en": recipient["name_en"],
        "counterparty_id": recipient["id"],
    }
