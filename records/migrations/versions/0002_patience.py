"""Attempts that only had to wait are told apart; the TEST mark is guarded; supplied numbers are found by index"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_MESSAGES = {
    "test": "a database is marked TEST at its creation, for good",
    "clock": "only a TEST database has a legal clock that can be set",
}


def upgrade() -> None:
    """Apply."""
    op.add_column("step", sa.Column("excused", sa.Integer(), nullable=False, server_default="0"))
    op.create_index(
        "ix_document_supplied_number",
        "document",
        ["authority_id", "supplied_number"],
        unique=False,
        sqlite_where=sa.text("supplied_number is not null"),
        postgresql_where=sa.text("supplied_number is not null"),
    )
    if op.get_bind().dialect.name == "sqlite":
        _guard_sqlite()
    else:
        _guard_postgresql()


def _guard_sqlite() -> None:
    for action, name, wrong in (
        ("update", "test", "new.test <> old.test"),
        ("update", "clock", "new.legal_offset <> 0 and not new.test"),
        ("insert", "clock", "new.legal_offset <> 0 and not new.test"),
    ):
        op.execute(
            f"create trigger system_{name}_on_{action} before {action} on system when {wrong} "
            f"begin select raise(abort, '{_MESSAGES[name]}'); end"
        )
    op.execute(
        f"create trigger system_stays before delete on system begin select raise(abort, '{_MESSAGES['test']}'); end"
    )


def _guard_postgresql() -> None:
    op.execute(
        "create function system_refuse() returns trigger language plpgsql as $$ begin "
        f"if tg_op = 'DELETE' then raise exception '{_MESSAGES['test']}' using errcode = 'insufficient_privilege'; end if; "
        "if tg_op = 'UPDATE' and new.test <> old.test then "
        f"raise exception '{_MESSAGES['test']}' using errcode = 'insufficient_privilege'; end if; "
        "if new.legal_offset <> 0 and not new.test then "
        f"raise exception '{_MESSAGES['clock']}' using errcode = 'insufficient_privilege'; end if; "
        "return new; end $$"
    )
    op.execute(
        "create trigger system_guard before insert or update or delete on system "
        "for each row execute function system_refuse()"
    )
