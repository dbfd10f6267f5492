"""The authority's side of an application: its checklist, its return with reasons, its approval with what follows."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from delivery import activation, passwords
from delivery.beijing import day_of
from delivery.offices import offices
from delivery.registration import authority_of
from records import directory, logins, messages, registrations
from records.access import Person
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.ledger import append, count, lock
from templates.identifiers import check_mobile

LETTER_VERSION: Final = "局发明电〔2018〕2057号 附件1"

CHECKS: Final = ("licence_matches", "letter_signed")
ENTRIES: Final = ("original_received_on", "call_back_number", "call_back_source", "call_back_person")
CHOSEN: Final = ("office", "counterparty_id")

_IDENTIFIER = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")
_LONGEST: Final = 200


class NotWaiting(Exception):
    """The application does not wait for a decision (any more)."""


def review_faults(
    category: str, review: Mapping[str, Any], own_numbers: Collection[str], signed_on: date, today: date
) -> list[Fault]:
    """What is missing on the checklist for an approval on `today`; none when it may be approved.

    `own_numbers` are those of the application (`activation.own_numbers`), `signed_on` is the day of the letter.
    """
    found = [_needed(name) for name in CHECKS if not review.get(name) and _asked(name, category)]
    try:
        received = date.fromisoformat(review.get("original_received_on", ""))
        if not signed_on <= received <= today:
            said = ("The day must lie between the signature and today.", "日期应在签署之日至今天之间。")
            found.append(Fault("/original_received_on", "day", *said))
    except ValueError:
        found.append(_needed("original_received_on"))
    found += [_needed(name) for name in ("call_back_source", "call_back_person") if not review.get(name)]
    number = review.get("call_back_number", "")
    if not activation.NUMBER.fullmatch(number):
        found.append(_needed("call_back_number"))
    elif activation.digits(number) in own_numbers:
        found.append(activation.OWN_NUMBER.under("/call_back_number"))
    if review.get("office") not in offices().all:
        found.append(_needed("office"))
    if not _IDENTIFIER.fullmatch(review.get("counterparty_id", "")):
        said = ("Small letters, digits and hyphens.", "由小写字母、数字和“-”组成。")
        found.append(Fault("/counterparty_id", "identifier", *said))
    return found


def _asked(check: str, category: str) -> bool:
    return check != "licence_matches" or category != "foreign_entity"  # 000, annex 2.3


def _needed(name: str) -> Fault:
    return Fault(f"/{name}", "missing", "This is needed for the approval.", "审核通过前应当填写。")


def note(database: Database, person: Person, registration_id: str, review: Mapping[str, Any]) -> None:
    """Keep the checklist as far as it is. Raises NotWaiting, Refused."""
    with database.write() as connection:
        row = _waiting(connection, person, registration_id)
        _keep(connection, row, person, review)


def _keep(connection: sa.Connection, row: sa.RowMapping, person: Person, review: Mapping[str, Any]) -> None:
    long = [Fault(f"/{name}", "text", "Too long.", "过长。") for name in review if len(str(review[name])) > _LONGEST]
    if long:
        raise Refused(long)
    if dict(review) == row["review"]:
        return
    noted = {"review": dict(review), "changed_at": row["changed_at"]}  # it has waited as long as before
    registrations.change(connection, row["id"], ("submitted",), **noted)
    kind = "registration.checked"
    nth = count(connection, row["id"], row["id"], {kind}) + 1
    append(connection, row["id"], f"checked/{nth}", kind, actor=person.id, body=dict(review))


def send_back(
    database: Database, person: Person, registration_id: str, review: Mapping[str, Any], reasons: tuple[str, str]
) -> list[str]:
    """Return the application with its reasons in Chinese and English; returns the steps to hint.

    Raises NotWaiting, and Refused without reasons in both.
    """
    names = ("reasons_zh", "reasons_en")
    missing = [_needed(name) for name, text in zip(names, reasons, strict=True) if not text.strip()]
    if missing:
        raise Refused(missing)
    with database.write() as connection:
        row = _waiting(connection, person, registration_id)
        _keep(connection, row, person, review)
        _decide(connection, row, person, "returned", review, reasons)
        registrations.change(connection, row["id"], ("submitted",), state="returned")
        return _tell_result(connection, row, "registration-returned")


def approve(database: Database, person: Person, registration_id: str, review: Mapping[str, Any]) -> list[str]:
    """Enter the counterparty into the register with contacts, letter and accounts, and have the activation codes sent.

    All in one transaction with its events; returns the steps to hint. Raises NotWaiting, Refused with what is missing.
    """
    nobodys = passwords.nobodys()
    with database.write() as connection:
        lock(connection, f"directory:{person.authority_id}")  # two clerks might give one name or one code twice
        row = _waiting(connection, person, registration_id)
        _keep(connection, row, person, review)
        _raise_faults(connection, row, review)
        counterparty_id = review["counterparty_id"]
        _enter(connection, row, review, person)
        hints = []
        for each in row["facts"]["accounts"]:
            account_id = directory.add_account(
                connection,
                row["authority_id"],
                counterparty_id,
                login=each["login"],
                department=each["department"],
                password_hash=nobodys,
                by=person.id,
            )
            to = activation.recipient(row["facts"]["contacts"], each["department"])
            opened = activation.account_of(connection, account_id)
            hints.append(activation.issue(connection, opened, to, person.id, registration_id=row["id"]))
        _decide(connection, row, person, "approved", review, ("", ""))
        approved = {"state": "approved", "counterparty_id": counterparty_id}
        registrations.change(connection, row["id"], ("submitted",), **approved)
        return _tell_result(connection, row, "registration-approved") + hints


def _waiting(connection: sa.Connection, person: Person, registration_id: str) -> sa.RowMapping:
    lock(connection, registration_id)
    row = registrations.get(connection, registration_id, person.authority_id)
    if row is None or row["state"] != "submitted":
        raise NotWaiting
    return row


def _raise_faults(connection: sa.Connection, row: sa.RowMapping, review: Mapping[str, Any]) -> None:
    facts, today = row["facts"], day_of(legal_time(connection))
    signed_on = date.fromisoformat(facts["signer"]["signed_on"])
    found = review_faults(row["category"], review, activation.own_numbers(row), signed_on, today)
    for login in logins.taken(connection, [each["login"] for each in facts["accounts"]]):
        said = (f"The account name {login} is taken: return the application.", f"账号名称{login}已被使用：请退回申请。")
        found.append(Fault("/accounts", "taken", *said))
    for other in registrations.entered_under(connection, row):
        said = (f"This credit code is in the register already: {other}.", f"该统一社会信用代码已在名录库中：{other}。")
        found.append(Fault("/credit_code", "same_entity", *said))
    known = directory.find_counterparty(connection, row["authority_id"], review.get("counterparty_id", ""))
    if known is not None:
        found.append(Fault("/counterparty_id", "taken", "This identifier is taken.", "该标识已被使用。"))
    if found:
        raise Refused(found)


def _enter(connection: sa.Connection, row: sa.RowMapping, review: Mapping[str, Any], person: Person) -> None:
    """Counterparty, contacts and the letter, in force from now on, with the system that it names."""
    facts, of = row["facts"], (connection, row["authority_id"], review["counterparty_id"])
    named = {name: facts[name] for name in ("name_zh", "name_en", "address_zh", "address_en")}
    code = facts.get("credit_code") or None
    directory.create_counterparty(
        *of, kind=row["category"], credit_code=code, office=review["office"], by=person.id, **named
    )
    for each in facts["contacts"]:
        mobile = each["mobile"] if check_mobile(each["mobile"]) is None else None
        reached = {"mobile": mobile, "email": each["email"]}
        directory.add_contact(*of, name=each["name"], department=each["department"], **reached)
    system = authority_of(connection, row)["system"]
    scan = row["files"]["letter"]["digest"]
    directory.file_letter(
        *of,
        letter_version=LETTER_VERSION,
        system_name=system["name"]["zh"],
        system_address=system["address"],
        signed_on=facts["signer"]["signed_on"],
        in_force_from=legal_time(connection),
        scan_digest=scan,
        by=person.id,
    )


def _decide(
    connection: sa.Connection,
    row: sa.RowMapping,
    person: Person,
    outcome: str,
    review: Mapping[str, Any],
    reasons: tuple[str, str],
) -> None:
    zh, en = (text.strip() for text in reasons)
    now = legal_time(connection)
    decided = {"outcome": outcome, "review": dict(review), "reasons_zh": zh, "reasons_en": en}
    registrations.keep_decision(connection, row, decided_by=person.id, decided_at=now, **decided)
    key = f"{outcome}/{row['submissions']}"
    append(connection, row["id"], key, f"registration.{outcome}", actor=person.id, body=decided)


def _tell_result(connection: sa.Connection, row: sa.RowMapping, template: str) -> list[str]:
    """Tell the applicant and the contacts (000 二(一)): by SMS in the mainland, and every contact by e-mail."""
    to = {("sms", row["mobile"]): None}
    for each in row["facts"]["contacts"]:
        to |= {activation.reached(each): None, ("email", each["email"]): None}
    of, said = (connection, row["authority_id"]), {"number": row["number"]}
    return [messages.write(*of, *address, template, said, registration_id=row["id"]) for address in to]
