"""The desk's search and the statistics read an index; the office that is responsible for a counterparty"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    """Apply. What was sent before is found as well; offices come from what was approved at registration."""
    op.add_column("delivery", sa.Column("found_at_desk", sa.Text(), nullable=True))
    folded = "lower(replace(coalesce({0}, ''), ' ', ''))"
    names = " || ' ' || ".join(folded.format(name) for name in ("recipient_zh", "recipient_en"))
    op.execute(
        f"update delivery set found_at_desk = substr(found_by || ' ' || {names}, 1, 400) where route is not null"  # noqa: S608
    )
    dispatched, open_ = sa.text("route is not null"), sa.text("route is null")
    for name, columns, where in (
        ("found", ["authority_id", "created_at", "id", "found_at_desk"], dispatched),
        ("not_dispatched", ["authority_id", "created_at"], open_),
    ):
        op.create_index(f"ix_delivery_{name}", "delivery", columns, sqlite_where=where, postgresql_where=where)
    counted = ["authority_id", "sent_at", "instrument", "service_basis", "counterparty_id"]
    op.create_index("ix_delivery_counted", "delivery", counted)
    op.drop_index("ix_document_authority_id_case_no", "document")
    of_case = ["authority_id", "case_no", "number_zh", "number_en", "created_at", "id"]
    op.create_index("ix_document_case", "document", of_case)
    _offices()


def _offices() -> None:
    op.add_column("counterparty", sa.Column("office", sa.Text(), nullable=True))
    registration = sa.table("registration", *map(sa.column, ("id", "authority_id", "counterparty_id", "submissions")))
    decision = sa.table(
        "registration_decision", sa.column("registration_id"), sa.column("nth"), sa.column("review", sa.JSON)
    )
    counterparty = sa.table("counterparty", *map(sa.column, ("authority_id", "id", "office")))
    here = sa.and_(decision.c.registration_id == registration.c.id, decision.c.nth == registration.c.submissions)
    approved = (
        sa.select(registration.c.authority_id, registration.c.counterparty_id, decision.c.review)
        .join(decision, here)
        .where(registration.c.counterparty_id.is_not(None))
    )
    for authority_id, counterparty_id, checked in op.get_bind().execute(approved).all():
        of = (counterparty.c.authority_id == authority_id, counterparty.c.id == counterparty_id)
        op.execute(counterparty.update().where(*of).values(office=checked.get("office")))
