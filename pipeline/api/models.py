"""What goes over the wire, as the OpenAPI document describes it. Moments are RFC 3339 with an offset."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from delivery.deadline_rules import limit_book
from templates.manifests import manifests

date_ = date  # a field may be called date
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
PaperStatus = Literal["none", "to_print", "sent", "served", "returned"]
Method = Literal["direct", "post", "leaving", "entrusted", "public_notice", "fax"]


class _Asked(BaseModel):
    """Something that is sent to Songda: names that are not listed are refused."""

    model_config = ConfigDict(extra="forbid")


class Fault(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str = Field(description="JSON pointer (RFC 6901) into the body that was sent; empty for the whole of it")
    code: str = Field(description="stable and machine readable")
    message_en: str
    message_zh: str = ""
    rule: str = Field("", description="the article or standard that is broken")


class Problem(BaseModel):
    """Problem details (RFC 9457)."""

    type: str
    title: str
    title_zh: str
    status: int
    detail: str
    faults: list[Fault] = Field(description="every fault at once")
    faults_total: int | None = Field(None, description="given when there are more faults than are listed")


# --- jobs ------------------------------------------------------------------------------------------------------------


class LawWarning(BaseModel):
    """A rule of law that a person should look at; the document is made all the same (docs/preflight.md)."""

    pointer: str = Field(description="JSON pointer into the job that was sent")
    rule: str = Field(description="identifier of the rule; stable")
    version: str
    citation: str
    text_zh: str
    text_en: str


class Preflight(BaseModel):
    """The law that a document was checked against when it was accepted."""

    rule_set: str = Field(description="by authority and by the document's own day")
    warnings: list[LawWarning]


class AcceptedDocument(Preflight):
    """A document that will be issued, and the law that it was checked against."""

    id: str
    instrument: str


class Accepted(BaseModel):
    """The job was taken: it is stored, and its steps run."""

    job_id: str
    documents: list[AcceptedDocument]


class Job(BaseModel):
    """A job and where its documents stand."""

    job_id: str
    case_no: str
    created_at: datetime
    documents: list[Document]


# --- documents and deliveries ----------------------------------------------------------------------------------------

DocumentStatus = Literal[
    "accepted",
    "numbered",
    "rendered",
    "sealed",
    "released",
    "failed",
    "cancelled",
    "void",
    "revoked",
    "changed",
]


class Number(BaseModel):
    """A document number (文号); a void one (作废) is kept and never given again."""

    zh: str
    en: str
    void: bool


class Delivery(BaseModel):
    """One document on its way to one recipient."""

    id: str
    counterparty: str | None
    recipient_zh: str
    recipient_en: str
    route: Literal["inbox", "paper", "internal"] | None = Field(description="null until dispatch")
    route_reasons: list[ServiceReason] = Field(description="why this route was taken")
    status: Literal["pending", "available", "accessed", "confirmed", "deemed"]
    paper_required: bool
    paper_status: PaperStatus
    sent_at: datetime | None
    accessed_at: datetime | None
    confirmed_at: datetime | None
    deemed_date: date | None
    service_status: Literal["pending", "provisional", "final"]
    service_date: date | None = Field(description="送达日期; null unless `service_status` is final")
    service_basis: Literal["confirmed", "deemed", "paper"] | None
    service_reasons: list[ServiceReason] = Field(description="the derivation, as it was decided last")


class Link(BaseModel):
    """What another document does to this one, or this one to another."""

    relation: Literal["ends", "changes", "mends", "declares", "ended_by", "changed_by", "mended_by", "declared_by"] = (
        Field(description="ends: 撤销, changes: 变更, mends: 补正, declares: 声明作废; of this document to the other")
    )
    document: str = Field(description="the other document")
    number: Number | None = Field(description="of the other document")
    released: bool = Field(description="whether the document that acts is released")
    state: Literal["pending", "in_effect"]
    effective_on: date | None = Field(description="the day on which it took effect: that of its service (004-79)")


class Document(BaseModel):
    """An issued instrument, or one that is being made."""

    id: str
    job_id: str
    case_no: str
    instrument: str
    title_zh: str
    title_en: str
    template_version: str
    status: DocumentStatus
    reason: str | None = Field(description="why it failed, was cancelled or made void")
    number: Number | None
    test: bool = Field(description="true: made with TEST keys or in a TEST system, without legal effect")
    important: bool = Field(description="served on paper as well; the paper date counts")
    pages: int | None
    sha256: Sha256 | None = Field(description="of the released PDF")
    created_at: datetime
    released_at: datetime | None
    links: list[Link] = Field(
        description="documents that this one ends, changes, mends or declares void, and the reverse"
    )
    preflight: Preflight | None = Field(description="null for one that was accepted before there were such rules")
    deliveries: list[Delivery]


class Event(BaseModel):
    """One entry of the document's chain in the ledger."""

    seq: int
    key: str
    kind: str
    subject: str
    actor: str
    happened_at: datetime = Field(description="by the legal clock")
    recorded_at: datetime = Field(description="by the database's clock")
    legal_date: date | None
    body: dict[str, Any]
    hash: Sha256


