"""`songda archive`: until when sealed files are provable, and renewing them now."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import UTC, date, datetime, time
from typing import Any

import sqlalchemy as sa

from pipeline.cli.answers import Answer, BadInput, one_line
from pipeline.cli.inputs import opened, operator
from records import archives

_BEFORE = "whose proof ends before this day (UTC)"


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    show = actions.add_parser("list", help="sealed files, those whose proof ends first", parents=[common])
    show.add_argument("--before", metavar="YYYY-MM-DD", help=f"only those {_BEFORE}")
    show.add_argument("--limit", type=int, default=100, metavar="N", help="print at most so many (default: 100)")
    show.set_defaults(run=run_list)
    renew = actions.add_parser("renew", help="put a further archive time stamp on them now", parents=[common])
    renew.add_argument("document", metavar="DOCUMENT", nargs="*", help="of documents, or of volumes")
    renew.add_argument("--before", metavar="YYYY-MM-DD", help=f"all {_BEFORE}")
    renew.set_defaults(run=run_renew)


def run_list(arguments: Namespace) -> Answer:
    """List."""
    if arguments.limit < 1:
        raise BadInput("--limit", "out_of_range", "at least one")
    with opened(arguments) as songda, songda.database.read() as connection:
        rows = archives.listed(connection, _day(arguments.before), arguments.limit)
        files = archives.summary(connection)["files"]
    told = [_told(row) for row in rows]
    lines = [f"{files} sealed files are kept provable", *(_line(row) for row in told)]
    return Answer({"files": files, "archive": told}, "\n".join(lines))


def _told(row: sa.RowMapping) -> dict[str, Any]:
    """One file. `renew_at` is null while there is a step that renews it; then `step` and `error` say how it stands."""
    return {
        "id": row["id"],
        "number": row["number_zh"],
        "case_no": row["case_no"],
        "released_sha256": row["released_digest"],
        "sha256": row["digest"],
        "provable_until": row["provable_until"].isoformat(),
        "renew_at": row["renew_at"].isoformat() if row["renew_at"] else None,
        "renewals": row["renewals"],
        "step": row["step"],
        "error": row["error"],
    }


def _line(row: dict[str, Any]) -> str:
    due = f"renewal {row['renew_at'][:10]}" if row["renew_at"] else f"renewal {row['step']}"
    named = row["number"] or row["case_no"] or ""
    line = f"{row['id']:<30} until {row['provable_until'][:10]}  {due:<18} {row['renewals']:>2}  {named}"
    return f"{line}  {one_line(row['error'])}".rstrip()


def run_renew(arguments: Namespace) -> Answer:
    """Have them renewed by the workers, due or not: an algorithm or an authority may have to be left early."""
    if not arguments.document and not arguments.before:
        raise BadInput("DOCUMENT", "nothing_named", "name documents, or a day by --before")
    before = _day(arguments.before)
    with opened(arguments) as songda, songda.database.write() as connection:
        for name in arguments.document:
            if archives.find(connection, name) is None:
                raise BadInput("DOCUMENT", "unknown_document", f"no sealed file of {name} is kept")
        asked = archives.ask(connection, operator(), before=before, ids=arguments.document)
    text = f"{len(asked)} to be renewed: the workers begin within a minute; songda archive list tells how they stand"
    return Answer({"asked": asked}, text)


def _day(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        return datetime.combine(date.fromisoformat(text), time(), UTC)
    except ValueError as error:
        raise BadInput("--before", "date", "a day is needed, as YYYY-MM-DD") from error
