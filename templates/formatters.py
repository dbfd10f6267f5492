"""Filters that print one fact in Chinese or in English: `{{ decided_on | date }}`, `{{ fine | amount }}`.

Facts are data, so the two languages cannot drift apart: each filter takes the same value and says it in its language.
Every filter raises Refused when the value is not what it prints; nothing is guessed, and no float is ever money.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, Literal

from jinja2 import pass_context

from records.errors import Fault, Refused
from templates import identifiers, numerals

Language = Literal["zh", "en"]
Filter = Callable[..., str]
Laws = Mapping[str, Mapping[str, str]]
"""Laws that may be cited: by key, their names `zh` and `en`."""

LAWS: Final = "laws that may be cited"
"""Under this name, which no placeholder can write, those who fill a template give the laws that it was frozen with."""

BEIJING = timezone(timedelta(hours=8), "Beijing time")
"""UTC+8 all the year: law.md counts legal days in Asia/Shanghai."""

_MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]  # not strftime: that follows the locale of the machine


_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2})")
_AMOUNT = re.compile(r"(0|[1-9][0-9]{0,15})(\.[0-9]{1,2})?")


def filters(language: Language) -> dict[str, Filter]:
    """The filters of one language, by the names that clauses and Word templates use."""
    named: dict[str, Callable[[Any, Language], str]] = {
        "date": format_date,
        "time": format_time,
        "datetime": format_datetime,
        "amount": format_amount,
        "numeral": format_numeral,
        "percent": format_percent,
        "article": format_article,
        "articles": format_articles,
        "credit_code": format_credit_code,
        "period": format_period,
        "listing": format_listing,
        "text": format_text,
    }
    return {name: functools.partial(_call, function, language) for name, function in named.items()}


def filters_in_context(language: Language) -> dict[str, Filter]:
    """The same filters for Jinja: a citation is named by the laws that its context gives as `LAWS`."""

    @pass_context
    def article(context: Any, value: object) -> str:
        return format_article(value, language, context.get(LAWS))

    @pass_context
    def articles(context: Any, value: object) -> str:
        return format_articles(value, language, context.get(LAWS))

    return {**filters(language), "article": article, "articles": articles}


def _call(function: Callable[[Any, Language], str], language: Language, value: Any) -> str:
    return function(value, language)


def refused(code: str, message_en: str, message_zh: str, rule: str = "") -> Refused:
    """The error of a value that a filter cannot print."""
    return Refused([Fault("", code, message_en, message_zh, rule)])


def parse_date(value: object) -> date:
    """A day from `YYYY-MM-DD`; Refused when it is no such text or no day of the calendar."""
    try:
        if isinstance(value, str) and _DATE.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise refused("bad_date", f"not a date as YYYY-MM-DD: {value!r}", f"不是 YYYY-MM-DD 格式的日期：{value!r}")


def parse_moment(value: object) -> datetime:
    """A moment in Beijing time from RFC 3339 text, which always has an offset; Refused otherwise."""
    try:
        if isinstance(value, str) and _MOMENT.fullmatch(value):
            return datetime.fromisoformat(value).astimezone(BEIJING)
    except (ValueError, OverflowError):
        pass
    raise refused(
        "bad_date_time",
        f"not a moment with an offset, such as 2026-11-22T14:30:00+08:00: {value!r}",
        f"不是带时区偏移的时间（例如 2026-11-22T14:30:00+08:00）：{value!r}",
    )


def parse_amount(value: object) -> Decimal:
    """An amount of yuan from text such as "30000" or "30000.00"; Refused when negative, too fine or too large."""
    if isinstance(value, str) and _AMOUNT.fullmatch(value):
        return Decimal(value)
    raise refused(
        "bad_amount",
        f'not an amount of yuan written as text with at most two decimals, such as "30000.00": {value!r}',
        f'金额须为文本且小数不超过两位（例如 "30000.00"）：{value!r}',
    )


def format_date(value: object, language: Language) -> str:
    """2026-11-22 as 二〇二六年十一月二十二日 or 22 November 2026."""
    return _say_date(parse_date(value), language)


def _say_date(day: date, language: Language) -> str:
    if language == "zh":
        year = numerals.chinese_digits(f"{day.year:04d}")
        return f"{year}年{numerals.chinese(day.month)}月{numerals.chinese(day.day)}日"
    return f"{day.day} {_MONTHS[day.month - 1]} {day.year}"


def format_time(value: object, language: Language) -> str:
    """The Beijing time of day of a moment: 十四时三十分 or 14:30; seconds only when there are any."""
    return _say_time(parse_moment(value), language)


def _say_time(moment: datetime, language: Language) -> str:
    if language == "en":
        return f"{moment:%H:%M:%S}" if moment.second else f"{moment:%H:%M}"
    text = numerals.chinese(moment.hour) + "时"
    if moment.minute or moment.second:
        text += _two_places(moment.minute) + "分"
    if moment.second:
        text += _two_places(moment.second) + "秒"
    return text


def _two_places(number: int) -> str:
    return ("零" if 0 < number < 10 else "") + numerals.chinese(number)


def format_datetime(value: object, language: Language) -> str:
    """A moment as 二〇二六年十一月二十二日十四时三十分（北京时间） or 22 November 2026, 14:30 (Beijing time)."""
    moment = parse_moment(value)
    day, time = _say_date(moment.date(), language), _say_time(moment, language)
    return f"{day}{time}（北京时间）" if language == "zh" else f"{day}, {time} (Beijing time)"


def format_amount(value: object, language: Language) -> str:
    """An amount of yuan as 人民币叁万元整（¥30,000.00） or RMB 30,000.00.

    The sign is U+00A5, which the Latin font draws: the full-width sign of some Chinese fonts is a dollar.
    """
    amount = parse_amount(value)
    figures = f"{amount:,.2f}"
    return f"人民币{numerals.capitals(amount)}（¥{figures}）" if language == "zh" else f"RMB {figures}"


def format_numeral(value: object, language: Language) -> str:
    """A whole number in words: 十二 or twelve."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < numerals.LIMIT:
        raise refused("bad_number", f"not a whole number in range: {value!r}", f"不是范围内的整数：{value!r}")
    return numerals.chinese(value) if language == "zh" else numerals.english(value)


