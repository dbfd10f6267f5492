"""Uses of a seal that wait for the visitor's approval: what is to be sealed is shown, then approved or declined.

Nobody but an approver of that seal sees these pages; password and second factor of the approver are asked for again,
for each use (ESL Art 13(2): the signer controls the making of each signature).
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import seal_uses
from delivery.portal.doors import MayApprove
from delivery.portal.pager import WalkPart
from delivery.portal.passkey_proof import challenge_for
from delivery.portal.proving import (
    WINDOW_SECONDS,
    NotProven,
    asked_to_seal,
    asker_to_seal,
    prove_to_seal,
    status_of,
)
from delivery.portal.security import IS_SHOWN, SHOWS_A_FILE
from delivery.portal.views import file_headers, minute, moment
from delivery.portal.web import (
    AnySession,
    DocumentId,
    Form,
    Portal,
    PortalPart,
    language_of,
    page,
    portal_of,
    see,
    words_of,
)
from delivery.portal.wording import Words
from records import deliveries, seals
from records.access import Person, Session
from records.cancellation import LONGEST_REASON
from records.documents import WrongState
from records.paging import part_among
from records.seal_approvals import NothingToApprove
from templates.manifests import manifests

router = APIRouter(prefix="/desk/seal-uses")

_TOLD: Final = {"approved": "sealing.approved", "declined": "sealing.declined"}


def _item(row: sa.RowMapping, t: Words) -> dict[str, str]:
    manifest = manifests()[row["instrument"]]
    return {
        "id": row["id"],
        "title_zh": manifest.title_zh,
        "title_en": manifest.title_en,
        "number": t.pick(row["number_zh"] or "", row["number_en"] or row["number_zh"] or "") or t("inbox.no_number"),
        "case_no": row["case_no"],
        "asked": minute(row["created_at"], t),
    }


@router.get("")
def listing(
    request: Request, portal: PortalPart, session: AnySession, person: MayApprove, walk: WalkPart, told: str = ""
) -> Response:
    """What waits for this approver, oldest first. Raises 404 for somebody who approves nothing."""
    t = words_of(request)
    with portal.database.read() as connection:
        if not seals.of_approver(connection, person.id):
            raise HTTPException(404)
        waiting = list(seal_uses.waiting_for(connection, portal.store, person))
    found = part_among(waiting, walk.part())
    values: dict[str, Any] = {"count": len(waiting), "pages": walk.links("/desk/seal-uses", found)}
    items = [_item(row, t) for row in found.rows]
    return page(request, "seal_uses.html", session, items=items, told=_TOLD.get(told, ""), **values)


@router.post("/challenge")
def challenge(portal: PortalPart, session: AnySession, person: MayApprove, _form: Form) -> Response:  # noqa: ARG001
    """What a passkey is to sign for a use of a seal, or a standing approval. Raises 404 where none can be used."""
    options = challenge_for(portal, asker_to_seal(session), verified=False)
    if options is None:
        raise HTTPException(404)
    return Response(options, media_type="application/json")


def _statement(told: Mapping[str, str], t: Words) -> dict[str, str]:
    """What the case system says of the decision, its moment in Beijing time."""
    at = told.get("approved_at", "")
    with contextlib.suppress(ValueError):  # else it is shown as it came
        at = moment(datetime.fromisoformat(at), t)
    return {"name": told.get("name", ""), "role": told.get("role", ""), "rule": told.get("rule", ""), "at": at}


def _awaited(portal: Portal, person: Person, document_id: str) -> seal_uses.AwaitedUse:
    """The use that waits for this person. Raises 404."""
    with portal.database.read() as connection:
        try:
            return seal_uses.find(connection, portal.store, document_id, person)
        except LookupError:
            raise HTTPException(404) from None


@router.get("/{document_id}")
def one(
    request: Request, portal: PortalPart, session: AnySession, person: MayApprove, document_id: DocumentId
) -> Response:
    """One use: the facts of the document, the very file, its digest, and the two forms."""
    return _page(request, session, _awaited(portal, person, document_id))


def _page(
    request: Request, session: Session, awaited: seal_uses.AwaitedUse, *, problem: str = "", status: int = 200
) -> Response:
    t, document = words_of(request), awaited.document
    with portal_of(request).database.read() as connection:
        recipients = [
            t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"])
            for row in deliveries.of_document(connection, document["id"])
        ]
    warnings = (document["preflight"] or {}).get("warnings", [])
    values: dict[str, Any] = {
        "item": _item(document, t),
        "digest": document["rendered_digest"],
        "pages": document["pages"],
        "recipients": recipients,
        "statement": _statement(document["approval"] or {}, t),
        "warnings": [(t.pick(each["text_zh"], each["text_en"]), each["citation"]) for each in warnings],
        "seal": awaited.seal,
        "office": t.pick(awaited.approver["role_zh"], awaited.approver["role_en"]),
        "rule": awaited.approver["rule"],
        "longest_reason": LONGEST_REASON,
        "second": asked_to_seal(portal_of(request), session),
        "problem": t(problem, minutes=WINDOW_SECONDS // 60) if problem else "",
    }
    response = page(request, "seal_use.html", session, status=status, **values)
    response.headers.update(SHOWS_A_FILE)
    return response


@router.get("/{document_id}/document.pdf")
def document_pdf(portal: PortalPart, person: MayApprove, document_id: DocumentId) -> Response:
    """The bytes that are to be sealed, as they are stored."""
    digest = _awaited(portal, person, document_id).document["rendered_digest"]
    headers = {**file_headers(f"{document_id}.pdf", f"{document_id}.pdf", download=False), **IS_SHOWN}
    return Response(portal.store.get(digest), media_type="application/pdf", headers=headers)


@router.get("/{document_id}/approve")
@router.get("/{document_id}/decline")
def back(request: Request, document_id: DocumentId) -> Response:
    """A refused form was shown under its own address: asked for anew, or in the other language, it is the page."""
    return see(f"/desk/seal-uses/{document_id}{language_of(request)}")


@router.post("/{document_id}/approve")
def approve(
    request: Request, portal: PortalPart, session: AnySession, person: MayApprove, form: Form, document_id: DocumentId
) -> Response:
    """Approve the seal on exactly the bytes that the page showed, with password and second factor again."""
    awaited = _awaited(portal, person, document_id)
    try:
        proven = prove_to_seal(request, portal, session, form)
    except NotProven as error:
        return _page(request, session, awaited, problem=error.problem, status=status_of(error.problem))
    try:
        shown = (form.fields.get("digest", ""), form.fields.get("seal", ""))
        due = seal_uses.approve(portal.database, portal.store, document_id, shown, session, proven.factor)
    except (LookupError, NothingToApprove):  # printed anew, approved or ended by somebody else meanwhile
        raise HTTPException(409) from None
    portal.hint(due)
    return see("/desk/seal-uses?told=approved")


@router.post("/{document_id}/decline")
def decline(
    request: Request, portal: PortalPart, session: AnySession, person: MayApprove, form: Form, document_id: DocumentId
) -> Response:
    """Refuse the seal with a reason: the document is void."""
    awaited = _awaited(portal, person, document_id)
    reason = form.fields.get("reason", "").strip()
    if not 1 <= len(reason) <= LONGEST_REASON:
        return _page(request, session, awaited, problem="sealing.reason_missing", status=422)
    try:
        seal_uses.decline(portal.database, portal.store, document_id, reason, session)
    except (LookupError, WrongState):
        raise HTTPException(409) from None
    return see("/desk/seal-uses?told=declined")
