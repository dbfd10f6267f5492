"""Proving to be somebody by a password, with a bound on guessing: at the log-in, and again for each use of a seal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fastapi import Request

from delivery import passwords
from delivery.one_time_codes import step_of
from delivery.portal.web import Portal, network
from records import access, second_factors
from records.database import database_time

WINDOW_SECONDS: Final = 15 * 60
PER_LOGIN: Final = 10
"""Failed attempts on one account in the window, from wherever."""
PER_ADDRESS: Final = 50
"""Failed attempts from one address in the window: many of a company come from one."""


class TooManyAttempts(Exception):
    """The bound is reached: whether the password is right is not looked at."""


@dataclass(frozen=True)
class Proven:
    """Who proved to be somebody, and by what: `password`, or `password+totp`."""

    subject: access.Account | access.Person
    factor: str


def prove(request: Request, portal: Portal, login: str, password: str, code: str = "") -> Proven | None:
    """Who proves to be `login`; None for a wrong password or code, which is counted. Raises TooManyAttempts.

    The code is wanted of those who have a second factor, and not looked at for others: no answer tells who has one.
    The caller forgives the counted attempts (`access.forget_failures`) in the transaction that uses the proof.
    """
    subject = prove_password(request, portal, login, password)
    return _by_code(portal, subject, code) if subject is not None else None


def prove_password(
    request: Request, portal: Portal, login: str, password: str
) -> access.Account | access.Person | None:
    """Who proves to be `login` by the password alone. Raises TooManyAttempts."""
    address = network(request)
    with portal.database.write() as connection:
        attempt = access.count_attempt(connection, login, address, WINDOW_SECONDS)
    with portal.database.write() as connection:  # anew, so that attempts made at the same moment see each other
        by_login, by_address = access.attempts(connection, login, address, WINDOW_SECONDS)
        too_many = by_login > PER_LOGIN or by_address > PER_ADDRESS
        if too_many:
            access.forget_attempt(connection, attempt)
    if too_many:
        raise TooManyAttempts
    return _proven(portal, login, password)


def _by_code(portal: Portal, subject: access.Account | access.Person, code: str) -> Proven | None:
    with portal.database.write() as connection:
        factor = second_factors.counts(connection, subject)
        if factor is None:
            return Proven(subject, "password")
        step = step_of(factor["secret"], code, database_time(connection))
        if step is None or not second_factors.use(connection, subject, step):
            return None
    return Proven(subject, "password+totp")


def prove_again(
    request: Request,
    portal: Portal,
    person: access.Person | access.Account,
    password: str,
    wrong: str = "sealing.wrong",
) -> str:
    """Let the person of this session prove it again: "" if the password is right, else the message that says why.

    The session was opened with the second factor, where there is one: only the password is asked for again.
    """
    try:
        proven = prove_password(request, portal, person.login, password)
    except TooManyAttempts:
        return "login.slow"
    if proven is None or proven.id != person.id:
        return wrong
    with portal.database.write() as connection:
        access.forget_failures(connection, person.login)
    return ""


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
