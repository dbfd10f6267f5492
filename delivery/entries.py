"""What a counterparty does with its own entries: entity, contacts, consent. One transaction each.

A stolen account must not silence those who would notice: contacts are told of each change, and a change of contacts
takes effect only after a delay, in which the former ones go on being told and any account can take it back.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from delivery.mail import checked_address
from delivery.offices import offices
from delivery.reminders import OCCASIONS, mainland_phone
from delivery.sms import checked_phone
from records import changes, directory, ledger, steps
from records.access import Account
from records.database import legal_time
from records.errors import Fault, Permanent, Refused

ENTITY: Final = ("name_zh", "name_en", "address_zh", "address_en")
CONTACT: Final = ("name", "department", "mobile", "email")
WISHES: Final = tuple(f"{occasion}/{channel}" for occasion in OCCASIONS for channel in ("email", "sms"))[1:]
"""What a contact may do without: everything but the e-mail that an instrument has arrived."""

_DATA: Final = Path(__file__).parent / "entries.toml"
_LONGEST: Final = 200


@cache
def _rules() -> Mapping[str, int]:
    found: Mapping[str, int] = tomllib.loads(_DATA.read_text("utf-8"))["contacts"]
    return found


def delay_hours() -> int:
    """Hours until a change of contacts takes effect."""
    return _rules()["delay_hours"]


def party_of(account: Account) -> tuple[str, str]:
    """The counterparty of an account: (authority, id)."""
    return account.authority_id, account.counterparty_id


def fault(field: str, code: str, en: str, zh: str) -> Refused:
    """A refusal with one fault, at a field of the form."""
    return Refused([Fault(f"/{field}", code, en, zh)])


def hold(connection: sa.Connection, account: Account) -> None:
    """Two at the same moment must not each stop the last but one."""
    ledger.lock(connection, f"directory:{account.authority_id}")


def apply_later(connection: sa.Connection, change_id: str) -> str:
    """The step by which contacts are told of a change, and by which a delayed one takes effect."""
    return steps.add(connection, "change", change_id, "apply")


# --- entity ----------------------------------------------------------------------------------------------------------


def change_entity(connection: sa.Connection, account: Account, entered: Mapping[str, str]) -> str:
    """Update the entity's data; returns the step that is due.

    Another name waits for a clerk; another address counts at once and is flagged, for it may mean another office.
    Raises Refused.
    """
    values = {name: entered.get(name, "").strip() for name in ENTITY}
    check_lengths(values)
    row = directory.find_counterparty(connection, *party_of(account))
    if row is None:
        raise Permanent(f"counterparty {account.counterparty_id} is not in the register")
    changed = {name: value for name, value in values.items() if value != row[name]}
    if not changed:
        raise fault("", "nothing", "Nothing was changed.", "内容没有变更。")
    named = "name_zh" in changed or "name_en" in changed
    change_id = changes.ask(
        connection,
        party_of(account),
        "entity",
        account.counterparty_id,
        by=account.id,
        state="to_approve" if named else "in_effect",
        before={name: row[name] for name in changed},
        after=changed,
        flagged=not named,
    )
    if not named:
        changes.set_entity(connection, changes.get(connection, change_id))
    return apply_later(connection, change_id)


def change_office(connection: sa.Connection, of: tuple[str, str], office: str, by: str) -> str | None:
    """Let another office be responsible for the counterparty `of` (authority, id), as the person `by` found.

    Returns the step that is due, for contacts are told; None when it is responsible already. Raises Refused.
    """
    if office not in offices().all:
        raise fault("office", "unknown", "There is no such office.", "没有该单位。")
    row = directory.find_counterparty(connection, *of)
    if row is None:
        raise Permanent(f"counterparty {of[1]} is not in the register")
    if row["office"] == office:
        return None
    before, after = {"office": row["office"]}, {"office": office}
    change_id = changes.ask(connection, of, "entity", of[1], by=by, state="in_effect", before=before, after=after)
    changes.set_entity(connection, changes.get(connection, change_id))
    return apply_later(connection, change_id)


def check_lengths(values: Mapping[str, str]) -> None:
    """Raises Refused with every value that is not one line of 1 to 200 characters."""
    wrong = [name for name, value in values.items() if not 0 < len(value) <= _LONGEST or not value.isprintable()]
    if wrong:
        raise Refused(
            [
                Fault(
                    f"/{name}", "length", f"1 to {_LONGEST} characters in one line.", f"须为一行1至{_LONGEST}个字符。"
                )
                for name in wrong
            ]
        )


# --- contacts --------------------------------------------------------------------------------------------------------


def check_contact(entered: Mapping[str, str]) -> dict[str, str]:
    """A contact as it is stored: real name, department, mobile number and e-mail. Raises Refused with every fault."""
    values = {name: entered.get(name, "").strip() for name in CONTACT}
    faults: list[Fault] = []
    for name in ("name", "department"):
        if not 0 < len(values[name]) <= 100 or not values[name].isprintable():
            faults.append(Fault(f"/{name}", "length", "1 to 100 characters.", "须为1至100个字符。"))
    try:
        values["email"] = checked_address(values["email"])
    except Permanent:
        faults.append(Fault("/email", "email", "This is not an e-mail address.", "电子邮件地址不正确。"))
    try:
        values["mobile"] = checked_phone(values["mobile"])
    except Permanent:
        en = "This is not a telephone number (with +, country code and digits)."
        faults.append(Fault("/mobile", "mobile", en, "手机号码不正确。"))
    if faults:
        raise Refused(faults)
    return values


def _in_a_while(connection: sa.Connection) -> Any:
    return legal_time(connection) + timedelta(hours=delay_hours())


def add_contact(connection: sa.Connection, account: Account, entered: Mapping[str, str]) -> str:
    """Add a contact, who is told from now on and counts after the delay; returns the due step. Raises Refused."""
    contact_id = changes.add_contact(connection, party_of(account), check_contact(entered))
    return _delayed(connection, account, "contact_added", contact_id, after=dict.fromkeys(CONTACT, ""))


def _delayed(connection: sa.Connection, account: Account, kind: str, subject_id: str, **more: Any) -> str:
    due = _in_a_while(connection)
    of = party_of(account)
    change_id = changes.ask(connection, of, kind, subject_id, by=account.id, state="delayed", effective_at=due, **more)
    return apply_later(connection, change_id)


def own_contact(connection: sa.Connection, account: Account, contact_id: str) -> sa.RowMapping:
    """An active contact of the account's counterparty. Raises LookupError."""
    for row in directory.contacts(connection, *party_of(account)):
        if row["id"] == contact_id:
            return row
    raise LookupError(f"no contact {contact_id}")


