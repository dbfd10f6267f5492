"""Previews: a document as it would be printed, marked 样本 SPECIMEN, without number and seal, nothing stored."""

from __future__ import annotations

import os
import re
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
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
from templates.printing import Imprint, Printed, print_document

_PLAIN: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*")


def add_preview_options(parser: ArgumentParser) -> None:
    """`-o`, `--engine` and `--authority`."""
    parser.add_argument("-o", "--output", required=True, metavar="OUT.pdf")
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


def preview(document: Mapping[str, Any], authority: Mapping[str, Any], engine: str, pointer: str = "") -> Printed:
    """Print one document of a job as a specimen; `engine` "" is the manifest's.

    Raises Refused with every fault, under `pointer`.
    """
    try:
        instrument = catalogue().get(document["instrument"])
        faults = [fault.under("/facts") for fault in check_job_document(instrument, document["facts"], authority)]
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
        return print_document(instrument, document["facts"], imprint, engine)
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


def write_pdf(name: str, printed: Printed) -> Answer:
    """Write the file, and tell of it."""
    path = Path(name)
    write_whole(path, printed.pdf)
    value = {"output": str(path), "pages": printed.pages, "specimen": True, "sealed": False}
    return Answer(value, f"{path}: {printed.pages} pages, 样本 SPECIMEN")
