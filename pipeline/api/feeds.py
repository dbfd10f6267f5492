"""Calendar feeds of a case's deadlines, for case systems."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Response

from delivery.portal.feed_pages import address_of
from pipeline.api.access import DocumentReader, FeedId, Installation
from pipeline.api.bodies import small_json_body, validated
from pipeline.api.models.dates import Feed, FeedMade, FeedRequest, Feeds
from pipeline.api.openapi import body_of, problems
from pipeline.api.problems import NOT_FOUND, WRONG_STATE, Problem
from pipeline.callers import Caller
from records import documents, feeds

router = APIRouter(tags=["deadlines"])


def _owner(caller: Caller) -> tuple[str, str]:
    return "client", caller.client_id


def _view(row: sa.RowMapping) -> dict[str, Any]:
    return {"id": row["id"], "case_no": row["case_no"], "created_at": row["created_at"]}


@router.post(
    "/calendar-feeds",
    status_code=201,
    response_model=FeedMade,
    responses=problems(400, 401, 403, 404, 409, 413, 415, 422, 503),
    openapi_extra=body_of("FeedRequest"),
)
def make_feed(songda: Installation, caller: DocumentReader, body: Annotated[Any, Depends(small_json_body)]) -> FeedMade:
    """Make a subscription address for the deadlines of one case of yours. It is shown once; only its hash is stored."""
    case_no = validated(FeedRequest, body).case_no
    with songda.database.write() as connection:
        if not documents.has_case(connection, case_no, caller.authority_id, caller.client_id):
            raise Problem(NOT_FOUND, "You have no such case.")
        try:
            feed_id, token = feeds.issue(connection, "case", caller.authority_id, _owner(caller), case_no=case_no)
        except feeds.TooManyFeeds as error:
            raise Problem(WRONG_STATE, f"{error}: revoke one first.") from None
        made = next(row for row in feeds.of_owner(connection, _owner(caller)) if row["id"] == feed_id)
    return FeedMade(**_view(made), url=address_of(songda.settings.public_url, token))


@router.get("/calendar-feeds", response_model=Feeds, responses=problems(400, 401, 403, 503))
def list_feeds(songda: Installation, caller: DocumentReader) -> Feeds:
    """Your feeds that are in force, without their addresses."""
    with songda.database.read() as connection:
        return Feeds(feeds=[Feed(**_view(row)) for row in feeds.of_owner(connection, _owner(caller))])


@router.delete(
    "/calendar-feeds/{feed_id}",
    status_code=204,
    response_class=Response,
    responses=problems(401, 403, 404, 503) | {204: {"description": "the address no longer answers"}},
)
def revoke_feed(songda: Installation, caller: DocumentReader, feed_id: FeedId) -> Response:
    """Revoke an address at once."""
    with songda.database.write() as connection:
        if not feeds.revoke(connection, feed_id, _owner(caller)):
            raise Problem(NOT_FOUND, "You have no such feed.")
    return Response(status_code=204)
