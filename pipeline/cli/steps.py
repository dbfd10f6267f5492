"""`songda steps`: what is to be done, what died, and repeating it once its cause was mended."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from pipeline.cli.answers import Answer, BadInput, one_line
from pipeline.cli.inputs import opened, operator
from pipeline.cli.status import OVERDUE
from records import steps


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    actions = parser.add_subparsers(required=True, metavar="ACTION", parser_class=type(parser))
    show = actions.add_parser("list", help="steps that are not done, dead ones first", parents=[common])
    show.add_argument("--state", choices=steps.UNDONE, help="only these")
    show.add_argument("--limit", type=int, default=100, metavar="N", help="print at most so many (default: 100)")
    show.set_defaults(run=run_list)
    again = actions.add_parser(
        "requeue", help="make a step of a delivery, a reminder or a renewal due now", parents=[common]
    )
    again.add_argument("step", metavar="STEP_ID", help="e.g. dlv_…/dispatch, ntc_…/send, doc_…/renew")
    again.set_defaults(run=run_requeue)


def run_list(arguments: Namespace) -> Answer:
    """List."""
    if arguments.limit < 1:
        raise BadInput("--limit", "out_of_range", "at least one")
    states = (arguments.state,) if arguments.state else steps.UNDONE
    with opened(arguments) as songda, songda.database.read() as connection:
        counted = steps.count_by_state(connection)
        overdue = steps.count_overdue(connection, OVERDUE)
        rows = [_told(row) for row in steps.listed(connection, states, arguments.limit)]
    counts = {state: counted.get(state, 0) for state in (*steps.UNDONE, "done")}
    value = {"counts": counts, "overdue": overdue, "steps": rows}
    lines = [", ".join(f"{state} {number}" for state, number in counts.items()) + f"; overdue {overdue}"]
    lines += [_line(row) for row in rows]
    more = sum(counts[state] for state in states) - len(rows)
    lines += [f"and {more} more"] if more > 0 else []
    return Answer(value, "\n".join(lines))


def _told(row: sa.RowMapping) -> dict[str, Any]:
    """One step. `next_run` is when it runs if nothing else happens: null for one that waits to be woken, or is dead."""
    moments = {"ready": row["run_at"], "running": row["lease_until"]}
    next_run: datetime | None = moments.get(row["state"])
    return {
        "id": row["id"],
        "state": row["state"],
        "attempts": row["attempt"],
        "next_run": next_run.isoformat() if next_run else None,
        "legal_at": row["legal_at"].isoformat() if row["legal_at"] else None,
        "owner": row["owner"],
        "error": row["error"],
    }


def _line(row: dict[str, Any]) -> str:
    next_run = (row["next_run"] or "-")[:19]
    return f"{row['state']:<8} {row['id']:<44} {row['attempts']:>3} {next_run:<19} {one_line(row['error'])}".rstrip()


def run_requeue(arguments: Namespace) -> Answer:
    """Requeue; a failed document is final."""
    try:
        with opened(arguments) as songda, songda.database.write() as connection:
            steps.requeue(connection, arguments.step, operator())
    except LookupError as error:
        raise BadInput("STEP_ID", "unknown_step", str(error)) from error
    except steps.NotRequeued as error:
        raise BadInput("STEP_ID", error.code, f"{arguments.step}: {error}") from error
    return Answer({"requeued": arguments.step}, f"requeued: {arguments.step}")
