"""People have roles; a password that others know is changed first"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.instants import Instant
from records.rebuilding import drop_checked_column

revision = "0018"
down_revision = "0017"

_ROLES = "'administrator', 'legal', 'inspector', 'leader', 'finance'"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "person_role",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("person_id", "role")),
        sa.Column("nth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("given_by", sa.Text(), nullable=False),
        sa.Column("given_at", Instant(), nullable=False),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.Column("ended_at", Instant(), nullable=True),
        sa.CheckConstraint(f"role in ({_ROLES})", name=op.f("ck_person_role_role")),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"], name=op.f("fk_person_role_person_id")),
        sa.PrimaryKeyConstraint("person_id", "role", "nth", name=op.f("pk_person_role")),
    )
    held = sa.text("ended_at is null")
    op.create_index(
        "ix_person_role_held",
        "person_role",
        ["person_id", "role"],
        unique=True,
        sqlite_where=held,
        postgresql_where=held,
    )
    _give("legal", "true")  # whoever was logged in at the desk might do everything: an upgrade takes nothing away
    _give("administrator", "role = 'administrator'")
    op.add_column("person", sa.Column("first_password", sa.Boolean(), nullable=False, server_default=sa.false()))
    if op.get_bind().dialect.name == "sqlite":
        drop_checked_column("person", "role")
    else:
        op.drop_column("person", "role")


def _give(role: str, condition: str) -> None:
    op.execute(
        "insert into person_role (person_id, role, nth, given_by, given_at) "  # noqa: S608 - nothing foreign
        f"select id, '{role}', 1, 'upgrade', created_at from person where {condition}"
    )
