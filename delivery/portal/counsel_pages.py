"""A counterparty asks for an account for its outside counsel, has another code sent to counsel, ends it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi import Path as PathPart
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.beijing import day_of
from delivery.counsel import Attorney, ask_for_counsel, revoke_counsel, send_again
from delivery.portal import views
from delivery.portal.form_faults import FormFaults
from delivery.portal.web import AnySession, Form, Portal, PortalPart, TheAccount, page, see, words_of
from delivery.portal.wording import Words
from delivery.scanner import read_day
from records import counsel
from records.access import Account, Session
from records.database import legal_time
from records.errors import Fault, Refused

router = APIRouter(prefix="/inbox/counsel")

CounselId = Annotated[str, PathPart(pattern="^cou_[0-9a-z]{1,40}$")]
_FIELDS = ("name", "firm", "login", "email", "mobile", "last_day", "cases")
_LONGEST_CASES = 4000


def _client(account: Account) -> Account:
    """The counterparty's own account: counsel appoints no counsel. Raises 404."""
    if account.ends_at is not None:
        raise HTTPException(404)
    return account


@router.get("")
def listing(request: Request, portal: PortalPart, session: AnySession, account: TheAccount, told: str = "") -> Response:
    """All counsel, and the form of a request."""
    return _page(request, portal, session, _client(account), {}, sent=told == "code")


def _page(
    request: Request,
    portal: Portal,
    session: Session,
    account: Account,
    typed: Mapping[str, str],
    faults: Sequence[Fault] = (),
    *,
    sent: bool = False,
) -> Response:
    t = words_of(request)
    labels = {name: t(f"counsel.{name}") for name in _FIELDS} | {"file1": t("counsel.file")}
    with portal.database.read() as connection:
        rows = counsel.of_counterparty(connection, account.authority_id, account.counterparty_id)
        today = day_of(legal_time(connection))
    return page(
        request,
        "counsel.html",
        session,
        status=422 if faults else 200,
        counsel=[counsel_line(row, t, today) for row in rows],
        typed=typed,
        faults=FormFaults.of(faults, labels, t),
        sent=sent,
    )


def counsel_line(row: sa.RowMapping, t: Words, today: date) -> dict[str, Any]:
    """One request or account of counsel, in words."""
    last_day = date.fromisoformat(row["last_day"])
    state = "ended" if row["state"] == "approved" and last_day < today else row["state"]
    told = {name: row[name] for name in ("id", "name", "firm", "login")}
    told |= {name: row[name] or "" for name in ("reason", "email", "mobile")}
    told |= {"cases": t.pick("、", ", ").join(row["cases"] or ()) or t("counsel.all_cases")}
    return told | {"state": state, "state_text": t(f"counsel.state_{state}"), "last_day": views.last_day(last_day, t)}


@router.post("")
def ask(request: Request, portal: PortalPart, session: AnySession, account: TheAccount, form: Form) -> Response:
    """Record the request, or show the form again with every fault."""
    most = dict.fromkeys(_FIELDS, 100) | {"cases": _LONGEST_CASES}
    typed = {name: form.fields.get(name, "").strip()[: most[name]] for name in _FIELDS}
    file = ("file1", form.names["file1"], form.files["file1"]) if "file1" in form.files else None
    attorney = Attorney(**(typed | {"last_day": read_day(typed["last_day"])}), file=file)
    try:
        ask_for_counsel(portal.database, portal.store, _client(account), attorney)
    except Refused as refused:
        return _page(request, portal, session, account, typed, refused.faults)
    return see("/inbox/counsel")


@router.post("/{counsel_id}/code")
def code(portal: PortalPart, account: TheAccount, _form: Form, counsel_id: CounselId) -> Response:
    """Have another activation code sent to counsel."""
    try:
        due = send_again(portal.database, counsel_id, account)
    except LookupError:
        raise HTTPException(404) from None
    portal.hint(due)
    return see("/inbox/counsel?told=code")


@router.post("/{counsel_id}/revoke")
def revoke(portal: PortalPart, account: TheAccount, _form: Form, counsel_id: CounselId) -> Response:
    """End the power of attorney at once."""
    try:
        revoke_counsel(portal.database, counsel_id, account)
    except LookupError:
        raise HTTPException(404) from None
    return see("/inbox/counsel")
