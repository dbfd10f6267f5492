"""A document at the desk, served on anybody or not: where it stands, and how it is ended, changed or mended.

Before its release it is cancelled or made void. A released one binds: another document ends, changes or mends it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.linked_acts import acting_instrument, first_served, state_faults
from delivery.portal import case_lines, files
from delivery.portal.case_pages import find_document
from delivery.portal.desk_form import faults_of
from delivery.portal.doors import MayIssue, MayRead, demand_issuing, may_issue
from delivery.portal.views import file_names
from delivery.portal.web import (
    AnySession,
    DocumentId,
    Form,
    Portal,
    PortalPart,
    page,
    see,
    words_of,
)
from delivery.portal.wording import Words
from records import archives, cancellation, deliveries, documents, links
from records.access import Person, Session
from records.cancellation import LONGEST_REASON
from records.database import legal_time
from records.documents import TRANSITIONS, WrongState
from records.errors import Fault

router = APIRouter(prefix="/desk/documents/{document_id}")

_ENDS: Final[dict[str, tuple[str, Callable[[sa.Connection, str, str, str], None]]]] = {
    "cancel": ("cancelled", cancellation.cancel),
    "void": ("void", cancellation.void),
}
_LINKED: Final = ("ends", "changes", "mends")


@dataclass(frozen=True)
class Act:
    """One thing that may be done to a document: `href` leads there; where it may not, `why` says why."""

    text: str
    href: str
    why: str


def acts_on(connection: sa.Connection, row: sa.RowMapping, clerk: Person, t: Words, *, by_hand: bool) -> list[Act]:
    """What the person may do to the document as it stands. `by_hand`: another one can be issued at this desk."""
    base = f"/desk/documents/{row['id']}"
    found = [
        Act(t(f"case.act_{name}"), f"{base}/{name}", "")
        for name, (status, _) in _ENDS.items()
        if row["status"] in TRANSITIONS[status] and may_issue(clerk, row["instrument"])
    ]
    effects: tuple[str, ...] = ()
    if by_hand and row["status"] in case_lines.RELEASED:
        effects = _LINKED
    elif by_hand and row["status"] in ("void", "failed") and row["number_zh"] is not None:
        effects = ("declares",)
    effects = tuple(each for each in effects if may_issue(clerk, acting_instrument(each).id))
    unserved = bool(set(effects) & set(_LINKED)) and not first_served(links.recipients(connection, row["id"]))
    return [*found, *(_linked(connection, row, effect, t, unserved=unserved) for effect in effects)]


def _linked(connection: sa.Connection, row: sa.RowMapping, effect: str, t: Words, *, unserved: bool) -> Act:
    faults = state_faults(connection, row["authority_id"], effect, row["id"])
    code = faults[0].code if faults else "unserved" if unserved else ""
    if code == "wrong_state":
        code = row["status"]
    href = f"/desk/issue/{acting_instrument(effect).id}?{effect}={row['id']}"
    return Act(t(f"case.act_{effect}"), "" if code else href, t(f"case.why_{code}") if code else "")


@router.get("")
def one(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayRead, document_id: DocumentId, told: str = ""
) -> Response:
    """Where the document stands, its deliveries, its links, and what may be done to it."""
    row, t = find_document(portal, clerk, document_id), words_of(request)
    with portal.database.read() as connection:
        of = deliveries.of_case(connection, [row["id"]], row["authority_id"])
        case = case_lines.Case(row["authority_id"], row["case_no"], [row], of)
        (line,) = case_lines.document_lines(connection, case, t, legal_time(connection))
        acts = acts_on(connection, row, clerk, t, by_hand=portal.issuing is not None)
    return page(
        request,
        "desk_document.html",
        session,
        line=line,
        case_no=row["case_no"],
        acts=acts,
        binds=row["status"] in case_lines.RELEASED,
        told=t(f"case.told_{told}") if told in _ENDS else "",
    )


@router.get("/document.pdf")
def document_pdf(portal: PortalPart, clerk: MayRead, document_id: DocumentId, download: bool = False) -> Response:
    """The newest file of a released document, on whomever it is served."""
    row = find_document(portal, clerk, document_id)
    if row["status"] not in case_lines.RELEASED:
        raise HTTPException(404)
    with portal.database.read() as connection:
        digest = archives.newest(connection, document_id, row["final_digest"])
    return files.pdf_response(portal.store.get(digest), file_names(row), download=download)


# --- before the release: cancelled, void -----------------------------------------------------------------------------


def _to_end(portal: Portal, clerk: Person, document_id: str) -> sa.RowMapping:
    """The document, if the person may issue its like by hand. Raises 404, NotAllowed."""
    row = find_document(portal, clerk, document_id)
    demand_issuing(clerk, row["instrument"])
    return row


@router.get("/cancel")
def cancel_page(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayIssue, document_id: DocumentId
) -> Response:
    """What it means to cancel, and the form."""
    return _end_page(request, portal, session, _to_end(portal, clerk, document_id), "cancel")


@router.get("/void")
def void_page(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayIssue, document_id: DocumentId
) -> Response:
    """What it means to make it void, and the form."""
    return _end_page(request, portal, session, _to_end(portal, clerk, document_id), "void")


@router.post("/cancel")
def cancel(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayIssue, form: Form, document_id: DocumentId
) -> Response:
    """Cancel a document that has no number yet."""
    row = _to_end(portal, clerk, document_id)
    return _end(request, portal, session, row, "cancel", form.fields.get("reason", ""))


@router.post("/void")
def void(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayIssue, form: Form, document_id: DocumentId
) -> Response:
    """Make a document void that was never released."""
    row = _to_end(portal, clerk, document_id)
    return _end(request, portal, session, row, "void", form.fields.get("reason", ""))


def _end(request: Request, portal: Portal, session: Session, row: sa.RowMapping, act: str, typed: str) -> Response:
    status, end = _ENDS[act]
    reason = typed.replace("\r\n", "\n").strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        en, zh = f"Give the reason, in at most {LONGEST_REASON} characters.", f"请写明理由，不超过{LONGEST_REASON}字。"
        faults = [Fault("/reason", "missing", en, zh)]
        return _end_page(request, portal, session, row, act, reason=reason, faults=faults, code=422)
    try:
        with portal.database.write() as connection:
            if documents.get(connection, row["id"])["status"] != status:  # a second click changes nothing
                end(connection, row["id"], reason, session.subject.id)
    except WrongState as error:
        return _end_page(request, portal, session, row, act, reason=reason, refused=error)
    return see(f"/desk/documents/{row['id']}?told={act}")


def _end_page(
    request: Request,
    portal: Portal,
    session: Session,
    row: sa.RowMapping,
    act: str,
    *,
    reason: str = "",
    faults: Sequence[Fault] = (),
    refused: WrongState | None = None,
    code: int = 200,
) -> Response:
    """The form; without it, and with the refusal, for a document that cannot be ended so (any more)."""
    t, status = words_of(request), _ENDS[act][0]
    if refused is None and row["status"] not in TRANSITIONS[status]:
        refused = WrongState(row["id"], row["status"], status)
    why = cancellation.refusal(refused) if refused else None
    with portal.database.read() as connection:
        of = deliveries.of_case(connection, [row["id"]], row["authority_id"])
        case = case_lines.Case(row["authority_id"], row["case_no"], [row], of)
        (line,) = case_lines.document_lines(connection, case, t, legal_time(connection))
    return page(
        request,
        "end_document.html",
        session,
        status=409 if why else code,
        line=line,
        act=act,
        title=t(f"case.act_{act}"),
        means=t(f"case.means_{act}"),
        why=t.pick(why.message_zh, why.message_en) if why else "",
        typed=reason,
        faults=faults_of("reason", faults, t),
        longest=LONGEST_REASON,
    )
