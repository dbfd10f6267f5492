"""Stacks of scans at the desk: taken in, read on, their papers attached; and the records whose scan is missing."""

from __future__ import annotations

from typing import Annotated, Any

import sqlalchemy as sa
import structlog
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import stacks as acts
from delivery.barcodes import spaced
from delivery.paper_records import is_incomplete
from delivery.portal import files
from delivery.portal.doors import MayServe
from delivery.portal.form_faults import FormFaults
from delivery.portal.pager import Walk, WalkPart
from delivery.portal.views import minute, outcome_name
from delivery.portal.web import AnySession, Form, Portal, PortalPart, page, see, words_of
from delivery.portal.wording import Words
from records import attempts, stacks
from records.access import Person, Session
from records.errors import Refused, Retry

router = APIRouter(prefix="/desk/stacks")
_log = structlog.get_logger(__name__)

StackId = Annotated[str, Path(pattern="^stk_[0-9a-z]{1,40}$")]
FirstPage = Annotated[int, Path(ge=0, le=1000)]


@router.get("")
def listing(request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, walk: WalkPart) -> Response:
    """The form to bring a stack, the stacks, and the records without their scan."""
    return _listing(request, portal, session, clerk, walk)


def _listing(
    request: Request, portal: Portal, session: Session, clerk: Person, walk: Walk, refused: Refused | None = None
) -> Response:
    t = words_of(request)
    with portal.database.read() as connection:
        brought = stacks.newest(connection, clerk.authority_id, walk.part("stacks"))
        missing = attempts.without_scan(connection, clerk.authority_id, walk.part("missing"))
    return page(
        request,
        "stacks.html",
        session,
        status=422 if refused else 200,
        told=FormFaults.of(refused.faults if refused else (), {"file": t("stack.file")}, t),
        stacks=[
            {
                "id": row["id"],
                "added": minute(row["added_at"], t),
                "pages": row["pages"],
                "unread": row["pages"] - row["read_pages"],
                "open": row["open_parts"],
            }
            for row in brought.rows
        ],
        missing=[_missing(row, t) for row in missing.rows if is_incomplete(row)],
        pages={
            "stacks": walk.links("/desk/stacks", brought, "stacks"),
            "missing": walk.links("/desk/stacks", missing, "missing"),
        },
    )


def _missing(row: sa.RowMapping, t: Words) -> dict[str, str]:
    return {
        "delivery": row["delivery_id"],
        "recipient": t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"]),
        "what": f"{t('method.' + row['method'])} · {outcome_name(row['method'], row['outcome'], t)}",
        "code": spaced(row["code"]) if row["code"] else "",
        "scan": t("stack.has_scan") if row["has_proof"] or row["scan_digest"] else t("record.no_scan"),
    }


@router.post("")
def take_in(request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, form: Form) -> Response:
    """Keep the stack, then read as much of it as one visit allows."""
    names = portal.database, portal.store, clerk.authority_id
    try:
        stack_id = acts.take_in(*names, form.files.get("file", b""), clerk.id)
    except Refused as refused:
        return _listing(request, portal, session, clerk, Walk(), refused)
    return _read_on(portal, clerk, stack_id)


@router.post("/{stack_id}/read")
def read_on(portal: PortalPart, clerk: MayServe, _form: Form, stack_id: StackId) -> Response:
    """Read on where reading ended."""
    return _read_on(portal, clerk, stack_id)


def _read_on(portal: Portal, clerk: Person, stack_id: str) -> Response:
    try:
        portal.hint(acts.read_on(portal.database, portal.store, clerk.authority_id, stack_id, clerk.id))
    except LookupError:
        raise HTTPException(404) from None
    except Retry:
        _log.warning("reading a stack ended", stack=stack_id)  # the page says how far it came, and offers to go on
    return see(f"/desk/stacks/{stack_id}")


