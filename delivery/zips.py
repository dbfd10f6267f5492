"""A ZIP file that is sent while it is made: one member in memory at a time, whatever the whole holds."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import datetime

from delivery.beijing import BEIJING


class _Outlet(io.RawIOBase):
    """Takes what is written, and gives it away in pieces; cannot go back, so sizes follow each member."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """What was written since the last call."""
        piece = b"".join(self._pieces)
        self._pieces.clear()
        return piece


def zipped(members: Iterable[tuple[str, bytes]], at: datetime) -> Iterator[bytes]:
    """The bytes of a ZIP file with these members (name, content), all dated `at` (aware, written in Beijing time).

    They are stored as they are: a PDF is compressed inside. Names that come twice are told apart by a number.
    """
    outlet, names = _Outlet(), set[str]()
    date_time = at.astimezone(BEIJING).timetuple()[:6]
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(_apart(name, names), date_time), content)
            yield outlet.taken()
    yield outlet.taken()


def _apart(name: str, names: set[str]) -> str:
    stem, dot, ending = name.rpartition(".")
    found, number = name, 1
    while found in names:
        number += 1
        found = f"{stem} ({number}){dot}{ending}"
    names.add(found)
    return found
