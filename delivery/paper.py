"""The record of one attempt to serve on paper, and which day it makes the legal one; `delivery.paper_rules` judges it.

Pure. Sources: 004-79 and 004-80, 民诉法 87–95. Days are days in Beijing.
"""

from __future__ import annotations

import calendar
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Final

from templates.numerals import chinese

#: Who may receive (民诉法 88, 004-79): the party itself, or for a unit one of the others.
CAPACITIES: Final = ("party", "legal_representative", "head", "agent", "mail_clerk")

#: What can come of an attempt, by method. `served` (for a public notice `published`) is the one that makes a date.
OUTCOMES: Final[Mapping[str, tuple[str, ...]]] = {
    "direct": ("served", "refused", "absent", "signed_by_other", "address_unknown"),
    "leaving": ("served", "no_witness", "address_unknown"),
    "post": ("served", "refused", "unclaimed", "locker", "signed_by_guard", "signed_by_other", "returned", "lost"),
    "entrusted": ("served", "refused", "absent", "returned"),
    "public_notice": ("published",),
    "fax": ("served", "no_answer"),
}

#: Outcomes of post that are no service until a clerk rules, with reasons, that they are.
RULED: Final = frozenset({"refused", "unclaimed", "locker", "signed_by_guard", "signed_by_other"})

MAIL_KINDS: Final = ("registered", "express")

#: What a record may say beside method, outcome and date: texts, lists of texts, and yes or no.
DETAILS: Final = (
    "receiver",
    "capacity",
    "place",
    "refusal_reason",
    "mail_kind",
    "mail_number",
    "organ",
    "published_in",
    "ruling",
    "note",
    "date_note",
    "date_source",
)
LISTS: Final = ("witnesses", "failed_attempts", "servers")
FLAGS: Final = ("video", "consent", "abroad", "illegible", "conflicting")

#: By these the authority's own people serve, two at least (行政处罚法 42).
BY_OFFICERS: Final = frozenset({"direct", "leaving"})

#: From where a day is known that the paper did not tell: a better look, the track of the mail, what somebody says.
DATE_SOURCES: Final = ("paper", "mail_track", "receiver", "witness", "server", "other")

#: The outcomes that are service by themselves.
SERVICE: Final = frozenset({"served", "published"})

#: Every field that is a text, the date among them.
TEXTS: Final = ("method", "outcome", "date", *DETAILS, "correction_reason", "approved_by")


@dataclass(frozen=True)
class PaperRecord:
    """What a clerk recorded of one attempt. Texts that were not given are empty.

    `date` is the day of the attempt, for a public notice the day of publication; None: the paper does not tell it, and
    nobody has supplied it. `date_note` says what is wrong with it, to the recipient too; `date_source` (one of
    DATE_SOURCES) from where it is known, when a correction supplies it. `place` is where the document was
    handed over, or the address at which it was left. `mail_kind` is `registered` or `express`. `organ` is the
    administrative organ entrusted with service. `failed_attempts` names the ways tried before a public notice.
    `ruling` says why an outcome of post that is no service by itself counts as one. `correction_reason`,
    `approved_by`: for a correction or a backdated record. `servers` are those who served. `illegible`,
    `conflicting`: the date on the paper cannot be read or is missing, or two are on it.
    """

    method: str
    outcome: str
    date: date | None
    receiver: str = ""
    capacity: str = ""
    place: str = ""
    refusal_reason: str = ""
    mail_kind: str = ""
    mail_number: str = ""
    organ: str = ""
    published_in: str = ""
    ruling: str = ""
    correction_reason: str = ""
    approved_by: str = ""
    note: str = ""
    date_note: str = ""
    date_source: str = ""
    witnesses: tuple[str, ...] = ()
    failed_attempts: tuple[str, ...] = ()
    servers: tuple[str, ...] = ()
    video: bool = False
    consent: bool = False
    abroad: bool = False
    illegible: bool = False
    conflicting: bool = False

    @classmethod
    def of(cls, entered: Mapping[str, Any]) -> PaperRecord:
        """A record as it was stored (`as_dict`), judged when it was entered."""
        values = {name: entered[name] for name in (*TEXTS, *LISTS, *FLAGS) if name in entered}
        values |= {name: tuple(values[name]) for name in LISTS if name in values}
        return cls(**{**values, "date": date.fromisoformat(entered["date"]) if entered.get("date") else None})

    @property
    def is_service(self) -> bool:
        """Whether the attempt made the document served, be its day known or not."""
        return self.outcome in SERVICE or (self.method == "post" and self.outcome in RULED and bool(self.ruling))

    @property
    def is_dateless(self) -> bool:
        """Whether this is service on a day that the paper does not tell and nobody has supplied."""
        return self.is_service and self.date is None

    @property
    def doubtful(self) -> bool:
        """Whether this is service whose day is in doubt: until a second person approves one, it makes no legal day."""
        unclear = (self.illegible or self.conflicting) and not self.approved_by
        return self.is_dateless or (self.is_service and unclear)

    def as_dict(self) -> dict[str, Any]:
        """The record as JSON, without what was not given."""
        values = {name: getattr(self, name) for name in (*TEXTS, *LISTS, *FLAGS)}
        values["date"] = self.date and self.date.isoformat()
        return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items() if value}


