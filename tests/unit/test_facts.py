"""Facts against their schema: every fault at once, bounded in size and depth, nothing hidden in any text."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing.exceptions import Unresolvable

from records.errors import Fault
from templates import facts as facts_module
from templates.facts import OBJECT_FORMATS, TEXT_FORMATS, check_facts, pointer_to, warnings

PAIR = {
    "type": "object",
    "format": "bilingual",
    "required": ["zh", "en"],
    "additionalProperties": False,
    "properties": {"zh": {"type": "string", "minLength": 1}, "en": {"type": "string", "minLength": 1}},
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["party", "code", "decided_on", "fine", "basis", "findings"],
    "additionalProperties": False,
    "properties": {
        "party": PAIR,
        "code": {"type": "string", "format": "credit-code"},
        "decided_on": {"type": "string", "format": "date"},
        "heard_at": {"type": "string", "format": "date-time"},
        "fine": {"type": "string", "format": "amount"},
        "basis": {"type": "array", "minItems": 1, "items": {"type": "object", "format": "article"}},
        "pay_within": {"type": "object", "format": "period"},
        "findings": PAIR,
        "mobile": {"type": "string", "format": "mobile"},
        "email": {"type": "string", "format": "email"},
        "decision": {"type": "string", "format": "document-number"},
        "note": {"type": "string", "maxLength": 100},
        "kind": {"oneOf": [{"const": "a"}, {"const": "b"}]},
    },
}
GOOD: dict[str, Any] = {
    "party": {"zh": "晴空航空有限公司", "en": "Clear Sky Airlines Co., Ltd."},
    "code": "91350100M000100Y43",
    "decided_on": "2026-11-22",
    "fine": "30000.00",
    "basis": [{"law": "civil-aviation-penalty-measures", "article": 30, "paragraph": 1}],
    "findings": {
        "zh": "2026年11月20日，检查发现违法所得3万元。",
        "en": "On 20 November 2026 illegal gains of RMB 30,000 were found.",
    },
}


def codes(value: object, schema: dict[str, Any] = SCHEMA) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in check_facts(schema, value)]


def test_good_facts_have_no_fault() -> None:
    assert check_facts(SCHEMA, GOOD) == []


def test_every_fault_is_named_at_once() -> None:
    bad = {
        "party": {"zh": "晴空航空有限公司"},
        "code": "91350100M000100Y44",
        "decided_on": "2026-02-30",
        "heard_at": "2026-11-22T14:30:00",
        "fine": "30000.005",
        "basis": [{"law": "no-such-law", "article": 1}],
        "pay_within": {"days": 15},
        "mobile": "12345",
        "email": "nobody",
        "decision": "12号",
        "a/b~c": 1,
        "kind": "c",
    }
    assert set(codes(bad)) == {
        ("/party/en", "untranslated"),
        ("/party", "untranslated"),
        ("/code", "credit_code_checksum"),
        ("/decided_on", "bad_date"),
        ("/heard_at", "bad_date_time"),
        ("/fine", "bad_amount"),
        ("/basis/0", "bad_article"),
        ("/pay_within", "bad_period"),
        ("/mobile", "mobile_form"),
        ("/email", "email_form"),
        ("/decision", "bad_document_number"),
        ("/findings", "missing_fact"),
        ("/a~1b~0c", "unknown_fact"),
        ("/kind", "schema_oneOf"),
    }


def test_a_fault_names_rule_and_both_languages() -> None:
    fault = check_facts(SCHEMA, {**GOOD, "code": "91350100M000100Y44"})[0]
    assert fault.rule == "GB 32100-2015"
    assert fault.message_zh == "统一社会信用代码校验码错误"
    assert check_facts(SCHEMA, {**GOOD, "fine": 5})[0].rule == "facts.json#/properties/fine/type"


@pytest.mark.parametrize("value", [[], None, "x", 5, True, 1.5])
def test_facts_that_are_no_object_are_refused(value: object) -> None:
    assert codes(value) == [("", "schema_type")]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("甲\x00乙", "control"),
        ("甲\t乙", "control"),
        ("甲\r\n乙", "control"),
        ("甲\x1b[31m", "control"),
        ("甲\u200b乙", "control"),
        ("甲\ufeff乙", "control"),
        ("甲\u202e乙", "bidi"),
        ("甲\u2066乙", "bidi"),
        ("甲\u200f乙", "bidi"),
        ("甲\ud800乙", "surrogate"),
        ("甲\ue000乙", "unassigned"),
        ("Mu\u0308ller", "not_nfc"),
        ("甲\uf900乙", "not_nfc"),
        ("⼀", "radical"),
        ("😀", "glyph"),
        ("ꦀ", "glyph"),
    ],
)
def test_what_cannot_be_seen_or_drawn_is_refused(text: str, code: str) -> None:
    found = check_facts(SCHEMA, {**GOOD, "note": text})
    assert code in [fault.code for fault in found if fault.pointer == "/note"]
    json.dumps([fault.as_dict() for fault in found], ensure_ascii=False).encode()  # can be told: no lone surrogates


def test_a_glyph_fault_names_the_character_and_its_code_point() -> None:
    fault = check_facts(SCHEMA, {**GOOD, "note": "😀"})[0]
    assert "U+1F600 😀" in fault.message_en


def test_hidden_characters_in_names_are_refused_and_can_be_told() -> None:
    found = check_facts(SCHEMA, {**GOOD, "a\ud800\u202e": "x"})
    assert {fault.code for fault in found} == {"character", "unknown_fact"}
    json.dumps([fault.as_dict() for fault in found], ensure_ascii=False).encode()


def test_markup_and_template_text_is_only_text() -> None:
    text = '{{ 7*7 }} {% raw %} <script>alert(1)</script> #import "x" <w:t> $(id) file:///etc/passwd'
    assert check_facts(SCHEMA, {**GOOD, "note": text}) == []


def test_languages_that_disagree_are_refused_with_both_values() -> None:
    findings = {"zh": "2026年11月20日发现。", "en": "Found on 21 November 2026."}
    fault = check_facts(SCHEMA, {**GOOD, "findings": findings})[0]
    assert (fault.pointer, fault.code) == ("/findings", "dates_differ")
    assert "2026-11-20" in fault.message_en
    assert "2026-11-21" in fault.message_en


def test_untranslated_pairs_are_refused_wherever_they_stand() -> None:
    schema = {"type": "object"}
    value = {"rows": [{"name": {"zh": "abc", "en": "abc"}}, {"name": {"zh": "甲", "en": "甲"}}]}
    assert set(codes(value, schema)) == {("/rows/0/name/zh", "untranslated"), ("/rows/1/name/en", "untranslated")}


def test_other_numbers_are_a_warning_apart() -> None:
    value = {**GOOD, "findings": {"zh": "检查发现5名旅客。", "en": "6 passengers were found."}}
    assert check_facts(SCHEMA, value) == []
    assert [(fault.pointer, fault.code) for fault in warnings(SCHEMA, value)] == [("/findings", "numbers_differ")]
    assert warnings(SCHEMA, GOOD) == []


def _nested(depth: int) -> Any:
    value: Any = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (_nested(100_000), "too_deep"),
        ({"a": {"a": _nested(20)}}, "too_deep"),
        ([[]] * 2_000_000, "too_many_values"),
        ({str(number): number for number in range(100_000)}, "too_many_values"),
        ({"a": ["x" * 19_000] * 1000}, "too_long"),
        ({"a": "x" * 10_000_000}, "too_long"),
        ({"x" * 10_000_000: 1}, "too_long"),
        ({"a": 10**400}, "number"),
        ({"a": float("nan")}, "number"),
        ({"a": float("inf")}, "number"),
        ({"a": b"bytes"}, "type"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_ten_megabytes_are_refused_fast_and_without_recursion(value: object, code: str) -> None:
    started = time.process_time()
    found = check_facts(SCHEMA, value)
    assert time.process_time() - started < 1
    assert [fault.code for fault in found] == [code]
    assert len(found[0].pointer) < 4000


def test_the_list_of_faults_is_bounded() -> None:
    found = check_facts({"type": "object", "additionalProperties": False}, {f"f{n}": n for n in range(1000)})
    assert len(found) == facts_module.MAX_FAULTS + 1
    assert found[-1].code == "more_faults"


def test_a_schema_can_never_make_this_machine_fetch_anything() -> None:
    for reference in ("http://127.0.0.1:9/schema.json", "file:///etc/passwd"):
        with pytest.raises(Exception, match=r"Unresolvable|PointerToNowhere|127|passwd") as caught:
            check_facts({"$ref": reference}, {})
        assert isinstance(caught.value, Unresolvable) or "Unresolvable" in repr(caught.value)


def test_formats_of_objects_and_texts_ignore_other_types() -> None:
    for name in (*TEXT_FORMATS, *OBJECT_FORMATS):
        assert check_facts({"format": name}, 5) == []


def test_the_schema_of_these_tests_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_pointers_follow_rfc_6901() -> None:
    assert pointer_to("a/b", "m~n", 0, "") == "/a~1b/m~0n/0/"


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=8), inner, max_size=4)),
    max_leaves=15,
)


@given(st.dictionaries(st.sampled_from([*SCHEMA["properties"], "zh", "en", "other"]), json_values, max_size=8))
def test_no_value_breaks_the_check_and_every_fault_can_be_told(value: dict[str, Any]) -> None:
    for fault in check_facts(SCHEMA, value):
        assert isinstance(fault, Fault)
        assert fault.code
        assert fault.message_en
        assert fault.message_zh
        json.dumps(fault.as_dict(), ensure_ascii=False).encode()
