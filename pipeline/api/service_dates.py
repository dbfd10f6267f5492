"""Service dates: the pure function over the wire. Nothing is looked up but the calendar, nothing is stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends

from delivery.service import stored_calendar
from delivery.service_dates import answer
from pipeline.api.access import AnyCaller, Installation
from pipeline.api.bodies import json_body
from pipeline.api.models.dates import ServiceDate
from pipeline.api.openapi import body_of, problems
from records.database import legal_time
from records.errors import Fault, Refused

router = APIRouter(tags=["service dates"])

#: Requests in one list.
MOST: Final = 1000


@router.post(
    "/service-dates",
    response_model=ServiceDate | list[ServiceDate],
    responses=problems(400, 401, 413, 415, 422, 503),
    openapi_extra=body_of("ServiceDateRequest", listed=True),
)
def service_dates(songda: Installation, caller: AnyCaller, body: Annotated[Any, Depends(json_body)]) -> Any:  # noqa: ARG001 - any key will do
    """The service date for the facts given, or one for each of a list, in its order.

    A list with a fault in any of its requests is refused whole, with a pointer to every fault.
    """
    with songda.database.read() as connection:
        now, calendar = legal_time(connection), stored_calendar(connection)
    return answer_each(body, lambda item: answer(item, now=now, calendar=calendar))


def answer_each(body: Any, answer_one: Callable[[Any], Any]) -> Any:
    """The answer to one request, or one for each of a list. Raises Refused with the faults of all of them."""
    if not isinstance(body, list):
        return answer_one(body)
    if len(body) > MOST:
        message = f"At most {MOST} requests are answered at once."
        raise Refused([Fault("", "too_many", message, f"一次最多{MOST}项。")])
    answers, faults = [], []
    for index, item in enumerate(body):
        try:
            answers.append(answer_one(item))
        except Refused as refused:
            faults += [fault.under(f"/{index}") for fault in refused.faults]
    if faults:
        raise Refused(faults)
    return answers
