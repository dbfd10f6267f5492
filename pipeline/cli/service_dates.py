"""`songda service-date`: the pure function over standard input."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from delivery.calendars import Calendar, default_calendar
from delivery.service import stored_calendar
from delivery.service_dates import answer
from pipeline import strict_json
from pipeline.cli.answers import BAD_INPUT, DONE, Answer, error_value
from pipeline.cli.inputs import is_installed, opened, settings_of
from records.database import legal_time


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    declare_question(parser, answer)


def declare_question(parser: ArgumentParser, ask: Callable[..., Any]) -> None:
    """A command that hands the JSON on standard input to a pure function, with the clock and calendar of here."""
    parser.epilog = "Reads one JSON object or a list of them; prints JSON always. A list gets one result per item."
    parser.set_defaults(run=lambda arguments: _run(arguments, ask))


def _run(arguments: Namespace, ask: Callable[..., Any]) -> Answer:
    """One answer or a list; exit 2 if any of the requests was refused."""
    value = strict_json.parse(sys.stdin.buffer.read())
    now, calendar = _surroundings(arguments)
    found = ask(value, now=now, calendar=calendar)
    refused = isinstance(found, list) and any(error_value(each) for each in found)
    return Answer(found, "", BAD_INPUT if refused else DONE)


def _surroundings(arguments: Namespace) -> tuple[datetime, Calendar]:
    """The legal clock and the imported notices of the installation, if there is one here."""
    if not is_installed(settings_of(arguments)):
        return datetime.now(UTC), default_calendar()
    with opened(arguments) as songda, songda.database.read() as connection:
        return legal_time(connection), stored_calendar(connection)