class Events(BaseModel):
    """All events of a document, oldest first."""

    events: list[Event]


class CancelRequest(_Asked):
    """Why a document is not to be issued after all."""

    reason: str = Field("", max_length=500)


class VoidRequest(_Asked):
    """Why a numbered document is made void (作废)."""

    reason: str = Field(min_length=1, max_length=500, pattern=r"\S")


# --- numbers ---------------------------------------------------------------------------------------------------------


class Series(BaseModel):
    """A series of numbers (文号)."""

    kind: str
    year: int
    supplied: bool = Field(description="true: its numbers came from case systems, in the order of `ordinal`")
    pattern_zh: str
    pattern_en: str
    first: int
    next: int
    given: int = Field(description="how many numbers it gave, void ones included")
    void: int = Field(description="how many of these are 作废")


class AllSeries(BaseModel):
    """The authority's series."""

    series: list[Series]


class RegisteredNumber(BaseModel):
    """A number that was given; a void one (作废) is never given again."""

    ordinal: int
    number: Number
    document: str | None = Field(description="null: the document is another case system's")
    document_status: DocumentStatus
    reason: str | None = Field(description="why it is void")
    voided_by: str | None
    voided_at: datetime | None


class Gap(BaseModel):
    """Ordinals that the series did not give."""

    first: int
    last: int
    state: Literal["elsewhere", "supplied", "missing"] = Field(
        description="elsewhere: a person moved the series forward; supplied: a case system brought a number that reads "
        "the same; missing: no record explains it, the database was tampered with or restored"
    )
    reason: str | None
    by: str | None


class Register(BaseModel):
    """Numbers of one series in order, and every gap of the whole series."""

    numbers: list[RegisteredNumber]
    gaps: list[Gap]
    after: int | None = Field(description="ask again with this to get the following numbers; null at the end")


# --- service on paper ------------------------------------------------------------------------------------------------


class PaperReceiptRequest(_Asked):
    """What came of one attempt to serve on paper, with the signed proof, slip or receipt."""

    method: Method
    outcome: str = Field(description="by method, e.g. `served`, `refused`, `published`; others are named when refused")
    date: date_ = Field(description="the day of the attempt in Beijing; of a public notice, the day of publication")
    receiver: str = Field("", max_length=500)
    capacity: Literal["", "party", "legal_representative", "head", "agent", "mail_clerk"] = ""
    place: str = Field("", max_length=500, description="address at which the document was left")
    refusal_reason: str = Field("", max_length=500)
    witnesses: list[str] = []
    video: bool = False
    mail_kind: Literal["", "registered", "express"] = ""
    mail_number: str = Field("", max_length=500)
    organ: str = Field("", max_length=500, description="administrative organ entrusted with service")
    published_in: str = Field("", max_length=500)
    failed_attempts: list[str] = Field([], description="ways tried before a public notice")
    consent: bool = Field(False, description="to service by fax")
    abroad: bool = False
    ruling: str = Field("", max_length=500, description="why an outcome of post counts as service")
    note: str = Field("", max_length=500)
    scan: str | None = Field(
        None,
        description="PDF, JPEG or PNG of at most 20 MiB; without it the record is not final",
        json_schema_extra={"contentEncoding": "base64"},
    )


class PaperReceipt(BaseModel):
    """A record that stands."""

    receipt_id: str
    delivery_id: str
    served_on: date | None = Field(description="the legal day; null when the attempt was no service")
    final: bool = Field(description="false: the scan is missing")
    paper_status: PaperStatus


# --- service dates ---------------------------------------------------------------------------------------------------


class PaperAttempt(_Asked):
    """One attempt to serve on paper."""

    method: Method
    served_on: date | None = Field(description="the legal day in Beijing; null for an attempt that failed")
    consent: bool | None = Field(None, description="the party agreed to service by fax")


class ServiceDateRequest(_Asked):
    """The facts on which a service date rests."""

    instrument: str = Field(json_schema_extra={"enum": list(manifests())})
    sent_at: datetime
    confirmed_at: datetime | None = None
    paper_required: bool | None = None
    paper: list[PaperAttempt] | None = None
    as_of: datetime | None = Field(None, description="the moment that the answer is for; now, if not given")
    rules: str | None = Field(None, description="identifier of a rule set; the one in force at sending, if not given")


class ServiceReason(BaseModel):
    """One step of the derivation."""

    rule: str
    citation: str
    text_zh: str
    text_en: str


class ServiceDate(BaseModel):
    """A service date with its reasons."""

    service_date: date | None
    status: Literal["final", "provisional", "pending"]
    basis: Literal["confirmed", "deemed", "paper"] | None
    deemed_date: date | None
    days: list[date] = Field(description="the working days counted, day 1 first")
    reasons: list[ServiceReason]
    calendar_version: str
    rule_version: str


# --- deadlines -------------------------------------------------------------------------------------------------------


