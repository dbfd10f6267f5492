"""The counterparty's settings: its own data, accounts, contacts, consent; what was changed, and taking it back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import accounts as own_accounts
from delivery import entries
from delivery.portal.change_lines import change_line
from delivery.portal.form_faults import NO_FAULTS, FormFaults
from delivery.portal.notice_lines import bad_lines
from delivery.portal.office_choices import office_name
from delivery.portal.proving import WINDOW_SECONDS, prove_again, status_of
from delivery.portal.register_form import Entry, texts_of
from delivery.portal.views import timed, written
from delivery.portal.web import AnySession, Form, OwnAccount, Portal, PortalPart, page, portal_of, see, words_of
from delivery.portal.wording import Words
from delivery.reminders import OCCASIONS
from records import changes, directory, notice_reports
from records.access import Account, Session
from records.errors import Fault, Refused
from records.paging import Part

router = APIRouter(prefix="/settings")

ContactId = Annotated[str, Path(pattern="^con_[0-9a-z]{1,40}$")]
ChangeId = Annotated[str, Path(pattern="^chg_[0-9a-z]{1,40}$")]
AccountId = Annotated[str, Path(pattern="^acc_[0-9a-z]{1,40}$")]
_BAD_SHOWN: Final = 200
_TOLD: Final = ("change.told_done", "change.told_delayed", "change.told_to_approve", "change.told_taken_back")


@router.get("")
def overview(request: Request, session: AnySession, account: OwnAccount, told: str = "") -> Response:
    """Everything that the counterparty has registered here."""
    return _page(request, session, account, told=f"change.{told}" if f"change.{told}" in _TOLD else "")


def _page(
    request: Request,
    session: Session,
    account: Account,
    *,
    told: str = "",
    typed: Mapping[str, str] = MappingProxyType({}),
    faults: Sequence[Fault] = (),
    status: int = 200,
) -> Response:
    t, of, portal = words_of(request), (account.authority_id, account.counterparty_id), portal_of(request)
    with portal.database.read() as connection:
        entity = directory.find_counterparty(connection, *of)
        accounts = changes.accounts(connection, *of)
        contacts = directory.contacts(connection, *of)
        letters = directory.letters(connection, *of)
        found = changes.of_counterparty(connection, *of)
        bad = bad_lines(notice_reports.bad_addresses(connection, *of, Part(_BAD_SHOWN)).rows, t)
    if entity is None:
        raise HTTPException(404)
    under_way = {row["subject_id"] for row in found if row["state"] in changes.OPEN}
    return page(
        request,
        "settings.html",
        session,
        status=status,
        told=told,
        hours=entries.delay_hours(),
        faults=FormFaults.of(faults, _labels(t), t),
        typed=typed,
        entity=entity,
        office=office_name(entity["office"], t),
        fields=entries.ENTITY,
        asking=_asking(typed, faults, t),
        accounts=[{"row": row, "free": row["id"] not in under_way} for row in accounts],
        contacts=[{"row": row, "free": row["id"] not in under_way and not row["pending"]} for row in contacts],
        letters=[_letter(row, t, portal) for row in letters],
        consents=any(row["withdrawn_at"] is None for row in letters),
        changes=[change_line(row, t) for row in found],
        bad=bad,
    )


def _labels(t: Words) -> dict[str, str]:
    account = {"department": t("entry.department"), "login": t("login.login")}
    return account | {name: t(f"entry.{name}") for name in entries.ENTITY}


def _asking(typed: Mapping[str, str], faults: Sequence[Fault], t: Words) -> list[Entry]:
    """The fields of another account."""
    told = faults if "login" in typed else ()
    labels, hints = _labels(t), {"department": "", "login": t("entry.login_hint")}
    return [
        Entry(name, labels[name], typed.get(name, ""), hint=hint, faults=texts_of(f"/{name}", told, t))
        for name, hint in hints.items()
    ]


def _letter(row: sa.RowMapping, t: Words, portal: Portal) -> dict[str, str]:
    """A confirmation letter; the system that it names in English too, if it is this one."""
    system = row["system_name"]
    return {
        "signed_on": written(date.fromisoformat(row["signed_on"]), t),
        "system": t.pick(system, portal.system_name_en if system == portal.system_name_zh else system),
        "withdrawn": timed(row["withdrawn_at"], t),
    }


def _unproved(t: Words, problem: str) -> FormFaults:
    """What `prove_again` said, by the field of the password."""
    return FormFaults.said(t, {"password": problem}, {"password": "own.password_old"}, minutes=WINDOW_SECONDS // 60)


def _do(portal: Portal, act: Callable[[sa.Connection], str]) -> None:
    """Do it in one transaction, and tell the queue of the step that is due. Raises 404 for what is not there."""
    try:
        with portal.database.write() as connection:
            step_id = act(connection)
    except LookupError:
        raise HTTPException(404) from None
    portal.hint((step_id,))


@router.post("/entity")
def change_entity(
    request: Request, portal: PortalPart, session: AnySession, account: OwnAccount, form: Form
) -> Response:
    """Update the entity's own data."""
    typed = {name: form.fields.get(name, "") for name in entries.ENTITY}
    try:
        _do(portal, lambda connection: entries.change_entity(connection, account, typed))
    except Refused as refused:
        return _page(request, session, account, faults=refused.faults, typed=typed, status=422)
    return see("/settings?told=told_done")


