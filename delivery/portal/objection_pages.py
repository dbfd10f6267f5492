"""A party objects to a service date: the form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.objections import Raised, raise_objection
from delivery.portal.acting import acting_of, known_people
from delivery.portal.form_faults import FormFaults
from delivery.portal.views import item_of
from delivery.portal.web import (
    AnySession,
    DeliveryId,
    Form,
    Portal,
    PortalPart,
    TheAccount,
    inbox_row,
    page,
    see,
    words_of,
)
from delivery.scanner import read_day
from records.access import Account, Session
from records.database import legal_time
from records.errors import Fault, Refused
from records.ids import new_id

router = APIRouter(prefix="/inbox/{delivery_id}/objection")

_ID = re.compile("obj_[0-9a-z]{25}")
_LABELS = {
    "claimed": "objecting.claimed",
    "grounds": "objecting.grounds",
    "file1": "objecting.see_proof",
    "person": "people.acting",
}


@router.get("")
def form_page(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, delivery_id: DeliveryId
) -> Response:
    """The form."""
    row = inbox_row(portal.database, account, delivery_id)
    if row["service_status"] != "final":
        return see(f"/inbox/{delivery_id}/service")
    return _form_page(request, portal, session, account, row, {})


def _form_page(
    request: Request,
    portal: Portal,
    session: Session,
    account: Account,
    row: sa.RowMapping,
    typed: Mapping[str, str],
    faults: Sequence[Fault] = (),
) -> Response:
    t = words_of(request)
    with portal.database.read() as connection:
        now = legal_time(connection)
    return page(
        request,
        "objection.html",
        session,
        status=422 if faults else 200,
        item=item_of(row, t, now),
        once=new_id("obj"),
        typed=typed,
        known=known_people(portal, account),
        faults=FormFaults.of(faults, {name: t(label) for name, label in _LABELS.items()}, t),
    )


@router.post("")
def object_to(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, form: Form, delivery_id: DeliveryId
) -> Response:
    """Record the objection, or show the form again with every fault."""
    row, fields = inbox_row(portal.database, account, delivery_id), form.fields
    if not _ID.fullmatch(fields.get("once", "")):
        raise HTTPException(400)
    acting = acting_of(portal, account, form)
    raised = Raised(
        id=fields["once"],
        claimed=read_day(fields.get("claimed", "")),
        grounds=fields.get("grounds", "").replace("\r\n", "\n").strip(),
        file=("file1", form.names["file1"], form.files["file1"]) if "file1" in form.files else None,
    )
    try:
        raise_objection(portal.database, portal.store, delivery_id, account, session.token_hash, acting, raised)
    except Refused as refused:
        return _form_page(request, portal, session, account, row, fields, refused.faults)
    return see(f"/inbox/{delivery_id}?told=objection")
