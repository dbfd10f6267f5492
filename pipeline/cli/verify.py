"""`songda verify`: the verdict about a PDF file."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.cli.answers import DONE, NOT_VALID, Answer, BadInput
from pipeline.cli.inputs import is_installed, opened, read_file, settings_of
from pipeline.testsystem import SHARED_PKI
from pipeline.verifying import verdict_of
from records import archives
from records.database import is_test
from records.tables import document


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.add_argument("file", metavar="FILE.pdf")
    parser.add_argument("--document", metavar="ID", help="also: are these its released or renewed bytes?")
    parser.add_argument("--trust", metavar="FILE", help="trust list (JSON); default: the installation's")
    parser.add_argument("--test", action="store_true", help="with --trust: let TEST roots count")
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Verify; exit 0 valid, 1 invalid or indeterminate, 2 no readable PDF."""
    pdf = read_file(arguments.file)
    trust, test = _trust(arguments)
    value = verdict_of(pdf, trust, test_system=test) | {"sha256": hashlib.sha256(pdf).hexdigest()}
    if arguments.document:
        _compare(arguments, value)
    return Answer(value, _text(arguments.file, value), DONE if value["verdict"] == "valid" else NOT_VALID)


def _trust(arguments: Namespace) -> tuple[Path | None, bool]:
    """Whom to trust: the file that was named, else as the installation here does, else the TEST CA of the demo."""
    if arguments.trust:
        return Path(arguments.trust), arguments.test
    settings = settings_of(arguments)
    if not is_installed(settings):
        local = SHARED_PKI / "trust.json"
        return (local, True) if local.exists() else (None, False)
    with opened(arguments) as songda, songda.database.read() as connection:
        return Path(settings.trust_list), is_test(connection)


def _compare(arguments: Namespace, value: dict[str, Any]) -> None:
    """Turn the verdict to invalid unless these are the released bytes of the document, or renewed ones."""
    with opened(arguments) as songda, songda.database.read() as connection:
        query = sa.select(document.c.final_digest, document.c.released_at).where(document.c.id == arguments.document)
        found = connection.execute(query).first()
        known = set(archives.digests(connection, arguments.document))
    if found is None:
        raise BadInput("--document", "unknown_document", f"no document {arguments.document}")
    if found.released_at is not None:
        known.add(found.final_digest)
    if value["sha256"] not in known:
        value["verdict"] = "invalid"
        value["reasons"].append(
            {
                "code": "other_bytes",
                "text_en": f"These are not the bytes that were released as {arguments.document}.",
                "text_zh": f"该文件与已签发的文书{arguments.document}不一致。",
            }
        )


def _text(name: str, value: dict[str, Any]) -> str:
    lines = [f"{name}: {value['verdict']}{'  TEST' if value['test'] else ''}"]
    lines += [f"  {reason['text_zh']} {reason['text_en']}" for reason in value["reasons"]]
    lines += [
        f"  {each['field']}: {each['signer']}; {each['timestamp'] or each['signed_at']}; {each['profile']}"
        for each in value["signatures"]
    ]
    return "\n".join(lines)
