"""Errors, named after what the caller can do about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong with an input, told so that its sender can mend it.

    `pointer` is an RFC 6901 JSON pointer into the body that was sent; `code` is stable and machine readable;
    `rule` cites the article or standard that is broken, if one is.
    """

    pointer: str
    code: str
    message_en: str
    message_zh: str = ""
    rule: str = ""

    def as_dict(self) -> dict[str, str]:
        """The fault as JSON, without empty members."""
        return {name: value for name, value in asdict(self).items() if value}

    def under(self, prefix: str) -> Fault:
        """The same fault, seen from a body in which the faulty part stands at `prefix`."""
        return Fault(prefix + self.pointer, self.code, self.message_en, self.message_zh, self.rule)


class SongdaError(Exception):
    """Root of all errors that this project raises on purpose."""


class Refused(SongdaError):
    """The input is wrong: the caller has to change it. Nothing was stored."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.message_en}" for fault in faults))
        self.faults = tuple(faults)


class Retry(SongdaError):
    """A part was not to be had just now: doing the same again later may succeed.

    `after_seconds` is a wish; None leaves the pause to the caller.
    """

    def __init__(self, message: str, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class Permanent(SongdaError):
    """Doing the same again cannot succeed: a person has to decide."""


class Ambiguous(SongdaError):
    """An outside effect may or may not have happened, and nobody can tell from here."""
