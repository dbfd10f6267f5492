"""Logging in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.portal.proving import WINDOW_SECONDS, Proven, TooManyAttempts, prove
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
    safe_next,
    see,
    session_of,
    set_cookie,
)
from records import access

router = APIRouter()


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
    """Look at login, password and code; open a session or show the form again."""
    login = form.fields.get("login", "").strip()[:200]
    next_path = safe_next(form.fields.get("next", "/"))
    if not genuine(request, form):
        return _form(request, next_path, problem="login.expired", login=login, status=403)
    try:
        proven = prove(request, portal, login, form.fields.get("password", ""), form.fields.get("code", ""))
    except TooManyAttempts:
        response = _form(request, next_path, problem="login.slow", login=login, status=429)
        response.headers["Retry-After"] = str(WINDOW_SECONDS)
        return response
    if proven is None:
        return _form(request, next_path, problem="login.wrong", login=login, status=401)
    return enter(request, portal, proven, next_path)


def enter(request: Request, portal: Portal, proven: Proven, next_path: str) -> Response:
    """Open a session with a token of its own, and end the one that the browser had."""
    former = request.cookies.get(portal.session_cookie)
    with portal.database.write() as connection:
        if former:
            access.close_session(connection, access.token_hash(former))
        access.forget_failures(connection, proven.subject.login)
        token = access.open_session(connection, proven.subject, SESSION_SECONDS, proven.factor)
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
