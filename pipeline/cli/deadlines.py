"""`songda deadlines`: the limits that run in a case, by the pure function over standard input."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace

from delivery.deadlines import answer
from pipeline import strict_json
from pipeline.cli.answers import Answer
from pipeline.cli.service_dates import answered, surroundings


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    parser.epilog = "Reads one JSON object or a list of them; prints JSON always. A list gets one result per item."
    parser.set_defaults(run=run)


def run(arguments: Namespace) -> Answer:
    """Answer; without an authority in a request, every procedure that is known is looked at."""
    value = strict_json.parse(sys.stdin.buffer.read())
    now, calendar = surroundings(arguments)
    return answered(answer(value, now=now, calendar=calendar))
