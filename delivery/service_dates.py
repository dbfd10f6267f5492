"""The service date (送达日期): facts in, a date with its reasons out. Pure: nothing is looked up or stored.

Source: the confirmation letter, II.4 (局发明电〔2018〕2057号, annex 1), with the decisions listed in
docs/service-dates.md where the letter is silent. All days are days in Beijing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from delivery.beijing import day_of, end_of, time_en, time_zh
from delivery.calendars import Calendar, default_calendar
from delivery.rule_sets import Reason, RuleBook, RuleSet, rule_book
from delivery.service_facts import PaperAttempt, ServiceFacts, UpheldObjection, parse_request
from records.errors import Fault, Refused

__all__ = [
    "Count",
    "PaperAttempt",
    "ServiceDate",
    "ServiceFacts",
    "answer",
    "count_days",
    "decide",
    "error_of",
    "parse_request",
    "recount",
]

METHOD_NAMES: Final = {
    "direct": ("直接送达", "direct service"),
    "post": ("邮寄送达", "service by post"),
    "leaving": ("留置送达", "leaving service"),
    "entrusted": ("委托送达", "entrusted service"),
    "public_notice": ("公告送达", "public notice"),
    "fax": ("传真送达", "fax"),
}

_UNKNOWN_DAY: Final = ("日期不明", "an unknown day")
_NO_NOTE: Final = ("见送达记录", "see the record of service")


@dataclass(frozen=True)
class Count:
    """The working days counted at sending, to be stored with the delivery.

    `days` are the working days after the day of sending, day 1 first; the last of them is the deemed date. `unsettled`
    is the first day of the count that depends on a notice not published: then the count is a guess. None: all settled.
    """

    days: tuple[date, ...]
    unsettled: date | None
    calendar_version: str

    @property
    def deemed_date(self) -> date:
        """The day on which the document is deemed served without a confirmation."""
        return self.days[-1]


@dataclass(frozen=True)
class ServiceDate:
    """The answer. `status` is `final`, `provisional` or `pending`; unless final, `service_date` and `basis` are None.
    It is `provisional` while working days cannot be counted, or paper was served on a day that nobody knows.

    `basis` is `confirmed`, `deemed`, `paper` or `ruling`. `deemed_date` is the electronic one, fixed by sending.
    """

    service_date: date | None
    status: str
    basis: str | None
    deemed_date: date | None
    days: tuple[date, ...]
    reasons: tuple[Reason, ...]
    calendar_version: str
    rule_version: str

    def as_dict(self) -> dict[str, Any]:
        """The answer as JSON."""
        return {
            "service_date": self.service_date and self.service_date.isoformat(),
            "status": self.status,
            "basis": self.basis,
            "deemed_date": self.deemed_date and self.deemed_date.isoformat(),
            "days": [day.isoformat() for day in self.days],
            "reasons": [reason.as_dict() for reason in self.reasons],
            "calendar_version": self.calendar_version,
            "rule_version": self.rule_version,
        }


def count_days(sent_at: datetime, calendar: Calendar, rules: RuleSet) -> Count:
    """Count the working days after the day of sending."""
    sent_on = day_of(sent_at)
    days = calendar.working_days_after(sent_on, rules.working_days)
    span = (sent_on + timedelta(days=offset) for offset in range(1, (days[-1] - sent_on).days + 1))
    unsettled = (day for day in span if not calendar.is_settled(day, rules.unsettled_from_december))
    return Count(days, next(unsettled, None), calendar.version)


def recount(
    stored: Count,
    sent_at: datetime,
    as_of: datetime,
    calendar: Calendar,
    rules: RuleSet,
    *,
    confirmed_at: datetime | None = None,
) -> Count:
    """The count to go on with after a notice was imported or amended at `as_of`.

    A settled count whose last day has ended keeps the calendar it was fixed with, and so does one inside which the
    receipt was confirmed, were it a guess: that date is final. Every other one is counted anew.
    """
    if stored.unsettled is None and end_of(stored.deemed_date) <= as_of:
        return stored
    if confirmed_at is not None and confirmed_at <= as_of and day_of(confirmed_at) <= stored.deemed_date:
        return stored
    return count_days(sent_at, calendar, rules)


def decide(facts: ServiceFacts, calendar: Calendar, rules: RuleSet, fixed: Count | None = None) -> ServiceDate:
    """The service date as of `facts.as_of`.

    `fixed` is the count stored with the delivery: with it the days are not counted anew, so that a notice amended later
    does not move a date that has passed (see `recount`).
    """
    return _Decision(facts, calendar, rules, fixed).make()


class _Decision:
    """One decision in the making; collects its reasons on the way."""

    def __init__(self, facts: ServiceFacts, calendar: Calendar, rules: RuleSet, fixed: Count | None) -> None:
        self.facts, self.rules = facts, rules
        self.today = day_of(facts.as_of)
        self.as_of = (time_zh(facts.as_of), time_en(facts.as_of))
        self.title = (facts.instrument.title_zh, facts.instrument.title_en)
        self.reasons: list[Reason] = []
        self.count: Count | None = None
        if facts.sent_at is not None and facts.instrument.electronic:
            self.count = fixed or count_days(facts.sent_at, calendar, rules)
        self.calendar_version = self.count.calendar_version if self.count else calendar.version
        confirmed = facts.confirmed_at is not None and facts.confirmed_at <= facts.as_of
        self.confirmed_on = day_of(facts.confirmed_at) if facts.confirmed_at is not None and confirmed else None

    def because(self, rule: str, **values: date | int | tuple[str, str]) -> None:
        """Add a reason."""
        self.reasons.append(self.rules.reason(rule, **values))

    def make(self) -> ServiceDate:
        """Go through the rules in their order."""
        if not self.facts.instrument.served:
            self.because("never-served", title=self.title)
            answer = self._answer("pending")
        elif self.facts.upheld is not None and self.facts.upheld.ruled_at <= self.facts.as_of:
            answer = self._by_ruling(self.facts.upheld)
        elif self.count is not None and not self.facts.paper_counts:
            answer = self._by_account(self.count)
        else:
            answer = self._by_paper()
        return answer

    def _answer(self, status: str, basis: str | None = None, day: date | None = None) -> ServiceDate:
        self._notes()
        return ServiceDate(
            day,
            status,
            basis,
            self.count.deemed_date if self.count else None,
            self.count.days if self.count else (),
            tuple(self.reasons),
            self.calendar_version,
            self.rules.id,
        )

    def _by_ruling(self, upheld: UpheldObjection) -> ServiceDate:
        """Letter III.3: the party proved that it had no fault, and a named person set the day that counts instead."""
        self.because("objection-upheld", ruled=day_of(upheld.ruled_at), day=upheld.served_on)
        return self._answer("final", "ruling", upheld.served_on)

    def _by_account(self, count: Count) -> ServiceDate:
        """The letter's other rules: the day of the confirmation, otherwise the deemed day once it has ended."""
        deemed, confirmed_on = count.deemed_date, self.confirmed_on
        if confirmed_on is not None and confirmed_on <= deemed:
            self.because("confirmed-inside-guess" if count.unsettled else "confirmed", day=confirmed_on, deemed=deemed)
            return self._answer("final", "confirmed", confirmed_on)
        if count.unsettled is not None:
            self._because_unsettled(count)
            if confirmed_on is not None:
                self.because("confirmed-after-guess", day=confirmed_on, deemed=deemed)
            return self._answer("provisional")
        if self.facts.as_of < end_of(deemed):
            self.because("deemed-day-not-ended", as_of=self.as_of, deemed=deemed)
            return self._answer("pending")
        self.because("deemed", deemed=deemed)
        if confirmed_on is not None:
            self.because("confirmed-late", day=confirmed_on, deemed=deemed)
        return self._answer("final", "deemed", deemed)

    def _by_paper(self) -> ServiceDate:
        """Rule 1: the first attempt on paper that succeeded; no electronic date ever stands in for it.

        One on an unknown day may have been the first: while there is one, no day is the legal one.
        """
        served, unknown = self._served(), self._unknown()
        for attempt in unknown:
            self.because("paper-date-unknown", method=METHOD_NAMES[attempt.method], note=_note(attempt))
        if served is not None and served.served_on is not None and unknown:
            method, day = METHOD_NAMES[served.method], served.served_on
            self.because("paper-date-may-be-earlier", method=method, day=day)
        elif served is not None and served.served_on is not None:
            self.because("paper-served", method=METHOD_NAMES[served.method], day=served.served_on)
        elif not unknown:
            self.because("paper-awaited", as_of=self.as_of)
        self._because_paper()
        if served is not None and served.method == "public_notice":
            earlier = self.facts.paper[: self.facts.paper.index(served)]
            self.because("public-notice-last", count=sum(attempt.failed for attempt in earlier))
        self._because_attempts()
        if self.count is not None:
            self.because("information-only", deemed=self.count.deemed_date)
            if self.count.unsettled is not None:
                self._because_unsettled(self.count)
        if self.confirmed_on is not None:
            self.because("confirmation-not-decisive", day=self.confirmed_on)
        if unknown:
            return self._answer("provisional")
        if served is None:
            return self._answer("pending")
        return self._answer("final", "paper", served.served_on)

    def _because_paper(self) -> None:
        """Why the paper date is the one that counts."""
        if not self.facts.instrument.electronic:
            self.because("no-electronic-service", title=self.title)
        elif self.facts.instrument.important:
            self.because("important", title=self.title)
        elif self.facts.paper_required:
            self.because("made-important")
        else:
            self.because("not-sent-electronically")

    def _happened(self) -> Iterator[tuple[int, PaperAttempt, date]]:
        """Attempts that succeeded by `as_of`. A day has come as soon as it has begun: its hour is not known."""
        for index, attempt in enumerate(self.facts.paper):
            if attempt.served_on is not None and attempt.served_on <= self.today:
                yield index, attempt, attempt.served_on

    def _objection(self, index: int, attempt: PaperAttempt) -> str | None:
        """The rule by which an attempt that reached somebody is no service, if there is one."""
        instrument = self.facts.instrument.id
        if attempt.method == "fax":
            if not attempt.consent:
                return "fax-without-consent"
            if instrument in self.rules.fax_is_not_the_original:
                return "fax-is-not-the-original"
        if instrument in self.rules.direct_first and attempt.method != "direct":
            earlier = self.facts.paper[:index]
            if not any(each.method == "direct" and each.failed for each in earlier):
                return "direct-first"
        return None

    def _served(self) -> PaperAttempt | None:
        valid = (
            (day, index, attempt) for index, attempt, day in self._happened() if self._objection(index, attempt) is None
        )
        first = min(valid, default=None, key=lambda found: found[:2])
        return first[2] if first else None

    def _unknown(self) -> list[PaperAttempt]:
        """Attempts that are service, on a day that nobody knows: it may be any, so none is left out for `as_of`."""
        paper = enumerate(self.facts.paper)
        return [each for index, each in paper if each.date_unknown and self._objection(index, each) is None]

    def _because_attempts(self) -> None:
        failed = sum(attempt.failed for attempt in self.facts.paper)
        if failed:
            self.because("attempts-failed", count=failed)
        happened = {index: day for index, _, day in self._happened()}
        for index, attempt in enumerate(self.facts.paper):
            objection = self._objection(index, attempt)
            if objection is not None and (index in happened or attempt.date_unknown):
                day = happened.get(index, _UNKNOWN_DAY)
                self.because(objection, day=day, title=self.title, method=METHOD_NAMES[attempt.method])

    def _because_unsettled(self, count: Count) -> None:
        if count.unsettled is None:
            return
        day = count.unsettled
        year = day.year + 1 if (day.month, day.day) >= (12, self.rules.unsettled_from_december) else day.year
        self.because("calendar-not-published", unsettled=day, year=year, deemed=count.deemed_date)

    def _notes(self) -> None:
        """What else the reader has to know: how days were counted, what was left out."""
        facts = self.facts
        if self.count is not None and facts.sent_at is not None:
            sent_on = day_of(facts.sent_at)
            sent_at = (time_zh(facts.sent_at), time_en(facts.sent_at))
            self.because("sending-day-not-counted", sent=sent_at)
            if facts.sent_at > facts.as_of:
                self.because("not-sent-yet", as_of=self.as_of, sent=sent_at)
            if sent_on < self.rules.effective_from:
                self.because("before-the-letter", sent=sent_on, effective=self.rules.effective_from)
        if facts.paper and not facts.paper_counts:
            self.because("courtesy-copy")
            for attempt in facts.paper:
                if attempt.date_unknown:
                    self.because("courtesy-date-unknown", note=_note(attempt))
        later = facts.confirmed_at is not None and facts.confirmed_at > facts.as_of
        if later or any(each.served_on is not None and each.served_on > self.today for each in facts.paper):
            self.because("later-not-looked-at", as_of=self.as_of)


