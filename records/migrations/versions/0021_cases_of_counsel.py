"""A power of attorney may name cases: nothing else is there for the account of that counsel"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Apply. What was approved before was for everything, and stays so."""
    for table in ("account", "counsel"):
        op.add_column(table, sa.Column("cases", sa.JSON(), nullable=True))
