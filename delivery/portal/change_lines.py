"""Changes of a counterparty's entries in words: what, by whom, when, and what becomes of it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from delivery.portal.office_choices import office_name
from delivery.portal.views import minute, timed
from delivery.portal.wording import Words
from records.changes import OPEN


def change_line(row: sa.RowMapping, t: Words) -> dict[str, Any]:
    """One change, as both sides see it."""
    effective = timed(row["effective_at"], t, minute)
    state = t("change.delayed", time=effective) if row["state"] == "delayed" else t(f"change.{row['state']}")
    reason = row["reason"] or ""
    return {
        "id": row["id"],
        "counterparty_id": row["counterparty_id"],
        "counterparty": t.pick(row["name_zh"], row["name_en"]),
        "what": t(f"change.{row['kind']}"),
        "details": _details(row, t),
        "by": row["asker"] or t("change.by_authority"),
        "time": timed(row["asked_at"], t),
        "state": state,
        "code": row["state"],
        "open": row["state"] in OPEN,
        "flagged": row["flagged"],
        "kind": row["kind"],
        "moved": row["kind"] == "entity" and any(name.startswith("address") for name in row["after"] or ()),
        "office": row["office"] or "",
        "reason": t("change.too_few") if reason == "too_few" else reason,
    }


def _details(row: sa.RowMapping, t: Words) -> list[str]:
    """What was changed from what to what; contacts' data is not repeated here."""
    before, after = row["before"] or {}, row["after"] or {}
    if row["kind"] == "entity":
        return [
            t(
                "change.from_to",
                field=t(f"entry.{name}"),
                before=_said(name, before[name], t),
                after=_said(name, value, t),
            )
            for name, value in after.items()
        ]
    if row["kind"] in ("account_asked", "account_stopped"):
        named = after or before
        return [f"{named['login']} · {named['department']}"]
    if row["kind"] == "access":
        return [t(f"change.access_{after['what']}", login=after["login"])]
    if row["kind"] == "contact_changed":
        return [t(f"entry.{name}") for name in after]
    return []


def _said(name: str, value: Any, t: Words) -> str:
    return office_name(value, t) if name == "office" else str(value)
