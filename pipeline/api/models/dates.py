"""Service dates and deadlines, and the calendar feeds of deadlines."""

from __future__ import annotations

from datetime import date, datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, Field

from delivery.deadline_rules import limit_book
from pipeline.api.models.base import Asked, Method
from templates.manifests import manifests


class PaperAttempt(Asked):
    """One attempt to serve on paper."""

    method: Method
    served_on: date | None = Field(
        description="the legal day in Beijing; null for an attempt that failed, or whose date is unknown"
    )
    consent: bool | None = Field(None, description="the party agreed to service by fax")
    date_unknown: bool | None = Field(None, description="it succeeded, on a day that the paper does not tell")
    date_note: str | None = Field(None, max_length=500, description="what is wrong with the date")


class ServiceDateRequest(Asked):
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
    basis: Literal["confirmed", "deemed", "paper", "ruling"] | None
    deemed_date: date | None
    days: list[date] = Field(description="the working days counted, day 1 first")
    reasons: list[ServiceReason]
    calendar_version: str
    rule_version: str


class DeadlinesRequest(Asked):
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


class FeedRequest(Asked):
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
