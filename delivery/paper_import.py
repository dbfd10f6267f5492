"""Paper receipts from a table (CSV): judged line by line, every fault told, then entered all or none.

A dry run is the very same run, taken back at its end. The first line names the columns: `code` (of the attempt) or
`delivery`, `date`, `method` and `outcome`, and the names of a record's details as `POST …/paper-receipts` has them.
Columns and cells may be written in the words of the pages as well. `?` or `不清` for a date says that the paper does
not tell it. A record comes without its scan, so it makes no date until the scan is here; details may follow with it.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from delivery.barcodes import read_code
from delivery.beijing import day_of
from delivery.desk import enter, judge
from delivery.paper import DETAILS, FLAGS, LISTS
from delivery.scanner import said_of_day
from delivery.vocabularies import Vocabulary
from records import attempts
from records.database import Database, legal_time
from records.errors import Fault, Refused

MAX_BYTES: Final = 5 * 1024 * 1024
MAX_LINES: Final = 5000
COLUMNS: Final = ("code", "delivery", "date", "method", "outcome", *DETAILS, *LISTS, *FLAGS)
_YES: Final = frozenset({"1", "true", "yes", "是"})
_NO: Final = frozenset({"", "0", "false", "no", "否"})
#: What a spreadsheet makes of twelve digits that it takes for a number.
_SHORTENED: Final = re.compile(r"[0-9.]+E\+?[0-9]+", re.IGNORECASE)


@dataclass(frozen=True)
class TableWords:
    """What a table may say beside codes: the names of columns, the words for `choices` by column, outcomes by method.

    A line with a word of `example` for its code shows how a table is filled in, and is none.
    """

    columns: Vocabulary
    choices: Mapping[str, Vocabulary]
    outcomes: Mapping[str, Vocabulary]
    example: Vocabulary


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
    database: Database,
    authority_id: str,
    data: bytes,
    by: str,
    words: TableWords,
    *,
    dry_run: bool,
    barred: Collection[str] = (),
) -> Imported:
    """Enter every line, or none. Raises Refused with the faults of all lines, at `/lines/2/date` and the like.

    Lines are counted as a table shows them: the first one has the names, so the first record is line 2. `barred` are
    methods of service that are not for `by` to record.
    """
    rows = list(_rows(data, words))
    hint, entered = list[str](), 0
    try:
        with database.write() as connection:
            faults = list[Fault]()
            for line, row in rows:
                try:
                    due = _enter(connection, authority_id, row, by, words, barred)
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


def _rows(data: bytes, words: TableWords) -> Iterator[tuple[int, Mapping[str, str]]]:
    if len(data) > MAX_BYTES:
        raise _refused("too_large", "The file is larger than 5 MB.", "文件超过5MB。")
    table = csv.reader(io.StringIO(_text(data), newline=""), strict=True)
    try:
        names = [words.columns.code(name) or name.strip() for name in next(table, [])]
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
            row = dict(zip(names, (cell.strip() for cell in cells), strict=False))
            if any(row.values()) and words.example.code(row.get("code", "")) is None:
                yield line, row
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


def _enter(
    connection: sa.Connection,
    authority_id: str,
    row: Mapping[str, str],
    by: str,
    words: TableWords,
    barred: Collection[str],
) -> tuple[str, ...]:
    delivery_id, attempt = row.get("delivery", ""), None
    if row.get("code"):
        if _SHORTENED.fullmatch(row["code"]):
            en = "The spreadsheet has shortened the barcode: give the column the format Text and enter it again."
            zh = "条码被表格软件改成了科学计数法：请将该列设为“文本”格式后重新录入。"
            raise Refused([Fault("/code", "shortened", en, zh)])
        code = read_code(row["code"])
        attempt = attempts.by_code(connection, code) if code else None
        if attempt is None or attempt["authority_id"] != authority_id:
            raise Refused([Fault("/code", "unknown_code", "Nobody here knows this code.", "本单位没有该条码。")])
        if delivery_id and delivery_id != attempt["delivery_id"]:
            en, zh = "The code belongs to another delivery.", "条码与送达编号不一致。"
            raise Refused([Fault("/code", "other_delivery", en, zh)])
        delivery_id = attempt["delivery_id"]
    of = authority_id, delivery_id, attempt["id"] if attempt is not None else None
    record = _record(row, attempt, day_of(legal_time(connection)), words)
    if record.get("method") in barred:
        en, zh = "This way of service is not for you to record.", "您无权登记该送达方式。"
        raise Refused([Fault("/method", "not_allowed", en, zh)])
    try:
        judged = judge(connection, of, record, None, by, scanned=True)
    except LookupError:
        en, zh = "There is no such delivery.", "没有该送达。"
        raise Refused([Fault("/delivery", "unknown_delivery", en, zh)]) from None
    return enter(connection, of, judged.result, judged.attached, by).hint


def _record(row: Mapping[str, str], attempt: sa.RowMapping | None, today: date, words: TableWords) -> dict[str, Any]:
    """The record of a line, not yet judged; what the attempt knows need not be said again. Raises Refused."""
    faults = list[Fault]()
    record = {name: row[name] for name in DETAILS if row.get(name)} | _chosen(row, attempt, words, faults)
    record |= said_of_day(row.get("date", ""), today)
    for name in LISTS:
        if items := [item.strip() for item in row.get(name, "").replace("；", ";").split(";") if item.strip()]:
            record[name] = items
    for name in FLAGS:
        said = row.get(name, "")
        if said.casefold() in _YES or words.columns.code(said) == name:
            record[name] = True
        elif said.casefold() not in _NO:
            en, zh = "Yes or no (or 1 or 0) is expected.", "须填“是”或者“否”（或者1、0）。"
            faults.append(Fault(f"/{name}", "type", en, zh))
    if faults:
        raise Refused(faults)
    if attempt is not None and attempt["servers"]:
        record.setdefault("servers", list(attempt["servers"]))
    return record


def _chosen(
    row: Mapping[str, str], attempt: sa.RowMapping | None, words: TableWords, faults: list[Fault]
) -> dict[str, Any]:
    """The codes of what is chosen among words; the method, and by post kind and number, may be the attempt's."""
    chosen = {name: _code(name, row[name], words.choices[name], faults) for name in words.choices if row.get(name)}
    if attempt is not None:
        chosen.setdefault("method", attempt["method"])
        for name in ("mail_kind", "mail_number"):
            if chosen["method"] == "post" and attempt[name] and not row.get(name):
                chosen[name] = attempt[name]
    if row.get("outcome"):
        known = words.outcomes.get(chosen.get("method", ""))
        chosen["outcome"] = _code("outcome", row["outcome"], known, faults) if known else row["outcome"]
    return chosen


def _code(name: str, text: str, vocabulary: Vocabulary, faults: list[Fault]) -> str:
    code = vocabulary.code(text)
    if code is None:
        zh, en = vocabulary.listed()
        faults.append(Fault(f"/{name}", f"unknown_{name}", f"One of these is expected: {en}.", f"须为以下之一：{zh}。"))
    return code or text
