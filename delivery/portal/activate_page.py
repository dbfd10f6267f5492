"""First log-in: account, activation code, and a password of one's own."""

from __future__ import annotations

from typing import Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery import activation, passwords
from delivery.portal.form_faults import FormFaults
from delivery.portal.login import enter
from delivery.portal.proving import WINDOW_SECONDS, Proven, TooManyAttempts, count, has_second
from delivery.portal.web import DoorForm, PortalPart, door_page, genuine, network, see, words_of
from records import access

router = APIRouter()

_LABELS: Final = {"password": "activate.password", "again": "activate.again"}
_COUNTED: Final = "/activate"  # no log-in begins so: who guesses codes locks nobody out of the log-in page


@router.get("/activate")
def activate_page(request: Request) -> Response:
    """The form."""
    return _form(request)


def _form(request: Request, problem: str = "", field: str = "", *, login: str = "", status: int = 200) -> Response:
    bounds = {"minutes": WINDOW_SECONDS // 60, "shortest": passwords.SHORTEST, "longest": passwords.LONGEST}
    wrong = {field: problem} if problem else {}
    faults = FormFaults.said(words_of(request), wrong, _LABELS, **bounds)
    shown = {"login": login, "shortest": passwords.SHORTEST}
    return door_page(request, "activate.html", status=status, faults=faults, **shown)


@router.post("/activate")
def activate(request: Request, portal: PortalPart, form: DoorForm) -> Response:
    """Set the password and log in, or show the form again."""
    login, password = form.fields.get("login", "").strip()[:200], form.fields.get("password", "")
    if not genuine(request, form):
        return _form(request, "login.expired", login=login, status=403)
    if password != form.fields.get("again", ""):
        return _form(request, "activate.differs", "again", login=login, status=422)
    if not passwords.SHORTEST <= len(password) <= passwords.LONGEST or password.lower() == login.lower():
        return _form(request, "activate.length", "password", login=login, status=422)
    counted = f"{_COUNTED} {login}"
    try:
        count(request, portal, counted)
    except TooManyAttempts:
        return _form(request, "login.slow", login=login, status=429)
    opened = activation.activate(portal.database, login, form.fields.get("code", ""), password)
    if opened is None:
        return _form(request, "activate.wrong", login=login, status=401)
    account, due = opened
    portal.hint([due])
    with portal.database.write() as connection:
        access.forget_failures(connection, counted, network(request))
        if any(has_second(connection, account)):
            return see("/login")  # a code takes no second factor's place
    return enter(request, portal, Proven(account, "password"), "/inbox")
