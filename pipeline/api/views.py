"""Rows as they are shown over the wire."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from pipeline.api.models import Delivery, Document, Number, ServiceReason
from records import deliveries, directory
from records.database import is_test
from templates.manifests import manifests

_DELIVERY_COLUMNS: Final = (
    "id",
    "recipient_zh",
    "recipient_en",
    "route",
    "route_reasons",
    "status",
    "paper_required",
    "paper_status",
    "sent_at",
    "accessed_at",
    "confirmed_at",
    "deemed_date",
    "service_status",
    "service_date",
    "service_basis",
)
_DOCUMENT_COLUMNS: Final = (
    "id",
    "job_id",
    "case_no",
    "instrument",
    "template_version",
    "status",
    "reason",
    "important",
    "pages",
    "created_at",
    "released_at",
)


def document_view(connection: sa.Connection, row: sa.RowMapping) -> Document:
    """A document with its deliveries."""
    manifest = manifests()[row["instrument"]]
    number = None
    if row["number_zh"] is not None:
        number = Number(zh=row["number_zh"], en=row["number_en"], void=row["status"] == "void")
    return Document(
        **{name: row[name] for name in _DOCUMENT_COLUMNS},
        title_zh=manifest.title_zh,
        title_en=manifest.title_en,
        number=number,
        test=is_test(connection) or _test_seal(connection, row["seal_id"]),
        sha256=row["final_digest"] if row["released_at"] else None,
        deliveries=[_delivery_view(delivery) for delivery in deliveries.of_document(connection, row["id"])],
    )


def _test_seal(connection: sa.Connection, seal_id: str | None) -> bool:
    return seal_id is not None and bool(directory.find_seal(connection, seal_id)["test"])


def _delivery_view(row: sa.RowMapping) -> Delivery:
    reasons = (row["service_answer"] or {}).get("reasons", [])
    return Delivery(
        **{name: row[name] for name in _DELIVERY_COLUMNS},
        counterparty=row["counterparty_id"],
        service_reasons=[ServiceReason(**reason) for reason in reasons],
    )
