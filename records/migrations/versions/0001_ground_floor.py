"""Ground floor"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "artifact",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_artifact")),
    )
    op.create_table(
        "authority",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_authority")),
    )
    op.create_table(
        "calendar_notice",
        sa.Column("year", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("edition", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document_number", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("days", sa.JSON(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("imported_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("year", "edition", name=op.f("pk_calendar_notice")),
    )
    op.create_table(
        "event",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("happened_at", Instant(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.Column("legal_date", sa.Text(), nullable=True),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("previous", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "seq", name=op.f("pk_event")),
        sa.UniqueConstraint("hash", name=op.f("uq_event_hash")),
        sa.UniqueConstraint("stream", "key", name=op.f("uq_event_stream_key")),
    )
    op.create_table(
        "ledger_head",
        sa.Column("stream", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_ledger_head")),
    )
    op.create_table(
        "login_failure",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_failure")),
    )
    with op.batch_alter_table("login_failure", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_failure_address_at"), ["address", "at"], unique=False)
        batch_op.create_index(batch_op.f("ix_login_failure_login_at"), ["login", "at"], unique=False)

    op.create_table(
        "session",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("csrf_token", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("expires_at", Instant(), nullable=False),
        sa.CheckConstraint("subject_type in ('account', 'person')", name=op.f("ck_session_subject_type")),
        sa.PrimaryKeyConstraint("token_hash", name=op.f("pk_session")),
    )
    op.create_table(
        "step",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("subject_type", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Text(), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("run_at", Instant(), nullable=False),
        sa.Column("legal_at", Instant(), nullable=True),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=True),
        sa.Column("lease_until", Instant(), nullable=True),
        sa.Column("hinted_until", Instant(), nullable=False),
        sa.Column("error", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('ready', 'running', 'waiting', 'done', 'dead')", name=op.f("ck_step_state")),
        sa.CheckConstraint("subject_type in ('document', 'delivery', 'notice')", name=op.f("ck_step_subject_type")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_step")),
        sa.UniqueConstraint("subject_id", "stage", name=op.f("uq_step_subject_id_stage")),
    )
    with op.batch_alter_table("step", schema=None) as batch_op:
        batch_op.create_index(
            "ix_step_due",
            ["run_at"],
            unique=False,
            sqlite_where=sa.text("state in ('ready', 'running')"),
            postgresql_where=sa.text("state in ('ready', 'running')"),
        )

    op.create_table(
        "system",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("legal_offset", sa.BigInteger(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system")),
    )
    op.create_table(
        "authority_revision",
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("proposed_by", sa.Text(), nullable=False),
        sa.Column("proposed_at", Instant(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=True),
        sa.Column("approved_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_authority_revision_authority_id")),
        sa.PrimaryKeyConstraint("authority_id", "revision", name=op.f("pk_authority_revision")),
    )
    op.create_table(
        "client",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_client_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_client")),
    )
    op.create_table(
        "counterparty",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name_zh", sa.Text(), nullable=False),
        sa.Column("name_en", sa.Text(), nullable=False),
        sa.Column("credit_code", sa.Text(), nullable=True),
        sa.Column("address_zh", sa.Text(), nullable=False),
        sa.Column("address_en", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "kind in ('legal_person', 'other_organisation', 'foreign_entity', 'natural_person', 'outside_body')",
            name=op.f("ck_counterparty_kind"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_counterparty_authority_id")),
        sa.PrimaryKeyConstraint("id", "authority_id", name=op.f("pk_counterparty")),
        sa.UniqueConstraint("authority_id", "credit_code", name=op.f("uq_counterparty_authority_id_credit_code")),
    )
    op.create_table(
        "person",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("role in ('administrator', 'clerk')", name=op.f("ck_person_role")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_person_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_person")),
        sa.UniqueConstraint("login", name=op.f("uq_person_login")),
    )
    op.create_table(
        "seal",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("ring_text", sa.Text(), nullable=False),
        sa.Column("second_line", sa.Text(), nullable=False),
        sa.Column("diameter_mm", sa.Float(), nullable=False),
        sa.Column("key_uri", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("test", sa.Boolean(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("state in ('active', 'stopped')", name=op.f("ck_seal_state")),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_seal_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_seal")),
    )
    op.create_table(
        "series",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("pattern_zh", sa.Text(), nullable=False),
        sa.Column("pattern_en", sa.Text(), nullable=False),
        sa.Column("next", sa.Integer(), nullable=False),
        sa.Column("supplied", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_series_authority_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_series")),
        sa.UniqueConstraint(
            "authority_id", "kind", "year", "supplied", name=op.f("uq_series_authority_id_kind_year_supplied")
        ),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("counterparty_id", sa.Text(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint("state in ('approved', 'stopped')", name=op.f("ck_account_state")),
        sa.ForeignKeyConstraint(
            ["authority_id", "counterparty_id"],
            ["counterparty.authority_id", "counterparty.id"],
            name=op.f("fk_account_authority_id_counterparty_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("login", name=op.f("uq_account_login")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_account_authority_id_counterparty_id"), ["authority_id", "counterparty_id"], unique=False
        )

    op.create_table(
        "api_key",
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("revoked_at", Instant(), nullable=True),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_api_key_client_id")),
        sa.PrimaryKeyConstraint("prefix", name=op.f("pk_api_key")),
    )
    op.create_table(
        "confirmation_letter",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("counterparty_id", sa.Text(), nullable=False),
        sa.Column("letter_version", sa.Text(), nullable=False),
        sa.Column("system_name", sa.Text(), nullable=False),
        sa.Column("system_address", sa.Text(), nullable=False),
        sa.Column("signed_on", sa.Text(), nullable=False),
        sa.Column("in_force_from", Instant(), nullable=False),
        sa.Column("withdrawn_at", Instant(), nullable=True),
        sa.Column("scan_digest", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["authority_id", "counterparty_id"],
            ["counterparty.authority_id", "counterparty.id"],
            name=op.f("fk_confirmation_letter_authority_id_counterparty_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_confirmation_letter")),
    )
    with op.batch_alter_table("confirmation_letter", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_confirmation_letter_authority_id_counterparty_id"),
            ["authority_id", "counterparty_id"],
            unique=False,
        )

    op.create_table(
        "contact",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("counterparty_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("department", sa.Text(), nullable=False),
        sa.Column("mobile", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["authority_id", "counterparty_id"],
            ["counterparty.authority_id", "counterparty.id"],
            name=op.f("fk_contact_authority_id_counterparty_id"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_contact_authority_id_counterparty_id"), ["authority_id", "counterparty_id"], unique=False
        )

    op.create_table(
        "job",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("case_no", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_job_authority_id")),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_job_client_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
    )
    with op.batch_alter_table("job", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_job_authority_id_case_no"), ["authority_id", "case_no"], unique=False)

    op.create_table(
        "document",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("case_no", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("instrument", sa.Text(), nullable=False),
        sa.Column("template_version", sa.Text(), nullable=False),
        sa.Column("engine", sa.Text(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("authority_revision", sa.Integer(), nullable=False),
        sa.Column("numbered", sa.Boolean(), nullable=False),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("delivered", sa.Boolean(), nullable=False),
        sa.Column("important", sa.Boolean(), nullable=False),
        sa.Column("series_kind", sa.Text(), nullable=False),
        sa.Column("supplied_number", sa.Text(), nullable=True),
        sa.Column("copies_to", sa.JSON(), nullable=False),
        sa.Column("approval", sa.JSON(), nullable=True),
        sa.Column("seal_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("number_zh", sa.Text(), nullable=True),
        sa.Column("number_en", sa.Text(), nullable=True),
        sa.Column("rendered_digest", sa.Text(), nullable=True),
        sa.Column("placement", sa.JSON(), nullable=True),
        sa.Column("final_digest", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("released_at", Instant(), nullable=True),
        sa.CheckConstraint(
            "status in ('accepted', 'numbered', 'rendered', 'sealed', 'released', 'failed', 'cancelled', 'void', 'revoked', 'changed')",
            name=op.f("ck_document_status"),
        ),
        sa.ForeignKeyConstraint(["authority_id"], ["authority.id"], name=op.f("fk_document_authority_id")),
        sa.ForeignKeyConstraint(["client_id"], ["client.id"], name=op.f("fk_document_client_id")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_document_job_id")),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_document_seal_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
    )
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_document_authority_id_case_no"), ["authority_id", "case_no"], unique=False)
        batch_op.create_index(batch_op.f("ix_document_job_id"), ["job_id"], unique=False)

    op.create_table(
        "idempotency_key",
        sa.Column("api_key_prefix", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body_digest", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=True),
        sa.Column("response", sa.JSON(), nullable=True),
        sa.Column("locked_until", Instant(), nullable=False),
        sa.Column("created_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["api_key_prefix"], ["api_key.prefix"], name=op.f("fk_idempotency_key_api_key_prefix")),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name=op.f("fk_idempotency_key_job_id")),
        sa.PrimaryKeyConstraint("api_key_prefix", "key", name=op.f("pk_idempotency_key")),
    )
    op.create_table(
        "delivery",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("counterparty_id", sa.Text(), nullable=True),
        sa.Column("address", sa.JSON(), nullable=True),
        sa.Column("recipient_zh", sa.Text(), nullable=False),
        sa.Column("recipient_en", sa.Text(), nullable=False),
        sa.Column("route", sa.Text(), nullable=True),
        sa.Column("route_reasons", sa.JSON(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("paper_required", sa.Boolean(), nullable=False),
        sa.Column("paper_status", sa.Text(), nullable=False),
        sa.Column("letter_id", sa.Text(), nullable=True),
        sa.Column("places", sa.JSON(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.Column("accessed_at", Instant(), nullable=True),
        sa.Column("confirmed_at", Instant(), nullable=True),
        sa.Column("confirmed_by", sa.Text(), nullable=True),
        sa.Column("deemed_date", sa.Text(), nullable=True),
        sa.Column("service_count", sa.JSON(), nullable=True),
        sa.Column("service_status", sa.Text(), nullable=False),
        sa.Column("service_date", sa.Text(), nullable=True),
        sa.Column("service_basis", sa.Text(), nullable=True),
        sa.Column("service_answer", sa.JSON(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.CheckConstraint(
            "paper_status in ('none', 'to_print', 'sent', 'served', 'returned')", name=op.f("ck_delivery_paper_status")
        ),
        sa.CheckConstraint("route in ('inbox', 'paper', 'internal')", name=op.f("ck_delivery_route")),
        sa.CheckConstraint(
            "service_status in ('pending', 'provisional', 'final')", name=op.f("ck_delivery_service_status")
        ),
        sa.CheckConstraint(
            "status in ('pending', 'available', 'accessed', 'confirmed', 'deemed')", name=op.f("ck_delivery_status")
        ),
        sa.ForeignKeyConstraint(
            ["authority_id", "counterparty_id"],
            ["counterparty.authority_id", "counterparty.id"],
            name=op.f("fk_delivery_authority_id_counterparty_id"),
        ),
        sa.ForeignKeyConstraint(["confirmed_by"], ["account.id"], name=op.f("fk_delivery_confirmed_by")),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_delivery_document_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["confirmation_letter.id"], name=op.f("fk_delivery_letter_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
    )
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_delivery_document_id"), ["document_id"], unique=False)
        batch_op.create_index("ix_delivery_inbox", ["authority_id", "counterparty_id", "sent_at"], unique=False)
        batch_op.create_index("ix_delivery_paper", ["authority_id", "paper_status"], unique=False)

    op.create_table(
        "number",
        sa.Column("series_id", sa.Text(), nullable=False),
        sa.Column("ordinal", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("authority_id", sa.Text(), nullable=False),
        sa.Column("text_zh", sa.Text(), nullable=False),
        sa.Column("text_en", sa.Text(), nullable=False),
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.CheckConstraint("state in ('bound', 'void')", name=op.f("ck_number_state")),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_number_document_id")),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name=op.f("fk_number_series_id")),
        sa.PrimaryKeyConstraint("series_id", "ordinal", name=op.f("pk_number")),
        sa.UniqueConstraint("authority_id", "text_zh", name=op.f("uq_number_authority_id_text_zh")),
        sa.UniqueConstraint("document_id", name=op.f("uq_number_document_id")),
    )
    op.create_table(
        "seal_use",
        sa.Column("document_id", sa.Text(), nullable=False),
        sa.Column("seal_id", sa.Text(), nullable=False),
        sa.Column("rendered_digest", sa.Text(), nullable=False),
        sa.Column("sealed_digest", sa.Text(), nullable=False),
        sa.Column("approver_name", sa.Text(), nullable=False),
        sa.Column("approver_role", sa.Text(), nullable=False),
        sa.Column("approval_rule", sa.Text(), nullable=False),
        sa.Column("approved_at", sa.Text(), nullable=False),
        sa.Column("certificate_serial", sa.Text(), nullable=False),
        sa.Column("certificate_subject", sa.Text(), nullable=False),
        sa.Column("used_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name=op.f("fk_seal_use_document_id")),
        sa.ForeignKeyConstraint(["seal_id"], ["seal.id"], name=op.f("fk_seal_use_seal_id")),
        sa.PrimaryKeyConstraint("document_id", name=op.f("pk_seal_use")),
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("contact_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("message_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sends", sa.Integer(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=True),
        sa.Column("created_at", Instant(), nullable=False),
        sa.Column("sent_at", Instant(), nullable=True),
        sa.CheckConstraint("channel in ('email', 'sms')", name=op.f("ck_notice_channel")),
        sa.CheckConstraint("state in ('pending', 'sent', 'ambiguous', 'failed')", name=op.f("ck_notice_state")),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_notice_contact_id")),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_notice_delivery_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
        sa.UniqueConstraint("message_id", name=op.f("uq_notice_message_id")),
    )
    with op.batch_alter_table("notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_notice_delivery_id"), ["delivery_id"], unique=False)

    op.create_table(
        "paper_receipt",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("delivery_id", sa.Text(), nullable=False),
        sa.Column("method", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("served_on", sa.Text(), nullable=True),
        sa.Column("record", sa.JSON(), nullable=False),
        sa.Column("scan_digest", sa.Text(), nullable=True),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("supersedes", sa.Text(), nullable=True),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("recorded_at", Instant(), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.id"], name=op.f("fk_paper_receipt_delivery_id")),
        sa.ForeignKeyConstraint(["supersedes"], ["paper_receipt.id"], name=op.f("fk_paper_receipt_supersedes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_receipt")),
        sa.UniqueConstraint("supersedes", name=op.f("uq_paper_receipt_supersedes")),
    )
    with op.batch_alter_table("paper_receipt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paper_receipt_delivery_id"), ["delivery_id"], unique=False)

    for table in ("event", "seal_use", "paper_receipt", "calendar_notice"):
        refuse_changes(table)
