"""Facts of a job against the schema of their instrument: every fault at once, with a pointer and the rule it breaks.

Facts come from outside and may be hostile, so their size and depth are bounded before anything looks inside them.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import referencing
from jsonschema import Draft202012Validator, FormatChecker, validators
from jsonschema.exceptions import ValidationError, best_match

from records.errors import Fault, Refused
from templates import fonts, formatters, identifiers, twins

MAX_DEPTH: Final = 16
"""Objects and lists inside each other."""
MAX_VALUES: Final = 5_000
"""Values of all kinds, counted together."""
MAX_NAME: Final = 100
"""Characters of the name of one member."""
MAX_TEXT: Final = 20_000
"""Characters of one text."""
MAX_CHARACTERS: Final = 500_000
"""Characters of all texts and member names together."""
MAX_FAULTS: Final = 200
"""Faults told at once; whoever has more gets the first ones and is told so."""
MAX_INTEGER: Final = 2**53
"""Beyond it, JSON readers disagree on what was sent (RFC 8259, 6)."""

Check = Callable[[Any], Fault | None]
Place = tuple[object, ...]  # names and indexes; a pointer is made of it only for a fault


def check_facts(schema: Mapping[str, Any], facts: object) -> list[Fault]:
    """All faults of `facts`, a parsed JSON value; an empty list when they may be printed.

    Pointers are RFC 6901 pointers into `facts`. Raises Permanent when the pinned fonts are not installed.
    """
    bounds = list(_bounds(facts))
    if bounds:
        return bounds
    faults = [*schema_faults(schema, facts), *_text_faults(facts), *_pair_faults(facts)]
    unique = list(dict.fromkeys(faults))
    if len(unique) > MAX_FAULTS:
        told = f"{len(unique) - MAX_FAULTS} more faults are not listed"
        return [*unique[:MAX_FAULTS], Fault("", "more_faults", told, f"另有{len(unique) - MAX_FAULTS}项错误未列出")]
    return unique


def warnings(schema: Mapping[str, Any], facts: object) -> list[Fault]:
    """What a person should look at, but nothing is refused for: numbers that stand in one language only."""
    if check_facts(schema, facts):
        return []
    return [
        fault.under(pointer_to(*place))
        for place, pair in _pairs(facts)
        for fault in twins.number_warnings(pair["zh"], pair["en"])
    ]


def pointer_to(*parts: object) -> str:
    """An RFC 6901 pointer, safe to print: what has no place in text is written as an escape."""
    return "".join("/" + printable(str(part)).replace("~", "~0").replace("/", "~1") for part in parts)


def printable(text: str, limit: int = 120) -> str:
    """The text for a message: not too long, without control characters or lone surrogates."""
    shown = text if len(text) <= limit else text[:limit] + "…"
    return "".join(
        character if unicodedata.category(character) not in _HIDDEN else f"\\u{ord(character):04x}"
        for character in shown
    )


_HIDDEN: Final = fonts.UNDRAWABLE_CATEGORIES
_RADICAL: Final = re.compile("[\u2e80-\u2fdf]")


# Bounds: an iterative walk, so that no depth of nesting reaches Python's own limit.


def _bounds(facts: object) -> Iterator[Fault]:
    """The first fault of size or kind, if there is one; looks at no more values than are allowed."""
    stack: list[tuple[Place, object, int]] = [((), facts, 1)]
    values, characters = 0, 0
    while stack:
        place, value, depth = stack.pop()
        values += 1
        if values > MAX_VALUES:
            yield Fault("", "too_many_values", f"more than {MAX_VALUES} values", f"数据项超过{MAX_VALUES}个")
            return
        fault = _scalar_fault(value)
        if fault is not None:
            yield fault.under(pointer_to(*place))
            return
        characters += len(value) if isinstance(value, str) else 0
        members: list[tuple[object, object]] = []
        if isinstance(value, (dict, list)) and len(value) > MAX_VALUES:
            values = MAX_VALUES  # the next one is too many
            members = [("", None)]
        elif isinstance(value, dict):
            members = list(value.items())
            characters += sum(len(name) for name in value)
        elif isinstance(value, list):
            members = list(enumerate(value))
        if members and depth >= MAX_DEPTH:
            message = f"nested more than {MAX_DEPTH} deep"
            yield Fault(pointer_to(*place), "too_deep", message, f"嵌套超过{MAX_DEPTH}层")
            return
        if characters > MAX_CHARACTERS:
            message = f"more than {MAX_CHARACTERS} characters"
            yield Fault("", "too_long", message, f"文本总长超过{MAX_CHARACTERS}个字符")
            return
        stack += [((*place, name), member, depth + 1) for name, member in members]


def _scalar_fault(value: object) -> Fault | None:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return Fault("", "too_long", f"more than {MAX_TEXT} characters", f"文本超过{MAX_TEXT}个字符")
    if isinstance(value, float) and not math.isfinite(value):
        return Fault("", "number", "not a number of JSON", "不是有效的 JSON 数字", "RFC 8259, 6")
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > MAX_INTEGER:
        return Fault("", "number", "the number is too large to be read alike everywhere", "数字过大", "RFC 8259, 6")
    if isinstance(value, dict) and len(value) <= MAX_VALUES:
        for name in value:
            if not isinstance(name, str) or len(name) > MAX_NAME:
                message = f"the name of a member is longer than {MAX_NAME} characters"
                return Fault("", "too_long", message, f"名称超过{MAX_NAME}个字符")
    if value is not None and not isinstance(value, (str, bool, int, float, dict, list)):
        return Fault("", "type", "not a value of JSON", "不是有效的 JSON 值", "RFC 8259")
    return None


def _walk(value: object, place: Place = ()) -> Iterator[tuple[Place, object]]:
    """Every value with its place, in document order; its depth is known to be bounded."""
    yield place, value
    if isinstance(value, dict):
        for name, member in value.items():
            yield from _walk(member, (*place, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _walk(member, (*place, index))


# Texts: what may not stand in any text of an instrument.


def _text_faults(facts: object) -> Iterator[Fault]:
    for place, value in _walk(facts):
        if isinstance(value, str):
            for fault in check_text(value):
                yield fault.under(pointer_to(*place))
        elif isinstance(value, dict):
            for name in value:
                if any(unicodedata.category(character) in _HIDDEN for character in name):
                    yield Fault(
                        pointer_to(*place, name), "character", "a name with hidden characters", "名称含有隐藏字符"
                    )


def check_text(text: str) -> list[Fault]:
    """Faults of one text: hidden or undrawable characters, and spellings that look alike but are not the same."""
    missing = fonts.missing_glyphs(text)
    hidden = {c for c in missing if unicodedata.category(c) in _HIDDEN}
    faults = [_character(character, *_why_hidden(character)) for character in sorted(hidden)]
    radicals = set(_RADICAL.findall(text))
    for character in sorted(radicals):
        faults.append(
            _character(character, "radical", "a radical that only looks like a character", "部首符号，不是汉字")
        )
    if not hidden and not unicodedata.is_normalized("NFC", text):
        message = "the text is not in Unicode normalisation form C"
        faults.append(Fault("", "not_nfc", message, "文本不是 Unicode NFC 规范形式", "UAX #15"))
    for character in sorted(missing - hidden - radicals):
        faults.append(_character(character, "glyph", "no pinned font has this character", "字库中没有该字符"))
    return faults


def _why_hidden(character: str) -> tuple[str, str, str]:
    if 0x202A <= ord(character) <= 0x202E or 0x2066 <= ord(character) <= 0x2069 or character in "\u200e\u200f\u061c":
        return "bidi", "a character that changes the direction of text", "双向文本控制字符"
    if unicodedata.category(character) == "Cs":
        return "surrogate", "half of a surrogate pair", "不成对的代理码位"
    if unicodedata.category(character) in ("Co", "Cn"):
        return "unassigned", "a code point without a meaning of its own", "私用或未分配的码位"
    return "control", "a control character or one that cannot be seen", "控制字符或不可见字符"


def _character(character: str, code: str, message_en: str, message_zh: str) -> Fault:
    shown = f"U+{ord(character):04X}"
    if unicodedata.category(character) not in _HIDDEN:
        shown += f" {character}"
    return Fault("", code, f"{message_en}: {shown}", f"{message_zh}：{shown}")


# Pairs: {"zh": …, "en": …} anywhere in the facts.


def _pairs(facts: object) -> Iterator[tuple[Place, dict[str, str]]]:
    for place, value in _walk(facts):
        if isinstance(value, dict) and value.keys() == {"zh", "en"} and all(isinstance(v, str) for v in value.values()):
            yield place, value


def _pair_faults(facts: object) -> Iterator[Fault]:
    for place, pair in _pairs(facts):
        faults = twins.untranslated(pair["zh"], pair["en"]) or twins.disagreements(pair["zh"], pair["en"])
        for fault in faults:
            yield fault.under(pointer_to(*place))


# The schema, with formats of our own.


def _by_filter(parse: Callable[[Any], object]) -> Check:
    """A check that asks the formatter which will print the value."""

    def check(value: Any) -> Fault | None:
        try:
            parse(value)
        except Refused as refused:
            return refused.faults[0]
        return None

    return check


_DOCUMENT_NUMBER = re.compile(r"[\u4e00-\u9fff（）]{1,30}〔[12][0-9]{3}〕[1-9][0-9]{0,5}号")


def _check_document_number(value: str) -> Fault | None:
    if _DOCUMENT_NUMBER.fullmatch(value):
        return None
    message = "not a document number such as 民航华北罚〔2026〕12号"
    return Fault(
        "", "bad_document_number", message, "文号格式错误（例如 民航华北罚〔2026〕12号）", "GB/T 9704-2012, 7.2.5"
    )


def _check_bilingual(value: Mapping[str, object]) -> Fault | None:
    if all(isinstance(value.get(language), str) for language in ("zh", "en")) and len(value) == 2:
        return None
    return Fault("", "untranslated", "needs the members zh and en, both texts", "须同时提供 zh 和 en 文本")


def _check_sum(value: Mapping[str, Any]) -> Fault | None:
    """`{"parts": [{"amount"}], "total"}` adds up; an amount that is none is told by its own format."""
    try:
        total = formatters.parse_amount(value["total"])
        whole = sum(formatters.parse_amount(part["amount"]) for part in value["parts"])
    except (Refused, LookupError, TypeError):
        return None
    if whole == total:
        return None
    return Fault("", "sum_wrong", f"the parts add up to {whole:,.2f}, not to {total:,.2f}", "各项之和与合计不符")


TEXT_FORMATS: Final[Mapping[str, Check]] = {
    "date": _by_filter(formatters.parse_date),
    "date-time": _by_filter(formatters.parse_moment),
    "amount": _by_filter(formatters.parse_amount),
    "credit-code": identifiers.check_credit_code,
    "citizen-id": identifiers.check_citizen_id,
    "mobile": identifiers.check_mobile,
    "email": identifiers.check_email,
    "licence-number": identifiers.check_licence,
    "document-number": _check_document_number,
}
"""Formats of texts, by the name that a schema uses."""

OBJECT_FORMATS: Final[Mapping[str, Check]] = {
    "article": _by_filter(lambda value: formatters.format_article(value, "en")),
    "period": _by_filter(lambda value: formatters.format_period(value, "en")),
    "bilingual": _check_bilingual,
    "sum": _check_sum,
}
"""Formats of objects."""

_RULES: Final = {"date": "ISO 8601", "date-time": "RFC 3339"}


def _format_fault(name: str, value: object) -> Fault | None:
    """Why a value is not of its format; None when it is, or when the format speaks of another type."""
    if isinstance(value, str) and name in TEXT_FORMATS:
        return TEXT_FORMATS[name](value)
    if isinstance(value, dict) and name in OBJECT_FORMATS:
        return OBJECT_FORMATS[name](value)
    return None


def _format_checker() -> FormatChecker:
    checker = FormatChecker(formats=())
    for name in (*TEXT_FORMATS, *OBJECT_FORMATS):
        checker.checks(name)(lambda value, name=name: _format_fault(name, value) is None)
    return checker


_CHECKER: Final = _format_checker()


def _properties(validator: Any, properties: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    """The keyword `properties`, which for a member that is `false` says where it stands: jsonschema's own does not."""
    del schema
    if not isinstance(instance, dict):
        return
    for name, member in properties.items():
        if name in instance and member is False:
            yield ValidationError("not allowed", validator="not_allowed", path=(name,), schema_path=(name,))
        elif name in instance:
            yield from validator.descend(instance[name], member, path=name, schema_path=name)


