"""One delivery at the clerk's desk: its state, what is printed for it, and the record of service on paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from types import MappingProxyType
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import attempts as acts
from delivery import desk
from delivery.beijing import day_of
from delivery.paper import MAIL_KINDS
from delivery.paper_records import is_incomplete
from delivery.paper_seals import record_paper_seal
from delivery.portal import desk_form, files, service_page
from delivery.portal.attempt_lines import attempt_lines, known_servers
from delivery.portal.deadline_lines import limit_lines
from delivery.portal.doors import MayRead, MayServe, demand_method, methods_for
from delivery.portal.link_lines import lines_at_desk
from delivery.portal.notice_lines import notice_lines
from delivery.portal.views import item_of, moment, written
from delivery.portal.web import AnySession, DeliveryId, Form, Portal, PortalPart, page, see, words_of
from delivery.portal.wording import Words
from delivery.rights import may
from delivery.scanner import read_day
from records import attempts, corrections, deliveries, paper, paper_seals, seals
from records.access import Person, Session
from records.database import Database, legal_time
from records.errors import Fault, Refused
from templates.manifests import manifests

router = APIRouter(prefix="/desk")

ReceiptId = Annotated[str, Path(pattern="^ppr_[0-9a-z]{1,40}$")]
_TOLD: Final = (
    "record_done",
    "record_done_not_final",
    "marked_sent",
    "seal_recorded",
    "attempt_begun",
    "mail_recorded",
    "file_added",
    "correction_proposed",
    "mended",
)
#: The fields of a record that every method has, beside its date and outcome.
_FIELDS: Final = (
    *("receiver", "capacity", "place", "servers", "illegible", "conflicting", "date_note", "date_source", "note"),
    "correction_reason",
)


def find_delivery(database: Database, clerk: Person, delivery_id: str) -> tuple[sa.RowMapping, datetime]:
    """The delivery of this clerk's authority, and the legal time. Raises 404."""
    with database.read() as connection:
        row = deliveries.desk_item(connection, delivery_id, clerk.authority_id)
        if row is None:
            raise HTTPException(404)
        return row, legal_time(connection)


@router.get("/{delivery_id}")
def one(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayRead, delivery_id: DeliveryId, told: str = ""
) -> Response:
    """One delivery: its state with reasons, its files, and what may be done."""
    return delivery_page(request, portal, session, clerk, delivery_id, told=told if told in _TOLD else "")


def delivery_page(
    request: Request,
    portal: Portal,
    session: Session,
    clerk: Person,
    delivery_id: str,
    *,
    told: str = "",
    refused: Sequence[Fault] = (),
    typed: Mapping[str, str] = MappingProxyType({}),
    attempt_faults: Sequence[Fault] = (),
    attempt_typed: Mapping[str, str] = MappingProxyType({}),
) -> Response:
    """The page of one delivery, with the faults of the form that was refused, if one was."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    t = words_of(request)
    with portal.database.read() as connection:
        receipts = deliveries.paper_receipts(connection, delivery_id)
        stamped = paper_seals.of_delivery(connection, delivery_id)
        waits = row["document_status"] == "rendered" and seals.is_waiting(connection, row["document_id"])
        address = files.address_of(connection, row)
        links = lines_at_desk(connection, [row], t, clerk.authority_id)
        begun = attempt_lines(connection, delivery_id, t)
        correction = corrections.waiting_for(connection, delivery_id)
        notices = notice_lines(connection, delivery_id, t, at_desk=True)
    values = service_page.values(row, receipts, t, now)
    open_ = not any(receipt["served_on"] and receipt["final"] for receipt in receipts)
    return page(
        request,
        "delivery.html",
        session,
        at_desk=True,
        notices=notices,
        links=links,
        limits=limit_lines(row, t, now, for_party=False),
        copies=_copies(row["instrument"]),
        address=t.pick(address["zh"], address["en"]),
        released=row["final_digest"] is not None,
        can_record=open_ and row["final_digest"] is not None and may(clerk.roles, "serve"),
        told=told,
        status=422 if refused or attempt_faults else 200,
        attempts=begun,
        correction=correction["id"] if correction else "",
        methods=[(each, t(f"method.{each}")) for each in methods_for(clerk, row["instrument"])],
        mail_kinds=[(each, t(f"mail_kind.{each}")) for each in MAIL_KINDS],
        file_kinds=[(each, t(f"attempt.kind_{each}")) for each in acts.KINDS],
        attempt_problems=[t.pick(fault.message_zh, fault.message_en) for fault in attempt_faults],
        attempt_typed={"servers": known_servers(row["facts"]), **attempt_typed},
        stamped=[_stamped(each, t) for each in stamped],
        sealed=row["sealed"],
        waits=waits,
        problems=[t.pick(fault.message_zh, fault.message_en) for fault in refused],
        typed=typed,
        today=day_of(now).isoformat(),
        **values,
    )


def _stamped(row: sa.RowMapping, t: Words) -> dict[str, str]:
    """One record of a seal on paper, in words."""
    day = written(date.fromisoformat(row["sealed_on"]), t)
    text = t(f"onpaper.{row['how']}_told", count=row["copies"], name=row["sealed_by"], day=day)
    return {"text": text, "note": row["note"], "recorded": moment(row["recorded_at"], t)}


def _copies(instrument: str) -> int:
    printing = manifests()[instrument].print
    return printing.copies if printing else 1


@router.get("/{delivery_id}/document.pdf")
def document_pdf(portal: PortalPart, clerk: MayRead, delivery_id: DeliveryId, download: bool = False) -> Response:
    """The stored bytes, to print."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    return files.document(portal, row, download=download)


