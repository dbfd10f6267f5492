"""Uses of a seal that wait for a person: which seal, who may approve it, approving and declining. One transaction each.

What is approved are the bytes that were printed, by their digest: not a document in general (ESL Art 13).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from delivery.imprints import template_of
from records import cancellation, documents, seal_approvals, seals
from records.access import Person, Session
from records.database import Database
from records.ledger import append
from records.store import Store

#: How an approver proves, for each use, to be that person: by the factor of the proof, as the records tell it.
PROOFS: Final = {
    "password": "password again, in an open session",
    "password+totp": "password and code of an authenticator app again, in an open session",
    "password+passkey": "password and passkey again, in an open session",
}


def kinds_of(store: Store, document: sa.RowMapping) -> tuple[str, ...]:
    """The kinds of seal that the document's template asks for, in their order. Raises Permanent as `template_of`."""
    return template_of(store, document).print.seals


def waiting_for(connection: sa.Connection, store: Store, person: Person) -> Iterator[sa.RowMapping]:
    """The documents whose sealing waits for an approval that this person may give, oldest first."""
    mine: dict[tuple[str, ...], list[str]] = {}
    for document in seals.waiting(connection, person.authority_id):
        kinds = kinds_of(store, document)
        if kinds not in mine:
            used = (seals.active(connection, person.authority_id, kind) for kind in kinds)
            ids = [str(each["id"]) for each in used if each is not None]
            mine[kinds] = [each for each in ids if seals.approver_of(connection, each, person.id) is not None]
        # where one seal is asked for, the document waits for that one
        if mine[kinds] and (len(kinds) == 1 or any(_lacks(connection, document, each) for each in mine[kinds])):
            yield document


def _lacks(connection: sa.Connection, document: sa.RowMapping, seal_id: str) -> bool:
    return seal_approvals.of_document(connection, document, seal_id) is None


@dataclass(frozen=True)
class AwaitedUse:
    """A use of a seal that waits for this person: document, seal, and the entry by which the person may approve."""

    document: sa.RowMapping
    seal: sa.RowMapping
    approver: sa.RowMapping


def find(connection: sa.Connection, store: Store, document_id: str, person: Person) -> AwaitedUse:
    """The use of a seal on the document that waits; of several that this person may approve, the first.

    Raises LookupError when there is no such document, it does not wait, or it is not this person's to approve.
    """
    document = documents.find_in(connection, document_id, person.authority_id)
    if document is None or document["status"] != "rendered" or not seals.is_waiting(connection, document_id):
        raise LookupError(f"no document {document_id} waits for an approval")
    for kind in kinds_of(store, document):
        used = seals.active(connection, document["authority_id"], kind)
        approver = seals.approver_of(connection, used["id"], person.id) if used is not None else None
        if used is not None and approver is not None and _lacks(connection, document, used["id"]):
            return AwaitedUse(document, used, approver)
    raise LookupError(f"{document_id} is not {person.id}'s to approve")


def approve(
    database: Database, store: Store, document_id: str, shown: tuple[str, str], session: Session, factor: str
) -> tuple[str, ...]:
    """Approve this seal on exactly the bytes that were `shown` (digest, seal); returns the steps that are due now.

    `factor` is what the person of the session has proved it by for this use (one of PROOFS).

    Raises LookupError as `find` does, seal_approvals.NothingToApprove when bytes or seal are others by now.
    """
    person, (rendered_digest, seal_id) = _person(session), shown
    with database.write() as connection:
        awaited = find(connection, store, document_id, person)
        if awaited.seal["id"] != seal_id:
            raise seal_approvals.NothingToApprove(f"{document_id} is to be sealed with {awaited.seal['id']} by now")
        return seal_approvals.approve(
            connection,
            awaited.document,
            rendered_digest,
            awaited.approver,
            session=session.token_hash,
            authenticated=PROOFS[factor],
        )


def decline(database: Database, store: Store, document_id: str, reason: str, session: Session) -> None:
    """Refuse the seal: the document is void with the reason, and so is its number.

    Raises LookupError as `find` does.
    """
    person = _person(session)
    with database.write() as connection:
        awaited = find(connection, store, document_id, person)
        digest = awaited.document["rendered_digest"]
        append(
            connection,
            document_id,
            f"seal/declined/{digest}",
            "seal.declined",
            actor=person.id,
            body={
                "seal_id": awaited.seal["id"],
                "approver": awaited.approver["id"],
                "digest": digest,
                "reason": reason,
            },
        )
        cancellation.void(connection, document_id, reason, person.id)


def _person(session: Session) -> Person:
    if not isinstance(session.subject, Person):
        raise LookupError("a counterparty approves no seal")
    return session.subject
