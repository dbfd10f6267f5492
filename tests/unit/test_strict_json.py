"""I-JSON (RFC 7493) at the door: what is taken means the same to every reader, what is not is named with its place."""

from __future__ import annotations

import json
import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.strict_json import MAX_DEPTH, parse
from records.errors import Refused

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NUMBERS = st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_what_json_can_say_is_read_as_it_was_written(value: object, ascii_only: bool) -> None:
    assert parse(json.dumps(value, ensure_ascii=ascii_only).encode()) == value


@given(st.binary(max_size=200))
def test_whatever_comes_is_read_or_refused(raw: bytes) -> None:
    with suppress(Refused):
        parse(raw)


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (b'{"a/b": [1, NaN, {"~": Infinity}]}', {("/a~1b/1", "not_a_number"), ("/a~1b/2/~0", "not_a_number")}),
        (
            b'{"a": {"x": 1, "x": 2}, "b": [{"y": 1, "y": 1}]}',
            {("/a/x", "duplicate_name"), ("/b/0/y", "duplicate_name")},
        ),
        (b'["\\ud800", "\\u0000", "\\ud83d\\ude00"]', {("/0", "bad_text"), ("/1", "bad_text")}),
        (b"[9007199254740993, -1e400, 1]", {("/0", "number_too_large"), ("/1", "number_too_large")}),
        (b"\xef\xbb\xbf{}", {("", "not_json")}),
        (b"{} {}", {("", "not_json")}),
        (b"{'a': 1}", {("", "not_json")}),
        (b"[1,]", {("", "not_json")}),
    ],
)
def test_every_fault_is_named_with_its_place(raw: bytes, found: set[tuple[str, str]]) -> None:
    with pytest.raises(Refused) as refused:
        parse(raw)
    assert {(fault.pointer, fault.code) for fault in refused.value.faults} == found


def test_depth_is_measured_outside_of_texts_and_before_parsing() -> None:
    assert parse(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert parse(json.dumps('[{"' * 1000).encode()) == '[{"' * 1000
    with pytest.raises(Refused, match="deeper"):
        parse(b"[" * (MAX_DEPTH + 1))


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1,' + b'"a":1,' * 150_000 + b'"b":1}',
        b'{"a":"' + b'\\"[{' * 250_000 + b'"}',
        b'"' + b"\\" * 1_000_000,
        b"[" + b"1" * 1_000_000 + b"]",
        b"{" + b'"' * 1_000_000,
    ],
    ids=["repeated names", "quotes in a text", "backslashes", "digits", "quotes"],
)
def test_a_mebibyte_of_malice_costs_little(raw: bytes) -> None:
    begun = time.process_time()
    with suppress(Refused):
        parse(raw)
    assert time.process_time() - begun < 3
