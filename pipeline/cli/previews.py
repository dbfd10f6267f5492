"""Previews: a document as it would be printed, marked 样本 SPECIMEN, without number and seal, nothing stored."""

from __future__ import annotations

import os
import re
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.authorities import read_facts
from pipeline.cli.inputs import is_installed, opened, read_json, settings_of
from records import directory
from records.errors import Refused
from templates.catalogue import SAMPLES, catalogue, check_job_document
from templates.manifests import ENGINES
from templates.markup import markup_faults
from templates.pictures import pictures
from templates.printing import Imprint, Printed, print_document

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def add_preview_options(parser: ArgumentParser) -> None:
    """`-o`, `--png`, `--engine` and `--authority`."""
    parser.add_argument("-o", "--output", required=True, metavar="OUT.pdf")
    parser.add_argument("--png", action="store_true", help="draw each page too: OUT-1.png and so on, beside OUT.pdf")
    parser.add_argument(
        "--engine", choices=ENGINES, default="", help="another one that the instrument has than that of its manifest"
    )
    parser.add_argument(
        "--authority", metavar="FILE", help="the authority's record; else the installation's, else that of samples/"
    )


def authority_facts(arguments: Namespace, authority_id: str) -> Mapping[str, Any]:
    """The record of the authority that the job names. Raises BadInput when there is none."""
    if arguments.authority:
        return read_facts(arguments.authority, authority_id)
    if is_installed(settings_of(arguments)):
        with opened(arguments) as songda, songda.database.read() as connection:
            found = directory.authority_facts(connection, authority_id)
        if found is not None:
            return found[1]
    path = SAMPLES / "authorities" / f"{authority_id}.json"
    if not _PLAIN.fullmatch(authority_id) or not path.exists():
        message = f"no record of the authority {authority_id[:60]!r} is known: give it by --authority FILE"
        raise BadInput("--authority", "unknown_authority", message)
    return dict(read_json(str(path)))


@dataclass(frozen=True)
class Specimen:
    """A document as it would be printed, and, where they were asked for, its pages as PNG files."""

    printed: Printed
    pages: Sequence[bytes] = ()


def preview(
    document: Mapping[str, Any],
    authority: Mapping[str, Any],
    engine: str,
    pointer: str = "",
    *,
    with_pictures: bool = False,
) -> Specimen:
    """Print one document of a job as a specimen; `engine` "" is the manifest's.

    Raises Refused with every fault, under `pointer`.
    """
    try:
        instrument, facts = catalogue().get(document["instrument"]), document["facts"]
        faults = [fault.under("/facts") for fault in check_job_document(instrument, facts, authority)]
        faults += markup_faults(document)
        if faults:
            raise Refused(faults)
        imprint = Imprint(
            authority=authority,
            number_zh=document.get("number"),
            number_en=document.get("number"),
            test=False,
            specimen=True,
            copies_to=tuple((copy["zh"], copy["en"]) for copy in document.get("copies_to", [])),
        )
        printed = print_document(instrument, facts, imprint, engine)
        return Specimen(printed, pictures(instrument, facts, imprint, printed, engine) if with_pictures else ())
    except Refused as refused:
        raise Refused([fault.under(pointer) for fault in refused.faults]) from None


def write_whole(path: Path, content: bytes) -> None:
    """Write the file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".songda-")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_specimen(name: str, specimen: Specimen) -> Answer:
    """Write the PDF, and each page that was drawn beside it as `NAME-1.png`; tell of them."""
    path = Path(name)
    write_whole(path, specimen.printed.pdf)
    drawn = [path.with_name(f"{path.stem}-{number}.png") for number in range(1, len(specimen.pages) + 1)]
    for each, page in zip(drawn, specimen.pages, strict=True):
        write_whole(each, page)
    value = {
        "output": str(path),
        "pages": specimen.printed.pages,
        "pictures": [str(each) for each in drawn],
        "specimen": True,
        "sealed": False,
    }
    return Answer(value, "\n".join([f"{path}: {specimen.printed.pages} pages, 样本 SPECIMEN", *map(str, drawn)]))
