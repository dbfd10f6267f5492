"""What is recorded of service on paper."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import BaseModel, Field

from pipeline.api.models.base import Asked, Method, PaperStatus, Sha256, date_


class PaperReceiptRequest(Asked):
    """What came of one attempt to serve on paper, with the signed proof, slip or receipt."""

    method: Method
    outcome: str = Field(description="by method, e.g. `served`, `refused`, `published`; others are named when refused")
    date: date_ | None = Field(
        None,
        description="the day of the attempt in Beijing; of a public notice, the day of publication. Null, with "
        "`illegible`, when the paper does not tell it",
    )
    receiver: str = Field("", max_length=500)
    capacity: Literal["", "party", "legal_representative", "head", "agent", "mail_clerk"] = ""
    place: str = Field("", max_length=500, description="address at which the document was left")
    refusal_reason: str = Field("", max_length=500)
    witnesses: list[str] = Field(default_factory=list)
    video: bool = False
    mail_kind: Literal["", "registered", "express"] = ""
    mail_number: str = Field("", max_length=500)
    organ: str = Field("", max_length=500, description="administrative organ entrusted with service")
    published_in: str = Field("", max_length=500)
    failed_attempts: list[str] = Field([], description="ways tried before a public notice")
    consent: bool = Field(False, description="to service by fax")
    abroad: bool = False
    ruling: str = Field("", max_length=500, description="why an outcome of post counts as service")
    servers: list[str] = Field(default_factory=list, description="who served; two at least for direct and leaving")
    illegible: bool = Field(
        False, description="the date on the paper cannot be read or is missing; then it makes no legal day"
    )
    conflicting: bool = Field(False, description="two dates are on the paper; then it makes no legal day")
    date_note: str = Field(
        "", max_length=500, description="what is wrong with the date; needed with the two above, and told the recipient"
    )
    date_source: Literal["", "paper", "mail_track", "receiver", "witness", "server", "other"] = Field(
        "", description="from where a date is known that the paper does not tell"
    )
    note: str = Field("", max_length=500)
    scan: str | None = Field(
        None,
        description="PDF, JPEG or PNG of at most 20 MiB; without it the record is not final",
        json_schema_extra={"contentEncoding": "base64"},
    )


class BarcodeRequest(Asked):
    """What came of the attempt whose barcode was scanned; details and the scan may follow."""

    code: str = Field(max_length=100, description="the twelve digits of the barcode on the proof of service")
    date: str | None = Field(
        max_length=40,
        description="the day in Beijing: `2026-11-22`, `20261122`, `today`, `yesterday`; null or `?` when the paper "
        "does not tell it",
    )
    date_note: str = Field("", max_length=500, description="what is wrong with the date; told the recipient")
    method: Method | None = Field(None, description="null: the method for which the proof was printed")
    outcome: str = Field("served", max_length=40, description="by method, as in PaperReceiptRequest")


class PaperReceipt(BaseModel):
    """A record that stands."""

    receipt_id: str
    delivery_id: str
    served_on: date | None = Field(description="the legal day; null when it was no service, or the day is in doubt")
    status: Literal["provisional", "final"] = Field(description="a provisional record makes no service date")
    final: bool = Field(description="the same as `status`")
    missing: list[str] = Field(
        description="what keeps it from being final: `scan`, details by the names of their fields, `date` when the "
        "date on the paper is in doubt"
    )
    scan_sha256: Sha256 | None
    supersedes: str | None = Field(description="the record in whose place this one stands")
    paper_status: PaperStatus


class ScannedReceipt(PaperReceipt):
    """A record that stands, with the attempt that its barcode led to."""

    attempt_id: str
    date: date_ | None
    method: Method
    outcome: str
