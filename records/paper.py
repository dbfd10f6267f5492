"""The paper track of a delivery, as a clerk works on it: found, locked, counted."""

from __future__ import annotations

import sqlalchemy as sa

from records import ledger
from records.tables import artifact, delivery, paper_receipt


def lock(connection: sa.Connection, delivery_id: str, authority_id: str) -> sa.RowMapping | None:
    """The delivery's row of this authority, held until the transaction ends: one clerk at a time. None: not there."""
    query = sa.select(delivery).where(delivery.c.id == delivery_id, delivery.c.authority_id == authority_id)
    row = connection.execute(query).mappings().first()
    if row is not None:
        ledger.lock(connection, row["document_id"])
        row = connection.execute(query.with_for_update()).mappings().first()
    return row


def all_receipts(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """Every record of the delivery, superseded ones too, oldest first."""
    query = sa.select(paper_receipt).where(paper_receipt.c.delivery_id == delivery_id)
    return list(connection.execute(query.order_by(paper_receipt.c.recorded_at, paper_receipt.c.id)).mappings())


def receipt(connection: sa.Connection, receipt_id: str, delivery_id: str) -> sa.RowMapping | None:
    """One record of the delivery, or None."""
    query = sa.select(paper_receipt).where(paper_receipt.c.id == receipt_id, paper_receipt.c.delivery_id == delivery_id)
    return connection.execute(query).mappings().first()


def find_receipt(connection: sa.Connection, receipt_id: str, authority_id: str) -> sa.RowMapping | None:
    """One record of the authority, or None."""
    query = sa.select(paper_receipt).join(delivery, delivery.c.id == paper_receipt.c.delivery_id)
    query = query.where(paper_receipt.c.id == receipt_id, delivery.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def counts(connection: sa.Connection, authority_id: str) -> dict[str, int]:
    """How many deliveries of the authority stand in each state of the paper track."""
    query = (
        sa.select(delivery.c.paper_status, sa.func.count().label("deliveries"))
        .where(delivery.c.authority_id == authority_id)
        .group_by(delivery.c.paper_status)
    )
    return {row.paper_status: row.deliveries for row in connection.execute(query)}


def scan(connection: sa.Connection, digest: str) -> sa.RowMapping | None:
    """The stored file of this name, or None."""
    return connection.execute(sa.select(artifact).where(artifact.c.digest == digest)).mappings().first()
