"""Who may come in: accounts and persons by their logins, their sessions, and failed log-ins.

Only the hash of a session's token is stored, so that a copy of the database opens no session. All times are the
database's clock.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from records.ids import new_id
from records.instants import microseconds, now
from records.ledger import append, count, lock
from records.roles import give, keep_an_administrator, roles_of
from records.statements import select_by
from records.tables import account, login_failure, person, session, system


class Stopped(Exception):
    """The account or the person was stopped."""


@dataclass(frozen=True)
class Account:
    """A counterparty's dedicated log-in account (专用登录账号).

    `ends_at` (by the legal clock) is when the account of outside counsel ends, with the power of attorney. Where that
    names `cases` (by their numbers), nothing of another case is there for the account; otherwise it is for all.
    """

    id: str
    login: str
    department: str
    authority_id: str
    counterparty_id: str
    ends_at: datetime | None = None
    cases: tuple[str, ...] = ()


@dataclass(frozen=True)
class Person:
    """Somebody who works for an authority. With `first_password` others know the password, and another is due."""

    id: str
    login: str
    name: str
    roles: frozenset[str]
    authority_id: str
    first_password: bool = False


@dataclass(frozen=True)
class Credential:
    """A subject that may log in, with the hash that its password has to match."""

    subject: Account | Person
    password_hash: str


@dataclass(frozen=True)
class Session:
    """An open session. `token_hash` names it in the ledger; the token itself is only in the visitor's cookie.

    `factor` is by what it was opened: `password`, `password+totp`, `password+passkey` or `passkey`.
    """

    token_hash: str
    csrf_token: str
    subject: Account | Person
    factor: str = "password"


#: Of an account: it may log in.
OPEN: Final = (
    account.c.state == "approved",
    sa.or_(
        account.c.ends_at.is_(None),
        account.c.ends_at > now() + sa.select(system.c.legal_offset).scalar_subquery(),
    ),
)


def account_of(row: sa.RowMapping) -> Account:
    """The account of a row of its table."""
    owner = (row["authority_id"], row["counterparty_id"])
    cases = tuple(row["cases"] or ())
    return Account(row["id"], row["login"], row["department"], *owner, row["ends_at"], cases)


def person_of(connection: sa.Connection, row: sa.RowMapping) -> Person:
    """The person of a row of its table."""
    held = roles_of(connection, row["id"])
    return Person(row["id"], row["login"], row["name"], held, row["authority_id"], row["first_password"])


def add_person(
    connection: sa.Connection,
    authority_id: str,
    *,
    login: str,
    name: str,
    roles: Collection[str],
    password_hash: str,
    by: str = "system",
    first_password: bool = False,
) -> str:
    """Add somebody who works for the authority, with these roles; returns the id."""
    person_id = new_id("per")
    connection.execute(
        person.insert().values(
            id=person_id,
            authority_id=authority_id,
            login=login,
            name=name,
            password_hash=password_hash,
            active=True,
            first_password=first_password,
            created_at=now(),
        )
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"person/{person_id}",
        "person.entered",
        subject=person_id,
        actor=by,
        body={"login": login, "name": name},
    )
    row = _row(connection, person, login)
    for role in sorted(roles):
        give(connection, row, role, by)
    return person_id


def person_row(connection: sa.Connection, login: str) -> sa.RowMapping:
    """The row of a person, in whatever state. Raises LookupError."""
    return _row(connection, person, login)


def person_name(connection: sa.Connection, person_id: str) -> str:
    """The name of a person who acted, stopped or not; the id itself for who is none (a case system)."""
    return person_names(connection, [person_id]).get(person_id, person_id)


def person_names(connection: sa.Connection, ids: Collection[str]) -> dict[str, str]:
    """The names of those of `ids` that are persons, stopped or not."""
    query = sa.select(person.c.id, person.c.name).where(person.c.id.in_(ids))
    return {row.id: row.name for row in connection.execute(query)}


def credentials(connection: sa.Connection, login: str) -> list[Credential]:
    """Everybody who may log in by `login`: at most one approved account and one active person."""
    accounts = sa.select(account).where(account.c.login == login, *OPEN)
    persons = sa.select(person).where(person.c.login == login, person.c.active)
    found = [Credential(account_of(row), row["password_hash"]) for row in connection.execute(accounts).mappings()]
    for row in connection.execute(persons).mappings().all():
        found.append(Credential(person_of(connection, row), row["password_hash"]))
    return found


def set_password_hash(connection: sa.Connection, subject: Account | Person, password_hash: str) -> None:
    """Store another hash: of a new password, or of the same one by stronger parameters."""
    table = account if isinstance(subject, Account) else person
    connection.execute(table.update().where(table.c.id == subject.id).values(password_hash=password_hash))


# --- stopping, and other passwords -----------------------------------------------------------------------------------


def stop_account(connection: sa.Connection, login: str, by: str, reason: str = "") -> sa.RowMapping:
    """Let a counterparty's account log in no more, and end its sessions; the first stop stands. Returns its row.

    Raises LookupError.
    """
    row = _row(connection, account, login)
    connection.execute(account.update().where(account.c.id == row["id"]).values(state="stopped"))
    _end_sessions(connection, "account", row["id"])
    told = {"login": login, "reason": reason}
    _append(connection, row, f"account/{row['id']}/stopped", "account.stopped", row["counterparty_id"], by, told)
    return row


def stop_person(connection: sa.Connection, login: str, by: str, reason: str = "") -> sa.RowMapping:
    """Let somebody of the authority log in no more, and end the sessions; the first stop stands. Returns the row.

    Raises LookupError, LastAdministrator.
    """
    row = _row(connection, person, login)
    lock(connection, f"directory:{row['authority_id']}")  # two operators might stop the last two at the same moment
    keep_an_administrator(connection, row)
    connection.execute(person.update().where(person.c.id == row["id"]).values(active=False))
    _end_sessions(connection, "person", row["id"])
    told = {"login": login, "reason": reason}
    _append(connection, row, f"person/{row['id']}/stopped", "person.stopped", row["id"], by, told)
    return row


def change_account_password(connection: sa.Connection, login: str, password_hash: str, by: str) -> None:
    """Give an account another password, end its sessions, forgive failed attempts. Raises LookupError, Stopped."""
    row = _row(connection, account, login)
    if row["state"] != "approved":
        raise Stopped(f"the account {login!r} is {row['state']}")
    _change_password(connection, account, row, row["counterparty_id"], password_hash, by)


def change_person_password(
    connection: sa.Connection, login: str, password_hash: str, by: str, *, first: bool = False
) -> None:
    """Give a person another password, end the sessions, forgive failed attempts. Raises LookupError, Stopped.

    `first` says that others know it: the desk stays shut until the person has chosen another.
    """
    row = _row(connection, person, login)
    if not row["active"]:
        raise Stopped(f"the person {login!r} is stopped")
    connection.execute(person.update().where(person.c.id == row["id"]).values(first_password=first))
    _change_password(connection, person, row, row["id"], password_hash, by)


def _row(connection: sa.Connection, table: sa.Table, login: str) -> sa.RowMapping:
    row = connection.execute(sa.select(table).where(table.c.login == login)).mappings().first()
    if row is None:
        raise LookupError(f"no {table.name} {login!r}")
    return row


def _change_password(
    connection: sa.Connection, table: sa.Table, row: sa.RowMapping, subject: str, password_hash: str, by: str
) -> None:
    stream, kind = f"directory:{row['authority_id']}", f"{table.name}.password_changed"
    lock(connection, stream)
    connection.execute(table.update().where(table.c.id == row["id"]).values(password_hash=password_hash))
    _end_sessions(connection, table.name, row["id"])
    forget_failures(connection, row["login"])
    nth = count(connection, stream, subject, {kind}) + 1
    _append(connection, row, f"{table.name}/{row['id']}/password/{nth}", kind, subject, by, {"login": row["login"]})


def _append(
    connection: sa.Connection, row: sa.RowMapping, key: str, kind: str, subject: str, by: str, body: dict[str, str]
) -> None:
    append(connection, f"directory:{row['authority_id']}", key, kind, subject=subject, actor=by, body=body)


def _end_sessions(connection: sa.Connection, subject_type: str, subject_id: str) -> None:
    mine = (session.c.subject_type == subject_type, session.c.subject_id == subject_id)
    connection.execute(session.delete().where(*mine))


def find_account(connection: sa.Connection, account_id: str, authority_id: str) -> sa.RowMapping | None:
    """An account of the authority, in whatever state, or None."""
    query = sa.select(account).where(account.c.id == account_id, account.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


# --- sessions --------------------------------------------------------------------------------------------------------


def token_hash(token: str) -> str:
    """SHA-256 of a session token; tokens are 256 random bits, so no slow hash is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


