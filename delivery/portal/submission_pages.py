"""Handing in material against a document of the inbox, and what was handed in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.portal.acting import acting_of, known_people
from delivery.portal.files import pdf_response
from delivery.portal.form_faults import FormFaults
from delivery.portal.submission_lines import file_of, submission_lines
from delivery.portal.views import item_of, last_day
from delivery.portal.web import (
    AnySession,
    DeliveryId,
    Form,
    Portal,
    PortalPart,
    SubmissionId,
    TheAccount,
    inbox_row,
    page,
    see,
    words_of,
)
from delivery.portal.wording import Words
from delivery.submission_receipts import print_submission_receipt, submission_receipt
from delivery.submissions import DECLARATION, KINDS, MOST_FILES, Handed, limit_of, submit
from records import submissions
from records.access import Account, Session
from records.database import legal_time
from records.errors import Fault, Refused
from records.ids import new_id

router = APIRouter(prefix="/inbox/{delivery_id}")

_ID = re.compile("sub_[0-9a-z]{25}")


def _row(portal: Portal, account: Account, delivery_id: str) -> sa.RowMapping:
    """The delivery of this account's inbox. Raises 404, also before it was opened: nobody answers what is not read."""
    row = inbox_row(portal.database, account, delivery_id)
    if row["accessed_at"] is None:
        raise HTTPException(404)
    return row


def _submission(portal: Portal, account: Account, delivery_id: str, submission_id: str) -> sa.RowMapping:
    _row(portal, account, delivery_id)
    with portal.database.read() as connection:
        found = submissions.find(connection, submission_id, account.authority_id)
    if found is None or found["delivery_id"] != delivery_id:
        raise HTTPException(404)
    return found


@router.get("/submit")
def form_page(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    account: TheAccount,
    delivery_id: DeliveryId,
    replaces: str = "",
) -> Response:
    """The form; with `replaces` it begins from what was handed in before."""
    row, typed = _row(portal, account, delivery_id), {}
    if replaces:
        former = _submission(portal, account, delivery_id, replaces if _ID.fullmatch(replaces) else "")
        typed = {"kind": former["kind"], "words": former["words"], "replaces": replaces}
    return _form_page(request, portal, session, account, row, typed)


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
    limits = ((kind, limit_of(row, kind)) for kind in KINDS)
    return page(
        request,
        "submit.html",
        session,
        status=422 if faults else 200,
        item=item_of(row, t, now),
        kinds=[(kind, t(f"submit.{kind}"), last_day(last, t) if last else "") for kind, last in limits],
        once=new_id("sub"),
        most=MOST_FILES,
        typed=typed,
        known=known_people(portal, account),
        declaration=DECLARATION,
        faults=FormFaults.of(faults, _labels(t), t),
    )


def _labels(t: Words) -> dict[str, str]:
    files = {name: t("submit.file_n", n=number) for number, name in enumerate(_fields(), 1)}
    below = {"person": t("people.acting"), "declared": t("submit.declare")}
    return {"kind": t("submit.kind"), "words": t("submit.words")} | files | below


def _fields() -> list[str]:
    return [f"file{number}" for number in range(1, MOST_FILES + 1)]


@router.post("/submit")
def hand_in(
    request: Request, portal: PortalPart, session: AnySession, account: TheAccount, form: Form, delivery_id: DeliveryId
) -> Response:
    """Take in what was sent, or show the form again with every fault; files have to be chosen again then."""
    row, fields = _row(portal, account, delivery_id), form.fields
    if not _ID.fullmatch(fields.get("once", "")):
        raise HTTPException(400)
    acting = acting_of(portal, account, form)
    handed = Handed(
        id=fields["once"],
        kind=fields.get("kind", ""),
        words=fields.get("words", "").replace("\r\n", "\n").strip(),
        files=[(name, form.names[name], form.files[name]) for name in _fields() if name in form.files],
        declared=fields.get("declared") == "1",
        replaces=fields.get("replaces") or None,
    )
    try:
        submit(portal.database, portal.store, delivery_id, account, session.token_hash, acting, handed)
    except Refused as refused:
        return _form_page(request, portal, session, account, row, fields, refused.faults)
    except LookupError:
        raise HTTPException(404) from None
    return see(f"/inbox/{delivery_id}/submissions/{handed.id}")


@router.get("/submissions/{submission_id}")
def one(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    account: TheAccount,
    delivery_id: DeliveryId,
    submission_id: SubmissionId,
) -> Response:
    """What was handed in."""
    found, t = _submission(portal, account, delivery_id, submission_id), words_of(request)
    with portal.database.read() as connection:
        (line,) = submission_lines(connection, [found], t)
    base = f"/inbox/{delivery_id}"
    return page(request, "submission.html", session, line=line, base=f"{base}/submissions", back=base, at_desk=False)


@router.get("/submissions/{submission_id}/receipt.pdf")
def receipt(portal: PortalPart, account: TheAccount, delivery_id: DeliveryId, submission_id: SubmissionId) -> Response:
    """The receipt."""
    found = _submission(portal, account, delivery_id, submission_id)
    with portal.database.read() as connection:
        facts = submission_receipt(connection, found, test=portal.test)
    names = (f"材料接收回执 {submission_id}.pdf", f"Receipt {submission_id}.pdf")
    return pdf_response(print_submission_receipt(facts), names, download=False)


@router.get("/submissions/{submission_id}/files/{position}")
def file(
    portal: PortalPart, account: TheAccount, delivery_id: DeliveryId, submission_id: SubmissionId, position: int
) -> Response:
    """A file as it was handed in."""
    return file_of(portal, _submission(portal, account, delivery_id, submission_id), position)
