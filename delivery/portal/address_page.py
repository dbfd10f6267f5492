"""The desk's list of addresses that do not work."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.portal.doors import MayRegister
from delivery.portal.notice_lines import bad_lines
from delivery.portal.web import AnySession, PortalPart, page, words_of

router = APIRouter()


@router.get("/desk/addresses")
def bad_addresses(request: Request, portal: PortalPart, session: AnySession, clerk: MayRegister) -> Response:
    """Contacts whose last notice did not arrive."""
    with portal.database.read() as connection:
        found = bad_lines(connection, clerk.authority_id, None, words_of(request))
    return page(request, "addresses.html", session, bad=found)
