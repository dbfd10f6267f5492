"""Identifiers and why they are refused: GB 32100-2015, GB 11643-1999, mobile numbers, e-mail, licences."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import identifiers
from templates.identifiers import check_citizen_id, check_credit_code, check_email, check_licence, check_mobile

ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def test_the_example_of_the_standard_is_accepted() -> None:
    assert check_credit_code("91350100M000100Y43") is None


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("91350100M000100Y44", "credit_code_checksum"),
        ("91350100M000100Y4", "credit_code_length"),
        ("91350100M000100Y433", "credit_code_length"),
        ("91350100M00010OY43", "credit_code_character"),
        ("91350100m000100y43", "credit_code_character"),
        ("９1350100M000100Y43", "credit_code_character"),
        ("91A50100M000100Y43", "credit_code_region"),
        ("", "credit_code_length"),
    ],
)
def test_a_wrong_credit_code_is_refused_with_its_reason(value: str, code: str) -> None:
    fault = check_credit_code(value)
    assert fault is not None
    assert (fault.code, fault.rule) == (code, "GB 32100-2015")
    assert fault.message_zh


credit_codes = st.builds(
    lambda head, region, tail: (lambda first: first + identifiers.credit_code_check_character(first))(
        head + region + tail
    ),
    st.text(ALPHABET, min_size=2, max_size=2),
    st.text("0123456789", min_size=6, max_size=6),
    st.text(ALPHABET, min_size=9, max_size=9),
)


@given(credit_codes, st.integers(0, 17), st.sampled_from(ALPHABET))
def test_the_checksum_finds_every_single_wrong_character(code: str, place: int, other: str) -> None:
    assert check_credit_code(code) is None
    changed = code[:place] + other + code[place + 1 :]
    assert (check_credit_code(changed) is None) == (changed == code)


@given(credit_codes, st.integers(0, 16))
def test_the_checksum_finds_every_pair_of_exchanged_neighbours(code: str, place: int) -> None:
    changed = code[:place] + code[place + 1] + code[place] + code[place + 2 :]
    assert (check_credit_code(changed) is None) == (changed == code)


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("11010519491231002X", None),
        ("440524188001010014", None),
        ("110105194912310021", "citizen_id_checksum"),
        ("11010519490231002X", "citizen_id_birth"),
        ("11010500001231002X", "citizen_id_birth"),
        ("11010519491231002x", "citizen_id_form"),
        ("1101051949123100", "citizen_id_form"),
    ],
)
def test_citizen_id(value: str, code: str | None) -> None:
    fault = check_citizen_id(value)
    assert (fault.code if fault else None) == code


@pytest.mark.parametrize(("value", "good"), [("13800138000", True), ("19912345678", True), ("12800138000", False)])
@pytest.mark.parametrize("tail", ["", "1", "\n"])
def test_mobile(value: str, good: bool, tail: str) -> None:
    assert (check_mobile(value + tail) is None) == (good and not tail)


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("legal.dept@example.com", True),
        ("a+b@mail.example.com.cn", True),
        ("a@b", False),
        ("a b@example.com", False),
        ("a@example.com\r\nBcc: x@example.com", False),
        ("a@@example.com", False),
        (".a@example.com", False),
        ("a@-example.com", False),
        ("a@example.1", False),
        ("法务@example.com", False),
        ("a" * 65 + "@example.com", False),
        ("a@" + "b." * 130 + "com", False),
    ],
)
def test_email(value: str, good: bool) -> None:
    assert (check_email(value) is None) == good


@pytest.mark.parametrize(
    ("value", "good"),
    [
        ("B-1234", True),
        ("CCAR-121/2026.7", True),
        ("A1", False),
        ("-B1234", False),
        ("B 1234", False),
        ("B" * 41, False),
    ],
)
def test_licence(value: str, good: bool) -> None:
    assert (check_licence(value) is None) == good


@given(st.text(max_size=60))
def test_no_text_breaks_a_check(value: str) -> None:
    for check in (check_credit_code, check_citizen_id, check_mobile, check_email, check_licence):
        fault = check(value)
        assert fault is None or (fault.code and fault.message_en and fault.message_zh)
