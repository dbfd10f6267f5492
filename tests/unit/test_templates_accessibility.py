"""What readers who do not see the page need, found missing by `songda templates check` (ISO 14289-1; WCAG 2.2)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest
from pikepdf import Dictionary, Name

from templates.accessibility import block_faults, clause_faults, file_faults
from templates.clauses import read_clauses
from tests.printed import printed_sample

DECISION = "penalty-decision"
TITLE = {"kind": "title", "lines": [("zh", "标题"), ("en", "Title")]}
HEADING = {"kind": "heading", "lines": [("zh", "一、"), ("en", "I.")]}
CLAUSE = {"kind": "clause", "lines": [("zh", "甲"), ("en", "A")]}


def codes(found: Any) -> list[str]:
    faults = list(found)
    assert all(fault.message_en and fault.message_zh for fault in faults)
    return [fault.code for fault in faults]


# --- clauses


def clause(**members: Any) -> list[str]:
    block = {"kind": "clause", "zh": "甲", "en": "A", **members}
    return codes(clause_faults(read_clauses({"blocks": [block]}, "x")))


def test_a_text_in_the_other_language_is_found() -> None:
    assert clause() == []
    assert clause(zh="{{ a | date }}", en="{{ a | date }}") == []
    assert clause(en="marked 作废") == ["language"]
    assert clause(zh="Not Chinese at all") == ["language"]
    assert clause(zh="ATPL-1101", en="ATPL-1101") == []  # the same in both: it stands once


def test_a_table_without_a_caption_is_found() -> None:
    column = {"label": {"zh": "甲", "en": "A"}, "value": {"zh": "{{ x.a }}", "en": "{{ x.a }}"}}
    table = {"kind": "table", "each": "rows", "as": "x", "columns": [column]}
    assert codes(clause_faults(read_clauses({"blocks": [table]}, "x"))) == ["no_caption"]
    named = {**table, "caption": {"zh": "表", "en": "Table"}}
    assert codes(clause_faults(read_clauses({"blocks": [named]}, "x"))) == []


# --- composed blocks


@pytest.mark.parametrize(
    ("blocks", "expected"),
    [
        ([TITLE, HEADING, CLAUSE], []),
        ([CLAUSE, TITLE], ["headings"]),
        ([TITLE, HEADING, HEADING, CLAUSE], ["headings"]),
        ([TITLE, CLAUSE, HEADING], ["headings"]),
        ([TITLE, {"kind": "table", "columns": [{"lines": []}], "rows": []}], ["table_head"]),
    ],
)
def test_headings_stand_over_something_and_columns_have_heads(
    blocks: list[dict[str, Any]], expected: list[str]
) -> None:
    assert codes(block_faults(blocks)) == expected


# --- the printed file


def changed(change: Callable[[pikepdf.Pdf], None]) -> list[str]:
    with pikepdf.open(io.BytesIO(printed_sample(DECISION).pdf)) as opened:
        change(opened)
        written = io.BytesIO()
        opened.save(written)
    return codes(file_faults(written.getvalue()))


def elements(pdf: pikepdf.Pdf, kind: str) -> list[Any]:
    return [each for each in pdf.objects if isinstance(each, Dictionary) and each.get("/S") == Name(kind)]


def test_the_printed_decision_lacks_nothing() -> None:
    assert changed(lambda _pdf: None) == []


def _untitled(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.Metadata


def _hidden_title(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.ViewerPreferences


def _no_language(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.Lang


def _untagged(pdf: pikepdf.Pdf) -> None:
    del pdf.Root.StructTreeRoot


def _all_chinese(pdf: pikepdf.Pdf) -> None:
    for each in pdf.objects:
        if isinstance(each, Dictionary) and "/Lang" in each and each is not pdf.Root:
            each.Lang = pikepdf.String("zh-CN")


def _second_title(pdf: pikepdf.Pdf) -> None:
    elements(pdf, "/H2")[0].S = Name.H1


def _skipped_level(pdf: pikepdf.Pdf) -> None:
    elements(pdf, "/H2")[0].S = Name.H3


def _no_heads(pdf: pikepdf.Pdf) -> None:
    for each in elements(pdf, "/TH"):
        each.S = Name.TD


def _heads_without_scope(pdf: pikepdf.Pdf) -> None:
    del elements(pdf, "/TH")[0].A


def _bare_picture(pdf: pikepdf.Pdf) -> None:
    elements(pdf, "/P")[0].S = Name.Figure


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (_untitled, "no_title"),
        (_hidden_title, "no_title"),
        (_no_language, "no_language"),
        (_untagged, "not_tagged"),
        (_all_chinese, "no_language"),
        (_second_title, "headings"),
        (_skipped_level, "headings"),
        (_no_heads, "table_head"),
        (_heads_without_scope, "table_head"),
        (_bare_picture, "no_alternative"),
    ],
)
def test_what_a_file_lacks_is_found(change: Callable[[pikepdf.Pdf], None], expected: str) -> None:
    assert set(changed(change)) == {expected}
