"""Documents that end, change or mend another; where a series began; who made a number void"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.instants import Instant

revision = "0003"
down_revision = "0002"

_ONE_AT_A_TIME = sa.text("state = 'pending' and effect in ('ends', 'changes')")


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "link",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("effective_on", sa.Text(), nullable=True),
        sa.CheckConstraint("effect in ('ends', 'changes', 'mends', 'declares')", name=op.f("ck_link_effect")),
        sa.CheckConstraint("state in ('pending', 'in_effect', 'dropped')", name=op.f("ck_link_state")),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_link_document_id")),
        sa.ForeignKeyConstraint(["target_id"], ["document.id"], name=op.f("fk_link_target_id")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_link_authority_id")),
        sa.PrimaryKeyConstraint("document_id", "target_id", name=op.f("pk_link")),
    )
    op.create_index(op.f("ix_link_target_id"), "link", ["target_id"])
    op.create_index(
        "ix_link_one_at_a_time",
        "link",
        ["target_id"],
        unique=True,
        sqlite_where=_ONE_AT_A_TIME,
        postgresql_where=_ONE_AT_A_TIME,
    )
    op.add_column("number", sa.Column("voided_by", sa.Text(), nullable=True))
    op.add_column("number", sa.Column("voided_at", Instant(), nullable=True))
    op.add_column("series", sa.Column("first", sa.Integer(), nullable=False, server_default="1"))
    op.execute(
        "update series set first = coalesce((select min(ordinal) from number where series_id = series.id), next)"
    )
