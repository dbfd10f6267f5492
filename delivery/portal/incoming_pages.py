"""What came from counterparties, at the desk: material, objections, powers of attorney, wishes for a paper copy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.beijing import day_of
from delivery.counsel import decide_on_counsel
from delivery.objections import Ruling, rule_on
from delivery.portal.counsel_pages import CounselId, counsel_line
from delivery.portal.desk_form import faults_of
from delivery.portal.doors import (
    SEES_INCOMING,
    MayReceive,
    MayRule,
    MayStudy,
    MayTake,
    SeesIncoming,
    SeesObjections,
    SeesSubmissions,
    demand,
)
from delivery.portal.objection_lines import objection_lines
from delivery.portal.pager import WalkPart
from delivery.portal.submission_lines import STRANGE, file_of, submission_lines
from delivery.portal.views import file_headers, item_of, moment, stamp
from delivery.portal.web import (
    AnySession,
    Form,
    Portal,
    PortalPart,
    SubmissionId,
    page,
    portal_of,
    see,
    words_of,
)
from delivery.rights import may
from delivery.scanner import read_day
from delivery.submissions import KINDS, PAYMENT_PROOF
from records import copy_requests, counsel, objections, paper, submissions
from records.access import Person, Session
from records.database import legal_time
from records.errors import Fault, Refused

router = APIRouter(prefix="/desk")

CopyId = Annotated[str, PathPart(pattern="^cpy_[0-9a-z]{1,40}$")]
ObjectionId = Annotated[str, PathPart(pattern="^obj_[0-9a-z]{1,40}$")]
_SUFFIXES = {"application/pdf": "pdf", "image/jpeg": "jpg", "image/png": "png"}


def count_incoming(connection: sa.Connection, clerk: Person) -> int:
    """How many things wait here for this person, as the desk's first page tells."""
    return sum(_counts(connection, clerk).values())


def _counts(connection: sa.Connection, clerk: Person) -> dict[str, int]:
    """How many of each kind; none of those that are not this person's."""
    mine, found = clerk.authority_id, dict[str, int]()
    if kinds := _kinds(clerk):
        found["submissions"] = submissions.count_waiting(connection, mine, kinds)
    if may(clerk.roles, "rule"):
        found["objections"] = objections.count_waiting(connection, mine)
    if may(clerk.roles, "receive"):
        found["copies"] = copy_requests.count_waiting(connection, mine)
        found["counsel"] = counsel.count_asked(connection, mine)
    return found


def _kinds(clerk: Person) -> tuple[str, ...]:
    """The kinds of submissions that are for this person to take."""
    if may(clerk.roles, "receive"):
        return KINDS
    return (PAYMENT_PROOF,) if may(clerk.roles, "payments") else ()


@router.get("/incoming")
def listing(request: Request, portal: PortalPart, session: AnySession, clerk: SeesIncoming, walk: WalkPart) -> Response:
    """All that waits, the oldest first."""
    t, mine = words_of(request), clerk.authority_id
    with portal.database.read() as connection:
        now = legal_time(connection)
        found = {
            "submissions": submissions.waiting(connection, mine, _kinds(clerk), walk.part("submissions")),
            "objections": objections.waiting(connection, mine, walk.part("objections")),
            "counsel": counsel.asked(connection, mine, walk.part("counsel")),
            "copies": copy_requests.waiting(connection, mine, walk.part("copies")),
        }
        handed_in = submission_lines(connection, found["submissions"].rows, t)
        counts = _counts(connection, clerk)
    return page(
        request,
        "incoming.html",
        session,
        counts=counts,
        pages={name: walk.links("/desk/incoming", each, name) for name, each in found.items()},
        submissions=handed_in,
        objections=objection_lines(found["objections"].rows, t),
        counsel=[counsel_line(row, t, day_of(now)) for row in found["counsel"].rows],
        copies=[
            {"id": row["request_id"], "item": item_of(row, t, now)}
            | {"time": moment(row["asked_at"], t), "at": stamp(row["asked_at"])}
            for row in found["copies"].rows
        ],
    )


# --- paper copies ----------------------------------------------------------------------------------------------------


@router.post("/copies/{request_id}/sent")
def copy_sent(portal: PortalPart, clerk: MayReceive, _form: Form, request_id: CopyId) -> Response:
    """Record that the copy has left the house."""
    try:
        with portal.database.write() as connection:
            copy_requests.mark_sent(connection, request_id, clerk)
    except LookupError:
        raise HTTPException(404) from None
    return see("/desk/incoming")


# --- submissions -----------------------------------------------------------------------------------------------------


def _submission(portal: Portal, clerk: Person, submission_id: str, wanted: str) -> sa.RowMapping:
    """The submission, for whoever has the right `wanted`, or that to proofs of payment if it is one. Raises 404."""
    with portal.database.read() as connection:
        found = submissions.find(connection, submission_id, clerk.authority_id)
    if found is None:
        raise HTTPException(404)
    demand(clerk, wanted, *(("payments",) if found["kind"] == PAYMENT_PROOF else ()))
    return found


@router.get("/submissions/{submission_id}")
def submission(
    request: Request, portal: PortalPart, session: AnySession, clerk: SeesSubmissions, submission_id: SubmissionId
) -> Response:
    """What was handed in."""
    found, t = _submission(portal, clerk, submission_id, "study"), words_of(request)
    with portal.database.read() as connection:
        (line,) = submission_lines(connection, [found], t)
    return page(
        request,
        "submission.html",
        session,
        line=line,
        base="/desk/submissions",
        back="/desk/incoming" if may(clerk.roles, *SEES_INCOMING) else f"/desk/cases/{found['document_id']}",
        at_desk=True,
        takes=found["kind"] in _kinds(clerk),
    )


