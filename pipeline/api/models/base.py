"""What all bodies share: problems, and what is sent to Songda."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

date_ = date  # a field may be called date
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
PaperStatus = Literal["none", "to_print", "sent", "served", "returned"]
Method = Literal["direct", "post", "leaving", "entrusted", "public_notice", "fax"]


class Asked(BaseModel):
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
