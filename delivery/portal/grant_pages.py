"""Standing approvals at the desk: an approver sees those of the own seals, gives one, revokes one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from delivery.beijing import day_of
from delivery.portal.doors import MayApprove
from delivery.portal.proving import WINDOW_SECONDS, NotProven, asked_to_seal, prove_to_seal, status_of
from delivery.portal.security import ASKS_FOR_A_CHALLENGE
from delivery.portal.views import moment
from delivery.portal.web import (
    AnySession,
    Form,
    Portal,
    PortalPart,
    language_of,
    page,
    portal_of,
    see,
    words_of,
)
from delivery.portal.wording import Words
from delivery.scanner import read_day
from delivery.seal_grants import MOST, Terms, read_terms, sealed_subjects
from delivery.seal_uses import PROOFS
from records import api_keys, seal_approvals, seals
from records.access import Person, Session
from records.database import legal_time
from records.errors import Fault, Refused
from templates.manifests import manifests

router = APIRouter(prefix="/desk/seal-grants")

_TOLD: Final = {"granted": "granting.done", "revoked": "granting.revoked"}
_DAYS: Final = 90
_INSTRUMENT: Final = "covers_"


@router.get("")
def listing(request: Request, session: AnySession, person: MayApprove, told: str = "") -> Response:
    """The grants of the seals that this person approves for, and the form of a new one."""
    return _page(request, session, person, told=_TOLD.get(told, ""))


def _page(
    request: Request,
    session: Session,
    person: Person,
    *,
    fields: dict[str, str] | None = None,
    problems: Sequence[str] = (),
    told: str = "",
    status: int = 200,
) -> Response:
    t = words_of(request)
    with portal_of(request).database.read() as connection:
        mine = [row for row in seals.of_approver(connection, person.id) if row["state"] == "active"]
        if not mine:
            raise HTTPException(404)
        grants = seal_approvals.grants(connection, [row["id"] for row in mine])
        clients = api_keys.clients(connection, person.authority_id)
        today = day_of(legal_time(connection))
    names = {row["id"]: row["name"] for row in mine}
    systems = {row["id"]: row["name"] for row in clients}
    given = {"last_day": (today + timedelta(days=_DAYS)).isoformat(), "most_uses": "100", "scope": "some"}
    response = page(
        request,
        "seal_grants.html",
        session,
        status=status,
        grants=[
            _shown(row, t) | {"seal": names[row["seal_id"]], "client": systems.get(row["client_id"], "")}
            for row in grants
        ],
        seals=list(names.items()),
        clients=list(systems.items()),
        subjects=[(f"{_INSTRUMENT}{each}", _name(each, t)) for each in sorted(sealed_subjects())],
        fields=given | (fields or {}),
        most=MOST,
        problems=problems,
        told=told,
        second=asked_to_seal(portal_of(request), session),
    )
    response.headers.update(ASKS_FOR_A_CHALLENGE)
    return response


def _name(subject: str, t: Words) -> str:
    if subject == seal_approvals.VOLUME:
        return t("granting.volume")
    return t.pick(manifests()[subject].title_zh, manifests()[subject].title_en)


def _shown(row: sa.RowMapping, t: Words) -> dict[str, Any]:
    return {
        "id": row["id"],
        "in_force": row["in_force"],
        "ended": row["revoked_at"] is not None,
        "covers": [_name(each, t) for each in row["instruments"]],
        "term": t("granting.term", first=moment(row["valid_from"], t), last=moment(row["valid_until"], t)),
        "uses": t("granting.uses", uses=row["uses"], most=row["most_uses"]),
        "by": f"{row['name']} · {t.pick(row['role_zh'], row['role_en'])} · {row['rule']}",
        "revoked": moment(row["revoked_at"], t),
        "reason": row["revoke_reason"] or "",
    }


@router.get("/add")
def back(request: Request) -> Response:
    """A refused form was shown under this address: asked for anew, or in the other language, it is the page."""
    return see(f"/desk/seal-grants{language_of(request)}")


@router.post("/add")
def add(request: Request, portal: PortalPart, session: AnySession, person: MayApprove, form: Form) -> Response:
    """Give a grant, with password and second factor again."""
    t = words_of(request)
    with portal.database.read() as connection:
        if seals.approver_of(connection, form.fields.get("seal", ""), person.id) is None:
            raise HTTPException(404)
        today = day_of(legal_time(connection))
    chosen = [name.removeprefix(_INSTRUMENT) for name in form.fields if name.startswith(_INSTRUMENT)]
    faults = _scope_faults(form.fields.get("scope", ""), chosen)
    terms: Terms | None = None
    try:
        first, last = (read_day(form.fields.get(name, "")) for name in ("first_day", "last_day"))
        uses = form.fields.get("most_uses", "").strip()
        terms = read_terms(chosen, form.fields.get("client", ""), first, last, uses, today=today)
    except Refused as refused:
        faults += refused.faults
    kept = {name: value for name, value in form.fields.items() if name not in ("password", "csrf", "code", "passkey")}
    if faults or terms is None:
        told = [t.pick(fault.message_zh, fault.message_en) for fault in faults]
        return _page(request, session, person, fields=kept, problems=told, status=422)
    try:
        proven = prove_to_seal(request, portal, session, form)
    except NotProven as error:
        told = [t(error.problem, minutes=WINDOW_SECONDS // 60)]
        return _page(request, session, person, fields=kept, problems=told, status=status_of(error.problem))
    portal.hint(_grant(portal, person, form.fields["seal"], terms, proven.factor))
    return see("/desk/seal-grants?told=granted")


def _scope_faults(scope: str, chosen: Sequence[str]) -> list[Fault]:
    """Everything is granted only when somebody says so, never because nothing was ticked."""
    if (scope == "all") == bool(chosen) or scope not in ("all", "some"):
        en = "Choose the instruments, or everything."
        return [Fault("/scope", "scope", en, "请选择文书种类，或者选择全部。")]
    return []


def _grant(portal: Portal, person: Person, seal_id: str, terms: Terms, factor: str) -> tuple[str, ...]:
    with portal.database.write() as connection:
        approver = seals.approver_of(connection, seal_id, person.id)
        if approver is None:
            raise HTTPException(404)
        try:
            _, due = seal_approvals.grant(
                connection,
                approver,
                instruments=terms.instruments,
                client_id=terms.client_id,
                valid_from=terms.valid_from,
                valid_until=terms.valid_until,
                most_uses=terms.most_uses,
                by=person.id,
                authenticated=PROOFS[factor],
            )
        except LookupError:
            raise HTTPException(404) from None
    return due


@router.post("/revoke")
def revoke(portal: PortalPart, person: MayApprove, form: Form) -> Response:
    """End a grant of a seal that this person approves for, whoever gave it."""
    grant_id, reason = form.fields.get("grant", ""), form.fields.get("reason", "").strip()[:500]
    with portal.database.write() as connection:
        row = seal_approvals.find_grant(connection, grant_id, person.authority_id)
        if row is None or seals.approver_of(connection, row["seal_id"], person.id) is None:
            raise HTTPException(404)
        seal_approvals.revoke(connection, grant_id, person.authority_id, person.id, reason)
    return see("/desk/seal-grants?told=revoked")
