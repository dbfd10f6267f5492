"""`songda paper import`: paper receipts from a table, all or none."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from delivery.paper_import import MAX_BYTES, import_receipts
from delivery.portal.receipt_table import table_words
from pipeline.cli.answers import Answer
from pipeline.cli.inputs import add_authority_option, authority_of, opened, operator, read_file


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    take = actions.add_parser("import", help="enter paper receipts from a CSV file, all or none", parents=[common])
    take.add_argument("file", metavar="FILE", help="CSV; the first line names the columns (docs/paper.md)")
    take.add_argument("--dry-run", action="store_true", help="judge every line and enter nothing")
    add_authority_option(take)
    take.set_defaults(run=run_import)


def run_import(arguments: Namespace) -> Answer:
    """Enter, or with --dry-run only judge; every fault of every line is told."""
    data = read_file(arguments.file, MAX_BYTES)
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            authority_id = authority_of(connection, arguments)
        done = import_receipts(
            songda.database, authority_id, data, operator(), table_words(), dry_run=arguments.dry_run
        )
        songda.hint(done.hint)
    value = {"lines": done.lines, "entered": done.entered, "known": done.known, "dry_run": arguments.dry_run}
    what = "would be entered" if arguments.dry_run else "entered"
    return Answer(value, f"{done.lines} lines without a fault: {done.entered} {what}, {done.known} known already")
