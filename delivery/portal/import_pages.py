"""Paper receipts from a table at the desk: judged first, then entered all or none."""

from __future__ import annotations

import re
from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.paper_import import COLUMNS, Imported, import_receipts
from delivery.portal.doors import MayServe, barred
from delivery.portal.web import AnySession, Form, PortalPart, page, words_of
from delivery.portal.wording import Words
from records.access import Session
from records.errors import Fault, Refused

router = APIRouter(prefix="/desk/import")

_SHOWN: Final = 200


@router.get("")
def import_page(request: Request, session: AnySession, _clerk: MayServe) -> Response:
    """The form, and what the columns are called."""
    return _page(request, session)


def _page(request: Request, session: Session, refused: Refused | None = None, done: Imported | None = None) -> Response:
    t = words_of(request)
    faults = refused.faults if refused else ()
    values: dict[str, Any] = {
        "columns": COLUMNS,
        "faults": [_fault(fault, t) for fault in faults[:_SHOWN]],
        "more": max(0, len(faults) - _SHOWN),
        "done": done,
    }
    return page(request, "import.html", session, status=422 if refused else 200, **values)


def _fault(fault: Fault, t: Words) -> tuple[str, str, str]:
    """Line, column, and what is wrong."""
    at = re.fullmatch(r"/lines/(\d+)(?:/(.*))?", fault.pointer)
    line, column = (at[1], at[2] or "") if at else ("", "")
    return line, column, t.pick(fault.message_zh, fault.message_en)


@router.post("")
def take(request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form) -> Response:
    """Judge the table, or enter it."""
    dry_run = form.fields.get("verb") != "enter"
    data = form.files.get("file", b"")
    try:
        names = portal.database, clerk.authority_id, data, clerk.id
        done = import_receipts(*names, dry_run=dry_run, barred=barred(clerk))
    except Refused as refused:
        return _page(request, session, refused=refused)
    portal.hint(done.hint)
    return _page(request, session, done=done)
