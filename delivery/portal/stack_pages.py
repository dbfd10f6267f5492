"""Stacks of scans at the desk: taken in, read on, their papers attached; and the records whose scan is missing."""

from __future__ import annotations

from typing import Annotated, Any, Final

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
SHOWN: Final = 50


@router.get("")
def listing(request: Request, portal: PortalPart, session: AnySession, clerk: MayServe) -> Response:
    """The form to bring a stack, the stacks, and the records without their scan."""
    return _listing(request, portal, session, clerk)


def _listing(
    request: Request, portal: Portal, session: Session, clerk: Person, problems: tuple[str, ...] = ()
) -> Response:
    t = words_of(request)
    with portal.database.read() as connection:
        rows = stacks.newest(connection, clerk.authority_id, SHOWN)
        missing = attempts.without_scan(connection, clerk.authority_id, SHOWN)
    return page(
        request,
        "stacks.html",
        session,
        status=422 if problems else 200,
        problems=problems,
        stacks=[
            {
                "id": row["id"],
                "added": minute(row["added_at"], t),
                "pages": row["pages"],
                "unread": row["pages"] - row["read_pages"],
                "open": row["open_parts"],
            }
            for row in rows
        ],
        missing=[_missing(row, t) for row in missing if is_incomplete(row)],
        shown=SHOWN,
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
    t = words_of(request)
    names = portal.database, portal.store, clerk.authority_id
    try:
        stack_id = acts.take_in(*names, form.files.get("file", b""), clerk.id)
    except Refused as refused:
        said = tuple(t.pick(fault.message_zh, fault.message_en) for fault in refused.faults)
        return _listing(request, portal, session, clerk, said)
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
    problem: tuple[int, str] = (-1, ""),
) -> Response:
    t = words_of(request)
    with portal.database.read() as connection:
        stack = stacks.find(connection, stack_id, clerk.authority_id)
        if stack is None:
            raise HTTPException(404)
        rows = stacks.parts(connection, stack_id)
    before, parts = "", list[dict[str, Any]]()
    for row in rows:
        parts.append(
            {
                "first": row["first_page"],
                "pages": _pages(row, t),
                "code": spaced(row["code"]) if row["code"] else "",
                "before": before,
                "state": row["state"],
                "name": t("stack.unknown" if row["code"] and row["state"] == "open" else f"stack.{row['state']}"),
                "problem": problem[1] if problem[0] == row["first_page"] else "",
            }
        )
        before = spaced(row["code"]) if row["code"] else before
    return page(
        request,
        "stack.html",
        session,
        status=422 if problem[1] else 200,
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
    t = words_of(request)
    names = portal.database, portal.store, clerk.authority_id, stack_id, first_page
    try:
        portal.hint(acts.assign(*names, form.fields.get("code", ""), clerk.id))
    except LookupError:
        raise HTTPException(404) from None
    except Refused as refused:
        said = " ".join(t.pick(fault.message_zh, fault.message_en) for fault in refused.faults)
        return _page(request, portal, session, clerk, stack_id, (first_page, said))
    return see(f"/desk/stacks/{stack_id}")


@router.post("/{stack_id}/{first_page}/aside")
def set_aside(portal: PortalPart, clerk: MayServe, _form: Form, stack_id: StackId, first_page: FirstPage) -> Response:
    """Say that a part belongs to no attempt."""
    try:
        acts.set_aside(portal.database, clerk.authority_id, stack_id, first_page, clerk.id)
    except LookupError:
        raise HTTPException(404) from None
    return see(f"/desk/stacks/{stack_id}")
