"""One's own passkeys, of accounts and persons alike: adding and removing. The list stands with the other access."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import Response

from delivery import passkeys
from delivery.one_time_codes import issuer
from delivery.portal.acting import acting_of
from delivery.portal.own_access import access_page, base_of, here, tell
from delivery.portal.passkey_proof import TO_ADD
from delivery.portal.proving import prove_again, status_of
from delivery.portal.web import AnySession, Form, Portal, PortalPart, Posted, page, see
from records import passkeys as kept
from records.access import Account, Person, Session
from records.people import Acting

router = APIRouter()

_LONGEST_NAME = 60


def _asker(session: Session) -> str:
    return kept.asker_of(TO_ADD, session.token_hash)


@router.post("/settings/access/passkeys")
@router.post("/desk/settings/passkeys")
def begin(request: Request, portal: PortalPart, session: AnySession, form: Form) -> Response:
    """Take name and password of a passkey that is to be added; the next page has the device make it."""
    here(request, session)
    name = " ".join(form.fields.get("name", "").split())[:_LONGEST_NAME]
    typed = {"passkey_name": name}
    if isinstance(session.subject, Person) and session.subject.first_password:  # whoever knows it could stay in
        return access_page(request, session, problem="own.first_password", status=422, **typed)
    with portal.database.read() as connection:
        many = len(kept.of_subject(connection, session.subject)) >= kept.MOST
    if portal.relying_party is None or many or not name:
        nameless = portal.relying_party is not None and not many
        problem, field = ("own.passkey_nameless", "passkey-name") if nameless else ("own.passkey_not_here", "")
        return access_page(request, session, problem=problem, field=field, status=422, **typed)
    if problem := prove_again(request, portal, session.subject, form.fields.get("password", ""), "own.wrong"):
        status, field = status_of(problem), "passkey-password"
        return access_page(request, session, problem=problem, field=field, status=status, **typed)
    acting = _whose(portal, session, form)
    if acting is None:
        return access_page(request, session, problem="people.missing", field="person", status=422, **typed)
    about = {"name": name, "person": acting.name, "office": acting.office}
    with portal.database.write() as connection:
        kept.ask(connection, _asker(session), passkeys.new_challenge(), passkeys.SECONDS, about)
    return see(f"{base_of(session)}/passkeys/new")


def _whose(portal: Portal, session: Session, form: Posted) -> Acting | None:
    """Whose device it is: of an account somebody by the real name, of a person that person."""
    subject = session.subject
    return acting_of(portal, subject, form) if isinstance(subject, Account) else Acting(subject.name, "")


@router.get("/settings/access/passkeys/new")
@router.get("/desk/settings/passkeys/new")
def new(request: Request, portal: PortalPart, session: AnySession) -> Response:
    """The page on which the device makes the passkey; without a challenge that waits, the list."""
    here(request, session)
    party = portal.relying_party
    with portal.database.read() as connection:
        asked = kept.asked(connection, _asker(session))
        known = [row["credential_id"] for row in kept.of_subject(connection, session.subject)]
    if party is None or asked is None:
        return see(base_of(session))
    about, subject = asked["about"], session.subject
    values: dict[str, Any] = {
        "base": base_of(session),
        "about": about,
        "origin": party.origin,
        "minutes": passkeys.SECONDS // 60,
        "options": passkeys.creation_options(
            party, issuer(portal.test), subject.id, subject.login, about["person"], known, asked["challenge"]
        ),
    }
    return page(request, "passkey_new.html", session, **values)


@router.post("/settings/access/passkeys/new")
@router.post("/desk/settings/passkeys/new")
def add(request: Request, portal: PortalPart, session: AnySession, form: Form) -> Response:
    """Keep the passkey that the device has made."""
    here(request, session)
    party = portal.relying_party
    with portal.database.write() as connection:
        asked = kept.take(connection, _asker(session))
    if party is None or asked is None:
        return access_page(request, session, problem="own.passkey_late", status=422)
    try:
        made = passkeys.registered(party, form.fields.get("passkey", ""), asked["challenge"])
    except passkeys.NotAccepted:
        return access_page(request, session, problem="own.passkey_refused", status=422)
    with portal.database.write() as connection:
        added = kept.add(connection, session.subject, **vars(made), **asked["about"])
        due = tell(connection, session, "passkey_added") if added else ()
    if not added:
        return access_page(request, session, problem="own.passkey_refused", status=422)
    portal.hint(due)
    return see(f"{base_of(session)}?told=passkey_added")


@router.post("/settings/access/passkeys/remove")
@router.post("/desk/settings/passkeys/remove")
def remove(request: Request, portal: PortalPart, session: AnySession, form: Form) -> Response:
    """Remove a passkey, with the password; the sessions that it opened end, but this one."""
    here(request, session)
    if problem := prove_again(request, portal, session.subject, form.fields.get("password", ""), "own.wrong"):
        return access_page(request, session, problem=problem, field="remove-password", status=status_of(problem))
    subject, chosen = session.subject, form.fields.get("passkey", "")
    with portal.database.write() as connection:
        removed = kept.remove(connection, subject, chosen, subject.id, keep_session=session.token_hash)
        due = tell(connection, session, "passkey_removed") if removed else ()
    if not removed:
        return access_page(request, session, problem="own.passkey_none", status=422)
    portal.hint(due)
    return see(f"{base_of(session)}?told=passkey_removed")
