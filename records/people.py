"""Who uses a counterparty's account: real names with their office, kept by the account itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa

from records.access import Account
from records.errors import Fault
from records.ids import new_id
from records.instants import now
from records.ledger import append
from records.tables import named_person

#: People that one account may name at a time.
MOST = 100


#: Nobody says who acts: an account is used by several people.
NOBODY: Final = Fault("/person", "missing", "State the real name of the person acting.", "请写明操作人的真实姓名。")


class TooManyPeople(Exception):
    """The account names as many people as it may."""


@dataclass(frozen=True)
class Acting:
    """Whoever acts by an account: the real name, and the office or post."""

    name: str
    office: str


def of_account(connection: sa.Connection, account_id: str) -> list[sa.RowMapping]:
    """The people whom the account names, by the order in which they were entered."""
    mine = (named_person.c.account_id == account_id, named_person.c.ended_at.is_(None))
    query = sa.select(named_person).where(*mine).order_by(named_person.c.created_at, named_person.c.id)
    return list(connection.execute(query).mappings())


def add(connection: sa.Connection, account: Account, acting: Acting) -> None:
    """Name a person; nothing happens if the same name and office stand there. Raises TooManyPeople."""
    known = of_account(connection, account.id)
    if any((row["name"], row["office"]) == (acting.name, acting.office) for row in known):
        return
    if len(known) >= MOST:
        raise TooManyPeople(f"account {account.id} names {MOST} people")
    person_id = new_id("nam")
    values = {"name": acting.name, "office": acting.office}
    connection.execute(
        named_person.insert().values(id=person_id, account_id=account.id, created_at=now(), ended_at=None, **values)
    )
    _tell(connection, account, f"account/{account.id}/person/{person_id}", "account.person_named", values)


def end(connection: sa.Connection, account: Account, person_id: str) -> bool:
    """Take a person off the account's list; False when there is none. What was signed by that name stays."""
    row = connection.execute(
        named_person.update()
        .where(
            named_person.c.id == person_id,
            named_person.c.account_id == account.id,
            named_person.c.ended_at.is_(None),
        )
        .values(ended_at=now())
        .returning(named_person.c.name, named_person.c.office)
    ).first()
    if row is None:
        return False
    values = {"name": row.name, "office": row.office}
    _tell(connection, account, f"account/{account.id}/person/{person_id}/ended", "account.person_ended", values)
    return True


def _tell(connection: sa.Connection, account: Account, key: str, kind: str, values: dict[str, str]) -> None:
    append(
        connection,
        f"directory:{account.authority_id}",
        key,
        kind,
        subject=account.counterparty_id,
        actor=account.id,
        body=values | {"login": account.login},
    )
