"""The form of an instrument's facts, made from its JSON schema: fields with the schema's own words, and back to JSON.

Pure. A field is named `f` and the pointer of its value (RFC 6901), such as `f/party/name/zh`; `n` and the pointer of a
list says how many items are shown. What stays empty is left out: whether it may be is for the schema to say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from delivery.scanner import read_day
from records.errors import Fault

MOST_ITEMS: Final = 60
_LONG: Final = 200  # characters from which a text gets several lines
_NOTHING: Final = object()
#: Members that are described by their general kind alone ("a name or short text"): what they are called in a form.
_CALLED: Final[Mapping[str, tuple[str, str]]] = {
    "name": ("姓名或者名称", "Name"),
    "number": ("编号", "Number"),
    "address": ("地址", "Address"),
    "post": ("职务", "Post"),
    "served_on": ("送达日期", "Served on"),
}


@dataclass(frozen=True)
class Part:
    """One field, or a group of them. `kind` is text, area, choice, flag, group or list; `label` in both languages.

    `count` is how many items a list shows. A field's `faults` are those at its own pointer, in both languages.
    """

    pointer: str
    kind: str
    label: tuple[str, str]
    required: bool
    value: str = ""
    choices: tuple[str, ...] = ()
    hint: str = ""
    parts: tuple[Part, ...] = ()
    faults: tuple[tuple[str, str], ...] = ()
    count: int = 0

    @property
    def filled(self) -> bool:
        """Whether anything stands in it or is wrong with it: then it is shown open."""
        return bool(self.value or self.faults) or any(part.filled for part in self.parts)


@dataclass
class _Shown:
    schema: Mapping[str, Any]
    typed: Mapping[str, str]
    faults: Mapping[str, list[tuple[str, str]]] = field(default_factory=dict)

    def at(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema with its reference followed; its own words win over those of what it refers to."""
        while "$ref" in schema:
            target: Any = self.schema
            for name in schema["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            schema = {**target, **{name: value for name, value in schema.items() if name != "$ref"}}
        return schema


def form(schema: Mapping[str, Any], typed: Mapping[str, str], faults: Sequence[Fault] = ()) -> tuple[Part, ...]:
    """The parts of the form with what was typed; `faults` point into the facts."""
    by_place: dict[str, list[tuple[str, str]]] = {}
    for fault in faults:
        by_place.setdefault(fault.pointer, []).append((fault.message_zh, fault.message_en))
    return _part(_Shown(schema, typed, by_place), schema, "", "", required=True).parts


def _part(shown: _Shown, schema: Mapping[str, Any], pointer: str, name: str, *, required: bool) -> Part:
    called = None if "description" in schema else _CALLED.get(name)
    schema = shown.at(schema)
    label = called or (str(schema.get("x-zh", name)), str(schema.get("description", name)))
    common: dict[str, Any] = {"pointer": pointer, "label": label, "required": required}
    common["faults"] = tuple(shown.faults.get(pointer, ()))
    if "properties" in schema:
        needed = schema.get("required", ())
        parts = tuple(
            _part(shown, each, f"{pointer}/{key}", key, required=key in needed)
            for key, each in schema["properties"].items()
        )
        return Part(kind="group", parts=parts, **common)
    if schema.get("type") == "array":
        count = _count(shown.typed, pointer, schema, required=required)
        parts = tuple(
            _part(shown, schema.get("items", {}), f"{pointer}/{nth}", str(nth + 1), required=required)
            for nth in range(count)
        )
        return Part(kind="list", parts=parts, count=count, **common)
    return _field(schema, shown.typed.get(f"f{pointer}", ""), common)


def _field(schema: Mapping[str, Any], value: str, common: Mapping[str, Any]) -> Part:
    if "const" in schema:
        return Part(kind="choice", value=value, choices=(_text(schema["const"]),), **common)
    if "enum" in schema:
        return Part(kind="choice", value=value, choices=tuple(map(_text, schema["enum"])), **common)
    if schema.get("type") == "boolean":
        return Part(kind="flag", value=value, **common)
    hint = {"date": "2026-11-22", "date-time": "2026-11-22T09:30:00+08:00", "amount": "30000.00"}
    kind = "area" if schema.get("maxLength", 0) > _LONG else "text"
    return Part(kind=kind, value=value, hint=hint.get(schema.get("format", ""), ""), **common)


def _text(value: object) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


def _count(typed: Mapping[str, str], pointer: str, schema: Mapping[str, Any], *, required: bool) -> int:
    asked = typed.get(f"n{pointer}", "")
    least = max(int(schema.get("minItems", 1)), 1) if required else 1
    wanted = int(asked) if asked.isascii() and asked.isdigit() and len(asked) <= 3 else least
    return min(max(wanted, 1), int(schema.get("maxItems", MOST_ITEMS)), MOST_ITEMS)


def facts(schema: Mapping[str, Any], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as JSON of the schema's types; what is no number stays a text, to be refused."""
    found = _value(_Shown(schema, typed), schema, "", required=True)
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
    known = [*schema.get("enum", ()), *([schema["const"]] if "const" in schema else ())]
    for value in known:
        if _text(value) == text:
            return value
    if schema.get("format") == "date":
        return read_day(text)
    if _may_be_integer(schema) and text.isascii() and text.isdigit() and len(text) <= 15:
        return int(text)
    return text


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
