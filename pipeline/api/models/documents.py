"""Jobs, documents with their deliveries and events, files of a case."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from pipeline.api.models.base import Asked, PaperStatus, Sha256
from pipeline.api.models.dates import ServiceReason


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
    scan_missing: bool = Field(description="a record of service on paper is provisional: scan or details are missing")
    sent_at: datetime | None
    accessed_at: datetime | None
    confirmed_at: datetime | None
    deemed_date: date | None
    service_status: Literal["pending", "provisional", "final"]
    service_date: date | None = Field(description="送达日期; null unless `service_status` is final")
    service_basis: Literal["confirmed", "deemed", "paper", "ruling"] | None
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


class SealMark(BaseModel):
    """The document was sealed while the key of the seal may have been in other hands (Electronic Signature Law Art 15).

    By itself that changes nothing of what the document is in law; periods may be running.
    """

    state: Literal["in_question", "genuine", "ended"] = Field(
        description="in_question: being checked; genuine: a person confirmed that the authority issued it; "
        "ended: it is revoked, or was never released"
    )
    seal: str
    key_lost_since: datetime = Field(description="the earliest moment that was reported, in real time")
    sealed_at: datetime = Field(description="by the trusted time stamp; by our own clock if there is none")
    confirmed_at: datetime | None
    confirmed_by: str | None = Field(description="the person's id")
    reason: str | None = Field(description="how it was checked, in that person's words")


class Archive(BaseModel):
    """How long the sealed file is provable. A renewal adds a time stamp behind the bytes that stand."""

    sha256: Sha256 = Field(description="of the newest file, which begins with the released one; downloads give it")
    provable_until: datetime = Field(description="it is renewed before")
    renewals: int


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
    awaiting: Literal["approval"] | None = Field(
        description="what a rendered document waits for: an approver of the seal approves its use, or gives a grant"
    )
    reason: str | None = Field(description="why it failed, was cancelled or made void")
    number: Number | None
    test: bool = Field(description="true: made with TEST keys or in a TEST system, without legal effect")
    important: bool = Field(description="served on paper as well; the paper date counts")
    pages: int | None
    sha256: Sha256 | None = Field(description="of the released PDF")
    archive: Archive | None = Field(description="null for what was not released, or bears no seal")
    created_at: datetime
    released_at: datetime | None
    links: list[Link] = Field(
        description="documents that this one ends, changes, mends or declares void, and the reverse"
    )
    seal_mark: SealMark | None = Field(description="null: no doubt was reported about the seal's key at that time")
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


class CancelRequest(Asked):
    """Why a document is not to be issued after all."""

    reason: str = Field("", max_length=500)


class VoidRequest(Asked):
    """Why a numbered document is made void (作废)."""

    reason: str = Field(min_length=1, max_length=500, pattern=r"\S")


class CaseFile(BaseModel):
    """A file that stands in a case's volume."""

    file_id: str | None = Field(description="null: the case had the same bytes already, nothing was changed")
    sha256: str
