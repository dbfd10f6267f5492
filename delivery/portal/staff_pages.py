"""The people of the authority, kept by an administrator, who gives the own password again for each change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Annotated, Final

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery import staff
from delivery.portal.desk_form import faults_of
from delivery.portal.doors import KeepsPeople
from delivery.portal.proving import WINDOW_SECONDS, has_second, prove_again, status_of
from delivery.portal.views import moment
from delivery.portal.web import AnySession, Form, PortalPart, Posted, language_of, page, portal_of, see, words_of
from delivery.portal.wording import Words
from delivery.rights import holders, rights, role_names
from records import access, roles
from records.access import Person, Session, Stopped
from records.errors import Fault, Refused

router = APIRouter(prefix="/desk/people")

PersonId = Annotated[str, Path(pattern="^per_[0-9a-z]{1,40}$")]
_TOLD: Final = ("roles_done", "stopped_done", "factor_done", "no_factor")
_ROLE: Final = "role_"
_LONGEST_REASON: Final = 500


@router.get("")
def listing(request: Request, session: AnySession, person: KeepsPeople) -> Response:
    """Everybody, what each role may do, and the form of somebody new."""
    return _list(request, session, person)


def _list(
    request: Request,
    session: Session,
    person: Person,
    *,
    typed: Mapping[str, str] | None = None,
    faults: Sequence[Fault] = (),
    problem: str = "",
    first: tuple[str, str] | None = None,
    status: int = 200,
) -> Response:
    t, fields = words_of(request), typed or {}
    with portal_of(request).database.read() as connection:
        rows = roles.people(connection, person.authority_id)
        past = roles.history(connection, [row["id"] for row in rows])
    return page(
        request,
        "staff.html",
        session,
        status=status,
        people=[{"row": row, "roles": _named(roles.held(past[row["id"]]), t)} for row in rows],
        choices=_choices(_chosen(fields), t),
        typed=fields,
        faults={name: faults_of(name, faults, t) for name in ("login", "name", "roles")},
        problem=problem,
        minutes=WINDOW_SECONDS // 60,
        first=first,
        rights=[
            {"name": t.pick(*each.name), "roles": _named(holders(name), t), "why": t.pick(*each.why)}
            for name, each in rights().items()
        ],
    )


def _named(held: Collection[str], t: Words) -> list[str]:
    return [t.pick(*role_names()[role]) for role in held]


def _choices(chosen: Collection[str], t: Words) -> list[tuple[str, str, bool]]:
    return [(f"{_ROLE}{role}", t.pick(*names), role in chosen) for role, names in role_names().items()]


def _chosen(fields: Mapping[str, str]) -> list[str]:
    return [name.removeprefix(_ROLE) for name in fields if name.startswith(_ROLE)]


@router.post("")
def add(request: Request, portal: PortalPart, session: AnySession, person: KeepsPeople, form: Form) -> Response:
    """Add somebody; the first password is shown once."""
    typed = {name: value.strip()[:200] for name, value in form.fields.items() if name not in ("csrf", "password")}
    if problem := prove_again(request, portal, person, form.fields.get("password", ""), "own.wrong"):
        return _list(request, session, person, typed=typed, problem=problem, status=status_of(problem))
    login = typed.get("login", "")
    try:
        password = staff.add(portal.database, person, login, typed.get("name", ""), _chosen(typed))
    except Refused as refused:
        return _list(request, session, person, typed=typed, faults=refused.faults, status=422)
    return _list(request, session, person, first=(login, password))


@router.get("/{person_id}")
def one(request: Request, session: AnySession, person: KeepsPeople, person_id: PersonId, told: str = "") -> Response:
    """One person: the roles with their history, and what may be changed."""
    return _one(request, session, person, person_id, told=told if told in _TOLD else "")


def _one(
    request: Request,
    session: Session,
    person: Person,
    person_id: str,
    *,
    faults: Sequence[Fault] = (),
    told: str = "",
    problem: str = "",
    first: str = "",
    status: int = 200,
) -> Response:
    t = words_of(request)
    with portal_of(request).database.read() as connection:
        row = roles.find_person(connection, person_id, person.authority_id)
        if row is None:
            raise HTTPException(404)
        past = roles.history(connection, [person_id])[person_id]
        subject = access.person_of(connection, row)
        factor = any(has_second(connection, subject))
        history = [_past(connection, each, t) for each in past]
    return page(
        request,
        "staff_person.html",
        session,
        status=status,
        row=row,
        own=person_id == person.id,
        roles=_named(roles.held(past), t),
        choices=_choices(roles.held(past), t),
        history=history,
        factor=factor,
        since=moment(row["created_at"], t),
        told=told,
        problem=problem,
        problems=[t.pick(fault.message_zh, fault.message_en) for fault in faults],
        minutes=WINDOW_SECONDS // 60,
        first=first,
        longest=_LONGEST_REASON,
    )


def _past(connection: sa.Connection, row: sa.RowMapping, t: Words) -> str:
    role = t.pick(*role_names()[row["role"]])
    given = t("staff.given", role=role, time=moment(row["given_at"], t), by=_name(connection, row["given_by"], t))
    if row["ended_at"] is None:
        return given
    return given + t("staff.taken", time=moment(row["ended_at"], t), by=_name(connection, row["ended_by"], t))


def _name(connection: sa.Connection, by: str, t: Words) -> str:
    if by in ("system", "upgrade"):
        return t(f"staff.by_{by}")
    return access.person_name(connection, by)


@router.get("/{person_id}/{act}")
def back(
    request: Request,
    person_id: PersonId,
    act: Annotated[str, Path(pattern="^(roles|stop|password|factor)$")],  # noqa: ARG001 - part of the address
) -> Response:
    """The answer to a form stood under its own address: asked for anew, or in the other language, it is the page."""
    return see(f"/desk/people/{person_id}{language_of(request)}")


def _change(
    request: Request,
    session: Session,
    person: Person,
    person_id: str,
    form: Posted,
    change: Callable[[str], Response],
) -> Response:
    """Do `change`, which gets the reason, once the password was right; or show the page with what is wrong."""
    portal = portal_of(request)
    if problem := prove_again(request, portal, person, form.fields.get("password", ""), "own.wrong"):
        return _one(request, session, person, person_id, problem=problem, status=status_of(problem))
    try:
        return change(form.fields.get("reason", "").strip()[:_LONGEST_REASON])
    except Refused as refused:
        return _one(request, session, person, person_id, faults=refused.faults, status=422)
    except LookupError:
        raise HTTPException(404) from None
    except Stopped:
        raise HTTPException(409) from None


@router.post("/{person_id}/roles")
def change_roles(
    request: Request, portal: PortalPart, session: AnySession, person: KeepsPeople, form: Form, person_id: PersonId
) -> Response:
    """Give and take roles; it counts at once."""

    def change(reason: str) -> Response:
        staff.change_roles(portal.database, person, person_id, _chosen(form.fields), reason)
        return see(f"/desk/people/{person_id}?told=roles_done")

    return _change(request, session, person, person_id, form, change)


@router.post("/{person_id}/stop")
def stop(
    request: Request, portal: PortalPart, session: AnySession, person: KeepsPeople, form: Form, person_id: PersonId
) -> Response:
    """Let the person log in no more."""

    def change(reason: str) -> Response:
        staff.stop(portal.database, person, person_id, reason)
        return see(f"/desk/people/{person_id}?told=stopped_done")

    return _change(request, session, person, person_id, form, change)


@router.post("/{person_id}/password")
def password(
    request: Request, portal: PortalPart, session: AnySession, person: KeepsPeople, form: Form, person_id: PersonId
) -> Response:
    """Make a first password, which is shown once."""

    def change(_reason: str) -> Response:
        made = staff.new_password(portal.database, person, person_id)
        return _one(request, session, person, person_id, first=made)

    return _change(request, session, person, person_id, form, change)


@router.post("/{person_id}/factor")
def remove_factor(
    request: Request, portal: PortalPart, session: AnySession, person: KeepsPeople, form: Form, person_id: PersonId
) -> Response:
    """Take the second factor off a person whose phone is lost, after it was checked who asks."""

    def change(reason: str) -> Response:
        removed = staff.remove_factor(portal.database, person, person_id, reason)
        return see(f"/desk/people/{person_id}?told={'factor_done' if removed else 'no_factor'}")

    return _change(request, session, person, person_id, form, change)
