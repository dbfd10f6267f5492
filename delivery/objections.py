"""Objections to a service date (confirmation letter III.3), raised by a party, ruled by a named person. Rules and rows.

An objection that is upheld sets another day, by a superseding event; one that is dismissed leaves the date as it is.
Either way objection, ruling and reasons stay on record, and the party reads them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.document_dates import sending_day
from delivery.handed_files import Judged, judge, name_all, store_all
from delivery.inbox import actor_of
from delivery.service import settle_now
from records import deliveries, ledger, objections
from records.access import Account, Person
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.people import NOBODY, Acting
from records.store import Store

MOST_WORDS: Final = 4000


@dataclass(frozen=True)
class Raised:
    """An objection as it is entered: the day that the party says is right (YYYY-MM-DD), why, and what proves it.

    `file` is field, name and bytes.
    """

    id: str
    claimed: str
    grounds: str
    file: tuple[str, str, bytes] | None = None


@dataclass(frozen=True)
class Ruling:
    """A ruling as it is entered: `upheld` or `dismissed`, the reasons, for the first the service date that follows."""

    outcome: str
    reasons: str
    served_on: str = ""


def raise_objection(
    database: Database,
    store: Store,
    delivery_id: str,
    account: Account,
    session_hash: str,
    acting: Acting | None,
    raised: Raised,
) -> bool:
    """Record an objection; False for one that stands already under its id.

    Without `acting`, whoever uses the account, it is refused; so is the day that stands already. Raises Refused with
    every fault, LookupError when the delivery is not in this account's inbox.
    """
    acting, claimed, judged = _complete(raised, acting)
    files = store_all(store, judged)
    with database.write() as connection:
        row = deliveries.inbox_item(connection, delivery_id, account)
        if row is None:
            raise LookupError(f"no delivery {delivery_id} in this inbox")
        ledger.lock(connection, row["document_id"])
        row = deliveries.inbox_item(connection, delivery_id, account)
        assert row is not None  # noqa: S101 - it was there
        if objections.find(connection, raised.id, account.authority_id) is not None:
            return False
        _check_open(connection, row, claimed)
        name_all(connection, files)
        told = {
            "against": row["service_date"],
            "claimed": claimed.isoformat(),
            "grounds": raised.grounds,
            "digest": files[0].digest if files else None,
        }
        moment = legal_time(connection)
        objections.insert(
            connection,
            id=raised.id,
            authority_id=row["authority_id"],
            counterparty_id=row["counterparty_id"],
            delivery_id=delivery_id,
            document_id=row["document_id"],
            account_id=account.id,
            person=acting.name,
            office=acting.office,
            session=session_hash,
            raised_at=moment,
            **told,
        )
        ledger.append(
            connection,
            row["document_id"],
            f"{delivery_id}/objection/{raised.id}",
            "objection.raised",
            subject=delivery_id,
            actor=account.id,
            happened_at=moment,
            body=actor_of(connection, account, session_hash, acting) | told | {"objection": raised.id},
        )
        return True


def _complete(raised: Raised, acting: Acting | None) -> tuple[Acting, date, list[Judged]]:
    """Who objects, the day that is claimed, and the file as it is judged by its content. Raises Refused."""
    faults = _faults_of_words(raised.grounds, "/grounds")
    claimed = _day(raised.claimed, "/claimed", faults)
    judged = judge([raised.file] if raised.file else [], faults)
    if acting is None:
        faults.append(NOBODY)
    if faults or acting is None or claimed is None:
        raise Refused(faults)
    return acting, claimed, judged


def _check_open(connection: sa.Connection, row: sa.RowMapping, claimed: date) -> None:
    if row["service_status"] != "final":
        en = "There is no delivery date yet, so there is nothing to object to."
        raise Refused([Fault("/claimed", "no_date", en, "送达日期尚未确定，无从提出异议。", "确认函 三.3")])
    if row["service_date"] == claimed.isoformat():
        en = "This is the date that stands: an objection gives another day."
        raise Refused([Fault("/claimed", "same_day", en, "与现有送达日期相同；异议应当写明另一日期。")])
    if any(each["outcome"] is None for each in objections.of_delivery(connection, row["id"])):
        en = "An objection to this date waits for a ruling already."
        raise Refused([Fault("/grounds", "open", en, "已有一项异议等待决定。")])


def rule_on(database: Database, objection_id: str, clerk: Person, ruling: Ruling) -> tuple[str, ...]:
    """Rule on an objection, in the name of `clerk`; returns the ids of steps that are due now.

    Raises Refused with every fault, LookupError when the clerk's authority has no such objection.
    """
    with database.write() as connection:
        found = objections.find(connection, objection_id, clerk.authority_id)
        if found is None:
            raise LookupError(f"no objection {objection_id}")
        ledger.lock(connection, found["document_id"])
        found = objections.find(connection, objection_id, clerk.authority_id)
        assert found is not None  # noqa: S101 - nothing is ever taken away
        row, moment = deliveries.get(connection, found["delivery_id"]), legal_time(connection)
        served_on = _checked(found, row, ruling, day_of(moment))
        told = {"outcome": ruling.outcome, "served_on": served_on, "reasons": ruling.reasons}
        objections.rule(
            connection, objection_id=objection_id, person_id=clerk.id, name=clerk.name, ruled_at=moment, **told
        )
        ledger.append(
            connection,
            found["document_id"],
            f"{row['id']}/objection/{objection_id}/ruled",
            "objection.ruled",
            subject=row["id"],
            actor=clerk.id,
            happened_at=moment,
            legal_date=served_on,
            body=told | {"objection": objection_id, "name": clerk.name, "login": clerk.login},
        )
        return settle_now(connection, row["id"], moment) if served_on else ()


def _checked(found: sa.RowMapping, row: sa.RowMapping, ruling: Ruling, today: date) -> str | None:
    """The service date that follows (YYYY-MM-DD), None for a dismissal. Raises Refused."""
    faults = _faults_of_words(ruling.reasons, "/reasons")
    if found["outcome"] is not None:
        faults.append(Fault("", "ruled", "This objection has its ruling already.", "该异议已有决定。"))
    if ruling.outcome not in ("upheld", "dismissed"):
        faults.append(Fault("/outcome", "missing", "Choose the ruling.", "请选择决定结果。"))
    served_on = _day(ruling.served_on, "/served_on", faults) if ruling.outcome == "upheld" else None
    if served_on is not None and served_on > today:
        en = "A ruling sets no day that has not come."
        faults.append(Fault("/served_on", "future", en, "不得将送达日期定在将来。"))
    sent_on = sending_day(row)
    if served_on is not None and sent_on is not None and served_on < sent_on:
        en = "Nothing is served before the day on which it was sent."
        faults.append(Fault("/served_on", "before_sending", en, "送达日期不得早于发送之日。"))
    if faults:
        raise Refused(faults)
    return served_on.isoformat() if served_on else None


def _faults_of_words(text: str, pointer: str) -> list[Fault]:
    if not text:
        return [Fault(pointer, "missing", "Please give the reasons.", "请写明理由。", "确认函 三.3")]
    if len(text) > MOST_WORDS:
        return [Fault(pointer, "too_long", f"At most {MOST_WORDS} characters.", f"最多{MOST_WORDS}字。")]
    return []


def _day(text: str, pointer: str, faults: list[Fault]) -> date | None:
    try:
        found = date.fromisoformat(text)
        if not 1950 <= found.year < 2200:
            raise ValueError("year")
    except ValueError:
        faults.append(
            Fault(pointer, "not_a_date", "Please give a day, such as 2026-11-22.", "请填写日期，如 2026-11-22。")
        )
        return None
    return found
