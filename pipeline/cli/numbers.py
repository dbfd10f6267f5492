"""`songda series`: number series (文号) of each kind and year, and the register of what they gave."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from pipeline.cli.answers import DONE, NOT_VALID, Answer, BadInput, one_line
from pipeline.cli.inputs import add_authority_option, authority_of, opened, operator
from records import numbers, series

_PAGE = 1000


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))

    def action(name: str, help_: str, *, kind: bool = True) -> ArgumentParser:
        made: ArgumentParser = actions.add_parser(name, help=help_, parents=[common])
        if kind:
            made.add_argument("kind", metavar="KIND", help="what manifests name, e.g. penalty-decision")
            made.add_argument("--year", type=int, required=True)
        add_authority_option(made)
        return made

    add = action("add", "create a series")
    add.add_argument("--zh", required=True, metavar="PATTERN", help="with {year} and {n}")
    add.add_argument("--en", required=True, metavar="PATTERN", help="with {year} and {n}")
    add.add_argument("--first", type=int, default=1, help="the first number to give (default: 1)")
    add.set_defaults(run=add_series)
    open_ = action("open", "open a year: every series of the year before goes on from 1", kind=False)
    open_.add_argument("--year", type=int, required=True)
    open_.set_defaults(run=open_year)
    advance = action("advance", "go on with a higher number, never a lower one")
    advance.add_argument("--to", type=int, required=True, metavar="N", help="the next number to give")
    advance.add_argument("--reason", required=True, metavar="TEXT", help="kept in the ledger")
    advance.set_defaults(run=advance_series)
    list_ = action("list", "every series, how far it got", kind=False)
    list_.set_defaults(run=list_series)
    for name_, text in (("numbers", "every number of a series and every gap"), ("voids", "its void numbers (作废)")):
        register = action(name_, text)
        register.add_argument("--supplied", action="store_true", help="the numbers that case systems brought")
        register.set_defaults(run=list_numbers, only_void=name_ == "voids")


def add_series(arguments: Namespace) -> Answer:
    """Create a series."""
    if arguments.first < 1:
        raise BadInput("--first", "out_of_range", "numbers begin with 1")
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            series_id = series.create(
                connection,
                authority_of(connection, arguments),
                arguments.kind,
                arguments.year,
                arguments.zh,
                arguments.en,
                first=arguments.first,
                by=operator(),
            )
    except ValueError as error:
        raise BadInput("--zh", "pattern", str(error)) from error
    except sa.exc.IntegrityError as error:
        message = f"there is a series {arguments.kind!r} of {arguments.year} already"
        raise BadInput("KIND", "taken", message) from error
    return Answer({"series_id": series_id}, series_id)


def open_year(arguments: Namespace) -> Answer:
    """Open a year with the patterns of the year before; what stands already stays as it is."""
    with opened(arguments) as songda, songda.database.write() as connection:
        authority_id = authority_of(connection, arguments)
        opened_now = series.open_year(connection, authority_id, arguments.year, operator())
        standing = [
            row["kind"]
            for row in numbers.listed(connection, authority_id)
            if row["year"] == arguments.year and not row["supplied"]
        ]
    if not standing:
        message = f"there is no series of {arguments.year - 1} to go on from: create one by songda series add"
        raise BadInput("--year", "unknown_series", message)
    text = f"opened for {arguments.year}: {', '.join(opened_now) or 'nothing, every series stood already'}"
    return Answer({"year": arguments.year, "opened": opened_now, "standing": standing}, text)


def advance_series(arguments: Namespace) -> Answer:
    """Move a series forward, beyond numbers that were used elsewhere or before the database was restored."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            authority_id = authority_of(connection, arguments)
            asked = (arguments.kind, arguments.year, arguments.to)
            series.advance(connection, authority_id, *asked, operator(), arguments.reason)
    except series.UnknownSeries as error:
        raise BadInput("KIND", "unknown_series", str(error)) from error
    except series.NotForward as error:
        raise BadInput("--to", "not_forward", str(error)) from error
    value = {"kind": arguments.kind, "year": arguments.year, "next": arguments.to}
    return Answer(value, f"{arguments.kind} {arguments.year} goes on with {arguments.to}")


def list_series(arguments: Namespace) -> Answer:
    """List the series of the authority."""
    with opened(arguments) as songda, songda.database.read() as connection:
        rows = [dict(row) for row in numbers.listed(connection, authority_of(connection, arguments))]
    lines = [
        f"{row['kind']} {row['year']}{' supplied' if row['supplied'] else ''}: {row['given']} given, "
        f"{row['void']} void, next {row['next']}, {row['pattern_zh']}"
        for row in rows
    ]
    return Answer(rows, "\n".join(lines) or "no series")


def list_numbers(arguments: Namespace) -> Answer:
    """List the numbers of one series, or its void ones, and every gap; exit 1 for a gap that nothing explains."""
    with opened(arguments) as songda, songda.database.read() as connection:
        authority_id = authority_of(connection, arguments)
        try:
            found = series.find(connection, authority_id, arguments.kind, arguments.year, supplied=arguments.supplied)
        except series.UnknownSeries as error:
            raise BadInput("KIND", "unknown_series", str(error)) from error
        rows = list(_all(connection, found, only_void=arguments.only_void))
        gaps = [] if arguments.only_void else numbers.gaps(connection, found)
    value = {"numbers": [_told(row) for row in rows], "gaps": [asdict(gap) for gap in gaps]}
    lines = [_line(row) for row in rows]
    lines += [
        f"gap {gap.first} to {gap.last}: {gap.state} {one_line(gap.reason)} {gap.by or ''}".rstrip() for gap in gaps
    ]
    code = NOT_VALID if any(gap.state == "missing" for gap in gaps) else DONE
    return Answer(value, "\n".join(lines) or "no numbers", code)


def _all(connection: sa.Connection, series_id: str, *, only_void: bool) -> list[sa.RowMapping]:
    rows: list[sa.RowMapping] = []
    while True:
        after = rows[-1]["ordinal"] if rows else 0
        page = numbers.entries(connection, series_id, after=after, limit=_PAGE, only_void=only_void)
        rows += page
        if len(page) < _PAGE:
            return rows


def _told(row: sa.RowMapping) -> dict[str, Any]:
    names = ("ordinal", "text_zh", "text_en", "state", "document_id", "document_status", "reason", "voided_by")
    voided_at = row["voided_at"].isoformat() if row["voided_at"] else None
    return {name: row[name] for name in names} | {"voided_at": voided_at}


def _line(row: sa.RowMapping) -> str:
    void = f"作废 {one_line(row['reason'])} ({row['voided_by'] or 'system'})" if row["state"] == "void" else ""
    return f"{row['ordinal']:>6} {row['text_zh']} {row['document_status']:<9} {row['document_id']} {void}".rstrip()