def _free_contact(connection: sa.Connection, account: Account, contact_id: str) -> sa.RowMapping:
    """A contact in effect with no change under way. Raises LookupError, Refused."""
    hold(connection, account)
    row = own_contact(connection, account, contact_id)
    if row["pending"] or changes.open_of(connection, *party_of(account), contact_id):
        en = "A change of this contact is under way: take it back first, or wait for it."
        raise fault("", "under_way", en, "该联系人的变更尚未生效，请先撤回或者等待生效。")
    return row


def change_contact(connection: sa.Connection, account: Account, contact_id: str, entered: Mapping[str, str]) -> str:
    """Put another entry in a contact's place after the delay; both are told until then. Returns the due step.

    Raises LookupError, Refused.
    """
    row = _free_contact(connection, account, contact_id)
    values = check_contact(entered)
    changed = {name: "" for name in CONTACT if values[name] != row[name]}
    if not changed:
        raise fault("", "nothing", "Nothing was changed.", "内容没有变更。")
    new = changes.add_contact(connection, party_of(account), values | {"silent": row["silent"]})
    return _delayed(connection, account, "contact_changed", contact_id, before={"new": new}, after=changed)


def end_contact(connection: sa.Connection, account: Account, contact_id: str) -> str:
    """End a contact after the delay; at least two stay. Returns the due step. Raises LookupError, Refused."""
    _free_contact(connection, account, contact_id)
    if not enough_without(connection, party_of(account), contact_id):
        least = _rules()["least"]
        raise fault("", "too_few", f"At least {least} contacts stay.", f"联系人不得少于{least}名。")
    return _delayed(connection, account, "contact_ended", contact_id)


