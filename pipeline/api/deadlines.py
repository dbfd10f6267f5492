"""Deadlines: the pure function over the wire, and the limits of a document's deliveries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends

from delivery.deadlines import answer
from delivery.service import stored_calendar
from pipeline.api.access import AnyCaller, Installation
from pipeline.api.bodies import json_body
from pipeline.api.models import Deadlines
from pipeline.api.openapi import body_of, problems
from pipeline.api.service_dates import answer_each
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
