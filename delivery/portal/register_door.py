"""The doors of registration: to apply, to ask after an application, the SMS code, the way out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Final

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import registration_door
from delivery.portal.form_faults import FormFaults
from delivery.portal.proving import PER_ADDRESS, WINDOW_SECONDS
from delivery.portal.register_form import typed
from delivery.portal.register_visit import ProvedVisit, VisitForm, a_visit
from delivery.portal.web import (
    DoorForm,
    PortalPart,
    door_page,
    drop_cookie,
    genuine,
    network,
    page,
    portal_of,
    see,
    set_cookie,
    words_of,
)
from delivery.registration_facts import CATEGORIES
from delivery.registration_sweep import draft_days
from records import access, visits
from templates.identifiers import check_mobile

router = APIRouter(prefix="/register")

_COUNTED: Final = "/register"  # no log-in has this name
_LABELS: Final = {
    "category": "register.category",
    "code": "register.code",
    "mobile": "register.own_mobile",
    "sms": "register.sms_code",
}
_NOTHING: Final[Mapping[str, str]] = {}


def _faults(request: Request, wrong: Mapping[str, str]) -> FormFaults:
    return FormFaults.said(words_of(request), wrong, _LABELS, minutes=WINDOW_SECONDS // 60)


@router.get("")
def start(request: Request) -> Response:
    """What registration is, and the first form."""
    return _start(request)


def _start(request: Request, wrong: Mapping[str, str] = _NOTHING, *, status: int = 200, **entered: str) -> Response:
    values = {name: entered.get(name, "") for name in ("category", "code", "mobile")}
    values["days"] = str(draft_days())
    faults = _faults(request, wrong)
    return door_page(request, "register_start.html", status=status, categories=CATEGORIES, faults=faults, **values)


@router.post("")
def begin(request: Request, portal: PortalPart, form: DoorForm) -> Response:
    """Look at category, registration code and number; send the SMS code."""
    code = form.fields.get("code", "").strip()[:100]  # upper and lower case differ (000, annex 2)
    category, mobile = typed(form.fields, "category"), re.sub(r"[ -]", "", typed(form.fields, "mobile"))
    entered = {"category": category, "code": code, "mobile": mobile}
    if not genuine(request, form):
        return _start(request, {"": "register.expired"}, status=403, **entered)
    wrong = {} if category in CATEGORIES else {"category": "register.choose_category"}
    wrong |= {} if check_mobile(mobile) is None else {"mobile": "register.wrong_mobile"}
    if wrong:
        return _start(request, wrong, status=422, **entered)
    if _too_many(request):
        return _start(request, {"": "register.slow"}, status=429, **entered)
    try:
        with portal.database.write() as connection:
            token = registration_door.to_register(connection, code, category, mobile)
            hints = registration_door.send_code(connection, token, network(request))
    except registration_door.UnknownCode:
        return _start(request, {"code": "register.wrong_code"}, status=422, **entered)
    except registration_door.TooManyCodes:
        return _start(request, {"": "register.no_more_codes"}, status=429, **entered)
    return _at_the_door(request, token, hints)


def _too_many(request: Request) -> bool:
    """Count a knock at a door, right or wrong, by the address it comes from."""
    portal, address = portal_of(request), network(request)
    with portal.database.write() as connection:
        access.count_attempt(connection, _COUNTED, address, WINDOW_SECONDS)
        return access.attempts(connection, _COUNTED, address, WINDOW_SECONDS).address > PER_ADDRESS


def _at_the_door(request: Request, token: str, hints: list[str]) -> Response:
    portal = portal_of(request)
    portal.hint(hints)
    response = see("/register/code")
    set_cookie(portal, response, portal.visit_cookie, token, registration_door.VISIT_SECONDS)
    return response


@router.get("/track")
def track_page(request: Request) -> Response:
    """The form to ask after an application."""
    return _track(request)


def _track(request: Request, wrong: Mapping[str, str] = _NOTHING, *, status: int = 200, **entered: str) -> Response:
    values = {name: entered.get(name, "") for name in ("number", "mobile")}
    return door_page(request, "register_track.html", status=status, faults=_faults(request, wrong), **values)


@router.post("/track")
def track(request: Request, portal: PortalPart, form: DoorForm) -> Response:
    """Send a code if there is such an application; the answer is the same if there is none."""
    number, mobile = typed(form.fields, "number").upper(), re.sub(r"[ -]", "", typed(form.fields, "mobile"))
    entered = {"number": number, "mobile": mobile}
    if not genuine(request, form):
        return _track(request, {"": "register.expired"}, status=403, **entered)
    if check_mobile(mobile) is not None:
        return _track(request, {"mobile": "register.wrong_mobile"}, status=422, **entered)
    if _too_many(request):
        return _track(request, {"": "register.slow"}, status=429, **entered)
    with portal.database.write() as connection:
        token = registration_door.to_track(connection, number, mobile)
        hints = registration_door.send_code(connection, token, network(request))
    return _at_the_door(request, token, hints)


def _knocking(request: Request) -> sa.RowMapping:
    """The visit that waits for its code. Raises HTTPException 404."""
    portal = portal_of(request)
    with portal.database.read() as connection:
        visit = visits.find(connection, request.cookies.get(portal.visit_cookie, ""))
    if visit is None:
        raise HTTPException(404)
    return visit


Knocking = Annotated[sa.RowMapping, Depends(_knocking)]


@router.get("/code")
def code_page(request: Request, visit: Knocking, told: str = "") -> Response:
    """The form for the SMS code."""
    return _code(request, visit, told="register.sent_again" if told == "again" else "")


def _code(
    request: Request,
    visit: sa.RowMapping,
    wrong: Mapping[str, str] = _NOTHING,
    *,
    told: str = "",
    status: int = 200,
) -> Response:
    number = f"{visit['mobile'][:3]}****{visit['mobile'][-4:]}"
    minutes = int(registration_door.CODE_SECONDS // 60)
    values = {
        "csrf": visit["csrf_token"],
        "faults": _faults(request, wrong),
        "number": number,
        "tracking": visit["campaign_id"] is None,
    }
    return page(request, "register_code.html", status=status, told=told, minutes=minutes, **values)


@router.post("/code")
def prove(request: Request, portal: PortalPart, visit: Knocking, form: DoorForm) -> Response:
    """Let in whoever has the code, or send another one."""
    _check(visit, form.fields.get("csrf", ""))
    if form.fields.get("action") == "again":
        return _again(request, visit)
    if _too_many(request):
        return _code(request, visit, {"": "register.slow"}, status=429)
    code = re.sub(r"\s", "", form.fields.get("code", ""))[:20]
    token = registration_door.prove(portal.database, request.cookies[portal.visit_cookie], code)
    if token is None:
        return _code(request, visit, {"sms": "register.wrong_sms"}, status=401)
    response = see("/register/form")
    set_cookie(portal, response, portal.visit_cookie, token, registration_door.VISIT_SECONDS)
    return response


def _again(request: Request, visit: sa.RowMapping) -> Response:
    """Send another code; the one before no longer lets in once it goes out."""
    portal = portal_of(request)
    try:
        with portal.database.write() as connection:
            token = request.cookies[portal.visit_cookie]
            hints = registration_door.send_code(connection, token, network(request))
    except registration_door.TooManyCodes:
        return _code(request, visit, {"": "register.no_more_codes"}, status=429)
    portal.hint(hints)
    return see("/register/code?told=again")


def _check(visit: sa.RowMapping, csrf: str) -> None:
    if not access.same_token(csrf, visit["csrf_token"]):
        raise HTTPException(403)


@router.get("/form")
def inside(visit: Annotated[ProvedVisit, Depends(a_visit)]) -> Response:
    """The first page inside: the form, or how the application stands."""
    return see("/register/entity" if visit.is_open else "/register/status")


@router.post("/leave")
def leave(portal: PortalPart, visit: VisitForm) -> Response:
    """End the visit; what was entered is kept."""
    with portal.database.write() as connection:
        visits.close(connection, visit.visit["token_hash"])
    response = see("/register")
    drop_cookie(portal, response, portal.visit_cookie)
    return response
