"""Attempts on paper with their codes and files, stacks of scans, corrections; what the desk counts by"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant

revision = "0015"
down_revision = "0014"

_WAITING = sa.text("state = 'waiting'")
_OPEN = sa.text("state = 'open'")
_SENT = sa.text("paper_status = 'sent'")
_MISSING = sa.text("scan_missing")
_PROVISIONAL = sa.text("service_status = 'provisional'")


def upgrade() -> None:
    """Apply. A delivery whose standing record has no scan misses one."""
    _attempts()
    _corrections()
    _stacks()
    op.add_column("paper_receipt", sa.Column("attempt_id", sa.Text(), nullable=True))
    op.add_column("delivery", sa.Column("scan_missing", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("delivery", sa.Column("paper_since", Instant(), nullable=True))
    op.execute(
        "update delivery set scan_missing = true where exists (select 1 from paper_receipt r"
        " where r.delivery_id = delivery.id and not r.final"
        " and not exists (select 1 from paper_receipt s where s.supersedes = r.id))"
    )
    op.execute("update delivery set paper_since = created_at where paper_status = 'sent'")
    op.drop_index("ix_delivery_paper", "delivery")
    op.create_index("ix_delivery_paper", "delivery", ["authority_id", "paper_status", "created_at"])
    for name, column, where in (
        ("late", "paper_since", _SENT),
        ("scan_missing", "created_at", _MISSING),
        ("provisional", "created_at", _PROVISIONAL),
    ):
        columns = ["authority_id", column]
        op.create_index(f"ix_delivery_{name}", "delivery", columns, sqlite_where=where, postgresql_where=where)
    op.create_index("ix_document_released", "document", ["authority_id", "released_at", "instrument"])
    for name, table, column, words in (
        ("ix_notice_ambiguous", "notice", "delivery_id", "state = 'ambiguous'"),
        ("ix_step_dead", "step", "subject_type", "state = 'dead'"),
        ("ix_document_failed", "document", "authority_id", "status = 'failed'"),
    ):
        where = sa.text(words)
        op.create_index(name, table, [column], sqlite_where=where, postgresql_where=where)


def _texts(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=null) for name in names]


def _keys(table: str, *others: str) -> list[sa.ForeignKeyConstraint]:
    """`<other>_id` names a row of each other table."""
    return [
        sa.ForeignKeyConstraint([f"{other}_id"], [f"{other}.id"], name=op.f(f"fk_{table}_{other}_id"))
        for other in others
    ]


def _attempts() -> None:
    op.create_table(
        "paper_attempt",
        *_texts("id", "authority_id", "delivery_id"),
        sa.Column("nth", sa.Integer(), nullable=False),
        *_texts("code", "method"),
        sa.Column("servers", sa.JSON(), nullable=False),
        *_texts("mail_kind", "mail_number", "made_by"),
        sa.Column("made_at", Instant(), nullable=False),
        *_keys("paper_attempt", "authority", "delivery"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_attempt")),
        sa.UniqueConstraint("code", name=op.f("uq_paper_attempt_code")),
        sa.UniqueConstraint("delivery_id", "nth", name=op.f("uq_paper_attempt_delivery_id_nth")),
    )
    op.create_table(
        "paper_file",
        *_texts("id", "authority_id", "attempt_id", "kind", "digest", "added_by"),
        sa.Column("added_at", Instant(), nullable=False),
        sa.CheckConstraint("kind in ('proof', 'slip', 'return')", name=op.f("ck_paper_file_kind")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_paper_file_authority_id")),
        sa.ForeignKeyConstraint(["attempt_id"], ["paper_attempt.id"], name=op.f("fk_paper_file_attempt_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_file")),
        sa.UniqueConstraint("attempt_id", "kind", "digest", name=op.f("uq_paper_file_attempt_id_kind_digest")),
    )
    refuse_changes("paper_file")


def _corrections() -> None:
    op.create_table(
        "paper_correction",
        *_texts("id", "authority_id", "delivery_id"),
        *_texts("supersedes", "attempt_id", null=True),
        sa.Column("record", sa.JSON(), nullable=False),
        *_texts("scan_digest", null=True),
        *_texts("reason", "state", "proposed_by"),
        sa.Column("proposed_at", Instant(), nullable=False),
        *_texts("decided_by", null=True),
        sa.Column("decided_at", Instant(), nullable=True),
        *_texts("note", "receipt_id", null=True),
        sa.CheckConstraint("state in ('waiting', 'approved', 'declined')", name=op.f("ck_paper_correction_state")),
        *_keys("paper_correction", "authority", "delivery"),
        sa.ForeignKeyConstraint(["supersedes"], ["paper_receipt.id"], name=op.f("fk_paper_correction_supersedes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_correction")),
    )
    for name, columns, unique in (
        ("ix_paper_correction_waiting", ["delivery_id"], True),
        ("ix_paper_correction_authority", ["authority_id", "proposed_at"], False),
    ):
        op.create_index(
            name, "paper_correction", columns, unique=unique, sqlite_where=_WAITING, postgresql_where=_WAITING
        )


def _stacks() -> None:
    op.create_table(
        "scan_stack",
        *_texts("id", "authority_id", "digest"),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("read_pages", sa.Integer(), nullable=False),
        *_texts("added_by"),
        sa.Column("added_at", Instant(), nullable=False),
        *_keys("scan_stack", "authority"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_scan_stack")),
        sa.UniqueConstraint("authority_id", "digest", name=op.f("uq_scan_stack_authority_id_digest")),
    )
    op.create_index("ix_scan_stack_authority", "scan_stack", ["authority_id", "added_at"])
    op.create_table(
        "scan_part",
        *_texts("stack_id"),
        sa.Column("first_page", sa.Integer(), nullable=False),
        sa.Column("last_page", sa.Integer(), nullable=False),
        *_texts("authority_id"),
        *_texts("code", "attempt_id", "digest", null=True),
        *_texts("state"),
        sa.CheckConstraint("state in ('open', 'attached', 'set_aside')", name=op.f("ck_scan_part_state")),
        sa.ForeignKeyConstraint(["stack_id"], ["scan_stack.id"], name=op.f("fk_scan_part_stack_id")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_scan_part_authority_id")),
        sa.ForeignKeyConstraint(["attempt_id"], ["paper_attempt.id"], name=op.f("fk_scan_part_attempt_id")),
        sa.PrimaryKeyConstraint("stack_id", "first_page", name=op.f("pk_scan_part")),
    )
    op.create_index("ix_scan_part_open", "scan_part", ["authority_id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
