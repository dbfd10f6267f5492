"""Attempts on paper, on the page of their delivery: begun, printed as one package, mailed, their files attached."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import attempts as acts
from delivery.barcodes import stamp
from delivery.package import bind, envelope_label
from delivery.portal import files
from delivery.portal.desk_pages import delivery_page, find_delivery
from delivery.portal.doors import MayRead, MayServe, demand_method
from delivery.portal.views import file_names
from delivery.portal.web import AnySession, DeliveryId, Form, Portal, PortalPart, see
from records import attempts, directory, documents
from records.errors import Refused

router = APIRouter(prefix="/desk/{delivery_id}/attempts")

AttemptId = Annotated[str, Path(pattern="^pat_[0-9a-z]{1,40}$")]
FileId = Annotated[str, Path(pattern="^pfl_[0-9a-z]{1,40}$")]


def _attempt(portal: Portal, attempt_id: str, row: sa.RowMapping) -> sa.RowMapping:
    with portal.database.read() as connection:
        found = attempts.find(connection, attempt_id, row["id"], row["authority_id"])
    if found is None:
        raise HTTPException(404)
    return found


@router.post("")
def begin(
    request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form, delivery_id: DeliveryId
) -> Response:
    """Begin an attempt, or show the delivery again with every fault."""
    find_delivery(portal.database, clerk, delivery_id)
    names = ("method", "servers", "mail_kind", "mail_number")
    typed = {name: form.fields.get(name, "").strip() for name in names}
    demand_method(clerk, typed["method"])
    try:
        acts.open_attempt(
            portal.database,
            clerk.authority_id,
            delivery_id,
            typed["method"],
            typed["servers"].splitlines(),
            clerk.id,
            mail_kind=typed["mail_kind"],
            mail_number=typed["mail_number"],
        )
    except Refused as refused:
        return delivery_page(
            request, portal, session, clerk, delivery_id, attempt_faults=refused.faults, attempt_typed=typed
        )
    return see(f"/desk/{delivery_id}?told=attempt_begun")


@router.get("/{attempt_id}/package.pdf")
def package_pdf(portal: PortalPart, clerk: MayServe, delivery_id: DeliveryId, attempt_id: AttemptId) -> Response:
    """Instrument, proof of service with the barcode, and envelope label, as one file to print."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    attempt = _attempt(portal, attempt_id, row)
    if row["final_digest"] is None:
        raise HTTPException(409)
    with portal.database.read() as connection:
        authority = directory.pinned_facts(connection, documents.get(connection, row["document_id"]))
        address = files.address_of(connection, row)
        contacts = directory.contacts(connection, row["authority_id"], row["counterparty_id"])
    known: dict[str, Any] = {"method": attempt["method"]}
    if attempt["servers"]:
        officers = {officer["name"]["zh"]: officer for officer in row["facts"].get("officers") or []}
        known["servers"] = [
            officers.get(name) or files.TO_BE_WRITTEN | {"name": {"zh": name, "en": name}}
            for name in attempt["servers"]
        ]
    address_zh, address_en = authority["address"]["zh"], authority["address"]["en"]
    label = envelope_label(
        (row["recipient_zh"], row["recipient_en"]),
        (address["zh"], address["en"]),
        _attention(contacts),
        [
            (authority["name"]["zh"], authority["name"]["en"]),
            (f"{address_zh} {authority['postcode']}", f"{address_en} {authority['postcode']}"),
        ],
        attempt["code"],
    )
    proof = stamp(files.print_proof(portal, row, known), attempt["code"])
    pdf = bind(files.to_print(portal, row), proof, label)
    return files.pdf_response(pdf, file_names(row, "送达材料", "to serve"), download=False)


def _attention(contacts: Sequence[sa.RowMapping]) -> str:
    """The first contact that has a telephone number: name and number, for the carrier."""
    found = next((each for each in contacts if each["mobile"] and not each["pending"]), None)
    return f"{found['name']} {found['mobile']}" if found is not None else ""


@router.post("/{attempt_id}/mail")
def mail(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayServe,
    form: Form,
    delivery_id: DeliveryId,
    attempt_id: AttemptId,
) -> Response:
    """Record kind and number of the item of mail."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    _attempt(portal, attempt_id, row)
    kind, number = form.fields.get("mail_kind", ""), form.fields.get("mail_number", "")
    try:
        acts.set_mail(portal.database, clerk.authority_id, delivery_id, attempt_id, kind, number, clerk.id)
    except Refused as refused:
        return delivery_page(request, portal, session, clerk, delivery_id, attempt_faults=refused.faults)
    return see(f"/desk/{delivery_id}?told=mail_recorded")


@router.post("/{attempt_id}/files")
def add_file(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayServe,
    form: Form,
    delivery_id: DeliveryId,
    attempt_id: AttemptId,
) -> Response:
    """Attach a scanned file to the attempt."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    _attempt(portal, attempt_id, row)
    kind, content = form.fields.get("kind", ""), form.files.get("file", b"")
    names = portal.database, portal.store, clerk.authority_id, delivery_id, attempt_id
    try:
        acts.add_file(*names, kind, content, clerk.id)
    except Refused as refused:
        return delivery_page(request, portal, session, clerk, delivery_id, attempt_faults=refused.faults)
    return see(f"/desk/{delivery_id}?told=file_added")


@router.get("/{attempt_id}/files/{file_id}")
def one_file(
    portal: PortalPart, clerk: MayRead, delivery_id: DeliveryId, attempt_id: AttemptId, file_id: FileId
) -> Response:
    """A scanned file of the attempt."""
    row, _ = find_delivery(portal.database, clerk, delivery_id)
    _attempt(portal, attempt_id, row)
    with portal.database.read() as connection:
        kept = attempts.files(connection, delivery_id)
    found = next((each for each in kept if each["id"] == file_id and each["attempt_id"] == attempt_id), None)
    if found is None:
        raise HTTPException(404)
    return files.kept_scan(portal, found["digest"], file_id)
