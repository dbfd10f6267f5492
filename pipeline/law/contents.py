"""What a document has to hold: officers, mandatory items, remedies, and days in an order that can be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from itertools import pairwise
from typing import Final

from pipeline.law.cases import Breach, Case
from pipeline.law.rule_sets import Limits

#: Days of one act after the other; one that is not given is passed by.
_ORDERS: Final[Mapping[str, tuple[str, ...]]] = {
    "penalty-decision": ("opened_on", "procedure.document.served_on", "procedure.heard_on", "decided_on"),
    "hearing-rights-notice": ("resolved_on", "noticed_on"),
    "rectification-suggestion": ("inspection.on", "inspection.until", "suggested_on", "reply_by"),
    "rectification-notice": ("inspection.on", "inspection.until", "noticed_on", "report_by"),
    "entrustment-letter": ("procedure.recognised_on", "entrusted_on", "period.from", "period.until"),
    "compulsory-measures-decision": ("extends.document.served_on", "decided_on", "period.until"),
    "inspection-record": ("began_at", "ended_at", "inspected_on"),
    "on-the-spot-decision": ("violation.at", "decided_at", "decided_on"),
    "on-the-spot-fine-receipt": ("decision.served_on", "received_at", "received_on"),
    "fine-receipt": ("decision.served_on", "paid_on", "issued_on"),
    "evidence-preservation-notice": ("approved.at", "registered_at", "noticed_on", "until"),
    "additional-fine-decision": ("due_on", "since", "decided_on"),
    "evidence-preservation-extension": ("notice.served_on", "approved.at", "noticed_on", "first_until", "until"),
    "evidence-return-list": ("notice.served_on", "decided_on", "returned_on"),
    "fax-service-copy": ("consent.given_on", "faxed_on"),
    "enforcement-application": ("decision.made_on", "decision.served_on", "demand.served_on", "applied_on"),
    "hearing-notice": ("rights_notice.served_on", "requested_on", "noticed_on", "hearing.begins_at"),
}


#: Years that a day of a case can lie in; days beyond could not even be counted from.
_YEARS: Final = range(1950, 2200)
_DAY = re.compile(r"([0-9]{4})-[0-9]{2}-[0-9]{2}(T.*)?")


def days_plausible(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001 - one shape for all
    """A day in a year that cannot be meant. A document that has one is held to no other rule."""
    whole = {"facts": case.facts, "approval": case.approval, "circumstances": case.circumstances}
    for pointer, text in _texts(whole, ""):
        shape = _DAY.fullmatch(text)
        if shape is not None and int(shape[1]) not in _YEARS:
            yield Breach(pointer, {"first": _YEARS[0], "last": _YEARS[-1]})


def _texts(value: object, pointer: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield pointer, value
    elif isinstance(value, dict | list):
        for name, item in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(item, f"{pointer}/{name}")


def two_officers(case: Case, limits: Limits) -> Iterator[Breach]:
    """Fewer officers than the law demands, one named twice counting once."""
    listed = case.facts.get("officers")
    if not isinstance(listed, list):
        return
    named = {officer.get("certificate", officer["name"]["zh"]) for officer in listed}
    if len(named) < limits.officers:
        yield Breach("/facts/officers", {"count": limits.officers})


def decision_items(case: Case, limits: Limits) -> Iterator[Breach]:
    """An item that a decision must hold is missing."""
    yield from _missing(case, limits.decision_items)


def notice_items(case: Case, limits: Limits) -> Iterator[Breach]:
    """Something that the party must be told is missing."""
    yield from _missing(case, limits.notice_items)


def on_the_spot_items(case: Case, limits: Limits) -> Iterator[Breach]:
    """An item that an on-the-spot decision must hold is missing."""
    yield from _missing(case, limits.spot_items)


def _missing(case: Case, items: frozenset[str]) -> Iterator[Breach]:
    for path in sorted(items):
        if not case.get(path):
            yield Breach("/facts/" + path.replace(".", "/"))


def remedies_named(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001 - one shape for all
    """The authority's record names no body of reconsideration or no court: the document could not either."""
    if not all(case.authority.get(name, {}).get("name") for name in ("reconsideration", "court")):
        yield Breach("/instrument")


def reconsideration_channel(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The authority's record names no way to ask for reconsideration over the Internet."""
    if not case.authority.get("reconsideration", {}).get("channel"):
        yield Breach("/instrument")


def dates_in_order(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """A later act is dated before an earlier one."""
    given = [(path, day) for path in _ORDERS.get(case.instrument, ()) if (day := case.day(path)) is not None]
    for (_, before), (path, after) in pairwise(given):
        if after < before:
            yield Breach("/facts/" + path.replace(".", "/"), {"before": before})


def not_dated_ahead(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The document bears a day that has not come."""
    if case.dated > case.today:
        yield Breach("/facts", {"day": case.dated, "today": case.today})


def made_after_approval(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The decision is older than its approval."""
    if case.approved_on is not None and case.dated < case.approved_on:
        yield Breach("/facts/decided_on", {"approved": case.approved_on})


def made_the_day_after_approval(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """The decision was made later than the working day after its approval."""
    if case.approved_on is not None:
        due = case.calendar.nth_working_day_after(case.approved_on, 1)
        if case.dated > due:
            yield Breach("/facts/decided_on", {"due": due})


def decided_in_time(case: Case, limits: Limits) -> Iterator[Breach]:
    """The decision comes later after the opening of the case than the law allows without an extension."""
    opened_on = case.day("opened_on")
    if opened_on is not None and limits.decision_days is not None:
        last = opened_on + timedelta(days=limits.decision_days)
        if case.dated > last:
            yield Breach("/facts/decided_on", {"days": limits.decision_days, "last": last})


def not_decided_already(case: Case, limits: Limits) -> Iterator[Breach]:  # noqa: ARG001
    """A decision on the same party in the same case stands, or is being made."""
    party = case.get("party.name.zh")
    for found in case.others:
        alive = found.instrument == case.instrument and found.status not in ("cancelled", "failed", "void", "revoked")
        if alive and found.facts.get("party", {}).get("name", {}).get("zh") == party:
            number = found.number_zh or found.id
            yield Breach("/instrument", {"number": (number, number)})
            return
