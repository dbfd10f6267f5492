"""`songda documents`: make a numbered one void that was never released; print the copies of a released one."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from delivery.imprints import template_of
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import opened, operator
from records import cancellation, documents
from templates.copies import numbered_copies


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    void = actions.add_parser("void", help="a numbered one, before its release (作废)", parents=[common])
    void.add_argument("document", metavar="DOCUMENT_ID")
    void.add_argument("--reason", required=True, metavar="TEXT", help="kept with the number and in the ledger")
    void.set_defaults(run=run_void)
    copies = actions.add_parser("copies", help="the numbered copies of a released one, to print", parents=[common])
    copies.add_argument("document", metavar="DOCUMENT_ID")
    copies.add_argument("-o", "--out", required=True, type=Path, metavar="FILE")
    copies.set_defaults(run=run_copies)


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


def run_copies(arguments: Namespace) -> Answer:
    """Write every copy of the document into one PDF, each page marked with its copy and holder."""
    with opened(arguments) as songda:
        try:
            with songda.database.read() as connection:
                row = documents.get(connection, arguments.document)
        except LookupError as error:
            raise BadInput("DOCUMENT_ID", "unknown_document", str(error)) from error
        if row["released_at"] is None:
            raise BadInput("DOCUMENT_ID", "not_released", f"the document is {row['status']}, not released")
        printing = template_of(songda.store, row).print
        if printing.copies == 1:
            raise BadInput("DOCUMENT_ID", "one_original", "this instrument is made in one original")
        arguments.out.write_bytes(numbered_copies(songda.store.get(row["final_digest"]), printing))
    value = {"document": row["id"], "copies": printing.copies, "file": str(arguments.out)}
    return Answer(value, f"{printing.copies} copies: {arguments.out}")
