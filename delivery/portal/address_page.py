"""The desk's list of addresses that do not work."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.portal.doors import MayRegister
from delivery.portal.notice_lines import bad_lines
from delivery.portal.pager import WalkPart
from delivery.portal.web import AnySession, PortalPart, page, words_of
from records import notice_reports

router = APIRouter()


@router.get("/desk/addresses")
def bad_addresses(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayRegister, walk: WalkPart
) -> Response:
    """Contacts whose last notice did not arrive."""
    with portal.database.read() as connection:
        found = notice_reports.bad_addresses(connection, clerk.authority_id, None, walk.part())
    pages = walk.links("/desk/addresses", found)
    return page(request, "addresses.html", session, bad=bad_lines(found.rows, words_of(request)), pages=pages)
