"""What counterparties handed in."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from pipeline.api.models.base import Sha256


class SubmissionFile(BaseModel):
    """One file."""

    position: int
    name: str = Field(description="as the sender's, with the ending that its content has")
    digest: Sha256
    media_type: Literal["application/pdf", "image/jpeg", "image/png"]
    size: int
    pages: int


class Submission(BaseModel):
    """Material that a counterparty handed in against a document."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    document_id: str
    delivery_id: str
    counterparty_id: str
    case_no: str
    kind: Literal["statement", "hearing_request", "evidence", "payment_proof", "material"]
    words: str
    person: str = Field(description="the real name of whoever handed it in")
    office: str
    submitted_at: datetime
    last_day: date | None = Field(description="the last day of the time limit, where there is a fixed one")
    late: bool
    supersedes: str | None = Field(description="the submission that this one replaces")
    superseded_by: str | None
    taken_at: datetime | None = Field(description="when a clerk took it to the file")
    files: list[SubmissionFile]


class Submissions(BaseModel):
    """A list of submissions; `more` says that newer ones follow after the last of these."""

    submissions: list[Submission]
    more: bool
