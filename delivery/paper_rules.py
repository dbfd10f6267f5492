"""The rules of a record of service on paper: what it must hold, what it lacks, what it is judged against.

Pure. Sources: 004-79 and 004-80, 民诉法 87–95. Days are days in Beijing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from delivery.beijing import day_of
from delivery.paper import (
    BY_OFFICERS,
    CAPACITIES,
    DATE_SOURCES,
    DETAILS,
    FLAGS,
    LISTS,
    MAIL_KINDS,
    OUTCOMES,
    RULED,
    SERVICE,
    TEXTS,
    PaperRecord,
    is_backdated,
    legal_day,
)
from records.errors import Fault, Refused
from templates.manifests import METHODS, Manifest

_LONGEST: Final = 500


@dataclass(frozen=True)
class Circumstances:
    """What the record is judged against.

    `document_date`: the day the document bears. `sent_on`: the day (Beijing) since which there is something to
    serve, None where that is not known. `recorded_at` (with an offset) and `recorded_by`: when and by whom it
    is entered. `has_scan`: the signed proof, slip or receipt is attached. `supersedes`: it corrects an earlier record.
    `mends`: it puts right a slip of the same day of which nothing was told outside yet. `proposed`: a second person's
    approval is still to come. `scanned`: method, outcome and date came by the scanner, details follow with the scan.
    `dateless`: the record that it corrects is of service and has no date.
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
    dateless: bool = False
    sent_on: date | None = None


@dataclass(frozen=True)
class PaperResult:
    """A record that stands. `served_on` is the legal day, None when the attempt was no service or its day is in doubt.

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


def _read(value: Any, checker: _Checker) -> PaperRecord | None:
    """The record with the right types, or None and faults."""
    if not isinstance(value, dict):
        checker.add("", "type", "A paper receipt must be a JSON object.", "纸质送达记录须为 JSON 对象。")
        return None
    fields: dict[str, Any] = {}
    for name, given in value.items():
        if name not in (*TEXTS, *LISTS, *FLAGS):
            pointer = str(name).replace("~", "~0").replace("/", "~1")
            checker.add(pointer, "unknown_key", f"{name!r:.80} is not a field of a paper receipt.", "未知的字段。")
        elif given is not None:
            _read_field(name, given, fields, checker)
    for name in ("method", "outcome"):
        if value.get(name) in (None, ""):
            checker.add(name, "missing", f"{name} is missing.", "缺少必填项。")
    _need_date(value, checker)
    if "method" in fields and fields["method"] not in METHODS:
        checker.add("method", "unknown_method", f"The method must be one of {', '.join(METHODS)}.", "送达方式不正确。")
    elif "outcome" in fields and fields["outcome"] not in OUTCOMES.get(fields.get("method", ""), (fields["outcome"],)):
        known = ", ".join(OUTCOMES[fields["method"]])
        checker.add("outcome", "unknown_outcome", f"The outcome must be one of {known}.", "送达结果不正确。")
    for name, choices in (("capacity", CAPACITIES), ("mail_kind", MAIL_KINDS), ("date_source", DATE_SOURCES)):
        if fields.get(name) and fields[name] not in choices:
            checker.add(name, f"unknown_{name}", f"{name} must be one of {', '.join(choices)}.", "取值不正确。")
    return None if checker.faults else PaperRecord(**{"date": None, **fields})


def _need_date(value: Mapping[str, Any], checker: _Checker) -> None:
    """A day, or the word that the paper does not tell it. Where a notice was published, its day can be looked up."""
    if value.get("date") not in (None, ""):
        return
    if value.get("method") == "public_notice":
        en, zh = "The day of publication is missing: it stands where the notice was published.", "缺少公告发布日期。"
        checker.add("date", "missing", en, zh, "民诉法 95")
    elif value.get("illegible") is not True:
        en = "The date is missing. If it cannot be read on the paper, say so: it is not guessed."
        checker.add("date", "missing", en, "缺少日期；纸面日期不清或者没有填写的，请注明，不得推测。", "民诉法 87")


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
    backdated = record.date is not None and _check_day(record.date, today, circumstances, checker)
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
    if circumstances.dateless and record.is_service and record.date is not None:
        en, zh = "Say from where the date is known.", "补明日期的，须说明日期来源。"
        checker.need(record.date_source, "date_source", en, zh, "民诉法 87")


def _check_day(day: date, today: date, circumstances: Circumstances, checker: _Checker) -> bool:
    """Whether the day lies so far back that a second person has to approve it; no approval helps one that cannot be."""
    faults = len(checker.faults)
    if day > today:
        checker.add("date", "in_the_future", "The date lies after the day of recording.", "日期晚于登记之日。")
    if day < circumstances.document_date:
        checker.add("date", "before_document", "The date lies before the document's own.", "日期早于文书日期。")
    elif circumstances.sent_on is not None and day < circumstances.sent_on:
        en = "The date lies before the day of the document's release: nothing could be served yet."
        checker.add("date", "before_release", en, "日期早于文书签发之日：当时尚无文书可以送达。")
    return len(checker.faults) == faults and is_backdated(day, today)


def _check_method(record: PaperRecord, checker: _Checker) -> None:
    """What the method demands of an attempt that succeeded; and the mail number of every one by post."""
    if record.method == "post":
        en, zh = "Post is registered or express mail.", "邮寄送达应当采用挂号或特快专递。"
        checker.need(record.mail_kind, "mail_kind", en, zh, "004-79")
        en, zh = "The number of the registered or express item is missing.", "缺少邮件号码。"
        checker.need(record.mail_number, "mail_number", en, zh, "004-79")
    if record.illegible or record.conflicting:
        en, zh = "Say what can be read on the paper.", "日期不清、缺失或者前后不一致的，须说明情况。"
        checker.need(record.date_note or record.note or record.approved_by, "date_note", en, zh, "民诉法 87")
    if record.servers and record.method in BY_OFFICERS and len(set(record.servers)) < 2:
        en, zh = "At least two officers serve, each by name.", "送达人不得少于两人，须分别写明姓名。"
        checker.add("servers", "too_few", en, zh, "行政处罚法 42；004-79")
    if record.ruling and not (record.method == "post" and record.outcome in RULED):
        en = "A ruling is for an outcome of post that is no service by itself."
        checker.add("ruling", "not_for_this_outcome", en, "该结果不适用认定。", "民诉法 88、004-79")
    if record.outcome not in SERVICE:
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
