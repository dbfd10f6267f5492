"""Reading dates, amounts and identifiers out of running text, in Chinese and in English.

What is found is what a reader would take as the same fact in both languages; words that only look like numbers are left
alone. Used by `templates.twins` to see whether two narratives agree.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from templates.numerals import ENGLISH_SMALL, ENGLISH_TENS

Day = tuple[int | None, int, int | None]
"""Year, month and day of the month; None where the text does not name it."""


@dataclass
class Reading:
    """What one text says. `ambiguous` and `impossible` are dates that no reader can be sure of, as they are written."""

    days: set[Day] = field(default_factory=set)
    amounts: set[tuple[str, Decimal]] = field(default_factory=set)
    numbers_of_documents: set[tuple[int, int]] = field(default_factory=set)
    codes: set[str] = field(default_factory=set)
    figures: set[Decimal] = field(default_factory=set)
    words: set[Decimal] = field(default_factory=set)
    ambiguous: set[str] = field(default_factory=set)
    impossible: set[str] = field(default_factory=set)


# Full-width digits, letters and the full-width yuan sign as their plain forms; punctuation stays as it is.
_PLAIN = {code: code - 0xFEE0 for code in (*range(0xFF10, 0xFF1A), *range(0xFF21, 0xFF3B), *range(0xFF41, 0xFF5B))}
_PLAIN[0xFFE5] = 0xA5

# Every pattern has one place to start and bounded repetitions: a hostile text must not cost more than its length.
_NUMBER = r"(?<!\d)(?:\d{1,3}(?:,\d{3}){1,5}(?!,\d)|\d+)(?:\.\d+)?"
_CHINESE_DIGITS = "零〇○一二三四五六七八九"
_CHINESE_NUMBER = "[零〇○一二两三四五六七八九十百千万亿]"
_CAPITAL_NUMBER = "[零壹贰叁肆伍陆柒捌玖拾佰仟万亿]"

_CHINESE_SCALES = {"万亿": 10**12, "亿": 10**8, "千万": 10**7, "百万": 10**6, "万": 10**4, "千": 10**3, "百": 100}
_ENGLISH_SCALES = {"thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_CURRENCIES = {
    "CNY": ("人民币", "rmb", "cny", "¥", "元", "圆", "yuan", "renminbi", "rmb yuan", "renminbi yuan", "yuan renminbi"),
    "USD": ("美元", "usd", "us$", "$", "us dollar", "us dollars", "dollar", "dollars"),
    "EUR": ("欧元", "eur", "€", "euro", "euros"),
    "HKD": ("港元", "港币", "hkd", "hk$", "hong kong dollars"),
    "GBP": ("英镑", "gbp", "£", "pounds"),
    "JPY": ("日元", "jpy", "yen"),
}
_CURRENCY_OF = {name: code for code, names in _CURRENCIES.items() for name in names}

_MONTH_NAMES = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_NAME_OF_MONTH = (
    r"January|February|March|April|May|June|July|August|September|October|November|December"
    r"|Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept|Sep|Oct|Nov|Dec"
)
_MONTH = rf"(?P<month>{_NAME_OF_MONTH})\b\.?"
_ORDINAL = r"(?:st|nd|rd|th)?"
_TO = r"\s{0,3}(?:to|until|through|and|or|-|–|—)\s{0,3}(?:the\s{1,3})?"

_ZH_DATE = re.compile(
    rf"(?:(?P<year>\d{{4}}|[{_CHINESE_DIGITS}]{{4}})\s{{0,3}}年\s{{0,3}})?"
    rf"(?P<month>\d{{1,2}}|[一二三四五六七八九十]{{1,2}})\s{{0,3}}月"
    rf"(?:\s{{0,3}}(?P<day>\d{{1,2}}|[一二三四五六七八九十廿]{{1,3}})\s{{0,3}}[日号])?"
)
_ZH_LATER_DAY = re.compile(
    r"\s{0,3}(?:至|到|和|及|或|、|-|–|—+|~|～)\s{0,3}(?P<day>\d{1,2}|[一二三四五六七八九十]{1,3})\s{0,3}[日号]"
)
_ZH_LATER_DATE = re.compile(r"\s{0,3}(?:至|到|和|及|或|、|-|–|—+|~|～)\s{0,3}")
_NUMERIC_DATE = re.compile(r"(?<![\d.])(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?![\d.]\d)(?!\d)")
_AMBIGUOUS_DATE = re.compile(r"(?<![\d./-])\d{1,2}([/.-])\d{1,2}\1(?:19|20)\d{2}(?!\d)")
_EN_DAY_FIRST = re.compile(
    rf"\b(?:(?P<from>\d{{1,2}}){_ORDINAL}{_TO})?(?P<day>\d{{1,2}}){_ORDINAL}(?:\s{{1,3}}day)?\s{{1,3}}(?:of\s{{1,3}})?{_MONTH}"
    r"(?:,?\s{1,3}(?P<year>\d{4})\b)?"
)
_EN_MONTH_FIRST = re.compile(
    rf"\b{_MONTH}\s{{1,3}}(?P<from>\d{{1,2}}){_ORDINAL}(?!\d)(?:{_TO}(?P<day>\d{{1,2}}){_ORDINAL}(?!\d))?"
    r"(?:,?\s{1,3}(?P<year>\d{4})\b)?"
)
_EN_MONTH_ONLY = re.compile(rf"(?:\b(?P<earlier>{_NAME_OF_MONTH})\b\.?{_TO})?\b{_MONTH},?\s{{1,3}}(?P<year>\d{{4}})\b")

_ZH_AMOUNT_AFTER = re.compile(
    rf"(?P<currency>人民币|美元|欧元|港币|RMB|CNY|USD|US\$|EUR|HKD|HK\$|GBP|JPY|[¥$€£])\s{{0,3}}(?P<number>{_NUMBER})"
    rf"\s{{0,3}}(?P<scale>万亿|亿|千万|百万|万|千|百)?\s{{0,3}}(?:美元|欧元|港元|元|圆)?",
    re.IGNORECASE,
)
_ZH_AMOUNT_BEFORE = re.compile(
    rf"(?P<number>{_NUMBER})\s{{0,3}}(?P<scale>万亿|亿|千万|百万|万|千|百)?\s{{0,3}}"
    r"(?P<currency>人民币|美元|欧元|港元|港币|英镑|日元|元|圆)(?:(?P<jiao>\d)角)?(?:(?P<fen>\d)分)?"
)
_ZH_AMOUNT_WORDS = re.compile(
    rf"(?P<number>(?<!{_CAPITAL_NUMBER}){_CAPITAL_NUMBER}{{1,40}}|(?<!{_CHINESE_NUMBER}){_CHINESE_NUMBER}{{1,40}})"
    r"(?P<currency>美元|欧元|港元|日元|元(?![化旦素件月桥里村区路])|圆)"
    r"(?:零?(?P<jiao>[壹贰叁肆伍陆柒捌玖一二两三四五六七八九])角)?(?:零?(?P<fen>[壹贰叁肆伍陆柒捌玖一二两三四五六七八九])分)?"
)
_EN_AMOUNT_AFTER = re.compile(
    rf"(?P<currency>\bRMB|\bCNY|\bUSD|\bUS\$|\bEUR|\bHKD|\bHK\$|\bGBP|\bJPY|[¥$€£])\s{{0,3}}(?P<number>{_NUMBER})"
    r"(?:\s{0,3}(?P<scale>thousand|million|billion|trillion)\b)?(?:\s{1,3}(?:yuan|renminbi)\b)?",
    re.IGNORECASE,
)
_EN_CURRENCY_WORDS = (
    r"(?P<currency>rmb yuan|renminbi yuan|yuan renminbi|yuan|rmb|cny|renminbi|us dollars?|usd|euros?|eur"
    r"|hong kong dollars|hkd|pounds|gbp|yen|jpy|dollars?)\b"
)
_EN_AMOUNT_BEFORE = re.compile(
    rf"(?P<number>{_NUMBER})(?:\s{{0,3}}(?P<scale>thousand|million|billion|trillion))?\s{{0,3}}{_EN_CURRENCY_WORDS}",
    re.IGNORECASE,
)
_EN_NUMBER_WORD = (
    r"(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen"
    r"|seventeen|eighteen|nineteen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|hundred|thousand|million|billion|trillion)"
)
_EN_WORDS = rf"(?P<number>\b{_EN_NUMBER_WORD}(?:(?:\s{{1,3}}and\s{{1,3}}|[\s-]{{1,3}}){_EN_NUMBER_WORD}){{0,40}})"
_EN_AMOUNT_WORDS = re.compile(rf"{_EN_WORDS}\s{{1,3}}{_EN_CURRENCY_WORDS}", re.IGNORECASE)
_EN_WORDS_ALONE = re.compile(_EN_WORDS + r"\b", re.IGNORECASE)

_ZH_DOCUMENT = re.compile(r"[〔\[［(（](?P<year>\d{4})[〕\]］)）]\s{0,3}第?\s{0,3}(?P<number>\d{1,6})\s{0,3}号")
_EN_DOCUMENTS = (
    re.compile(r"[〔\[(](?P<year>\d{4})[〕\])]\s{0,3},?\s{0,3}No\.?\s{0,3}(?P<number>\d{1,6})\b", re.IGNORECASE),
    re.compile(
        r"\bNo\.?\s{0,3}(?P<number>\d{1,6})\s{0,3}(?:of\s{1,3}(?P<year>\d{4})\b|,?\s{0,3}[〔\[(](?P<year2>\d{4})[〕\])])",
        re.I,
    ),
)
# A code has four characters or more: T3 is "3号航站楼" in Chinese, Q3 is "第三季度".
_CODE = re.compile(
    r"(?<![A-Za-z0-9])(?:[0-9A-Z]{18}|(?=[A-Z0-9-]{4})[A-Z]{1,6}-?\d[A-Z0-9]*(?:-[A-Z0-9]+)*|\d{8,17})(?![A-Za-z0-9])"
)
_FIGURE = re.compile(rf"(?P<number>{_NUMBER})\s{{0,3}}(?P<scale>万亿|亿|千万|百万|万|thousand\b|million\b|billion\b)?")
_ZH_PLACE = re.compile(r"第\s{0,3}(?P<number>[一二三四五六七八九十百千零]+|\d+)\s{0,3}(?=[条款项章节])")
_ZH_WORDS_ALONE = re.compile(f"{_CHINESE_NUMBER}{{1,40}}")


class _Text:
    """A text from which what was read is taken out, so that nothing is read twice."""

    def __init__(self, text: str) -> None:
        self.rest = text.translate(_PLAIN)

    def take(self, pattern: re.Pattern[str]) -> Iterator[re.Match[str]]:
        matches = list(pattern.finditer(self.rest))
        for match in matches:
            self.blank(*match.span())
            yield match

    def blank(self, start: int, end: int) -> None:
        self.rest = self.rest[:start] + "\x00" * (end - start) + self.rest[end:]


def read_chinese(text: str) -> Reading:
    """What a Chinese text says."""
    reading, rest = Reading(), _Text(text)
    _numeric_dates(rest, reading)
    _chinese_dates(rest, reading)
    for match in rest.take(_ZH_DOCUMENT):
        reading.numbers_of_documents.add((int(match["year"]), int(match["number"])))
    for pattern in (_ZH_AMOUNT_AFTER, _ZH_AMOUNT_BEFORE, _ZH_AMOUNT_WORDS):
        for match in rest.take(pattern):
            reading.amounts.add((_CURRENCY_OF[match["currency"].lower()], _chinese_amount(match)))
    _codes_and_figures(rest, reading, _CHINESE_SCALES)
    for match in rest.take(_ZH_PLACE):
        number = match["number"]
        reading.figures.add(Decimal(number) if number.isdigit() else Decimal(chinese_value(number)))
    reading.words |= {Decimal(chinese_value(match[0])) for match in rest.take(_ZH_WORDS_ALONE)}
    return reading


def read_english(text: str) -> Reading:
    """What an English text says."""
    reading, rest = Reading(), _Text(text)
    _numeric_dates(rest, reading)
    for pattern in (_EN_DAY_FIRST, _EN_MONTH_FIRST, _EN_MONTH_ONLY):
        for match in rest.take(pattern):
            _english_date(match, reading)
    for pattern in _EN_DOCUMENTS:
        for match in rest.take(pattern):
            year = match["year"] or match["year2"]
            reading.numbers_of_documents.add((int(year), int(match["number"])))
    for pattern in (_EN_AMOUNT_AFTER, _EN_AMOUNT_BEFORE):
        for match in rest.take(pattern):
            value = _number(match["number"]) * _ENGLISH_SCALES.get((match["scale"] or "").lower(), 1)
            reading.amounts.add((_CURRENCY_OF[match["currency"].lower()], value))
    for match in rest.take(_EN_AMOUNT_WORDS):
        reading.amounts.add((_CURRENCY_OF[match["currency"].lower()], Decimal(english_value(match["number"]))))
    _codes_and_figures(rest, reading, _ENGLISH_SCALES)
    reading.words |= {Decimal(english_value(match["number"])) for match in rest.take(_EN_WORDS_ALONE)}
    return reading


def _numeric_dates(rest: _Text, reading: Reading) -> None:
    for match in rest.take(_AMBIGUOUS_DATE):
        reading.ambiguous.add(match[0])
    for match in rest.take(_NUMERIC_DATE):
        _add_day(reading, (int(match[1]), int(match[3]), int(match[4])), match[0])


def _chinese_dates(rest: _Text, reading: Reading) -> None:
    """All dates; the year and month of a range's beginning hold for its end: 2026年11月22日至25日."""
    place, previous_end, year = 0, -1, None
    while match := _ZH_DATE.search(rest.rest, place):
        joined = _ZH_LATER_DATE.match(rest.rest, previous_end) if previous_end >= 0 else None
        carried = year if joined and joined.end() == match.start() else None
        year = _chinese_digits_value(match["year"]) if match["year"] else carried
        month = _chinese_digits_value(match["month"])
        day = _chinese_digits_value(match["day"]) if match["day"] else None
        end = match.end()
        if year is not None or day is not None:  # a month alone, as in 三月, is no date
            _add_day(reading, (year, month, day), match[0])
            while day is not None and (later := _ZH_LATER_DAY.match(rest.rest, end)):
                _add_day(reading, (year, month, _chinese_digits_value(later["day"])), later[0])
                end = later.end()
            rest.blank(match.start(), end)
        place = previous_end = end


