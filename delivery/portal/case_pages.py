"""The case of a document at the desk: documents, limits, what came in, files, timeline, and its volume.

Addresses name a document of the case, never the case by its number.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Query, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.portal import case_lines, files
from delivery.portal.case_files import case_files
from delivery.portal.desk_pages import find_delivery
from delivery.portal.doors import MayRead, MayServe
from delivery.portal.objection_lines import objection_lines
from delivery.portal.submission_lines import STRANGE, submission_lines
from delivery.portal.timeline_lines import timeline_page
from delivery.portal.views import file_headers
from delivery.portal.web import (
    AnySession,
    DeliveryId,
    DocumentId,
    Form,
    Portal,
    PortalPart,
    page,
    see,
    words_of,
)
from delivery.rights import may
from records import archives, documents, objections, seal_approvals, seals, submissions, volumes
from records.access import Person, Session
from records.database import legal_time
from records.errors import Permanent

router = APIRouter(prefix="/desk")

CaseFileId = Annotated[str, PathPart(pattern="^cfl_[0-9a-z]{1,40}$")]
VolumeId = Annotated[str, PathPart(pattern="^vol_[0-9a-z]{1,40}$")]
TimelinePart = Annotated[int | None, Query(ge=1, le=1_000_000)]
_TOLD: Final = {"volume": "case.volume_made"}

_log = structlog.get_logger(__name__)


def find_document(portal: Portal, clerk: Person, document_id: str) -> sa.RowMapping:
    """The document of the clerk's authority. Raises 404."""
    with portal.database.read() as connection:
        found = documents.find_in(connection, document_id, clerk.authority_id)
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/cases/{document_id}")
def one(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayRead,
    document_id: DocumentId,
    part: TimelinePart = None,
    told: str = "",
) -> Response:
    """The whole case of this document; `part` is the page of its timeline, else the last one."""
    return _page(
        request, portal, session, clerk, find_document(portal, clerk, document_id), part, told=_TOLD.get(told, "")
    )


def _page(
    request: Request,
    portal: Portal,
    session: Session,
    clerk: Person,
    row: sa.RowMapping,
    part: int | None = None,
    *,
    told: str = "",
    problem: str = "",
    status: int = 200,
) -> Response:
    t = words_of(request)
    with portal.database.read() as connection:
        now: datetime = legal_time(connection)
        case = case_lines.read_case(connection, row["authority_id"], row["case_no"])
        called = case_lines.names(connection, case, t)
        handed = submissions.of_case(connection, case.authority_id, case.case_no, None, limit=case_lines.MOST)
        raised = objections.of_delivery(connection, *case.delivery_ids)
        values = {
            "documents": case_lines.document_lines(connection, case, t, now),
            "parties": case_lines.parties(case, t),
            "limits": case_lines.case_limits(case, called, t, now),
            "submissions": submission_lines(connection, handed, t),
            "objections": objection_lines(raised, t),
            "files": case_files(connection, case, called, (handed, raised) if may(clerk.roles, "study") else None, t),
            "timeline": timeline_page(connection, case.authority_id, case.streams, called, part, t),
            "can_bind": portal.volume is not None and _may_be_sealed(connection, case.authority_id),
        }
    return page(
        request,
        "case.html",
        session,
        status=status,
        id=row["id"],
        case_no=row["case_no"],
        most=case_lines.MOST,
        told=t(told) if told else "",
        problem=t(problem) if problem else "",
        **values,
    )


# --- the volume ------------------------------------------------------------------------------------------------------


def _may_be_sealed(connection: sa.Connection, authority_id: str) -> bool:
    """Whether a seal of the authority may be used on whole volumes now; binding one then tells the rest."""
    used = seals.active(connection, authority_id)
    if used is None:
        return False
    return seal_approvals.by_grant(connection, used["id"], seal_approvals.VOLUME, None) is not None


@router.post("/cases/{document_id}/volume")
def make_volume(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, _form: Form, document_id: DocumentId
) -> Response:
    """Bind and seal the volume as the case stands; it stands among the files then."""
    row = find_document(portal, clerk, document_id)
    if portal.volume is None:
        raise HTTPException(404)
    try:
        portal.volume(clerk, row["case_no"])
    except LookupError:
        return _page(request, portal, session, clerk, row, problem="case.volume_empty", status=409)
    except Permanent:  # its words are an operator's, and may name papers of the case
        _log.warning("volume not made", document=document_id)
        return _page(request, portal, session, clerk, row, problem="case.volume_refused", status=409)
    return see(f"/desk/cases/{document_id}?told=volume")


@router.get("/cases/{document_id}/volume")
def after_volume(_clerk: MayServe, document_id: DocumentId) -> Response:
    """A refused volume was shown under this address: asked for anew, it is the case."""
    return see(f"/desk/cases/{document_id}")


@router.get("/cases/{document_id}/volumes/{volume_id}")
def volume_pdf(portal: PortalPart, clerk: MayRead, document_id: DocumentId, volume_id: VolumeId) -> Response:
    """A volume that was made of the case: its newest file, which begins with the bytes that were sealed."""
    row = find_document(portal, clerk, document_id)
    with portal.database.read() as connection:
        made = volumes.made(connection, row["authority_id"], row["case_no"])
        found = next((each for each in made if each["id"] == volume_id), None)
        if found is None:
            raise HTTPException(404)
        digest = archives.newest(connection, volume_id, found["digest"])
    named = f"案卷 {row['case_no']}.pdf", f"{volume_id}.pdf"
    return files.pdf_response(portal.store.get(digest), named, download=True)


# --- files that have no other page -----------------------------------------------------------------------------------


@router.get("/cases/{document_id}/files/{file_id}")
def case_file(portal: PortalPart, clerk: MayRead, document_id: DocumentId, file_id: CaseFileId) -> Response:
    """A file that was added to the case, to be saved."""
    row = find_document(portal, clerk, document_id)
    with portal.database.read() as connection:
        added = volumes.files(connection, row["authority_id"], row["case_no"], None)
    found = next((each for each in added if each["id"] == file_id), None)
    if found is None:
        raise HTTPException(404)
    ending = files.ENDINGS[found["media_type"]]
    headers = file_headers(f"{found['title_zh']}.{ending}", f"{file_id}.{ending}", download=True)
    return Response(portal.store.get(found["digest"]), media_type=found["media_type"], headers=headers | STRANGE)


@router.get("/{delivery_id}/receipt.pdf")
def receipt_pdf(portal: PortalPart, clerk: MayRead, delivery_id: DeliveryId) -> Response:
    """The receipt of a confirmation, as the party has it."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    if row["confirmed_at"] is None:
        raise HTTPException(404)
    return files.receipt(portal, row)
