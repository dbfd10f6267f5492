"""`songda calendar`: the State Council's yearly notices, imported by two administrators with their passwords."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any, Final

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.calendar_preview import Preview, preview
from delivery.calendar_years import YearState, lacking, watched_years, year_states
from delivery.calendars import Calendar, default_calendar
from delivery.service import stored_calendar, stored_notice
from pipeline.calendar_import import approve_notice, propose_notice
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import (
    add_authority_option,
    add_secret_options,
    authority_of,
    is_installed,
    log_in,
    opened,
    read_file,
    settings_of,
)
from pipeline.composition import Songda
from records import notices
from records.access import Person
from records.database import legal_time
from records.directory import SelfApproval

_SHOWN: Final = 20
"""So many deliveries and limits of a preview are written out; `--json` tells all."""

_STATES: Final = {
    "imported": "imported",
    "library": "published, in the chinesecalendar library",
    "proposed": "NOT PUBLISHED here yet: an imported notice waits for a second person's approval",
    "none": "NOT PUBLISHED: statutory holidays only, a guess",
}


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    take = actions.add_parser(
        "import", help="propose a notice, or an amended one, and tell what would change", parents=[common]
    )
    take.add_argument(
        "file", metavar="FILE", help='JSON: {"year", "papers": [address], "days": [{"date", "isOffDay"}]}'
    )
    take.add_argument("--number", default="", help="document number of the notice, if it does not stand in the file")
    take.set_defaults(run=run_import)
    approve = actions.add_parser(
        "approve", help="let a proposed notice count; by another administrator", parents=[common]
    )
    approve.add_argument("year", metavar="YEAR", type=_year)
    approve.add_argument("edition", metavar="EDITION", type=int)
    approve.set_defaults(run=run_approve)
    for action in (take, approve):
        action.add_argument("--sha256", default="", metavar="HEX", help="refused if the file has another digest")
        action.add_argument("--by", required=True, metavar="LOGIN", help="an administrator; the password is asked for")
        add_authority_option(action)
        add_secret_options(action)
    show = actions.add_parser("show", help="how the years stand, or the days of one year", parents=[common])
    show.add_argument("year", metavar="YEAR", type=_year, nargs="?")
    show.set_defaults(run=run_show)


def _year(text: str) -> int:
    year = int(text)
    if not 1950 <= year <= 2199:
        raise ValueError(text)
    return year


# --- two persons -----------------------------------------------------------------------------------------------------


def run_import(arguments: Namespace) -> Answer:
    """Propose; it counts once a second person has approved it."""
    raw = read_file(arguments.file, 1024 * 1024)
    with opened(arguments) as songda:
        by = _administrator(songda, arguments)
        proposed = propose_notice(songda, raw, by.id, number=arguments.number, sha256=arguments.sha256)
    notice, edition = proposed.notice, proposed.edition
    value = {
        "year": notice.year,
        "edition": edition,
        "document_number": notice.number,
        "source": notice.source,
        "sha256": notice.sha256,
        "approved": False,
        "preview": proposed.preview.as_dict(),
    }
    lines = [
        f"{notice.number}: {notice.year}, edition {edition}, is proposed; SHA-256 {notice.sha256}",
        *_preview_lines(proposed.preview),
        f"a second administrator approves it: songda calendar approve {notice.year} {edition}",
    ]
    return Answer(value, "\n".join(lines))


def run_approve(arguments: Namespace) -> Answer:
    """Approve, by another person than who proposed, and let every date that has not passed be decided again."""
    year, edition = arguments.year, arguments.edition
    with opened(arguments) as songda:
        by = _administrator(songda, arguments)
        try:
            approved = approve_notice(songda, year, edition, by.id, sha256=arguments.sha256)
        except SelfApproval as error:
            raise BadInput("--by", "self_approval", str(error)) from error
        except LookupError as error:
            raise BadInput("EDITION", "unknown_edition", str(error)) from error
        except notices.Outdated as error:
            raise BadInput("EDITION", "outdated", str(error)) from error
    value = {
        "year": year,
        "edition": edition,
        "document_number": approved.notice.number,
        "source": approved.notice.source,
        "sha256": approved.notice.sha256,
        "approved": True,
        "preview": approved.preview.as_dict(),
        "deliveries_decided_again": len(approved.woken),
    }
    lines = [
        f"{approved.notice.number}: {year}, edition {edition}, counts from now on",
        *_preview_lines(approved.preview),
        f"{len(approved.woken)} deliveries are decided again",
    ]
    return Answer(value, "\n".join(lines))


def _administrator(songda: Songda, arguments: Namespace) -> Person:
    with songda.database.read() as connection:
        authority_id = authority_of(connection, arguments)
    return log_in(songda, arguments, authority_id)


def _preview_lines(found: Preview) -> Iterator[str]:
    """What would change, or has changed, in words."""
    for worked, said in ((False, "off now:    "), (True, "worked now: ")):
        days = [f"{each.day:%Y-%m-%d}" for each in found.days if each.worked is worked]
        if days:
            yield f"  {said}{' '.join(days)}"
    if not found.days:
        yield "  no day differs from what stands"
    if found.holidays_worked:
        days_told = " ".join(f"{day:%Y-%m-%d}" for day in found.holidays_worked)
        yield f"  CAUTION: statutory holidays that people would work on, is the file whole? {days_told}"
    yield f"  deliveries that have not passed: {found.looked_at}; of another date {len(found.dates)}"
    for date_ in found.dates[:_SHOWN]:
        deemed, status = date_.deemed_date, date_.status
        yield f"    {date_.delivery_id} deemed {deemed[0]} -> {deemed[1]}, {status[0]} -> {status[1]}"
    yield f"  limits that change: {len(found.limits)}"
    for limit in found.limits[:_SHOWN]:
        last, status_ = limit.last_day, limit.status
        yield f"    {limit.delivery_id} {limit.limit} {last[0]} -> {last[1]}, {status_[0]} -> {status_[1]}"


# --- showing ---------------------------------------------------------------------------------------------------------


def run_show(arguments: Namespace) -> Answer:
    """Show the years as the installation knows them; without one, as the library does."""
    if not is_installed(settings_of(arguments)):
        return _shown_alone(arguments.year)
    with opened(arguments) as songda, songda.database.read() as connection:
        if arguments.year is None:
            return _shown_years(connection)
        return _shown_year(connection, arguments.year)


def _shown_alone(year: int | None) -> Answer:
    if year is None:
        raise BadInput("YEAR", "missing", "there is no installation: name a year of the library")
    value = _days(default_calendar(), YearState(year))
    return Answer(value, "\n".join(_day_lines(value)))


def _shown_years(connection: sa.Connection) -> Answer:
    today = day_of(legal_time(connection))
    states = {state.year: state for state in (*year_states(connection, watched_years(today)), *year_states(connection))}
    ordered = [states[year] for year in sorted(states)]
    alarms = lacking(ordered, today)
    value = {"lacking": alarms, "years": [_state(state) for state in ordered]}
    lines = [line for state in ordered for line in _state_lines(state)]
    lines += [f"ALARM: the notice of {year} is not imported" for year in alarms]
    return Answer(value, "\n".join(lines))


def _shown_year(connection: sa.Connection, year: int) -> Answer:
    calendar = stored_calendar(connection)
    (state,) = year_states(connection, [year])
    value = _days(calendar, state)
    value["editions"] = [_edition(row) for row in notices.editions(connection) if row["year"] == year]
    lines = [*_day_lines(value), *_state_lines(state)[1:]]
    if state.proposed is not None:
        waiting = stored_notice(notices.find(connection, year, state.proposed["edition"]))
        found = preview(connection, calendar, waiting, legal_time(connection))
        value["preview"] = found.as_dict()
        lines += ["what it would change:", *_preview_lines(found)]
    return Answer(value, "\n".join(lines))


def _state(state: YearState) -> dict[str, Any]:
    return {
        "year": state.year,
        "state": state.code,
        "published": state.is_published,
        "counting": _edition(state.counting) if state.counting is not None else None,
        "proposed": _edition(state.proposed) if state.proposed is not None else None,
    }


def _edition(row: sa.RowMapping) -> dict[str, Any]:
    return {
        "edition": row["edition"],
        "document_number": row["document_number"],
        "source": row["source"],
        "sha256": row["digest"],
        "proposed_by": row["proposer"] or row["proposed_by"],
        "proposed_at": row["proposed_at"].isoformat(),
        "approved_by": row["approver"] or row["approved_by"],
        "approved_at": row["approved_at"] and row["approved_at"].isoformat(),
    }


def _state_lines(state: YearState) -> list[str]:
    lines = [f"{state.year}: {_STATES[state.code]}"]
    for row, standing in ((state.counting, "counts"), (state.proposed, "is proposed")):
        if row is not None:
            told = _edition(row)
            approved = f", approved by {told['approved_by']}" if told["approved_by"] else ""
            lines += [
                f"  edition {told['edition']} {standing}: {told['document_number']} {told['source']}",
                f"    SHA-256 {told['sha256']}; proposed by {told['proposed_by']}{approved}",
            ]
    return lines


def _days(calendar: Calendar, state: YearState) -> dict[str, Any]:
    off, made_up = _exceptions(calendar, state.year)
    return _state(state) | {
        "calendar_version": calendar.version,
        "days_off_on_weekdays": [day.isoformat() for day in off],
        "working_days_on_weekends": [day.isoformat() for day in made_up],
    }


def _day_lines(value: dict[str, Any]) -> list[str]:
    return [
        f"{value['year']}: {_STATES[value['state']]} ({value['calendar_version']})",
        "off on weekdays:     " + " ".join(day[5:] for day in value["days_off_on_weekdays"]),
        "worked on weekends:  " + " ".join(day[5:] for day in value["working_days_on_weekends"]),
    ]


def _exceptions(calendar: Calendar, year: int) -> tuple[list[date], list[date]]:
    days = [date(year, 1, 1) + timedelta(days=offset) for offset in range(366)]
    days = [day for day in days if day.year == year]
    off = [day for day in days if day.weekday() < 5 and not calendar.is_working_day(day)]
    made_up = [day for day in days if day.weekday() >= 5 and calendar.is_working_day(day)]
    return off, made_up
