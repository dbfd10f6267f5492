"""Whether a narrative and its translation say the same: dates, amounts, identifiers, and other numbers.

Facts are printed by one formatter from one value; narratives (what was found, the reasons) are written twice, so they
can drift apart. What a reader would act on must agree, or the input is refused; other numbers that differ are a
warning.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from decimal import Decimal

from records.errors import Fault
from templates.readings import Day, Reading, read_chinese, read_english

_CJK = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U000323af]")
_CJK_PUNCTUATION = re.compile(r"[\u3000-\u303f\uff00-\uffef]")
_LATIN = re.compile(r"[A-Za-z]")


def untranslated(zh: str, en: str) -> list[Fault]:
    """Faults of a pair that is not one text in two languages, with pointers `/zh` and `/en`."""
    faults = []
    if not _CJK.search(zh):
        faults.append(Fault("/zh", "untranslated", "the Chinese text has no Chinese character", "中文文本中没有汉字"))
    if not _LATIN.search(en):
        faults.append(Fault("/en", "untranslated", "the English text has no Latin letter", "英文文本中没有拉丁字母"))
    strange = sorted(set(_CJK.findall(en)))[:5]
    if strange:
        shown = "".join(strange)
        message = f"the English text has Chinese characters: {shown}"
        faults.append(Fault("/en", "untranslated", message, f"英文文本中含有汉字：{shown}"))
    elif _CJK_PUNCTUATION.search(en):
        message = "the English text has full-width punctuation"
        faults.append(Fault("/en", "full_width", message, "英文文本中含有全角标点"))
    if zh == en and not faults:
        faults.append(Fault("", "untranslated", "both languages have the same text", "两种语言的文本相同"))
    return faults


def disagreements(zh: str, en: str) -> list[Fault]:
    """Faults of two texts that name other dates, amounts, document numbers or codes; each names both readings."""
    chinese, english = read_chinese(zh), read_english(en)
    faults = [*_unreadable("/zh", chinese), *_unreadable("/en", english)]
    if faults:
        return faults  # dates that nobody can be sure of cannot be compared
    if not _days_agree(chinese.days, english.days):
        faults.append(_differ("dates_differ", "dates", "日期", _days(chinese.days), _days(english.days)))
    for code, name_en, name_zh, left, right in (
        ("amounts_differ", "amounts", "金额", _amounts(chinese), _amounts(english)),
        ("numbers_of_documents_differ", "document numbers", "文号", _documents(chinese), _documents(english)),
        ("codes_differ", "codes", "编号", sorted(chinese.codes), sorted(english.codes)),
    ):
        if left != right:
            faults.append(_differ(code, name_en, name_zh, left, right))
    return faults


def number_warnings(zh: str, en: str) -> list[Fault]:
    """Other numbers that stand in one of the texts only; numbers in words count as the same number in figures."""
    chinese, english = read_chinese(zh), read_english(en)
    only_zh = chinese.figures - english.figures - english.words
    only_en = english.figures - chinese.figures - chinese.words
    if not only_zh and not only_en:
        return []
    return [_differ("numbers_differ", "numbers", "数字", _figures(only_zh), _figures(only_en))]


def _unreadable(pointer: str, reading: Reading) -> list[Fault]:
    faults = []
    for written in sorted(reading.impossible):
        message = f"there is no such day: {written}"
        faults.append(Fault(pointer, "impossible_date", message, f"不存在的日期：{written}"))
    for written in sorted(reading.ambiguous):
        message = f"day and month cannot be told apart: {written}; write the month as a word"
        faults.append(Fault(pointer, "ambiguous_date", message, f"日期有歧义：{written}，请用文字书写月份"))
    return faults


def _days_agree(left: Collection[Day], right: Collection[Day]) -> bool:
    def partnered(ones: Iterable[Day], others: Collection[Day]) -> bool:
        return all(any(_same_day(one, other) for other in others) for one in ones)

    return partnered(left, right) and partnered(right, left)


def _same_day(one: Day, other: Day) -> bool:
    """Equal in all that both name; a text may leave out a year that it named before."""
    return all(a is None or b is None or a == b for a, b in zip(one, other, strict=True))


def _days(days: Iterable[Day]) -> list[str]:
    return sorted(
        f"{year:04d}-{month:02d}" + (f"-{day:02d}" if day else "") if year else f"--{month:02d}-{day:02d}"
        for year, month, day in days
    )


def _amounts(reading: Reading) -> list[str]:
    return sorted(f"{currency} {amount.normalize():,f}" for currency, amount in reading.amounts)


def _documents(reading: Reading) -> list[str]:
    return sorted(f"[{year}] No. {number}" for year, number in reading.numbers_of_documents)


def _figures(numbers: Iterable[Decimal]) -> list[str]:
    return [f"{number.normalize():f}" for number in sorted(numbers)]


def _differ(code: str, name_en: str, name_zh: str, left: Collection[str], right: Collection[str]) -> Fault:
    shown_zh, shown_en = ", ".join(left), ", ".join(right)
    return Fault(
        "",
        code,
        f"the {name_en} differ: Chinese {shown_zh or 'none'}; English {shown_en or 'none'}",
        f"两种语言的{name_zh}不一致：中文 {shown_zh or '无'}；英文 {shown_en or '无'}",
    )
