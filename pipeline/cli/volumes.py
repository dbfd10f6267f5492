"""`songda volume CASE_NO -o OUT.pdf`: the sealed volume of a case."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import date
from pathlib import Path

from delivery.volumes import order
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import add_authority_option, authority_of, opened, operator, read_file
from pipeline.volumes import NewFile, add_file, describe, make_volume


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.add_argument("case_no", metavar="CASE_NO")
    parser.add_argument("-o", "--out", metavar="OUT.pdf", required=True)
    parser.add_argument("--add", metavar="FILE", help="a PDF, JPEG or PNG that belongs to the case")
    parser.add_argument("--title-zh", default="", help="with --add")
    parser.add_argument("--title-en", default="", help="with --add")
    parser.add_argument("--day", metavar="YYYY-MM-DD", default="", help="with --add: the day of the paper, in Beijing")
    parser.add_argument("--part", default=order().added, help="with --add: part by 004-92; default: evidence (八)")
    add_authority_option(parser)
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Make the volume, or give the one out that stands."""
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            authority_id = authority_of(connection, arguments)
        of = (songda, authority_id, arguments.case_no)
        if arguments.add:
            add_file(*of, _new_file(arguments), client_id=None, by=operator())
        try:
            made = make_volume(*of, client_id=None, by=operator())
        except LookupError as error:
            raise BadInput("case_no", "unknown_case", str(error)) from error
        test = songda.test
    Path(arguments.out).write_bytes(made.pdf)
    value = {**describe(made), "test": test, "file": arguments.out}
    kept = "PDF/A-3b" if made.archival else "no PDF/A: some papers are none"
    return Answer(value, f"{arguments.out}: {made.pages} pages, {kept}{', TEST' if test else ''}")


def _new_file(arguments: Namespace) -> NewFile:
    try:
        day = date.fromisoformat(arguments.day)
    except ValueError as error:
        raise BadInput("--day", "date", "the day of the paper is needed, as YYYY-MM-DD") from error
    return NewFile(arguments.part, (arguments.title_zh, arguments.title_en), day, read_file(arguments.add))
