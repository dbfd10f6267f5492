"""Occasions and reports of notices; what counterparties change of their own entries; second factors"""

from __future__ import annotations

import re

import sqlalchemy as sa
from alembic import op

from records.instants import Instant
from records.rebuilding import rebuild

revision = "0017"
down_revision = "0016"

_SUBJECT = (
    "(case when delivery_id is null then 0 else 1 end) + (case when compromise_id is null then 0 else 1 end)"
    " + (case when change_id is null then 0 else 1 end) = 1"
)
_STATES = "state in ('pending', 'sent', 'ambiguous', 'failed', 'dropped')"
_OCCASIONS = "occasion in ('arrival', 'third_day', 'served', 'deadline', 'seal_lost', 'change')"
_REPORTS = "report in ('delivered', 'delayed', 'failed')"
_SUBJECTS = "subject_type in ('document', 'delivery', 'notice', 'compromise', 'archive', 'message', 'change')"
_KINDS = (
    "'entity', 'account_asked', 'account_stopped', 'contact_added', 'contact_changed', 'contact_ended', "
    "'contact_wishes', 'letter_withdrawn', 'access'"
)


def upgrade() -> None:
    """Apply."""
    _create_tables()
    op.add_column("contact", sa.Column("pending", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("contact", sa.Column("silent", sa.JSON(), nullable=True))
    op.execute(
        "alter table session add column factor text not null default 'password' "
        "constraint ck_session_factor check (factor in ('password', 'password+totp'))"
    )
    _extend_notices()
    if op.get_bind().dialect.name == "sqlite":
        rebuild("step", lambda made: re.sub(r"subject_type in \((.*?)\)", r"subject_type in (\1, 'change')", made))
        rebuild("notice", _of_three_subjects)
    else:
        op.drop_constraint(op.f("ck_step_subject_type"), "step", type_="check")
        op.create_check_constraint(op.f("ck_step_subject_type"), "step", _SUBJECTS)
        for name, condition in (("state", _STATES), ("subject", _SUBJECT)):
            op.drop_constraint(op.f(f"ck_notice_{name}"), "notice", type_="check")
            op.create_check_constraint(op.f(f"ck_notice_{name}"), "notice", condition)
    op.execute("update notice set occasion = 'seal_lost' where compromise_id is not null")
    op.drop_index("ix_notice_delivery_id", "notice")
    op.create_index("ix_notice_contact_id_created_at", "notice", ["contact_id", "created_at"])
    failed = sa.text("(state = 'failed' or report = 'failed')")
    op.create_index("ix_notice_failed", "notice", ["contact_id"], sqlite_where=failed, postgresql_where=failed)
    reminder = ["delivery_id", "contact_id", "channel", "occasion", "about"]
    op.create_index("ix_notice_reminder", "notice", reminder, unique=True)
    op.create_index("ix_notice_change", "notice", ["change_id", "contact_id", "channel"], unique=True)


def _extend_notices() -> None:
    op.execute("alter table notice add column change_id text constraint fk_notice_change_id references change (id)")
    op.execute(
        "alter table notice add column occasion text not null default 'arrival' "
        f"constraint ck_notice_occasion check ({_OCCASIONS})"
    )
    op.add_column("notice", sa.Column("about", sa.Text(), nullable=False, server_default=""))
    op.execute(f"alter table notice add column report text constraint ck_notice_report check ({_REPORTS})")
    op.add_column("notice", sa.Column("report_code", sa.Text(), nullable=True))
    op.add_column("notice", sa.Column("reported_at", Instant(), nullable=True))


def _of_three_subjects(made: str) -> str:
    """The two constraints of a notice that changed; SQLite writes added columns behind the constraints."""
    made = re.sub(r"\bstate in \('pending'.*?\)", _STATES, made)
    return made.replace("(delivery_id is null) <> (compromise_id is null)", _SUBJECT)


def _create_tables() -> None:
    op.create_table(
        "change",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("id", "authority_id", "counterparty_id")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "subject_id", "state")),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("asked_at", Instant(), nullable=False),
        sa.Column("effective_at", Instant(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("decided_at", Instant(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("flagged", sa.Boolean(), nullable=False),
        sa.CheckConstraint(f"kind in ({_KINDS})", name=op.f("ck_change_kind")),
        sa.CheckConstraint(
            "state in ('delayed', 'to_approve', 'in_effect', 'refused', 'taken_back')", name=op.f("ck_change_state")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id", "counterparty_id"],
            ["counterparty.authority_id", "counterparty.id"],
            name=op.f("fk_change_authority_id_counterparty_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_change")),
    )
    op.create_index("ix_change_authority_id_counterparty_id", "change", ["authority_id", "counterparty_id"])
    op.create_index("ix_change_desk", "change", ["authority_id", "state", "flagged"])
    op.create_table(
        "second_factor",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("subject_type", "subject_id", "secret")),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("subject_type in ('account', 'person')", name=op.f("ck_second_factor_subject_type")),
        sa.PrimaryKeyConstraint("subject_type", "subject_id", name=op.f("pk_second_factor")),
    )
