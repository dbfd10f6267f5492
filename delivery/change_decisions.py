"""What a clerk makes of a change that a counterparty asked for: approved, refused, seen to. One transaction each."""

from __future__ import annotations

import sqlalchemy as sa

from delivery import accounts, activation, entries, passwords
from records import access, changes, directory, logins
from records.access import Person
from records.database import Database
from records.errors import Fault, Refused

_TAKEN = Fault(
    "/login",
    "taken",
    "Somebody else has this account name by now: refuse the request with this reason.",
    "该账号名称已被他人使用：请以此为由拒绝。",
)


def approve(database: Database, clerk: Person, change_id: str) -> tuple[str, ...]:
    """Let a change count; returns the steps that are due.

    An account that was asked for opens by an activation code, which goes to a contact of the counterparty: nobody of
    the authority knows its password. Raises LookupError, changes.NotOpen, and Refused when the account's name was taken
    meanwhile or no contact can be reached.
    """
    nobodys = passwords.nobodys()
    with database.write() as connection:
        row = _at_desk(connection, clerk, change_id)
        changes.move(connection, change_id, "in_effect", clerk.id)
        if row["kind"] == "entity":
            changes.set_entity(connection, row)
        elif row["kind"] == "account_stopped":
            access.stop_account(connection, row["before"]["login"], clerk.id, "asked for by the counterparty")
        elif row["kind"] == "account_asked":
            return _open_account(connection, clerk, row, nobodys)
    return ()


def _open_account(connection: sa.Connection, clerk: Person, row: sa.RowMapping, nobodys: str) -> tuple[str, ...]:
    of, asked = (row["authority_id"], row["counterparty_id"]), row["after"]
    if logins.taken(connection, [asked["login"]]):
        raise Refused([_TAKEN])
    asker = access.find_account(connection, row["asked_by"], clerk.authority_id)
    departments = (asked["department"], asker["department"] if asker else "")
    to = activation.recipient(directory.contacts(connection, *of), *departments)
    account_id = directory.add_account(connection, *of, **asked, password_hash=nobodys, by=clerk.id)
    account = activation.account_of(connection, account_id)
    sent = activation.issue(connection, account, to, clerk.id)
    return sent, accounts.tell_of_access(connection, account, "account_added", clerk.id)


def refuse(database: Database, clerk: Person, change_id: str, reason: str) -> tuple[str, ...]:
    """Refuse a change, with a reason that the counterparty reads. Raises LookupError, changes.NotOpen."""
    with database.write() as connection:
        _at_desk(connection, clerk, change_id)
        changes.move(connection, change_id, "refused", clerk.id, reason)
    return ()


def see_to(database: Database, clerk: Person, change_id: str, office: str) -> tuple[str, ...]:
    """Mark a flagged change as seen to; `office`, if it is not empty, is responsible from now on.

    Returns the steps that are due. Raises LookupError, and Refused for an office that there is none of.
    """
    with database.write() as connection:
        row = changes.get(connection, change_id)
        if row["authority_id"] != clerk.authority_id:
            raise LookupError(f"no change {change_id}")
        changes.look_at(connection, change_id, clerk.id)
        of = (clerk.authority_id, row["counterparty_id"])
        due = entries.change_office(connection, of, office, clerk.id) if office else None
    return (due,) if due else ()


def _at_desk(connection: sa.Connection, clerk: Person, change_id: str) -> sa.RowMapping:
    row = changes.get(connection, change_id)
    if row["authority_id"] != clerk.authority_id or row["state"] == "delayed":
        raise LookupError(f"no change {change_id} to decide")
    return row
