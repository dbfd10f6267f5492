"""`songda verify`: the verdict about a PDF file."""

from __future__ import annotations

import hashlib
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from delivery.portal.wording import messages
from pipeline.cli.answers import DONE, NOT_VALID, Answer, BadInput
from pipeline.cli.inputs import is_installed, opened, read_file, settings_of
from pipeline.released import answer_about
from pipeline.testsystem import SHARED_PKI
from pipeline.verifying import verdict_of
from records import affected, archives
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
    value = _verdict(arguments, read_file(arguments.file))
    if arguments.document:
        _compare(arguments, value)
    return Answer(value, _text(arguments.file, value), DONE if value["verdict"] == "valid" else NOT_VALID)


def _verdict(arguments: Namespace, pdf: bytes) -> dict[str, Any]:
    """By the trust list that was named, else as the installation here trusts, else by the TEST CA of the demo."""
    sha256 = hashlib.sha256(pdf).hexdigest()
    if arguments.trust:
        return verdict_of(pdf, Path(arguments.trust), test_system=arguments.test) | {"sha256": sha256}
    if not is_installed(settings_of(arguments)):
        local = SHARED_PKI / "trust.json"
        trust = local if local.exists() else None
        return verdict_of(pdf, trust, test_system=trust is not None) | {"sha256": sha256}
    with opened(arguments) as songda:
        return answer_about(songda, pdf)


def _compare(arguments: Namespace, value: dict[str, Any]) -> None:
    """Turn the verdict to invalid unless these are the released bytes of the document that was named, or renewed ones.

    That its seal's key may have been in other hands is told and leaves the verdict: the bytes stand in our own ledger.
    """
    with opened(arguments) as songda, songda.database.read() as connection:
        query = sa.select(document.c.final_digest, document.c.released_at).where(document.c.id == arguments.document)
        found = connection.execute(query).first()
        known = set(archives.digests(connection, arguments.document))
        mark = affected.find(connection, arguments.document)
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
    if mark is not None:
        state = affected.state(mark, mark["status"])
        zh, en = messages()[f"mark.{state}"]
        value["reasons"].append({"code": f"seal_{state}", "text_en": en, "text_zh": zh})


def _text(name: str, value: dict[str, Any]) -> str:
    lines = [f"{name}: {value['verdict']}{'  TEST' if value['test'] else ''}"]
    lines += [f"  {reason['text_zh']} {reason['text_en']}" for reason in value["reasons"]]
    for each in value["signatures"]:
        moment = each["timestamp"] or each["signed_at"]
        lines.append(f"  {each['field']}: {each['verdict']}; {each['signer']}; {moment}; {each['profile']}")
        if root := each["root"]:
            lines.append(f"    {root['name']}; {root['source']}; {root['obtained']}")
    notes = [*([value["released"]] if "released" in value else []), *(value["pdfa"] or {"notes": []})["notes"]]
    lines += [f"  {note['text_zh']} {note['text_en']}" for note in notes]
    lines += [f"  ? {note['text_zh']} {note['text_en']}" for note in value["unchecked"]]
    return "\n".join(lines)
