"""Where the code of an account went is read by an index; where outside counsel is reached with one"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Apply. Nobody knows where counsel of earlier requests is reached."""
    op.create_index(op.f("ix_message_secret_of"), "message", ["secret_of"])
    for name in ("email", "mobile"):
        op.add_column("counsel", sa.Column(name, sa.Text(), nullable=True))
