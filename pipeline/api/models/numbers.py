"""Number series and their registers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from pipeline.api.models.documents import DocumentStatus, Number


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
