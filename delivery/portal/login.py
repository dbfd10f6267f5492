"""Logging in and out."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery import passwords
from delivery.portal.web import (
    SESSION_SECONDS,
    AnySession,
    DoorForm,
    Form,
    Portal,
    PortalPart,
    door_page,
    drop_cookie,
    genuine,
    home_of,
    network,
    safe_next,
    see,
    session_of,
    set_cookie,
)
from records import access

router = APIRouter()

WINDOW_SECONDS: Final = 15 * 60
PER_LOGIN: Final = 10
"""Failed attempts on one account in the window, from wherever."""
PER_ADDRESS: Final = 50
"""Failed attempts from one address in the window: many of a company come from one."""


@router.get("/")
def start(request: Request) -> Response:
    """The first page of whoever comes."""
    session = session_of(request)
    return see(home_of(session) if session else "/login")


@router.get("/login")
def login_page(request: Request) -> Response:
    """The log-in form."""
    session = session_of(request)
    if session is not None and "lang" not in request.query_params:
        return see(home_of(session))
    return _form(request, safe_next(request.query_params.get("next", "/")))


def _form(request: Request, next_path: str, *, problem: str = "", login: str = "", status: int = 200) -> Response:
    values = {"next_path": next_path, "problem": problem, "login": login, "minutes": WINDOW_SECONDS // 60}
    return door_page(request, "login.html", status=status, **values)


@router.post("/login")
def log_in(request: Request, portal: PortalPart, form: DoorForm) -> Response:
    """Look at login and password; open a session or show the form again."""
    login = form.fields.get("login", "").strip()[:200]
    next_path = safe_next(form.fields.get("next", "/"))
    if not genuine(request, form):
        return _form(request, next_path, problem="login.expired", login=login, status=403)
    address = network(request)
    with portal.database.write() as connection:
        attempt = access.count_attempt(connection, login, address, WINDOW_SECONDS)
    with portal.database.write() as connection:  # anew, so that attempts made at the same moment see each other
        by_login, by_address = access.attempts(connection, login, address, WINDOW_SECONDS)
        too_many = by_login > PER_LOGIN or by_address > PER_ADDRESS
        if too_many:
            access.forget_attempt(connection, attempt)
    if too_many:
        response = _form(request, next_path, problem="login.slow", login=login, status=429)
        response.headers["Retry-After"] = str(WINDOW_SECONDS)
        return response
    subject = _proven(portal, login, form.fields.get("password", ""))
    if subject is None:
        return _form(request, next_path, problem="login.wrong", login=login, status=401)
    return enter(request, portal, subject, next_path)


def _proven(portal: Portal, login: str, password: str) -> access.Account | access.Person | None:
    """Who proves to be `login` by `password`; takes about as long for a login that nobody has."""
    with portal.database.read() as connection:
        known = access.credentials(connection, login)
    if not known:
        passwords.matches(None, password)
    for credential in known:
        if passwords.matches(credential.password_hash, password):
            if passwords.is_outdated(credential.password_hash):
                with portal.database.write() as connection:
                    access.set_password_hash(connection, credential.subject, passwords.rehash(password))
            return credential.subject
    return None


def enter(request: Request, portal: Portal, subject: access.Account | access.Person, next_path: str) -> Response:
    """Open a session with a token of its own, and end the one that the browser had."""
    former = request.cookies.get(portal.session_cookie)
    with portal.database.write() as connection:
        if former:
            access.close_session(connection, access.token_hash(former))
        access.forget_failures(connection, subject.login)
        token = access.open_session(connection, subject, SESSION_SECONDS)
    response = see(next_path)
    set_cookie(portal, response, portal.session_cookie, token, SESSION_SECONDS)
    drop_cookie(portal, response, portal.login_cookie)
    return response


@router.post("/logout")
def log_out(portal: PortalPart, session: AnySession, _form: Form) -> Response:
    """End the session for good."""
    with portal.database.write() as connection:
        access.close_session(connection, session.token_hash)
    response = see("/login")
    drop_cookie(portal, response, portal.session_cookie)
    return response