def format_percent(value: object, language: Language) -> str:
    """A whole percentage: 3 is 百分之三 or 3%."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 100:
        raise refused("bad_percent", f"not a whole percentage: {value!r}", f"不是整数百分比：{value!r}")
    return f"百分之{numerals.chinese(value)}" if language == "zh" else f"{value}%"


@functools.cache
def laws() -> Laws:
    """The laws that may be cited, by key, with their names `zh` and `en` (laws.toml)."""
    return tomllib.loads(Path(__file__).with_name("laws.toml").read_text(encoding="utf-8"))


def format_article(value: object, language: Language, cited: Laws | None = None) -> str:
    """A citation `{law, article, paragraph?, item?}` as 《…》第三十条第一款第（二）项 or Article 30(1)(ii) of the ….

    `article` is a number, or text such as "120-1" for 第一百二十条之一; `cited` are the laws, those of laws.toml unless
    others are given.
    """
    citation = value if isinstance(value, Mapping) else {}
    law = (laws() if cited is None else cited).get(str(citation.get("law")))
    numbers = [citation.get(name) for name in ("paragraph", "item")]
    known = {"law", "article", "paragraph", "item"}
    if law is None or set(citation) - known or any(n is not None and not _is_ordinal(n) for n in numbers):
        raise refused("bad_article", f"not a citation of a known law: {value!r}", f"不是已知法规的条款引用：{value!r}")
    article, inserted = _article_numbers(citation.get("article"))
    paragraph, item = numbers
    if language == "en":
        suffix = f"-{inserted}" if inserted else ""
        places = (f"({paragraph})" if paragraph else "") + (f"({numerals.roman(item)})" if item else "")
        return f"Article {article}{suffix}{places} of the {law['en']}"
    text = f"《{law['zh']}》第{numerals.chinese(article)}条"
    text += f"之{numerals.chinese(inserted)}" if inserted else ""
    text += f"第{numerals.chinese(paragraph)}款" if paragraph else ""
    return text + (f"第（{numerals.chinese(item)}）项" if item else "")


def _is_ordinal(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value < 400


def _article_numbers(value: object) -> tuple[int, int]:
    head, _, tail = str(value).partition("-")
    if isinstance(value, (int, str)) and not isinstance(value, bool):
        ascii_digits = head.isascii() and head.isdigit() and (not tail or (tail.isascii() and tail.isdigit()))
        if ascii_digits and 1 <= len(head) <= 4 and len(tail) <= 2 and int(head) > 0 and (not tail or int(tail) > 0):
            return int(head), int(tail or 0)
    raise refused("bad_article", f"not the number of an article: {value!r}", f"不是条文序号：{value!r}")


def format_articles(value: object, language: Language, cited: Laws | None = None) -> str:
    """Several citations in one sentence; at least one."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise refused("bad_article", f"not a list of citations: {value!r}", f"不是条款引用列表：{value!r}")
    return _join([format_article(entry, language, cited) for entry in value], language)


