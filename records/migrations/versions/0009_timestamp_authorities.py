"""How the time stamp authorities answer"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.instants import Instant

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "timestamp_authority",
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("answers", sa.BigInteger(), nullable=False),
        sa.Column("failures", sa.BigInteger(), nullable=False),
        sa.Column("mean_ms", sa.Float(), nullable=True),
        sa.Column("failing_since", Instant(), nullable=True),
        sa.Column("failed_at", Instant(), nullable=True),
        sa.Column("failure", sa.Text(), nullable=False),
        sa.Column("reported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("url", "host", name=op.f("pk_timestamp_authority")),
    )
