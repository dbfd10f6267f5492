"""What everybody sees to oneself, accounts and persons alike: the password, the app, passkeys, the open sessions."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import passwords
from delivery.accounts import tell_of_access
from delivery.one_time_codes import new_secret, picture, step_of, uri
from delivery.portal.acting import known_people
from delivery.portal.form_faults import FormFaults
from delivery.portal.proving import WINDOW_SECONDS, prove_again, status_of
from delivery.portal.views import timed
from delivery.portal.web import AnySession, Form, PortalPart, home_of, page, portal_of, see, settings_of, words_of
from delivery.portal.wording import Words
from records import access, passkeys, second_factors
from records.access import Account, Session
from records.database import database_time

router = APIRouter()

_TOLD: Final = (
    "own.password_done",
    "own.factor_done",
    "own.factor_removed",
    "own.session_ended",
    "own.passkey_added",
    "own.passkey_removed",
)
_LABELS: Final = {
    "old": "own.password_old",
    "new": "own.password_new",
    "again": "own.password_again",
    "factor-password": "own.password_old",
    "code": "own.factor_code",
    "remove-password": "own.password_old",
    "passkey-name": "own.passkey_name",
    "passkey-password": "own.password_old",
    "person": "people.acting",
}
_FACTORS: Final = {
    "password": "own.by_password",
    "password+totp": "own.by_both",
    "password+passkey": "own.by_password_and_passkey",
    "passkey": "own.by_passkey",
}


def base_of(session: Session) -> str:
    """Where one's own access is seen to."""
    return "/settings/access" if isinstance(session.subject, Account) else "/desk/settings"


def tell(connection: sa.Connection, session: Session, what: str) -> tuple[str, ...]:
    """The contacts of an account are told; returns the steps that are due."""
    subject = session.subject
    return (tell_of_access(connection, subject, what, subject.id),) if isinstance(subject, Account) else ()


def here(request: Request, session: Session) -> None:
    """The page of one's own side. Raises 404 on the other one."""
    if not request.url.path.startswith(base_of(session)):
        raise HTTPException(404)


@router.get("/settings/access")
@router.get("/desk/settings")
def overview(request: Request, session: AnySession, told: str = "") -> Response:
    """Password, second factor, sessions."""
    if not request.url.path.startswith(base_of(session)):
        return see(base_of(session))
    return access_page(request, session, told=f"own.{told}" if f"own.{told}" in _TOLD else "")


