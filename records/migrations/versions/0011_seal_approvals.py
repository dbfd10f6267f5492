"""The register of seals; who approves their use; approvals, grants; seals on paper"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant

revision = "0011"
down_revision = "0010"

_SEAL_IS_OPEN = sa.text("stage = 'seal' and state in ('ready', 'running', 'waiting')")


def upgrade() -> None:
    """Apply. Seals of before did one thing: they sealed instruments, so they are enforcement seals, valid since."""
    _extend_the_register()
    _approvers_and_what_they_allow()
    for name in ("basis", "approval_id", "grant_id"):
        op.add_column("seal_use", sa.Column(name, sa.Text(), nullable=True))
    op.create_table(
        "paper_seal",
        *_texts("id", "authority_id", "delivery_id", "how"),
        sa.Column("copies", sa.Integer(), nullable=False),
        *_texts("sealed_by", "sealed_on", "note", "recorded_by"),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.CheckConstraint("how in ('wet', 'electronic')", name=op.f("ck_paper_seal_how")),
        *_keys("paper_seal", "authority", "delivery"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_seal")),
    )
    op.create_index("ix_paper_seal_delivery_id", "paper_seal", ["delivery_id"])
    op.create_index("ix_step_seal", "step", ["subject_id"], sqlite_where=_SEAL_IS_OPEN, postgresql_where=_SEAL_IS_OPEN)
    for table in ("seal_approval", "paper_seal"):
        refuse_changes(table)


def _texts(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=null) for name in names]


def _keys(table: str, *others: str) -> list[sa.ForeignKeyConstraint]:
    """`<other>_id` names a row of each other table."""
    return [
        sa.ForeignKeyConstraint([f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id"))
        for other in others
    ]


def _extend_the_register() -> None:
    op.add_column("seal", sa.Column("name", sa.Text(), nullable=False, server_default=""))
    op.add_column("seal", sa.Column("issuer", sa.Text(), nullable=False, server_default=""))
    op.execute(
        "alter table seal add column kind text not null default 'enforcement' "
        "constraint ck_seal_kind check (kind in ('official', 'enforcement', 'signature_stamp'))"
    )
    op.add_column("seal", sa.Column("picture_digest", sa.Text(), nullable=True))
    op.add_column("seal", sa.Column("picture_width_mm", sa.Float(), nullable=True))
    op.add_column("seal", sa.Column("certificate", sa.JSON(), nullable=True))
    op.add_column("seal", sa.Column("valid_from", Instant(), nullable=False, server_default="0"))
    op.add_column("seal", sa.Column("valid_until", Instant(), nullable=True))
    op.add_column("seal", sa.Column("stopped_at", Instant(), nullable=True))
    op.add_column("seal", sa.Column("stop_reason", sa.Text(), nullable=True))
    op.create_index("ix_seal_authority_id", "seal", ["authority_id"])
    offset = "coalesce((select legal_offset from system), 0)"
    op.execute(
        f"update seal set name = ring_text || second_line, valid_from = created_at + {offset}"  # noqa: S608
    )


def _approvers_and_what_they_allow() -> None:
    op.create_table(
        "seal_approver",
        *_texts("id", "authority_id", "seal_id", "person_id", "role_zh", "role_en", "rule"),
        sa.Column("valid_from", Instant(), nullable=False),
        sa.Column("valid_until", Instant(), nullable=True),
        *_texts("added_by"),
        sa.Column("added_at", Instant(), nullable=False),
        *_texts("ended_by", "end_reason", null=True),
        *_keys("seal_approver", "authority", "seal", "person"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_approver")),
    )
    op.create_index("ix_seal_approver_seal", "seal_approver", ["seal_id", "person_id"])
    op.create_index("ix_seal_approver_person_id", "seal_approver", ["person_id"])
    op.create_table(
        "seal_approval",
        *_texts("id", "authority_id", "document_id", "rendered_digest", "seal_id", "approver_id", "person_id"),
        *_texts("name", "role_zh", "role_en", "rule", "session", "authenticated"),
        sa.Column("approved_at", Instant(), nullable=False),
        *_keys("seal_approval", "authority", "document", "seal", "person"),
        sa.ForeignKeyConstraint(["approver_id"], ["seal_approver.id"], name=op.f("fk_seal_approval_approver_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_approval")),
        sa.UniqueConstraint(
            "document_id",
            "rendered_digest",
            "seal_id",
            name=op.f("uq_seal_approval_document_id_rendered_digest_seal_id"),
        ),
    )
    op.create_table(
        "seal_grant",
        *_texts("id", "authority_id", "seal_id", "approver_id"),
        sa.Column("instruments", sa.JSON(), nullable=False),
        *_texts("client_id", null=True),
        sa.Column("valid_from", Instant(), nullable=False),
        sa.Column("valid_until", Instant(), nullable=False),
        sa.Column("most_uses", sa.Integer(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        *_texts("granted_by"),
        sa.Column("granted_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        *_texts("revoked_by", "revoke_reason", null=True),
        sa.CheckConstraint("uses between 0 and most_uses", name=op.f("ck_seal_grant_uses")),
        *_keys("seal_grant", "authority", "seal", "client"),
        sa.ForeignKeyConstraint(["approver_id"], ["seal_approver.id"], name=op.f("fk_seal_grant_approver_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_grant")),
    )
    op.create_index("ix_seal_grant_seal_id", "seal_grant", ["seal_id"])
