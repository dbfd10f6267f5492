"""Seals and their uses, number series and numbers."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, one_of, table, text

seal = table(
    "seal",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("ring_text"),
    text("second_line"),
    sa.Column("diameter_mm", sa.Float, nullable=False),
    text("key_uri"),  # pkcs12:… or pkcs11:…; the secret stands in the settings, never here
    text("state"),
    sa.Column("test", sa.Boolean, nullable=False),
    instant("created_at"),
    one_of("state", "active", "stopped"),
)

#: Each use of a seal with the approval that allowed it. Append-only.
seal_use = table(
    "seal_use",
    text("document_id", sa.ForeignKey("document.id"), primary_key=True),
    text("seal_id", sa.ForeignKey("seal.id")),
    text("rendered_digest"),
    text("sealed_digest"),
    text("approver_name"),
    text("approver_role"),
    text("approval_rule"),
    text("approved_at"),  # as the case system sent it, with its offset
    text("certificate_serial"),
    text("certificate_subject"),
    instant("used_at"),
    text("electronic_seal_id", null=True),  # null: without one
    text("electronic_seal_digest", null=True),
)

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
