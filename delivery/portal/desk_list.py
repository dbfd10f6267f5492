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
from delivery.portal.pager import Links, Walk, WalkPart, read_key, written_key
from delivery.portal.views import item_of
from delivery.portal.web import AnySession, Form, Portal, PortalPart, language_of, page, see, words_of
from delivery.portal.work_lines import work_lines
from records import affected, attempts, deliveries, desk_work, documents, finding, paper, seals
from records.access import Person, Session
from records.database import legal_time
from records.desk_work import IN_QUESTION, LISTS, TRACKS
from records.paging import Found

router = APIRouter(prefix="/desk")

_CASES: Final = 20


@router.get("")
def listing(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayRead, walk: WalkPart, track: str = ""
) -> Response:
    """What waits, and deliveries of one state of the paper track, or those whose seal is in question."""
    return _list(request, portal, session, clerk, walk, track=track)


@router.get("/search")
def again(request: Request, _clerk: MayRead) -> Response:
    """Where the page that a search led to is asked for by its address, as by a change of the language: the desk."""
    return see(f"/desk{language_of(request)}")


@router.post("/search")
def search(request: Request, portal: PortalPart, session: AnySession, clerk: MayRead, form: Form) -> Response:
    """Cases and deliveries that are searched for, in a form: addresses stand in logs and histories."""
    walk = Walk(after=read_key(form.fields.get("after", "")))
    return _list(request, portal, session, clerk, walk, find=form.fields.get("find", ""))


def _list(
    request: Request,
    portal: Portal,
    session: Session,
    clerk: Person,
    walk: Walk,
    *,
    track: str = "",
    find: str = "",
) -> Response:
    t, mine, wanted = words_of(request), clerk.authority_id, find.strip()[:100]
    with portal.database.read() as connection:
        now = legal_time(connection)
        counts = paper.counts(connection, mine)
        in_question = affected.count_in_question(connection, mine)
        approver = bool(seals.of_approver(connection, clerk.id))
        known = counts | {IN_QUESTION: in_question}
        work = work_lines(connection, portal.store, clerk, t, known, now - late_after(), approver=approver)
        if track not in (*TRACKS, *LISTS, IN_QUESTION):
            track = next((each for each in TRACKS if counts.get(each)), TRACKS[0])
        cases = documents.cases_found(connection, mine, wanted, limit=_CASES + 1) if wanted else []
        if wanted:
            found = _searched(connection, mine, wanted, walk)
        else:
            found = desk_work.listed(connection, mine, track, now - late_after(), walk.part())
        links = lines_at_desk(connection, found.rows, t, mine)
        calendar = calendar_lines(connection, t, day_of(now))
    return page(
        request,
        "desk.html",
        session,
        calendar=calendar,
        approver=approver,
        items=[item_of(row, t, now) for row in found.rows],
        pages=Links() if wanted else walk.links("/desk", found, track=track),
        after=written_key(walk.after),
        onward=written_key(found.next),
        cases=cases[:_CASES],
        more_cases=len(cases) > _CASES,
        links=links,
        in_question=in_question,
        work=work,
        tracks=[
            *((each, t(f"desk.{each}"), counts.get(each, 0)) for each in TRACKS),
            *([(IN_QUESTION, t(f"desk.{IN_QUESTION}"), in_question)] if in_question else []),
        ],
        track="" if wanted else track,
        find=wanted,
    )


def _searched(connection: sa.Connection, authority_id: str, wanted: str, walk: Walk) -> Found:
    """The deliveries that a search finds: that of a barcode, else by number, case and recipient."""
    code, onward = read_code(wanted), None
    scanned = attempts.by_code(connection, code) if code else None
    if scanned:
        ids = [scanned["delivery_id"]]
    else:
        ids, onward = finding.at_desk(connection, authority_id, wanted, walk.part())
    return Found(deliveries.desk_items(connection, ids, authority_id), onward)
