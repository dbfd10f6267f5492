"""Passkeys of accounts and persons, and the challenges that their devices sign. All times are the database's clock."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from records.access import Account, Person, token_hash, type_of
from records.ids import new_id
from records.instants import microseconds, now
from records.ledger import append
from records.statements import insert_if_absent, select_by
from records.tables import passkey, passkey_challenge, session

#: Passkeys that one account or person may have.
MOST: Final = 50


# --- challenges ------------------------------------------------------------------------------------------------------


def asker_of(purpose: str, token: str) -> str:
    """Whom a challenge is made for: a browser or a session by its token, and for which purpose."""
    return token_hash(f"{purpose}:{token}")


def ask(
    connection: sa.Connection, asker: str, challenge: str, seconds: float, about: Mapping[str, str] | None = None
) -> None:
    """Keep a challenge for `seconds`, in place of the asker's former one. Sweeps those that have ended."""
    over = sa.or_(passkey_challenge.c.asker_hash == asker, passkey_challenge.c.expires_at < now())
    connection.execute(passkey_challenge.delete().where(over))
    row = {"asker_hash": asker, "challenge": challenge, "about": None if about is None else dict(about)}
    until = {"expires_at": now() + microseconds(seconds)}
    connection.execute(passkey_challenge.insert().values(row | until))


def asked(connection: sa.Connection, asker: str) -> sa.RowMapping | None:
    """The challenge that the asker has still to answer."""
    holds = (passkey_challenge.c.asker_hash == asker, passkey_challenge.c.expires_at > now())
    return connection.execute(sa.select(passkey_challenge).where(*holds)).mappings().first()


def take(connection: sa.Connection, asker: str) -> sa.RowMapping | None:
    """The same, used up: of two answers to one challenge one gets it, whether it is right or wrong."""
    holds = (passkey_challenge.c.asker_hash == asker, passkey_challenge.c.expires_at > now())
    return connection.execute(passkey_challenge.delete().where(*holds).returning(passkey_challenge)).mappings().first()


# --- passkeys --------------------------------------------------------------------------------------------------------


def _of(subject: Account | Person) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return passkey.c.subject_type == type_of(subject), passkey.c.subject_id == subject.id


def of_subject(connection: sa.Connection, subject: Account | Person) -> list[sa.RowMapping]:
    """The subject's passkeys, the oldest first."""
    query = sa.select(passkey).where(*_of(subject)).order_by(passkey.c.added_at, passkey.c.id)
    return list(connection.execute(query).mappings())


def find(connection: sa.Connection, credential_id: str) -> sa.RowMapping | None:
    """A passkey by the id that its device gave it (base64url), whosever it is."""
    named = {"credential_id": credential_id}
    return connection.execute(select_by(passkey, *named), named).mappings().first()


def add(
    connection: sa.Connection,
    subject: Account | Person,
    *,
    credential_id: str,
    public_key: str,
    sign_count: int,
    name: str,
    person: str,
    office: str,
) -> bool:
    """Let the subject log in by this passkey; False when there is one of this id already."""
    passkey_id = new_id("pky")
    row = {
        "id": passkey_id,
        "subject_type": type_of(subject),
        "subject_id": subject.id,
        "credential_id": credential_id,
        "public_key": public_key,
        "sign_count": sign_count,
        "name": name,
        "person": person,
        "office": office,
    }
    if not insert_if_absent(connection, passkey, row, "added_at"):
        return False
    told = {"name": name, "person": person, "office": office}
    _tell(connection, subject, passkey_id, "added", subject.id, told)
    return True


def use(
    connection: sa.Connection, subject: Account | Person, row: sa.RowMapping, sign_count: int, challenge: str
) -> bool:
    """Use a passkey whose signature was right; False when it was removed, or its count did not go on.

    A device that never counts always says 0. A count that stands still or goes back means that there may be two such
    devices (Web Authentication, 6.1.1): it is kept with the passkey and in the ledger.
    """
    on = passkey.c.sign_count < sign_count if sign_count else passkey.c.sign_count == 0
    used = passkey.update().where(passkey.c.id == row["id"], on).values(sign_count=sign_count, used_at=now())
    if connection.execute(used).rowcount:
        return True
    doubted = passkey.update().where(passkey.c.id == row["id"]).values(doubted_at=now()).returning(passkey.c.sign_count)
    known = connection.execute(doubted).scalar()
    if known is not None:
        told = {"name": row["name"], "known": known, "told": sign_count}
        _tell(connection, subject, row["id"], "doubted", subject.id, told, nth=f"/{token_hash(challenge)}")
    return False


def remove(
    connection: sa.Connection,
    subject: Account | Person,
    passkey_id: str,
    by: str,
    *,
    reason: str = "",
    keep_session: str = "",
) -> bool:
    """Remove one of the subject's passkeys; sessions that it opened end, but the one of the hash `keep_session`.

    False when the subject has no such one.
    """
    removed = passkey.delete().where(*_of(subject), passkey.c.id == passkey_id).returning(passkey.c.name)
    name = connection.execute(removed).scalar()
    if name is None:
        return False
    opened = (session.c.passkey_id == passkey_id, session.c.token_hash != keep_session)
    connection.execute(session.delete().where(*opened))
    _tell(connection, subject, passkey_id, "removed", by, {"name": name, "reason": reason})
    return True


def remove_all(connection: sa.Connection, subject: Account | Person, by: str, reason: str) -> bool:
    """Remove every passkey of the subject; False when it had none."""
    removed = [remove(connection, subject, row["id"], by, reason=reason) for row in of_subject(connection, subject)]
    return any(removed)


def _tell(
    connection: sa.Connection,
    subject: Account | Person,
    passkey_id: str,
    what: str,
    by: str,
    told: Mapping[str, Any],
    nth: str = "",
) -> None:
    append(
        connection,
        f"directory:{subject.authority_id}",
        f"passkey/{passkey_id}/{what}{nth}",
        f"passkey.{what}",
        subject=subject.id,
        actor=by,
        body={"login": subject.login, "passkey": passkey_id, **told},
    )
