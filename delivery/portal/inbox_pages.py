"""A document in the counterparty's inbox: read, PDF, confirm receipt, service status, what was done with it."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from markupsafe import Markup
from starlette.exceptions import HTTPException

from delivery import inbox
from delivery.kept_deadlines import kept
from delivery.portal import files, service_page
from delivery.portal.acting import acting_of, known_people, nobody_acts
from delivery.portal.deadline_lines import limit_lines
from delivery.portal.form_faults import NO_FAULTS, FormFaults
from delivery.portal.history_lines import history_lines
from delivery.portal.link_lines import lines_in_inbox
from delivery.portal.notice_lines import notice_lines
from delivery.portal.objection_lines import objection_lines
from delivery.portal.submission_lines import submission_lines
from delivery.portal.views import item_of
from delivery.portal.web import (
    AnySession,
    DeliveryId,
    Form,
    Portal,
    PortalPart,
    TheAccount,
    inbox_row,
    page,
    see,
    words_of,
)
from records import access, copy_requests, deliveries, directory, objections, submissions
from records.access import Account
from records.database import Database, legal_time

router = APIRouter(prefix="/inbox")

_TOLD: Final = {
    "done": "confirm.done",
    "already": "confirm.already",
    "copy": "copies.asked",
    "objection": "objecting.done",
}


def _row(database: Database, account: Account, delivery_id: str) -> tuple[sa.RowMapping, datetime]:
    """The item of this account's inbox, and the legal time. Raises 404."""
    row = inbox_row(database, account, delivery_id)
    with database.read() as connection:
        return row, legal_time(connection)


@router.get("/{delivery_id}")
def document(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, delivery_id: DeliveryId
) -> Response:
    """The reading page; before the first opening, what opening means."""
    row, now = _row(portal.database, account, delivery_id)
    t = words_of(request)
    item = item_of(row, t, now)
    if row["accessed_at"] is None:
        return page(request, "opening.html", session, item=item)
    fragment = files.reading(portal, row)
    with portal.database.read() as connection:
        by = _confirmed_by(connection, row, account)
        history = history_lines(connection, row, t)
        copies = copy_requests.of_delivery(connection, delivery_id)
        handed_in = submission_lines(connection, submissions.of_delivery(connection, delivery_id), t)
        raised = objection_lines(objections.of_delivery(connection, delivery_id), t)
        channel = _reconsideration(connection, row)
        links = lines_in_inbox(connection, [row], t, account)
        notices = notice_lines(connection, delivery_id, t, at_desk=False)
    return page(
        request,
        "document.html",
        session,
        item=item,
        row=row,
        links=links,
        limits=limit_lines(row, t, now, for_party=True),
        notices=notices,
        confirmed_by=by,
        # made by the html typesetter, which escapes every fact
        fragment=Markup(fragment) if fragment else None,  # noqa: S704
        history=history,
        submissions=handed_in,
        objections=raised,
        channel=channel,
        copy_asked=any(each["sent_at"] is None for each in copies),
        told=_TOLD.get(request.query_params.get("told", "")),
    )


def _reconsideration(connection: sa.Connection, row: sa.RowMapping) -> str:
    """Where one applies for reconsideration online, on documents that may be reconsidered (复议法 22); else nothing."""
    if not any(each.limit.rule.id == "reconsideration" and not each.cancelled for each in kept(row)):
        return ""
    channel = str(directory.pinned_facts(connection, row)["reconsideration"].get("channel", ""))
    return channel if channel.startswith(("https://", "http://")) else ""


def _confirmed_by(connection: sa.Connection, row: sa.RowMapping, account: Account) -> sa.RowMapping | None:
    if row["confirmed_by"] is None:
        return None
    return access.find_account(connection, row["confirmed_by"], account.authority_id)


