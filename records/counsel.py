"""Outside counsel: the power of attorney, and the account that a clerk approves and that ends with it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from records import access, directory
from records.access import Account, Person
from records.database import legal_time
from records.ids import new_id
from records.ledger import append, lock
from records.paging import Found, Part, part_of
from records.tables import account, counsel, counterparty


def ask(connection: sa.Connection, asking: Account, *, email: str, mobile: str, **values: Any) -> str:
    """Record that a counterparty wants an account for its counsel; returns the id of the request.

    `values` are `name`, `firm`, `login`, `last_day` (YYYY-MM-DD), `cases` (a list of numbers, empty for all) and
    `digest` of the power of attorney. Where counsel is reached stands in the row alone; `mobile` may be empty.
    """
    counsel_id = new_id("cou")
    moment = legal_time(connection)
    connection.execute(
        counsel.insert().values(
            id=counsel_id,
            authority_id=asking.authority_id,
            counterparty_id=asking.counterparty_id,
            asked_by=asking.id,
            asked_at=moment,
            state="asked",
            email=email,
            mobile=mobile or None,
            **values,
        )
    )
    _tell(connection, asking, counsel_id, "asked", asking.counterparty_id, asking.id, values)
    return counsel_id


def _tell(
    connection: sa.Connection,
    of: Account | Person | sa.RowMapping,
    counsel_id: str,
    act: str,
    subject: str,
    by: str,
    body: dict[str, Any],
) -> None:
    authority_id = of["authority_id"] if isinstance(of, sa.RowMapping) else of.authority_id
    key = f"counsel/{counsel_id}/{act}"
    append(connection, f"directory:{authority_id}", key, f"counsel.{act}", subject=subject, actor=by, body=body)


def of_counterparty(connection: sa.Connection, authority_id: str, counterparty_id: str) -> list[sa.RowMapping]:
    """All counsel of a counterparty, newest first."""
    mine = (counsel.c.authority_id == authority_id, counsel.c.counterparty_id == counterparty_id)
    return list(connection.execute(sa.select(counsel).where(*mine).order_by(counsel.c.id.desc())).mappings())


def of_accounts(connection: sa.Connection, authority_id: str, account_ids: Collection[str]) -> list[sa.RowMapping]:
    """The powers of attorney by which these accounts were made, oldest first; other accounts have none."""
    query = sa.select(counsel).where(counsel.c.authority_id == authority_id, counsel.c.account_id.in_(account_ids))
    return list(connection.execute(query.order_by(counsel.c.id)).mappings())


def asked(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """Requests that wait for a clerk, oldest first, with the names of the counterparty."""
    query = _with_party().where(*_asked(authority_id))
    return part_of(connection, query, (counsel.c.asked_at, counsel.c.id), part)


def count_asked(connection: sa.Connection, authority_id: str) -> int:
    """How many there are."""
    query = sa.select(sa.func.count()).select_from(counsel).where(*_asked(authority_id))
    return int(connection.execute(query).scalar_one())


def _asked(authority_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return counsel.c.authority_id == authority_id, counsel.c.state == "asked"


def _with_party() -> sa.Select[Any]:
    of_party = sa.and_(
        counterparty.c.authority_id == counsel.c.authority_id, counterparty.c.id == counsel.c.counterparty_id
    )
    return sa.select(counsel, counterparty.c.name_zh, counterparty.c.name_en).join(counterparty, of_party)


def find(connection: sa.Connection, counsel_id: str, authority_id: str) -> sa.RowMapping | None:
    """A request to the authority with the names of the counterparty, or None."""
    query = _with_party().where(counsel.c.id == counsel_id, counsel.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def decide(
    connection: sa.Connection,
    row: sa.RowMapping,
    clerk: Person,
    *,
    approved: bool,
    reason: str,
    ends_at: datetime,
    password_hash: str,
) -> bool:
    """Approve the request `row`, which makes the account, or return it with a reason; False if it is decided already.

    The account ends at `ends_at` (aware, by the legal clock) and is for the cases of the request.
    """
    lock(connection, f"directory:{clerk.authority_id}")
    present = find(connection, row["id"], clerk.authority_id)
    if present is None or present["state"] != "asked":
        return False
    account_id = None
    if approved:
        account_id = directory.add_account(
            connection,
            row["authority_id"],
            row["counterparty_id"],
            login=row["login"],
            department=f"{row['firm']} {row['name']}".strip(),
            password_hash=password_hash,
            by=clerk.id,
        )
        connection.execute(
            account.update().where(account.c.id == account_id).values(ends_at=ends_at, cases=row["cases"])
        )
    state = "approved" if approved else "returned"
    values = {"state": state, "reason": reason, "account_id": account_id}
    decided = {"decided_by": clerk.id, "decided_at": legal_time(connection)}
    connection.execute(counsel.update().where(counsel.c.id == row["id"]).values(**values, **decided))
    body = {
        "name": clerk.name,
        "reason": reason,
        "account": account_id,
        "last_day": row["last_day"],
        "cases": row["cases"],
    }
    _tell(connection, clerk, row["id"], state, row["counterparty_id"], clerk.id, body)
    return True


def revoke(connection: sa.Connection, row: sa.RowMapping, by: str) -> bool:
    """End a power of attorney before its last day, and its account with its sessions; False if that was done."""
    lock(connection, f"directory:{row['authority_id']}")
    still = (counsel.c.id == row["id"], counsel.c.state.in_(("asked", "approved")))
    if not connection.execute(counsel.update().where(*still).values(state="revoked")).rowcount:
        return False
    if row["account_id"] is not None:
        access.stop_account(connection, row["login"], by, "power of attorney revoked")
    _tell(connection, row, row["id"], "revoked", row["counterparty_id"], by, {"login": row["login"]})
    return True
