"""What a command answers: a value for programs, a text for people, an exit code."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from delivery.service_dates import error_of
from pipeline.settings import BadSetting
from records.errors import Fault, Permanent, Refused, Retry

DONE: Final = 0
NOT_VALID: Final = 1
BAD_INPUT: Final = 2


class Answer(NamedTuple):
    """The answer of a command. `value` is what `--json` prints."""

    value: Any
    text: str
    code: int = DONE


class BadInput(Exception):
    """What was given on the command line cannot be used; `field` names the option or the pointer."""

    def __init__(self, field: str, code: str, message: str) -> None:
        super().__init__(message)
        self.field, self.code, self.message = field, code, message


def usage_error(error: Exception) -> Answer:
    """The answer for an error: exit 2."""
    if isinstance(error, Refused):
        lines = [f"{fault.pointer or '/'}: {fault.message_en} {fault.message_zh}".rstrip() for fault in error.faults]
        return Answer(error_of(error.faults), "\n".join(lines), BAD_INPUT)
    if isinstance(error, BadInput):
        fault = Fault(error.field, error.code, error.message)
    elif isinstance(error, OSError):
        fault = Fault(str(error.filename or ""), "file", error.strerror or str(error))
    else:
        code = {Permanent: "permanent", Retry: "try_again", BadSetting: "setting"}.get(type(error), "internal")
        fault = Fault("", code, str(error))
    field = f"{fault.pointer}: " if fault.pointer else ""
    value = {"error": {"code": fault.code, "field": fault.pointer, "message": fault.message_en}}
    return Answer(value, f"songda: {field}{fault.message_en}", BAD_INPUT)


def one_line(text: str | None) -> str:
    """Text that may hold what a foreign server answered, fit for a terminal: one line, no control characters."""
    return "".join(letter for letter in " ".join((text or "").split()) if letter.isprintable())


def error_value(value: Any) -> bool:
    """Whether the value of an answer tells of an error."""
    return isinstance(value, Mapping) and "error" in value
