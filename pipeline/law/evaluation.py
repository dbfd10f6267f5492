"""Holds a case to the rules in force: pure, everything was looked up before."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pipeline.law import competence, contents, dispatch, hearings, limitation, measures, notices, on_the_spot
from pipeline.law.cases import Breach, Case
from pipeline.law.rule_sets import LawBook, LawSet, Limits, Rule
from records.errors import Fault

Predicate = Callable[[Case, Limits], Iterator[Breach]]

#: Which function looks at a rule of the data.
PREDICATES: Final[Mapping[str, Predicate]] = MappingProxyType(
    {
        "regional-administration-only": competence.regional_administration_only,
        "hearing-by-regional-administration": competence.hearing_by_regional_administration,
        "name-of-regional-administration": competence.name_of_regional_administration,
        "enforcement-seal": competence.enforcement_seal,
        "seal-of-the-agency": competence.seal_of_the_agency,
        "who-decides": competence.who_decides,
        "role-known": competence.role_known,
        "who-consents": competence.who_consents,
        "collective-decision": competence.collective_decision,
        "foreign-party-is-major": competence.foreign_party_is_major,
        "hearing-rights-notice-first": notices.hearing_rights_notice_first,
        "hearing-rights-told": notices.hearing_rights_told,
        "fines-together": notices.fines_together,
        "hearing-ground-fits": notices.hearing_ground_fits,
        "goods-of-value": notices.goods_of_value,
        "period-over": notices.period_over,
        "period-still-running": notices.period_still_running,
        "calendar-published": notices.calendar_published,
        "notice-known": notices.notice_known,
        "notice-matches": notices.notice_matches,
        "notice-released": notices.notice_released,
        "served-as-recorded": notices.served_as_recorded,
        "service-settled": notices.service_settled,
        "not-heavier-than-noticed": notices.not_heavier_than_noticed,
        "object-as-noticed": notices.object_as_noticed,
        "basis-as-noticed": notices.basis_as_noticed,
        "hearing-held-when-announced": notices.hearing_held_when_announced,
        "reissued-with-reasons": notices.reissued_with_reasons,
        "hearing-announced-ahead": hearings.hearing_announced_ahead,
        "hearing-notice-confirmed-in-time": hearings.hearing_notice_confirmed_in_time,
        "hearing-held-with-notice": hearings.hearing_held_with_notice,
        "hearing-asked-in-time": hearings.hearing_asked_in_time,
        "presiding-has-not-investigated": hearings.presiding_has_not_investigated,
        "evidence-decided-in-time": measures.evidence_decided_in_time,
        "seizure-days": measures.seizure_days,
        "additional-fine-within-fine": measures.additional_fine_within_fine,
        "demand-before-enforcement": measures.demand_before_enforcement,
        "enforcement-in-time": measures.enforcement_in_time,
        "on-the-spot-kinds": on_the_spot.on_the_spot_kinds,
        "on-the-spot-limit": on_the_spot.on_the_spot_limit,
        "on-the-spot-collection": on_the_spot.on_the_spot_collection,
        "on-the-spot-items": contents.on_the_spot_items,
        "days-plausible": contents.days_plausible,
        "two-officers": contents.two_officers,
        "decision-items": contents.decision_items,
        "notice-items": contents.notice_items,
        "remedies-named": contents.remedies_named,
        "reconsideration-channel": contents.reconsideration_channel,
        "dates-in-order": contents.dates_in_order,
        "not-dated-ahead": contents.not_dated_ahead,
        "made-after-approval": contents.made_after_approval,
        "made-the-day-after-approval": contents.made_the_day_after_approval,
        "decided-in-time": contents.decided_in_time,
        "not-decided-already": contents.not_decided_already,
        "within-limitation": limitation.within_limitation,
        "longer-limitation-only-for-harm": limitation.longer_limitation_only_for_harm,
        "letter-in-force": dispatch.letter_in_force,
    }
)


#: Looked at before all others, which count days.
_FIRST: Final = "days-plausible"


@dataclass(frozen=True)
class Finding:
    """One breach of a rule, told; the pointer leads into the document."""

    pointer: str
    rule: Rule
    text_zh: str
    text_en: str

    def as_fault(self, law: LawSet) -> Fault:
        """An error as the fault that refuses the job."""
        code = self.rule.id.replace("-", "_")
        return Fault(self.pointer, code, self.text_en, self.text_zh, f"{self.rule.citation}（{law.id}）")

    def as_dict(self, prefix: str) -> dict[str, str]:
        """A warning as it is answered and stored; `prefix` is where the document stands in the job."""
        return {
            "pointer": prefix + self.pointer,
            "rule": self.rule.id,
            "version": self.rule.version,
            "citation": self.rule.citation,
            "text_zh": self.text_zh,
            "text_en": self.text_en,
        }


@dataclass(frozen=True)
class Verdict:
    """What the law says of one document."""

    law: LawSet
    findings: tuple[Finding, ...]

    @property
    def faults(self) -> list[Fault]:
        """What refuses the job."""
        return [each.as_fault(self.law) for each in self.findings if each.rule.severity == "error"]

    def as_dict(self, prefix: str) -> dict[str, Any]:
        """The rule set and its warnings, as they are stored with a document that is accepted."""
        warnings = [each.as_dict(prefix) for each in self.findings if each.rule.severity == "warning"]
        return {"rule_set": self.law.id, "warnings": warnings}


def evaluate(case: Case, book: LawBook) -> Verdict:
    """Every finding of the set in force for the authority on the document's own day."""
    law = book.in_force(str(case.authority["id"]), case.dated)
    gate = [rule for rule in law.rules if rule.id == _FIRST]
    rest = [rule for rule in law.rules if rule.id != _FIRST]
    found = _all_findings(case, law.limits, gate)
    return Verdict(law, found or _all_findings(case, law.limits, rest))


def _all_findings(case: Case, limits: Limits, rules: Sequence[Rule]) -> tuple[Finding, ...]:
    return tuple(finding for rule in rules for finding in _findings(case, limits, rule))


def _findings(case: Case, limits: Limits, rule: Rule) -> Iterator[Finding]:
    if rule.instruments and case.instrument not in rule.instruments:
        return
    for breach in PREDICATES[rule.id](case, limits):
        zh, en = rule.told(breach.values)
        yield Finding(breach.pointer, rule, zh, en)
