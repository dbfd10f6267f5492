"""A counterparty's own accounts: another one is asked for, one is stopped, contacts are told how each logs in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from delivery import account_names
from delivery.entries import apply_later, check_lengths, fault, hold, party_of
from records import access, changes, directory, logins, registrations
from records.access import Account
from records.errors import Refused

ACCESS: Final = (
    "password",
    "factor_added",
    "factor_removed",
    "passkey_added",
    "passkey_removed",
    "account_added",
    "code_issued",
    "activated",
)
"""What contacts are told of how an account logs in."""


def suggested(connection: sa.Connection, account: Account, department: str) -> str:
    """The name that rule R3 makes for another account of the counterparty, not taken yet; "" when it makes none.

    The entity's part is that of its application, else that of the account that asks, else made of its Chinese name.
    """
    applied = registrations.of_counterparty(connection, *party_of(account))
    if applied:
        named = (applied[0]["facts"].get("abbreviation", ""), applied[0]["facts"]["short_name"])
    elif "-" in account.login:
        named = (account.login.partition("-")[0], "")
    else:
        entity = directory.find_counterparty(connection, *party_of(account))
        named = ("", entity["name_zh"] if entity else "")
    used: list[str] = []
    while (name := account_names.suggest(*named, department, used)) and logins.is_used(connection, name):
        used.append(name)
    return name


def ask_account(connection: sa.Connection, account: Account, login: str, department: str) -> str:
    """Ask for another account; a clerk approves it. Returns the step that is due.

    Without a name it gets the one that rule R3 makes. Raises Refused.
    """
    login, department = login.strip(), department.strip()
    check_lengths({"department": department})
    login = login or suggested(connection, account, department)
    if wrong := account_names.check(login):
        raise Refused([wrong.under("/login")])
    if logins.is_used(connection, login):
        raise fault("login", "taken", "This account name cannot be had.", "该账号名不可用。")
    after = {"login": login, "department": department}
    change_id = changes.ask(
        connection, party_of(account), "account_asked", login, by=account.id, state="to_approve", after=after
    )
    return apply_later(connection, change_id)


def is_last(rows: Sequence[sa.RowMapping], account_id: str) -> bool:
    """Whether an account is the last in use of the counterparty itself, among its `rows` of accounts.

    Those of outside counsel end with their power of attorney: none of them takes the place of an own one.
    """
    own = [row["id"] for row in rows if row["state"] == "approved" and row["ends_at"] is None]
    return own == [account_id]


def stop_account(connection: sa.Connection, account: Account, account_id: str) -> tuple[str, bool]:
    """Stop an account of the counterparty; returns the step that is due, and whether it stopped at once.

    The last one stops only by a clerk's approval: without any account the entity is served on paper. Raises
    LookupError for an account that is not there, Refused when it is stopped or its stop is asked for already.
    """
    hold(connection, account)
    rows = {row["id"]: row for row in changes.accounts(connection, *party_of(account))}
    if account_id not in rows:
        raise LookupError(f"no account {account_id}")
    row = rows[account_id]
    if row["state"] != "approved" or changes.open_of(connection, *party_of(account), account_id):
        raise fault(
            "account", "stopped", "The account is stopped, or its stop is asked for.", "该账号已停用或已申请停用。"
        )
    last = is_last(list(rows.values()), account_id)
    change_id = changes.ask(
        connection,
        party_of(account),
        "account_stopped",
        account_id,
        by=account.id,
        state="to_approve" if last else "in_effect",
        before={"login": row["login"], "department": row["department"]},
    )
    if not last:
        access.stop_account(connection, row["login"], account.id, "stopped by the counterparty")
    return apply_later(connection, change_id), not last


def tell_of_access(connection: sa.Connection, account: Account, what: str, by: str) -> str:
    """Have the contacts told that an account logs in otherwise; returns the step that is due.

    `what` is one of ACCESS; `by` the account itself, or somebody of the authority.
    """
    after = {"what": what, "login": account.login}
    change_id = changes.ask(connection, party_of(account), "access", account.id, by=by, state="in_effect", after=after)
    return apply_later(connection, change_id)
