"""Documents: where they stand, their bytes, their events, and ending them before release."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response

from delivery.imprints import template_of
from pipeline.api.access import DocumentId, DocumentReader, Installation, JobWriter
from pipeline.api.bodies import small_json_body, validated
from pipeline.api.models.documents import CancelRequest, Document, Event, Events, VoidRequest
from pipeline.api.openapi import body_of, problems
from pipeline.api.problems import NOT_FOUND, WRONG_STATE, Problem
from pipeline.api.views import document_view
from pipeline.callers import Caller
from pipeline.composition import Songda
from records import archives, cancellation, documents, ledger
from templates.copies import numbered_copies

router = APIRouter(tags=["documents"])

_RELEASED: Final = frozenset({"released", "revoked", "changed"})


def find(connection: sa.Connection, caller: Caller, document_id: str) -> sa.RowMapping:
    """The caller's document. Raises a 404 problem: what belongs to others does not exist."""
    found = documents.find(connection, document_id, caller.authority_id, caller.client_id)
    if found is None:
        raise Problem(NOT_FOUND, "You have no such document.")
    return found


def _released(songda: Songda, caller: Caller, document_id: str) -> sa.RowMapping:
    """The caller's document whose bytes may be given out. Raises a 404 or a 409 problem."""
    with songda.database.read() as connection:
        found = find(connection, caller, document_id)
    if found["status"] not in _RELEASED:
        raise Problem(WRONG_STATE, f"The document is {found['status']}; only released bytes are given out.")
    return found


@router.get("/documents/{document_id}", response_model=Document, responses=problems(401, 403, 404, 503))
def get_document(songda: Installation, caller: DocumentReader, document_id: DocumentId) -> Document:
    """A document of yours with its deliveries and their service dates."""
    with songda.database.read() as connection:
        return document_view(connection, find(connection, caller, document_id))


@router.get(
    "/documents/{document_id}/pdf",
    response_class=Response,
    responses=problems(401, 403, 404, 409, 503)
    | {200: {"description": "the released PDF", "content": {"application/pdf": {"schema": {}}}}},
)
def get_pdf(songda: Installation, caller: DocumentReader, document_id: DocumentId) -> Response:
    """The newest file: the released bytes, exactly as they were signed, and behind them the archive time stamps that
    were put on since; 409 before the release."""
    found = _released(songda, caller, document_id)
    with songda.database.read() as connection:
        digest = archives.newest(connection, document_id, found["final_digest"])
    headers = {"Content-Disposition": f'attachment; filename="{document_id}.pdf"', "ETag": f'"{digest}"'}
    return Response(songda.store.get(digest), media_type="application/pdf", headers=headers)


@router.get(
    "/documents/{document_id}/copies",
    response_class=Response,
    responses=problems(401, 403, 404, 409, 503)
    | {200: {"description": "every copy, marked, to be printed", "content": {"application/pdf": {"schema": {}}}}},
)
def get_copies(songda: Installation, caller: DocumentReader, document_id: DocumentId) -> Response:
    """The numbered copies of an instrument made in several originals, to be printed; 409 before the release.

    Each page is marked with its copy and holder. The electronic signature stays with the released file.
    """
    found = _released(songda, caller, document_id)
    printing = template_of(songda.store, found).print
    if printing.copies == 1:
        raise Problem(NOT_FOUND, "This instrument is made in one original.")
    headers = {"Content-Disposition": f'attachment; filename="{document_id}-copies.pdf"'}
    pdf = numbered_copies(songda.store.get(found["final_digest"]), printing)
    return Response(pdf, media_type="application/pdf", headers=headers)


@router.get("/documents/{document_id}/events", response_model=Events, responses=problems(401, 403, 404, 503))
def get_events(songda: Installation, caller: DocumentReader, document_id: DocumentId) -> Events:
    """The document's chain in the ledger, oldest event first."""
    with songda.database.read() as connection:
        find(connection, caller, document_id)
        found = ledger.events(connection, document_id)
    return Events(events=[Event.model_validate(event, from_attributes=True) for event in found])


@router.post(
    "/documents/{document_id}/cancel",
    response_model=Document,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra=body_of("CancelRequest"),
)
def cancel_document(
    songda: Installation, caller: JobWriter, document_id: DocumentId, body: Annotated[Any, Depends(small_json_body)]
) -> Document:
    """Cancel a document before it is numbered. Cancelling it again changes nothing."""
    return _end(songda, caller, document_id, "cancelled", cancellation.cancel, validated(CancelRequest, body).reason)


@router.post(
    "/documents/{document_id}/void",
    response_model=Document,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra=body_of("VoidRequest"),
)
def void_document(
    songda: Installation, caller: JobWriter, document_id: DocumentId, body: Annotated[Any, Depends(small_json_body)]
) -> Document:
    """Make a numbered document void that was never released; its number is kept as 作废 with the reason."""
    return _end(songda, caller, document_id, "void", cancellation.void, validated(VoidRequest, body).reason)


def _end(
    songda: Songda,
    caller: Caller,
    document_id: str,
    status: str,
    end: Callable[[sa.Connection, str, str, str], None],
    reason: str,
) -> Document:
    with songda.database.write() as connection:
        found = find(connection, caller, document_id)
        if found["status"] != status:
            try:
                end(connection, document_id, reason, caller.actor)
            except documents.WrongState as error:
                raise Problem(WRONG_STATE, f"{error}.", [cancellation.refusal(error)]) from None
        return document_view(connection, find(connection, caller, document_id))
