"""The seal on printed copies: a clerk records who put the wet seal on them, or that they show the electronic one.

A printout of a sealed file shows the seal, and its signature is not on paper: which of the two a recipient holds is
part of the record of service (004-77, 79).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.document_dates import document_date
from records import documents, paper, paper_seals
from records.database import Database, legal_time
from records.errors import Fault, Refused
from templates.facts import check_text

_MOST_COPIES: Final = 99
_LONGEST: Final = {"sealed_by": 100, "note": 500}


def record_paper_seal(
    database: Database, authority_id: str, delivery_id: str, entered: Mapping[str, str], by: str
) -> str:
    """Record what was entered (`how`, `copies`, `sealed_by`, `sealed_on` as YYYY-MM-DD, `note`); returns the id.

    Raises Refused with every fault, and LookupError when the authority has no such delivery.
    """
    with database.write() as connection:
        row = paper.lock(connection, delivery_id, authority_id)
        if row is None:
            raise LookupError(f"no delivery {delivery_id}")
        document = documents.get(connection, row["document_id"])
        if document["released_at"] is None:
            en = "The document is not released: there is nothing to print yet."
            raise Refused([Fault("", "not_released", en, "文书尚未签发，暂不能打印。")])
        record = {name: entered.get(name, "").strip() for name in ("how", "sealed_by", "sealed_on", "note")}
        days = (document_date(document), day_of(legal_time(connection)))
        faults = [*_faults(record, days, sealed=document["sealed"]), *_copies_faults(entered.get("copies", ""))]
        if faults:
            raise Refused(faults)
        if record["how"] == "electronic":
            record["sealed_by"] = ""
        copies = int(entered["copies"])
        known = paper_seals.of_delivery(connection, delivery_id)
        same = next((each["id"] for each in known if _is_same(each, record, copies)), None)
        return same or paper_seals.record(connection, authority_id, delivery_id, copies=copies, by=by, **record)


def _is_same(row: sa.RowMapping, record: Mapping[str, str], copies: int) -> bool:
    """A second click, or a request sent again."""
    return row["copies"] == copies and all(row[name] == value for name, value in record.items())


def _faults(record: Mapping[str, str], days: tuple[date, date], *, sealed: bool) -> Iterator[Fault]:
    if record["how"] not in paper_seals.WAYS:
        en = "Say whether it is the wet seal or the electronic one."
        yield Fault("/how", "how", en, "请选择加盖实物印章或者打印电子印章。")
    if record["how"] == "electronic" and not sealed:
        yield Fault("/how", "not_sealed", "This document bears no electronic seal.", "本文书未加盖电子印章。")
    if record["how"] == "wet" and not record["sealed_by"]:
        yield Fault("/sealed_by", "missing", "Say who put the seal on the copies.", "请填写盖章人。")
    for name, longest in _LONGEST.items():
        if len(record[name]) > longest:
            yield Fault(f"/{name}", "too_long", f"At most {longest} characters.", f"不得超过{longest}字。")
        yield from (fault.under(f"/{name}") for fault in check_text(record[name]))
    yield from _day_faults(record["sealed_on"], *days)


def _day_faults(text: str, first: date, today: date) -> Iterator[Fault]:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        yield Fault("/sealed_on", "date", "A day is written as 2026-11-28.", "日期的格式为2026-11-28。")
        return
    if day > today:
        yield Fault("/sealed_on", "future", "This day is still to come.", "该日期尚未到来。")
    if day < first:
        yield Fault("/sealed_on", "early", "This day is before the document's own.", "该日期早于文书日期。")


def _copies_faults(text: str) -> Iterator[Fault]:
    if not (text.isascii() and text.isdigit() and len(text) < 3 and 1 <= int(text) <= _MOST_COPIES):
        yield Fault("/copies", "copies", f"The copies are 1 to {_MOST_COPIES}.", f"份数须为1至{_MOST_COPIES}。")
