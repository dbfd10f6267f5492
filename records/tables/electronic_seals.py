"""Electronic seals of GB/T 38540 that go with seals of the register."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, one_of, table, text

_ACTIVE = sa.text("state = 'active'")

electronic_seal = table(
    "electronic_seal",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("seal_id", sa.ForeignKey("seal.id")),
    text("name"),  # as the electronic seal says itself
    text("digest", sa.ForeignKey("artifact.digest")),  # of the SESeal (.esl)
    text("key_uri"),  # pkcs8:…; the passphrase stands in the settings, never here
    text("certificate"),  # of the signer, PEM
    instant("valid_from"),
    instant("valid_to"),
    text("state"),
    sa.Column("test", sa.Boolean, nullable=False),
    text("registered_by"),
    instant("registered_at"),
    text("ended_by", null=True),
    instant("ended_at", null=True),
    one_of("state", "active", "off"),
    # a seal has one electronic seal at a time, whoever registers another meanwhile
    sa.Index("ix_electronic_seal_active", "seal_id", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
)
