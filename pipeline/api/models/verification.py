"""Verdicts on files, and the state of the process."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from pipeline.api.models.base import Sha256


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


class Health(BaseModel):
    """Whether this process can do its work."""

    status: Literal["ok"]
    version: str
    test: bool = Field(description="true: a TEST system")
