"""The simple procedure: what may be decided, and collected, on the spot."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipeline.law.cases import Breach, Case, placed
from pipeline.law.penalties import amount
from pipeline.law.rule_sets import Limits


def on_the_spot_kinds(case: Case, limits: Limits) -> Iterator[Breach]:
    """Another penalty than a warning or a fine."""
    for pointer, penalty in placed(case.penalties, "/facts/penalties"):
        if penalty["kind"] not in limits.spot_kinds:
            yield Breach(pointer)


def on_the_spot_limit(case: Case, limits: Limits) -> Iterator[Breach]:
    """A fine above what the party's kind allows; several count together. 以下 includes the number (004-105)."""
    person = case.get("party.kind") == "natural_person"
    limit = limits.spot_fine_person if person else limits.spot_fine_organisation
    if _fines(case) > limit:
        party = ("公民", "a citizen") if person else ("法人或者其他组织", "a legal person or other organisation")
        yield Breach("/facts/penalties", {"limit": Decimal(limit), "party": party})


def on_the_spot_collection(case: Case, limits: Limits) -> Iterator[Breach]:
    """Collected on the spot because it is small, and it is not."""
    path = "ground" if case.instrument == "on-the-spot-fine-receipt" else "collection.ground"
    fine = Decimal(case.facts["fine"]) if "fine" in case.facts else _fines(case)
    if case.get(path) == "small" and fine > limits.spot_collection:
        yield Breach("/facts/" + path.replace(".", "/"), {"limit": Decimal(limits.spot_collection)})


def _fines(case: Case) -> Decimal:
    return sum((amount(penalty) for penalty in case.penalties if penalty["kind"] == "fine"), Decimal(0))
