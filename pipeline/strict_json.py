"""JSON as it is taken from outside: I-JSON (RFC 7493) and nothing beside it.

Refused: what is not UTF-8, names that appear twice in one object, NaN and Infinity, numbers beyond a double, lone
surrogates and NUL in texts, and nesting deeper than `MAX_DEPTH`, which is measured before anything is parsed.
"""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from records.errors import Fault, Refused

#: Deeper than any fact needs to be, shallower than any parser's limit.
MAX_DEPTH: Final = 32

_RULE: Final = "RFC 7493 (I-JSON)"
_DEPTH_TOKENS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?|[\[\]{}]', re.DOTALL)
_BAD_TEXT: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True)
class _Bad:
    """Stands in the parsed value where something cannot be taken."""

    code: str
    message_en: str
    message_zh: str


class _Object(dict[str, Any]):
    """An object that remembers which of its names appeared more than once."""

    repeated: tuple[str, ...] = ()


def parse(raw: bytes) -> Any:
    """The value of a JSON text. Raises Refused with a pointer to every fault."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _refused("not_utf8", f"Byte {error.start} is not UTF-8.", f"第{error.start}字节不是UTF-8编码。") from None
    _check_depth(raw)
    try:
        value = json.loads(
            text, object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float
        )
    except json.JSONDecodeError as error:
        place_en, place_zh = f"line {error.lineno}, column {error.colno}", f"第{error.lineno}行第{error.colno}列"
        raise _refused("not_json", f"Not JSON at {place_en}: {error.msg}.", f"{place_zh}不是有效的JSON。") from None
    faults: list[Fault] = []
    plain = _plain(value, "", faults)
    if faults:
        raise Refused(faults)
    return plain


def escape(name: str) -> str:
    """A name as one token of a JSON pointer (RFC 6901)."""
    return name.replace("~", "~0").replace("/", "~1")


def _refused(code: str, message_en: str, message_zh: str) -> Refused:
    return Refused([Fault("", code, message_en, message_zh, _RULE)])


def _check_depth(raw: bytes) -> None:
    depth = 0
    for token in _DEPTH_TOKENS.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise _refused("too_deep", f"Nested deeper than {MAX_DEPTH} levels.", f"嵌套超过{MAX_DEPTH}层。")
        elif first in b"]}":
            depth -= 1


def _object(pairs: list[tuple[str, Any]]) -> _Object:
    made = _Object(pairs)
    if len(made) < len(pairs):
        counts = Counter(name for name, _ in pairs)
        made.repeated = tuple(sorted(name for name, count in counts.items() if count > 1))
    return made


def _constant(word: str) -> _Bad:
    return _Bad("not_a_number", f"{word} is not a JSON number.", f"{word}不是有效的数字。")


def _integer(digits: str) -> int | _Bad:
    # beyond 2^53 two systems may read two numbers out of one text
    if len(digits) > 17 or abs(int(digits)) > 2**53:
        return _Bad("number_too_large", "An integer beyond 2^53 is not taken.", "整数超出2^53。")
    return int(digits)


def _float(digits: str) -> float | _Bad:
    value = float(digits)
    if not math.isfinite(value):
        return _Bad("number_too_large", "A number beyond a double is not taken.", "数字超出双精度范围。")
    return value


def _plain(value: Any, pointer: str, faults: list[Fault]) -> Any:
    if isinstance(value, _Bad):
        faults.append(Fault(pointer, value.code, value.message_en, value.message_zh, _RULE))
        return None
    if isinstance(value, str):
        if _BAD_TEXT.search(value):
            faults.append(_bad_text(pointer))
            return ""
        return value
    if isinstance(value, list):
        return [_plain(item, f"{pointer}/{index}", faults) for index, item in enumerate(value)]
    if isinstance(value, _Object):
        for name in value.repeated:
            message = f"The name {name[:80]!r} appears more than once."
            here = pointer if _BAD_TEXT.search(name) else f"{pointer}/{escape(name)}"
            faults.append(Fault(here, "duplicate_name", message, "同一对象内名称重复。", _RULE))
        if any(_BAD_TEXT.search(name) for name in value):
            faults.append(_bad_text(pointer))
            return {}
        return {name: _plain(item, f"{pointer}/{escape(name)}", faults) for name, item in value.items()}
    return value


def _bad_text(pointer: str) -> Fault:
    return Fault(
        pointer,
        "bad_text",
        "A text holds NUL or half of a surrogate pair.",
        "文本含有空字符或不成对的代理字符。",
        _RULE,
    )
