"""`songda trust`: the roots that this system trusts, where each came from, and when."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pipeline import trust
from pipeline.cli.answers import Answer
from pipeline.cli.inputs import add_reason_option, opened, operator
from records import trust as recorded
from records.errors import Permanent
from signing.certificates import Anchor, TrustList

_RESTART = "restart web and workers: they read the list at their start; copy list and certificates to other hosts"


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    show = actions.add_parser("list", help="the roots, with source and date", parents=[common])
    show.set_defaults(run=run_list)
    add = actions.add_parser("add", help="trust a root from now on; recorded in the ledger", parents=[common])
    add.add_argument("file", metavar="FILE", type=Path, help="one certificate, PEM or DER")
    add.add_argument("--source", required=True, metavar="TEXT", help="where it was obtained, and how that was checked")
    add.add_argument("--obtained", required=True, metavar="YYYY-MM-DD", help="on which day")
    add.set_defaults(run=run_add)
    remove = actions.add_parser("remove", help="trust a root no longer; recorded in the ledger", parents=[common])
    remove.add_argument("sha256", metavar="SHA256", help="fingerprint of the certificate")
    add_reason_option(remove)
    remove.set_defaults(run=run_remove)
    for action in (show, add, remove):
        action.add_argument("--trust", metavar="FILE", type=Path, help="another list, which no ledger records")
        action.add_argument("--test", action="store_true", help="with --trust: TEST roots count")


@contextmanager
def _list(arguments: Namespace) -> Iterator[tuple[Path, bool, Any]]:
    """The list, whether TEST roots count, and the opened installation (None for a list that was named)."""
    if arguments.trust:
        yield arguments.trust, arguments.test, None
        return
    with opened(arguments) as songda:
        yield Path(songda.settings.trust_list), songda.test, songda


def run_list(arguments: Namespace) -> Answer:
    """Show; says when the list is not as the ledger has it."""
    with _list(arguments) as (file, test, songda):
        found = TrustList.load(file, test_system=test)
        digest, last = trust.list_sha256(file), None
        if songda is not None:
            with songda.database.read() as connection:
                last = recorded.recorded_list(connection)
    roots = [trust.told(anchor) | {"counts": test or not anchor.test} for anchor in found.anchors]
    as_recorded = None if last is None else last == digest
    value = found.told.as_dict() | {"anchors": roots, "list_sha256": digest, "as_recorded": as_recorded}
    lines = [f"{file}: {len(found.roots)} roots count; list of {found.dated or '–'}{_from(found.source)}"]
    for root in roots:
        mark = "" if root["counts"] else "  DOES NOT COUNT HERE (TEST)"
        lines.append(f"  {root['name']}  until {root['valid_until']}{mark}")
        lines.append(f"    obtained {root['obtained']}{_from(root['source'])}")
        lines.append(f"    SHA-256 {root['sha256']}")
    if as_recorded is False:
        lines.append("WARNING: the list was changed by other means than songda trust since the last recorded change")
    return Answer(value, "\n".join(lines))


def _from(source: str) -> str:
    return f", from {source}" if source else ""


def run_add(arguments: Namespace) -> Answer:
    """Add a root; TEST roots are refused in production."""

    def change(file: Path, test: bool, record: Callable[[Anchor, str], None]) -> Anchor:
        wanted = {"source": arguments.source, "obtained": arguments.obtained}
        return trust.add_root(file, arguments.file, **wanted, test_system=test, record=record)

    return _change(arguments, "trust.added", "added", change)


def run_remove(arguments: Namespace) -> Answer:
    """Remove a root; what it vouched for is not valid here any more."""

    def change(file: Path, test: bool, record: Callable[[Anchor, str], None]) -> Anchor:  # noqa: ARG001 - one shape
        return trust.remove_root(file, arguments.sha256, record=record)

    return _change(arguments, "trust.removed", "removed", change)


def _change(arguments: Namespace, kind: Any, word: str, change: Callable[..., Anchor]) -> Answer:
    """The list is replaced inside the transaction that records it, as the last thing before its end.

    Should even that end fail, the list is not as the ledger has it, and `songda trust list` says so.
    """
    with _list(arguments) as (file, test, songda):
        if not file.exists():
            raise Permanent(f"there is no trust list {file}")
        if songda is None:
            anchor = change(file, test, _not_recorded)
        else:
            with songda.database.write() as connection:
                reason = getattr(arguments, "reason", "")

                def record(anchor: Anchor, digest: str) -> None:
                    body = trust.told(anchor) | {"list_sha256": digest, "reason": reason}
                    recorded.record(connection, kind, anchor.told.sha256, by=operator(), body=body)

                anchor = change(file, test, record)
    value = {word: trust.told(anchor), "recorded": songda is not None}
    return Answer(value, f"{word}: {anchor.told.name}, SHA-256 {anchor.told.sha256}\n{_RESTART}")


def _not_recorded(anchor: Anchor, digest: str) -> None:
    """A list that was named belongs to no installation."""
