"""Released bytes are found by their digest"""

from __future__ import annotations

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """An index, so that a file that was released here is found without looking at every document."""
    op.create_index("ix_document_final_digest", "document", ["final_digest"])
