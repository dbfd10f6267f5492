"""Rules for the record of one attempt to serve on paper: what it must hold, and which day it makes the legal one.

Pure. Sources: 004-79 and 004-80, 民诉法 87–95. Days are days in Beijing.
"""

from __future__ import annotations

import calendar
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from delivery.beijing import day_of
from records.errors import Fault, Refused
from templates.manifests import METHODS, Manifest
from templates.numerals import chinese

#: Who may receive (民诉法 88, 004-79): the party itself, or for a unit one of the others.
CAPACITIES: Final = ("party", "legal_representative", "head", "agent", "mail_clerk")

#: What can come of an attempt, by method. `served` (for a public notice `published`) is the one that makes a date.
OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    "direct": ("served", "refused", "absent", "signed_by_other", "address_unknown"),
    "leaving": ("served", "no_witness", "address_unknown"),
    "post": ("served", "refused", "unclaimed", "locker", "signed_by_guard", "signed_by_other", "returned", "lost"),
    "entrusted": ("served", "refused", "absent", "returned"),
    "public_notice": ("published",),
    "fax": ("served", "no_answer"),
}

#: Outcomes of post that are no service until a clerk rules, with reasons, that they are.
RULED: Final = frozenset({"refused", "unclaimed", "locker", "signed_by_guard", "signed_by_other"})

MAIL_KINDS: Final = ("registered", "express")

#: What a record may say beside method, outcome and date: texts, lists of texts, and yes or no.
DETAILS: Final = (
    "receiver",
    "capacity",
    "place",
    "refusal_reason",
    "mail_kind",
    "mail_number",
    "organ",
    "published_in",
    "ruling",
    "note",
)
LISTS: Final = ("witnesses", "failed_attempts", "servers")
FLAGS: Final = ("video", "consent", "abroad", "illegible", "conflicting")

#: By these the authority's own people serve, two at least (行政处罚法 42).
BY_OFFICERS: Final = frozenset({"direct", "leaving"})

_TEXTS: Final = ("method", "outcome", "date", *DETAILS, "correction_reason", "approved_by")
_LONGEST: Final = 500


