"""First log-in: by a one-time code the owner of an account chooses the password, which nobody else ever knows.

A phone and an SMS code alone open no account that exists: after the first code a further one is issued by a clerk only,
who has asked the counterparty back and says how.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from delivery import passwords
from records import access, activations, messages
from records.access import Account, Person
from records.database import Database
from records.errors import Fault, Refused
from records.ledger import append, lock
from templates.identifiers import check_mobile

SECONDS: Final = 7 * 24 * 3600.0
"""For how long a code counts."""
TRIES: Final = 10
"""Tries of one code; then a clerk issues another."""

CALL_BACK: Final = ("number", "source", "person")
OWN_NUMBER: Final = Fault(
    "",
    "own_number",
    "The number stands in the application itself: call one from an independent source.",
    "该号码由申请人自己填报：应当使用独立来源的号码回拨核实。",
)
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # 10 of 30: 49 bits
_LENGTH: Final = 10


def new_code() -> str:
    """A code such as `7K3M9-QXT4B`."""
    letters = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
    return f"{letters[: _LENGTH // 2]}-{letters[_LENGTH // 2 :]}"


def code_hash(code: str) -> str:
    """What is stored of a code."""
    return passwords.rehash(_plain(code))


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).upper()[:40]


def reached(contact: Mapping[str, str]) -> tuple[str, str]:
    """How a contact is reached, (channel, address): by SMS in the mainland, else by e-mail."""
    if check_mobile(contact["mobile"]) is None:
        return "sms", contact["mobile"]
    return "email", contact["email"]


def own_numbers(registration: sa.RowMapping) -> set[str]:
    """The numbers that an application names itself, as `digits` gives them: calling one of them proves nothing."""
    return {digits(each["mobile"]) for each in registration["facts"]["contacts"]} | {digits(registration["mobile"])}


def digits(number: str) -> str:
    """The digits by which a number is known again: the last eleven, without the country code."""
    return re.sub(r"[^0-9]", "", number)[-11:]


def issue(
    connection: sa.Connection,
    registration: sa.RowMapping,
    account_id: str,
    account: Mapping[str, Any],
    by: str,
    call_back: Mapping[str, str] | None = None,
) -> str:
    """Have a code sent for an account, to its department's contact or else the first one; returns the step to hint."""
    authority_id = registration["authority_id"]
    activation_id = activations.issue(connection, account_id, authority_id, SECONDS, by, call_back)
    contacts = registration["facts"]["contacts"]
    contact = next((each for each in contacts if each["department"] == account["department"]), contacts[0])
    append(
        connection,
        f"directory:{authority_id}",
        f"account/{account_id}/activation/{activation_id}",
        "account.activation_issued",
        subject=account_id,
        actor=by,
        body={"login": account["login"], "call_back": call_back},
    )
    about = {"registration_id": registration["id"], "secret_of": activation_id}
    said = {"login": account["login"]}
    return messages.write(connection, authority_id, *reached(contact), "activation-code", said, **about)


def issue_again(
    database: Database, registration: sa.RowMapping, person: Person, account_id: str, call_back: Mapping[str, str]
) -> str:
    """Another code, by a clerk who has asked back and says how; the password so far holds until it is used.

    Raises LookupError for an account that is not one of this registration, Refused when the call-back is not told.
    """
    missing = [
        Fault(f"/{name}", "missing", "Say whom you asked back, and how.", "请填写回拨核实的情况。")
        for name in CALL_BACK
        if not call_back.get(name)
    ]
    if not missing and digits(call_back["number"]) in own_numbers(registration):
        missing = [OWN_NUMBER.under("/number")]
    if missing:
        raise Refused(missing)
    with database.write() as connection:
        lock(connection, f"directory:{registration['authority_id']}")
        row = access.find_account(connection, account_id, registration["authority_id"])
        if row is None or row["counterparty_id"] != registration["counterparty_id"] or row["state"] != "approved":
            raise LookupError(account_id)
        return issue(connection, registration, account_id, dict(row), person.id, call_back)


def activate(database: Database, login: str, code: str, password: str) -> Account | None:
    """Set the owner's password if the code is right; the account, or None.

    The try is counted before the code is looked at. The account's other sessions end. Raises ValueError for a password
    that is too short or too long.
    """
    new_hash = passwords.hash_password(password)
    with database.write() as connection:
        counted = activations.count_try(connection, login, TRIES)
    if not passwords.matches(counted["code_hash"] if counted else None, _plain(code)) or counted is None:
        return None
    with database.write() as connection:
        if not activations.use(connection, counted["id"]):
            return None
        access.change_account_password(connection, login, new_hash, by=counted["account_id"])
        append(
            connection,
            f"directory:{counted['authority_id']}",
            f"account/{counted['account_id']}/activated/{counted['id']}",
            "account.activated",
            subject=counted["account_id"],
            actor=counted["account_id"],
            body={"login": login},
        )
        found = [each.subject for each in access.credentials(connection, login) if isinstance(each.subject, Account)]
    return found[0] if found else None
