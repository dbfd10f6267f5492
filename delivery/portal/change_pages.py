"""The desk's list of what counterparties changed: to decide, to look at, and what was changed lately; and recovery."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import accounts, change_decisions, recovery
from delivery.portal.change_lines import change_line
from delivery.portal.doors import MayRegister
from delivery.portal.office_choices import office_choices
from delivery.portal.pager import Walk, WalkPart
from delivery.portal.web import AnySession, Form, PortalPart, page, portal_of, see, words_of
from records import changes, second_factors
from records.access import Account, Person, Session
from records.errors import Refused

router = APIRouter(prefix="/desk/changes")

ChangeId = Annotated[str, Path(pattern="^chg_[0-9a-z]{1,40}$")]
_TOLD: Final = ("change.desk_approved", "change.desk_refused", "change.desk_seen", "change.desk_recovered")
_LONGEST: Final = 500


@router.get("")
def listing(request: Request, session: AnySession, clerk: MayRegister, walk: WalkPart, told: str = "") -> Response:
    """What is to decide, and the newest changes."""
    return _page(request, session, clerk, walk, told=f"change.{told}" if f"change.{told}" in _TOLD else "")


def _page(
    request: Request,
    session: Session,
    clerk: Person,
    walk: Walk | None = None,
    *,
    told: str = "",
    problems: Sequence[str] = (),
    status: int = 200,
) -> Response:
    t, walk = words_of(request), walk or Walk()
    with portal_of(request).database.read() as connection:
        count = changes.count_for_desk(connection, clerk.authority_id)
        waiting = changes.for_desk(connection, clerk.authority_id, walk.part("waiting"))
        lately = changes.lately(connection, clerk.authority_id, walk.part("lately"))
    return page(
        request,
        "changes.html",
        session,
        status=status,
        told=told,
        problems=problems,
        offices=office_choices(t),
        recoverable=recovery.WHAT,
        count=count,
        waiting=[change_line(row, t) for row in waiting.rows],
        lately=[change_line(row, t) for row in lately.rows],
        pages={
            "waiting": walk.links("/desk/changes", waiting, "waiting"),
            "lately": walk.links("/desk/changes", lately, "lately"),
        },
    )


@router.post("/{change_id}/{act}")
def decide(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayRegister,
    form: Form,
    change_id: ChangeId,
    act: Annotated[str, Path(pattern="^(approve|refuse|seen)$")],
) -> Response:
    """Approve, refuse with a reason, or mark a flagged one as seen to."""
    t, reason = words_of(request), form.fields.get("reason", "").strip()[:_LONGEST]
    if act == "refuse" and not reason:
        return _page(request, session, clerk, problems=[t("change.reason_missing")], status=422)
    of = (portal.database, clerk, change_id)
    acts: Mapping[str, Callable[[], tuple[str, ...]]] = {
        "approve": lambda: change_decisions.approve(*of),
        "refuse": lambda: change_decisions.refuse(*of, reason),
        "seen": lambda: change_decisions.see_to(*of, form.fields.get("office", "")),
    }
    try:
        due = acts[act]()
    except LookupError:
        raise HTTPException(404) from None
    except changes.NotOpen:
        raise HTTPException(409) from None
    except Refused as refused:
        if act == "seen":
            raise HTTPException(400) from None  # an office that our form does not offer
        told = [t.pick(fault.message_zh, fault.message_en) for fault in refused.faults]
        return _page(request, session, clerk, problems=told, status=409)
    portal.hint(due)
    with portal.database.read() as connection:
        row = changes.get(connection, change_id)
    if act == "approve" and row["kind"] == "account_asked":
        return see(f"/desk/accounts/{row['counterparty_id']}?told=approved")
    return see(f"/desk/changes?told=desk_{'seen' if act == 'seen' else 'approved' if act == 'approve' else 'refused'}")


@router.post("/recover")
def recover(request: Request, portal: PortalPart, session: AnySession, clerk: MayRegister, form: Form) -> Response:
    """Take second factors off an account whose device is lost, after calling back a number known before."""
    login, reason = form.fields.get("login", "").strip(), form.fields.get("reason", "").strip()[:_LONGEST]
    if not reason:
        return _page(request, session, clerk, problems=[words_of(request)("change.reason_missing")], status=422)
    what = form.fields.get("what", "all")
    due: list[str] = []
    taken: list[str] = []
    with portal.database.write() as connection:
        subject = second_factors.subject_of(connection, clerk.authority_id, login)
        if isinstance(subject, Account):
            taken = recovery.forget(connection, subject, what, clerk.id, reason)
            due = [accounts.tell_of_access(connection, subject, each, clerk.id) for each in taken]
    portal.hint(due)
    if not taken:
        return _page(request, session, clerk, problems=[words_of(request)("change.no_factor")], status=422)
    return see("/desk/changes?told=desk_recovered")
