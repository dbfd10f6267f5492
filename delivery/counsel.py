"""Outside counsel: what a request needs, and an account that opens by a code which goes to counsel alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

import sqlalchemy as sa

from delivery import account_names, activation, passwords
from delivery.accounts import tell_of_access
from delivery.beijing import day_of, end_of
from delivery.handed_files import judge, name_all, store_all
from records import counsel, logins
from records.access import Account, Person
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.inbox import case_in_inbox
from records.ledger import lock
from records.store import Store
from templates.identifiers import check_email

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
    email: str
    mobile: str
    cases: str
    file: tuple[str, str, bytes] | None


def ask_for_counsel(database: Database, store: Store, account: Account, attorney: Attorney) -> str:
    """Record the request; returns its id. Raises Refused with every fault."""
    with database.read() as connection:
        today = day_of(legal_time(connection))
        taken = logins.is_used(connection, attorney.login)
        cases, unknown = _cases(connection, account, attorney.cases)
    faults = [
        Fault(f"/{field}", "missing", "This is needed.", "此项必填。")
        for field in ("name", "email")
        if not getattr(attorney, field)
    ]
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
    if attorney.email and (wrong := check_email(attorney.email)):
        faults.append(wrong.under("/email"))
    if attorney.mobile and not activation.NUMBER.fullmatch(attorney.mobile):
        faults.append(Fault("/mobile", "mobile", "This is not a telephone number.", "手机号码不正确。"))
    judged = judge([attorney.file] if attorney.file else [], faults)
    if attorney.file is None:
        faults.append(Fault("/file1", "missing", "The power of attorney is needed.", "请上传授权委托书。"))
    if faults:
        raise Refused(faults)
    (file,) = store_all(store, judged)
    with database.write() as connection:
        name_all(connection, [file])
        values = {name: getattr(attorney, name) for name in ("name", "firm", "login", "last_day", "email", "mobile")}
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


def decide_on_counsel(
    database: Database, counsel_id: str, clerk: Person, *, approved: bool, reason: str
) -> tuple[str, ...]:
    """Approve or return a request; what was decided before stands. Returns the steps that are due.

    An approved account opens by an activation code, which goes to counsel: neither the clerk nor the client knows what
    opens it. Raises Refused for a return without a reason and for what cannot be approved (any more), LookupError when
    the clerk's authority has no such request.
    """
    if not approved and not reason:
        raise Refused([Fault("/reason", "missing", "Please give the reason.", "请写明退回理由。")])
    nobodys = passwords.nobodys()
    with database.write() as connection:
        row = counsel.find(connection, counsel_id, clerk.authority_id)
        if row is None:
            raise LookupError(f"no counsel {counsel_id}")
        ends_at = end_of(date.fromisoformat(row["last_day"]))
        if approved and row["state"] == "asked":
            _check_approval(connection, row, ends_at)
        decided = counsel.decide(
            connection, row, clerk, approved=approved, reason=reason, ends_at=ends_at, password_hash=nobodys
        )
        return _send_code(connection, row, clerk.id, "account_added") if decided and approved else ()


def _check_approval(connection: sa.Connection, row: sa.RowMapping, ends_at: datetime) -> None:
    if logins.taken(connection, [row["login"]]):
        en = "Somebody else has this account name by now; return the request."
        raise Refused([Fault("/reason", "taken", en, "该账号名已被使用，请退回。")])
    if ends_at <= legal_time(connection):
        en = "The power of attorney has ended by now; return the request."
        raise Refused([Fault("/reason", "ended", en, "授权已到期，请退回。")])
    if not row["email"]:
        en = "The request does not say where counsel is reached with the activation code; return it."
        raise Refused([Fault("/reason", "nobody", en, "申请未载明律师接收激活码的联系方式，请退回。")])


def _send_code(connection: sa.Connection, row: sa.RowMapping, by: str, told: str) -> tuple[str, ...]:
    """Have a code sent to counsel, and the client's contacts told; returns the steps. Raises LookupError."""
    present = counsel.find(connection, row["id"], row["authority_id"])
    if present is None or present["state"] != "approved" or not present["email"]:
        raise LookupError(f"no account of counsel {row['id']} to send a code for")
    account = activation.account_of(connection, present["account_id"])
    return activation.issue(connection, account, present, by), tell_of_access(connection, account, told, by)


def send_again(database: Database, counsel_id: str, account: Account) -> tuple[str, ...]:
    """Another code, asked for by the client; the password so far holds until it is used. Returns the steps.

    Raises LookupError when this counterparty has no such counsel, or it cannot be reached.
    """
    with database.write() as connection:
        row = of_account(counsel.find(connection, counsel_id, account.authority_id), account)
        lock(connection, f"directory:{account.authority_id}")
        return _send_code(connection, row, account.id, "code_issued")


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
