"""`songda status`: how the installation stands, for those who watch it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import date
from typing import Any, Final
from urllib.parse import urlsplit

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.calendar_years import lacking, unsettled_from, watched_years, year_states
from delivery.sms_aliyun import ENDPOINT
from delivery.sms_gateways import RECORDING
from pipeline.cli.answers import Answer, one_line
from pipeline.cli.inputs import opened
from pipeline.settings import Settings
from records import (
    affected,
    archives,
    deliveries,
    documents,
    electronic_seals,
    messages,
    numbers,
    providers,
    seals,
    series,
    steps,
)
from records.database import is_test, legal_time
from signing.providers import shown

#: A step that has been due for longer than this, in seconds, and that nobody took tells that no worker is alive.
OVERDUE: Final = 60.0

_ON_THE_WAY: Final = ("accepted", "numbered", "rendered", "sealed")
_FAILED_SHOWN: Final = 20
_TROUBLED_SHOWN: Final = 20


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Tell."""
    with opened(arguments) as songda, songda.database.read() as connection:
        value = _told(connection, songda.settings)
    return Answer(value, "\n".join(_lines(value)))


def _told(connection: sa.Connection, settings: Settings) -> dict[str, Any]:
    counted = documents.count_by_status(connection)
    by_state = steps.count_by_state(connection)
    today = day_of(legal_time(connection))
    return {
        "test": is_test(connection),
        "documents": counted,
        "on_the_way": sum(counted.get(status, 0) for status in _ON_THE_WAY),
        "awaiting_approval": [
            {name: row[name] for name in ("id", "authority_id", "instrument", "number_zh")}
            for row in seals.waiting(connection)
        ],
        "failed": [dict(row) for row in documents.failed(connection, _FAILED_SHOWN)],
        "steps": {state: by_state.get(state, 0) for state in (*steps.UNDONE, "done")},
        "overdue": steps.count_overdue(connection, OVERDUE),
        "reminders": [dict(row) for row in deliveries.count_notices(connection)],
        "seal_in_question": affected.count_in_question(connection),
        "sms": _sms(settings),
        "messages": messages.count_by_state(connection),
        "seals": [
            {name: row[name] for name in ("id", "authority_id", "kind", "ring_text", "second_line", "state", "test")}
            | {name: row[name] and row[name].isoformat() for name in ("created_at", "valid_from", "valid_until")}
            for row in seals.listed(connection)
        ],
        "electronic_seals": [
            {name: row[name] for name in ("id", "seal_id", "name", "test")} | {"valid_to": row["valid_to"].isoformat()}
            for row in electronic_seals.in_use(connection)
        ],
        "timestamps": _timestamps(connection, [shown(url) for url in settings.tsa_urls]),
        "series": [dict(row) for row in series.listed(connection)],
        "series_to_open": [dict(row) for row in numbers.lacking(connection, today.year + 1)]
        if today.month == 12
        else [],
        "calendar": _calendar(connection, today),
        "archive": _archive(connection),
    }


def _sms(settings: Settings) -> dict[str, Any]:
    """By which gateway SMS go out: nothing that is secret, and of its address only the host."""
    sends = settings.sms_gateway != RECORDING
    host = urlsplit(settings.sms_url or ENDPOINT).hostname if sends else None
    return {
        "gateway": settings.sms_gateway,
        "sends": sends,
        "host": host,
        "signature": settings.sms_signature,
        "templates": dict(settings.sms_templates),
    }


def _archive(connection: sa.Connection) -> dict[str, Any]:
    """How long what was sealed is provable; `troubled` counts as an alarm unless it is empty."""
    told = archives.summary(connection)
    return {
        "files": told["files"],
        "provable_until": told["provable_until"] and told["provable_until"].isoformat(),
        "next_renewal": told["renew_at"] and told["renew_at"].isoformat(),
        "troubled": [
            dict(row) | {"provable_until": row["provable_until"].isoformat()}
            for row in archives.troubled(connection, _TROUBLED_SHOWN)
        ],
    }


