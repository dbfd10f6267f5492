"""Case files that are added to a volume; sealed volumes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "case_file",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("case_no", sa.Text(), nullable=False),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("title_zh", sa.Text(), nullable=False),
        sa.Column("title_en", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.Column("added_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_case_file_authority_id")),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_case_file_client_id")),
        sa.ForeignKeyConstraint(["digest"], ["artifact.digest"], name=op.f("fk_case_file_digest")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_file")),
        sa.UniqueConstraint("authority_id", "case_no", "digest", name=op.f("uq_case_file_authority_id_case_no_digest")),
    )
    op.create_index("ix_case_file_case", "case_file", ["authority_id", "case_no"])
    op.create_table(
        "volume",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=True),
        sa.Column("case_no", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("archival", sa.Boolean(), nullable=False),
        sa.Column("seal_id", sa.Text(), nullable=False),
        sa.Column("approval", sa.JSON(), nullable=False),
        sa.Column("made_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_volume_authority_id")),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_volume_client_id")),
        sa.ForeignKeyConstraint(["digest"], ["artifact.digest"], name=op.f("fk_volume_digest")),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_volume_seal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_volume")),
    )
    op.create_index("ix_volume_case", "volume", ["authority_id", "case_no"])
    for table in ("case_file", "volume"):
        refuse_changes(table)
