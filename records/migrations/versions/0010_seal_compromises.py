"""Keys of seals that may have been in other hands; notices of it, and the step that marks and tells"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant
from records.rebuild import rebuild

revision = "0010"
down_revision = "0009"

_SUBJECT = "(delivery_id is null) <> (compromise_id is null)"


def upgrade() -> None:
    """Apply."""
    _create_tables()
    for table in ("seal_compromise", "affected_document", "genuine_document"):
        refuse_changes(table)
    if op.get_bind().dialect.name == "sqlite":
        rebuild("step", lambda made: re.sub(r"subject_type in \((.*?)\)", r"subject_type in (\1, 'compromise')", made))
        op.execute(
            "alter table notice add column compromise_id text "
            "constraint fk_notice_compromise_id references seal_compromise (id)"
        )
        rebuild("notice", _of_two_subjects)
    else:
        op.drop_constraint(op.f("ck_step_subject_type"), "step", type_="check")
        subjects = "subject_type in ('document', 'delivery', 'notice', 'compromise')"
        op.create_check_constraint(op.f("ck_step_subject_type"), "step", subjects)
        op.alter_column("notice", "delivery_id", nullable=True)
        op.add_column("notice", sa.Column("compromise_id", sa.Text(), nullable=True))
        op.create_foreign_key(op.f("fk_notice_compromise_id"), "notice", "seal_compromise", ["compromise_id"], ["id"])
        op.create_check_constraint(op.f("ck_notice_subject"), "notice", _SUBJECT)
    op.create_index(
        "ix_notice_compromise",
        "notice",
        ["compromise_id", "contact_id", "channel"],
        unique=True,
        sqlite_where=sa.text("compromise_id is not null"),
        postgresql_where=sa.text("compromise_id is not null"),
    )


def _of_two_subjects(made: str) -> str:
    made = made.replace("delivery_id TEXT NOT NULL", "delivery_id TEXT")
    return f"{made.rstrip().removesuffix(')')}, CONSTRAINT ck_notice_subject CHECK ({_SUBJECT}))"


def _create_tables() -> None:
    op.create_table(
        "seal_compromise",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("seal_id", sa.Text(), nullable=False),
        sa.Column("since", Instant(), nullable=False),
        sa.Column("reported_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("reported_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_seal_compromise_authority_id")),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_seal_compromise_seal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal_compromise")),
        sa.UniqueConstraint("seal_id", "since", name=op.f("uq_seal_compromise_seal_id_since")),
    )
    op.create_table(
        "affected_document",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("compromise_id", sa.Text(), nullable=False),
        sa.Column("sealed_at", Instant(), nullable=False),
        sa.Column("marked_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_affected_document_document_id")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_affected_document_authority_id")),
        sa.ForeignKeyConstraint(
            ["compromise_id"], ["seal_compromise.id"], name=op.f("fk_affected_document_compromise_id")
        ),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_affected_document")),
    )
    for column in ("authority_id", "compromise_id"):
        op.create_index(op.f(f"ix_affected_document_{column}"), "affected_document", [column])
    op.create_table(
        "genuine_document",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("confirmed_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["affected_document.document_id"], name=op.f("fk_genuine_document_document_id")
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_genuine_document_authority_id")),
        sa.ForeignKeyConstraint(["confirmed_by"], ["person.id"], name=op.f("fk_genuine_document_confirmed_by")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_genuine_document")),
    )