@router.get("/{stack_id}")
def one(request: Request, portal: PortalPart, session: AnySession, clerk: MayServe, stack_id: StackId) -> Response:
    """The parts of one stack: attached, waiting for somebody, set aside."""
    return _page(request, portal, session, clerk, stack_id)


def _page(
    request: Request,
    portal: Portal,
    session: Session,
    clerk: Person,
    stack_id: str,
    first_page: int = -1,
    typed: str = "",
    refused: Refused | None = None,
) -> Response:
    """The stack; with the code that was typed for the part that begins with `first_page`, and what is wrong with it."""
    t = words_of(request)
    with portal.database.read() as connection:
        stack = stacks.find(connection, stack_id, clerk.authority_id)
        if stack is None:
            raise HTTPException(404)
        rows = stacks.parts(connection, stack_id)
    asked = any(row["first_page"] == first_page and row["state"] == "open" for row in rows)
    field = f"code_{first_page}"
    labels = {field: t("stack.code")} if asked else {}
    told = FormFaults.of(refused.faults if refused else (), labels, t, ids={"code": field})
    before, parts = "", list[dict[str, Any]]()
    for row in rows:
        here = refused is not None and row["first_page"] == first_page
        parts.append(
            {
                "first": row["first_page"],
                "pages": _pages(row, t),
                "code": spaced(row["code"]) if row["code"] else "",
                "before": before,
                "state": row["state"],
                "name": t("stack.unknown" if row["code"] and row["state"] == "open" else f"stack.{row['state']}"),
                "typed": typed if here else spaced(row["code"]) if row["code"] else "",
                "faults": [each.text for each in told.told] if here else [],
            }
        )
        before = spaced(row["code"]) if row["code"] else before
    return page(
        request,
        "stack.html",
        session,
        status=422 if told else 200,
        told=told,
        id=stack_id,
        parts=parts,
        read=stack["read_pages"],
        total=stack["pages"],
        added=minute(stack["added_at"], t),
    )


def _pages(row: sa.RowMapping, t: Words) -> str:
    first, last = row["first_page"] + 1, row["last_page"] + 1
    return t("stack.page", first=first) if first == last else t("stack.pages", first=first, last=last)


@router.get("/{stack_id}/{first_page}/pages.pdf")
def pages_pdf(portal: PortalPart, clerk: MayServe, stack_id: StackId, first_page: FirstPage) -> Response:
    """The pages of one part."""
    with portal.database.read() as connection:
        stack = stacks.find(connection, stack_id, clerk.authority_id)
        part = stacks.part(connection, stack_id, first_page) if stack else None
    if stack is None or part is None:
        raise HTTPException(404)
    name = f"{stack_id}-{first_page + 1}.pdf"
    return files.pdf_response(acts.pages_of(portal.store, stack, part), (name, name), download=False)


@router.post("/{stack_id}/{first_page}/assign")
def assign(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayServe,
    form: Form,
    stack_id: StackId,
    first_page: FirstPage,
) -> Response:
    """Attach a part by hand to the attempt whose code was typed or scanned."""
    names = portal.database, portal.store, clerk.authority_id, stack_id, first_page
    typed = form.fields.get("code", "")
    try:
        portal.hint(acts.assign(*names, typed, clerk.id))
    except LookupError:
        raise HTTPException(404) from None
    except Refused as refused:
        return _page(request, portal, session, clerk, stack_id, first_page, typed[:40], refused)
    return see(f"/desk/stacks/{stack_id}")


@router.post("/{stack_id}/{first_page}/aside")
def set_aside(portal: PortalPart, clerk: MayServe, _form: Form, stack_id: StackId, first_page: FirstPage) -> Response:
    """Say that a part belongs to no attempt."""
    try:
        acts.set_aside(portal.database, clerk.authority_id, stack_id, first_page, clerk.id)
    except LookupError:
        raise HTTPException(404) from None
    return see(f"/desk/stacks/{stack_id}")
