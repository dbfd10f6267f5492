"""What goes over the wire, as the OpenAPI document describes it. Moments are RFC 3339 with an offset."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

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


class AcceptedDocument(BaseModel):
    """A document that will be issued."""

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
    profile: str = Field(description="the PAdES level that the file itself proves: B-B, B-T, B-LT")
    intact: bool
    trusted: bool
    test: bool = Field(description="true: made with a TEST key, without legal effect")
    docmdp: str | None
    coverage: str
    modification: str


class Verdict(BaseModel):
    """The verdict about the bytes that were sent. Only `valid` means that the file may be relied on."""

    verdict: Literal["valid", "invalid", "indeterminate"]
    test: bool = Field(description="true: a TEST key took part; the file has no legal effect")
    signatures: list[Signature]
    reasons: list[VerdictReason]
    sha256: Sha256 = Field(description="of the bytes that the verdict is about")


# --- health ----------------------------------------------------------------------------------------------------------


class Health(BaseModel):
    """Whether this process can do its work."""

    status: Literal["ok"]
    version: str
    test: bool = Field(description="true: a TEST system")
