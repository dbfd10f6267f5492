"""Paper receipts from a table (CSV): judged line by line, every fault told, then entered all or none.

A dry run is the very same run, taken back at its end. The first line names the columns: `code` (of the attempt) or
`delivery`, `date`, `method` and `outcome`, and the names of a record's details as `POST …/paper-receipts` has them.
`?` or `不清` for a date says that the paper does not tell it. A record comes without its scan, so it makes no date
until the scan is here; details may follow with it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from delivery.barcodes import read_code
from delivery.beijing import day_of
from delivery.desk import enter, judge
from delivery.paper import DETAILS, FLAGS, LISTS
from delivery.scanner import said_of_day
from records import attempts
from records.database import Database, legal_time
from records.errors import Fault, Refused

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_LINES: Final = 5000
COLUMNS: Final = ("code", "delivery", "date", "method", "outcome", *DETAILS, *LISTS, *FLAGS)
_NAMES_ZH: Final = {
    "条码": "code",
    "送达编号": "delivery",
    "日期": "date",
    "送达方式": "method",
    "结果": "outcome",
    "接收人": "receiver",
    "接收人身份": "capacity",
    "邮件种类": "mail_kind",
    "邮件号码": "mail_number",
    "备注": "note",
    "日期说明": "date_note",
}
_YES: Final = frozenset({"1", "true", "yes", "是"})
_NO: Final = frozenset({"", "0", "false", "no", "否"})


@dataclass(frozen=True)
class Imported:
    """What came of it. `entered` are new records, `known` those that stood already. `hint` names steps that are due."""

    lines: int
    entered: int
    known: int
    hint: tuple[str, ...]
    dry_run: bool = False


class _TakenBack(Exception):
    """Ends a dry run: the transaction is rolled back."""


def import_receipts(
    database: Database, authority_id: str, data: bytes, by: str, *, dry_run: bool, barred: Collection[str] = ()
) -> Imported:
    """Enter every line, or none. Raises Refused with the faults of all lines, at `/lines/2/date` and the like.

    Lines are counted as a table shows them: the first one has the names, so the first record is line 2. `barred` are
    methods of service that are not for `by` to record.
    """
    rows = list(_rows(data))
    hint, entered = list[str](), 0
    try:
        with database.write() as connection:
            faults = list[Fault]()
            for line, row in rows:
                try:
                    _check_method(row, barred)
                    due = _enter(connection, authority_id, row, by)
                except Refused as refused:
                    faults += [fault.under(f"/lines/{line}") for fault in refused.faults]
                    continue
                hint += due
                entered += bool(due)
            if faults:
                raise Refused(faults)
            if dry_run:
                raise _TakenBack
    except _TakenBack:
        hint = []
    return Imported(len(rows), entered, len(rows) - entered, tuple(hint), dry_run)


def _rows(data: bytes) -> Iterator[tuple[int, Mapping[str, str]]]:
    if len(data) > MAX_BYTES:
        raise _refused("too_large", "The file is larger than 5 MB.", "文件超过5MB。")
    table = csv.reader(io.StringIO(_text(data), newline=""), strict=True)
    try:
        names = [_NAMES_ZH.get(name.strip(), name.strip()) for name in next(table, [])]
        unknown = [name for name in names if name not in COLUMNS]
        if unknown or len(set(names)) < len(names) or not names:
            said = ", ".join(unknown)[:200] or "–"
            en = f"The first line must name the columns, each once; not known: {said}"
            raise _refused("columns", en, f"首行须为列名且不得重复；未知的列：{said}")
        for line, cells in enumerate(table, 2):
            if line > MAX_LINES + 1:
                raise _refused("too_many_lines", f"At most {MAX_LINES} lines at once.", f"一次最多{MAX_LINES}行。")
            if len(cells) > len(names):
                raise _refused("columns", f"Line {line} has more cells than columns.", f"第{line}行的列数过多。")
            if any(cell.strip() for cell in cells):
                yield line, dict(zip(names, (cell.strip() for cell in cells), strict=False))
    except csv.Error as error:
        raise _refused("not_csv", f"The file is no table: {error}", "文件不是 CSV 表格。") from error


def _text(data: bytes) -> str:
    """UTF-8, or GB 18030, as Chinese office programs write tables."""
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise _refused("encoding", "The file is neither UTF-8 nor GB 18030.", "文件编码须为 UTF-8 或者 GB 18030。")


def _refused(code: str, en: str, zh: str) -> Refused:
    return Refused([Fault("/file", code, en, zh)])


def _check_method(row: Mapping[str, str], barred: Collection[str]) -> None:
    if row.get("method", "") in barred:
        en, zh = "This way of service is not for you to record.", "您无权登记该送达方式。"
        raise Refused([Fault("/method", "not_allowed", en, zh)])


def _enter(connection: sa.Connection, authority_id: str, row: Mapping[str, str], by: str) -> tuple[str, ...]:
    delivery_id, attempt = row.get("delivery", ""), None
    if row.get("code"):
        code = read_code(row["code"])
        attempt = attempts.by_code(connection, code) if code else None
        if attempt is None or attempt["authority_id"] != authority_id:
            raise Refused([Fault("/code", "unknown_code", "Nobody here knows this code.", "本单位没有该条码。")])
        if delivery_id and delivery_id != attempt["delivery_id"]:
            en, zh = "The code belongs to another delivery.", "条码与送达编号不一致。"
            raise Refused([Fault("/code", "other_delivery", en, zh)])
        delivery_id = attempt["delivery_id"]
    of = authority_id, delivery_id, attempt["id"] if attempt is not None else None
    record = _record(row, attempt, connection)
    try:
        judged = judge(connection, of, record, None, by, scanned=True)
    except LookupError:
        en, zh = "There is no such delivery.", "没有该送达。"
        raise Refused([Fault("/delivery", "unknown_delivery", en, zh)]) from None
    return enter(connection, of, judged.result, judged.attached, by).hint


def _record(row: Mapping[str, str], attempt: sa.RowMapping | None, connection: sa.Connection) -> dict[str, Any]:
    record: dict[str, Any] = {name: row[name] for name in ("method", "outcome", *DETAILS) if row.get(name)}
    record |= said_of_day(row.get("date", ""), day_of(legal_time(connection)))
    for name in LISTS:
        if items := [item.strip() for item in row.get(name, "").replace("；", ";").split(";") if item.strip()]:
            record[name] = items
    faults = []
    for name in FLAGS:
        said = row.get(name, "").casefold()
        if said in _YES:
            record[name] = True
        elif said not in _NO:
            faults.append(Fault(f"/{name}", "type", f"{name} must be 1 or 0.", "须为1或者0（是或者否）。"))
    if faults:
        raise Refused(faults)
    if attempt is not None:
        record.setdefault("method", attempt["method"])
        for name in ("mail_kind", "mail_number"):
            if record["method"] == "post" and attempt[name]:
                record.setdefault(name, attempt[name])
        if attempt["servers"]:
            record.setdefault("servers", list(attempt["servers"]))
    return record
