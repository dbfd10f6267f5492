"""The notice before the decision: of the right kind, served, its period over, and not gone beyond."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Final

from pipeline.law.cases import Breach, Case, Earlier, placed
from pipeline.law.penalties import amount, beyond, needs_hearing
from pipeline.law.rule_sets import Limits

#: Where an instrument names the notice that came before it.
_REFERENCES: Final[Mapping[str, str]] = {"penalty-decision": "procedure.document", "hearing-notice": "rights_notice"}

#: The instruments by which a party is told what is intended.
NOTICES: Final = ("penalty-prior-notice", "hearing-rights-notice")

_STANDS: Final = frozenset({"released", "changed"})


def reference(instrument: str) -> str | None:
    """The dotted path of the fact that names the notice before; None for an instrument that has none."""
    return _REFERENCES.get(instrument)


def _pointer(case: Case) -> str:
    return "/facts/" + _REFERENCES[case.instrument].replace(".", "/")


def _kind(case: Case) -> str:
    return str(case.get("procedure.notice") or "hearing-rights-notice")


def _period(case: Case, limits: Limits) -> tuple[date, int] | None:
    """The last day on which the party could still answer the notice, and how many days it had."""
    served_on = case.day(f"{_REFERENCES[case.instrument]}.served_on")
    if served_on is None:
        return None
    days = limits.statement_days if _kind(case) == "penalty-prior-notice" else limits.hearing_request_days
    return None if days is None else (case.period_end(served_on, days, limits), days)


def hearing_rights_notice_first(case: Case, limits: Limits) -> Iterator[Breach]:
    """A penalty with the right to a hearing, decided after a notice that did not tell of it."""
    heavy = any(needs_hearing(penalty, limits) for penalty in case.penalties)
    if heavy and _kind(case) != "hearing-rights-notice":
        yield Breach("/facts/procedure/notice", {"from": Decimal(limits.hearing_fine)})


def hearing_rights_told(case: Case, limits: Limits) -> Iterator[Breach]:
    """A prior notice announces a penalty for which the party has the right to a hearing."""
    for pointer, penalty in placed(case.penalties, "/facts/penalties"):
        if needs_hearing(penalty, limits):
            yield Breach(pointer)


def fines_together(case: Case, limits: Limits) -> Iterator[Breach]:
    """Each fine stays below the threshold of a hearing, all together do not."""
    if case.get("procedure.notice") == "hearing-rights-notice":
        return
    fines = [amount(penalty) for penalty in case.penalties if penalty["kind"] == "fine"]
    if fines and max(fines) < limits.hearing_fine <= sum(fines):
        yield Breach("/facts/penalties", {"from": Decimal(limits.hearing_fine)})


def hearing_ground_fits(case: Case, limits: Limits) -> Iterator[Breach]:
    """The notice says that the amount is large, and it is not."""
    if case.get("ground") in ("large_fine", "large_confiscation"):
        goods = any(penalty["kind"] == "confiscation_of_goods" for penalty in case.penalties)
        if not goods and not any(needs_hearing(penalty, limits) for penalty in case.penalties):
            yield Breach("/facts/ground", {"from": Decimal(limits.hearing_fine)})


def goods_of_value(case: Case, limits: Limits) -> Iterator[Breach]:
    """Goods are confiscated without a hearing-rights notice: their value is not told."""
    if limits.hearing_confiscation is None or _kind(case) == "hearing-rights-notice":
        return
    for pointer, penalty in placed(case.penalties, "/facts/penalties"):
        if penalty["kind"] == "confiscation_of_goods":
            yield Breach(pointer, {"from": Decimal(limits.hearing_confiscation)})


def period_over(case: Case, limits: Limits) -> Iterator[Breach]:
    """Decided while the party, which had not answered or not asked for its hearing, still could.

    A statement does not use up the right to ask for a hearing.
    """
    period, response = _period(case, limits), case.get("procedure.response")
    used = response == "hearing" or (response == "statement" and _kind(case) == "penalty-prior-notice")
    if period is not None and not used and case.dated <= period[0]:
        yield Breach("/facts/decided_on", {"end": period[0], "days": period[1]})


def period_still_running(case: Case, limits: Limits) -> Iterator[Breach]:
    """Decided after the party was heard, but before its period ended: it might have said more."""
    period = _period(case, limits)
    heard = _kind(case) == "penalty-prior-notice" and case.get("procedure.response") == "statement"
    if period is not None and heard and case.dated <= period[0]:
        yield Breach("/facts/decided_on", {"end": period[0], "days": period[1]})


def calendar_published(case: Case, limits: Limits) -> Iterator[Breach]:
    """The period runs through days whose holidays are not published yet: its end is a guess."""
    period = _period(case, limits)
    if period is not None and limits.working_days and not case.calendar.is_settled(period[0]):
        yield Breach(f"{_pointer(case)}/served_on", {"end": period[0]})


def notice_known(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001 - one shape for all
    """The notice was not made by Songda, and the job does not say either what it announced."""
    named = case.get(f"{_REFERENCES[case.instrument]}.number.zh")
    if named is not None and case.notice is None and "noticed_penalties" not in case.circumstances:
        yield Breach(f"{_pointer(case)}/number", {"number": (named, named)})


def notice_matches(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The number is that of another kind of document, or of another case."""
    found = case.notice
    if found is not None and (found.instrument != _kind(case) or found.case_no != case.case_no):
        yield Breach(f"{_pointer(case)}/number", {"number": _number(found)})


