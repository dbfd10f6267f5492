"""`songda status`: how the installation stands, for those who watch it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.calendar_years import lacking, unsettled_from, watched_years, year_states
from pipeline.cli.answers import Answer, one_line
from pipeline.cli.inputs import opened
from records import deliveries, directory, documents, messages, numbers, series, steps
from records.database import is_test, legal_time

#: A step that has been due for longer than this, in seconds, and that nobody took tells that no worker is alive.
OVERDUE: Final = 60.0

_ON_THE_WAY: Final = ("accepted", "numbered", "rendered", "sealed")
_FAILED_SHOWN: Final = 20


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Tell."""
    with opened(arguments) as songda, songda.database.read() as connection:
        value = _told(connection)
    return Answer(value, "\n".join(_lines(value)))


def _told(connection: sa.Connection) -> dict[str, Any]:
    counted = documents.count_by_status(connection)
    by_state = steps.count_by_state(connection)
    today = day_of(legal_time(connection))
    return {
        "test": is_test(connection),
        "documents": counted,
        "on_the_way": sum(counted.get(status, 0) for status in _ON_THE_WAY),
        "failed": [dict(row) for row in documents.failed(connection, _FAILED_SHOWN)],
        "steps": {state: by_state.get(state, 0) for state in (*steps.UNDONE, "done")},
        "overdue": steps.count_overdue(connection, OVERDUE),
        "reminders": [dict(row) for row in deliveries.count_notices(connection)],
        "messages": messages.count_by_state(connection),
        "seals": [
            {name: row[name] for name in ("id", "authority_id", "ring_text", "second_line", "state", "test")}
            | {"created_at": row["created_at"].isoformat()}
            for row in directory.seals(connection)
        ],
        "series": [dict(row) for row in series.listed(connection)],
        "series_to_open": [dict(row) for row in numbers.lacking(connection, today.year + 1)]
        if today.month == 12
        else [],
        "calendar": _calendar(connection, today),
    }


def _calendar(connection: sa.Connection, today: date) -> dict[str, Any]:
    """How this year's and the next one's working days stand; `lacking` counts as an alarm unless it is empty."""
    states = year_states(connection, watched_years(today))
    unsettled = unsettled_from(states, today)
    return {
        "lacking": lacking(states, today),
        "unsettled_from": unsettled and unsettled.isoformat(),
        "years": {str(state.year): state.code for state in states},
        "proposed": [
            {"year": state.year, "edition": state.proposed["edition"]} for state in states if state.proposed is not None
        ],
    }


def _lines(value: dict[str, Any]) -> list[str]:
    lines = ["TEST system"] if value["test"] else []
    documents_told = ", ".join(f"{status} {number}" for status, number in sorted(value["documents"].items()))
    steps_told = ", ".join(f"{state} {number}" for state, number in value["steps"].items())
    lines += [f"documents  {documents_told or 'none'}; on the way {value['on_the_way']}"]
    lines += [f"  failed   {row['id']} {row['number_zh'] or ''} {one_line(row['reason'])}" for row in value["failed"]]
    lines += [f"steps      {steps_told}; overdue {value['overdue']}"]
    lines += [f"reminders  {row['channel']} {row['state']} {row['notices']}" for row in value["reminders"]]
    lines += [f"messages   {state} {number}" for state, number in sorted(value["messages"].items())]
    lines += [
        f"seal       {row['id']} {row['state']}{' TEST' if row['test'] else ''} {row['ring_text']}{row['second_line']}"
        for row in value["seals"]
    ]
    lines += [f"series     {row['kind']} {row['year']}: next {row['next']}" for row in value["series"]]
    lines += [f"series     {row['kind']}: next year's is to be opened" for row in value["series_to_open"]]
    lines += _calendar_lines(value["calendar"])
    return lines


def _calendar_lines(calendar: dict[str, Any]) -> list[str]:
    since = f"; dates from {calendar['unsettled_from']} on are provisional" if calendar["unsettled_from"] else ""
    lines = [f"calendar   {', '.join(f'{year} {code}' for year, code in calendar['years'].items())}{since}"]
    lines += [
        f"calendar   {row['year']} edition {row['edition']} is proposed and waits for a second person's approval"
        for row in calendar["proposed"]
    ]
    lines += [f"calendar   ALARM: the notice of {year} is not imported" for year in calendar["lacking"]]
    return lines
