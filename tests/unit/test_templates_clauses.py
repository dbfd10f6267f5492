"""The clause model: its shape, its conditions, and placeholders that can do nothing but print."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.errors import Permanent, Refused
from templates.clauses import load_clauses, read_clauses
from templates.composing import Frame, compose, pair
from templates.conditions import Condition, values
from templates.placeholders import Placeholder, Text, Twin

FRAME = Frame("标题", "Title", {"name": {"zh": "机关", "en": "Agency"}, "letterhead": {"zh": "机关", "en": "Agency"}})


def composed(blocks: list[dict[str, Any]], facts: Mapping[str, Any], **words: Any) -> list[dict[str, Any]]:
    return compose(read_clauses({"blocks": blocks, "words": words}, "x"), facts, FRAME)


def clause(zh: str, en: str, **more: Any) -> dict[str, Any]:
    return {"kind": "clause", "zh": zh, "en": en, **more}


def test_a_fact_prints_in_both_languages_from_one_value() -> None:
    twin = Twin.read(
        {"zh": "罚款{{ fine | amount }}，{{ day | date }}", "en": "{{ fine | amount }}, {{ day | date }}"}, "x"
    )
    assert twin.fill({"fine": "30000.00", "day": "2026-11-22"}) == (
        "罚款人民币叁万元整（¥30,000.00），二〇二六年十一月二十二日",
        "RMB 30,000.00, 22 November 2026",
    )


def test_a_pair_prints_the_half_of_its_language() -> None:
    twin = Twin.read({"zh": "{{ p.name }}", "en": "{{ p.name }}"}, "x")
    assert twin.fill({"p": {"name": {"zh": "甲", "en": "A"}}}) == ("甲", "A")


@pytest.mark.parametrize("missing", [{"zh": "甲"}, {"en": "A"}, {"zh": "甲", "en": None}, None, "甲"])
def test_a_text_without_its_twin_cannot_be_read(missing: object) -> None:
    with pytest.raises(Permanent, match="both languages"):
        Twin.read(missing, "block 1")


@pytest.mark.parametrize(
    "source",
    [
        "{% for x in y %}{{ x }}{% endfor %}",
        "{% if a %}b{% endif %}",
        "{% set a = 1 %}",
        "{{ a + b }}",
        "{{ a() }}",
        "{{ a.b() }}",
        "{{ a['b'] }}",
        "{{ a[0] }}",
        "{{ 'text' }}",
        "{{ 7 * 7 }}",
        "{{ a if b else c }}",
        "{{ a | amount(1) }}",
        "{{ a | amount(x=b) }}",
        "{% include 'x' %}",
        "{{ a | nothing }}",
        "{{ a | upper }}",
        "{{",
        "{{ }}",
    ],
)
def test_a_clause_holds_placeholders_and_nothing_else(source: str) -> None:
    with pytest.raises(Permanent):
        Text(source, "zh")


@pytest.mark.parametrize("path", ["a.__class__", "a.items", "a.__init__.__globals__", "a.keys", "b.real", "c.upper"])
def test_a_placeholder_reaches_plain_data_only(path: str) -> None:
    """Attributes and methods of Python objects are not facts."""
    with pytest.raises(Refused) as refused:
        Text(f"{{{{ {path} }}}}", "zh").fill({"a": {"x": 1}, "b": 1, "c": "text"})
    assert refused.value.faults[0].code == "undefined_placeholder"


def test_an_undefined_fact_is_refused_by_name() -> None:
    with pytest.raises(Refused) as refused:
        Text("{{ party.name }}", "en").fill({"party": {}})
    assert refused.value.faults[0].pointer == "/party/name"


@pytest.mark.parametrize("value", [True, None, [1], {"zh": "甲"}, {"zh": 1, "en": 2, "x": 3}, 1.5])
def test_what_has_no_text_of_its_own_is_not_printed(value: object) -> None:
    with pytest.raises(Refused) as refused:
        Text("{{ a }}", "zh").fill({"a": value})
    assert refused.value.faults[0].code == "not_printable"


def test_a_formatter_that_refuses_names_the_fact() -> None:
    with pytest.raises(Refused) as refused:
        Text("{{ a.day | date }}", "zh").fill({"a": {"day": "2026-02-30"}})
    assert refused.value.faults[0].pointer == "/a/day"


@given(st.text(max_size=60))
def test_a_fact_is_never_evaluated(text: str) -> None:
    facts = {"a": "{{ secret }}{% raw %}" + text, "secret": "leaked"}
    assert Text("{{ a }}", "zh").fill(facts) == facts["a"].strip(" \t\n")


def test_placeholders_are_known_with_their_formatters() -> None:
    text = Text("{{ b | word(words.k) }}{{ a.c | date }}", "zh")
    assert text.placeholders == (Placeholder("a.c", ("date",)), Placeholder("b", ("word",), ("words.k",)))


def test_folded_yaml_lines_leave_no_space_between_chinese_characters() -> None:
    twin = Twin.read({"zh": "当事人 应当 {{ a }} 缴纳", "en": "a b {{ a }}"}, "x")
    assert twin.fill({"a": "按时"}) == ("当事人应当按时缴纳", "a b 按时")


# ---- conditions ----

FACTS = {"party": {"kind": "natural_person"}, "penalties": [{"kind": "warning"}, {"kind": "fine"}], "empty": []}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (None, True),
        ({"party.kind": "natural_person"}, True),
        ({"party.kind": "legal_person"}, False),
        ({"party.kind": ["legal_person", "natural_person"]}, True),
        ({"penalties.kind": "fine"}, True),
        ({"penalties.kind": "revocation"}, False),
        ({"party.kind": "natural_person", "penalties.kind": "revocation"}, False),
        ([{"penalties.kind": "revocation"}, {"party.kind": "natural_person"}], True),
        ({"correction": {"present": False}}, True),
        ({"correction": {"present": True}}, False),
        ({"party": {"present": True}}, True),
        ({"empty": {"present": True}}, False),
        ({"party.kind.deeper": "x"}, False),
    ],
)
def test_conditions(condition: object, holds: bool) -> None:
    assert Condition.read(condition, "x").holds(FACTS) is holds


@pytest.mark.parametrize("condition", ["party", 1, {}, [], {"a": {"present": 1}}, {"a": {"over": 3}}])
def test_other_conditions_are_refused(condition: object) -> None:
    with pytest.raises(Permanent):
        Condition.read(condition, "x")


def test_a_path_leads_through_lists() -> None:
    assert values(FACTS, "penalties.kind") == ["warning", "fine"]
    assert values(FACTS, "nothing.here") == []


# ---- blocks ----


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"blocks": []},
        {"blocks": ["x"]},
        {"blocks": [{"kind": "song"}]},
        {"blocks": [{"kind": "clause", "zh": "甲"}]},
        {"blocks": [{"kind": "clause", "zh": "甲", "en": "A", "colour": "red"}]},
        {"blocks": [{"kind": "list", "items": []}]},
        {"blocks": [{"kind": "list", "items": [{"zh": "甲"}]}]},
        {"blocks": [{"kind": "fields", "rows": [{"value": {"zh": "甲", "en": "A"}}]}]},
        {"blocks": [{"use": "nothing"}]},
        {"blocks": [clause("甲", "A")], "words": {"k": {"a": {"zh": "甲"}}}},
        {"blocks": [clause("甲", "A")], "more": 1},
    ],
)
def test_a_wrong_shape_is_refused_with_its_place(document: object) -> None:
    with pytest.raises(Permanent, match="somewhere"):
        read_clauses(document, "somewhere")


def test_lists_are_numbered_in_both_languages_and_choices_are_made() -> None:
    items = [
        {"zh": "甲", "en": "A"},
        {"zh": "无", "en": "none", "when": {"x": "never"}},
        {
            "each": "penalties",
            "as": "p",
            "choose": [
                {"when": {"p.kind": "fine"}, "zh": "罚款", "en": "a fine"},
                {"when": {"p.kind": "warning"}, "zh": "警告", "en": "a warning"},
            ],
        },
    ]
    [block] = composed([{"kind": "list", "items": items}], FACTS)
    assert block["items"] == [
        [("zh", "（一）甲"), ("en", "(1) A")],
        [("zh", "（二）警告"), ("en", "(2) a warning")],
        [("zh", "（三）罚款"), ("en", "(3) a fine")],
    ]


def test_a_loop_fills_the_rows_of_a_table() -> None:
    column = {"label": {"zh": "种类", "en": "Kind"}, "value": {"zh": "{{ p.kind }}", "en": "{{ p.kind }}"}}
    caption = {"zh": "表", "en": "Table"}
    [block] = composed(
        [{"kind": "table", "each": "penalties", "as": "p", "columns": [column], "caption": caption}], FACTS
    )
    assert block["rows"] == [[[("zh", "warning")]], [[("zh", "fine")]]]


def test_all_faults_of_all_blocks_are_named_at_once() -> None:
    with pytest.raises(Refused) as refused:
        composed([clause("{{ a }}", "{{ a }}"), clause("{{ b }}", "{{ b }}")], {})
    assert [fault.pointer for fault in refused.value.faults] == ["/a", "/b"]


def test_paragraphs_alternate_where_both_languages_have_as_many() -> None:
    assert pair("甲\n乙", "A\nB") == [("zh", "甲"), ("en", "A"), ("zh", "乙"), ("en", "B")]
    assert pair("甲\n乙", "A") == [("zh", "甲"), ("zh", "乙"), ("en", "A")]
    assert pair("91110113MA0BF8AX2Q", "91110113MA0BF8AX2Q") == [("zh", "91110113MA0BF8AX2Q")]


def test_a_key_that_stands_twice_is_refused(tmp_path: Any) -> None:
    path = tmp_path / "clauses.yaml"
    path.write_text("blocks:\n  - kind: clause\n    zh: 甲\n    zh: 乙\n    en: A\n", encoding="utf-8")
    with pytest.raises(Permanent, match="twice"):
        load_clauses(path)


def test_words_of_a_code_print_in_the_language() -> None:
    block = clause("{{ k | word(words.kinds) }}", "{{ k | word(words.kinds) }}")
    [printed] = composed([block], {"k": "a"}, kinds={"a": {"zh": "甲", "en": "A"}})
    assert printed["lines"] == [("zh", "甲"), ("en", "A")]
    with pytest.raises(Refused):
        composed([block], {"k": "b"}, kinds={"a": {"zh": "甲", "en": "A"}})


def test_a_shared_block_stands_under_the_condition_that_it_is_used_with() -> None:
    use = {"use": "prevailing", "when": {"language": "both"}}
    assert composed([use], {"language": "zh"}) == []
    assert composed([use], {"language": "both"}) == composed([{"use": "prevailing"}], {})
    for wrong in ({"use": "nothing"}, {"use": "prevailing", "rule": "1"}):
        with pytest.raises(Permanent, match=r"parts\.yaml"):
            read_clauses({"blocks": [wrong]}, "x")