def same_token(given: str, expected: str) -> bool:
    """Whether a form carries the token that it was given, compared in constant time; an empty one is none."""
    return bool(expected) and hmac.compare_digest(given.encode(), expected.encode())


def factor_of(connection: sa.Connection, token_hash: str) -> str:
    """What the session was opened by (`Session.factor`); empty when it has ended meanwhile."""
    named = {"token_hash": token_hash}
    row = connection.execute(select_by(session, *named), named).mappings().first()
    return str(row["factor"]) if row else ""


def open_session(
    connection: sa.Connection,
    subject: Account | Person,
    seconds: float,
    factor: str = "password",
    passkey_id: str | None = None,
) -> str:
    """Open a session that ends after `seconds`; returns its token, which is nowhere else. Sweeps ended sessions."""
    token = secrets.token_urlsafe(32)
    connection.execute(session.delete().where(session.c.expires_at < now()))
    connection.execute(
        session.insert().values(
            token_hash=token_hash(token),
            subject_type=type_of(subject),
            subject_id=subject.id,
            csrf_token=secrets.token_urlsafe(32),
            factor=factor,
            passkey_id=passkey_id,
            created_at=now(),
            expires_at=now() + microseconds(seconds),
        )
    )
    return token


def find_session(connection: sa.Connection, token: str) -> Session | None:
    """The session of a token, unless it has ended or its subject may no longer log in."""
    alive = sa.and_(session.c.token_hash == token_hash(token), session.c.expires_at > now())
    row = connection.execute(sa.select(session).where(alive)).mappings().first()
    if row is None:
        return None
    subject = open_subject(connection, row["subject_type"], row["subject_id"])
    return None if subject is None else Session(row["token_hash"], row["csrf_token"], subject, row["factor"])


