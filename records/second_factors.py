"""The second factor: the secret of an authenticator app (RFC 6238), and which of its codes was used last.

A secret counts only once a first code was right. It is shown when it is made and never again.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from records.access import Account, Person, account_of, person_of, type_of
from records.instants import now
from records.ledger import append, count, lock
from records.statements import insert_if_absent
from records.tables import account, person, second_factor

_KINDS: Final = ("second_factor.added", "second_factor.removed")


def _of(subject: Account | Person) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return second_factor.c.subject_type == type_of(subject), second_factor.c.subject_id == subject.id


def find(connection: sa.Connection, subject: Account | Person) -> sa.RowMapping | None:
    """The subject's second factor, whether it counts already or not."""
    return connection.execute(sa.select(second_factor).where(*_of(subject))).mappings().first()


def counts(connection: sa.Connection, subject: Account | Person) -> sa.RowMapping | None:
    """The second factor that a log-in of the subject needs; None when it has none."""
    row = find(connection, subject)
    return row if row is not None and row["confirmed_at"] is not None else None


def begin(connection: sa.Connection, subject: Account | Person, secret: str) -> bool:
    """Keep a new secret (base32) that does not count yet, in place of another such; False when one counts already."""
    if counts(connection, subject) is not None:
        return False
    connection.execute(second_factor.delete().where(*_of(subject)))
    row = {"subject_type": type_of(subject), "subject_id": subject.id, "secret": secret, "last_step": 0}
    return insert_if_absent(connection, second_factor, row, "created_at")


def confirm(connection: sa.Connection, subject: Account | Person, step: int) -> None:
    """Let the secret count: a code of the time step `step` was right."""
    changed = second_factor.update().where(*_of(subject)).values(confirmed_at=now(), last_step=step)
    connection.execute(changed)
    _tell(connection, subject, _KINDS[0], subject.id)


def use(connection: sa.Connection, subject: Account | Person, step: int) -> bool:
    """Use the code of a time step; False when that or a later one was used before (RFC 6238, 5.2)."""
    newer = second_factor.update().where(*_of(subject), second_factor.c.last_step < step).values(last_step=step)
    return bool(connection.execute(newer).rowcount)


def remove(connection: sa.Connection, subject: Account | Person, by: str, reason: str = "") -> bool:
    """Let the subject log in without; False when it had none that counted."""
    counted = counts(connection, subject) is not None
    connection.execute(second_factor.delete().where(*_of(subject)))
    if counted:
        _tell(connection, subject, _KINDS[1], by, reason)
    return counted


def subject_of(connection: sa.Connection, authority_id: str | None, login: str) -> Account | Person | None:
    """Who has this login in the authority (None: in any), in whatever state."""
    for table in (account, person):
        query = sa.select(table).where(table.c.login == login)
        if authority_id is not None:
            query = query.where(table.c.authority_id == authority_id)
        row = connection.execute(query).mappings().first()
        if row is not None:
            return account_of(row) if table is account else person_of(connection, row)
    return None


def _tell(connection: sa.Connection, subject: Account | Person, kind: str, by: str, reason: str = "") -> None:
    stream = f"directory:{subject.authority_id}"
    lock(connection, stream)
    nth = count(connection, stream, subject.id, _KINDS) + 1
    append(
        connection,
        stream,
        f"{type_of(subject)}/{subject.id}/second_factor/{nth}",
        kind,
        subject=subject.id,
        actor=by,
        body={"login": subject.login, "reason": reason},
    )