@dataclass(frozen=True)
class PaperRecord:
    """What a clerk recorded of one attempt. Texts that were not given are empty.

    `date` is the day of the attempt, for a public notice the day of publication. `place` is where the document was
    handed over, or the address at which it was left. `mail_kind` is `registered` or `express`. `organ` is the
    administrative organ entrusted with service. `failed_attempts` names the ways tried before a public notice.
    `ruling` says why an outcome of post that is no service by itself counts as one. `correction_reason`,
    `approved_by`: for a correction or a backdated record. `servers` are those who served. `illegible`,
    `conflicting`: the date on the paper cannot be read, or two are on it.
    """

    method: str
    outcome: str
    date: date
    receiver: str = ""
    capacity: str = ""
    place: str = ""
    refusal_reason: str = ""
    mail_kind: str = ""
    mail_number: str = ""
    organ: str = ""
    published_in: str = ""
    ruling: str = ""
    correction_reason: str = ""
    approved_by: str = ""
    note: str = ""
    witnesses: tuple[str, ...] = ()
    failed_attempts: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    video: bool = False
    consent: bool = False
    abroad: bool = False
    illegible: bool = False
    conflicting: bool = False

    @property
    def doubtful(self) -> bool:
        """Whether the date on the paper is in doubt: until a second person approves one, it makes no legal day."""
        return (self.illegible or self.conflicting) and not self.approved_by

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON, without what was not given."""
        values = {name: getattr(self, name) for name in (*_TEXTS, *LISTS, *FLAGS)}
        values["date"] = self.date.isoformat()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}


@dataclass(frozen=True)
class Circumstances:
    """What the record is judged against.

    `document_date`: the day the document bears. `sent_on`: the day (Beijing) since which there is something to
    serve, None where that is not known. `recorded_at` (with an offset) and `recorded_by`: when and by whom it
    is entered. `has_scan`: the signed proof, slip or receipt is attached. `supersedes`: it corrects an earlier record.
    `mends`: it puts right a slip of the same day of which nothing was told outside yet. `proposed`: a second person's
    approval is still to come. `scanned`: method, outcome and date came by the scanner, details follow with the scan.
    """

    instrument: Manifest
    document_date: date
    recorded_at: datetime
    recorded_by: str
    has_scan: bool
    supersedes: bool = False
    mends: bool = False
    proposed: bool = False
    scanned: bool = False
    sent_on: date | None = None


@dataclass(frozen=True)
class PaperResult:
    """A record that stands. `served_on` is the legal day, None when the attempt was no service.

    The legal day of a public notice may lie in the future. `final` is False as long as scan or slip is missing, details
    that the method demands (`lacks`, names of fields) are, or the date on the paper is in doubt.
    """

    record: PaperRecord
    served_on: date | None
    final: bool
    lacks: tuple[str, ...] = ()


class _Checker:
    """Collects the faults of one record."""

    def __init__(self) -> None:
        self.faults: list[Fault] = []

    def add(self, field: str, code: str, en: str, zh: str, rule: str = "") -> None:
        self.faults.append(Fault(f"/{field}" if field else "", code, en, zh, rule))

    def put_off(self) -> tuple[str, ...]:
        """Take the details out that are missing, and name them: they may follow."""
        names = (*DETAILS, *LISTS, *FLAGS)
        later = [fault for fault in self.faults if fault.code == "missing" and fault.pointer[1:] in names]
        self.faults = [fault for fault in self.faults if fault not in later]
        return tuple(dict.fromkeys(fault.pointer[1:] for fault in later))

    def need(self, present: object, field: str, en: str, zh: str, rule: str) -> None:
        if not present:
            self.add(field, "missing", en, zh, rule)


def check_receipt(value: Any, circumstances: Circumstances) -> PaperResult:
    """Read one record from JSON and judge it. Raises `Refused` with every fault."""
    checker = _Checker()
    record = _read(value, checker)
    if record is None:
        raise Refused(checker.faults)
    _check_dates(record, circumstances, checker)
    if record.method not in circumstances.instrument.methods:
        en = f"{circumstances.instrument.title_en} may not be served by {record.method}."
        zh = f"《{circumstances.instrument.title_zh}》不得以该方式送达。"
        checker.add("method", "method_not_allowed", en, zh, "004-79、004-80")
    _check_method(record, checker)
    lacks: tuple[str, ...] = ()
    if circumstances.scanned:
        lacks = checker.put_off()
    if checker.faults:
        raise Refused(checker.faults)
    final = circumstances.has_scan and not lacks and not record.doubtful
    return PaperResult(record, legal_day(record), final, lacks)


def lacking(entered: Mapping[str, Any], *, has_scan: bool) -> tuple[str, ...]:
    """What keeps a record that stands from being final: `scan`, details by their names, `date` when that is in doubt.

    `entered` is the record as it was stored.
    """
    checker = _Checker()
    record = _read(dict(entered), checker)
    if record is None:  # one by rules that are no longer in force
        return ()
    _check_method(record, checker)
    return (*(() if has_scan else ("scan",)), *checker.put_off(), *(("date",) if record.doubtful else ()))


def legal_day(record: PaperRecord) -> date | None:
    """The day on which a record that stands makes the document served, or None."""
    if record.outcome == "published":
        return public_notice_day(record.date, abroad=record.abroad)
    if record.outcome == "served" or (record.method == "post" and record.outcome in RULED and record.ruling):
        return record.date
    return None


def public_notice_day(published_on: date, *, abroad: bool = False) -> date:
    """The day after the period of a public notice, which starts on the day after publication (民诉法 85, 95, 283).

    The period is that of the law in force on the day of publication. Its end is not put off by a rest day: nobody has
    to act within it.
    """
    kind = _notice_kind(published_on, abroad=abroad)
    if "days" in kind:
        return published_on + timedelta(days=kind["days"] + 1)
    year, month = divmod(published_on.year * 12 + published_on.month - 1 + kind["months"], 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(published_on.day, last)) + timedelta(days=1)


@dataclass(frozen=True)
class NoticePeriod:
    """The period of a public notice and the article of the Civil Procedure Law that sets it, in both languages."""

    zh: str
    en: str
    article_zh: str
    article_en: str


def notice_period(published_on: date, *, abroad: bool = False) -> NoticePeriod:
    """The period by the law in force on the day of publication."""
    kind = _notice_kind(published_on, abroad=abroad)
    count, zh, en = (kind["days"], "日", "days") if "days" in kind else (kind["months"], "个月", "months")
    article = kind["article"]
    return NoticePeriod(f"{count}{zh}", f"{count} {en}", f"第{chinese(article)}条", f"Article {article}")


def _notice_kind(published_on: date, *, abroad: bool) -> Mapping[str, Any]:
    kinds = [kind for kind in _rules()["public_notice"] if kind["abroad"] == abroad]
    by_age = sorted(kinds, key=lambda kind: kind["since"])
    return next((kind for kind in reversed(by_age) if kind["since"] <= published_on), by_age[0])


def is_backdated(day: date, today: date) -> bool:
    """Whether a record of this day, entered today (both in Beijing), needs a second person's approval."""
    return (today - day).days > int(_rules()["backdated_after_days"])