def enough_without(connection: sa.Connection, of: tuple[str, str], contact_id: str) -> bool:
    """Whether enough contacts in effect stay without this one, and without those whose end is asked for."""
    stay = [
        row
        for row in directory.contacts(connection, *of)
        if row["id"] != contact_id and not row["pending"]
        if not any(each["kind"] == "contact_ended" for each in changes.open_of(connection, *of, row["id"]))
    ]
    return len(stay) >= _rules()["least"]


def choose_notices(connection: sa.Connection, account: Account, contact_id: str, silent: list[str]) -> str:
    """Which notices a contact does without, after the delay; returns the due step. Raises LookupError, Refused.

    That an instrument has arrived is always told by e-mail.
    """
    row = _free_contact(connection, account, contact_id)
    wanted = [each for each in WISHES if each in silent]
    if wanted == (row["silent"] or []):
        raise fault("", "nothing", "Nothing was changed.", "内容没有变更。")
    return _delayed(connection, account, "contact_wishes", contact_id, after={"silent": wanted})


def reached_by(row: sa.RowMapping) -> tuple[str, ...]:
    """The channels that reach a contact."""
    return ("email", "sms") if mainland_phone(row["mobile"]) else ("email",)


# --- consent, and second thoughts ------------------------------------------------------------------------------------

WITHDRAWAL: Final = (
    "本单位撤回对电子送达的同意。自撤回之时起，本系统不再向本单位的账号送达行政执法文书，改以纸质方式送达；"
    "此前已经发送的文书，其送达及有关期限不受影响。撤回后再次采用电子送达，须重新签署确认函。",
    "We withdraw our consent to electronic service. From the time of withdrawal this system no longer serves "
    "enforcement instruments on our accounts; they are served on paper instead. The service of instruments already "
    "sent, and the related time limits, are not affected. Electronic service may resume only after a new confirmation "
    "letter has been signed.",
)


def withdraw_consent(connection: sa.Connection, account: Account) -> str:
    """Withdraw every confirmation letter in force; returns the step that is due. Raises Refused when there is none."""
    now = legal_time(connection)
    found = [row for row in directory.letters(connection, *party_of(account)) if row["withdrawn_at"] is None]
    if not found:
        raise fault("", "no_letter", "No confirmation letter is in force.", "没有有效的确认函。")
    for row in found:
        directory.withdraw_letter(connection, row["id"], now, account.id)
    change_id = changes.ask(
        connection,
        party_of(account),
        "letter_withdrawn",
        found[0]["id"],
        by=account.id,
        state="in_effect",
        after={"letters": [row["id"] for row in found], "shown_zh": WITHDRAWAL[0], "shown_en": WITHDRAWAL[1]},
        flagged=True,
    )
    return apply_later(connection, change_id)


def take_back(connection: sa.Connection, account: Account, change_id: str) -> None:
    """Take back a change that has not taken effect. Raises LookupError, changes.NotOpen."""
    row = changes.get(connection, change_id)
    if (row["authority_id"], row["counterparty_id"]) != party_of(account):
        raise LookupError(f"no change {change_id}")
    changes.move(connection, change_id, "taken_back", account.id)
    _drop_new_contact(connection, row)


def _drop_new_contact(connection: sa.Connection, row: sa.RowMapping) -> None:
    new = {"contact_added": row["subject_id"], "contact_changed": (row["before"] or {}).get("new")}.get(row["kind"])
    if new:
        changes.set_contact(connection, new, active=False)


# --- when a change takes effect --------------------------------------------------------------------------------------


def take_effect(connection: sa.Connection, change_id: str) -> None:
    """Let a delayed change take effect, or refuse it when it would leave too few contacts. Raises changes.NotOpen."""
    row = changes.get(connection, change_id)
    of = (row["authority_id"], row["counterparty_id"])
    if row["kind"] == "contact_ended" and not enough_without(connection, of, row["subject_id"]):
        changes.move(connection, change_id, "refused", "system", "too_few")
        return
    changes.move(connection, change_id, "in_effect", "system")
    if row["kind"] == "contact_wishes":
        changes.set_contact(connection, row["subject_id"], silent=row["after"]["silent"])
    elif row["kind"] == "contact_added":
        changes.set_contact(connection, row["subject_id"], pending=False)
    else:
        changes.set_contact(connection, row["subject_id"], active=False)
        if row["kind"] == "contact_changed":
            changes.set_contact(connection, row["before"]["new"], pending=False)
