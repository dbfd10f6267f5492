"""The roles of the authority's people: who has which, since when, by whom; given and taken, and never overwritten.

What a role lets its holder do is not known here (`delivery.rights`). All times are the database's clock.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa

from records.instants import now
from records.ledger import append, lock
from records.tables import ROLES, person, person_role

ADMINISTRATOR: Final = "administrator"
_HELD: Final = person_role.c.ended_at.is_(None)
#: Of `person`: without a role nobody sees anything at the desk.
HAS_A_ROLE: Final = sa.exists().where(person_role.c.person_id == person.c.id, _HELD)
_PEOPLE: Final = sa.select(*(each for each in person.c if each.name != "password_hash"))
_OF_PERSON: Final = sa.select(person_role.c.role).where(person_role.c.person_id == sa.bindparam("of"), _HELD)


class LastAdministrator(Exception):
    """The last active administrator of an authority is neither stopped nor loses the role."""


class NoChange(Exception):
    """The person has the role already, or does not have it."""


def roles_of(connection: sa.Connection, person_id: str) -> frozenset[str]:
    """The roles that a person has now."""
    return frozenset(connection.execute(_OF_PERSON, {"of": person_id}).scalars())


def give(connection: sa.Connection, row: sa.RowMapping, role: str, by: str, reason: str = "") -> None:
    """Give the person of `row` a role. Raises NoChange, and ValueError for a role that there is none of."""
    if role not in ROLES:
        raise ValueError(f"no role {role!r}")
    lock(connection, _stream(row))
    mine = (person_role.c.person_id == row["id"], person_role.c.role == role)
    held, times = connection.execute(sa.select(sa.func.count().filter(_HELD), sa.func.count()).where(*mine)).one()
    if held:
        raise NoChange(f"{row['login']!r} is {role} already")
    values = {"person_id": row["id"], "role": role, "nth": times + 1, "given_by": by, "given_at": now()}
    connection.execute(person_role.insert().values(**values))
    _tell(connection, row, "given", role, times + 1, by, reason)


def take(connection: sa.Connection, row: sa.RowMapping, role: str, by: str, reason: str = "") -> None:
    """Take a role from the person of `row`; it counts at once. Raises NoChange, LastAdministrator."""
    lock(connection, _stream(row))
    if role == ADMINISTRATOR:
        keep_an_administrator(connection, row)
    nth = connection.execute(
        person_role.update()
        .where(person_role.c.person_id == row["id"], person_role.c.role == role, _HELD)
        .values(ended_by=by, ended_at=now())
        .returning(person_role.c.nth)
    ).scalar()
    if nth is None:
        raise NoChange(f"{row['login']!r} is not {role}")
    _tell(connection, row, "taken", role, nth, by, reason)


def keep_an_administrator(connection: sa.Connection, row: sa.RowMapping) -> None:
    """Raises LastAdministrator when no active one is left without the person of `row`; the directory is locked."""
    if not row["active"] or ADMINISTRATOR not in roles_of(connection, row["id"]):
        return
    others = (
        sa.select(person.c.id)
        .join(person_role, person_role.c.person_id == person.c.id)
        .where(
            person.c.authority_id == row["authority_id"],
            person.c.id != row["id"],
            person.c.active,
            person_role.c.role == ADMINISTRATOR,
            _HELD,
        )
    )
    if connection.execute(others.limit(1)).first() is None:
        raise LastAdministrator(f"{row['login']!r} is the last active administrator of {row['authority_id']}")


def people(connection: sa.Connection, authority_id: str) -> list[sa.RowMapping]:
    """Everybody of an authority by log-in, those who were stopped at the end."""
    query = _PEOPLE.where(person.c.authority_id == authority_id)
    return list(connection.execute(query.order_by(person.c.active.desc(), person.c.login)).mappings())


def find_person(connection: sa.Connection, person_id: str, authority_id: str) -> sa.RowMapping | None:
    """Somebody of the authority, stopped or not, or None."""
    query = _PEOPLE.where(person.c.id == person_id, person.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def history(connection: sa.Connection, person_ids: Collection[str]) -> dict[str, list[sa.RowMapping]]:
    """Every role that these people have or had, by person, the oldest first."""
    query = sa.select(person_role).where(person_role.c.person_id.in_(person_ids))
    found: dict[str, list[sa.RowMapping]] = {each: [] for each in person_ids}
    for row in connection.execute(query.order_by(person_role.c.given_at, person_role.c.role)).mappings():
        found[row["person_id"]].append(row)
    return found


def held(rows: Sequence[sa.RowMapping]) -> list[str]:
    """Of a person's `history` the roles that count now, in the order in which they are always named."""
    return [role for role in ROLES if any(row["role"] == role and row["ended_at"] is None for row in rows)]


def _stream(row: sa.RowMapping) -> str:
    return f"directory:{row['authority_id']}"


def _tell(connection: sa.Connection, row: sa.RowMapping, what: str, role: str, nth: int, by: str, reason: str) -> None:
    append(
        connection,
        _stream(row),
        f"person/{row['id']}/role/{role}/{nth}/{what}",
        f"person.role_{what}",
        subject=row["id"],
        actor=by,
        body={"login": row["login"], "role": role, "reason": reason},
    )
