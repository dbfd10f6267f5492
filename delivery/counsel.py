"""Outside counsel: what a request needs, and an account without a password until the client gives it one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

import sqlalchemy as sa

from delivery import account_names, passwords
from delivery.beijing import day_of, end_of
from delivery.handed_files import judge, name_all, store_all
from records import access, counsel, logins
from records.access import Account, Person
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.inbox import case_in_inbox
from records.store import Store

_LONGEST: Final = timedelta(days=3 * 366)
_MOST_CASES: Final = 50


@dataclass(frozen=True)
class Attorney:
    """A request as it is entered.

    `last_day` of the power of attorney is YYYY-MM-DD; `cases` has the numbers of the cases that it names, each in a
    line, none where it is for whatever the client receives; `file`: field, name and bytes.
    """

    name: str
    firm: str
    login: str
    last_day: str
    cases: str
    file: tuple[str, str, bytes] | None


def ask_for_counsel(database: Database, store: Store, account: Account, attorney: Attorney) -> str:
    """Record the request; returns its id. Raises Refused with every fault."""
    with database.read() as connection:
        today = day_of(legal_time(connection))
        taken = logins.is_used(connection, attorney.login)
        cases, unknown = _cases(connection, account, attorney.cases)
    faults = [] if attorney.name else [Fault("/name", "missing", "This is needed.", "此项必填。")]
    if wrong := account_names.check(attorney.login):
        faults.append(wrong.under("/login"))
    elif taken:
        faults.append(Fault("/login", "taken", "This account name is taken.", "该账号名已被使用。"))
    try:
        last_day = date.fromisoformat(attorney.last_day)
    except ValueError:
        faults.append(Fault("/last_day", "not_a_date", "Please give a day.", "请填写日期。"))
    else:
        if not today <= last_day <= today + _LONGEST:
            en = "The power of attorney ends between today and three years from now."
            faults.append(Fault("/last_day", "out_of_range", en, "授权终止日须在今日至三年之内。"))
    faults += unknown
    judged = judge([attorney.file] if attorney.file else [], faults)
    if attorney.file is None:
        faults.append(Fault("/file1", "missing", "The power of attorney is needed.", "请上传授权委托书。"))
    if faults:
        raise Refused(faults)
    (file,) = store_all(store, judged)
    with database.write() as connection:
        name_all(connection, [file])
        values = {"name": attorney.name, "firm": attorney.firm, "login": attorney.login, "last_day": attorney.last_day}
        return counsel.ask(connection, account, **values, cases=cases, digest=file.digest)


def _cases(connection: sa.Connection, account: Account, typed: str) -> tuple[list[str], list[Fault]]:
    """The cases that are meant, as their documents write them, and what of `typed` is none of the client's."""
    wanted = list(dict.fromkeys(filter(None, map(str.strip, typed.splitlines()))))
    if len(wanted) > _MOST_CASES:
        en = f"At most {_MOST_CASES} cases; leave the field empty for all."
        return [], [Fault("/cases", "too_many", en, f"最多填写{_MOST_CASES}个案号；全部案件请留空。")]
    found = {each: case_in_inbox(connection, account, each) for each in wanted}
    unknown = [
        Fault(
            "/cases",
            "unknown",
            f"No document of a case {each[:60]} was sent to you.",
            f"您未收到过案号为{each[:60]}的文书。",
        )
        for each, case_no in found.items()
        if case_no is None
    ]
    return sorted({case_no for case_no in found.values() if case_no is not None}), unknown


def decide_on_counsel(database: Database, counsel_id: str, clerk: Person, *, approved: bool, reason: str) -> bool:
    """Approve or return a request; False if that was done already.

    Raises Refused for a return without a reason and for a log-in name that was taken meanwhile, LookupError when the
    clerk's authority has no such request.
    """
    if not approved and not reason:
        raise Refused([Fault("/reason", "missing", "Please give the reason.", "请写明退回理由。")])
    nobodys = passwords.nobodys()
    with database.write() as connection:
        row = counsel.find(connection, counsel_id, clerk.authority_id)
        if row is None:
            raise LookupError(f"no counsel {counsel_id}")
        if approved and row["state"] == "asked" and logins.taken(connection, [row["login"]]):
            en = "Somebody else has this account name by now; return the request."
            raise Refused([Fault("/reason", "taken", en, "该账号名已被使用，请退回。")])
        ends_at = end_of(date.fromisoformat(row["last_day"]))
        return counsel.decide(
            connection, row, clerk, approved=approved, reason=reason, ends_at=ends_at, password_hash=nobodys
        )


def new_password(database: Database, counsel_id: str, account: Account) -> str:
    """Give the counsel's account another password, which is told once and nowhere else, and end its sessions.

    It is the client who gives it to its counsel. Raises LookupError when this counterparty has no such counsel.
    """
    password = secrets.token_urlsafe(15)
    hashed = passwords.hash_password(password)
    with database.write() as connection:
        row = of_account(counsel.find(connection, counsel_id, account.authority_id), account)
        if row["state"] != "approved":
            raise LookupError(f"counsel {counsel_id} is {row['state']}")
        access.change_account_password(connection, row["login"], hashed, account.id)
    return password


def revoke_counsel(database: Database, counsel_id: str, account: Account) -> bool:
    """End the power of attorney at once. Raises LookupError when this counterparty has no such counsel."""
    with database.write() as connection:
        row = of_account(counsel.find(connection, counsel_id, account.authority_id), account)
        return counsel.revoke(connection, row, account.id)


def of_account(row: sa.RowMapping | None, account: Account) -> sa.RowMapping:
    """The request `row`, if it is of the account's own counterparty. Raises LookupError."""
    if row is None or row["counterparty_id"] != account.counterparty_id or account.ends_at is not None:
        raise LookupError("no such counsel of this counterparty")
    return row
