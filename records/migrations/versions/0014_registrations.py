"""Registration of counterparties by themselves; messages are sent by steps of their own"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant
from records.rebuilding import rebuild

revision = "0014"
down_revision = "0013"

_SUBJECTS = "subject_type in ('document', 'delivery', 'notice', 'compromise', 'archive', 'message')"


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "campaign",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("ends_on", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("closed_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_campaign_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_campaign")),
        sa.UniqueConstraint("code", name=op.f("uq_campaign_code")),
    )
    op.create_index(op.f("ix_campaign_authority_id"), "campaign", ["authority_id"], unique=False)
    op.create_table(
        "registration",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("number", sa.Text(), nullable=True),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("uses", sa.Integer(), nullable=False),
        sa.Column("submissions", sa.Integer(), nullable=False),
        sa.Column("review", sa.JSON(), nullable=False),
        sa.Column("counterparty_id", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("changed_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "category in ('legal_person', 'other_organisation', 'foreign_entity')",
            name=op.f("ck_registration_category"),
        ),
        sa.CheckConstraint(
            "state in ('draft', 'submitted', 'returned', 'approved')", name=op.f("ck_registration_state")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id", "counterparty_id"],
            ["counterparty.authority_id", "counterparty.id"],
            name=op.f("fk_registration_authority_id_counterparty_id"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_registration_authority_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_registration_campaign_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_registration")),
        sa.UniqueConstraint("number", name=op.f("uq_registration_number")),
    )
    op.create_index("ix_registration_desk", "registration", ["authority_id", "state", "changed_at"], unique=False)
    op.create_index("ix_registration_mobile", "registration", ["authority_id", "mobile"], unique=False)
    op.create_table(
        "activation",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("used_at", Instant(), nullable=True),
        sa.Column("issued_by", sa.Text(), nullable=False),
        sa.Column("call_back", sa.JSON(), nullable=True),
        sa.Column("issued_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_activation_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activation")),
    )
    op.create_index(op.f("ix_activation_account_id_issued_at"), "activation", ["account_id", "issued_at"], unique=False)
    op.create_table(
        "message",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("registration_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("template", sa.Text(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("secret_of", sa.Text(), nullable=True),
        sa.Column("asked_from", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.CheckConstraint("channel in ('email', 'sms')", name=op.f("ck_message_channel")),
        sa.CheckConstraint(
            "state in ('pending', 'sent', 'ambiguous', 'failed', 'late')", name=op.f("ck_message_state")
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_message_authority_id")),
        sa.ForeignKeyConstraint(["registration_id"], ["registration.id"], name=op.f("fk_message_registration_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
    )
    op.create_index("ix_message_address", "message", ["address", "created_at"], unique=False)
    op.create_index("ix_message_asked_from", "message", ["asked_from", "created_at"], unique=False)
    op.create_index(op.f("ix_message_registration_id"), "message", ["registration_id"], unique=False)
    op.create_table(
        "registration_submission",
        sa.Column("registration_id", sa.Text(), nullable=False),
        sa.Column("nth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("files", sa.JSON(), nullable=False),
        sa.Column("office", sa.JSON(), nullable=False),
        sa.Column("submitted_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(
            ["registration_id"], ["registration.id"], name=op.f("fk_registration_submission_registration_id")
        ),
        sa.PrimaryKeyConstraint("registration_id", "nth", name=op.f("pk_registration_submission")),
    )
    op.create_table(
        "visit",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("csrf_token", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=True),
        sa.Column("campaign_id", sa.Text(), nullable=True),
        sa.Column("category", sa.Text(), nullable=True),
        sa.Column("registration_id", sa.Text(), nullable=True),
        sa.Column("mobile", sa.Text(), nullable=False),
        sa.Column("code_hash", sa.Text(), nullable=True),
        sa.Column("code_until", Instant(), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("proved_at", Instant(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_visit_authority_id")),
        sa.ForeignKeyConstraint(["campaign_id"], ["campaign.id"], name=op.f("fk_visit_campaign_id")),
        sa.ForeignKeyConstraint(["registration_id"], ["registration.id"], name=op.f("fk_visit_registration_id")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_visit")),
    )
    op.create_table(
        "registration_decision",
        sa.Column("registration_id", sa.Text(), nullable=False),
        sa.Column("nth", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("review", sa.JSON(), nullable=False),
        sa.Column("reasons_zh", sa.Text(), nullable=False),
        sa.Column("reasons_en", sa.Text(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("decided_at", Instant(), nullable=False),
        sa.CheckConstraint("outcome in ('approved', 'returned')", name=op.f("ck_registration_decision_outcome")),
        sa.ForeignKeyConstraint(["decided_by"], ["person.id"], name=op.f("fk_registration_decision_decided_by")),
        sa.ForeignKeyConstraint(
            ["registration_id", "nth"],
            ["registration_submission.registration_id", "registration_submission.nth"],
            name=op.f("fk_registration_decision_registration_id_nth"),
        ),
        sa.PrimaryKeyConstraint("registration_id", "nth", name=op.f("pk_registration_decision")),
    )

    for table in ("registration_submission", "registration_decision"):
        refuse_changes(table)
    if op.get_bind().dialect.name == "sqlite":
        rebuild("step", lambda made: re.sub(r"subject_type in \(.*?\)", _SUBJECTS, made))
    else:
        op.drop_constraint(op.f("ck_step_subject_type"), "step", type_="check")
        op.create_check_constraint(op.f("ck_step_subject_type"), "step", _SUBJECTS)
