"""The seal on paper: who put the wet one on which copies, or that the printout shows the electronic one."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from records import deliveries
from records.ids import new_id
from records.ledger import append
from records.statements import insert_at, select_by
from records.tables import paper_seal

#: By hand with the wet seal, or as part of the printed file.
WAYS: Final = ("wet", "electronic")


def record(
    connection: sa.Connection,
    authority_id: str,
    delivery_id: str,
    *,
    how: str,
    copies: int,
    sealed_by: str,
    sealed_on: str,
    note: str,
    by: str,
) -> str:
    """Record how so many printed copies of a delivery carry the seal, with its event; returns the id.

    `how` is one of WAYS; `sealed_by` names the person who put the wet seal; `sealed_on` is the day, YYYY-MM-DD.
    """
    seal_id = new_id("pse")
    told = {"how": how, "copies": copies, "sealed_by": sealed_by, "sealed_on": sealed_on, "note": note}
    row = {"id": seal_id, "authority_id": authority_id, "delivery_id": delivery_id, "recorded_by": by, **told}
    connection.execute(insert_at(paper_seal, "recorded_at"), row)
    append(
        connection,
        deliveries.stream(connection, delivery_id),
        f"{delivery_id}/paper/sealed/{seal_id}",
        "paper.sealed",
        subject=delivery_id,
        actor=by,
        body=told,
    )
    return seal_id


def of_delivery(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """The records of a delivery, oldest first."""
    rows = connection.execute(select_by(paper_seal, "delivery_id"), {"delivery_id": delivery_id}).mappings()
    return sorted(rows, key=lambda row: (row["recorded_at"], row["id"]))
