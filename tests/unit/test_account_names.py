"""Rule R3: account names are made of initials and a hyphen, and have no Chinese characters."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.account_names import LONGEST, check, initials, suggest

pytestmark = pytest.mark.rule("R3")


@pytest.mark.parametrize(
    ("abbreviation", "short_name", "department", "name"),
    [
        ("NEA", "北方示例航空", "法律部", "NEA-FLB"),  # English abbreviation first
        ("", "北方示例航空", "法律部", "BFSLHK-FLB"),  # else pinyin initials of the short name
        ("", "重庆航空", "行政部", "CQHK-XZB"),  # readings of whole words
        ("", "厦门航空", "安全监察部", "XMHK-AQJCB"),
        ("", "Atlantic Air", "Legal Affairs", "AA-LA"),
        ("", "国航", "IT部", "GH-ITB"),
        ("C.Z.", "南航", "ABC安全部", "CZ-ABCAQB"),
        ("nea", "", "法律部", "NEA-FLB"),
        ("", "", "法律部", ""),
        ("NEA", "北方", "", ""),
        ("", "！？", "法律部", ""),
    ],
)
def test_r3_the_name_is_abbreviation_or_initials_hyphen_department(
    abbreviation: str, short_name: str, department: str, name: str
) -> None:
    assert suggest(abbreviation, short_name, department) == name


def test_r3_a_name_that_is_taken_gets_a_number_whatever_the_case_of_its_letters() -> None:
    assert suggest("NEA", "", "法律部", ["nea-flb"]) == "NEA-FLB2"
    assert suggest("NEA", "", "法律部", ["NEA-FLB", "NEA-FLB2"]) == "NEA-FLB3"


@pytest.mark.parametrize("name", ["法律-FLB", "NEA-法", "NEA-㐀", "NEA-豈", "NEA-\U00020000"])
def test_r3_no_chinese_character_stands_in_a_name(name: str) -> None:
    fault = check(name)
    assert fault and fault.code == "chinese_characters"


@pytest.mark.parametrize("name", ["NEA-FLB", "N-1", "nea_legal.2", "abc", "a" * LONGEST])
def test_r3_another_meaningful_name_is_taken(name: str) -> None:
    assert check(name) is None


@pytest.mark.parametrize("name", ["", "ab", "-NEA", "NEA-", "NEA FLB", "NEA/FLB", "NEA\n", "é-FLB", "a" * 33])
def test_a_name_that_could_be_mistaken_is_refused(name: str) -> None:
    assert check(name) is not None


@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_whatever_is_suggested_is_a_name(abbreviation: str, short_name: str, department: str) -> None:
    name = suggest(abbreviation, short_name, department)
    assert name == "" or check(name) is None


@given(st.text(max_size=80))
def test_initials_are_plain_capitals_and_digits(text: str) -> None:
    assert all(letter.isascii() and (letter.isupper() or letter.isdigit()) for letter in initials(text))