def legal_day(record: PaperRecord) -> date | None:
    """The day on which a record that stands makes the document served; None when it does not or the day is in doubt."""
    if record.date is None or record.doubtful or not record.is_service:
        return None
    return public_notice_day(record.date, abroad=record.abroad) if record.outcome == "published" else record.date


def public_notice_day(published_on: date, *, abroad: bool = False) -> date:
    """The day after the period of a public notice, which starts on the day after publication (民诉法 85, 95, 283).

    The period is that of the law in force on the day of publication. Its end is not put off by a rest day: nobody has
    to act within it.
    """
    kind = _notice_kind(published_on, abroad=abroad)
    if "days" in kind:
        return published_on + timedelta(days=kind["days"] + 1)
    year, month = divmod(published_on.year * 12 + published_on.month - 1 + kind["months"], 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(published_on.day, last)) + timedelta(days=1)


@dataclass(frozen=True)
class NoticePeriod:
    """The period of a public notice and the article of the Civil Procedure Law that sets it, in both languages."""

    zh: str
    en: str
    article_zh: str
    article_en: str


def notice_period(published_on: date, *, abroad: bool = False) -> NoticePeriod:
    """The period by the law in force on the day of publication."""
    kind = _notice_kind(published_on, abroad=abroad)
    count, zh, en = (kind["days"], "日", "days") if "days" in kind else (kind["months"], "个月", "months")
    article = kind["article"]
    return NoticePeriod(f"{count}{zh}", f"{count} {en}", f"第{chinese(article)}条", f"Article {article}")


def _notice_kind(published_on: date, *, abroad: bool) -> Mapping[str, Any]:
    kinds = [kind for kind in _rules()["public_notice"] if kind["abroad"] == abroad]
    by_age = sorted(kinds, key=lambda kind: kind["since"])
    return next((kind for kind in reversed(by_age) if kind["since"] <= published_on), by_age[0])


def is_backdated(day: date, today: date) -> bool:
    """Whether a record of this day, entered today (both in Beijing), needs a second person's approval."""
    return (today - day).days > backdated_after()


def backdated_after() -> int:
    """Of a day how many days ago one person may enter a record, at the most."""
    return int(_rules()["backdated_after_days"])


def late_after() -> timedelta:
    """How long after paper has left the house a record of what came of it is late."""
    return timedelta(days=int(_rules()["late_after_days"]))


@cache
def _rules() -> Mapping[str, Any]:
    return tomllib.loads((Path(__file__).parent / "paper.toml").read_text(encoding="utf-8"))
