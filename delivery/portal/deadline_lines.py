"""The limits of a document, as its page tells them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa

from delivery.beijing import day_of
from delivery.deadline_rules import limit_book
from delivery.deadlines import Limit, event_name, reasons_of
from delivery.kept_deadlines import KeptLimit, kept
from delivery.portal.views import end_stamp, left, written
from delivery.portal.wording import Words

#: From so many days before its last day on, a limit is shown as urgent.
_URGENT_DAYS = 3


@dataclass(frozen=True)
class LimitLine:
    """One limit: `text` tells its day, `note` what else there is to know, `left` how long it still runs.

    `ends_at` is when its last day ends. `who` says whose limit it is, where not all of them are the reader's own.
    """

    title: str
    who: str
    status: str
    status_code: str
    text: str
    note: str
    left: str
    ends_at: str
    urgent: bool
    reasons: list[dict[str, str]]
    versions: str


def limit_lines(row: sa.RowMapping, t: Words, now: datetime, *, for_party: bool) -> list[LimitLine]:
    """The limits of a delivery as of the legal time `now`, the one that ends first at the head.

    A party is shown its own limits that have begun or may have: no page of a party ever says that none is running.
    """
    if row["document_status"] in ("revoked", "changed"):
        return []
    limits = sorted(
        (each.limit for each in _shown(row, for_party=for_party)), key=lambda limit: limit.last_day or date.max
    )
    return [_line(limit, t, day_of(now), for_party=for_party) for limit in limits]


def _shown(row: sa.RowMapping, *, for_party: bool) -> Iterator[KeptLimit]:
    for each in kept(row):
        hidden = for_party and (each.limit.rule.who != "party" or each.limit.status == "not_begun")
        if not each.cancelled and not hidden:
            yield each


def _line(limit: Limit, t: Words, today: date, *, for_party: bool) -> LimitLine:
    last, runs = limit.last_day, limit.met_on is None and limit.rule.kind != "effect"
    days = (last - today).days if last is not None else None
    note = ""
    if limit.status == "may_have_begun" and limit.known_on is not None:
        note = t("deadline.opened", day=written(limit.known_on, t))
    elif limit.known_on is not None and limit.known is not None:
        note = t("deadline.earlier", known=written(limit.known_on, t), day=written(limit.known.last_day, t))
    ended = days is not None and days < 0 and limit.status != "may_have_begun"
    code = _done(limit) or ("over" if ended else limit.status)
    return LimitLine(
        title=t.pick(limit.rule.title_zh, limit.rule.title_en),
        who="" if for_party else t(f"deadline.{limit.rule.who}"),
        status=t(f"deadline.{code}"),
        status_code=code,
        text=_text(limit, t),
        note=note,
        left=left(days, t) if days is not None and days >= 0 and runs else "",
        ends_at=end_stamp(last) if last is not None else "",
        urgent=days is not None and days <= _URGENT_DAYS,
        reasons=[
            {"text": t.pick(reason.text_zh, reason.text_en), "citation": reason.citation}
            for reason in reasons_of(limit, limit_book())
        ],
        versions=t("service.versions", calendar=limit.calendar_version, rules=limit.rule.set),
    )


def _done(limit: Limit) -> str:
    """Whether what the limit is for was done, and only after its last day; "" while it was not."""
    if limit.met_on is None:
        return ""
    late = limit.last_day is not None and limit.met_on > limit.last_day and limit.rule.kind in ("deadline", "before")
    return "met_late" if late else "met"


def _text(limit: Limit, t: Words) -> str:
    if limit.last_day is None:
        zh, en = event_name(limit_book(), limit.rule.start[0])
        return t("deadline.starts", event=t.pick(zh, en))
    if limit.status == "may_have_begun":
        return t("deadline.day_may", day=written(limit.last_day, t))
    if limit.earliest is not None:
        return t("deadline.day_wait", day=written(limit.last_day, t), earliest=written(limit.earliest, t))
    return t(f"deadline.day_{limit.rule.kind}", day=written(limit.last_day, t))
