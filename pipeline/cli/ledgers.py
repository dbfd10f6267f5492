"""`songda ledger verify`: the hash chains of the whole ledger."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

import sqlalchemy as sa

from pipeline.cli.answers import DONE, NOT_VALID, Answer
from pipeline.cli.inputs import opened
from records import ledger
from records.tables import event, ledger_head


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    verify = actions.add_parser("verify", help="every chain, or one stream's", parents=[common])
    verify.add_argument("--stream", metavar="ID", help="only this one: a document, or directory:AUTHORITY")
    verify.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Verify; exit 1 when a chain is broken."""
    with opened(arguments) as songda, songda.database.read() as connection:
        faults = list(ledger.verify(connection, arguments.stream))
        streams = connection.execute(sa.select(sa.func.count()).select_from(ledger_head)).scalar_one()
        entries = connection.execute(sa.select(sa.func.count()).select_from(event)).scalar_one()
    value = {"verdict": "invalid" if faults else "valid", "streams": streams, "events": entries, "reasons": faults}
    text = "\n".join(faults) if faults else f"valid: {entries} events in {streams} streams"
    return Answer(value, text, NOT_VALID if faults else DONE)
