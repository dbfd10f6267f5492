"""Passkeys, their challenges, and sessions that they opened"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.instants import Instant
from records.rebuilding import rebuild

revision = "0019"
down_revision = "0018"

_BEFORE = "factor in ('password', 'password+totp')"
_FACTORS = "factor in ('password', 'password+totp', 'password+passkey', 'passkey')"


def upgrade() -> None:
    """Apply."""
    op.add_column("session", sa.Column("passkey_id", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        rebuild("session", lambda made: made.replace(_BEFORE, _FACTORS))
    else:
        op.drop_constraint(op.f("ck_session_factor"), "session", type_="check")
        op.create_check_constraint(op.f("ck_session_factor"), "session", _FACTORS)
    op.create_table(
        "passkey",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "subject_type", "subject_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("credential_id", "public_key")),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("name", "person", "office")),
        sa.Column("added_at", Instant(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("doubted_at", Instant(), nullable=True),
        sa.CheckConstraint("subject_type in ('account', 'person')", name=op.f("ck_passkey_subject_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkey")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkey_credential_id")),
    )
    op.create_index("ix_passkey_subject_type_subject_id", "passkey", ["subject_type", "subject_id"])
    op.create_table(
        "passkey_challenge",
        sa.Column("asker_hash", sa.Text(), nullable=False),
        sa.Column("challenge", sa.Text(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("asker_hash", name=op.f("pk_passkey_challenge")),
    )
