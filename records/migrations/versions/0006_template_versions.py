"""A template version, once used, never changes"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.instants import Instant

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "template_version",
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("first_used", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["digest"], ["artifact.digest"], name=op.f("fk_template_version_digest")),
        sa.PrimaryKeyConstraint("instrument", "version", name=op.f("pk_template_version")),
    )
    op.add_column("document", sa.Column("template_digest", sa.Text(), nullable=True))
    if op.get_bind().dialect.name == "sqlite":
        for action in ("update", "delete"):
            op.execute(
                f"create trigger template_version_no_{action} before {action} on template_version "
                "begin select raise(abort, 'template_version is append-only'); end"
            )
        return
    op.execute(
        "create function template_version_refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'template_version is append-only' using errcode = 'insufficient_privilege'; end $$"
    )
    for name, action, each in (("change", "update or delete", "row"), ("truncate", "truncate", "statement")):
        op.execute(
            f"create trigger template_version_no_{name} before {action} on template_version "
            f"for each {each} execute function template_version_refuse()"
        )
