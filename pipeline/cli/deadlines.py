"""`songda deadlines`: the limits that run in a case, by the pure function over standard input.

Without an authority in a request, every procedure that is known is looked at.
"""

from __future__ import annotations

from argparse import ArgumentParser

from delivery.deadlines import answer
from pipeline.cli.service_dates import declare_question


def declare(name: str, parser: ArgumentParser, common: ArgumentParser) -> None:  # noqa: ARG001 - one shape for all
    """Declare the command."""
    declare_question(parser, answer)