class DeadlinesRequest(_Asked):
    """The facts on which limits rest. A day is a date in Beijing, or a time with its offset."""

    instrument: str | None = Field(None, json_schema_extra={"enum": [*manifests(), None]})
    events: dict[str, date | AwareDatetime | None] | None = Field(
        None,
        description="when what happened, by the name of the event; may be left out if an instrument is given",
        json_schema_extra={"propertyNames": {"enum": list(limit_book().events)}},
    )
    circumstances: list[str] | None = Field(
        None, json_schema_extra={"items": {"enum": list(limit_book().circumstances)}}
    )
    authority: str | None = Field(
        None, description="whose own procedure applies beside the law; the key's, if not given"
    )
    as_of: datetime | None = Field(None, description="what happened later is not looked at; now, if not given")
    rules: str | None = Field(
        None, description="identifier of a rule set; those in force when a limit begins, if not given"
    )


class Deadline(BaseModel):
    """One limit with its reasons. All days are days in Beijing."""

    id: str
    title_zh: str
    title_en: str
    who: Literal["party", "agency"] = Field(description="whose limit it is")
    kind: Literal["deadline", "wait", "before", "effect"] = Field(
        description="the last day to act; a time before which nobody may; the last day to act ahead of the event; "
        "the day on which something has come about by itself"
    )
    rules: list[str]
    citation: str
    status: Literal["fixed", "provisional", "may_have_begun", "not_begun"] = Field(
        description="`provisional`: a day of it depends on a holiday notice that is not published"
    )
    event: str = Field(description="what started it; `end:x` is the end of limit x")
    start: date | None
    last_day: date | None
    earliest: date | None = Field(description="of a wait, the first day on which one may act")
    unit: Literal["working_days", "calendar_days", "months", "years"]
    count: int
    start_counts: bool = Field(description="the day of the event is day 1")
    rolls: bool = Field(description="a last day on a day off moves to the next working day")
    days: list[date] = Field(description="the working days counted, day 1 first; empty for other units")
    may_have_begun_on: date | None = Field(description="the document was opened then, before it was served")
    may_end_on: date | None = Field(description="the last day if the limit began then")
    met_on: date | None = Field(description="the day on which it was done")
    reasons: list[ServiceReason]
    calendar_version: str
    rule_version: str


class Deadlines(BaseModel):
    """The limits that the facts touch."""

    deadlines: list[Deadline]
    calendar_version: str
    rule_version: str = Field(description="every rule set that was applied, joined by `+`")


class DeliveryDeadlines(BaseModel):
    """The limits of one delivery, as they were computed last."""

    delivery_id: str
    deadlines: list[Deadline]


class DocumentDeadlines(BaseModel):
    """The limits of a document's deliveries."""

    deliveries: list[DeliveryDeadlines]


class FeedRequest(_Asked):
    """Whose deadlines a calendar is to show."""

    case_no: str = Field(min_length=1, max_length=80, pattern=r"^[^\x00-\x1f\x7f]+$")


class Feed(BaseModel):
    """A calendar feed that is in force."""

    id: str
    case_no: str
    created_at: datetime


class FeedMade(Feed):
    """A calendar feed with its address, which is shown once."""

    url: str = Field(
        description="for calendar programs (RFC 5545); whoever knows it reads the feed until it is revoked"
    )


class Feeds(BaseModel):
    """Calendar feeds."""

    feeds: list[Feed]


# --- verification ----------------------------------------------------------------------------------------------------


class VerdictReason(BaseModel):
    """One thing that was found out about the file."""

    code: str
    text_en: str
    text_zh: str


class Signature(BaseModel):
    """One signature in the file. `signed_at` is the signer's own word, `timestamp` the authority's."""

    field: str
    signer: str
    serial: str
    signed_at: datetime | None
    timestamp: datetime | None
    timestamp_authority: str | None
    profile: str = Field(description="the PAdES level that the file itself proves: B-B, B-T, B-LT, B-LTA")
    intact: bool
    trusted: bool
    test: bool = Field(description="true: made with a TEST key, without legal effect")
    docmdp: str | None
    coverage: str
    modification: str


class ArchiveStamp(BaseModel):
    """A document time stamp that keeps the file provable. `until`: the first certificate of its authority ends."""

    field: str
    timestamp: datetime
    timestamp_authority: str
    until: datetime


class Verdict(BaseModel):
    """The verdict about the bytes that were sent. Only `valid` means that the file may be relied on."""

    verdict: Literal["valid", "invalid", "indeterminate"]
    test: bool = Field(description="true: a TEST key took part; the file has no legal effect")
    signatures: list[Signature]
    archive: list[ArchiveStamp] = Field(description="oldest first")
    provable_until: datetime | None = Field(description="the end of the newest time stamp: renew before")
    reasons: list[VerdictReason]
    sha256: Sha256 = Field(description="of the bytes that the verdict is about")


# --- health ----------------------------------------------------------------------------------------------------------


class CaseFile(BaseModel):
    """A file that stands in a case's volume."""

    file_id: str | None = Field(description="null: the case had the same bytes already, nothing was changed")
    sha256: str


class Health(BaseModel):
    """Whether this process can do its work."""

    status: Literal["ok"]
    version: str
    test: bool = Field(description="true: a TEST system")
