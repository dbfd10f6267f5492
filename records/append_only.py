"""Triggers for evidence: a table that refuses UPDATE and DELETE, and TRUNCATE where it exists. Called by migrations."""

from __future__ import annotations

from alembic import op


def refuse_changes(table: str) -> None:
    """Make `table` append-only, in the migration that is being applied."""
    message = f"{table} is append-only"
    if op.get_bind().dialect.name == "sqlite":
        for action in ("update", "delete"):
            op.execute(
                f"create trigger {table}_no_{action} before {action} on {table} "
                f"begin select raise(abort, '{message}'); end"
            )
        return
    op.execute(
        f"create function {table}_refuse() returns trigger language plpgsql as "
        f"$$ begin raise exception '{message}' using errcode = 'insufficient_privilege'; end $$"
    )
    for name, action, each in (("change", "update or delete", "row"), ("truncate", "truncate", "statement")):
        op.execute(
            f"create trigger {table}_no_{name} before {action} on {table} "
            f"for each {each} execute function {table}_refuse()"
        )
