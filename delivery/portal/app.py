"""The portal as one application, to be mounted in the web process."""

from __future__ import annotations

import re
import traceback
from pathlib import Path
from typing import Final
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from delivery.portal import (
    account_pages,
    activate_page,
    address_page,
    attempt_pages,
    case_pages,
    change_pages,
    correction_pages,
    counsel_pages,
    desk_list,
    desk_pages,
    document_pages,
    feed_pages,
    grant_pages,
    import_pages,
    inbox_pages,
    incoming_pages,
    issue_pages,
    list_pages,
    login,
    notice_pages,
    objection_pages,
    own_access,
    passkey_pages,
    people_pages,
    register_door,
    register_pages,
    registration_desk,
    scan_pages,
    seal_pages,
    settings_pages,
    stack_pages,
    staff_pages,
    statistics_pages,
    submission_pages,
    trouble_pages,
    verify_page,
)
from delivery.portal.doors import NotAllowed, denied_page
from delivery.portal.register_visit import ProveFirst
from delivery.portal.security import Guard
from delivery.portal.web import LogInFirst, Portal, WrongDoor, environment, page, see, session_of
from delivery.portal.wording import messages
from records.errors import Retry

__all__ = ["Portal", "make_portal"]

_STATIC: Final = Path(__file__).parent / "static"
_KNOWN: Final = (400, 403, 404, 405, 408, 409, 413, 503)

#: In the order in which an address is looked for: `/inbox/{delivery_id}` and `/desk/{delivery_id}` take what is left.
_PAGES: Final = (
    login,
    activate_page,
    address_page,
    own_access,
    passkey_pages,
    settings_pages,
    change_pages,
    account_pages,
    staff_pages,
    register_door,
    register_pages,
    feed_pages,
    seal_pages,
    grant_pages,
    registration_desk,
    trouble_pages,
    issue_pages,
    case_pages,
    document_pages,
    scan_pages,
    import_pages,
    stack_pages,
    correction_pages,
    list_pages,
    people_pages,
    counsel_pages,
    submission_pages,
    objection_pages,
    incoming_pages,
    attempt_pages,
    notice_pages,
    statistics_pages,
    inbox_pages,
    desk_list,
    desk_pages,
    verify_page,
)

_log = structlog.get_logger(__name__)


def make_portal(portal: Portal) -> FastAPI:
    """The pages as an application of its own, to be mounted at `/`."""
    app = FastAPI(title="Songda portal", openapi_url=None, docs_url=None, redoc_url=None)
    app.state.portal = portal
    app.state.environment = environment()
    app.mount("/static", StaticFiles(directory=_STATIC), name="static")
    for module in _PAGES:
        app.include_router(module.router)
    app.add_exception_handler(LogInFirst, _log_in_first)
    app.add_exception_handler(WrongDoor, _other_door)
    app.add_exception_handler(NotAllowed, _denied)
    app.add_exception_handler(ProveFirst, _register_first)
    app.add_exception_handler(HTTPException, _error_page)
    app.add_exception_handler(RequestValidationError, _not_found)
    app.add_exception_handler(Retry, _later)
    app.add_middleware(Guard, secure=portal.secure_cookies, broken=_broken)
    return app


def _log_in_first(_request: Request, error: Exception) -> Response:
    assert isinstance(error, LogInFirst)  # noqa: S101 - registered for this class only
    return see(f"/login?next={quote(error.path)}")


def _other_door(_request: Request, error: Exception) -> Response:
    assert isinstance(error, WrongDoor)  # noqa: S101 - registered for this class only
    return see(error.home)


def _denied(request: Request, error: Exception) -> Response:
    assert isinstance(error, NotAllowed)  # noqa: S101 - registered for this class only
    return denied_page(request, error)


def _register_first(_request: Request, _error: Exception) -> Response:
    return see("/register")


def _error_page(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this class only
    code = error.status_code if error.status_code in _KNOWN else 400
    response = page(request, "error.html", session_of(request), status=error.status_code, code=code)
    response.headers.update(error.headers or {})
    return response


def _not_found(request: Request, _error: Exception) -> Response:
    return page(request, "error.html", session_of(request), status=404, code=404)


def _later(request: Request, _error: Exception) -> Response:
    """A part was not to be had just now, such as the printer's child process."""
    return page(request, "error.html", session_of(request), status=503, code=503)


def _broken(request: Request, error: Exception) -> Response:
    """The page of last resort; the trace goes to the log without local variables, which hold people's data."""
    path = re.sub("^/calendar/.*", "/calendar/…", request.url.path)  # the address of a feed is a secret
    _log.error("page failed", path=path, trace="".join(traceback.format_exception(error)))
    try:
        return page(request, "error.html", None, status=500, code=500)
    except Exception:  # the database itself may be away
        return PlainTextResponse(f"{messages()['error.text_500'][0]}\n{messages()['error.text_500'][1]}\n", 500)