def _english_date(match: re.Match[str], reading: Reading) -> None:
    groups = match.groupdict()
    month = _month(match["month"])
    year = int(groups["year"]) if groups["year"] else None
    if groups.get("earlier"):  # May to August 2026: the year holds for both
        _add_day(reading, (year, _month(match["earlier"]), None), match[0])
    days: list[int | None] = [int(groups[name]) for name in ("from", "day") if groups.get(name)]
    for day in days or [None]:
        _add_day(reading, (year, month, day), match[0])


def _month(name: str) -> int:
    return 1 + next(i for i, each in enumerate(_MONTH_NAMES) if each.startswith(name.lower()[:3]))


def _add_day(reading: Reading, day: Day, written: str) -> None:
    year, month, number = day
    try:
        date(2000 if year is None else year, month, number or 1)
    except ValueError:
        reading.impossible.add(written.strip())
    else:
        reading.days.add(day)


def _chinese_amount(match: re.Match[str]) -> Decimal:
    groups = match.groupdict()
    written = match["number"]
    value = _number(written) if written[0].isascii() else Decimal(chinese_value(written))
    value *= _CHINESE_SCALES.get(groups.get("scale") or "", 1)
    for name, part in (("jiao", Decimal("0.1")), ("fen", Decimal("0.01"))):
        if groups.get(name):
            value += _chinese_digits_value(match[name]) * part
    return value


