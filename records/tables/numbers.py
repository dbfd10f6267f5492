"""Number series and numbers."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, one_of, table, text

series = table(
    "series",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("kind"),  # what manifests name
    sa.Column("year", sa.Integer, nullable=False),
    text("pattern_zh"),
    text("pattern_en"),
    sa.Column("first", sa.Integer, nullable=False),
    sa.Column("next", sa.Integer, nullable=False),
    sa.Column("supplied", sa.Boolean, nullable=False),  # numbers come from the case system
    sa.UniqueConstraint("authority_id", "kind", "year", "supplied"),
)

number = table(
    "number",
    text("series_id", sa.ForeignKey("series.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    text("authority_id"),
    text("text_zh"),
    text("text_en"),
    text("document_id", sa.ForeignKey("document.id"), unique=True),
    text("state"),
    text("reason", null=True),
    text("voided_by", null=True),
    instant("voided_at", null=True),
    one_of("state", "bound", "void"),
    sa.UniqueConstraint("authority_id", "text_zh"),
)
