"""`songda templates`: what can be printed, whether it is in order, and how it looks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from pipeline.cli import template_versions, word_templates
from pipeline.cli.answers import DONE, NOT_VALID, Answer
from pipeline.cli.inputs import read_json
from pipeline.cli.previews import add_preview_options, authority_facts, preview, write_specimen, write_whole
from templates.catalogue import catalogue
from templates.check import check as check_instrument
from templates.check import check_all
from templates.listing import contact_sheet, markdown


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    listing = actions.add_parser("list", help="instruments that can be printed", parents=[common])
    listing.add_argument("--markdown", action="store_true", help="as the page docs/instruments.md")
    listing.set_defaults(run=run_list)
    sheet = actions.add_parser("sheet", help="the first page of every instrument on one picture", parents=[common])
    sheet.add_argument("-o", "--output", required=True, metavar="OUT.png")
    sheet.set_defaults(run=run_sheet)
    check = actions.add_parser("check", help="find what the legal department has to mend", parents=[common])
    check.add_argument("instrument", metavar="ID", nargs="?", help="only this one")
    check.set_defaults(run=run_check)
    show = actions.add_parser("preview", help="print the sample of an instrument, as a specimen", parents=[common])
    show.add_argument("instrument", metavar="ID")
    show.add_argument("--facts", metavar="FILE", help="the facts to print, as JSON, instead of the sample's")
    add_preview_options(show)
    show.set_defaults(run=run_preview)
    word_templates.declare(actions, common)
    template_versions.declare(actions, common)


def run_sheet(arguments: Namespace) -> Answer:
    """Draw."""
    write_whole(Path(arguments.output), contact_sheet())
    listed = catalogue().ids()
    return Answer({"output": arguments.output, "instruments": listed}, f"{arguments.output}: {len(listed)} instruments")


def run_list(arguments: Namespace) -> Answer:
    """List."""
    if arguments.markdown:
        page = markdown()
        return Answer({"markdown": page}, page.rstrip("\n"))
    listed = [catalogue().get(identifier) for identifier in catalogue().ids()]
    value = [
        {
            "id": each.id,
            "title_zh": each.manifest.title_zh,
            "title_en": each.manifest.title_en,
            "engine": each.print.engine,
            "version": each.version,
        }
        for each in listed
    ]
    text = "\n".join(
        f"{row['id']:<28} {row['engine']:<6} {row['version']:<8} {row['title_zh']} {row['title_en']}" for row in value
    )
    return Answer(value, text)


def run_check(arguments: Namespace) -> Answer:
    """Check all, or one; exit 1 when there is a fault."""
    if arguments.instrument:
        instrument = catalogue().get(arguments.instrument)
        found = {instrument.id: check_instrument(instrument)}
    else:
        found = check_all()
    faulty = any(found.values())
    value = {
        "verdict": "invalid" if faulty else "valid",
        "instruments": {name: [fault.as_dict() for fault in faults] for name, faults in found.items()},
    }
    lines = [f"{name}{fault.pointer}: {fault.message_en}" for name, faults in found.items() for fault in faults]
    text = "\n".join(lines) if lines else f"in order: {', '.join(found)}"
    return Answer(value, text, NOT_VALID if faulty else DONE)


def run_preview(arguments: Namespace) -> Answer:
    """Print the sample, or the facts that are given."""
    instrument = catalogue().get(arguments.instrument)
    sample = instrument.sample()
    document = next(each for each in sample["documents"] if each["instrument"] == instrument.id)
    if arguments.facts:
        document = {**document, "facts": read_json(arguments.facts)}
    authority = authority_facts(arguments, str(sample["authority"]))
    return write_specimen(arguments.output, preview(document, authority, arguments.engine, with_pictures=arguments.png))
