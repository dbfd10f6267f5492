"""`songda calendar`: the State Council's yearly notices."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import date, timedelta

from delivery.calendars import Calendar, default_calendar, read_notice
from delivery.service import stored_calendar
from pipeline.calendar_import import import_notice
from pipeline.cli.answers import Answer
from pipeline.cli.inputs import is_installed, opened, operator, read_file, settings_of


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    take = actions.add_parser("import", help="import a notice, or an amended one", parents=[common])
    take.add_argument(
        "file", metavar="FILE", help='JSON: {"year", "papers": [address], "days": [{"date", "isOffDay"}]}'
    )
    take.add_argument("--number", default="", help="document number of the notice, if it does not stand in the file")
    take.set_defaults(run=run_import)
    show = actions.add_parser("show", help="a year's days off and make-up working days", parents=[common])
    show.add_argument("year", metavar="YEAR", type=_year)
    show.set_defaults(run=run_show)


def _year(text: str) -> int:
    year = int(text)
    if not 1950 <= year <= 2199:
        raise ValueError(text)
    return year


def run_import(arguments: Namespace) -> Answer:
    """Import, and let every date that has not passed be decided again."""
    notice = read_notice(read_file(arguments.file, 1024 * 1024), number=arguments.number)
    with opened(arguments) as songda:
        imported = import_notice(songda, notice, by=operator())
    value = {
        "year": notice.year,
        "edition": imported.edition,
        "document_number": notice.number,
        "sha256": notice.sha256,
        "deliveries_decided_again": len(imported.woken),
    }
    text = f"{notice.number}: {notice.year}, edition {imported.edition}; {len(imported.woken)} deliveries decided again"
    return Answer(value, text)


def run_show(arguments: Namespace) -> Answer:
    """Show a year as the installation knows it."""
    calendar = default_calendar()
    if is_installed(settings_of(arguments)):
        with opened(arguments) as songda, songda.database.read() as connection:
            calendar = stored_calendar(connection)
    year = arguments.year
    off, made_up = _exceptions(calendar, year)
    value = {
        "year": year,
        "published": calendar.is_published(year),
        "calendar_version": calendar.version,
        "days_off_on_weekdays": [day.isoformat() for day in off],
        "working_days_on_weekends": [day.isoformat() for day in made_up],
    }
    published = "published" if calendar.is_published(year) else "NOT PUBLISHED: statutory holidays only, a guess"
    text = "\n".join(
        [
            f"{year}: {published} ({calendar.version})",
            "off on weekdays:     " + " ".join(f"{day:%m-%d}" for day in off),
            "worked on weekends:  " + " ".join(f"{day:%m-%d}" for day in made_up),
        ]
    )
    return Answer(value, text)


def _exceptions(calendar: Calendar, year: int) -> tuple[list[date], list[date]]:
    days = [date(year, 1, 1) + timedelta(days=offset) for offset in range(366)]
    days = [day for day in days if day.year == year]
    off = [day for day in days if day.weekday() < 5 and not calendar.is_working_day(day)]
    made_up = [day for day in days if day.weekday() >= 5 and calendar.is_working_day(day)]
    return off, made_up
