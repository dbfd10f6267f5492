"""Seals, who may approve their use, the approvals and grants, and the uses."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, one_of, table, text

#: A seal of the register. Its own validity is by the legal clock; that of the key's certificate is by the real one.
seal = table(
    "seal",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("name"),
    text("issuer"),  # 发印机关; "" for seals of before 0011, of which nobody recorded it
    text("kind"),
    text("ring_text"),
    text("second_line"),
    sa.Column("diameter_mm", sa.Float, nullable=False),
    text("picture_digest", null=True),  # a one-page PDF in the store; null: drawn from the texts above
    sa.Column("picture_width_mm", sa.Float, nullable=True),
    text("key_uri"),  # pkcs12:… or pkcs11:…; the secret stands in the settings, never here
    sa.Column("certificate", sa.JSON, nullable=True),  # of the key it is bound to, as it was at registration
    instant("valid_from"),
    instant("valid_until", null=True),
    text("state"),
    instant("stopped_at", null=True),
    text("stop_reason", null=True),
    sa.Column("test", sa.Boolean, nullable=False),
    instant("created_at"),
    one_of("kind", "official", "enforcement", "signature_stamp"),
    one_of("state", "active", "stopped"),
    sa.Index("ix_seal_authority_id", "authority_id"),
)

#: Who may approve uses of a seal, in which office and by which rule. Times are by the legal clock.
seal_approver = table(
    "seal_approver",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("seal_id", sa.ForeignKey("seal.id")),
    text("person_id", sa.ForeignKey("person.id")),
    text("role_zh"),
    text("role_en"),
    text("rule"),
    instant("valid_from"),
    instant("valid_until", null=True),
    text("added_by"),
    instant("added_at"),
    text("ended_by", null=True),
    text("end_reason", null=True),
    sa.Index("ix_seal_approver_seal", "seal_id", "person_id"),
    sa.Index("ix_seal_approver_person_id", "person_id"),
)

#: A person's approval that one seal is put on exactly these bytes (ESL Art 13). Append-only.
seal_approval = table(
    "seal_approval",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("document_id", sa.ForeignKey("document.id")),
    text("rendered_digest"),
    text("seal_id", sa.ForeignKey("seal.id")),
    text("approver_id", sa.ForeignKey("seal_approver.id")),
    text("person_id", sa.ForeignKey("person.id")),
    text("name"),
    text("role_zh"),
    text("role_en"),
    text("rule"),
    text("session"),  # hash of the session's token
    text("authenticated"),  # how the person proved, for this very use, to be that person
    instant("approved_at"),  # by the legal clock
    sa.UniqueConstraint("document_id", "rendered_digest", "seal_id"),
)

#: A standing approval: limited in instruments, time and uses, and revocable. Times are by the legal clock.
seal_grant = table(
    "seal_grant",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("seal_id", sa.ForeignKey("seal.id")),
    text("approver_id", sa.ForeignKey("seal_approver.id")),
    sa.Column("instruments", sa.JSON, nullable=False),  # instrument ids and `volume`; [] is everything
    text("client_id", sa.ForeignKey("client.id"), null=True),  # only what this case system asked for
    instant("valid_from"),
    instant("valid_until"),
    sa.Column("most_uses", sa.Integer, nullable=False),
    sa.Column("uses", sa.Integer, nullable=False),
    text("granted_by"),  # the person logged in, or the operator's hand
    instant("granted_at"),
    instant("revoked_at", null=True),
    text("revoked_by", null=True),
    text("revoke_reason", null=True),
    sa.CheckConstraint("uses between 0 and most_uses", name="uses"),
    sa.Index("ix_seal_grant_seal_id", "seal_id"),
)

#: Each use of a seal and what allowed it; a document may bear several. Append-only.
seal_use = table(
    "seal_use",
    text("document_id", sa.ForeignKey("document.id"), primary_key=True),
    text("seal_id", sa.ForeignKey("seal.id"), primary_key=True),
    text("rendered_digest"),
    text("sealed_digest"),
    text("basis", null=True),  # null before 0011, when the case system's statement was enough
    text("approval_id", null=True),
    text("grant_id", null=True),
    text("approver_name"),  # who approved or granted; before 0011: whom the case system named
    text("approver_role"),
    text("approval_rule"),
    text("approved_at"),  # ISO 8601 with its offset
    text("certificate_serial"),
    text("certificate_subject"),
    text("electronic_seal_id", null=True),  # null: without one
    text("electronic_seal_digest", null=True),
    instant("used_at"),
)

#: Who put the wet seal on which printed copies, or that the printout carries the electronic one. Append-only.
paper_seal = table(
    "paper_seal",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("delivery_id", sa.ForeignKey("delivery.id")),
    text("how"),
    sa.Column("copies", sa.Integer, nullable=False),
    text("sealed_by"),  # the person's name, as it was entered; "" for a printout of the electronic seal
    text("sealed_on"),  # YYYY-MM-DD
    text("note"),
    text("recorded_by"),
    instant("recorded_at"),
    one_of("how", "wet", "electronic"),
    sa.Index("ix_paper_seal_delivery_id", "delivery_id"),
)
