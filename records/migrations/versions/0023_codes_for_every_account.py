"""Where the code of an account went is read by an index"""

from __future__ import annotations

from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Apply."""
    op.create_index(op.f("ix_message_secret_of"), "message", ["secret_of"])