def _note(attempt: PaperAttempt) -> tuple[str, str]:
    """What is wrong with the date, in the words of whoever recorded it."""
    return (attempt.date_note, attempt.date_note) if attempt.date_note else _NO_NOTE


def _answer_one(value: Any, now: datetime, calendar: Calendar, book: RuleBook) -> dict[str, Any]:
    facts = parse_request(value, book, now)
    sent_on = day_of(facts.sent_at or facts.as_of)
    rules = book.sets[facts.rules] if facts.rules else book.in_force(sent_on)
    return decide(facts, calendar, rules).as_dict()


def error_of(faults: tuple[Fault, ...]) -> dict[str, Any]:
    """Faults as one error object: the first in `error`, all of them in `faults`."""
    first = faults[0]
    error = {"code": first.code, "field": first.pointer.lstrip("/"), "message": first.message_en}
    return {"error": error, "faults": [fault.as_dict() for fault in faults]}


def answer(
    value: Any,
    *,
    now: datetime | None = None,
    calendar: Calendar | None = None,
    book: RuleBook | None = None,
) -> dict[str, Any] | list[dict[str, Any]]:
    """Answer one request (an object) or a list of them, in order.

    `now` is the legal clock. One request that is wrong raises `Refused`; in a list its place is taken by
    `{"error": …, "faults": […]}`, so that the others are answered.
    """
    now, calendar, book = now or datetime.now(UTC), calendar or default_calendar(), book or rule_book()
    if not isinstance(value, list):
        return _answer_one(value, now, calendar, book)
    answers = []
    for item in value:
        try:
            answers.append(_answer_one(item, now, calendar, book))
        except Refused as refused:
            answers.append(error_of(refused.faults))
    return answers
