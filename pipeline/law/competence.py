"""Who may do it: regional administration (管理局) or bureau (监管局), whose name, which seal, who decides."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from pipeline.law.cases import Breach, Case, placed
from pipeline.law.penalties import exceeds_bureau, needs_hearing
from pipeline.law.rule_sets import Limits


def regional_administration_only(case: Case, limits: Limits) -> Iterator[Breach]:
    """A bureau decides, or announces, a penalty that only the regional administration may impose."""
    if case.is_by_bureau(limits):
        for pointer, penalty in placed(case.penalties, "/facts/penalties"):
            if exceeds_bureau(penalty, limits):
                yield Breach(pointer, {"below": Decimal(limits.bureau_fine_below or 0)})


def hearing_by_regional_administration(case: Case, limits: Limits) -> Iterator[Breach]:
    """A bureau sends out an instrument of the hearing."""
    if case.is_by_bureau(limits):
        yield Breach("/approval/role" if case.role in limits.bureau_heads else "/instrument")


def name_of_regional_administration(case: Case, limits: Limits) -> Iterator[Breach]:
    """The authority in whose name the document would be made is a bureau."""
    if case.is_bureau(limits):
        yield Breach("/instrument")


def enforcement_seal(case: Case, limits: Limits) -> Iterator[Breach]:
    """The seal is not the one for administrative enforcement."""
    if case.seal is not None and limits.seal_line is not None and case.seal["second_line"] != limits.seal_line:
        yield Breach("/instrument", {"line": (limits.seal_line, limits.seal_line)})


def seal_of_the_agency(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001 - one shape for all
    """The seal bears another name than the authority's."""
    names = {case.authority[name]["zh"] for name in ("name", "letterhead")}
    if case.seal is not None and case.seal["ring_text"] not in names:
        yield Breach("/instrument", {"ring": (case.seal["ring_text"], case.seal["ring_text"])})


def who_decides(case: Case, limits: Limits) -> Iterator[Breach]:
    """The approval was given in a role that may not decide this."""
    known = limits.principals | limits.deputies | limits.never_decide
    if case.role in known and case.role not in _may_decide(case, limits):
        yield Breach("/approval/role", {"role": (case.role, case.role)})


def _may_decide(case: Case, limits: Limits) -> frozenset[str]:
    """A bureau's head is judged by the bureau's own rules."""
    if any(needs_hearing(penalty, limits) for penalty in case.penalties):
        return limits.principals
    return limits.principals | limits.deputies


def role_known(case: Case, limits: Limits) -> Iterator[Breach]:
    """The approval was given in a role that the rules do not know."""
    known = limits.principals | limits.deputies | limits.bureau_heads | limits.never_decide
    if case.role and case.role not in known:
        yield Breach("/approval/role", {"role": (case.role, case.role)})


def who_consents(case: Case, limits: Limits) -> Iterator[Breach]:
    """The notice went out without the leader who has to consent to it."""
    if case.role in limits.never_decide:
        yield Breach("/approval/role", {"role": (case.role, case.role)})


def collective_decision(case: Case, limits: Limits) -> Iterator[Breach]:
    """No meeting is named for a penalty that is decided collectively."""
    heavy = any(needs_hearing(penalty, limits) for penalty in case.penalties)
    if heavy and "collective_decision" not in case.circumstances:
        yield Breach("/circumstances/collective_decision")


def foreign_party_is_major(case: Case, limits: Limits) -> Iterator[Breach]:
    """A case with a foreign party is of importance: the leaders decide it together, and a bureau asks first."""
    decided = case.role in limits.principals and "collective_decision" in case.circumstances
    if _is_foreign(case) and not decided:
        yield Breach("/facts/party")


def _is_foreign(case: Case) -> bool:
    """涉外, Hong Kong, Macao and Taiwan included (004-107)."""
    foreign_papers = case.get("party.identity.type") in ("passport", "residence_permit")
    return case.foreign_recipient or case.get("party.kind") == "foreign_entity" or foreign_papers
