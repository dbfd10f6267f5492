"""The law that a document was checked against"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Apply."""
    op.add_column("document", sa.Column("preflight", sa.JSON(), nullable=True))
