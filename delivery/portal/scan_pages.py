"""The scanner page: barcode, day, enter. Keyboard alone, and without a script as well."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery.paper import OUTCOMES
from delivery.portal.desk_form import at_its_date, faults_of, fields_of, is_far_back
from delivery.portal.doors import MayServe, barred, demand_method
from delivery.portal.views import item_of, outcome_name, written
from delivery.portal.web import AnySession, Form, PortalPart, page, words_of
from delivery.portal.wording import Words
from delivery.scanner import Scanned, record_scanned, said_by_scan
from records import deliveries
from records.access import Person, Session
from records.database import Database, legal_time
from records.errors import Fault, Refused

router = APIRouter(prefix="/desk/scan")

_SERVED = "served"


@router.get("")
def scan_page(request: Request, session: AnySession, clerk: MayServe) -> Response:
    """The empty form, ready for the first scan."""
    return _page(request, session, clerk, {"date": "", "result": _SERVED})


def _page(
    request: Request,
    session: Session,
    clerk: Person,
    typed: dict[str, str],
    faults: Sequence[Fault] = (),
    done: dict[str, Any] | None = None,
    far_back: dict[str, str] | None = None,
) -> Response:
    t = words_of(request)
    values: dict[str, Any] = {
        "typed": {"code": "", **typed},
        "results": _results(clerk, t),
        "faults": [t.pick(fault.message_zh, fault.message_en) for fault in faults],
        "faults_of": {name: faults_of(name, faults, t) for name in ("code", "date", "result")},
        "done": done,
        "far_back": far_back,
        "start": "date" if faults and not any(fault.pointer == "/code" for fault in faults) else "code",
    }
    return page(request, "scan.html", session, status=422 if faults else 200, **values)


def _results(clerk: Person, t: Words) -> list[tuple[str, list[tuple[str, str]]]]:
    return [
        (t(f"method.{method}"), [(f"{method}/{each}", outcome_name(method, each, t)) for each in outcomes])
        for method, outcomes in OUTCOMES.items()
        if method not in barred(clerk)
    ]


@router.post("")
def scan(request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form) -> Response:
    """Record one scan and show what came of it above the form, which keeps a known day and the result for the next."""
    typed = {name: form.fields.get(name, "").strip()[:100] for name in ("code", "date", "result")}
    sticky = {"date": typed["date"], "result": typed["result"] or _SERVED}
    demand_method(clerk, typed["result"].partition("/")[0])
    said = clerk.authority_id, typed["code"], typed["date"], sticky["result"]
    try:
        demand_method(clerk, said_by_scan(portal.database, *said)[1]["method"])  # it may be the attempt's own
        found = record_scanned(portal.database, portal.store, *said, clerk.id)
    except Refused as refused:
        again = sticky if any(fault.pointer == "/code" for fault in refused.faults) else typed | sticky
        far_back = None
        if is_far_back(refused.faults):
            far_back = _carried(portal.database, clerk.authority_id, typed["code"], typed["date"], sticky["result"])
        return _page(request, session, clerk, again, at_its_date(refused.faults), far_back=far_back)
    portal.hint(found.receipt.hint)
    if found.day is None:  # told of this paper alone
        sticky["date"] = ""
    done = _told(portal.database, clerk.authority_id, found, words_of(request))
    return _page(request, session, clerk, sticky, done=done)


def _carried(database: Database, authority_id: str, code: str, day: str, result: str) -> dict[str, str]:
    """What a scan said, as the form of a record dated far back takes it, with the delivery that it is of."""
    attempt, record = said_by_scan(database, authority_id, code, day, result)
    of = {"delivery": attempt["delivery_id"], "attempt": attempt["id"], "carried": "scan"}
    return fields_of(record) | of


def _told(database: Database, authority_id: str, found: Scanned, t: Words) -> dict[str, Any]:
    with database.read() as connection:
        row = deliveries.desk_item(connection, found.delivery_id, authority_id)
        now = legal_time(connection)
    if row is None:  # no delivery is ever deleted
        raise LookupError(found.delivery_id)
    return {
        "item": item_of(row, t, now),
        "day": written(found.day, t) if found.day else t("record.date_unknown"),
        "method": t(f"method.{found.method}"),
        "outcome": outcome_name(found.method, found.outcome, t),
        "double": found.known,
        "final": found.receipt.final,
        "unknown": found.day is None,
    }