def access_page(
    request: Request,
    session: Session,
    *,
    told: str = "",
    problem: str = "",
    field: str = "",
    status: int = 200,
    **values: Any,
) -> Response:
    """The page of all of it, with a message or what was wrong, in the field of this id."""
    portal, t = portal_of(request), words_of(request)
    subject = session.subject
    with portal.database.read() as connection:
        factor = second_factors.find(connection, subject)
        sessions = access.sessions_of(connection, subject)
        held = [_passkey(row, t) for row in passkeys.of_subject(connection, subject)]
    names, party = {each["id"]: each["name"] for each in held}, portal.relying_party
    is_on = factor is not None and factor["confirmed_at"] is not None
    return page(
        request,
        "own_access.html",
        session,
        status=status,
        base=base_of(session),
        back="/settings" if settings_of(session) == "/settings" else home_of(session),
        told=told,
        faults=FormFaults.said(t, {field: problem} if problem else {}, _LABELS, minutes=WINDOW_SECONDS // 60),
        since=timed(factor["confirmed_at"], t) if factor is not None and is_on else "",
        secret=factor["secret"] if factor is not None and not is_on else "",
        passkeys=held,
        origin=party.origin if party else "",
        known=known_people(portal, subject) if isinstance(subject, Account) else None,
        sessions=[
            {
                "id": row["token_hash"],
                "here": row["token_hash"] == session.token_hash,
                "time": timed(row["created_at"], t),
                "factor": t(_FACTORS[row["factor"]]),
                "passkey": names.get(row["passkey_id"], ""),
            }
            for row in sessions
        ],
        **values,
    )


def _passkey(row: sa.RowMapping, t: Words) -> dict[str, str]:
    return {
        "id": row["id"],
        "name": row["name"],
        "person": " · ".join(each for each in (row["person"], row["office"]) if each),
        "added": timed(row["added_at"], t),
        "used": timed(row["used_at"], t),
        "doubted": timed(row["doubted_at"], t),
    }


@router.post("/settings/access/password")
@router.post("/desk/settings/password")
def change_password(request: Request, portal: PortalPart, session: AnySession, form: Form) -> Response:
    """Another password: the present one is asked for, and all other sessions end."""
    here(request, session)
    old, new = form.fields.get("old", ""), form.fields.get("new", "")
    if new != form.fields.get("again", ""):
        return access_page(request, session, problem="own.password_differs", field="again", status=422)
    if not passwords.SHORTEST <= len(new) <= passwords.LONGEST:
        return access_page(request, session, problem="own.password_length", field="new", status=422)
    if new == old:
        return access_page(request, session, problem="own.password_same", field="new", status=422)
    if problem := prove_again(request, portal, session.subject, old, "own.wrong"):
        return access_page(request, session, problem=problem, field="old", status=status_of(problem))
    hashed = passwords.hash_password(new)
    with portal.database.write() as connection:
        access.change_own_password(connection, session.subject, hashed, session.token_hash)
        due = tell(connection, session, "password")
    portal.hint(due)
    return see(f"{base_of(session)}?told=password_done")


@router.post("/settings/access/factor")
@router.post("/desk/settings/factor")
def begin_factor(request: Request, portal: PortalPart, session: AnySession, _form: Form) -> Response:
    """Make a secret; it counts once a code of it was right."""
    here(request, session)
    with portal.database.write() as connection:
        second_factors.begin(connection, session.subject, new_secret())
    return see(base_of(session))


@router.get("/settings/access/factor.svg")
@router.get("/desk/settings/factor.svg")
def factor_picture(request: Request, portal: PortalPart, session: AnySession) -> Response:
    """The QR code of a secret that does not count yet. Raises 404 once it does."""
    here(request, session)
    with portal.database.read() as connection:
        factor = second_factors.find(connection, session.subject)
    if factor is None or factor["confirmed_at"] is not None:
        raise HTTPException(404)
    address = uri(factor["secret"], session.subject.login, portal.test)
    return Response(picture(address), media_type="image/svg+xml")


@router.post("/settings/access/factor/confirm")
@router.post("/desk/settings/factor/confirm")
def confirm_factor(request: Request, portal: PortalPart, session: AnySession, form: Form) -> Response:
    """Let the secret count."""
    here(request, session)
    with portal.database.write() as connection:
        factor = second_factors.find(connection, session.subject)
        if factor is None or factor["confirmed_at"] is not None:
            return see(base_of(session))
        step = step_of(factor["secret"], form.fields.get("code", ""), database_time(connection))
        if step is not None:
            second_factors.confirm(connection, session.subject, step)
            due = tell(connection, session, "factor_added")
    if step is None:
        return access_page(request, session, problem="own.factor_wrong", field="code", status=422)
    portal.hint(due)
    return see(f"{base_of(session)}?told=factor_done")


@router.post("/settings/access/factor/remove")
@router.post("/desk/settings/factor/remove")
def remove_factor(request: Request, portal: PortalPart, session: AnySession, form: Form) -> Response:
    """Log in without from now on: the password is asked for."""
    here(request, session)
    if problem := prove_again(request, portal, session.subject, form.fields.get("password", ""), "own.wrong"):
        return access_page(request, session, problem=problem, field="factor-password", status=status_of(problem))
    with portal.database.write() as connection:
        removed = second_factors.remove(connection, session.subject, session.subject.id)
        due = tell(connection, session, "factor_removed") if removed else ()
    portal.hint(due)
    return see(f"{base_of(session)}?told=factor_removed")


@router.post("/settings/access/sessions/end")
@router.post("/desk/settings/sessions/end")
def end_session(request: Request, portal: PortalPart, session: AnySession, form: Form) -> Response:
    """End one of one's own sessions."""
    here(request, session)
    with portal.database.write() as connection:
        if not access.end_session(connection, session.subject, form.fields.get("session", "")):
            raise HTTPException(404)
    return see(f"{base_of(session)}?told=session_ended")
