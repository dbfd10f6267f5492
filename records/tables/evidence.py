"""The ledger, the artifacts, the template versions that were used, the imported calendars, the case volumes."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, table, text

#: The ledger: one hash chain per stream (a document, or an authority's directory). Append-only by trigger.
event = table(
    "event",
    text("stream", primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    text("key"),  # deterministic: a replay cannot make a second legal event
    text("kind"),
    text("subject"),
    text("actor"),
    instant("happened_at"),  # by the legal clock
    instant("recorded_at"),  # by the database's clock
    text("legal_date", null=True),
    text("body"),  # canonical JSON
    text("previous"),
    text("hash", unique=True),
    sa.UniqueConstraint("stream", "key"),
)

ledger_head = table(
    "ledger_head",
    text("stream", primary_key=True),
    sa.Column("seq", sa.Integer, nullable=False),
    text("hash"),
)

artifact = table(
    "artifact",
    text("digest", primary_key=True),  # SHA-256
    sa.Column("size", sa.BigInteger, nullable=False),
    text("media_type"),
    instant("created_at"),
)

#: What each template version was when a document was first accepted with it. Append-only: a version never changes.
template_version = table(
    "template_version",
    text("instrument", primary_key=True),
    text("version", primary_key=True),
    text("digest", sa.ForeignKey("artifact.digest")),  # the frozen template (templates/editions.py)
    instant("first_used"),
)

#: Working-day notices of the State Council beyond the library's own data, as one person proposed them. Append-only.
calendar_notice = table(
    "calendar_notice",
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("edition", sa.Integer, primary_key=True, autoincrement=False),
    text("document_number"),
    text("source"),
    text("digest"),
    sa.Column("days", sa.JSON, nullable=False),
    text("proposed_by"),
    instant("proposed_at"),
)

#: Which of them count, by a second person's approval. Append-only.
calendar_approval = table(
    "calendar_approval",
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("edition", sa.Integer, primary_key=True, autoincrement=False),
    text("approved_by"),
    instant("approved_at"),
    sa.ForeignKeyConstraint(["year", "edition"], ["calendar_notice.year", "calendar_notice.edition"]),
)

#: Evidence and other files that were added to a case, for its volume. Append-only.
case_file = table(
    "case_file",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("client_id", sa.ForeignKey("client.id"), null=True),  # null: added by an operator
    text("case_no"),
    text("part"),  # 004-92
    text("title_zh"),
    text("title_en"),
    text("day"),  # YYYY-MM-DD
    text("digest", sa.ForeignKey("artifact.digest")),
    text("added_by"),
    instant("added_at"),
    sa.UniqueConstraint("authority_id", "case_no", "digest"),
    sa.Index("ix_case_file_case", "authority_id", "case_no"),
)

#: Sealed volumes: which papers each holds, under whose authorisation it was sealed. Append-only.
volume = table(
    "volume",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("client_id", sa.ForeignKey("client.id"), null=True),
    text("case_no"),
    text("content"),  # SHA-256 over the papers that it holds
    text("digest", sa.ForeignKey("artifact.digest")),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("archival", sa.Boolean, nullable=False),
    text("seal_id", sa.ForeignKey("seal.id")),
    sa.Column("approval", sa.JSON, nullable=False),
    instant("made_at"),
    sa.Index("ix_volume_case", "authority_id", "case_no"),
)
