"""Rows as they are shown over the wire."""

from __future__ import annotations

from typing import Final, Literal

import sqlalchemy as sa

from delivery.paper_rules import lacking
from pipeline.api.models.dates import ServiceReason
from pipeline.api.models.documents import Archive, Delivery, Document, Link, Number, SealMark
from pipeline.api.models.paper import PaperReceipt
from records import affected, archives, deliveries, links, seals
from records.database import is_test
from records.links import PASSIVE
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
    "scan_missing",
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
    "preflight",
)


def document_view(connection: sa.Connection, row: sa.RowMapping) -> Document:
    """A document with its deliveries."""
    manifest = manifests()[row["instrument"]]
    return Document(
        **{name: row[name] for name in _DOCUMENT_COLUMNS},
        title_zh=manifest.title_zh,
        title_en=manifest.title_en,
        number=_number_view(row["number_zh"], row["number_en"], row["status"]),
        test=is_test(connection) or _test_seal(connection, row["seal_id"]),
        awaiting=_awaiting(connection, row),
        sha256=row["final_digest"] if row["released_at"] else None,
        seal_mark=_seal_mark(connection, row["id"]),
        archive=_archive_view(connection, row),
        links=[_link_view(link, row["id"]) for link in links.of_documents(connection, [row["id"]])],
        deliveries=[_delivery_view(delivery) for delivery in deliveries.of_document(connection, row["id"])],
    )


def _awaiting(connection: sa.Connection, row: sa.RowMapping) -> Literal["approval"] | None:
    waits = row["status"] == "rendered" and row["sealed"] and seals.is_waiting(connection, row["id"])
    return "approval" if waits else None


def _archive_view(connection: sa.Connection, row: sa.RowMapping) -> Archive | None:
    kept = archives.find(connection, row["id"]) if row["released_at"] and row["sealed"] else None
    if kept is None:
        return None
    return Archive(sha256=kept["digest"], provable_until=kept["provable_until"], renewals=kept["renewals"])


def _number_view(zh: str | None, en: str | None, status: str) -> Number | None:
    """A document's number; that of a document that failed is void as well."""
    return None if zh is None else Number(zh=zh, en=en or zh, void=status in ("void", "failed"))


def _seal_mark(connection: sa.Connection, document_id: str) -> SealMark | None:
    row = affected.find(connection, document_id)
    state = affected.state(row, row["status"]) if row is not None else None
    if row is None or state is None:
        return None
    return SealMark(
        state=state,
        seal=row["seal_id"],
        key_lost_since=row["key_lost_since"],
        sealed_at=row["affected_sealed_at"],
        confirmed_at=row["genuine_at"],
        confirmed_by=row["genuine_by"],
        reason=row["genuine_reason"],
    )


def _link_view(row: sa.RowMapping, document_id: str) -> Link:
    acts = row["document_id"] == document_id
    other = "target" if acts else "acting"
    number = _number_view(row[f"{other}_number_zh"], row[f"{other}_number_en"], row[f"{other}_status"])
    return Link.model_validate(
        {
            "relation": row["effect"] if acts else PASSIVE[row["effect"]],
            "document": row["target_id"] if acts else row["document_id"],
            "number": number,
            "released": row["acting_released_at"] is not None,
            "state": row["state"],
            "effective_on": row["effective_on"],
        }
    )


def _test_seal(connection: sa.Connection, seal_id: str | None) -> bool:
    return seal_id is not None and bool(seals.find(connection, seal_id)["test"])


def _delivery_view(row: sa.RowMapping) -> Delivery:
    reasons = (row["service_answer"] or {}).get("reasons", [])
    return Delivery(
        **{name: row[name] for name in _DELIVERY_COLUMNS},
        counterparty=row["counterparty_id"],
        service_reasons=[ServiceReason(**reason) for reason in reasons],
    )


def receipt_view(connection: sa.Connection, row: sa.RowMapping) -> PaperReceipt:
    """A record of service on paper."""
    missing = () if row["final"] else lacking(row["record"], has_scan=row["scan_digest"] is not None)
    return PaperReceipt(
        receipt_id=row["id"],
        delivery_id=row["delivery_id"],
        served_on=row["served_on"],
        status="final" if row["final"] else "provisional",
        final=row["final"],
        missing=list(missing),
        scan_sha256=row["scan_digest"],
        supersedes=row["supersedes"],
        paper_status=deliveries.get(connection, row["delivery_id"])["paper_status"],
    )