@router.post("/{delivery_id}/open")
def open_document(
    portal: PortalPart, session: AnySession, account: TheAccount, form: Form, delivery_id: DeliveryId
) -> Response:
    """Record that the document is opened, and go on to it."""
    how = "pdf" if form.fields.get("then") == "pdf" else "reading"
    _row(portal.database, account, delivery_id)
    inbox.access(portal.database, delivery_id, account, session.token_hash, how)
    return see(f"/inbox/{delivery_id}/document.pdf" if how == "pdf" else f"/inbox/{delivery_id}")


@router.get("/{delivery_id}/document.pdf")
def pdf(portal: PortalPart, account: TheAccount, delivery_id: DeliveryId, download: bool = False) -> Response:
    """The stored bytes. Never the first opening: a link that a program follows by itself must not count as one."""
    row, _ = _row(portal.database, account, delivery_id)
    if row["accessed_at"] is None:
        return see(f"/inbox/{delivery_id}")
    return files.document(portal, row, download=download)


@router.get("/{delivery_id}/confirm")
def confirm_page(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, delivery_id: DeliveryId
) -> Response:
    """What confirming means, in both languages."""
    row, now = _row(portal.database, account, delivery_id)
    if row["confirmed_at"] is not None:
        return see(f"/inbox/{delivery_id}?told=already")
    return _confirm_page(request, portal, session, account, row, now)


def _confirm_page(
    request: Request,
    portal: Portal,
    session: AnySession,
    account: Account,
    row: sa.RowMapping,
    now: datetime,
    faults: FormFaults = NO_FAULTS,
    status: int = 200,
) -> Response:
    shown = inbox.statement(row)
    return page(
        request,
        "confirm.html",
        session,
        item=item_of(row, words_of(request), now),
        row=row,
        account=account,
        statement=shown,
        digest=_digest(shown),
        known=known_people(portal, account),
        faults=faults,
        status=status,
    )


def _digest(shown: inbox.Statement) -> str:
    return hashlib.sha256(f"{shown.zh}\n{shown.en}".encode()).hexdigest()


@router.post("/{delivery_id}/confirm")
def confirm(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, form: Form, delivery_id: DeliveryId
) -> Response:
    """The second click: confirm with exactly the words that were shown."""
    row, now = _row(portal.database, account, delivery_id)
    shown = inbox.statement(row)
    if form.fields.get("statement") != _digest(shown):
        faults = FormFaults.said(words_of(request), {"": "confirm.changed"}, {})
        return _confirm_page(request, portal, session, account, row, now, faults, 409)
    acting = acting_of(portal, account, form)
    if acting is None:
        return _confirm_page(request, portal, session, account, row, now, nobody_acts(words_of(request)), 422)
    done = inbox.confirm(portal.database, delivery_id, account, session.token_hash, shown, acting)
    portal.hint(done.hint)
    return see(f"/inbox/{delivery_id}?told={'done' if done.first else 'already'}")


@router.post("/{delivery_id}/copy")
def ask_for_copy(portal: PortalPart, account: TheAccount, _form: Form, delivery_id: DeliveryId) -> Response:
    """Ask for a paper copy, which changes no date."""
    row, _ = _row(portal.database, account, delivery_id)
    with portal.database.write() as connection:
        copy_requests.ask(connection, row, account)
    return see(f"/inbox/{delivery_id}?told=copy")


@router.get("/{delivery_id}/service")
def service(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, delivery_id: DeliveryId
) -> Response:
    """The service date with its reasons."""
    row, now = _row(portal.database, account, delivery_id)
    with portal.database.read() as connection:
        receipts = deliveries.paper_receipts(connection, delivery_id)
    values = service_page.values(row, receipts, words_of(request), now)
    return page(request, "service.html", session, back=f"/inbox/{delivery_id}", at_desk=False, **values)


@router.get("/{delivery_id}/receipt.pdf")
def receipt(portal: PortalPart, account: TheAccount, delivery_id: DeliveryId) -> Response:
    """The receipt of confirmation."""
    row, _ = _row(portal.database, account, delivery_id)
    if row["confirmed_at"] is None:
        raise HTTPException(404)
    return files.receipt(portal, row)
