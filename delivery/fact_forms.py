"""The form of an instrument's facts, made from its JSON schema: fields with the schema's own words, and back to JSON.

Pure. A field is named `f` and the pointer of its value (RFC 6901), such as `f/party/name/zh`; `n` and the pointer of a
list says how many items are shown. What stays empty is left out: whether it may be is for the schema to say.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from delivery.fact_words import FactWords, Pair
from delivery.scanner import read_day
from records.errors import Fault

MOST_ITEMS: Final = 60
_LONG: Final = 200  # characters from which a text gets several lines
_NOTHING: Final = object()
_YES_OR_NO: Final = (("true", ("是", "Yes")), ("false", ("否", "No")))
_TIME: Final = re.compile(r"(.*[^0-9:])([0-9]{1,2})[:时]?([0-9]{2})(?:分|:([0-9]{2}))?")
#: Members that are described by their general kind alone ("a name or short text"): what they are called in a form.
_CALLED: Final[Mapping[str, Pair]] = {
    "name": ("姓名或者名称", "Name"),
    "number": ("编号", "Number"),
    "address": ("地址", "Address"),
    "post": ("职务", "Post"),
    "served_on": ("送达日期", "Served on"),
}


@dataclass(frozen=True)
class Part:
    """One field, or a group of them. `kind` is text, area, choice, flag, group or list; `label` in both languages.

    `choices` are codes, each with its words. `count` is how many items a list shows. A field's `faults` are those at
    its own pointer, in both languages.
    """

    pointer: str
    kind: str
    label: Pair
    required: bool
    value: str = ""
    choices: tuple[tuple[str, Pair], ...] = ()
    hint: str = ""
    parts: tuple[Part, ...] = ()
    faults: tuple[Pair, ...] = ()
    count: int = 0

    @property
    def filled(self) -> bool:
        """Whether anything stands in it or is wrong with it: then it is shown open."""
        return bool(self.value or self.faults) or any(part.filled for part in self.parts)


@dataclass
class _Shown:
    schema: Mapping[str, Any]
    typed: Mapping[str, str]
    faults: Mapping[str, list[Pair]] = field(default_factory=dict)
    words: FactWords = field(default_factory=FactWords)

    def at(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with its reference followed; its own words win over those of what it refers to."""
        while "$ref" in schema:
            target: Any = self.schema
            for name in schema["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
        return schema


def form(
    schema: Mapping[str, Any],
    typed: Mapping[str, str],
    faults: Sequence[Fault] = (),
    words: FactWords | None = None,
    place: str = "",
) -> tuple[Part, ...]:
    """The parts of the form with what was typed; `words` are those of the codes. All pointers begin with `place`."""
    by_place: dict[str, list[Pair]] = {}
    for fault in faults:
        by_place.setdefault(fault.pointer, []).append((fault.message_zh, fault.message_en))
    shown = _Shown(schema, typed, by_place, words or FactWords())
    return _part(shown, schema, place, "", required=True).parts


def _part(shown: _Shown, schema: Mapping[str, Any], pointer: str, name: str, *, required: bool) -> Part:
    called = None if "description" in schema else _CALLED.get(name)
    schema = shown.at(schema)
    label = called or (str(schema.get("x-zh", name)), str(schema.get("description", name)).removesuffix("."))
    common: dict[str, Any] = {"pointer": pointer, "label": label, "required": required}
    common["faults"] = tuple(shown.faults.get(pointer, ()))
    if "properties" in schema:
        needed = schema.get("required", ())
        parts = tuple(
            _part(shown, each, f"{pointer}/{key}", key, required=key in needed)
            for key, each in schema["properties"].items()
        )
        if schema.get("format") == "article" and shown.words.laws:
            laws = tuple(shown.words.laws.items())
            parts = tuple(
                replace(part, kind="choice", choices=laws) if part.pointer == f"{pointer}/law" else part
                for part in parts
            )
        return Part(kind="group", parts=parts, **common)
    if schema.get("type") == "array":
        count = _count(shown.typed, pointer, schema, required=required)
        items = (
            _part(shown, schema.get("items", {}), f"{pointer}/{nth}", "", required=required) for nth in range(count)
        )
        parts = tuple(replace(item, label=_numbered(item.label, nth)) for nth, item in enumerate(items, start=1))
        return Part(kind="list", parts=parts, count=count, **common)
    return _field(shown, schema, common)


def _numbered(label: Pair, nth: int) -> Pair:
    zh, en = label
    return (f"{zh}（第{nth}项）" if zh else f"第{nth}项", f"{en} ({nth})" if en else f"No. {nth}")


def _field(shown: _Shown, schema: Mapping[str, Any], common: Mapping[str, Any]) -> Part:
    value = shown.typed.get(f"f{common['pointer']}", "")
    if codes := _codes(schema):
        path = ".".join(name for name in common["pointer"].split("/") if name and not name.isdigit())
        choices = tuple((code, shown.words.of(path, code)) for code in map(_text, codes))
        return Part(kind="choice", value=value, choices=choices, **common)
    if schema.get("type") == "boolean":
        if common["required"]:
            return Part(kind="flag", value=value, **common)
        return Part(kind="choice", value=value, choices=_YES_OR_NO, **common)  # or nothing is said of it
    hint = {"date": "2026-11-22", "date-time": "2026-11-22 09:30", "amount": "30000.00"}
    kind = "area" if schema.get("maxLength", 0) > _LONG else "text"
    return Part(kind=kind, value=value, hint=hint.get(schema.get("format", ""), ""), **common)


def _codes(schema: Mapping[str, Any]) -> Sequence[object]:
    return [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]


def where(parts: Sequence[Part], pointer: str) -> tuple[Part, ...]:
    """The part at `pointer`, or the nearest around it, after those that hold it: what a fault there is called by."""
    for part in parts:
        if pointer == part.pointer or pointer.startswith(f"{part.pointer}/"):
            return (part, *where(part.parts, pointer))
    return ()


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _count(typed: Mapping[str, str], pointer: str, schema: Mapping[str, Any], *, required: bool) -> int:
    asked = typed.get(f"n{pointer}", "")
    least = max(int(schema.get("minItems", 1)), 1) if required else 1
    wanted = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 3 else least
    return min(max(wanted, 1), int(schema.get("maxItems", MOST_ITEMS)), MOST_ITEMS)


def facts(schema: Mapping[str, Any], typed: Mapping[str, str], place: str = "") -> dict[str, Any]:
    """What was typed, as JSON of the schema's types; what is no number stays a text, to be refused.

    A moment without an offset is one of Beijing time.
    """
    found = _value(_Shown(schema, typed), schema, place, required=True)
    return found if isinstance(found, dict) else {}


def _value(shown: _Shown, schema: Mapping[str, Any], pointer: str, *, required: bool) -> Any:
    schema = shown.at(schema)
    if "properties" in schema:
        needed = schema.get("required", ())
        members = {
            key: _value(shown, each, f"{pointer}/{key}", required=key in needed)
            for key, each in schema["properties"].items()
        }
        members = {key: value for key, value in members.items() if value is not _NOTHING}
        return members or _NOTHING
    if schema.get("type") == "array":
        count = _count(shown.typed, pointer, schema, required=required)
        items = (_value(shown, schema.get("items", {}), f"{pointer}/{nth}", required=False) for nth in range(count))
        return [item for item in items if item is not _NOTHING] or _NOTHING
    return _scalar(schema, shown.typed.get(f"f{pointer}", "").strip().replace("\r\n", "\n"))


def _scalar(schema: Mapping[str, Any], text: str) -> Any:
    if not text:
        return _NOTHING
    if schema.get("type") == "boolean" or isinstance(schema.get("const"), bool):
        return text in ("1", "true")
    for value in _codes(schema):
        if _text(value) == text:
            return value
    if schema.get("format") == "date":
        return read_day(text)
    if schema.get("format") == "date-time":
        return read_moment(text)
    if _may_be_integer(schema) and text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    return text


def read_moment(text: str) -> str:
    """`2026-11-22 09:30`, `20261122 0930`, `2026年11月22日9时30分`, which are Beijing time, as RFC 3339; a moment with
    an offset, and anything else, as it is, for the rules to refuse.
    """
    found = _TIME.fullmatch(unicodedata.normalize("NFKC", text).strip())
    if found is None or not re.fullmatch("[0-9]{4}-[0-9]{2}-[0-9]{2}", day := read_day(found[1].removesuffix("T"))):
        return text
    return f"{day}T{int(found[2]):02}:{found[3]}:{found[4] or '00'}+08:00"


def _may_be_integer(schema: Mapping[str, Any]) -> bool:
    kinds = [schema, *schema.get("anyOf", ()), *schema.get("oneOf", ())]
    return any("integer" in (each.get("type"), *_listed(each.get("type"))) for each in kinds)


def _listed(value: object) -> Sequence[object]:
    return value if isinstance(value, list) else ()


def typed_of(value: object, pointer: str = "") -> dict[str, str]:
    """Facts as they would be typed: `facts` the other way round."""
    return dict(_typed(value, pointer))


def _typed(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, member in value.items():
            yield from _typed(member, f"{pointer}/{key}")
    elif isinstance(value, list):
        yield f"n{pointer}", str(len(value))
        for nth, item in enumerate(value):
            yield from _typed(item, f"{pointer}/{nth}")
    else:
        yield f"f{pointer}", _text(value)
