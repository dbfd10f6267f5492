"""The scanner flow: the barcode of an attempt, a day, and what came of it make a paper receipt in one act.

Details that the method demands (who signed, witnesses) may follow with the scan: until then the record makes no date.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from delivery.barcodes import read_code
from delivery.beijing import day_of
from delivery.desk import RecordedReceipt, record_paper_receipt
from records import attempts, deliveries
from records.database import Database, legal_time
from records.errors import Fault, Refused
from records.store import Store

_TODAY: Final = frozenset({"today", "t", "今天", "今日"})
_YESTERDAY: Final = frozenset({"yesterday", "y", "昨天", "昨日"})
_UNKNOWN: Final = frozenset({"?", "??", "不清", "不明", "日期不清", "日期不明", "无日期", "illegible", "unknown"})


@dataclass(frozen=True)
class Scanned:
    """What a scan led to: the attempt, and its record. `known` says that the same record stood already (a double).

    `day` is None where the paper does not tell it.
    """

    delivery_id: str
    attempt_id: str
    day: date | None
    method: str
    outcome: str
    receipt: RecordedReceipt
    known: bool


def read_day(text: str, today: date | None = None) -> str:
    """`20261122`, `2026.11.22`, `2026年11月22日`, in full-width digits too, as 2026-11-22; with `today` (Beijing) also
    `today`, `今天`, `yesterday`, `昨天`. Anything else as it is, for the rules to refuse.
    """
    text = unicodedata.normalize("NFKC", text).strip()
    if today is not None and text.casefold() in _TODAY | _YESTERDAY:
        return (today - timedelta(days=text.casefold() in _YESTERDAY)).isoformat()
    eight = re.fullmatch(r"([0-9]{4})([0-9]{2})([0-9]{2})", text)
    parts = eight or re.fullmatch(r"([0-9]{4})[-./年]([0-9]{1,2})[-./月]([0-9]{1,2})日?", text)
    return f"{parts[1]}-{int(parts[2]):02}-{int(parts[3]):02}" if parts else text


def said_of_day(text: str, today: date | None = None) -> dict[str, Any]:
    """What a record says of its day: `date` as `read_day` reads it; or, for `?`, `不清` and the like, that the paper
    does not tell it (`illegible`).
    """
    if unicodedata.normalize("NFKC", text).strip().casefold() in _UNKNOWN:
        return {"illegible": True}
    return {"date": read_day(text, today)}


def record_scanned(
    database: Database,
    store: Store,
    authority_id: str,
    code: str,
    day: str,
    result: str,
    by: str,
    *,
    date_note: str = "",
) -> Scanned:
    """Record what came of the attempt whose code was scanned; the same scan again changes nothing.

    `day` is as `said_of_day` reads it, `date_note` what is wrong with one that the paper does not tell. `result` is
    `method/outcome`, as `leaving/served` for what was refused at the door; or `served` alone, by the attempt's own
    method. Raises Refused with every fault, at `/code`, `/date`, `/method` and `/outcome`.
    """
    attempt, record = said_by_scan(database, authority_id, code, day, result)
    record |= {"date_note": date_note} if date_note else {}
    with database.read() as connection:
        stood = {row["id"] for row in deliveries.paper_receipts(connection, attempt["delivery_id"])}
        doubles = attempts.records_of(connection, attempt["id"])
    for double in doubles:
        said = double["record"]
        if any(said.get(name) != record.get(name) for name in ("method", "outcome", "date")):
            day_en, day_zh = said.get("date", "date unknown"), said.get("date", "日期不明")
            en = f"This attempt is recorded already: {said['outcome']}, {day_en}. Correct that record."
            zh = f"该次送达已登记（{day_zh}）；如有错误，请更正该记录。"
            raise Refused([Fault("/code", "recorded_already", en, zh)])
        return _scanned(attempt, record, RecordedReceipt.of(double, "", ()), known=True)
    receipt = record_paper_receipt(
        database, store, authority_id, attempt["delivery_id"], record, None, by, attempt_id=attempt["id"], scanned=True
    )
    return _scanned(attempt, record, receipt, known=receipt.id in stood)


def said_by_scan(
    database: Database, authority_id: str, code: str, day: str, result: str
) -> tuple[sa.RowMapping, dict[str, Any]]:
    """The attempt whose code was scanned, and the record that the scan makes of it, not yet judged.

    Raises Refused, at `/code`, for a code that is none or nobody's here.
    """
    with database.read() as connection:
        attempt = _attempt(connection, authority_id, code)
        today = day_of(legal_time(connection))
    record = _said(attempt, result) | said_of_day(day, today)
    if attempt["servers"]:
        record["servers"] = attempt["servers"]
    if record["method"] == "post":
        record |= {name: attempt[name] for name in ("mail_kind", "mail_number") if attempt[name]}
    return attempt, record


def _scanned(attempt: sa.RowMapping, record: dict[str, Any], receipt: RecordedReceipt, *, known: bool) -> Scanned:
    day = date.fromisoformat(record["date"]) if "date" in record else None
    names = attempt["delivery_id"], attempt["id"], day, record["method"], record["outcome"]
    return Scanned(*names, receipt, known)


def _said(attempt: sa.RowMapping, result: str) -> dict[str, Any]:
    method, _, outcome = result.rpartition("/")
    method = method or attempt["method"]
    if outcome == "served" and method == "public_notice":
        outcome = "published"
    return {"method": method, "outcome": outcome}


def _attempt(connection: sa.Connection, authority_id: str, text: str) -> sa.RowMapping:
    code = read_code(text)
    if code is None:
        en, zh = "This is no code of an attempt: scan it again.", "不是送达回证上的条码，请重新扫描。"
        raise Refused([Fault("/code", "not_a_code", en, zh)])
    found = attempts.by_code(connection, code)
    if found is None:
        raise Refused([Fault("/code", "unknown_code", "Nobody here knows this code.", "本系统没有该条码。")])
    if found["authority_id"] != authority_id:
        en, zh = "This code belongs to another office: pass the paper on.", "该条码属于其他单位，请转交。"
        raise Refused([Fault("/code", "other_office", en, zh)])
    return found
