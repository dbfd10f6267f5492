"""What a page says of a delivery: rows become words, without a database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote

import sqlalchemy as sa
from markupsafe import Markup

from delivery.beijing import BEIJING, date_en, date_zh, day_of, end_of, time_en, time_zh
from delivery.portal.wording import Words, messages
from records import affected
from templates.manifests import manifests

_UNSAFE = str.maketrans(dict.fromkeys('\\/:*?"<>|\r\n\t\0', "_"))


@dataclass(frozen=True)
class Item:
    """One delivery as pages show it. Times are written out in Beijing time, in the visitor's language.

    `sent_at` is the moment itself (`stamp`), `ends_at` the end of the day until which `left` is counted.
    """

    id: str
    document_id: str
    title_zh: str
    title_en: str
    number: str
    case_no: str
    recipient: str
    sent: str
    sent_at: str
    opened: str
    confirmed: str
    status: str
    status_code: str
    date: str
    note: str
    left: str
    ends_at: str
    urgent: bool
    warning: str
    mark: str
    mark_open: bool
    paper_status: str
    paper_code: str
    route: str


def item_of(row: sa.RowMapping, t: Words, now: datetime) -> Item:
    """One row of deliveries with its document (`records.deliveries`), as of the legal time `now`."""
    manifest = manifests()[row["instrument"]]
    day, note, days_left = _date(row, t, day_of(now))
    warned = row["document_status"] in ("revoked", "changed")
    mark = affected.state(row, row["document_status"])
    return Item(
        id=row["id"],
        document_id=row["document_id"],
        title_zh=manifest.title_zh,
        title_en=manifest.title_en,
        number=t.pick(row["number_zh"] or "", row["number_en"] or row["number_zh"] or "") or t("inbox.no_number"),
        case_no=row["case_no"],
        recipient=t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"]),
        sent=minute(row["sent_at"], t),
        sent_at=stamp(row["sent_at"]),
        opened=timed(row["accessed_at"], t),
        confirmed=timed(row["confirmed_at"], t),
        status=t(f"status.{_status(row)}"),
        status_code=row["status"],
        date=day,
        note=note,
        left="" if days_left is None else left(days_left, t),
        ends_at="" if days_left is None else end_stamp(date.fromisoformat(row["deemed_date"])),
        urgent=days_left is not None and days_left <= 1,
        warning=t(f"status.{row['document_status']}") if warned else "",
        mark=t(f"mark.{mark}") if mark else "",
        mark_open=mark == "in_question",
        paper_status=t(f"desk.{row['paper_status']}"),
        paper_code=row["paper_status"],
        route=t(f"route.{row['route'] or 'none'}"),
    )


def _status(row: sa.RowMapping) -> str:
    if row["service_basis"] == "ruling":
        return "by_ruling"
    if row["status"] == "deemed" and row["confirmed_at"] is not None:
        return "deemed_confirmed"
    if row["status"] == "pending" and row["route"] in ("paper", "internal"):
        return "paper_only"
    return str(row["status"])


def outcome_name(method: str, outcome: str, t: Words) -> str:
    """What came of an attempt; to be served is not the same thing by every method."""
    special = f"outcome.{method}_{outcome}"
    return t(special if special in messages() else f"outcome.{outcome}")


def _date(row: sa.RowMapping, t: Words, today: date) -> tuple[str, str, int | None]:
    """What stands under “delivery date”: the main words, a note, and how many days are left."""
    deemed = date.fromisoformat(row["deemed_date"]) if row["deemed_date"] else None
    if row["service_status"] == "final" and row["service_date"]:
        served = date.fromisoformat(row["service_date"])
        return t(f"date.final_{row['service_basis']}", day=written(served, t)), "", None
    if row["service_status"] == "provisional" and (row["important"] or row["route"] == "paper" or deemed is None):
        return t("date.paper_unknown"), t("date.for_information", day=written(deemed, t)) if deemed else "", None
    if row["important"] or row["route"] == "paper":
        note = t("date.for_information", day=written(deemed, t)) if deemed else ""
        return t("date.paper_counts"), note, None
    if row["confirmed_at"] is not None or (deemed and deemed < today and row["service_status"] == "pending"):
        return t("date.being_set"), "", None
    if deemed is None:
        return t("date.unknown"), "", None
    if row["service_status"] == "provisional":
        return t("date.provisional", day=written(deemed, t)), "", None
    return t("date.deadline", day=written(deemed, t)), "", (deemed - today).days


def left(days: int, t: Words) -> str:
    """How many days are left, counted from today (0)."""
    if days <= 0:
        return t("date.today")
    return t("date.tomorrow") if days == 1 else t("date.days_left", days=days)


def written(day: date, t: Words) -> str:
    """A day in the visitor's language."""
    return t.pick(date_zh(day), date_en(day))


def moment(value: datetime | None, t: Words) -> str:
    """A moment in Beijing time in the visitor's language; nothing for None."""
    return "" if value is None else t.pick(time_zh(value), time_en(value))


def minute(value: datetime | None, t: Words) -> str:
    """A moment to the minute in Beijing time, for lists; nothing for None."""
    if value is None:
        return ""
    local = value.astimezone(BEIJING)
    return t("date.minute", day=written(local.date(), t), time=f"{local:%H:%M}")


def stamp(value: datetime | None) -> str:
    """A moment for machines, in UTC (RFC 3339): what the script reads that adds the reader's own time."""
    return "" if value is None else f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def timed(value: datetime | None, t: Words, write: Callable[[datetime | None, Words], str] = moment) -> str:
    """A moment for a page, marked up as one: the script adds the reader's own time. Nothing for None."""
    if value is None:
        return ""
    return Markup('<time datetime="{}">{}</time>').format(stamp(value), write(value, t))


def end_stamp(day: date) -> str:
    """The end of a day in Beijing, for machines: its last second, which belongs to it."""
    return stamp(end_of(day) - timedelta(seconds=1))


def last_day(day: date, t: Words) -> str:
    """A day whose end ends something, for a page: marked up with that moment, for the reader's own time."""
    return Markup('<time datetime="{}">{}</time>').format(end_stamp(day), written(day, t))


def file_headers(name_zh: str, name_ascii: str, *, download: bool) -> dict[str, str]:
    """Content-Disposition with the name in Chinese and a plain one for old clients (RFC 6266, RFC 8187)."""
    kind = "attachment" if download else "inline"
    plain = name_ascii.translate(_UNSAFE).encode("ascii", "replace").decode().replace("?", "_")
    full = quote(name_zh.translate(_UNSAFE), safe="")
    return {"Content-Disposition": f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{full}"}


def file_names(row: sa.RowMapping, ending_zh: str = "", ending_en: str = "") -> tuple[str, str]:
    """The file names of a document's PDF, in Chinese and in plain letters: title and number."""
    manifest = manifests()[row["instrument"]]
    zh = " ".join(part for part in (manifest.title_zh, row["number_zh"], ending_zh) if part)
    plain = " ".join(part for part in (manifest.title_en, row["number_en"], ending_en) if part)
    return f"{zh}.pdf", f"{plain}.pdf"