_Validator: Final = validators.extend(Draft202012Validator, {"properties": _properties})  # type: ignore[no-untyped-call]


def schema_faults(schema: Mapping[str, Any], facts: object) -> Iterator[Fault]:
    """What the schema finds, for facts whose size and texts are checked already, as part of what they stand in."""
    # an empty registry: a schema can never make this machine fetch anything
    validator = _Validator(schema, registry=referencing.Registry(), format_checker=_CHECKER)
    for error in validator.iter_errors(facts):
        yield from _faults_of(error)


def _faults_of(error: ValidationError) -> Iterator[Fault]:
    if error.validator in ("anyOf", "oneOf") and error.context:
        chosen = best_match([error])
        error = chosen if chosen is not None else error
    pointer = pointer_to(*error.absolute_path)
    rule = "facts.json#" + pointer_to(*error.absolute_schema_path)
    if error.validator == "format":
        fault = _format_fault(str(error.validator_value), error.instance)
        if fault is not None:
            yield Fault(
                pointer,
                fault.code,
                fault.message_en,
                fault.message_zh,
                fault.rule or _RULES.get(str(error.validator_value), rule),
            )
            return
    instance: Any = error.instance
    if error.validator == "required":
        required: Any = error.validator_value
        for name in required:
            if name not in instance:
                yield _missing(pointer, name, rule)
    elif error.validator in ("additionalProperties", "unevaluatedProperties"):
        for name in _extra_members(error):
            message = f"there is no fact of this name: {printable(name)}"
            yield Fault(
                pointer + pointer_to(name), "unknown_fact", message, f"没有名为“{printable(name)}”的事实项", rule
            )
    elif error.validator == "not_allowed":
        name = str(error.absolute_path[-1])
        message = f"the fact {name} does not go with the others that are given"
        yield Fault(pointer, "not_allowed", message, f"事实项“{name}”与所填其他事实项不能并存", rule)
    else:
        zh = _MESSAGES_ZH.get(str(error.validator), "不符合数据模式")
        yield Fault(pointer, f"schema_{error.validator}", printable(error.message, 300), zh, rule)