@router.get("/{delivery_id}/copies.pdf")
def copies_pdf(portal: PortalPart, clerk: MayServe, delivery_id: DeliveryId) -> Response:
    """Every copy of an instrument made in several originals, marked, to print."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    return files.copies(portal, row)


@router.get("/{delivery_id}/proof-of-service.pdf")
def proof_pdf(portal: PortalPart, clerk: MayServe, delivery_id: DeliveryId) -> Response:
    """The proof of service to be filled by hand."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    if row["final_digest"] is None:
        raise HTTPException(409)
    return files.proof(portal, row)


@router.get("/{delivery_id}/scans/{receipt_id}")
def scan(portal: PortalPart, clerk: MayRead, delivery_id: DeliveryId, receipt_id: ReceiptId) -> Response:
    """The scan that came with a record."""
    find_delivery(portal.database, clerk, delivery_id)
    with portal.database.read() as connection:
        receipt = paper.receipt(connection, receipt_id, delivery_id)
    if receipt is None or receipt["scan_digest"] is None:
        raise HTTPException(404)
    return files.kept_scan(portal, receipt["scan_digest"], receipt_id)


@router.post("/{delivery_id}/sent")
def mark_sent(portal: PortalPart, clerk: MayServe, _form: Form, delivery_id: DeliveryId) -> Response:
    """Record that the paper copy has left the house."""
    find_delivery(portal.database, clerk, delivery_id)
    try:
        desk.mark_paper_sent(portal.database, clerk.authority_id, delivery_id, clerk.id)
    except Refused:
        raise HTTPException(409) from None
    return see(f"/desk/{delivery_id}?told=marked_sent")


@router.post("/{delivery_id}/seal")
def seal_on_paper(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form, delivery_id: DeliveryId
) -> Response:
    """Record what carries the seal on the printed copies, or show the page again with every fault."""
    find_delivery(portal.database, clerk, delivery_id)
    typed = {name: form.fields.get(name, "") for name in ("how", "copies", "sealed_by", "sealed_on", "note")}
    entered = typed | {"sealed_on": read_day(typed["sealed_on"])}
    try:
        record_paper_seal(portal.database, clerk.authority_id, delivery_id, entered, clerk.id)
    except Refused as refused:
        return delivery_page(request, portal, session, clerk, delivery_id, refused=refused.faults, typed=typed)
    return see(f"/desk/{delivery_id}?told=seal_recorded")


