"""The ledger, the artifacts, the template versions that were used, the imported calendars."""

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

#: Working-day notices of the State Council that were imported beyond the library's own data. Append-only.
calendar_notice = table(
    "calendar_notice",
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("edition", sa.Integer, primary_key=True, autoincrement=False),
    text("document_number"),
    text("source"),
    text("digest"),
    sa.Column("days", sa.JSON, nullable=False),
    text("imported_by"),
    instant("imported_at"),
)
