"""Facts in two languages: dates, amounts in capitals (大写), citations, periods."""

from __future__ import annotations

import contextlib
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from records.errors import Refused
from templates import numerals
from templates.formatters import filters

ZH = filters("zh")
EN = filters("en")


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        ("2026-11-22", "二〇二六年十一月二十二日", "22 November 2026"),
        ("2010-10-10", "二〇一〇年十月十日", "10 October 2010"),
        ("2024-02-29", "二〇二四年二月二十九日", "29 February 2024"),
        ("2000-01-01", "二〇〇〇年一月一日", "1 January 2000"),
    ],
)
def test_date(value: str, zh: str, en: str) -> None:
    assert (ZH["date"](value), EN["date"](value)) == (zh, en)


@pytest.mark.parametrize(
    "value", ["2026-02-30", "2025-02-29", "2026-13-01", "2026-W01-1", "20261122", "2026-1-2", "", 5, None]
)
def test_impossible_or_unwritten_dates_are_refused(value: object) -> None:
    with pytest.raises(Refused):
        ZH["date"](value)


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        (
            "2026-11-22T14:30:00+08:00",
            "二〇二六年十一月二十二日十四时三十分（北京时间）",
            "22 November 2026, 14:30 (Beijing time)",
        ),
        (
            "2026-11-22T16:05:00Z",
            "二〇二六年十一月二十三日零时零五分（北京时间）",
            "23 November 2026, 00:05 (Beijing time)",
        ),
        (
            "2026-11-22T09:00:00+08:00",
            "二〇二六年十一月二十二日九时（北京时间）",
            "22 November 2026, 09:00 (Beijing time)",
        ),
        (
            "2026-11-22T09:00:07+08:00",
            "二〇二六年十一月二十二日九时零分零七秒（北京时间）",
            "22 November 2026, 09:00:07 (Beijing time)",
        ),
    ],
)
def test_moments_are_told_in_beijing_time(value: str, zh: str, en: str) -> None:
    assert (ZH["datetime"](value), EN["datetime"](value)) == (zh, en)


def test_time_of_day() -> None:
    assert (ZH["time"]("2026-11-22T06:30:00Z"), EN["time"]("2026-11-22T06:30:00Z")) == ("十四时三十分", "14:30")


@pytest.mark.parametrize(
    "value", ["2026-11-22T14:30:00", "2026-11-22", "2026-11-22 14:30:00+08:00", "2026-11-22T25:00:00Z", "x", 3]
)
def test_a_moment_without_an_offset_is_refused(value: object) -> None:
    with pytest.raises(Refused):
        EN["datetime"](value)


@pytest.mark.parametrize(
    ("value", "capitals"),
    [
        ("30000.00", "叁万元整"),
        ("10", "壹拾元整"),
        ("0", "零元整"),
        ("0.05", "伍分"),
        ("0.5", "伍角整"),
        ("0.55", "伍角伍分"),
        ("1409.50", "壹仟肆佰零玖元伍角整"),  # article 4 (1)
        ("6007.14", "陆仟零柒元壹角肆分"),  # article 4 (2)
        ("1680.32", "壹仟陆佰捌拾元零叁角贰分"),  # article 4 (3)
        ("107000.53", "壹拾万柒仟元零伍角叁分"),  # article 4 (3)
        ("16409.02", "壹万陆仟肆佰零玖元零贰分"),  # article 4 (4)
        ("325.04", "叁佰贰拾伍元零肆分"),  # article 4 (4)
        ("10010", "壹万零壹拾元整"),
        ("100000001", "壹亿零壹元整"),
        ("1000010000", "壹拾亿零壹万元整"),
        ("20000000000000", "贰拾万亿元整"),
        ("9999999999999999.99", "玖仟玖佰玖拾玖万玖仟玖佰玖拾玖亿玖仟玖佰玖拾玖万玖仟玖佰玖拾玖元玖角玖分"),
    ],
)
def test_amount_in_capitals(value: str, capitals: str) -> None:
    figures = f"{Decimal(value):,.2f}"
    assert ZH["amount"](value) == f"人民币{capitals}（¥{figures}）"
    assert EN["amount"](value) == f"RMB {figures}"


@pytest.mark.parametrize(
    "value",
    [
        "-1",
        "1.005",
        "1e3",
        "NaN",
        "Infinity",
        "1,000",
        "030",
        "1.",
        ".5",
        "",
        "３",
        "10000000000000000",
        30000,
        30000.0,
        True,
        None,
    ],
)
def test_what_is_no_amount_is_refused(value: object) -> None:
    with pytest.raises(Refused):
        ZH["amount"](value)


def _read_capitals(text: str) -> Decimal:
    """Read capitals back, by another way than they were written: value by value, unit by unit."""
    digits = {character: value for value, character in enumerate("零壹贰叁肆伍陆柒捌玖")}
    small = {"拾": 10, "佰": 100, "仟": 1000}

    def whole(part: str) -> int:
        for name, scale in (("亿", 10**8), ("万", 10**4)):
            if name in part:
                high, _, low = part.rpartition(name)
                return whole(high) * scale + whole(low)
        total, digit = 0, 0
        for character in part:
            if character in digits:
                digit = digits[character]
            else:
                total, digit = total + digit * small[character], 0
        return total + digit

    yuan, _, rest = text.rstrip("整").rpartition("元")
    cents, digit = 0, 0
    for character in rest:
        if character in digits:
            digit = digits[character]
        else:
            cents += digit * {"角": 10, "分": 1}[character]
    return Decimal(whole(yuan)) + Decimal(cents) / 100


