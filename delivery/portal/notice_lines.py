"""Who was told of a delivery, by what, when, and what came of it; and the addresses that do not work, in words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from delivery.portal.views import minute, timed, written
from delivery.portal.wording import Words
from records import notice_reports


def notice_lines(connection: sa.Connection, delivery_id: str, t: Words, *, at_desk: bool) -> list[dict[str, Any]]:
    """The notices of a delivery, oldest first; their addresses are for the desk only."""
    return [
        {
            "name": row["name"],
            "department": row["department"],
            "address": row["address"] if at_desk else "",
            "occasion": _occasion(row, t),
            "channel": t(f"notice.{row['channel']}"),
            "outcome": outcome(row, t),
            "bad": is_bad(row),
            "time": timed(row["sent_at"] or row["created_at"], t, minute),
        }
        for row in notice_reports.of_delivery(connection, delivery_id)
    ]


def bad_lines(rows: Sequence[sa.RowMapping], t: Words) -> list[dict[str, Any]]:
    """Addresses at which the last notice did not arrive: rows of `notice_reports.bad_addresses`."""
    return [
        {
            "counterparty": t.pick(row["name_zh"], row["name_en"]),
            "name": row["name"],
            "department": row["department"],
            "address": row["address"],
            "channel": t(f"notice.{row['channel']}"),
            "outcome": outcome(row, t),
            "time": timed(row["reported_at"] or row["created_at"], t, minute),
        }
        for row in rows
    ]


def outcome(row: sa.RowMapping, t: Words) -> str:
    """What came of one notice: what was reported last, else what our sending came to."""
    code = f" {row['report_code']}" if row["report_code"] else ""
    if row["report"]:
        return t(f"notice.reported_{row['report']}") + code
    if row["state"] == "dropped":
        return t(f"notice.why_{row['detail']}")
    return t(f"notice.{row['state']}")


def is_bad(row: sa.RowMapping) -> bool:
    """Whether the notice did not arrive."""
    return "failed" in (row["state"], row["report"])


def _occasion(row: sa.RowMapping, t: Words) -> str:
    name = t(f"notice.{row['occasion']}")
    if not row["about"]:
        return name
    day = written(date.fromisoformat(row["about"].rpartition("/")[2]), t)
    return t("notice.about", occasion=name, day=day)
