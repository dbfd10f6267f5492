"""Narratives in two languages agree on dates, amounts and identifiers, or are refused with both values named."""

from __future__ import annotations

import time
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from templates import numerals
from templates.formatters import filters
from templates.readings import chinese_value, english_value, read_chinese, read_english
from templates.twins import disagreements, number_warnings, untranslated

ZH, EN = filters("zh"), filters("en")

AGREE = [
    ("2026年5月至8月登记12项", "From May to August 2026, 12 were registered"),
    ("2026年11月22日", "22 November 2026"),
    ("2026年11月22日", "November 22, 2026"),
    ("２０２６年１１月２２日", "the 22nd day of November, 2026"),
    ("二〇二六年十一月二十二日", "Nov. 22, 2026"),
    ("二○二六年十一月廿二日", "22nd of November 2026"),
    ("2026-11-22", "2026-11-22"),
    ("2026年11月22日至25日", "from 22 to 25 November 2026"),
    ("2026年11月22日至25日", "November 22–25, 2026"),
    ("2026年11月30日至12月2日", "from 30 November to 2 December 2026"),
    ("2025年12月30日至2026年1月2日", "from 30 December 2025 to 2 January 2026"),
    ("2026年3月1日、3日和5日", "1 March, 3 March and 5 March 2026"),
    ("2026年11月", "in November 2026"),
    ("2026年11月22日检查，同月25日复查", "inspected on 22 November 2026 and again on the 25th of the same month"),
    ("自2026年3月1日起十五日内", "within fifteen days from 1 March 2026"),
    ("三月", "March"),
    ("罚款3万元", "a fine of RMB 30,000"),
    ("罚款人民币叁万元整（￥30,000.00）", "a fine of CNY 30,000.00"),
    ("罚款三万五千元", "a fine of thirty-five thousand yuan"),
    ("1.5亿元", "RMB 150 million"),
    ("罚款壹仟贰佰元伍角", "a fine of 1,200.50 yuan"),
    ("3元5角", "RMB 3.50"),
    ("五百美元", "USD 500"),
    ("100万欧元", "EUR 1 million"),
    ("一元化管理", "unified management"),
    ("北京市三元桥", "Sanyuan Bridge, Beijing"),
    ("3号航站楼", "terminal T3"),
    ("航空器B-1234执行CA1501航班", "aircraft B-1234 flew CA1501"),
    ("依据CCAR-121-R7", "under CCAR-121-R7"),
    ("代码91350100M000100Y43", "code 91350100M000100Y43"),
    ("电话13800138000", "phone 13800138000"),
    ("民航华北罚〔2026〕12号", "decision [2026] No. 12"),
    ("民航华北罚〔2026〕12号", "decision No. 12 of 2026"),
]

DIFFER = [
    ("2026年11月22日", "23 November 2026", "dates_differ", "2026-11-22", "2026-11-23"),
    ("2026年11月22日", "the day before", "dates_differ", "2026-11-22", "none"),
    ("2026年11月22日至25日", "from 22 to 26 November 2026", "dates_differ", "2026-11-25", "2026-11-26"),
    ("11月22日", "23 November", "dates_differ", "--11-22", "--11-23"),
    ("罚款3万元", "a fine of RMB 3,000", "amounts_differ", "CNY 30,000", "CNY 3,000"),
    ("人民币叁万元整（¥3,000.00）", "RMB 30,000.00", "amounts_differ", "CNY 3,000", "CNY 30,000"),
    ("五百元", "USD 500", "amounts_differ", "CNY 500", "USD 500"),
    ("三万元", "thirteen thousand yuan", "amounts_differ", "CNY 30,000", "CNY 13,000"),
    ("航空器B-1234", "aircraft B-1235", "codes_differ", "B-1234", "B-1235"),
    ("代码91350100M000100Y43", "code 91350100M000100Y44", "codes_differ", "Y43", "Y44"),
    ("电话13800138000", "phone 13800138001", "codes_differ", "13800138000", "13800138001"),
    (
        "民航华北罚〔2026〕12号",
        "decision [2026] No. 21",
        "numbers_of_documents_differ",
        "[2026] No. 12",
        "[2026] No. 21",
    ),
]


@pytest.mark.parametrize(("zh", "en"), AGREE)
def test_these_say_the_same(zh: str, en: str) -> None:
    assert disagreements(zh, en) == []


