"""Verdicts on files, and the state of the process."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, Field

from pipeline.api.models.base import Sha256


class VerdictReason(BaseModel):
    """One thing that was found out about the file."""

    code: str
    text_en: str
    text_zh: str


VerdictWord = Literal["valid", "invalid", "indeterminate"]


class TrustedRoot(BaseModel):
    """The root certificate to which a signature was led, and where the trust list has it from."""

    name: str
    sha256: Sha256 = Field(description="fingerprint of the certificate")
    source: str
    obtained: str = Field(description="the day, YYYY-MM-DD")
    test: bool


class ListOfRoots(BaseModel):
    """The trust list that was used."""

    source: str
    dated: str = Field(description="the day, YYYY-MM-DD")
    roots: int = Field(description="how many of its roots count here")


class ArchivalClaim(BaseModel):
    """What the file says of itself as an archival one (PDF/A). Information, not validated, and no ground of trust."""

    part: int
    conformance: str
    kept: bool = Field(description="false: a revision after the first signature broke what the claim requires")
    notes: list[VerdictReason]


class Release(BaseModel):
    """Whether this system released exactly these bytes, or renewed them; nothing else is said about the document."""

    known: bool
    released_on: date | None = Field(description="the day in Beijing")
    state: Literal["unchanged", "revoked", "changed", "mended"] | None
    since: date | None = Field(description="the legal day since when a later instrument has its effect")
    seal: Literal["in_question", "genuine", "ended"] | None = Field(
        description="sealed while the key may have been in other hands: being checked, confirmed as genuine, ended"
    )
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
    root: TrustedRoot | None = Field(description="null: no trusted root was reached")
    verdict: VerdictWord = Field(description="about this signature alone")
    reasons: list[VerdictReason]


class ArchiveStamp(BaseModel):
    """A document time stamp that keeps the file provable. `until`: the first certificate of its authority ends."""

    field: str
    timestamp: datetime
    timestamp_authority: str
    until: datetime
    root: TrustedRoot | None
    verdict: VerdictWord = Field(description="about this time stamp alone")
    reasons: list[VerdictReason]


class Verdict(BaseModel):
    """The verdict about the bytes that were sent. Only `valid` means that the file may be relied on."""

    verdict: VerdictWord
    test: bool = Field(description="true: a TEST key took part; the file has no legal effect")
    signatures: list[Signature]
    archive: list[ArchiveStamp] = Field(description="oldest first")
    provable_until: datetime | None = Field(description="the end of the newest time stamp: renew before")
    reasons: list[VerdictReason]
    unchecked: list[VerdictReason] = Field(description="what could not be looked at from the file and the trust list")
    trust_list: ListOfRoots
    pdfa: ArchivalClaim | None
    released: Release
    sha256: Sha256 = Field(description="of the bytes that the verdict is about")


class Health(BaseModel):
    """Whether this process can do its work."""

    status: Literal["ok"]
    version: str
    test: bool = Field(description="true: a TEST system")
