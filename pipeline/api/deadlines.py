"""Deadlines: the pure function over the wire, and the limits of a document's deliveries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from delivery.deadline_rules import limit_book
from delivery.deadlines import answer, as_dict
from delivery.kept_deadlines import kept
from delivery.service import stored_calendar
from pipeline.api.access import AnyCaller, DocumentId, DocumentReader, Installation
from pipeline.api.bodies import json_body
from pipeline.api.documents import find
from pipeline.api.models.dates import Deadline, Deadlines, DeliveryDeadlines, DocumentDeadlines
from pipeline.api.openapi import body_of, problems
from pipeline.api.service_dates import answer_each
from records import deliveries
from records.database import legal_time

router = APIRouter(tags=["deadlines"])


@router.post(
    "/deadlines",
    response_model=Deadlines | list[Deadlines],
    responses=problems(400, 401, 413, 415, 422, 503),
    openapi_extra=body_of("DeadlinesRequest", listed=True),
)
def deadlines(songda: Installation, caller: AnyCaller, body: Annotated[Any, Depends(json_body)]) -> Any:
    """The limits for the facts given, or for each of a list of them, in its order. Nothing is stored.

    A list with a fault in any of its requests is refused whole, with a pointer to every fault.
    """
    with songda.database.read() as connection:
        now, calendar = legal_time(connection), stored_calendar(connection)
    authority = caller.authority_id
    return answer_each(body, lambda item: answer(item, now=now, calendar=calendar, authority=authority))


@router.get(
    "/documents/{document_id}/deadlines", response_model=DocumentDeadlines, responses=problems(401, 403, 404, 503)
)
def document_deadlines(songda: Installation, caller: DocumentReader, document_id: DocumentId) -> DocumentDeadlines:
    """The limits of each delivery of a document of yours, as they were computed last; each change is in the events."""
    with songda.database.read() as connection:
        document = find(connection, caller, document_id)
        found = deliveries.of_document(connection, document_id)
    return DocumentDeadlines(
        deliveries=[
            DeliveryDeadlines(delivery_id=row["id"], deadlines=_deadlines({**document, **row})) for row in found
        ]
    )


def _deadlines(row: dict[str, Any]) -> list[Deadline]:
    book = limit_book()
    return [Deadline.model_validate(as_dict(each.limit, book)) for each in kept(row) if not each.cancelled]
