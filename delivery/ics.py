"""iCalendar files (RFC 5545): whole-day entries in UTF-8, lines folded at 75 octets. Nothing else is written here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final

#: Octets of a line without its line break (RFC 5545, 3.1).
LINE: Final = 75

STATUSES: Final = ("CONFIRMED", "TENTATIVE", "CANCELLED")

#: A calendar must hold a component even when it has no entry (RFC 5545, 3.6); this one says whose days these are.
_ZONE: Final = (
    "BEGIN:VTIMEZONE",
    "TZID:Asia/Shanghai",
    "BEGIN:STANDARD",
    "DTSTART:19920101T000000",
    "TZOFFSETFROM:+0800",
    "TZOFFSETTO:+0800",
    "TZNAME:CST",
    "END:STANDARD",
    "END:VTIMEZONE",
)


@dataclass(frozen=True)
class Entry:
    """One whole day. `uid` never changes, `sequence` rises with each change, `changed_at` (aware) is when it did."""

    uid: str
    sequence: int
    changed_at: datetime
    day: date
    summary: str
    description: str
    status: str


def write_calendar(name: str, entries: Iterable[Entry]) -> bytes:
    """A calendar to be published, with `name` as its title."""
    return b"".join(piece + b"\r\n" for line in _lines(name, entries) for piece in _folded(line))


def _lines(name: str, entries: Iterable[Entry]) -> Iterator[str]:
    yield "BEGIN:VCALENDAR"
    yield "VERSION:2.0"
    yield "PRODID:-//Songda//Deadlines//ZH"
    yield "CALSCALE:GREGORIAN"
    yield "METHOD:PUBLISH"
    yield f"NAME:{_text(name)}"  # RFC 7986
    yield f"X-WR-CALNAME:{_text(name)}"
    yield "REFRESH-INTERVAL;VALUE=DURATION:PT6H"
    yield "X-PUBLISHED-TTL:PT6H"
    yield from _ZONE
    for entry in entries:
        yield from _entry(entry)
    yield "END:VCALENDAR"


def _entry(entry: Entry) -> Iterator[str]:
    stamp = f"{entry.changed_at.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    yield "BEGIN:VEVENT"
    yield f"UID:{_text(entry.uid)}"
    yield f"DTSTAMP:{stamp}"
    yield f"LAST-MODIFIED:{stamp}"
    yield f"SEQUENCE:{entry.sequence}"
    yield f"DTSTART;VALUE=DATE:{entry.day:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{entry.day + timedelta(days=1):%Y%m%d}"  # the first day that is no longer in it
    yield f"SUMMARY:{_text(entry.summary)}"
    yield f"DESCRIPTION:{_text(entry.description)}"
    yield f"STATUS:{entry.status}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def _text(value: str) -> str:
    """A text value: special characters escaped (RFC 5545, 3.3.11), control and format characters left out."""
    if not value.isprintable():
        value = "".join(
            each for each in value.replace("\r\n", "\n") if each == "\n" or unicodedata.category(each)[0] != "C"
        )
    return value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")


def _folded(line: str) -> Iterator[bytes]:
    """The line in pieces of at most 75 octets, the later ones with the space that continues; no letter is cut."""
    raw, start, room = line.encode(), 0, LINE
    while len(raw) - start > room:
        end = start + room
        while raw[end] & 0xC0 == 0x80:  # in the middle of a letter
            end -= 1
        yield (b" " if start else b"") + raw[start:end]
        start, room = end, LINE - 1
    yield (b" " if start else b"") + raw[start:]
