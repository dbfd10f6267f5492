"""First log-in: by a one-time code the owner of an account chooses the password, which nobody else ever knows.

A phone and an SMS code alone open no account that exists: after the first code a further one is issued by a clerk only,
who has asked the counterparty back and says how. Contacts are told of each further code, and of what it opened.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Final

import sqlalchemy as sa

from delivery import passwords
from delivery.accounts import tell_of_access
from delivery.reminders import Row, mainland_phone
from delivery.sms import checked_phone
from records import access, activations, directory, messages, registrations
from records.access import Account, Person
from records.database import Database
from records.errors import Fault, Refused
from records.ledger import append, lock

SECONDS: Final = 7 * 24 * 3600.0
"""For how long a code counts."""
TRIES: Final = 100_000
"""Tries of one code, from wherever; then a clerk issues another.

Not so few that strangers could use up a code which is somebody's: the page bounds them by account and address, and by
account alone (`delivery.portal.proving`: 100 in a quarter of an hour, some 67,000 in seven days). Of 30^10 codes that
many tries find one with a probability of 1.1e-10, and as many as are counted here with 1.7e-10.
"""

CALL_BACK: Final = ("number", "source", "person")
NUMBER: Final = re.compile(r"\+?[0-9][0-9 ()-]{4,24}")
"""A telephone number as a clerk types it."""
OWN_NUMBER: Final = Fault(
    "",
    "own_number",
    "The counterparty gave this number itself: call one from an independent source.",
    "该号码由相对人自己填报：应当使用独立来源的号码回拨核实。",
)
_NOBODY: Final = Fault(
    "/account",
    "nobody",
    "No contact in effect can be reached by SMS or e-mail: the counterparty enters one first.",
    "没有可以接收短信或者电子邮件的有效联系人，请相对人先登记联系人。",
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


def reached(contact: Row) -> tuple[str, str]:
    """How a contact is reached, (channel, address): by SMS in the mainland, else by e-mail."""
    if mainland_phone(contact["mobile"]):
        return "sms", checked_phone(contact["mobile"])
    return "email", contact["email"]


def recipient(contacts: Iterable[Row], *departments: str) -> Row:
    """Whose code it is to bring on: the contact of the first of these departments that has one, else the first contact.

    One whose entry is not in effect yet gets none: whoever stole an account could enter it. Raises Refused.
    """
    wanted = [each.strip().casefold() for each in departments]
    able = [each for each in contacts if not each.get("pending") and (each["email"] or mainland_phone(each["mobile"]))]
    if not able:
        raise Refused([_NOBODY])

    def rank(contact: Row) -> int:
        department = contact["department"].strip().casefold()
        return wanted.index(department) if department in wanted else len(wanted)

    return min(able, key=rank)


def masked(address: str) -> str:
    """A number or an e-mail address as a clerk sees where a code went: `138****0001`, `z***@carrier.example`."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"{digits(address)[:3]}****{address[-4:]}"


def own_numbers(registration: sa.RowMapping) -> set[str]:
    """The numbers that an application names itself, as `digits` gives them: calling one of them proves nothing."""
    return {digits(each["mobile"]) for each in registration["facts"]["contacts"]} | {digits(registration["mobile"])}


def digits(number: str) -> str:
    """The digits by which a number is known again: the last eleven, without the country code."""
    return re.sub(r"[^0-9]", "", number)[-11:]


def account_of(connection: sa.Connection, account_id: str) -> Account:
    """An account that may log in. Raises LookupError."""
    found = access.open_subject(connection, "account", account_id)
    if not isinstance(found, Account):
        raise LookupError(f"no account {account_id}")
    return found


def issue(
    connection: sa.Connection,
    account: Account,
    to: Row,
    by: str,
    *,
    call_back: Mapping[str, str] | None = None,
    registration_id: str | None = None,
) -> str:
    """Have a code sent to the contact `to`, instead of every earlier one of the account; returns the step to hint.

    `registration_id` is the application by whose approval the account is opened, if it is one.
    """
    activation_id = activations.issue(connection, account.id, account.authority_id, SECONDS, by, call_back)
    channel, address = reached(to)
    append(
        connection,
        f"directory:{account.authority_id}",
        f"account/{account.id}/activation/{activation_id}",
        "account.activation_issued",
        subject=account.id,
        actor=by,
        body={"login": account.login, "channel": channel, "call_back": call_back},
    )
    about = {"registration_id": registration_id, "secret_of": activation_id}
    said = {"login": account.login}
    return messages.write(connection, account.authority_id, channel, address, "activation-code", said, **about)


def issue_again(
    database: Database, clerk: Person, counterparty_id: str, account_id: str, call_back: Mapping[str, str]
) -> tuple[str, ...]:
    """Another code, by a clerk who has asked back and says how; the password so far holds until it is used.

    Returns the steps that are due. Raises LookupError for an account that is not an open one of this counterparty, or
    of outside counsel; Refused when none is chosen, nobody can be reached, or the call-back is not told or proves
    nothing.
    """
    of = (clerk.authority_id, counterparty_id)
    with database.write() as connection:
        lock(connection, f"directory:{clerk.authority_id}")
        faults = _call_back_faults(connection, of, call_back)
        if not account_id:
            faults.append(Fault("/account", "missing", "Please choose the account.", "请选择账号。"))
        account = account_of(connection, account_id) if account_id else None
        if account and ((account.authority_id, account.counterparty_id) != of or account.ends_at is not None):
            raise LookupError(account_id)
        if faults or account is None:
            raise Refused(faults)
        to = recipient(directory.contacts(connection, *of), account.department)
        sent = issue(connection, account, to, clerk.id, call_back=call_back)
        return sent, tell_of_access(connection, account, "code_issued", clerk.id)


def _call_back_faults(connection: sa.Connection, of: tuple[str, str], call_back: Mapping[str, str]) -> list[Fault]:
    faults = [
        Fault(f"/{name}", "missing", "Say whom you asked back, and how.", "请填写回拨核实的情况。")
        for name in CALL_BACK
        if not call_back.get(name)
    ]
    number = call_back.get("number", "")
    if number and not NUMBER.fullmatch(number):
        faults.append(Fault("/number", "number", "This is not a telephone number.", "电话号码不正确。"))
    own = {digits(each) for each in directory.mobiles(connection, *of)}
    for registration in registrations.of_counterparty(connection, *of):
        own |= own_numbers(registration)
    if number and digits(number) in own:
        faults.append(OWN_NUMBER.under("/number"))
    return faults


def activate(database: Database, login: str, code: str, password: str) -> tuple[Account, str] | None:
    """Set the owner's password if the code is right; the account and the step that is due, or None.

    The try is counted before the code is looked at. The account's other sessions end; contacts are told. Raises
    ValueError for a password that is too short or too long.
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
        account = account_of(connection, counted["account_id"])
        return account, tell_of_access(connection, account, "activated", account.id)