def notice_released(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The notice was never released, or it does not stand any more."""
    found = case.notice
    if found is not None and found.status not in _STANDS:
        yield Breach(f"{_pointer(case)}/number", {"number": _number(found)})


def served_as_recorded(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The job gives another service date of the notice than the one that is on record."""
    found, said = case.notice, case.day(f"{_REFERENCES[case.instrument]}.served_on")
    if found is not None and found.service_date is not None and said != found.service_date:
        yield Breach(f"{_pointer(case)}/served_on", {"recorded": found.service_date, "number": _number(found)})


def service_settled(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The notice has no final service date on record: the one in the job is the case system's word."""
    found = case.notice
    if found is not None and found.status in _STANDS and found.service_date is None:
        yield Breach(f"{_pointer(case)}/served_on", {"number": _number(found)})


def _number(found: Earlier) -> tuple[str, str]:
    return found.number_zh or found.id, found.number_zh or found.id


def _announced(case: Case) -> Sequence[Mapping[str, Any]] | None:
    """What the party was told, by the notice in Songda, else by the job."""
    if case.notice is not None:
        listed = case.notice.facts.get("penalties")
        return listed if isinstance(listed, list) else None
    return case.circumstances.get("noticed_penalties")


def not_heavier_than_noticed(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """A penalty beyond the notice in kind or extent."""
    announced = _announced(case)
    if announced is not None:
        for index in beyond(case.penalties, announced):
            yield Breach(f"/facts/penalties/{index}")


def object_as_noticed(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """A penalty concerns something that the notice does not name in the same words."""
    announced = _announced(case)
    if announced is None:
        return
    told = {_squeezed(penalty["object"]["zh"]) for penalty in announced if "object" in penalty}
    for pointer, penalty in placed(case.penalties, "/facts/penalties"):
        if "object" in penalty and _squeezed(penalty["object"]["zh"]) not in told:
            yield Breach(f"{pointer}/object")


def _squeezed(text: str) -> str:
    return "".join(text.split())


def basis_as_noticed(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The decision rests on a provision that the party was not told of."""
    for name in ("violated", "basis"):
        told = case.notice.facts.get(name) if case.notice is not None else None
        if isinstance(told, list):
            for pointer, citation in placed(case.facts.get(name, ()), f"/facts/{name}"):
                if citation not in told:
                    yield Breach(pointer)


def hearing_held_when_announced(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """A hearing was announced in this case, and the decision does not speak of one."""
    if case.get("procedure.response") == "hearing":
        return
    for found in case.others:
        if found.instrument == "hearing-notice" and found.status in _STANDS and _party(found) == _party(case):
            yield Breach("/facts/procedure/response", {"number": _number(found)})
            return


def _party(whose: Case | Earlier) -> Any:
    return whose.facts.get("party", {}).get("name", {}).get("zh")


def reissued_with_reasons(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """A second, heavier notice to the same party in the same case that does not say why."""
    if "reissued" in case.facts:
        return
    for found in case.others:
        if found.instrument in NOTICES and found.status in _STANDS and _party(found) == _party(case):
            listed = found.facts.get("penalties")
            if isinstance(listed, list) and beyond(case.penalties, listed):
                yield Breach("/facts", {"number": _number(found)})
                return
