"""Corrections of paper records at the desk: proposed on one page, approved or declined by another person on another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import corrections as acts
from delivery.beijing import day_of
from delivery.portal import desk_form, files
from delivery.portal.desk_pages import ReceiptId, find_delivery, record_form
from delivery.portal.doors import MayCorrect, MayServe, SeesCorrections, demand_method
from delivery.portal.form_faults import FormFaults
from delivery.portal.pager import WalkPart
from delivery.portal.views import item_of, minute, outcome_name, written
from delivery.portal.web import AnySession, DeliveryId, Form, Portal, PortalPart, page, see, words_of
from delivery.portal.wording import Words
from records import access, corrections, deliveries
from records.access import Person, Session
from records.corrections import NotWaiting
from records.database import legal_time
from records.errors import Fault, Refused
from templates.manifests import manifests

router = APIRouter(prefix="/desk")

CorrectionId = Annotated[str, Path(pattern="^pcr_[0-9a-z]{1,40}$")]
_LONGEST: Final = 500


@router.get("/corrections")
def listing(
    request: Request, portal: PortalPart, session: AnySession, clerk: SeesCorrections, walk: WalkPart, told: str = ""
) -> Response:
    """What waits for a second person, oldest first."""
    t = words_of(request)
    with portal.database.read() as connection:
        found = corrections.waiting(connection, clerk.authority_id, walk.part())
    items = [
        {
            "id": row["id"],
            "title": t.pick(manifests()[row["instrument"]].title_zh, manifests()[row["instrument"]].title_en),
            "number": t.pick(row["number_zh"] or "", row["number_en"] or row["number_zh"] or ""),
            "recipient": t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"]),
            "kind": t("correct.title" if row["supersedes"] else "correct.backdated"),
            "asked": minute(row["proposed_at"], t),
            "own": row["proposed_by"] == clerk.id,
        }
        for row in found.rows
    ]
    known = told if told in ("correct.approved", "correct.declined") else ""
    pages = walk.links("/desk/corrections", found)
    return page(request, "corrections.html", session, items=items, told=known, pages=pages)


def _said(record: Mapping[str, Any] | None, t: Words) -> list[tuple[str, str]]:
    """A record in words, field by field."""
    if record is None:
        return []
    said = [(t("record.result"), f"{t('method.' + record['method'])} · {_outcome(record, t)}")]
    day = written(date.fromisoformat(record["date"]), t) if "date" in record else t("record.date_unknown")
    said.append((t("record.date"), day))
    for name, value in record.items():
        if name in ("method", "outcome", "date", "correction_reason", "approved_by"):
            continue
        said.append((t(f"record.{name}"), _value(name, value, t)))
    return said


def _value(name: str, value: Any, t: Words) -> str:
    if name in ("capacity", "mail_kind", "date_source"):
        return t(f"{name}.{value}")
    if value is True:
        return t("correct.yes")
    return t.pick("、", ", ").join(value) if isinstance(value, list) else str(value)


def _outcome(record: Mapping[str, Any], t: Words) -> str:
    return outcome_name(record["method"], record["outcome"], t)


@router.get("/corrections/{correction_id}")
def one(
    request: Request, portal: PortalPart, session: AnySession, _clerk: SeesCorrections, correction_id: CorrectionId
) -> Response:
    """What stands and what is proposed, side by side, with the reason and the scan."""
    return _page(request, portal, session, correction_id)


def _page(
    request: Request, portal: Portal, session: Session, correction_id: str, faults: Sequence[Fault] = ()
) -> Response:
    t = words_of(request)
    with portal.database.read() as connection:
        found = corrections.find(connection, correction_id, session.subject.authority_id)
        if found is None:
            raise HTTPException(404)
        row = deliveries.desk_item(connection, found["delivery_id"], found["authority_id"])
        standing = deliveries.paper_receipts(connection, found["delivery_id"])
        name = access.person_name(connection, found["proposed_by"])
        now = legal_time(connection)
    if row is None:  # no delivery is ever deleted
        raise HTTPException(404)
    former = next((each for each in standing if each["id"] == found["supersedes"]), None)
    return page(
        request,
        "correction.html",
        session,
        status=422 if faults else 200,
        item=item_of(row, t, now),
        id=correction_id,
        before=_said(former["record"] if former else None, t),
        after=_said(found["record"], t),
        reason=found["reason"],
        proposer=name,
        asked=minute(found["proposed_at"], t),
        scan=former["id"] if former and former["scan_digest"] else "",
        has_scan=found["scan_digest"] is not None,
        own=found["proposed_by"] == session.subject.id,
        waiting=found["state"] == "waiting",
        told=FormFaults.of(faults, {"note": t("correct.why_not")}, t),
        note_faults=desk_form.faults_of("note", faults, t),
    )


@router.get("/corrections/{correction_id}/scan")
def scan(portal: PortalPart, clerk: SeesCorrections, correction_id: CorrectionId) -> Response:
    """The scan that the proposed record rests on."""
    with portal.database.read() as connection:
        found = corrections.find(connection, correction_id, clerk.authority_id)
    if found is None or found["scan_digest"] is None:
        raise HTTPException(404)
    return files.kept_scan(portal, found["scan_digest"], correction_id)


@router.post("/corrections/{correction_id}/{verb}")
def decide(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayCorrect,
    form: Form,
    correction_id: CorrectionId,
    verb: Annotated[str, Path(pattern="^(approve|decline)$")],
) -> Response:
    """Approve or decline, as another person than the one who proposed it."""
    note, approve = form.fields.get("note", "").strip()[:_LONGEST], verb == "approve"
    try:
        due = acts.decide(portal.database, clerk.authority_id, correction_id, clerk.id, approve=approve, note=note)
    except LookupError:
        raise HTTPException(404) from None
    except NotWaiting:
        raise HTTPException(409) from None
    except Refused as refused:
        return _page(request, portal, session, correction_id, refused.faults)
    portal.hint(due)
    return see(f"/desk/corrections?told=correct.{'approved' if approve else 'declined'}")


def _former(portal: Portal, delivery_id: str, receipt_id: str) -> sa.RowMapping:
    with portal.database.read() as connection:
        standing = deliveries.paper_receipts(connection, delivery_id)
    found = next((row for row in standing if row["id"] == receipt_id), None)
    if found is None:
        raise HTTPException(404)
    return found


@router.get("/{delivery_id}/correct/{receipt_id}")
def correct_page(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayServe,
    delivery_id: DeliveryId,
    receipt_id: ReceiptId,
) -> Response:
    """The form of the record, filled in as it stands, and the reason."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    former = _former(portal, delivery_id, receipt_id)
    demand_method(clerk, former["method"])
    with portal.database.read() as connection:
        alone = acts.can_mend(former, acts.recorded_on(connection, row, former), day_of(now))
    fields = desk_form.fields_of(former["record"])
    return record_form(request, session, clerk, row, now, fields, purpose="mend" if alone else "correct", of=receipt_id)