def _missing(pointer: str, name: str, rule: str) -> Fault:
    at = pointer + pointer_to(name)
    if name in ("zh", "en"):
        return Fault(at, "untranslated", f"the text in the language {name} is missing", f"缺少“{name}”语言文本", rule)
    return Fault(at, "missing_fact", f"the fact {name} is missing", f"缺少事实项“{name}”", rule)


def _extra_members(error: ValidationError) -> list[str]:
    schema: Any = error.schema
    instance: Any = error.instance
    declared, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    extra = [n for n in instance if n not in declared and not any(re.search(p, n) for p in patterns)]
    if error.validator == "unevaluatedProperties":  # members may be evaluated by subschemas: the message names the rest
        extra = [name for name in extra if repr(name) in error.message] or extra
    return extra


_MESSAGES_ZH: Final = {
    "type": "数据类型错误",
    "enum": "不是允许的取值",
    "const": "不是规定的取值",
    "pattern": "格式错误",
    "minLength": "文本过短",
    "maxLength": "文本过长",
    "minimum": "数值过小",
    "maximum": "数值过大",
    "exclusiveMinimum": "数值过小",
    "exclusiveMaximum": "数值过大",
    "minItems": "列表项过少",
    "maxItems": "列表项过多",
    "uniqueItems": "列表项重复",
    "maxContains": "同一种列表项过多",
    "anyOf": "不符合任何一种允许的形式",
    "oneOf": "应当且只能符合一种允许的形式",
    "not": "不允许的取值",
    "dependentRequired": "缺少相关联的事实项",
}
