"""Proving to be somebody by a password, with a bound on guessing: at the log-in, and again for each use of a seal."""

from __future__ import annotations

from typing import Final

from fastapi import Request

from delivery import passwords
from delivery.portal.web import Portal, network
from records import access

WINDOW_SECONDS: Final = 15 * 60
PER_LOGIN: Final = 10
"""Failed attempts on one account in the window, from wherever."""
PER_ADDRESS: Final = 50
"""Failed attempts from one address in the window: many of a company come from one."""


class TooManyAttempts(Exception):
    """The bound is reached: whether the password is right is not looked at."""


def prove(request: Request, portal: Portal, login: str, password: str) -> access.Account | access.Person | None:
    """Who proves to be `login`; None for a wrong password, which is counted. Raises TooManyAttempts.

    The caller forgives the counted attempts (`access.forget_failures`) in the transaction that uses the proof.
    """
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


def prove_again(request: Request, portal: Portal, person: access.Person, password: str) -> str:
    """Let the person of this session prove it again: "" if the password is right, else the message that says why."""
    try:
        proven = prove(request, portal, person.login, password)
    except TooManyAttempts:
        return "login.slow"
    if proven is None or proven.id != person.id:
        return "sealing.wrong"
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