@router.post("/accounts")
def ask_account(request: Request, portal: PortalPart, session: AnySession, account: OwnAccount, form: Form) -> Response:
    """Ask for another account."""
    login, department = form.fields.get("login", ""), form.fields.get("department", "")
    try:
        _do(portal, lambda connection: own_accounts.ask_account(connection, account, login, department))
    except Refused as refused:
        typed = {"login": login, "department": department}
        return _page(request, session, account, faults=refused.faults, typed=typed, status=422)
    return see("/settings?told=told_to_approve")


@router.get("/accounts/{account_id}/stop")
def stop_page(
    request: Request, portal: PortalPart, session: AnySession, account: OwnAccount, account_id: AccountId
) -> Response:
    """What stopping means; the second click asks for the password."""
    return _stop_page(request, portal, session, account, account_id)


def _stop_page(
    request: Request, portal: Portal, session: Session, account: Account, account_id: str, **values: Any
) -> Response:
    with portal.database.read() as connection:
        rows = changes.accounts(connection, account.authority_id, account.counterparty_id)
    found = next((row for row in rows if row["id"] == account_id), None)
    if found is None:
        raise HTTPException(404)
    shown = {"faults": NO_FAULTS} | values
    return page(
        request,
        "account_stop.html",
        session,
        row=found,
        last=own_accounts.is_last(rows, account_id),
        **shown,
    )


@router.post("/accounts/{account_id}/stop")
def stop_account(
    request: Request, portal: PortalPart, session: AnySession, account: OwnAccount, form: Form, account_id: AccountId
) -> Response:
    """Stop an account of the own entity; the last one waits for a clerk."""
    if problem := prove_again(request, portal, account, form.fields.get("password", ""), "own.wrong"):
        faults = _unproved(words_of(request), problem)
        return _stop_page(request, portal, session, account, account_id, faults=faults, status=status_of(problem))
    done: list[bool] = []

    def act(connection: sa.Connection) -> str:
        step_id, at_once = own_accounts.stop_account(connection, account, account_id)
        done.append(at_once)
        return step_id

    try:
        _do(portal, act)
    except Refused as refused:
        faults = FormFaults.of(refused.faults, {}, words_of(request))
        return _stop_page(request, portal, session, account, account_id, faults=faults, status=409)
    if account_id == account.id and done[0]:
        return see("/login")
    return see(f"/settings?told={'told_done' if done[0] else 'told_to_approve'}")


# --- contacts --------------------------------------------------------------------------------------------------------


@router.get("/contacts/new")
def new_contact(request: Request, session: AnySession, account: OwnAccount) -> Response:  # noqa: ARG001 - the door
    """The form of a further contact."""
    return _contact_page(request, session, None)


@router.get("/contacts/{contact_id}")
def contact(
    request: Request, portal: PortalPart, session: AnySession, account: OwnAccount, contact_id: ContactId
) -> Response:
    """One contact: its entry, what it is told, its end."""
    return _contact_page(request, session, _contact(portal, account, contact_id))


def _contact(portal: Portal, account: Account, contact_id: str) -> sa.RowMapping:
    try:
        with portal.database.read() as connection:
            return entries.own_contact(connection, account, contact_id)
    except LookupError:
        raise HTTPException(404) from None


