"""`songda bench`: hands over to the bench, which has options of its own."""

from __future__ import annotations

import importlib

from pipeline.cli.answers import Answer


def run(words: list[str]) -> Answer:
    """Run the bench, which prints its own results."""
    code = importlib.import_module("pipeline.bench").main(words)
    return Answer(None, "", int(code or 0))
