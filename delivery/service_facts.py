"""The facts that a service date rests on, and the reading of them from JSON: every fault is told, nothing guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from delivery.rule_sets import RuleBook
from records.errors import Fault, Refused
from templates.manifests import METHODS, Manifest, manifests

_KEYS: Final = ("instrument", "sent_at", "confirmed_at", "paper_required", "paper", "as_of", "rules")
_PAPER_KEYS: Final = ("method", "served_on", "consent", "date_unknown", "date_note")
_LONGEST: Final = 500
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(?P<offset>.*)", re.DOTALL
)
_OFFSET = re.compile(r"[Zz]|[+-][0-9]{2}:[0-9]{2}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS: Final = range(1950, 2200)


@dataclass(frozen=True)
class PaperAttempt:
    """One attempt to serve on paper, in the order in which they were made.

    `served_on` is the legal day (in Beijing) of an attempt that succeeded, None for one that failed; `consent` whether
    the party agreed to a fax (004-80). `date_unknown`: it succeeded on a day that the paper does not tell, so
    `served_on` is None; `date_note` says why.
    """

    method: str
    served_on: date | None
    consent: bool = False
    date_unknown: bool = False
    date_note: str = ""

    @property
    def failed(self) -> bool:
        """Whether nobody was served by it."""
        return self.served_on is None and not self.date_unknown


@dataclass(frozen=True)
class UpheldObjection:
    """A ruling that upheld an objection (letter III.3) at `ruled_at` (aware), and the legal day that it sets."""

    ruled_at: datetime
    served_on: date


@dataclass(frozen=True)
class ServiceFacts:
    """What happened to one document on its way to one recipient. All moments carry an offset.

    `sent_at`: when it was put into the approved account; None when it never was (paper only). `as_of`: the moment that
    the answer is for; what happened later is not looked at. `paper_required`: the job made it important. `upheld`: the
    last ruling that upheld an objection to the date.
    """

    instrument: Manifest
    sent_at: datetime | None
    as_of: datetime
    confirmed_at: datetime | None = None
    paper_required: bool = False
    paper: tuple[PaperAttempt, ...] = ()
    rules: str | None = None
    upheld: UpheldObjection | None = None

    @property
    def paper_counts(self) -> bool:
        """Whether only the date of service on paper counts."""
        by_manifest = self.instrument.important or not self.instrument.electronic
        return by_manifest or self.paper_required or self.sent_at is None


class Faults:
    """Faults as they are found, so that all of them are told at once."""

    def __init__(self) -> None:
        self.found: list[Fault] = []

    def add(self, pointer: str, code: str, en: str, zh: str, rule: str = "") -> None:
        """Add a fault."""
        self.found.append(Fault(pointer, code, en, zh, rule))

    def keys(self, value: Mapping[str, Any], allowed: tuple[str, ...], prefix: str) -> None:
        """A fault for each key that is not allowed."""
        for key in value:
            if key not in allowed:
                pointer = prefix + "/" + str(key).replace("~", "~0").replace("/", "~1")
                self.add(pointer, "unknown_key", f"{key!r} is not a key of this request.", f"未知的字段“{key}”。")

    def moment(self, value: Any, pointer: str) -> datetime | None:
        """An RFC 3339 time with its offset, or None and a fault."""
        shape = _TIME.fullmatch(value) if isinstance(value, str) else None
        if shape is None:
            en = "A time must be written as 2026-02-12T10:00:00+08:00."
            self.add(pointer, "not_a_time", en, "时间须写作 2026-02-12T10:00:00+08:00。", "RFC 3339")
            return None
        if not shape["offset"]:
            self.add(pointer, "no_offset", "A time must carry its UTC offset.", "时间必须带有时区偏移。", "RFC 3339")
            return None
        try:
            if not _OFFSET.fullmatch(shape["offset"]):
                raise ValueError("offset")
            moment = datetime.fromisoformat(value.upper())
        except ValueError:
            self.add(pointer, "not_a_time", "There is no such time.", "不存在这一时间。", "RFC 3339")
            return None
        return moment if self._in_range(moment.year, pointer) else None

    def day(self, value: Any, pointer: str) -> date | None:
        """A date written YYYY-MM-DD, or None and a fault."""
        try:
            if not isinstance(value, str) or not _DATE.fullmatch(value):
                raise ValueError("shape")
            day = date.fromisoformat(value)
        except ValueError:
            en = "A day must be a date written as 2026-02-12, without a time."
            self.add(pointer, "not_a_date", en, "日期须写作 2026-02-12，不带时间。", "RFC 3339")
            return None
        return day if self._in_range(day.year, pointer) else None

    def flag(self, value: Any, pointer: str) -> bool:
        """True or false (also for null), or False and a fault."""
        if value is None or isinstance(value, bool):
            return bool(value)
        self.add(pointer, "type", "This must be true or false.", "须为 true 或 false。")
        return False

    def _in_range(self, year: int, pointer: str) -> bool:
        if year in _YEARS:
            return True
        en = f"The year must lie between {_YEARS[0]} and {_YEARS[-1]}."
        self.add(pointer, "out_of_range", en, f"年份须在{_YEARS[0]}至{_YEARS[-1]}之间。")
        return False


def parse_request(value: Any, book: RuleBook, now: datetime) -> ServiceFacts:
    """The facts of one `service-date` request; `now` stands in for an `as_of` that is not given.

    Optional keys may be null, which is the same as leaving them out. Raises `Refused` with every fault.
    """
    if not isinstance(value, dict):
        raise Refused([Fault("", "type", "A request must be a JSON object.", "请求必须是 JSON 对象。")])
    faults = Faults()
    faults.keys(value, _KEYS, "")
    instrument = _instrument(value, faults)
    sent_at = None
    if value.get("sent_at") is None:
        faults.add("/sent_at", "missing", "The time of sending is missing.", "缺少发送时间。")
    else:
        sent_at = faults.moment(value["sent_at"], "/sent_at")
    confirmed_at = _optional_moment(value, "confirmed_at", faults)
    as_of = _optional_moment(value, "as_of", faults)
    if sent_at is not None and confirmed_at is not None and confirmed_at < sent_at:
        en = "The receipt cannot have been confirmed before the document was sent."
        faults.add("/confirmed_at", "confirmed_before_sent", en, "确认收讫不能早于发送。", "电子签名法 10、11")
    paper_required = faults.flag(value.get("paper_required"), "/paper_required")
    paper = _paper(value.get("paper"), instrument, faults)
    rules = value.get("rules")
    if rules is not None and (not isinstance(rules, str) or rules not in book.sets):
        known = ", ".join(sorted(book.sets))
        faults.add("/rules", "unknown_rules", f"There is no such rule set; known are: {known}.", "没有该规则版本。")
    if faults.found or instrument is None or sent_at is None:
        raise Refused(faults.found)
    return ServiceFacts(instrument, sent_at, as_of or now, confirmed_at, paper_required, paper, rules)


def _optional_moment(value: Mapping[str, Any], key: str, faults: Faults) -> datetime | None:
    return None if value.get(key) is None else faults.moment(value[key], f"/{key}")


def _instrument(value: Mapping[str, Any], faults: Faults) -> Manifest | None:
    identifier = value.get("instrument")
    if identifier is None:
        faults.add("/instrument", "missing", "The instrument is missing.", "缺少文书标识。")
        return None
    return known_instrument(identifier, faults)


def known_instrument(identifier: Any, faults: Faults) -> Manifest | None:
    """The instrument of this identifier, or None and a fault at `/instrument`."""
    found = manifests().get(identifier) if isinstance(identifier, str) else None
    if found is None:
        en = f"There is no instrument with the identifier {identifier!r:.80}."
        faults.add("/instrument", "unknown_instrument", en, "没有该标识的文书。")
    return found


def _paper(value: Any, instrument: Manifest | None, faults: Faults) -> tuple[PaperAttempt, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        faults.add("/paper", "type", "paper must be a list of attempts.", "paper 须为列表。")
        return ()
    attempts = (_attempt(item, f"/paper/{index}", instrument, faults) for index, item in enumerate(value))
    return tuple(attempt for attempt in attempts if attempt is not None)


def _attempt(item: Any, pointer: str, instrument: Manifest | None, faults: Faults) -> PaperAttempt | None:
    if not isinstance(item, dict):
        faults.add(pointer, "type", "An attempt must be a JSON object.", "每次送达须为 JSON 对象。")
        return None
    faults.keys(item, _PAPER_KEYS, pointer)
    method = item.get("method")
    if method not in METHODS:
        code = "missing" if method is None else "unknown_method"
        en = f"The method must be one of {', '.join(METHODS)}."
        faults.add(f"{pointer}/method", code, en, "送达方式不正确。", "004-79、004-80")
    elif instrument is not None and method not in instrument.methods:
        en = f"{instrument.title_en} may not be served by {method}."
        zh = f"《{instrument.title_zh}》不得以该方式送达。"
        faults.add(f"{pointer}/method", "method_not_allowed", en, zh, "、".join(instrument.articles))
    served_on = None
    if "served_on" not in item:
        en = "served_on must be given: a date, or null for an attempt that failed or whose date is unknown."
        faults.add(f"{pointer}/served_on", "missing", en, "须给出 served_on：日期，未成功或者日期不明的为 null。")
    elif item["served_on"] is not None:
        served_on = faults.day(item["served_on"], f"{pointer}/served_on")
    consent = faults.flag(item.get("consent"), f"{pointer}/consent")
    unknown = faults.flag(item.get("date_unknown"), f"{pointer}/date_unknown")
    if unknown and item.get("served_on") is not None:
        en = "A date that is given is not unknown: leave one of the two out."
        faults.add(f"{pointer}/served_on", "date_is_unknown", en, "已注明日期不明的，不得同时填写日期。")
    note = item.get("date_note") or ""
    if not isinstance(note, str) or len(note) > _LONGEST:
        en = f"date_note must be a text of at most {_LONGEST} characters."
        faults.add(f"{pointer}/date_note", "type", en, f"date_note 须为不超过{_LONGEST}字的文本。")
    return PaperAttempt(method, served_on, consent, unknown, str(note)) if isinstance(method, str) else None
