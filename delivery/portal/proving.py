"""Proving to be somebody, with a bound on guessing: at the log-in, and again for what weighs more (a use of a seal)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from fastapi import Request

from delivery import passwords
from delivery.one_time_codes import step_of
from delivery.portal.passkey_proof import TO_SEAL, Answer, holder
from delivery.portal.web import Portal, Posted, network
from records import access, passkeys, second_factors
from records.database import database_time

WINDOW_SECONDS: Final = 15 * 60
PER_LOGIN: Final = 10
"""Failed attempts on one account from one address in the window: a stranger elsewhere keeps nobody waiting."""
PER_LOGIN_ANYWHERE: Final = 100
"""And from all addresses together, against guessing from many."""
PER_ADDRESS: Final = 50
"""Failed attempts from one address in the window: many of a company come from one."""


class NotProven(Exception):
    """Nothing is proved; `problem` is the message that says why."""

    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


class TooManyAttempts(Exception):
    """The bound is reached: whether the password is right is not looked at."""


@dataclass(frozen=True)
class Proven:
    """Who proved to be somebody, and by what (`Session.factor`); `passkey_id` is the passkey, if it was one."""

    subject: access.Account | access.Person
    factor: str
    passkey_id: str | None = None


@dataclass(frozen=True)
class Second:
    """What came beside the password: the code of an app, the answer of a passkey, or neither."""

    code: str = ""
    answer: Answer | None = None


def second_of(form: Posted, asker: str) -> Second:
    """The second factor of a form, whose challenge was made for `asker`."""
    answer = form.fields.get("passkey", "")
    return Second(form.fields.get("code", ""), Answer(asker, answer) if answer else None)


def prove(request: Request, portal: Portal, login: str, password: str, second: Second) -> Proven | None:
    """Who proves to be `login`; None for whatever is wrong, which is counted. Raises TooManyAttempts.

    A code or a passkey is wanted of those who have one, and not looked at for others: no answer tells who has what.
    The caller forgives the counted attempts (`access.forget_failures`) in the transaction that uses the proof.
    """
    count(request, portal, login)
    subject = _proven(portal, login, password)
    return _by_second(portal, subject, second) if subject is not None else None


def prove_by_passkey(request: Request, portal: Portal, answer: Answer) -> Proven | None:
    """Who proves to be somebody by a passkey alone, whose device asked its user for proof; None for whatever is wrong.

    Nobody guesses a signature: attempts are counted for the address alone, and nobody can keep a login waiting so.
    Raises TooManyAttempts.
    """
    attempt = count(request, portal, "")
    held = holder(portal, answer, verified=True)
    if held is None:
        return None
    with portal.database.write() as connection:
        access.forget_attempt(connection, attempt)
    return Proven(held.subject, "passkey", held.passkey_id)


def _too_many(found: access.Attempts) -> bool:
    """Whether the bounds on attempts at one login are reached."""
    return found.here > PER_LOGIN or found.login > PER_LOGIN_ANYWHERE or found.address > PER_ADDRESS


def count(request: Request, portal: Portal, login: str) -> int:
    """Count an attempt (of a login, or of none) before it is looked at; returns its id. Raises TooManyAttempts.

    One that is turned away unseen does not prolong the pause.
    """
    address = network(request)
    with portal.database.write() as connection:
        attempt = access.count_attempt(connection, login, address, WINDOW_SECONDS)
    with portal.database.write() as connection:  # anew, so that attempts made at the same moment see each other
        found = access.attempts(connection, login, address, WINDOW_SECONDS)
        refused = _too_many(found) if login else found.address > PER_ADDRESS
        if refused:
            access.forget_attempt(connection, attempt)
    if refused:
        raise TooManyAttempts
    return attempt


def has_second(connection: sa.Connection, subject: access.Account | access.Person) -> tuple[bool, bool]:
    """Whether the subject has an authenticator app, and whether it has a passkey."""
    app = second_factors.counts(connection, subject) is not None
    return app, bool(passkeys.of_subject(connection, subject))


def _by_second(portal: Portal, subject: access.Account | access.Person, second: Second) -> Proven | None:
    with portal.database.read() as connection:
        if not any(has_second(connection, subject)):
            return Proven(subject, "password")
    if second.answer is not None:
        held = holder(portal, second.answer, verified=False)
        if held is None or held.subject.id != subject.id:
            return None
        return Proven(subject, "password+passkey", held.passkey_id)
    with portal.database.write() as connection:
        factor = second_factors.counts(connection, subject)
        step = None if factor is None else step_of(factor["secret"], second.code, database_time(connection))
        if step is None or not second_factors.use(connection, subject, step):
            return None
    return Proven(subject, "password+totp")


def prove_again(
    request: Request, portal: Portal, person: access.Person | access.Account, password: str, wrong: str
) -> str:
    """Let the person of this session prove it again: "" if the password is right, else the message that says why.

    The session was opened with the second factor, where there is one: only the password is asked for again.
    """
    try:
        proven = _once_more(request, portal, person, password, None)
    except TooManyAttempts:
        return "login.slow"
    return "" if proven else wrong


def prove_to_seal(request: Request, portal: Portal, session: access.Session, form: Posted) -> Proven:
    """Let the person of this session prove it again for a use of a seal, with the second factor of who has one.

    Whoever found a session open and knows the password approves nothing (ESL Art 13(1)). Raises NotProven.
    """
    subject, second = session.subject, second_of(form, asker_to_seal(session))
    with portal.database.read() as connection:
        wrong = "sealing.wrong_second" if any(has_second(connection, subject)) else "sealing.wrong"
    try:
        proven = _once_more(request, portal, subject, form.fields.get("password", ""), second)
    except TooManyAttempts:
        raise NotProven("login.slow") from None
    if proven is None:
        raise NotProven(wrong)
    return proven


def asker_to_seal(session: access.Session) -> str:
    """Whom a challenge for a use of a seal is made for: this session."""
    return passkeys.asker_of(TO_SEAL, session.token_hash)


def asked_to_seal(portal: Portal, session: access.Session) -> dict[str, Any]:
    """What the form of a use of a seal asks for beside the password: `app`, `passkeys`, and where these can be used."""
    with portal.database.read() as connection:
        app, held = has_second(connection, session.subject)
    party = portal.relying_party
    return {"app": app, "passkeys": held, "origin": party.origin if party and held else ""}


def _once_more(
    request: Request,
    portal: Portal,
    person: access.Person | access.Account,
    password: str,
    second: Second | None,
) -> Proven | None:
    """Who proves to be this person; without `second` by the password alone. Raises TooManyAttempts."""
    counted = f"/again {person.id}"  # apart from the log-in: whoever fails at that door keeps nobody waiting here
    count(request, portal, counted)
    subject = _proven(portal, person.login, password)
    if subject is None or subject.id != person.id:
        return None
    proven = Proven(subject, "password") if second is None else _by_second(portal, subject, second)
    if proven is not None:
        with portal.database.write() as connection:
            access.forget_failures(connection, counted)
    return proven


def status_of(problem: str) -> int:
    """The HTTP status of a page with what `prove_again` or `prove_to_seal` said."""
    return 429 if problem == "login.slow" else 401


def _proven(portal: Portal, login: str, password: str) -> access.Account | access.Person | None:
    """Who proves to be `login` by `password`; takes about as long for a login that nobody has."""
    with portal.database.read() as connection:
        known = access.credentials(connection, login)
    if not known:
        passwords.matches(None, password)
    for credential in known:
        if passwords.matches(credential.password_hash, password):
            if passwords.is_outdated(credential.password_hash):
                with portal.database.write() as connection:
                    access.set_password_hash(connection, credential.subject, passwords.rehash(password))
            return credential.subject
    return None