@given(st.integers(min_value=0, max_value=10**18 - 1))
def test_capitals_read_back_to_the_same_amount(cents: int) -> None:
    amount = Decimal(cents) / 100
    text = numerals.capitals(amount)
    assert _read_capitals(text) == amount
    assert "零零" not in text
    assert text.endswith("整") == (cents % 10 == 0)


@given(st.integers(min_value=0, max_value=numerals.LIMIT - 1))
def test_no_two_numbers_share_their_words(number: int) -> None:
    assert numerals.chinese(number) != numerals.chinese((number + 1) % numerals.LIMIT)
    assert "零零" not in numerals.chinese(number)
    assert "  " not in numerals.english(number)


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        (0, "零", "zero"),
        (5, "五", "five"),
        (12, "十二", "twelve"),
        (21, "二十一", "twenty-one"),
        (105, "一百零五", "one hundred and five"),
        (110, "一百一十", "one hundred and ten"),
        (1001, "一千零一", "one thousand and one"),
        (100000, "十万", "one hundred thousand"),
        (120000000, "一亿二千万", "one hundred and twenty million"),
    ],
)
def test_numeral(value: int, zh: str, en: str) -> None:
    assert (ZH["numeral"](value), EN["numeral"](value)) == (zh, en)


MEASURES_EN = "Measures for the Implementation of Civil Aviation Administrative Penalties"


@pytest.mark.parametrize(
    ("places", "zh", "en"),
    [
        ({"article": 30, "paragraph": 1, "item": 2}, "第三十条第一款第（二）项", "Article 30(1)(ii)"),
        ({"article": 30}, "第三十条", "Article 30"),
        ({"article": 110, "item": 14}, "第一百一十条第（十四）项", "Article 110(xiv)"),
        ({"article": "120-1", "paragraph": 2}, "第一百二十条之一第二款", "Article 120-1(2)"),
    ],
)
def test_article(places: dict[str, Any], zh: str, en: str) -> None:
    citation = {"law": "civil-aviation-penalty-measures", **places}
    assert ZH["article"](citation) == f"《民用航空行政处罚实施办法》{zh}"
    assert EN["article"](citation) == f"{en} of the {MEASURES_EN}"


@pytest.mark.parametrize(
    "citation",
    [
        {"law": "no-such-law", "article": 1},
        {"law": "work-safety-law"},
        {"law": "work-safety-law", "article": 0},
        {"law": "work-safety-law", "article": "１"},
        {"law": "work-safety-law", "article": 1, "item": True},
        {"law": "work-safety-law", "article": 1, "point": 1},
        "work-safety-law 1",
    ],
)
def test_a_citation_that_cannot_be_printed_is_refused(citation: object) -> None:
    with pytest.raises(Refused):
        ZH["article"](citation)


def test_several_citations_stand_in_one_sentence() -> None:
    citations = [{"law": "work-safety-law", "article": number} for number in (1, 2, 3)]
    law = "《中华人民共和国安全生产法》"
    assert ZH["articles"](citations) == f"{law}第一条、{law}第二条和{law}第三条"


@pytest.mark.parametrize(
    ("value", "zh", "en"),
    [
        ({"days": 5, "unit": "working"}, "五个工作日", "5 working days"),
        ({"days": 1, "unit": "working"}, "一个工作日", "1 working day"),
        ({"days": 15, "unit": "calendar"}, "十五日", "15 days"),
        ({"months": 6}, "六个月", "6 months"),
        ({"years": 2}, "二年", "2 years"),
    ],
)
def test_period(value: dict[str, Any], zh: str, en: str) -> None:
    assert (ZH["period"](value), EN["period"](value)) == (zh, en)


@pytest.mark.parametrize(
    "value",
    [{"days": 5}, {"days": 0, "unit": "working"}, {"days": 5, "unit": "weeks"}, {"months": 6, "unit": "x"}, {}, 5],
)
def test_a_period_always_names_its_unit(value: object) -> None:
    """Working or calendar days: the statutes differ (处罚法 85, 004-106), so neither is a default."""
    with pytest.raises(Refused):
        EN["period"](value)


def test_listing_and_pairs() -> None:
    people = [{"zh": "张三", "en": "Zhang San"}, {"zh": "李四", "en": "Li Si"}, {"zh": "王五", "en": "Wang Wu"}]
    assert ZH["listing"](people) == "张三、李四和王五"
    assert EN["listing"](people) == "Zhang San, Li Si and Wang Wu"
    assert EN["text"](people[0]) == "Zhang San"
    assert ZH["text"]("B-1234") == "B-1234"
    for bad in ([], "abc", [3], {"zh": "张三"}):
        with pytest.raises(Refused):
            EN["listing"](bad)


def test_credit_code_and_percent() -> None:
    assert ZH["credit_code"]("91350100M000100Y43") == EN["credit_code"]("91350100M000100Y43") == "91350100M000100Y43"
    with pytest.raises(Refused, match="checksum"):
        ZH["credit_code"]("91350100M000100Y44")
    assert (ZH["percent"](3), EN["percent"](3)) == ("百分之三", "3%")


@given(st.dates(min_value=date(1000, 1, 1)))
def test_every_day_has_its_own_words(day: date) -> None:
    other = date.fromordinal(day.toordinal() + 1 if day.toordinal() < date.max.toordinal() else day.toordinal() - 1)
    for say in (ZH["date"], EN["date"]):
        assert say(day.isoformat()) != say(other.isoformat())


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(),
        st.text(),
        st.lists(st.integers()),
        st.dictionaries(st.text(), st.integers()),
    )
)
def test_a_filter_prints_or_refuses_and_never_breaks(value: object) -> None:
    for table in (ZH, EN):
        for print_fact in table.values():
            with contextlib.suppress(Refused):
                assert isinstance(print_fact(value), str)
