"""Ending a document before its release: cancelled before it has a number, void (作废) once it has one."""

from __future__ import annotations

import sqlalchemy as sa

from records import deliveries, documents, links, series, steps
from records.ledger import append


def cancel(connection: sa.Connection, document_id: str, reason: str, by: str) -> None:
    """Cancel a document that has no number yet. Raises documents.WrongState."""
    documents.move(connection, document_id, "cancelled", actor=by, body={"reason": reason}, reason=reason or None)
    _end(connection, document_id, "cancelled", by)


def void(connection: sa.Connection, document_id: str, reason: str, by: str) -> None:
    """Make a numbered document void that was never released: its number is kept as 作废 with the reason.

    Raises documents.WrongState.
    """
    documents.move(connection, document_id, "void", actor=by, body={"reason": reason}, reason=reason)
    series.void(connection, document_id, reason, by)
    _end(connection, document_id, "void", by)


def _end(connection: sa.Connection, document_id: str, why: str, by: str) -> None:
    """Stop every step of the document and of its deliveries, which will never begin."""
    steps.stop(connection, document_id)
    links.drop(connection, document_id, f"document {why}", by)
    for delivery in deliveries.of_document(connection, document_id):
        steps.stop(connection, delivery["id"])
        append(
            connection,
            document_id,
            f"{delivery['id']}/ended",
            "delivery.ended",
            subject=delivery["id"],
            actor=by,
            body={"why": f"document {why}"},
        )
