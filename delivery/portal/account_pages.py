"""Accounts of a counterparty at the desk: which are in use, where their codes went, another code after a call-back.

No page shows a code or a password.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import activation
from delivery.portal.account_lines import account_line
from delivery.portal.doors import MayRegister
from delivery.portal.form_faults import FormFaults
from delivery.portal.register_form import Entry, texts_of, typed
from delivery.portal.web import AnySession, Form, PortalPart, page, portal_of, see, words_of
from delivery.portal.wording import Words
from records import activations, directory, second_factors
from records.access import Account, Person, Session
from records.errors import Fault, Refused

router = APIRouter(prefix="/desk/accounts")

CounterpartyId = Annotated[str, Path(pattern="^[A-Za-z0-9._-]{1,100}$")]
_TOLD: Final = ("account.told_approved", "account.told_issued")
_UNKNOWN: Final = Fault("/login", "unknown", "There is no such account in use.", "没有该账号，或者该账号已停用。")


@router.get("")
def find_page(request: Request, session: AnySession, clerk: MayRegister) -> Response:  # noqa: ARG001 - the door
    """The form that asks for an account."""
    return _find_page(request, session)


def _find_page(request: Request, session: Session, login: str = "", faults: Sequence[Fault] = ()) -> Response:
    t = words_of(request)
    field = Entry("login", t("login.login"), login, hint=t("account.login_hint"), faults=texts_of("/login", faults, t))
    told = FormFaults.of(faults, {"login": field.label}, t)
    return page(request, "account_find.html", session, status=422 if faults else 200, field=field, faults=told)


@router.post("")
def find(request: Request, portal: PortalPart, session: AnySession, clerk: MayRegister, form: Form) -> Response:
    """Go on to the counterparty of an account."""
    login = typed(form.fields, "login")
    with portal.database.read() as connection:
        found = second_factors.subject_of(connection, clerk.authority_id, login)
    if not isinstance(found, Account):
        return _find_page(request, session, login, [_UNKNOWN])
    return see(f"/desk/accounts/{found.counterparty_id}")


@router.get("/{counterparty_id}")
def listing(
    request: Request, session: AnySession, clerk: MayRegister, counterparty_id: CounterpartyId, told: str = ""
) -> Response:
    """The accounts of a counterparty, and the form of another code."""
    known = f"account.told_{told}"
    return _page(request, session, clerk, counterparty_id, told=known if known in _TOLD else "")


def _page(
    request: Request,
    session: Session,
    clerk: Person,
    counterparty_id: str,
    *,
    told: str = "",
    values: Mapping[str, str] | None = None,
    faults: Sequence[Fault] = (),
) -> Response:
    t, of = words_of(request), (clerk.authority_id, counterparty_id)
    with portal_of(request).database.read() as connection:
        entity = directory.find_counterparty(connection, *of)
        rows = activations.of_counterparty(connection, *of)
    if entity is None:
        raise HTTPException(404)
    accounts = [account_line(row, t) for row in rows]
    open_ = [(each["id"], f"{each['login']} · {each['department']}") for each in accounts if each["open"]]
    fields = _fields(open_, values or {}, faults, t)
    return page(
        request,
        "accounts.html",
        session,
        status=422 if faults else 200,
        counterparty_id=counterparty_id,
        entity=t.pick(entity["name_zh"], entity["name_en"]),
        told=told,
        accounts=accounts,
        open=open_,
        fields=fields,
        faults=FormFaults.of(faults, {each.name: each.label for each in fields}, t),
    )


def _fields(
    open_: Sequence[tuple[str, str]], values: Mapping[str, str], faults: Sequence[Fault], t: Words
) -> list[Entry]:
    chosen = values.get("account", open_[0][0] if len(open_) == 1 else "")
    of = texts_of("/account", faults, t)
    made = [Entry("account", t("login.login"), chosen, "choice", faults=of, choices=[("", open_)])]
    for name in activation.CALL_BACK:
        hint = t("review.call_back_number_hint") if name == "number" else ""
        told = texts_of(f"/{name}", faults, t)
        made.append(Entry(name, t(f"review.call_back_{name}"), values.get(name, ""), hint=hint, faults=told))
    return made


@router.post("/{counterparty_id}")
def issue(
    request: Request,
    portal: PortalPart,
    session: AnySession,
    clerk: MayRegister,
    form: Form,
    counterparty_id: CounterpartyId,
) -> Response:
    """Have another activation code sent, after a call-back that is told."""
    account_id = form.fields.get("account", "")
    call_back = {name: typed(form.fields, name) for name in activation.CALL_BACK}
    try:
        due = activation.issue_again(portal.database, clerk, counterparty_id, account_id, call_back)
    except Refused as refused:
        values = call_back | {"account": account_id}
        return _page(request, session, clerk, counterparty_id, values=values, faults=refused.faults)
    except LookupError:
        raise HTTPException(404) from None
    portal.hint(due)
    return see(f"/desk/accounts/{counterparty_id}?told=issued")
