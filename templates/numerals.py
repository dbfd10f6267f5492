"""Numbers in words: Chinese and English cardinals, and the capitals (大写) of amounts of money.

The capitals follow 《正确填写票据和结算凭证的基本规定》, articles 1 to 4 (annex 1 of 《支付结算办法》, 银发〔1997〕
393号).
"""

from __future__ import annotations

from decimal import Decimal

LIMIT = 10**16
"""Whole numbers below this have words here: up to 9,999 万亿."""

_DIGITS = "零一二三四五六七八九"
_UNITS = "十百千"
_CAPITAL_DIGITS = "零壹贰叁肆伍陆柒捌玖"
_CAPITAL_UNITS = "拾佰仟"

#: The words of 0 to 19.
ENGLISH_SMALL = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
#: The words of the tens, by their digit; there is none for 0 and 10.
ENGLISH_TENS = ["_", "_", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ENGLISH_SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (10**3, "thousand"))


def chinese(number: int) -> str:
    """The cardinal in Chinese: 12 十二, 110 一百一十, 10010 一万零一十. ValueError outside 0 ≤ number < 10**16."""
    words = _chinese_words(_checked(number), _DIGITS, _UNITS)
    return words.removeprefix("一") if words.startswith("一十") else words


def chinese_digits(digits: str) -> str:
    """Digit by digit, zero as 〇: 2026 is 二〇二六."""
    return "".join("〇" if digit == "0" else _DIGITS[int(digit)] for digit in digits)


def english(number: int) -> str:
    """The cardinal in English: 105 "one hundred and five". ValueError outside 0 ≤ number < 10**16."""
    rest = _checked(number)
    if rest < 1000:
        return _english_below_thousand(rest)
    parts = []
    for scale, name in _ENGLISH_SCALES:
        if rest >= scale:
            parts.append(f"{english(rest // scale)} {name}")
            rest %= scale
    if rest:
        parts.append(("and " if rest < 100 else "") + _english_below_thousand(rest))
    return " ".join(parts)


def roman(number: int) -> str:
    """The number in lower-case Roman numerals, as English citations write items: 2 is ii. ValueError outside 1–399."""
    if not 1 <= number < 400:
        raise ValueError(f"no Roman numeral for {number}")
    result = ""
    for value, letters in zip(
        (100, 90, 50, 40, 10, 9, 5, 4, 1), ["c", "xc", "l", "xl", "x", "ix", "v", "iv", "i"], strict=True
    ):
        result += letters * (number // value)
        number %= value
    return result


def capitals(amount: Decimal) -> str:
    """The amount of yuan in capitals, without 人民币: 107000.53 is 壹拾万柒仟元零伍角叁分.

    整 stands after 元 and after 角, never after 分 (article 3); zeros as article 4 has it, where it leaves a choice the
    form that it names first. ValueError when negative, not below 10**16, or finer than a 分.
    """
    cents = amount * 100
    if amount < 0 or cents != int(cents):
        raise ValueError(f"not an amount of yuan and 分: {amount}")
    yuan, rest = divmod(int(cents), 100)
    jiao, fen = divmod(rest, 10)
    text = _chinese_words(_checked(yuan), _CAPITAL_DIGITS, _CAPITAL_UNITS) + "元" if yuan or not rest else ""
    if jiao:
        text += "零" if text and yuan % 10 == 0 else ""
        text += _CAPITAL_DIGITS[jiao] + "角"
    if fen:
        text += "零" if text and not jiao else ""
        return text + _CAPITAL_DIGITS[fen] + "分"
    return text + "整"


def _checked(number: int) -> int:
    if not 0 <= number < LIMIT:
        raise ValueError(f"no words for {number}: not in 0 to {LIMIT - 1}")
    return number


def _chinese_words(number: int, digits: str, units: str) -> str:
    if number < 10_000:
        return _below_ten_thousand(number, digits, units) or digits[0]
    scale, name = (10**8, "亿") if number >= 10**8 else (10**4, "万")
    high, low = divmod(number, scale)
    text = _chinese_words(high, digits, units) + name
    if not low:
        return text
    bridge = digits[0] if low < scale // 10 else ""  # a gap of one or more zeros is one 零
    return text + bridge + _chinese_words(low, digits, units)


def _below_ten_thousand(number: int, digits: str, units: str) -> str:
    text, gap = "", False
    for power in (3, 2, 1, 0):
        digit = number // 10**power % 10
        if digit == 0:
            gap = gap or bool(text)
            continue
        text += (digits[0] if gap else "") + digits[digit] + (units[power - 1] if power else "")
        gap = False
    return text


def _english_below_thousand(number: int) -> str:
    if number < 20:
        return ENGLISH_SMALL[number]
    if number < 100:
        tens, ones = divmod(number, 10)
        return ENGLISH_TENS[tens] + (f"-{ENGLISH_SMALL[ones]}" if ones else "")
    hundreds, rest = divmod(number, 100)
    return f"{ENGLISH_SMALL[hundreds]} hundred" + (f" and {_english_below_thousand(rest)}" if rest else "")
