"""The desk's lists are walked by key: their indexes hold the id as well"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"

_LISTS = (
    ("delivery", "paper", ["authority_id", "paper_status", "created_at"], None),
    ("delivery", "late", ["authority_id", "paper_since"], "paper_status = 'sent'"),
    ("delivery", "scan_missing", ["authority_id", "created_at"], "scan_missing"),
    ("delivery", "provisional", ["authority_id", "created_at"], "service_status = 'provisional'"),
    ("registration", "desk", ["authority_id", "state", "changed_at"], None),
)


def upgrade() -> None:
    """Apply."""
    for table, name, columns, condition in _LISTS:
        where = sa.text(condition) if condition else None
        op.drop_index(f"ix_{table}_{name}", table)
        named = (f"ix_{table}_{name}", table, [*columns, "id"])
        op.create_index(*named, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_change_newest", "change", ["authority_id", "asked_at", "id"])