@router.get("/submissions/{submission_id}/files/{position}")
def submission_file(portal: PortalPart, clerk: SeesSubmissions, submission_id: SubmissionId, position: int) -> Response:
    """A file as it was handed in."""
    return file_of(portal, _submission(portal, clerk, submission_id, "study"), position)


@router.post("/submissions/{submission_id}/take")
def take(portal: PortalPart, clerk: MayTake, _form: Form, submission_id: SubmissionId) -> Response:
    """Record that it was taken to the file."""
    found = _submission(portal, clerk, submission_id, "receive")
    with portal.database.write() as connection:
        submissions.take(connection, found, clerk)
    return see(f"/desk/submissions/{submission_id}")


# --- objections ------------------------------------------------------------------------------------------------------


def _objection(portal: Portal, clerk: Person, objection_id: str) -> sa.RowMapping:
    with portal.database.read() as connection:
        found = objections.find(connection, objection_id, clerk.authority_id)
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/objections/{objection_id}")
def objection(request: Request, session: AnySession, clerk: SeesObjections, objection_id: ObjectionId) -> Response:
    """An objection; with the form of the ruling for who may rule."""
    return _objection_page(request, session, clerk, objection_id, {})


def _objection_page(
    request: Request,
    session: Session,
    clerk: Person,
    objection_id: str,
    typed: Mapping[str, str],
    faults: Sequence[Fault] = (),
) -> Response:
    t = words_of(request)
    (line,) = objection_lines([_objection(portal_of(request), clerk, objection_id)], t)
    named = {name: faults_of(name, faults, t) for name in ("outcome", "reasons", "served_on")}
    status = 422 if faults else 200
    return page(request, "ruling.html", session, status=status, line=line, typed=typed, faults=named, clerk=clerk)


@router.get("/objections/{objection_id}/file")
def objection_file(portal: PortalPart, clerk: SeesObjections, objection_id: ObjectionId) -> Response:
    """What proves it."""
    return _kept_file(portal, _objection(portal, clerk, objection_id)["digest"], objection_id)


@router.post("/objections/{objection_id}")
def rule(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayRule, form: Form, objection_id: ObjectionId
) -> Response:
    """Rule on it, in the clerk's own name."""
    typed = {name: form.fields.get(name, "").strip() for name in ("outcome", "reasons", "served_on")}
    ruling = Ruling(typed["outcome"], typed["reasons"].replace("\r\n", "\n"), read_day(typed["served_on"]))
    try:
        portal.hint(rule_on(portal.database, objection_id, clerk, ruling))
    except Refused as refused:
        return _objection_page(request, session, clerk, objection_id, typed, refused.faults)
    except LookupError:
        raise HTTPException(404) from None
    return see(f"/desk/objections/{objection_id}")


# --- powers of attorney ----------------------------------------------------------------------------------------------


def _counsel(portal: Portal, clerk: Person, counsel_id: str) -> sa.RowMapping:
    with portal.database.read() as connection:
        found = counsel.find(connection, counsel_id, clerk.authority_id)
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/counsel/{counsel_id}")
def attorney(request: Request, session: AnySession, clerk: MayReceive, counsel_id: CounselId) -> Response:
    """A request for an account of outside counsel."""
    return _counsel_page(request, session, clerk, counsel_id)


def _counsel_page(
    request: Request, session: Session, clerk: Person, counsel_id: str, faults: Sequence[Fault] = ()
) -> Response:
    t, portal = words_of(request), portal_of(request)
    found = _counsel(portal, clerk, counsel_id)
    with portal.database.read() as connection:
        line = counsel_line(found, t, day_of(legal_time(connection)))
    party = t.pick(found["name_zh"], found["name_en"])
    problems = faults_of("reason", faults, t)
    status = 422 if faults else 200
    return page(request, "attorney.html", session, status=status, line=line, party=party, faults=problems)


@router.get("/counsel/{counsel_id}/file")
def attorney_file(portal: PortalPart, clerk: MayStudy, counsel_id: CounselId) -> Response:
    """The power of attorney."""
    return _kept_file(portal, _counsel(portal, clerk, counsel_id)["digest"], counsel_id)


@router.post("/counsel/{counsel_id}")
def decide(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayReceive, form: Form, counsel_id: CounselId
) -> Response:
    """Approve it, which makes the account, or return it with a reason."""
    approved, reason = form.fields.get("act") == "approve", form.fields.get("reason", "").strip()[:1000]
    try:
        due = decide_on_counsel(portal.database, counsel_id, clerk, approved=approved, reason=reason)
    except Refused as refused:
        return _counsel_page(request, session, clerk, counsel_id, refused.faults)
    except LookupError:
        raise HTTPException(404) from None
    portal.hint(due)
    return see("/desk/incoming")


def _kept_file(portal: Portal, digest: str | None, name: str) -> Response:
    """A stored file that somebody uploaded, to be saved. Raises 404."""
    with portal.database.read() as connection:
        kept = paper.scan(connection, digest) if digest else None
    if kept is None or digest is None:
        raise HTTPException(404)
    full = f"{name}.{_SUFFIXES[kept['media_type']]}"
    headers = file_headers(full, full, download=True)
    return Response(portal.store.get(digest), media_type=kept["media_type"], headers=headers | STRANGE)
