"""Holiday notices are imported by two persons"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Apply. Notices that one person imported before keep counting: who imported them stands as who approved."""
    op.execute("alter table calendar_notice rename column imported_by to proposed_by")
    op.execute("alter table calendar_notice rename column imported_at to proposed_at")
    op.create_table(
        "calendar_approval",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["year", "edition"],
            ["calendar_notice.year", "calendar_notice.edition"],
            name=op.f("fk_calendar_approval_year_edition"),
        ),
        sa.PrimaryKeyConstraint("year", "edition", name=op.f("pk_calendar_approval")),
    )
    op.execute(
        "insert into calendar_approval (year, edition, approved_by, approved_at) "
        "select year, edition, proposed_by, proposed_at from calendar_notice"
    )
    refuse_changes("calendar_approval")
