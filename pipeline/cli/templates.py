"""`songda templates`: what can be printed, whether it is in order, and how it looks."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from pipeline.cli.answers import Answer
from pipeline.cli.previews import add_preview_options, authority_facts, preview, write_pdf
from templates.catalogue import catalogue


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    actions.add_parser("list", help="instruments that can be printed", parents=[common]).set_defaults(run=run_list)
    show = actions.add_parser("preview", help="print the sample of an instrument, as a specimen", parents=[common])
    show.add_argument("instrument", metavar="ID")
    add_preview_options(show)
    show.set_defaults(run=run_preview)


def run_list(arguments: Namespace) -> Answer:  # noqa: ARG001
    """List."""
    listed = [catalogue().get(identifier) for identifier in catalogue().ids()]
    value = [
        {
            "id": each.id,
            "title_zh": each.manifest.title_zh,
            "title_en": each.manifest.title_en,
            "engine": each.print.engine,
            "version": each.print.version,
        }
        for each in listed
    ]
    text = "\n".join(
        f"{row['id']:<28} {row['engine']:<6} {row['version']:<8} {row['title_zh']} {row['title_en']}" for row in value
    )
    return Answer(value, text)


def run_preview(arguments: Namespace) -> Answer:
    """Print the sample."""
    instrument = catalogue().get(arguments.instrument)
    sample = instrument.sample()
    document = next(each for each in sample["documents"] if each["instrument"] == instrument.id)
    printed = preview(document, authority_facts(arguments, str(sample["authority"])))
    return write_pdf(arguments.output, printed)