def _timestamps(connection: sa.Connection, authorities: list[str]) -> list[dict[str, Any]]:
    """How the configured time stamp authorities answer, in their order, as the workers of each host report it."""
    moments = ("failing_since", "failed_at", "reported_at")
    reported = [
        {**row, **{name: row[name] and row[name].isoformat(timespec="seconds") for name in moments}}
        for row in providers.listed(connection)
    ]
    return [
        {"state": "failing" if row["failing_since"] else "answers", **row}
        for url in authorities
        for row in reported
        if row["url"] == url
    ] + [
        {"state": "not asked yet", "url": url, "host": None, "answers": 0, "failures": 0}
        for url in authorities
        if url not in {row["url"] for row in reported}
    ]


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
    lines += [f"  awaiting approval  {row['id']} {row['number_zh'] or ''}" for row in value["awaiting_approval"]]
    lines += [f"  failed   {row['id']} {row['number_zh'] or ''} {one_line(row['reason'])}" for row in value["failed"]]
    lines += [f"steps      {steps_told}; overdue {value['overdue']}"]
    lines += [f"reminders  {row['channel']} {row['state']} {row['notices']}" for row in value["reminders"]]
    if value["seal_in_question"]:
        lines.append(f"seal       ALARM: {value['seal_in_question']} documents sealed with a lost key await a decision")
    sms = value["sms"]
    where = f"through {sms['host']}, signed {sms['signature']}" if sms["sends"] else "sends nothing"
    lines.append(f"sms        {sms['gateway']}: {where}")
    lines += [f"messages   {state} {number}" for state, number in sorted(value["messages"].items())]
    lines += [
        f"seal       {row['id']} {row['state']}{' TEST' if row['test'] else ''} "
        f"{row['ring_text']}{row['second_line']}, {row['kind']}{_until(row)}"
        for row in value["seals"]
    ]
    lines += [
        f"electronic {row['id']}{' TEST' if row['test'] else ''} {row['name']}, until {row['valid_to'][:10]}, "
        f"goes with {row['seal_id']}"
        for row in value["electronic_seals"]
    ]
    lines += [_timestamp_line(row) for row in value["timestamps"]]
    lines += [f"series     {row['kind']} {row['year']}: next {row['next']}" for row in value["series"]]
    lines += [f"series     {row['kind']}: next year's is to be opened" for row in value["series_to_open"]]
    return lines + _calendar_lines(value["calendar"]) + _archive_lines(value["archive"])


def _archive_lines(archive: dict[str, Any]) -> list[str]:
    lines = [f"archive    {archive['files']} sealed files"]
    if archive["files"]:
        next_run = (archive["next_renewal"] or "under way")[:10]
        lines = [f"{lines[0]}, the first provable until {archive['provable_until'][:10]}; next renewal {next_run}"]
    return lines + [
        f"archive    ALARM: {row['id']}, provable until {row['provable_until'][:10]}, is not renewed "
        f"({'given up' if row['state'] == 'dead' else 'tried again'}): {one_line(row['error'])}"
        for row in archive["troubled"]
    ]


def _timestamp_line(row: dict[str, Any]) -> str:
    counted = f"{row['url']} {row['state']}; {row['answers']} answers, {row['failures']} failures"
    if row["host"] is None:
        return f"timestamps {counted}"
    took = f", about {row['mean_ms']:.0f} ms" if row["mean_ms"] is not None else ""
    since = f" since {row['failing_since']}" if row["failing_since"] else ""
    last = f"; last failure {row['failed_at']}: {one_line(row['failure'])}" if row["failed_at"] else ""
    return f"timestamps {counted}{took}{since} (told by {row['host']} {row['reported_at']}){last}"


def _until(row: dict[str, Any]) -> str:
    return f", valid until {row['valid_until']}" if row["valid_until"] else ""


def _calendar_lines(calendar: dict[str, Any]) -> list[str]:
    since = f"; dates from {calendar['unsettled_from']} on are provisional" if calendar["unsettled_from"] else ""
    lines = [f"calendar   {', '.join(f'{year} {code}' for year, code in calendar['years'].items())}{since}"]
    lines += [
        f"calendar   {row['year']} edition {row['edition']} is proposed and waits for a second person's approval"
        for row in calendar["proposed"]
    ]
    lines += [f"calendar   ALARM: the notice of {year} is not imported" for year in calendar["lacking"]]
    return lines
