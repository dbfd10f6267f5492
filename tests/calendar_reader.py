"""A reader of iCalendar files that shares no code with the writer: by RFC 5545 alone, and strict about it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

_LINE = re.compile(rb"[A-Z0-9-]+(;[A-Z0-9-]+=[^:;]+)*:.*", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)")
_ONCE = (
    "UID",
    "DTSTAMP",
    "DTSTART",
    "DTEND",
    "SEQUENCE",
    "STATUS",
    "SUMMARY",
    "DESCRIPTION",
    "LAST-MODIFIED",
    "TRANSP",
)


def unfolded(raw: bytes) -> list[bytes]:
    """The content lines (3.1): CRLF ends each, no line is longer than 75 octets, each is whole UTF-8."""
    assert raw.endswith(b"\r\n")
    lines: list[bytes] = []
    for line in raw[:-2].split(b"\r\n"):
        assert len(line) <= 75, line
        assert b"\r" not in line and b"\n" not in line
        line.decode()  # a fold cuts no letter in two
        if line.startswith(b" "):
            lines[-1] += line[1:]
        else:
            assert _LINE.fullmatch(line), line
            lines.append(line)
    return lines


def read_calendar(raw: bytes) -> dict[str, Any]:
    """Properties of the calendar, and its components by name. Asserts what RFC 5545 demands."""
    stack: list[tuple[str, dict[str, Any]]] = [("", {})]
    for line in unfolded(raw):
        name, value = line.decode().split(":", 1)
        if name == "BEGIN":
            stack.append((value, {}))
        elif name == "END":
            kind, component = stack.pop()
            assert kind == value
            stack[-1][1].setdefault(kind, []).append(component)
        else:
            plain = name.partition(";")[0]
            assert plain not in stack[-1][1], f"{plain} stands twice"
            stack[-1][1][plain] = _value(name, value)
    ((_, calendars),) = stack
    (calendar,) = calendars["VCALENDAR"]
    assert calendar["VERSION"] == "2.0" and calendar["PRODID"]
    assert any(isinstance(each, list) for each in calendar.values()), "a calendar needs a component"
    calendar.setdefault("VEVENT", [])
    assert len({event["UID"] for event in calendar["VEVENT"]}) == len(calendar["VEVENT"])
    for event in calendar["VEVENT"]:
        assert set(event) == set(_ONCE)
        assert event["STATUS"] in ("TENTATIVE", "CONFIRMED", "CANCELLED")
        assert event["DTEND"] > event["DTSTART"]
    return calendar


def _value(name: str, value: str) -> Any:
    plain, _, parameters = name.partition(";")
    if parameters == "VALUE=DATE":
        return date(int(value[:4]), int(value[4:6]), int(value[6:8]))
    if plain in ("DTSTAMP", "LAST-MODIFIED"):
        assert re.fullmatch(r"\d{8}T\d{6}Z", value)
        return datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    if plain == "SEQUENCE":
        return int(value)
    assert not re.search(r"(?<!\\)(\\\\)*[;,]", value) or plain == "PRODID", f"not escaped: {value}"
    return _ESCAPE.sub(lambda found: "\n" if found[1] in "nN" else found[1], value)
