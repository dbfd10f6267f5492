"""The desk's first page: what waits today, the lists of deliveries, and what is searched for."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.barcodes import read_code
from delivery.beijing import day_of
from delivery.paper import late_after
from delivery.portal.calendar_lines import calendar_lines
from delivery.portal.doors import MayRead
from delivery.portal.link_lines import lines_at_desk
from delivery.portal.views import item_of
from delivery.portal.web import AnySession, Form, Portal, PortalPart, language_of, page, see, words_of
from delivery.portal.work_lines import work_lines
from records import affected, attempts, deliveries, desk_work, documents, finding, paper, seals
from records.access import Person, Session
from records.database import legal_time

router = APIRouter(prefix="/desk")

TRACKS: Final = ("to_print", "sent", "returned", "served")
IN_QUESTION: Final = "in_question"
SHOWN: Final = 100


@router.get("")
def listing(request: Request, portal: PortalPart, session: AnySession, clerk: MayRead, track: str = "") -> Response:
    """What waits, and deliveries of one state of the paper track, or those whose seal is in question."""
    return _list(request, portal, session, clerk, track=track)


@router.get("/search")
def again(request: Request, _clerk: MayRead) -> Response:
    """Where the page that a search led to is asked for by its address, as by a change of the language: the desk."""
    return see(f"/desk{language_of(request)}")


@router.post("/search")
def search(request: Request, portal: PortalPart, session: AnySession, clerk: MayRead, form: Form) -> Response:
    """Cases and deliveries that are searched for, in a form: addresses stand in logs and histories."""
    return _list(request, portal, session, clerk, find=form.fields.get("find", ""))


def _list(
    request: Request, portal: Portal, session: Session, clerk: Person, *, track: str = "", find: str = ""
) -> Response:
    t, mine, wanted = words_of(request), clerk.authority_id, find.strip()[:100]
    with portal.database.read() as connection:
        now = legal_time(connection)
        counts = paper.counts(connection, mine)
        in_question = affected.count_in_question(connection, mine)
        approver = bool(seals.of_approver(connection, clerk.id))
        known = counts | {IN_QUESTION: in_question}
        work = work_lines(connection, portal.store, clerk, t, known, now - late_after(), approver=approver)
        if track not in (*TRACKS, *desk_work.LISTS, IN_QUESTION):
            track = next((each for each in TRACKS if counts.get(each)), TRACKS[0])
        cases = documents.cases_found(connection, mine, wanted) if wanted else []
        rows = _found(connection, mine, wanted) if wanted else _rows(connection, mine, track)
        links = lines_at_desk(connection, rows, t, mine)
        calendar = calendar_lines(connection, t, day_of(now))
    return page(
        request,
        "desk.html",
        session,
        calendar=calendar,
        approver=approver,
        items=[item_of(row, t, now) for row in rows],
        cases=cases,
        links=links,
        in_question=in_question,
        work=work,
        tracks=[
            *((each, t(f"desk.{each}"), counts.get(each, 0)) for each in TRACKS),
            *([(IN_QUESTION, t(f"desk.{IN_QUESTION}"), in_question)] if in_question else []),
        ],
        track="" if wanted else track,
        find=wanted,
        shown=SHOWN,
    )


def _found(connection: sa.Connection, authority_id: str, wanted: str) -> list[sa.RowMapping]:
    """The deliveries that a search finds: that of a barcode, else by number, case and recipient."""
    code = read_code(wanted)
    scanned = attempts.by_code(connection, code) if code else None
    ids = [scanned["delivery_id"]] if scanned else finding.at_desk(connection, authority_id, wanted)
    return deliveries.desk_items(connection, ids, authority_id)


def _rows(connection: sa.Connection, authority_id: str, track: str) -> list[sa.RowMapping]:
    """The deliveries of one list, oldest first."""
    if track in desk_work.LISTS:
        sent_before = legal_time(connection) - late_after()
        ids = desk_work.ids(connection, authority_id, track, sent_before, SHOWN)
        return deliveries.desk_items(connection, ids, authority_id)
    if track == IN_QUESTION:
        return deliveries.in_question(connection, authority_id, limit=SHOWN)
    return deliveries.paper_track(connection, authority_id, [track], limit=SHOWN)
