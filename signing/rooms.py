"""The room that a written PDF keeps for a signature: where it lies, what is signed around it, and filling it."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from pikepdf import Array, String

from records.errors import Permanent

_HOLDERS = (1111111111, 2222222222, 3333333333)
_RANGE = re.compile(rb"/ByteRange \[ 0 1111111111 2222222222 3333333333 \]")


def byte_range_holder() -> Array:
    """What stands in place of the ByteRange until `Room.locate` writes the true one."""
    return Array([0, *_HOLDERS])


def contents_holder(reserve: int) -> String:
    """What stands in place of the signature: room for `reserve` bytes."""
    return String(bytes(reserve))


@dataclass(frozen=True)
class Room:
    """A written PDF with room for a signature: `start` and `end` enclose the hexadecimal string with its brackets."""

    pdf: bytes
    start: int
    end: int

    @classmethod
    def locate(cls, pdf: bytes, reserve: int, *, since: int = 0) -> Room:
        """Find the room behind the byte `since` and write the true ByteRange. Exactly one of each has to be there."""
        held = b"<" + b"00" * reserve + b">"
        start = pdf.find(held, since)
        ranges = list(_RANGE.finditer(pdf, since))
        if start < 0 or len(ranges) != 1:
            raise Permanent("the written PDF holds no single room for the signature")
        end = start + len(held)
        span = ranges[0].span()
        values = f"/ByteRange [ 0 {start} {end} {len(pdf) - end} ]".encode().ljust(span[1] - span[0])
        return cls(pdf[: span[0]] + values + pdf[span[1] :], start, end)

    def signed(self) -> bytes:
        """Everything but the room."""
        return self.pdf[: self.start] + self.pdf[self.end :]

    def digest(self) -> bytes:
        """SHA-256 over everything but the room."""
        view = memoryview(self.pdf)
        running = hashlib.sha256(view[: self.start])
        running.update(view[self.end :])
        return running.digest()

    def filled(self, der: bytes) -> bytes:
        """The PDF with the DER object in the room; the caller made the room large enough."""
        room = self.end - self.start - 2
        return self.pdf[: self.start + 1] + der.hex().encode().ljust(room, b"0") + self.pdf[self.end - 1 :]
