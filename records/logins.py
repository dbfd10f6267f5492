"""Log-in names: who has one, had one, or asked for one. One name is one, whatever the case of its letters."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from records.tables import account, change, counsel, person


def taken(connection: sa.Connection, logins: Collection[str]) -> list[str]:
    """Which of these names somebody has or had, an account or a person of whatever authority."""
    wanted = {login.lower() for login in logins}
    found: set[str] = set()
    for table in (account, person):
        query = sa.select(table.c.login).where(sa.func.lower(table.c.login).in_(wanted))
        found.update(str(each).lower() for each in connection.execute(query).scalars())
    return [login for login in logins if login.lower() in found]


def is_used(connection: sa.Connection, login: str) -> bool:
    """Whether somebody has or had this name, or a request for it waits for a clerk."""
    asked = (
        (change.c.subject_id, change.c.kind == "account_asked", change.c.state == "to_approve"),
        (counsel.c.login, counsel.c.state == "asked"),
    )
    waits = (sa.select(name).where(sa.func.lower(name) == login.lower(), *held) for name, *held in asked)
    return bool(taken(connection, [login])) or any(connection.execute(query).first() for query in waits)