@router.get("/{delivery_id}/record")
def record_page(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayServe,
    delivery_id: DeliveryId,
    attempt: str = "",
) -> Response:
    """The form of a paper receipt; what an earlier record without scan, or the attempt, said stands in it already."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    with portal.database.read() as connection:
        receipts = deliveries.paper_receipts(connection, delivery_id)
        begun = attempts.find(connection, attempt, delivery_id, clerk.authority_id)
    unfinished = next((each for each in receipts if is_incomplete(each) and attempt in ("", each["attempt_id"])), None)
    fields = desk_form.fields_of(unfinished["record"]) if unfinished else {}
    if unfinished is not None:
        fields["attempt"] = unfinished["attempt_id"] or ""
    elif begun is not None:
        names = ("mail_kind", "mail_number")
        fields = {name: begun[name] for name in names} | {"servers": "\n".join(begun["servers"]), "attempt": attempt}
    return record_form(request, session, clerk, row, now, fields)


def record_form(
    request: Request,
    session: AnySession,
    person: Person,
    row: sa.RowMapping,
    now: datetime,
    fields: Mapping[str, str],
    faults: Sequence[Fault] = (),
    *,
    purpose: str = "record",
    of: str = "",
) -> Response:
    """The form of a record, to be sent to `purpose`: `record`, `correct` or `mend` (of the record `of`), `backdate`."""
    t, methods = words_of(request), methods_for(person, row["instrument"])
    far_back = purpose == "record" and desk_form.is_far_back(faults)
    faults = desk_form.at_its_date(faults) if far_back else faults
    part = {"correct": f"correct/{of}", "mend": f"correct/{of}"}.get(purpose, purpose)
    values: dict[str, Any] = {
        "item": item_of(row, t, now),
        "results": desk_form.results(methods, t),
        "chosen": fields.get("result", ""),
        "day": fields.get("date", ""),
        "sections": desk_form.sections(methods, fields, faults, t),
        "faults_of": {name: desk_form.faults_of(name, faults, t) for name in ("result", "date", "scan")},
        "action": f"/desk/{row['id']}/{part}",
        "title": t({"record": "record.title", "backdate": "correct.backdated"}.get(purpose, "correct.title")),
        "intro": "" if purpose == "record" else t(f"correct.intro_{purpose}"),
        "needs_reason": purpose in ("correct", "backdate"),
        "corrects": purpose in ("correct", "mend"),
        "submit": t({"record": "record.submit", "backdate": "correct.submit_backdate"}.get(purpose, "correct.submit")),
        "attempt": fields.get("attempt", ""),
        "again": fields.get("carried") == "record",
        "far_back": far_back,
    }
    values |= {name: desk_form.field(name, fields, faults, t) for name in _FIELDS}
    if purpose == "backdate":
        values["correction_reason"] = replace(values["correction_reason"], label=t("correct.reason_backdate"))
    shown_if = {"correction_reason": values["needs_reason"], "date_source": values["corrects"]}
    asked = [name for name in _FIELDS if shown_if.get(name, True)]
    asked += [each.name for _, _, _, shown in values["sections"] for each in shown]
    values["told"] = desk_form.told(faults, asked, t)
    return page(request, "record.html", session, status=422 if faults else 200, **values)


@router.post("/{delivery_id}/record")
def record(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form, delivery_id: DeliveryId
) -> Response:
    """Record what was typed, or show the form again with every fault."""
    row, now = find_delivery(portal.database, clerk, delivery_id)
    entered = desk_form.record_of(form.fields)
    demand_method(clerk, entered.get("method", ""))
    try:
        done = desk.record_paper_receipt(
            portal.database,
            portal.store,
            clerk.authority_id,
            delivery_id,
            entered,
            form.files.get("scan"),
            clerk.id,
            attempt_id=form.fields.get("attempt") or None,
        )
    except LookupError:  # no such attempt
        raise HTTPException(404) from None
    except Refused as refused:
        return record_form(request, session, clerk, row, now, form.fields, refused.faults)
    portal.hint(done.hint)
    return see(f"/desk/{delivery_id}?told={'record_done' if done.final else 'record_done_not_final'}")
