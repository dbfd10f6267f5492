"""Composing: blocks and facts become the words of one document, the same for every typesetter.

A composed block is plain JSON: `kind`, and texts as lists of lines `[language, text]` in reading order. What a reader
sees is decided here, how it looks is decided by the typesetter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from records.errors import Fault, Refused
from templates.clauses import Block, Clauses, Row
from templates.conditions import values
from templates.formatters import LAWS, Laws, laws
from templates.numerals import chinese
from templates.placeholders import Twin

_SPACES = re.compile("[ \t]+")  # not U+3000: on a form it holds the room for a pen

Composed = dict[str, Any]
Line = tuple[str, str]


@dataclass(frozen=True)
class Frame:
    """What a document carries beside its facts: titles, numbers, authority, recipients of copies, laws to cite."""

    title_zh: str
    title_en: str
    authority: Mapping[str, Any]
    number_zh: str | None = None
    number_en: str | None = None
    copies_to: Sequence[tuple[str, str]] = ()
    laws: Laws = field(default_factory=laws)


def compose(clauses: Clauses, facts: Mapping[str, Any], frame: Frame) -> list[Composed]:
    """All blocks to print, in order. Raises Refused with every placeholder that could not be filled."""
    scope = {**facts, "authority": frame.authority, "words": clauses.words, LAWS: frame.laws}
    composed: list[Composed] = []
    faults: list[Fault] = []
    for block in clauses.blocks:
        try:
            if block.when.holds(scope):
                composed += _block(block, scope, frame)
        except Refused as refused:
            faults += refused.faults
    if faults:
        raise Refused(faults)
    return composed


def _block(block: Block, scope: Mapping[str, Any], frame: Frame) -> Iterator[Composed]:
    made = _MAKERS[block.kind](block, scope, frame)
    if made is not None:
        yield {"kind": block.kind, **made}


def _letterhead(block: Block, scope: Mapping[str, Any], frame: Frame) -> Composed:
    name = frame.authority["letterhead"]
    lines = _lines(block.text, scope) or pair(name["zh"], name["en"])
    number = pair(frame.number_zh, frame.number_en or frame.number_zh or "") if frame.number_zh else []
    return {"lines": lines, "number": number, "compact": block.compact}


def _title(_block: Block, _scope: Mapping[str, Any], frame: Frame) -> Composed:
    return {"lines": pair(frame.title_zh, frame.title_en)}


def _text(block: Block, scope: Mapping[str, Any], _frame: Frame) -> Composed | None:
    lines = _lines(block.text, scope)
    return {"lines": lines} if lines else None


def _heading(block: Block, scope: Mapping[str, Any], _frame: Frame) -> Composed:
    return {"lines": _lines(block.text, scope), "apart": block.apart}


def _list(block: Block, scope: Mapping[str, Any], _frame: Frame) -> Composed | None:
    items = [_lines(row.value, inner) for row, inner in _spread(block.rows, scope)]
    marked = [_marked(lines, number) for number, lines in enumerate(items, start=1)]
    return {"items": marked} if marked else None


def _marked(lines: list[Line], number: int) -> list[Line]:
    """The item with its number, in front of the first line of each language."""
    marks = {"zh": f"（{chinese(number)}）", "en": f"({number}) "}
    return [(language, marks.pop(language, "") + text) for language, text in lines]


def _fields(block: Block, scope: Mapping[str, Any], _frame: Frame) -> Composed | None:
    rows = [_field(row, inner) for row, inner in _spread(block.rows, scope)]
    return {"rows": rows} if rows else None


def _field(row: Row, scope: Mapping[str, Any]) -> Composed:
    """Label and value, or room to write the value by hand where one of its facts is not given."""
    label = _lines(row.label, scope)
    if row.by_hand and row.value and not all(values(scope, each.path) for each in row.value.zh.placeholders):
        return {"label": label, "lines": [], "blank": row.by_hand}
    return {"label": label, "lines": _lines(row.value, scope), "blank": row.blank}


def _approval(block: Block, scope: Mapping[str, Any], frame: Frame) -> Composed | None:
    form = _fields(block, scope, frame)
    words = {name: pair(each["zh"], each["en"]) for name, each in scope["words"]["approval"].items()}
    return {**form, **words} if form else None


def _table(block: Block, scope: Mapping[str, Any], _frame: Frame) -> Composed | None:
    items = _items(block.each, scope)
    rows = []
    for number, item in enumerate(items, start=1):
        inner = {**scope, block.name: item, "row": {"number": number}}
        rows.append([_field(column, inner)["lines"] for column in block.rows])
    heads = [{"lines": _lines(column.label, scope), "width": column.width} for column in block.rows]
    return {"caption": _lines(block.text, scope), "columns": heads, "rows": rows} if rows else None


def _notice(block: Block, scope: Mapping[str, Any], _frame: Frame) -> Composed:
    texts = [_lines(row.value, inner) for row, inner in _spread(block.rows, scope)]
    return {"lines": _lines(block.text, scope), "texts": texts}


def _closing(block: Block, scope: Mapping[str, Any], frame: Frame) -> Composed:
    name = frame.authority["name"]
    return {"agency": pair(name["zh"], name["en"]), "date": _lines(block.date, scope)}


def _signatures(block: Block, scope: Mapping[str, Any], _frame: Frame) -> Composed | None:
    lines = [
        {"label": _lines(row.label, inner), "lines": _lines(row.value, inner)}
        for row, inner in _spread(block.rows, scope)
    ]
    return {"signers": lines} if lines else None


def _copies(_block: Block, _scope: Mapping[str, Any], frame: Frame) -> Composed | None:
    if not frame.copies_to:
        return None
    zh = "，".join(name for name, _ in frame.copies_to)
    en = "; ".join(name for _, name in frame.copies_to)
    return {"lines": pair(f"抄送：{zh}。", f"Copies to: {en}.")}


_MAKERS = {
    "letterhead": _letterhead,
    "title": _title,
    "foot": _text,
    "addressee": _text,
    "heading": _heading,
    "clause": _text,
    "list": _list,
    "fields": _fields,
    "table": _table,
    "notice": _notice,
    "approval": _approval,
    "closing": _closing,
    "signatures": _signatures,
    "copies": _copies,
}


def _spread(rows: Sequence[Row], scope: Mapping[str, Any]) -> Iterator[tuple[Row, Mapping[str, Any]]]:
    """The rows that are to be printed: loops unrolled, choices made, conditions asked."""
    for row in rows:
        for inner in _scopes(row, scope):
            chosen = next((each for each in row.choices if each.when.holds(inner)), None) if row.choices else row
            if chosen is not None and row.when.holds(inner):
                yield chosen, inner


def _scopes(row: Row, scope: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    if not row.each:
        yield scope
        return
    for number, item in enumerate(_items(row.each, scope), start=1):
        yield {**scope, row.name: item, "row": {"number": number}}


def _items(path: str, scope: Mapping[str, Any]) -> list[Any]:
    return values(scope, path)


def _lines(twin: Twin | None, scope: Mapping[str, Any]) -> list[Line]:
    return [] if twin is None else pair(*twin.fill(scope))


def pair(zh: str, en: str) -> list[Line]:
    """A text in two languages as lines: paragraph under paragraph where both have the same number of them.

    What is the same in both, such as a certificate's number, stands once.
    """
    if zh == en:
        return [("zh", text) for text in _paragraphs(zh)]
    chinese_parts, english_parts = _paragraphs(zh), _paragraphs(en)
    if len(chinese_parts) == len(english_parts):
        return [line for z, e in zip(chinese_parts, english_parts, strict=True) for line in (("zh", z), ("en", e))]
    return [*(("zh", text) for text in chinese_parts), *(("en", text) for text in english_parts)]


def _paragraphs(text: str) -> list[str]:
    return [_SPACES.sub(" ", part).strip(" ") for part in text.split("\n") if part.strip()]
