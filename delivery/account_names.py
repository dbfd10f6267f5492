"""Names of dedicated log-in accounts (rule R3, 000 二(二)).

The entity's English abbreviation, or the pinyin initials of its short name, then a hyphen and the initials of the
department; or another name that means something. Never a Chinese character.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

from pypinyin import Style, lazy_pinyin

from records.errors import Fault

LONGEST: Final = 32
_RULE: Final = "000 二(二)"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?")
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_PARTS = re.compile(rf"[A-Za-z0-9]+|{_HAN.pattern}+")


def initials(text: str) -> str:
    """Capital initials: of each Chinese character's pinyin, and of each Latin word; a word of capitals stays whole.

    `法律部` is FLB, `Legal Affairs` is LA, `IT部` is ITB. Characters are read in words where these are known: `重庆` is
    CQ.
    """
    found = []
    for part in _PARTS.findall(text):
        if _HAN.match(part):
            found += [reading[:1] for reading in lazy_pinyin(part, style=Style.FIRST_LETTER)]
        else:
            found.append(part if part.isupper() or part.isdigit() else part[0])
    return "".join(letters for letters in found if letters.isascii()).upper()


def suggest(abbreviation: str, short_name: str, department: str, taken: Collection[str] = ()) -> str:
    """The name that the rule makes, with a number behind it while it is `taken`; "" when it makes none."""
    entity = re.sub(r"[^A-Za-z0-9]", "", abbreviation).upper() or initials(short_name)
    part = initials(department)
    if not entity or not part:
        return ""
    name = f"{entity[: LONGEST // 2]}-{part[: LONGEST // 2 - 3]}"
    used = {each.lower() for each in taken}
    numbered = [name, *(f"{name}{number}" for number in range(2, len(used) + 2))]
    return next(each for each in numbered if each.lower() not in used)


def check(name: str) -> Fault | None:
    """Why a name is refused, or None: no Chinese character, letters, digits and `-._`, at most 32."""
    if _HAN.search(name):
        said = ("An account name has no Chinese characters.", "账号名称不得含有中文字符。")
        return Fault("", "chinese_characters", *said, _RULE)
    if len(name) < 3 or len(name) > LONGEST or not _NAME.fullmatch(name):
        said = (
            f"3 to {LONGEST} letters, digits, hyphens, dots or underscores, with a letter or digit first and last.",
            f"账号名称为3至{LONGEST}位字母、数字、“-”“.”“_”，首尾为字母或者数字。",
        )
        return Fault("", "account_name", *said, _RULE)
    return None