def open_subject(connection: sa.Connection, subject_type: str, subject_id: str) -> Account | Person | None:
    """The account or the person, if it may log in."""
    query: sa.Select[Any]
    if subject_type == "account":
        query = sa.select(account).where(account.c.id == subject_id, *OPEN)
        row = connection.execute(query).mappings().first()
        return None if row is None else account_of(row)
    query = sa.select(person).where(person.c.id == subject_id, person.c.active)
    row = connection.execute(query).mappings().first()
    return None if row is None else person_of(connection, row)


def sessions_of(connection: sa.Connection, subject: Account | Person) -> list[sa.RowMapping]:
    """The open sessions of a subject, the newest first."""
    mine = (session.c.subject_type == type_of(subject), session.c.subject_id == subject.id)
    alive = session.c.expires_at > now()
    query = sa.select(session).where(*mine, alive).order_by(session.c.created_at.desc(), session.c.token_hash)
    return list(connection.execute(query).mappings())


def end_session(connection: sa.Connection, subject: Account | Person, session_hash: str) -> bool:
    """End one of the subject's own sessions; False when it has no such one."""
    mine = (session.c.subject_type == type_of(subject), session.c.subject_id == subject.id)
    return bool(connection.execute(session.delete().where(*mine, session.c.token_hash == session_hash)).rowcount)


def end_sessions(connection: sa.Connection, subject: Account | Person) -> None:
    """End every session of a subject."""
    _end_sessions(connection, type_of(subject), subject.id)


def change_own_password(
    connection: sa.Connection, subject: Account | Person, password_hash: str, session_hash: str
) -> None:
    """Give the subject another password, of its own choice; all its sessions but the one of `session_hash` end."""
    table = account if isinstance(subject, Account) else person
    stream, kind = f"directory:{subject.authority_id}", f"{table.name}.password_changed"
    told = subject.counterparty_id if isinstance(subject, Account) else subject.id
    lock(connection, stream)
    set_password_hash(connection, subject, password_hash)
    if isinstance(subject, Person):
        connection.execute(person.update().where(person.c.id == subject.id).values(first_password=False))
    mine = (session.c.subject_type == table.name, session.c.subject_id == subject.id)
    connection.execute(session.delete().where(*mine, session.c.token_hash != session_hash))
    nth = count(connection, stream, told, {kind}) + 1
    key = f"{table.name}/{subject.id}/password/{nth}"
    append(connection, stream, key, kind, subject=told, actor=subject.id, body={"login": subject.login})


def type_of(subject: Account | Person) -> str:
    """What rows that belong to a subject call it: `account` or `person`."""
    return "account" if isinstance(subject, Account) else "person"


def close_session(connection: sa.Connection, session_hash: str) -> None:
    """End a session for good."""
    connection.execute(session.delete().where(session.c.token_hash == session_hash))


# --- failed log-ins --------------------------------------------------------------------------------------------------


def count_attempt(connection: sa.Connection, login: str, address: str, window_seconds: float) -> int:
    """Count an attempt to log in before its password is looked at; returns its id. Sweeps what left the window."""
    connection.execute(login_failure.delete().where(login_failure.c.at < now() - microseconds(window_seconds)))
    query = login_failure.insert().values(login=login, address=address, at=now()).returning(login_failure.c.id)
    return int(connection.execute(query).scalar_one())


class Attempts(NamedTuple):
    """Counted attempts: on a login from one address, on it from wherever, and from the address on whatever login."""

    here: int
    login: int
    address: int


def attempts(connection: sa.Connection, login: str, address: str, window_seconds: float) -> Attempts:
    """The attempts that stand in the window."""
    on_it, from_it = login_failure.c.login == login, login_failure.c.address == address
    recent = login_failure.c.at >= now() - microseconds(window_seconds)
    counted = (sa.select(sa.func.count()).where(*each, recent) for each in ((on_it, from_it), (on_it,), (from_it,)))
    return Attempts(*(connection.execute(query).scalar_one() for query in counted))


def forget_attempt(connection: sa.Connection, attempt_id: int) -> None:
    """Take back one attempt: it was turned away unseen, and does not prolong the pause."""
    connection.execute(login_failure.delete().where(login_failure.c.id == attempt_id))


def forget_failures(connection: sa.Connection, login: str, address: str | None = None) -> None:
    """Take back the attempts on a login: from the address that has just proved its password, or from wherever."""
    of = [login_failure.c.login == login] + ([] if address is None else [login_failure.c.address == address])
    connection.execute(login_failure.delete().where(*of))
