"""What pages of both sides say of an objection to a service date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from delivery.portal.views import moment, stamp, written
from delivery.portal.wording import Words
from templates.manifests import manifests


@dataclass(frozen=True)
class ObjectionLine:
    """One objection with its ruling, in the visitor's language; `outcome` is empty before there is one."""

    id: str
    delivery_id: str
    title: str
    party: str
    against: str
    claimed: str
    grounds: str
    who: str
    time: str
    at: str
    has_file: bool
    outcome: str
    outcome_text: str
    reasons: str
    ruled_by: str
    ruled: str
    ruled_at: str


def objection_lines(rows: Sequence[sa.RowMapping], t: Words) -> list[ObjectionLine]:
    """The rows of `records.objections`, in the same order."""
    return [_line(row, t) for row in rows]


def _line(row: sa.RowMapping, t: Words) -> ObjectionLine:
    manifest = manifests()[row["instrument"]]
    day = written(date.fromisoformat(row["served_on"]), t) if row["served_on"] else ""
    return ObjectionLine(
        id=row["id"],
        delivery_id=row["delivery_id"],
        title=t.pick(manifest.title_zh, manifest.title_en),
        party=t.pick(row["recipient_zh"], row["recipient_en"] or row["recipient_zh"]),
        against=written(date.fromisoformat(row["against"]), t),
        claimed=written(date.fromisoformat(row["claimed"]), t),
        grounds=row["grounds"],
        who=t.pick("，", ", ").join(filter(None, (row["person"], row["office"]))),
        time=moment(row["raised_at"], t),
        at=stamp(row["raised_at"]),
        has_file=row["digest"] is not None,
        outcome=row["outcome"] or "",
        outcome_text=t(f"objecting.told_{row['outcome']}", day=day) if row["outcome"] else t("objecting.waits"),
        reasons=row["reasons"] or "",
        ruled_by=row["ruled_by"] or "",
        ruled=moment(row["ruled_at"], t),
        ruled_at=stamp(row["ruled_at"]),
    )
