"""Logging in and out."""

from __future__ import annotations

from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.portal.form_faults import FormFaults
from delivery.portal.passkey_proof import TO_LOG_IN, Answer, challenge_for
from delivery.portal.proving import WINDOW_SECONDS, Proven, TooManyAttempts, prove, prove_by_passkey, second_of
from delivery.portal.security import ASKS_FOR_A_CHALLENGE
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
    language_of,
    network,
    portal_of,
    safe_next,
    see,
    session_of,
    set_cookie,
    words_of,
)
from records import access, passkeys

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
    party = portal_of(request).relying_party
    faults = FormFaults.said(words_of(request), {"": problem} if problem else {}, {}, minutes=WINDOW_SECONDS // 60)
    values = {"next_path": next_path, "faults": faults, "login": login}
    response = door_page(request, "login.html", status=status, origin=party.origin if party else "", **values)
    response.headers.update(ASKS_FOR_A_CHALLENGE if party else {})
    return response


def _slow(request: Request, next_path: str, login: str = "") -> Response:
    response = _form(request, next_path, problem="login.slow", login=login, status=429)
    response.headers["Retry-After"] = str(WINDOW_SECONDS)
    return response


def _asker(request: Request, portal: Portal) -> str:
    """Whom a challenge at the door is made for: this browser."""
    return passkeys.asker_of(TO_LOG_IN, request.cookies.get(portal.login_cookie, ""))


@router.post("/login")
def log_in(request: Request, portal: PortalPart, form: DoorForm) -> Response:
    """Look at login, password and second factor; open a session or show the form again."""
    login = form.fields.get("login", "").strip()[:200]
    next_path = safe_next(form.fields.get("next", "/"))
    if not genuine(request, form):
        return _form(request, next_path, problem="login.expired", login=login, status=403)
    try:
        second = second_of(form, _asker(request, portal))
        proven = prove(request, portal, login, form.fields.get("password", ""), second)
    except TooManyAttempts:
        return _slow(request, next_path, login)
    if proven is None:
        return _form(request, next_path, problem="login.wrong", login=login, status=401)
    return enter(request, portal, proven, next_path)


@router.post("/login/challenge")
def challenge(request: Request, portal: PortalPart, form: DoorForm) -> Response:
    """What a passkey is to sign, the same for everybody. Raises 403, 404."""
    if not genuine(request, form):
        raise HTTPException(403)
    options = challenge_for(portal, _asker(request, portal), verified=form.fields.get("alone") == "1")
    if options is None:
        raise HTTPException(404)
    return Response(options, media_type="application/json")


@router.get("/login/passkey")
def back(request: Request) -> Response:
    """A refused form was shown under this address: asked for anew, or in the other language, it is the page."""
    return see(f"/login{language_of(request)}")


@router.post("/login/passkey")
def log_in_by_passkey(request: Request, portal: PortalPart, form: DoorForm) -> Response:
    """Look at a passkey alone; open a session or show the form again."""
    next_path = safe_next(form.fields.get("next", "/"))
    if not genuine(request, form):
        return _form(request, next_path, problem="login.expired", status=403)
    try:
        proven = prove_by_passkey(request, portal, Answer(_asker(request, portal), form.fields.get("passkey", "")))
    except TooManyAttempts:
        return _slow(request, next_path)
    if proven is None:
        return _form(request, next_path, problem="login.passkey_wrong", status=401)
    return enter(request, portal, proven, next_path)


def enter(request: Request, portal: Portal, proven: Proven, next_path: str) -> Response:
    """Open a session with a token of its own, and end the one that the browser had."""
    former = request.cookies.get(portal.session_cookie)
    with portal.database.write() as connection:
        if former:
            access.close_session(connection, access.token_hash(former))
        if proven.factor != "passkey":  # which says nothing about guesses at the password
            access.forget_failures(connection, proven.subject.login, network(request))
        token = access.open_session(connection, proven.subject, SESSION_SECONDS, proven.factor, proven.passkey_id)
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