@pytest.mark.parametrize(("zh", "en", "code", "left", "right"), DIFFER)
def test_these_differ_and_both_values_are_named(zh: str, en: str, code: str, left: str, right: str) -> None:
    faults = disagreements(zh, en)
    assert [fault.code for fault in faults] == [code]
    assert left in faults[0].message_en
    assert right in faults[0].message_en
    assert left in faults[0].message_zh


@pytest.mark.parametrize(
    ("zh", "en", "pointer", "code"),
    [
        ("2026年2月30日", "2 March 2026", "/zh", "impossible_date"),
        ("2026年3月2日", "30 February 2026", "/en", "impossible_date"),
        ("2026年13月2日", "2 March 2026", "/zh", "impossible_date"),
        ("2026年3月2日", "on 3/2/2026", "/en", "ambiguous_date"),
    ],
)
def test_a_date_that_nobody_can_be_sure_of_is_refused(zh: str, en: str, pointer: str, code: str) -> None:
    assert (pointer, code) in [(fault.pointer, fault.code) for fault in disagreements(zh, en)]


@pytest.mark.parametrize(
    ("zh", "en", "codes"),
    [
        ("第5号跑道有3名旅客", "Runway 5 had 3 passengers", []),
        ("三名旅客", "3 passengers", []),
        ("3名旅客", "three passengers", []),
        ("依据第三十条第一款", "under Article 30(1)", []),
        ("依据第三十条第一款", "under Article 31(1)", ["numbers_differ"]),
        ("5名旅客", "6 passengers", ["numbers_differ"]),
        ("30万人次", "300,000 passengers", []),
    ],
)
def test_other_numbers_are_only_a_warning(zh: str, en: str, codes: list[str]) -> None:
    assert [fault.code for fault in number_warnings(zh, en)] == codes
    assert disagreements(zh, en) == []


@pytest.mark.parametrize(
    ("zh", "en", "pointers"),
    [
        ("经检查", "On inspection", []),
        ("On inspection", "On inspection", ["/zh"]),
        ("经检查", "经检查", ["/en", "/en"]),
        ("经检查", "On 检查", ["/en"]),
        ("经检查", "On inspection，it", ["/en"]),
        ("", "", ["/zh", "/en"]),
        ("2026", "2026", ["/zh", "/en"]),
    ],
)
def test_untranslated_text_is_refused(zh: str, en: str, pointers: list[str]) -> None:
    assert [fault.pointer for fault in untranslated(zh, en)] == pointers


days = st.dates(min_value=date(1000, 1, 1), max_value=date(9990, 1, 1))
amounts = st.integers(1, 10**14).map(lambda cents: f"{Decimal(cents) / 100:.2f}")


@given(days, amounts)
def test_what_the_formatters_print_agrees_with_itself(day: date, amount: str) -> None:
    zh = f"当事人于{ZH['date'](day.isoformat())}被处{ZH['amount'](amount)}罚款。"
    en = f"The party was fined {EN['amount'](amount)} on {EN['date'](day.isoformat())}."
    assert disagreements(zh, en) == []
    assert disagreements(zh, en.replace("fined RMB ", "fined RMB 7")) != []


@given(days, st.integers(1, 3000), st.booleans())
def test_any_other_day_is_found(day: date, shift: int, month_first: bool) -> None:
    other = day + timedelta(days=shift)
    en = f"{other:%B} {other.day}, {other.year}" if month_first else EN["date"](other.isoformat())
    assert [f.code for f in disagreements(f"{day.year}年{day.month}月{day.day}日", en)] == ["dates_differ"]


@given(st.integers(0, numerals.LIMIT - 1))
def test_number_words_are_read_back(number: int) -> None:
    assert chinese_value(numerals.chinese(number)) == number
    assert english_value(numerals.english(number)) == number
    assert chinese_value(numerals.capitals(Decimal(number)).removesuffix("元整")) == number


@given(
    st.text(alphabet=st.characters(codec="utf-8"), max_size=80),
    st.text("0123456789年月日元角〔〕号第万,. MayNo", max_size=60),
)
def test_no_text_breaks_the_reading(one: str, other: str) -> None:
    for text in (one, other):
        read_chinese(text)
        read_english(text)


@pytest.mark.parametrize(
    "text", ["1" * 20_000, "壹" * 20_000, "one and " * 2_500, "1" + " " * 19_999, "2026年1月1日至" * 2_000]
)
def test_a_hostile_text_costs_no_more_than_its_length(text: str) -> None:
    started = time.process_time()
    read_chinese(text)
    read_english(text)
    assert time.process_time() - started < 1
