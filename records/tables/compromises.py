"""Keys of seals that may have been in other hands: what was reported, what it touches, what was found genuine."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, table, text

#: Reports that a seal's key may have been in other hands. Append-only: a further one moves the moment earlier.
seal_compromise = table(
    "seal_compromise",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("seal_id", sa.ForeignKey("seal.id")),
    instant("since"),  # real time, as the time stamps are
    text("reported_by"),
    text("reason"),
    instant("reported_at"),
    sa.UniqueConstraint("seal_id", "since"),
)

#: Documents that were sealed with such a key at or after that moment, each marked once. Append-only.
affected_document = table(
    "affected_document",
    text("document_id", sa.ForeignKey("document.id"), primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("compromise_id", sa.ForeignKey("seal_compromise.id")),
    instant("sealed_at"),  # by the time stamp, which decides; by our clock if there is none
    instant("marked_at"),
    sa.Index(None, "authority_id"),
    sa.Index(None, "compromise_id"),
)

#: Affected documents that a person confirmed as issued by the authority. Append-only.
genuine_document = table(
    "genuine_document",
    text("document_id", sa.ForeignKey("affected_document.document_id"), primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("confirmed_by", sa.ForeignKey("person.id")),
    text("reason"),
    instant("confirmed_at"),
)
