"""What SMS gateways report."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SmsReport(BaseModel):
    """What came of one SMS; other members are let be."""

    model_config = ConfigDict(extra="allow")

    out_id: str = Field(description="the id under which we handed the message over")
    success: bool
    err_code: str = Field("", description="the operator's code")


class SmsReportsTaken(BaseModel):
    """The answer that Alibaba Cloud expects; without it the reports come again."""

    code: Literal[0] = 0
    msg: Literal["接收成功"] = "接收成功"
