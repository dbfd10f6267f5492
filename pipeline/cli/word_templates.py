"""`songda templates export` and `import`: out to Word and back, with every fault and its place."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from pipeline.cli.answers import NOT_VALID, Answer, BadInput
from pipeline.cli.inputs import read_file
from pipeline.cli.previews import write_whole
from templates.catalogue import Instrument, catalogue
from templates.check import sample_authority
from templates.manifests import INSTRUMENTS
from templates.word_check import word_faults
from templates.word_export import word_template
from templates.word_reading import WordFile


def declare(actions: Any, common: ArgumentParser) -> None:
    """Declare both; `actions` are the subparsers of `songda templates`."""
    export = actions.add_parser("export", help="an instrument's clauses as a Word template", parents=[common])
    export.add_argument("instrument", metavar="ID")
    export.add_argument("-o", "--output", required=True, metavar="OUT.docx")
    export.set_defaults(run=run_export)
    bring = actions.add_parser(
        "import", help="check a Word template of the legal department; when it is clean, put it in", parents=[common]
    )
    bring.add_argument("file", metavar="FILE.docx")
    bring.add_argument("--instrument", metavar="ID", help="else the one that the file names as its subject")
    bring.add_argument("--to", metavar="FOLDER", help="where body.docx is put (default: the instrument's own folder)")
    bring.set_defaults(run=run_import)


def run_export(arguments: Namespace) -> Answer:
    """Write the Word template that the clauses make."""
    instrument = catalogue().get(arguments.instrument)
    write_whole(Path(arguments.output), word_template(instrument))
    return Answer({"instrument": instrument.id, "output": arguments.output}, f"{arguments.output}: {instrument.id}")


def run_import(arguments: Namespace) -> Answer:
    """Report every fault and exit 1, or put the file into the folder."""
    body = read_file(arguments.file)
    try:
        subject = WordFile(body).subject
    except ValueError as error:
        raise BadInput(arguments.file, "not_a_docx", f"{arguments.file} is not a DOCX: {error}") from error
    instrument = _instrument(arguments.instrument or subject)
    folder = Path(arguments.to) if arguments.to else INSTRUMENTS / instrument.id
    if not folder.is_dir():
        raise BadInput("--to", "no_folder", f"there is no folder {folder}")
    faults = word_faults(instrument, body, sample_authority(str(instrument.sample()["authority"])))
    value: dict[str, Any] = {"instrument": instrument.id, "verdict": "invalid" if faults else "valid"}
    if faults:
        value["faults"] = [fault.under(f"/{instrument.id}").as_dict() for fault in faults]
        lines = [
            f"{fault.pointer.removeprefix('/body.docx')}: {fault.message_en} {fault.message_zh}" for fault in faults
        ]
        return Answer(value, "\n".join([*lines, f"{len(faults)} faults; nothing was put in"]), NOT_VALID)
    target = folder / "body.docx"
    write_whole(target, body)
    reminder = (
        f"raise version in {instrument.id}/instrument.toml (now {instrument.print.version}): versions never change"
    )
    value |= {"output": str(target), "version": instrument.print.version, "reminder": reminder}
    return Answer(value, f"{target}: no fault\n{reminder}; then look at it: songda templates preview --engine word")


def _instrument(identifier: str) -> Instrument:
    if not identifier:
        message = "the file does not name its instrument: give it by --instrument"
        raise BadInput("--instrument", "instrument_missing", message)
    return catalogue().get(identifier)
