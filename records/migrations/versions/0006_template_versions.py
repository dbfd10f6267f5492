"""A template version, once used, never changes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "template_version",
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("first_used", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["artifact.digest"], name=op.f("fk_template_version_digest")),
        sa.PrimaryKeyConstraint("instrument", "version", name=op.f("pk_template_version")),
    )
    op.add_column("document", sa.Column("template_digest", sa.Text(), nullable=True))
    refuse_changes("template_version")
