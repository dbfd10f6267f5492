"""Issuing by hand: a clerk's form becomes a job of the authority's client `desk`, through the same intake as any other.

The person is the actor of the job. Everything after it is as for a case system: the preflight rules of the law, number,
print, and the approval of the seal's use by whoever approves it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from delivery.portal.issuing import Issuing
from pipeline import intake
from pipeline.callers import Caller
from pipeline.composition import Songda
from records import api_keys, directory, ledger
from records.access import Person
from templates.printing import Imprint, print_document

CLIENT: Final = "desk"
"""The name of the client that the jobs of an authority's own clerks belong to."""


def issuing(songda: Songda) -> Issuing:
    """What the desk's pages need of the pipeline."""
    return Issuing(lambda person, job: specimen(songda, person, job), lambda *given: submit(songda, *given), beside())


def beside() -> dict[str, Any]:
    """The part of the job's schema that a form shows beside the facts of its document."""
    schema = intake.job_schema()
    known = schema["$defs"]["document"]["properties"]
    shown = {"address": schema["$defs"]["address"]} | {name: known[name] for name in ("copies_to", "circumstances")}
    return {"type": "object", "properties": shown, "$defs": schema["$defs"]}


def _caller(connection: sa.Connection, person: Person) -> Caller:
    """The person as a caller; the client is entered at its first use, which the caller's write transaction guards."""
    known = next((row for row in api_keys.clients(connection, person.authority_id) if row["name"] == CLIENT), None)
    client_id = known["id"] if known else ""
    return Caller("", client_id, person.authority_id, frozenset(api_keys.SCOPES), person.id)


def specimen(songda: Songda, person: Person, job: Mapping[str, Any]) -> bytes:
    """The job's one document as it would be printed, marked 样本 SPECIMEN. Stores nothing. Raises Refused."""
    with songda.database.read() as connection:
        caller = _caller(connection, person)
    checked = intake.check(songda, caller, job)
    document = checked.documents[0]
    with songda.database.read() as connection:
        found = directory.authority_facts(connection, person.authority_id)
    if found is None:  # without its own record nothing passed the check
        raise LookupError(person.authority_id)
    imprint = Imprint(found[1], None, None, test=songda.test, specimen=True)
    return print_document(document.instrument, document.asked["facts"], imprint, document.engine).pdf


def submit(songda: Songda, person: Person, job: Mapping[str, Any], once: str) -> str:
    """Take the job in; returns the id of its document. A second click, with the same token `once`, makes no second job.

    Raises Refused with every fault.
    """
    stream, key = f"directory:{person.authority_id}", f"issued/{once}"
    with songda.database.read() as connection:
        caller = _caller(connection, person)
        known = _issued(connection, stream, key)
    if known:
        return known
    checked = intake.check(songda, caller, job)
    with songda.database.write() as connection:
        ledger.lock(connection, stream)
        if known := _issued(connection, stream, key):
            return known
        caller = _caller(connection, person)
        if not caller.client_id:
            api_keys.create_client(connection, person.authority_id, CLIENT, by=person.id)
            caller = _caller(connection, person)
        accepted, due = intake.store(connection, caller, checked)
        document_id = str(accepted["documents"][0]["id"])
        body = {"job": accepted["job_id"], "document": document_id}
        ledger.append(connection, stream, key, "job.issued_by_hand", subject=document_id, actor=person.id, body=body)
    songda.hint(due)
    return document_id


def _issued(connection: sa.Connection, stream: str, key: str) -> str:
    return ledger.subject_of(connection, stream, key) or ""