def _contact_page(
    request: Request,
    session: Session,
    row: sa.RowMapping | None,
    typed: Mapping[str, str] | None = None,
    faults: Sequence[Fault] = (),
    status: int = 200,
) -> Response:
    t = words_of(request)
    silent = (row["silent"] or []) if row is not None else []
    return page(
        request,
        "contact.html",
        session,
        status=status,
        row=row,
        hours=entries.delay_hours(),
        values={name: (typed or row or {}).get(name) or "" for name in entries.CONTACT},
        wishes=[
            (occasion, [_wish(f"{occasion}/{each}", silent) for each in (entries.reached_by(row) if row else ())])
            for occasion in OCCASIONS
        ],
        faults=FormFaults.of(faults, {name: t(f"entry.{name}") for name in entries.CONTACT}, t),
    )


def _wish(name: str, silent: Sequence[str]) -> tuple[str, bool, bool]:
    """Channel, whether it is wanted, and whether that can be chosen."""
    return name.partition("/")[2], name not in silent, name in entries.WISHES


def _typed(form: Form) -> dict[str, str]:
    return {name: form.fields.get(name, "") for name in entries.CONTACT}


@router.post("/contacts/new")
def add_contact(request: Request, portal: PortalPart, session: AnySession, account: OwnAccount, form: Form) -> Response:
    """Add a contact."""
    try:
        _do(portal, lambda connection: entries.add_contact(connection, account, _typed(form)))
    except Refused as refused:
        return _contact_page(request, session, None, _typed(form), refused.faults, 422)
    return see("/settings?told=told_delayed")


@router.post("/contacts/{contact_id}/{act}")
def change_contact(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    account: OwnAccount,
    form: Form,
    contact_id: ContactId,
    act: Annotated[str, Path(pattern="^(change|end|notices)$")],
) -> Response:
    """Change or end a contact, or choose what it is told; each takes effect after the delay."""
    row = _contact(portal, account, contact_id)
    kept = [each for each in entries.WISHES if form.fields.get(each)]
    channels = entries.reached_by(row)
    silent = [each for each in entries.WISHES if each not in kept and each.partition("/")[2] in channels]
    acts: Mapping[str, Callable[[sa.Connection], str]] = {
        "change": lambda connection: entries.change_contact(connection, account, contact_id, _typed(form)),
        "end": lambda connection: entries.end_contact(connection, account, contact_id),
        "notices": lambda connection: entries.choose_notices(connection, account, contact_id, silent),
    }
    try:
        _do(portal, acts[act])
    except Refused as refused:
        typed = _typed(form) if act == "change" else None
        return _contact_page(request, session, row, typed, refused.faults, 422)
    return see("/settings?told=told_delayed")


@router.post("/changes/{change_id}/take-back")
def take_back(portal: PortalPart, account: OwnAccount, _form: Form, change_id: ChangeId) -> Response:
    """Take back what has not taken effect."""
    try:
        with portal.database.write() as connection:
            entries.take_back(connection, account, change_id)
    except LookupError:
        raise HTTPException(404) from None
    except changes.NotOpen:
        raise HTTPException(409) from None
    return see("/settings?told=told_taken_back")


# --- consent ---------------------------------------------------------------------------------------------------------


@router.get("/withdraw")
def withdraw_page(request: Request, session: AnySession, account: OwnAccount) -> Response:  # noqa: ARG001 - the door
    """What withdrawing means, in both languages."""
    return _withdraw_page(request, session)


def _withdraw_page(request: Request, session: Session, faults: FormFaults = NO_FAULTS, status: int = 200) -> Response:
    zh, en = entries.WITHDRAWAL
    return page(request, "withdraw.html", session, status=status, zh=zh, en=en, faults=faults)


@router.post("/withdraw")
def withdraw(request: Request, portal: PortalPart, session: AnySession, account: OwnAccount, form: Form) -> Response:
    """The second click: consent to electronic service is withdrawn from now on."""
    if problem := prove_again(request, portal, account, form.fields.get("password", ""), "own.wrong"):
        return _withdraw_page(request, session, _unproved(words_of(request), problem), status_of(problem))
    try:
        _do(portal, lambda connection: entries.withdraw_consent(connection, account))
    except Refused:
        faults = FormFaults.said(words_of(request), {"": "change.no_letter"}, {})
        return _withdraw_page(request, session, faults, 409)
    return see("/settings?told=told_done")
