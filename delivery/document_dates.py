"""The day that a document bears, and that since which there is something to serve."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa

from delivery.beijing import day_of
from templates.catalogue import catalogue
from templates.conditions import values


def document_date(document: sa.RowMapping) -> date:
    """The day that a row of `document` bears, else the one on which it was asked for (Beijing)."""
    clauses = catalogue().get(document["instrument"]).clauses
    dated = values(document["facts"], clauses.dated) if clauses is not None and clauses.dated else []
    return date.fromisoformat(dated[0]) if dated else day_of(document["created_at"])


def sending_day(delivery: sa.RowMapping) -> date | None:
    """The legal day (Beijing) on which a row of `delivery` was sent out, at its document's release; None before."""
    return day_of(delivery["sent_at"]) if delivery["sent_at"] else None
