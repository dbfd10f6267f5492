"""Sealed files that have to stay provable: until when each is, when it is to be renewed, and every renewal."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, table, text

#: One row for each sealed file that is kept: a released document's, or a case volume's.
archive = table(
    "archive",
    text("id", primary_key=True),  # of the document or of the volume
    text("authority_id", sa.ForeignKey("authority.id")),
    text("stream"),  # the ledger stream that tells of it: the document's, or that of the volume's case
    text("released_digest"),  # what was served, and what evidence names: for ever
    text("digest"),  # the newest file, which begins with exactly those bytes
    instant("provable_until"),  # of the newest file
    instant("renew_at", null=True),  # by the database's clock; null: its step of renewal was made
    sa.Column("renewals", sa.Integer, nullable=False),
    text("asked_by", null=True),  # who wants it renewed now, whether or not it is due
    sa.Index("ix_archive_renew_at", "renew_at"),
    sa.Index("ix_archive_provable_until", "provable_until"),
)

#: What each renewal made of what. Append-only.
renewal = table(
    "renewal",
    text("archive_id", sa.ForeignKey("archive.id"), primary_key=True),
    sa.Column("ordinal", sa.Integer, primary_key=True, autoincrement=False),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("previous_digest"),
    text("digest", sa.ForeignKey("artifact.digest")),
    text("timestamp_authority"),
    instant("stamped_at"),  # by that authority's clock
    instant("provable_until"),
    text("asked_by", null=True),
    instant("renewed_at"),
)