def _codes_and_figures(rest: _Text, reading: Reading, scales: dict[str, int]) -> None:
    reading.codes |= {match[0] for match in rest.take(_CODE)}
    for match in rest.take(_FIGURE):
        reading.figures.add(_number(match["number"]) * scales.get(match["scale"] or "", 1))


def _number(written: str) -> Decimal:
    return Decimal(written.replace(",", ""))


def _chinese_digits_value(written: str) -> int:
    """A year, month or day: 2026, 二〇二六, 十一, 廿二."""
    if written.isascii():
        return int(written)
    if len(written) == 4:
        return int(
            "".join(str("零一二三四五六七八九".index(c.translate({0x3007: "零", 0x25CB: "零"}))) for c in written)
        )
    return chinese_value(written.replace("廿", "二十"))


_VALUES = {
    **{character: value for value, character in enumerate("零一二三四五六七八九")},
    **{character: value for value, character in enumerate("零壹贰叁肆伍陆柒捌玖")},
    "〇": 0,
    "○": 0,
    "两": 2,
}
_POWERS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000}


def chinese_value(written: str) -> int:
    """The number that Chinese numerals or capitals say: 三万五千, 叁万伍仟, 一百二十."""
    for name, scale in (("亿", 10**8), ("万", 10**4)):
        if name in written:
            high, _, low = written.rpartition(name)
            return (chinese_value(high) if high else 1) * scale + chinese_value(low)
    total, digit = 0, None
    for character in written:
        if character in _POWERS:
            total += (1 if digit is None else digit) * _POWERS[character]
            digit = None
        else:
            digit = (digit or 0) * 10 + _VALUES[character] if digit else _VALUES[character]
    return total + (digit or 0)


_ENGLISH_VALUES = {word: value for value, word in enumerate(ENGLISH_SMALL)} | {
    word: 10 * value for value, word in enumerate(ENGLISH_TENS) if value >= 2
}


def english_value(written: str) -> int:
    """The number that English words say: thirty-five thousand and two."""
    total, part = 0, 0
    for word in re.findall(r"[a-z]+", written.lower()):
        if word == "hundred":
            part = (part or 1) * 100
        elif word in _ENGLISH_SCALES:
            scale = _ENGLISH_SCALES[word]
            if 0 < total < scale:  # as in: two thousand billion
                total = (total + part) * scale
            else:
                total += (part or 1) * scale
            part = 0
        elif word != "and":
            part += _ENGLISH_VALUES[word]
    return total + part
