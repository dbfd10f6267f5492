"""The way a document would go today: to the account by a letter in force, or on paper."""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.law.cases import Breach, Case
from pipeline.law.rule_sets import Limits


def letter_in_force(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001 - one shape for all
    """A recipient who could have an account gets paper, because letter or account is missing."""
    for index, way in case.routes.items():
        if way.route == "paper":
            told = "".join(reason.text_zh for reason in way.reasons), " ".join(each.text_en for each in way.reasons)
            yield Breach(f"/recipients/{index}", {"why": told})
