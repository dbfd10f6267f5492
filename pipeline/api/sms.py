"""Reports of an SMS gateway, pushed to an address whose last part is the secret: operators send no other proof."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path

from delivery.sms import read_reports
from delivery.sms_reports import record_reports
from pipeline.api.access import Installation
from pipeline.api.bodies import json_body
from pipeline.api.gate import Gate
from pipeline.api.models.sms import SmsReportsTaken
from pipeline.api.openapi import body_of, problems
from pipeline.api.problems import NOT_FOUND, Problem
from pipeline.callers import Caller, identify
from records.api_keys import SMS_REPORTS

router = APIRouter(tags=["sms"])

_AT_ONCE: Final = 4

Secret = Annotated[str, Path(pattern="^sgd_[0-9a-f]{12}_[0-9a-f]{64}$", description="the secret part of the address")]


def get_gateway(songda: Installation, secret: Secret) -> Caller:
    """Dependency: whose address it is. Raises a 404 problem: what nobody was given does not exist."""
    with songda.database.read() as connection:
        found = identify(connection, secret)
    if found is None or SMS_REPORTS not in found.scopes:
        raise Problem(NOT_FOUND, "No such address.")
    return found


@router.post(
    "/sms/reports/{secret}",
    response_model=SmsReportsTaken,
    responses=problems(400, 404, 408, 413, 415, 422, 503),
    dependencies=[Depends(Gate(_AT_ONCE, "Too many reports are being taken."))],
    openapi_extra=body_of("SmsReport", many=True),
)
def take_reports(
    songda: Installation,
    gateway: Annotated[Caller, Depends(get_gateway)],
    body: Annotated[Any, Depends(json_body)],
) -> SmsReportsTaken:
    """Take the reports that Alibaba Cloud pushes (HTTP批量推送), or any gateway that sends the same.

    What is told of messages that are not the authority's is let be, and the same report again changes nothing.
    """
    record_reports(songda.database, read_reports(body), authority_id=gateway.authority_id, actor=gateway.actor)
    return SmsReportsTaken()