def late_after() -> timedelta:
    """How long after paper has left the house a record of what came of it is late."""
    return timedelta(days=int(_rules()["late_after_days"]))


@cache
def _rules() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "paper.toml").read_text(encoding="utf-8"))


def _read(value: Any, checker: _Checker) -> PaperRecord | None:
    """The record with the right types, or None and faults."""
    if not isinstance(value, dict):
        checker.add("", "type", "A paper receipt must be a JSON object.", "纸质送达记录须为 JSON 对象。")
        return None
    fields: dict[str, Any] = {}
    for name, given in value.items():
        if name not in (*_TEXTS, *LISTS, *FLAGS):
            pointer = str(name).replace("~", "~0").replace("/", "~1")
            checker.add(pointer, "unknown_key", f"{name!r:.80} is not a field of a paper receipt.", "未知的字段。")
        elif given is not None:
            _read_field(name, given, fields, checker)
    for name in ("method", "outcome", "date"):
        if value.get(name) in (None, ""):
            checker.add(name, "missing", f"{name} is missing.", "缺少必填项。")
    if "method" in fields and fields["method"] not in METHODS:
        checker.add("method", "unknown_method", f"The method must be one of {', '.join(METHODS)}.", "送达方式不正确。")
    elif "outcome" in fields and fields["outcome"] not in OUTCOMES.get(fields.get("method", ""), (fields["outcome"],)):
        known = ", ".join(OUTCOMES[fields["method"]])
        checker.add("outcome", "unknown_outcome", f"The outcome must be one of {known}.", "送达结果不正确。")
    for name, choices in (("capacity", CAPACITIES), ("mail_kind", MAIL_KINDS)):
        if fields.get(name) and fields[name] not in choices:
            checker.add(name, f"unknown_{name}", f"{name} must be one of {', '.join(choices)}.", "取值不正确。")
    return None if checker.faults else PaperRecord(**fields)


def _read_field(name: str, given: Any, fields: dict[str, Any], checker: _Checker) -> None:
    if name in FLAGS:
        if isinstance(given, bool):
            fields[name] = given
        else:
            checker.add(name, "type", f"{name} must be true or false.", "须为 true 或 false。")
    elif name in LISTS:
        if isinstance(given, list) and all(isinstance(item, str) and len(item) <= _LONGEST for item in given):
            fields[name] = tuple(item.strip() for item in given if item.strip())
        else:
            checker.add(name, "type", f"{name} must be a list of texts.", "须为文本列表。")
    elif not isinstance(given, str) or len(given) > _LONGEST:
        checker.add(name, "type", f"{name} must be a text of at most {_LONGEST} characters.", "须为文本，且不得过长。")
    elif name != "date":
        fields[name] = given.strip()
    elif given:
        try:
            if len(given) != len("2026-02-12"):
                raise ValueError("shape")
            fields[name] = date.fromisoformat(given)
        except ValueError:
            checker.add(name, "not_a_date", "The date must be written as 2026-02-12.", "日期须写作 2026-02-12。")


