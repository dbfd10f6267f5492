"""Calendar feeds of deadlines"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.instants import Instant

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Apply."""
    op.add_column("delivery", sa.Column("deadlines", sa.JSON(), nullable=True))
    op.add_column("delivery", sa.Column("deadlines_until", sa.Text(), nullable=True))
    op.create_index("ix_delivery_deadlines", "delivery", ["authority_id", "deadlines_until"])
    op.create_table(
        "calendar_feed",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("counterparty_id", sa.Text(), nullable=True),
        sa.Column("case_no", sa.Text(), nullable=True),
        sa.Column("owner_type", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.CheckConstraint("scope in ('case', 'desk', 'counterparty')", name=op.f("ck_calendar_feed_scope")),
        sa.CheckConstraint("owner_type in ('client', 'person', 'account')", name=op.f("ck_calendar_feed_owner_type")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_calendar_feed_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )
    op.create_index(op.f("ix_calendar_feed_owner_id"), "calendar_feed", ["owner_id"])