def format_credit_code(value: object, language: Language) -> str:
    """A unified social credit code, checked once more; the same in both languages."""
    del language  # a code is written the same everywhere
    if not isinstance(value, str):
        raise refused("bad_credit_code", f"not text: {value!r}", f"不是文本：{value!r}")
    fault = identifiers.check_credit_code(value)
    if fault is not None:
        raise Refused([fault])
    return value


_PERIODS = {
    "working": ("个工作日", "working day"),
    "calendar": ("日", "day"),
    "months": ("个月", "month"),
    "years": ("年", "year"),
}


def format_period(value: object, language: Language) -> str:
    """A period `{"days": 5, "unit": "working"}` as 五个工作日 or 5 working days.

    `unit` is `working` or `calendar`; `{"months": 6}` and `{"years": 2}` are periods too.
    """
    period = dict(value) if isinstance(value, Mapping) else {}
    unit = period.pop("unit", None) if "days" in period else next(iter(period), None)
    count = next(iter(period.values()), None)
    fits = unit in (("working", "calendar") if "days" in period else ("months", "years"))
    if len(period) != 1 or not fits or isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise refused("bad_period", f"not a period: {value!r}", f"不是期限：{value!r}")
    zh, en = _PERIODS[str(unit)]
    return f"{numerals.chinese(count)}{zh}" if language == "zh" else f"{count} {en}{'s' if count > 1 else ''}"


def format_listing(value: object, language: Language) -> str:
    """Several texts, or pairs in two languages, in one sentence: 甲、乙和丙 or A, B and C."""
    if isinstance(value, (str, Mapping)) or not isinstance(value, Iterable):
        raise refused("bad_list", f"not a list: {value!r}", f"不是列表：{value!r}")
    return _join([format_text(entry, language) for entry in value], language)


def _join(parts: list[str], language: Language) -> str:
    if not parts:
        raise refused("empty_list", "nothing to list", "列表为空")
    if len(parts) == 1:
        return parts[0]
    comma, last = ("、", "和") if language == "zh" else (", ", " and ")
    return comma.join(parts[:-1]) + last + parts[-1]


def format_text(value: object, language: Language) -> str:
    """The member of a pair `{"zh", "en"}` in this language; a text that has no language stands as it is."""
    if isinstance(value, str):
        return value
    chosen = value.get(language) if isinstance(value, Mapping) else None
    if not isinstance(chosen, str):
        raise refused(
            "bad_text", f"neither text nor a pair in two languages: {value!r}", f"不是文本或双语文本：{value!r}"
        )
    return chosen
