"""Paper receipts from a table at the desk: judged first, then entered all or none."""

from __future__ import annotations

from typing import Any, Final

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.paper_import import COLUMNS, Imported, import_receipts
from delivery.portal.doors import MayServe, barred
from delivery.portal.form_faults import FormFaults, Told
from delivery.portal.receipt_table import allowed_words, empty_table, table_words
from delivery.portal.views import file_headers
from delivery.portal.web import AnySession, Form, PortalPart, page, words_of
from delivery.portal.wording import Words
from records.access import Session
from records.errors import Fault, Refused

router = APIRouter(prefix="/desk/import")

_SHOWN: Final = 200
_LINE: Final = "/lines/"


@router.get("")
def import_page(request: Request, session: AnySession, _clerk: MayServe) -> Response:
    """The form, and what the columns are called."""
    return _page(request, session)


def _page(request: Request, session: Session, refused: Refused | None = None, done: Imported | None = None) -> Response:
    t = words_of(request)
    faults = refused.faults if refused else ()
    lines = [fault for fault in faults if fault.pointer.startswith(_LINE)]
    of_file = [fault for fault in faults if not fault.pointer.startswith(_LINE)]
    told = FormFaults.of(of_file, {"file": t("importing.file")}, t).told
    if lines:
        told += (Told("faults", t("importing.by_line"), t("importing.refused", count=len(lines))),)
    values: dict[str, Any] = {
        "columns": [t(f"column.{name}") for name in COLUMNS],
        "allowed": allowed_words(t),
        "told": FormFaults(told),
        "faults": [_fault(fault, t) for fault in lines[:_SHOWN]],
        "more": max(0, len(lines) - _SHOWN),
        "done": done,
    }
    return page(request, "import.html", session, status=422 if refused else 200, **values)


def _fault(fault: Fault, t: Words) -> tuple[str, str, str]:
    """Line, column as the pages call it, and what is wrong."""
    line, _, column = fault.pointer.removeprefix(_LINE).partition("/")
    name = t(f"column.{column}") if column in COLUMNS else ""
    return line, name, t.pick(fault.message_zh, fault.message_en)


@router.get("/table.csv")
def table(request: Request, _clerk: MayServe) -> Response:
    """An empty table, with a line that shows how it is filled in."""
    t = words_of(request)
    headers = file_headers(t("importing.table") + ".csv", "paper-receipts.csv", download=True)
    return Response(empty_table(t), media_type="text/csv; charset=utf-8", headers=headers)


@router.post("")
def take(request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form) -> Response:
    """Judge the table, or enter it."""
    dry_run = form.fields.get("verb") != "enter"
    data = form.files.get("file", b"")
    try:
        names = portal.database, clerk.authority_id, data, clerk.id, table_words()
        done = import_receipts(*names, dry_run=dry_run, barred=barred(clerk))
    except Refused as refused:
        return _page(request, session, refused=refused)
    portal.hint(done.hint)
    return _page(request, session, done=done)