def _check_dates(record: PaperRecord, circumstances: Circumstances, checker: _Checker) -> None:
    today = day_of(circumstances.recorded_at)
    if record.date > today:
        checker.add("date", "in_the_future", "The date lies after the day of recording.", "日期晚于登记之日。")
    if record.date < circumstances.document_date:
        checker.add("date", "before_document", "The date lies before the document's own.", "日期早于文书日期。")
    elif circumstances.sent_on is not None and record.date < circumstances.sent_on:
        en = "The date lies before the day of the document's release: nothing could be served yet."
        checker.add("date", "before_release", en, "日期早于文书签发之日：当时尚无文书可以送达。")
    backdated = is_backdated(record.date, today)
    if backdated or (circumstances.supersedes and not circumstances.mends):
        en, zh = "A correction or a backdated record needs a reason.", "更正或补录须说明理由。"
        checker.need(record.correction_reason, "correction_reason", en, zh, "")
        if not circumstances.proposed:
            en = "A correction or a backdated record needs a second person's approval."
            checker.need(record.approved_by, "approved_by", en, "更正或补录须经另一人批准。", "")
        if record.approved_by and record.approved_by == circumstances.recorded_by:
            checker.add(
                "approved_by", "same_person", "The approval must be another person's.", "批准人不得为登记人本人。"
            )


def _check_method(record: PaperRecord, checker: _Checker) -> None:
    """What the method demands of an attempt that succeeded; and the mail number of every one by post."""
    if record.method == "post":
        en, zh = "Post is registered or express mail.", "邮寄送达应当采用挂号或特快专递。"
        checker.need(record.mail_kind, "mail_kind", en, zh, "004-79")
        en, zh = "The number of the registered or express item is missing.", "缺少邮件号码。"
        checker.need(record.mail_number, "mail_number", en, zh, "004-79")
    if record.doubtful:
        en, zh = "Say what can be read on the paper.", "日期无法辨认或者前后不一致的，须在备注中说明。"
        checker.need(record.note, "note", en, zh, "民诉法 87")
    if record.servers and record.method in BY_OFFICERS and len(set(record.servers)) < 2:
        en, zh = "At least two officers serve, each by name.", "送达人不得少于两人，须分别写明姓名。"
        checker.add("servers", "too_few", en, zh, "行政处罚法 42；004-79")
    if record.ruling and not (record.method == "post" and record.outcome in RULED):
        en = "A ruling is for an outcome of post that is no service by itself."
        checker.add("ruling", "not_for_this_outcome", en, "该结果不适用认定。", "民诉法 88、004-79")
    if record.outcome not in ("served", "published"):
        return
    if record.method in ("direct", "post", "entrusted", "fax"):
        _check_receiver(record, checker)
    if record.method == "leaving":
        _check_leaving(record, checker)
    elif record.method == "entrusted":
        en, zh = "The administrative organ entrusted with service is missing.", "缺少受委托送达的行政机关。"
        checker.need(record.organ, "organ", en, zh, "004-79")
    elif record.method == "public_notice":
        en, zh = "Public notice needs the attempts that failed, by name.", "公告送达须列明此前未成功的送达方式。"
        checker.need(record.failed_attempts, "failed_attempts", en, zh, "民诉法 95")
        en, zh = "Where the notice was published is missing.", "缺少公告的刊载处。"
        checker.need(record.published_in, "published_in", en, zh, "民诉法 95")
    elif record.method == "fax":
        en, zh = "A fax needs the party's consent.", "传真送达须经当事人同意。"
        checker.need(record.consent, "consent", en, zh, "004-80")


def _check_receiver(record: PaperRecord, checker: _Checker) -> None:
    en, zh = "The name of the person who received it is missing.", "缺少接收人姓名。"
    checker.need(record.receiver, "receiver", en, zh, "民诉法 87、88；004-79")
    en, zh = "The capacity of the person who received it is missing.", "缺少接收人身份。"
    checker.need(record.capacity, "capacity", en, zh, "民诉法 88；004-79")


def _check_leaving(record: PaperRecord, checker: _Checker) -> None:
    rule = "民诉法 89"
    en, zh = "Leaving service needs the reason of the refusal.", "留置送达须记明拒收事由。"
    checker.need(record.refusal_reason, "refusal_reason", en, zh, rule)
    en, zh = "The address at which the document was left is missing.", "缺少留置地点。"
    checker.need(record.place, "place", en, zh, rule)
    if len(set(record.witnesses)) < 2 and not record.video:
        en, zh = "Leaving service needs two witnesses by name, or video.", "留置送达须有两名见证人或者拍照、录像。"
        checker.add("witnesses", "missing", en, zh, rule)
