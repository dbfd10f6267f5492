"""`songda documents`: make a numbered document void that was never released."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pipeline import cancellation
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import opened, operator
from records import documents


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    void = actions.add_parser("void", help="a numbered one, before its release (作废)", parents=[common])
    void.add_argument("document", metavar="DOCUMENT_ID")
    void.add_argument("--reason", required=True, metavar="TEXT", help="kept with the number and in the ledger")
    void.set_defaults(run=run_void)


def run_void(arguments: Namespace) -> Answer:
    """Void; its number is kept as 作废 with the reason. Again changes nothing."""
    reason = arguments.reason.strip()
    if not 0 < len(reason) <= cancellation.LONGEST_REASON:
        raise BadInput("--reason", "out_of_range", f"1 to {cancellation.LONGEST_REASON} characters")
    with opened(arguments) as songda, songda.database.write() as connection:
        try:
            if documents.get(connection, arguments.document)["status"] != "void":
                cancellation.void(connection, arguments.document, reason, operator())
        except documents.WrongState as error:
            fault = cancellation.refusal(error)
            raise BadInput("DOCUMENT_ID", fault.code, fault.message_en) from error
        except LookupError as error:
            raise BadInput("DOCUMENT_ID", "unknown_document", str(error)) from error
        row = documents.get(connection, arguments.document)
    number = row["number_zh"]
    return Answer({"document": row["id"], "status": row["status"], "number": number}, f"void: {row['id']} {number}")