@router.post("/{delivery_id}/correct/{receipt_id}")
def correct(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayServe,
    form: Form,
    delivery_id: DeliveryId,
    receipt_id: ReceiptId,
) -> Response:
    """Mend the slip, or let the correction wait for a second person."""
    find_delivery(portal.database, clerk, delivery_id)
    demand_method(clerk, _former(portal, delivery_id, receipt_id)["method"])
    return _propose(request, portal, session, clerk, form, delivery_id, "correct", receipt_id)


@router.get("/{delivery_id}/backdate")
def backdate_page(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, delivery_id: DeliveryId
) -> Response:
    """The form of a record dated far back."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    return record_form(request, session, clerk, row, now, {}, purpose="backdate")


@router.post("/{delivery_id}/backdate")
def backdate(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form, delivery_id: DeliveryId
) -> Response:
    """Let the record wait for a second person; or, `carried` from a form that was refused, ask for the reason first."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    if form.fields.get("carried"):
        return record_form(request, session, clerk, row, now, form.fields, purpose="backdate")
    return _propose(request, portal, session, clerk, form, delivery_id, "backdate", None)


def _propose(
    request: Request,
    portal: Portal,
    session: Session,
    clerk: Person,
    form: Form,
    delivery_id: str,
    purpose: str,
    receipt_id: str | None,
) -> Response:
    record = desk_form.record_of(form.fields)
    demand_method(clerk, record.get("method", ""))
    reason = form.fields.get("correction_reason", "").strip()[:_LONGEST]
    names = portal.database, portal.store, clerk.authority_id, delivery_id
    attempt_id = form.fields.get("attempt") or None
    try:
        scan = form.files.get("scan")
        made = acts.propose(*names, record, scan, reason, clerk.id, supersedes=receipt_id, attempt_id=attempt_id)
    except LookupError:  # no such attempt, or the record was superseded meanwhile
        raise HTTPException(404) from None
    except Refused as refused:
        with portal.database.read() as connection:
            row = deliveries.desk_item(connection, delivery_id, clerk.authority_id)
            now = legal_time(connection)
        if row is None:
            raise HTTPException(404) from None
        fields, faults = form.fields, refused.faults
        if purpose == "correct" and not any(fault.pointer == "/correction_reason" for fault in faults) and not reason:
            purpose = "mend"
        return record_form(request, session, clerk, row, now, fields, faults, purpose=purpose, of=receipt_id or "")
    portal.hint(made.hint)
    return see(f"/desk/{delivery_id}?told={'mended' if made.mended else 'correction_proposed'}")
