"""Every table. Each row belongs to an authority; what a case system sent belongs to its client as well."""

from __future__ import annotations

import sqlalchemy as sa

from records.instants import Instant

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _table(name: str, *items: sa.schema.SchemaItem) -> sa.Table:
    return sa.Table(name, metadata, *items)


def _text(name: str, *items: sa.schema.SchemaItem, null: bool = False, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text, *items, nullable=null, **options)  # type: ignore[arg-type]


def _instant(name: str, null: bool = False) -> sa.Column[object]:
    return sa.Column(name, Instant, nullable=null)


def _one_of(column: str, *values: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"{column} in ({', '.join(repr(value) for value in values)})", name=column)


# --- the system and who may use it -----------------------------------------------------------------------------------

system = _table(
    "system",
    sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("test", sa.Boolean, nullable=False),  # decided at creation, for good
    sa.Column("legal_offset", sa.BigInteger, nullable=False),  # microseconds; 0 unless test
    _instant("created_at"),
)

authority = _table("authority", _text("id", primary_key=True), _instant("created_at"))

#: The authority's own facts (names, bank, remedies). A revision counts from its approval by a second person on.
authority_revision = _table(
    "authority_revision",
    _text("authority_id", sa.ForeignKey("authority.id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("facts", sa.JSON, nullable=False),
    _text("proposed_by"),
    _instant("proposed_at"),
    _text("approved_by", null=True),
    _instant("approved_at", null=True),
)

client = _table(
    "client", _text("id", primary_key=True), _text("authority_id", sa.ForeignKey("authority.id")), _text("name")
)

api_key = _table(
    "api_key",
    _text("prefix", primary_key=True),  # the visible part
    _text("hash"),
    _text("client_id", sa.ForeignKey("client.id")),
    sa.Column("scopes", sa.JSON, nullable=False),
    _instant("created_at"),
    _instant("revoked_at", null=True),
)

#: A clerk or an administrator of the authority.
person = _table(
    "person",
    _text("id", primary_key=True),
    _text("authority_id", sa.ForeignKey("authority.id")),
    _text("login", unique=True),
    _text("name"),
    _text("role"),
    _text("password_hash"),
    sa.Column("active", sa.Boolean, nullable=False),
    _instant("created_at"),
    _one_of("role", "administrator", "clerk"),
)

counterparty = _table(
    "counterparty",
    _text("id", primary_key=True),
    _text("authority_id", sa.ForeignKey("authority.id"), primary_key=True),
    _text("kind"),
    _text("name_zh"),
    _text("name_en"),
    _text("credit_code", null=True),
    _text("address_zh"),
    _text("address_en"),
    _instant("created_at"),
    _one_of("kind", "legal_person", "other_organisation", "foreign_entity", "natural_person", "outside_body"),
    sa.UniqueConstraint("authority_id", "credit_code"),
)


def _counterparty_key() -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["authority_id", "counterparty_id"], ["counterparty.authority_id", "counterparty.id"]
    )


contact = _table(
    "contact",
    _text("id", primary_key=True),
    _text("authority_id"),
    _text("counterparty_id"),
    _text("name"),
    _text("department"),
    _text("mobile", null=True),
    _text("email", null=True),
    sa.Column("active", sa.Boolean, nullable=False),
    _counterparty_key(),
    sa.Index(None, "authority_id", "counterparty_id"),
)

account = _table(
    "account",
    _text("id", primary_key=True),
    _text("authority_id"),
    _text("counterparty_id"),
    _text("login", unique=True),
    _text("department"),
    _text("password_hash"),
    _text("state"),
    _instant("created_at"),
    _one_of("state", "approved", "stopped"),
    _counterparty_key(),
    sa.Index(None, "authority_id", "counterparty_id"),
)

#: The signed confirmation letter that makes electronic service lawful, and the system that it names.
confirmation_letter = _table(
    "confirmation_letter",
    _text("id", primary_key=True),
    _text("authority_id"),
    _text("counterparty_id"),
    _text("letter_version"),
    _text("system_name"),
    _text("system_address"),
    _text("signed_on"),  # YYYY-MM-DD
    _instant("in_force_from"),
    _instant("withdrawn_at", null=True),
    _text("scan_digest", null=True),
    _counterparty_key(),
    sa.Index(None, "authority_id", "counterparty_id"),
)

session = _table(
    "session",
    _text("token_hash", primary_key=True),
    _text("subject_type"),
    _text("subject_id"),
    _text("csrf_token"),
    _instant("created_at"),
    _instant("expires_at"),
    _one_of("subject_type", "account", "person"),
)

#: Failed log-ins, to slow down guessing; rows older than the window are swept.
login_failure = _table(
    "login_failure",
    sa.Column("id", sa.Integer, primary_key=True),
    _text("login"),
    _text("address"),
    _instant("at"),
    sa.Index(None, "login", "at"),
    sa.Index(None, "address", "at"),
)

# --- seals and numbers -----------------------------------------------------------------------------------------------

seal = _table(
    "seal",
    _text("id", primary_key=True),
    _text("authority_id", sa.ForeignKey("authority.id")),
    _text("ring_text"),
    _text("second_line"),
    sa.Column("diameter_mm", sa.Float, nullable=False),
    _text("key_uri"),  # pkcs12:… or pkcs11:…; the secret stands in the settings, never here
    _text("state"),
    sa.Column("test", sa.Boolean, nullable=False),
    _instant("created_at"),
    _one_of("state", "active", "stopped"),
)

#: Each use of a seal with the approval that allowed it. Append-only.
seal_use = _table(
    "seal_use",
    _text("document_id", sa.ForeignKey("document.id"), primary_key=True),
    _text("seal_id", sa.ForeignKey("seal.id")),
    _text("rendered_digest"),
    _text("sealed_digest"),
    _text("approver_name"),
    _text("approver_role"),
    _text("approval_rule"),
    _text("approved_at"),  # as the case system sent it, with its offset
    _text("certificate_serial"),
    _text("certificate_subject"),
    _instant("used_at"),
)

series = _table(
    "series",
    _text("id", primary_key=True),
    _text("authority_id", sa.ForeignKey("authority.id")),
    _text("kind"),  # what manifests name
    sa.Column("year", sa.Integer, nullable=False),
    _text("pattern_zh"),
    _text("pattern_en"),
    sa.Column("next", sa.Integer, nullable=False),
    sa.Column("supplied", sa.Boolean, nullable=False),  # numbers come from the case system
    sa.UniqueConstraint("authority_id", "kind", "year", "supplied"),
)

number = _table(
    "number",
    _text("series_id", sa.ForeignKey("series.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    _text("authority_id"),
    _text("text_zh"),
    _text("text_en"),
    _text("document_id", sa.ForeignKey("document.id"), unique=True),
    _text("state"),
    _text("reason", null=True),
    _one_of("state", "bound", "void"),
    sa.UniqueConstraint("authority_id", "text_zh"),
)

# --- the way of a document -------------------------------------------------------------------------------------------

job = _table(
    "job",
    _text("id", primary_key=True),
    _text("authority_id", sa.ForeignKey("authority.id")),
    _text("client_id", sa.ForeignKey("client.id")),
    _text("case_no"),
    _text("body"),  # what the case system sent, canonical JSON
    _instant("created_at"),
    sa.Index(None, "authority_id", "case_no"),
)

idempotency_key = _table(
    "idempotency_key",
    _text("api_key_prefix", sa.ForeignKey("api_key.prefix"), primary_key=True),
    _text("key", primary_key=True),
    _text("body_digest"),
    _text("job_id", sa.ForeignKey("job.id"), null=True),  # null while the first request is still running
    sa.Column("response", sa.JSON, nullable=True),
    _instant("locked_until"),
    _instant("created_at"),
)

document = _table(
    "document",
    _text("id", primary_key=True),
    _text("job_id", sa.ForeignKey("job.id")),
    _text("authority_id", sa.ForeignKey("authority.id")),
    _text("client_id", sa.ForeignKey("client.id")),
    _text("case_no"),
    sa.Column("position", sa.Integer, nullable=False),
    _text("instrument"),
    _text("template_version"),
    _text("engine"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("authority_revision", sa.Integer, nullable=False),
    sa.Column("numbered", sa.Boolean, nullable=False),
    sa.Column("sealed", sa.Boolean, nullable=False),
    sa.Column("delivered", sa.Boolean, nullable=False),
    sa.Column("important", sa.Boolean, nullable=False),
    _text("series_kind"),
    _text("supplied_number", null=True),
    sa.Column("copies_to", sa.JSON, nullable=False),
    sa.Column("approval", sa.JSON, nullable=True),
    _text("seal_id", sa.ForeignKey("seal.id"), null=True),
    _text("status"),
    _text("reason", null=True),
    _text("number_zh", null=True),
    _text("number_en", null=True),
    _text("rendered_digest", null=True),
    sa.Column("placement", sa.JSON, nullable=True),  # page and millimetres of the seal's centre
    _text("final_digest", null=True),  # the bytes that are released
    sa.Column("pages", sa.Integer, nullable=True),
    _instant("created_at"),
    _instant("released_at", null=True),
    _one_of(
        "status",
        "accepted",
        "numbered",
        "rendered",
        "sealed",
        "released",
        "failed",
        "cancelled",
        "void",
        "revoked",
        "changed",
    ),
    sa.Index(None, "authority_id", "case_no"),
    sa.Index(None, "job_id"),
    sa.Index(
        "ix_document_supplied_number",
        "authority_id",
        "supplied_number",
        sqlite_where=sa.text("supplied_number is not null"),
        postgresql_where=sa.text("supplied_number is not null"),
    ),
)

delivery = _table(
    "delivery",
    _text("id", primary_key=True),
    _text("document_id", sa.ForeignKey("document.id")),
    _text("authority_id"),
    _text("counterparty_id", null=True),
    sa.Column("address", sa.JSON, nullable=True),  # of a recipient outside the directory
    _text("recipient_zh"),
    _text("recipient_en"),
    _text("route", null=True),  # known at dispatch
    sa.Column("route_reasons", sa.JSON, nullable=False),
    _text("status"),
    sa.Column("paper_required", sa.Boolean, nullable=False),  # a paper copy runs beside or instead
    _text("paper_status"),
    _text("letter_id", sa.ForeignKey("confirmation_letter.id"), null=True),
    sa.Column("places", sa.JSON, nullable=False),  # principal places of business of both sides (ESL Art 12)
    _instant("sent_at", null=True),
    _instant("accessed_at", null=True),
    _instant("confirmed_at", null=True),
    _text("confirmed_by", sa.ForeignKey("account.id"), null=True),
    _text("deemed_date", null=True),
    sa.Column("service_count", sa.JSON, nullable=True),  # the working days counted at sending, with their versions
    _text("service_status"),
    _text("service_date", null=True),
    _text("service_basis", null=True),
    sa.Column("service_answer", sa.JSON, nullable=True),  # the whole derivation, as decided last
    _instant("created_at"),
    _counterparty_key(),
    _one_of("route", "inbox", "paper", "internal"),
    _one_of("status", "pending", "available", "accessed", "confirmed", "deemed"),
    _one_of("paper_status", "none", "to_print", "sent", "served", "returned"),
    _one_of("service_status", "pending", "provisional", "final"),
    sa.Index(None, "document_id"),
    sa.Index("ix_delivery_inbox", "authority_id", "counterparty_id", "sent_at"),
    sa.Index("ix_delivery_paper", "authority_id", "paper_status"),
)

#: What a clerk recorded of one attempt to serve on paper. A correction is a new row that names the one it supersedes.
paper_receipt = _table(
    "paper_receipt",
    _text("id", primary_key=True),
    _text("delivery_id", sa.ForeignKey("delivery.id")),
    _text("method"),
    _text("outcome"),
    _text("served_on", null=True),  # the legal day, YYYY-MM-DD; null for an attempt that failed
    sa.Column("record", sa.JSON, nullable=False),  # all that was entered
    _text("scan_digest", null=True),
    sa.Column("final", sa.Boolean, nullable=False),  # false: no scan yet
    _text("supersedes", sa.ForeignKey("paper_receipt.id"), null=True, unique=True),
    _text("recorded_by"),
    _instant("recorded_at"),
    sa.Index(None, "delivery_id"),
)

notice = _table(
    "notice",
    _text("id", primary_key=True),
    _text("delivery_id", sa.ForeignKey("delivery.id")),
    _text("contact_id", sa.ForeignKey("contact.id")),
    _text("channel"),
    _text("address"),
    _text("message_id", unique=True),  # Message-ID or out_id: never changes over retries
    _text("state"),
    sa.Column("sends", sa.Integer, nullable=False),
    _text("detail", null=True),
    _instant("created_at"),
    _instant("intended_at", null=True),  # written before the effect: a row left here after a crash is ambiguous
    _instant("sent_at", null=True),
    _one_of("channel", "email", "sms"),
    _one_of("state", "pending", "intended", "sent", "ambiguous", "failed"),
    sa.Index(None, "delivery_id"),
)

#: As a text, in the index and in the queries alike: SQLite uses a partial index only for the very same words.
STEP_IS_OPEN = sa.text("state in ('ready', 'running')")

step = _table(
    "step",
    _text("id", primary_key=True),  # <subject id>/<stage>
    _text("subject_type"),
    _text("subject_id"),
    _text("stage"),
    _text("state"),
    _instant("run_at"),  # by the database's clock
    _instant("legal_at", null=True),  # the legal moment it waits for, if any: run_at follows it
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("excused", sa.Integer, nullable=False, server_default="0"),  # attempts that only had to wait (Retry)
    sa.Column("fence", sa.BigInteger, nullable=False),
    _text("owner", null=True),
    _instant("lease_until", null=True),
    _instant("hinted_until"),  # a message is under way until then
    _text("error", null=True),
    _one_of("subject_type", "document", "delivery", "notice"),
    _one_of("state", "ready", "running", "waiting", "done", "dead"),
    sa.UniqueConstraint("subject_id", "stage"),
    sa.Index("ix_step_due", "run_at", sqlite_where=STEP_IS_OPEN, postgresql_where=STEP_IS_OPEN),
)

# --- evidence --------------------------------------------------------------------------------------------------------

#: The ledger: one hash chain per stream (a document, or an authority's directory). Append-only by trigger.
event = _table(
    "event",
    _text("stream", primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    _text("key"),  # deterministic: a replay cannot make a second legal event
    _text("kind"),
    _text("subject"),
    _text("actor"),
    _instant("happened_at"),  # by the legal clock
    _instant("recorded_at"),  # by the database's clock
    _text("legal_date", null=True),
    _text("body"),  # canonical JSON
    _text("previous"),
    _text("hash", unique=True),
    sa.UniqueConstraint("stream", "key"),
)

ledger_head = _table(
    "ledger_head",
    _text("stream", primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False),
    _text("hash"),
)

artifact = _table(
    "artifact",
    _text("digest", primary_key=True),  # SHA-256
    sa.Column("size", sa.BigInteger, nullable=False),
    _text("media_type"),
    _instant("created_at"),
)

#: Working-day notices of the State Council that were imported beyond the library's own data. Append-only.
calendar_notice = _table(
    "calendar_notice",
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("edition", sa.Integer, primary_key=True, autoincrement=False),
    _text("document_number"),
    _text("source"),
    _text("digest"),
    sa.Column("days", sa.JSON, nullable=False),
    _text("imported_by"),
    _instant("imported_at"),
)

#: Tables that refuse UPDATE and DELETE by trigger.
APPEND_ONLY = (event, seal_use, paper_receipt, calendar_notice)
