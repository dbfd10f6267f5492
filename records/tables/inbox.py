"""What counterparties do in their inbox beside reading: people, counsel, submissions, objections, paper copies."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import counterparty_key, instant, one_of, table, text

#: Who uses an account: real names with their office, chosen when a receipt is confirmed or material is handed in.
named_person = table(
    "named_person",
    text("id", primary_key=True),
    text("account_id", sa.ForeignKey("account.id")),
    text("name"),
    text("office"),
    instant("created_at"),
    instant("ended_at", null=True),
    sa.Index(None, "account_id"),
)

#: Outside counsel with a power of attorney. The account is made by a clerk's approval and ends by itself.
counsel = table(
    "counsel",
    text("id", primary_key=True),
    text("authority_id"),
    text("counterparty_id"),
    text("name"),
    text("firm"),
    text("login"),
    text("last_day"),  # of the power of attorney, YYYY-MM-DD in Beijing
    sa.Column("cases", sa.JSON, nullable=True),  # that it names, by number; none: whatever the client receives
    text("email", null=True),  # counsel's own, for the activation code; null in requests of before
    text("mobile", null=True),
    text("digest", sa.ForeignKey("artifact.digest")),
    text("asked_by", sa.ForeignKey("account.id")),
    instant("asked_at"),
    text("state"),
    text("decided_by", sa.ForeignKey("person.id"), null=True),
    instant("decided_at", null=True),
    text("reason", null=True),
    text("account_id", sa.ForeignKey("account.id"), null=True),
    counterparty_key(),
    one_of("state", "asked", "approved", "returned", "revoked"),
    sa.Index(None, "authority_id", "counterparty_id"),
    sa.Index("ix_counsel_asked", "authority_id", "state"),
)

#: Material handed in against a document. Append-only: what replaces it is a new row that names the one before.
submission = table(
    "submission",
    text("id", primary_key=True),
    text("authority_id"),
    text("counterparty_id"),
    text("client_id", sa.ForeignKey("client.id")),
    text("delivery_id", sa.ForeignKey("delivery.id")),
    text("document_id", sa.ForeignKey("document.id")),
    text("case_no"),
    text("kind"),
    text("words"),
    text("account_id", sa.ForeignKey("account.id")),
    text("person"),
    text("office"),
    text("session"),  # SHA-256 of the session's token
    text("declaration_zh"),
    text("declaration_en"),
    text("last_day", null=True),  # of the limit that held when it came
    sa.Column("late", sa.Boolean, nullable=False),
    text("supersedes", sa.ForeignKey("submission.id"), null=True, unique=True),
    instant("submitted_at"),  # by the legal clock
    counterparty_key(),
    one_of("kind", "statement", "hearing_request", "evidence", "payment_proof", "material"),
    sa.Index(None, "delivery_id"),
    sa.Index("ix_submission_case", "authority_id", "case_no"),
    sa.Index("ix_submission_newest", "authority_id", "submitted_at"),
)

submission_file = table(
    "submission_file",
    text("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    text("name"),
    text("digest", sa.ForeignKey("artifact.digest")),
    text("media_type"),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("pages", sa.Integer, nullable=False),
)

#: A clerk took it to the file. Append-only.
submission_taken = table(
    "submission_taken",
    text("submission_id", sa.ForeignKey("submission.id"), primary_key=True),
    text("taken_by", sa.ForeignKey("person.id")),
    instant("taken_at"),
)

#: An objection to a service date (confirmation letter III.3). Append-only.
objection = table(
    "objection",
    text("id", primary_key=True),
    text("authority_id"),
    text("counterparty_id"),
    text("delivery_id", sa.ForeignKey("delivery.id")),
    text("document_id", sa.ForeignKey("document.id")),
    text("against"),  # the service date that is objected to, YYYY-MM-DD
    text("claimed"),  # the day that the party says is right, YYYY-MM-DD
    text("grounds"),
    text("digest", sa.ForeignKey("artifact.digest"), null=True),  # what proves it
    text("account_id", sa.ForeignKey("account.id")),
    text("person"),
    text("office"),
    text("session"),
    instant("raised_at"),
    counterparty_key(),
    sa.Index(None, "delivery_id"),
    sa.Index("ix_objection_newest", "authority_id", "raised_at"),
)

#: The ruling on it by a named person. Append-only.
objection_ruling = table(
    "objection_ruling",
    text("objection_id", sa.ForeignKey("objection.id"), primary_key=True),
    text("outcome"),
    text("served_on", null=True),  # the day that an upheld objection leads to, YYYY-MM-DD
    text("reasons"),
    text("person_id", sa.ForeignKey("person.id")),
    text("name"),
    instant("ruled_at"),
    one_of("outcome", "upheld", "dismissed"),
    sa.CheckConstraint("(outcome = 'upheld') = (served_on is not null)", name="served_on"),
)

#: A paper copy that the party asked for: a courtesy, which never changes the service date.
copy_request = table(
    "copy_request",
    text("id", primary_key=True),
    text("authority_id"),
    text("delivery_id", sa.ForeignKey("delivery.id")),
    text("account_id", sa.ForeignKey("account.id")),
    instant("asked_at"),
    text("sent_by", sa.ForeignKey("person.id"), null=True),
    instant("sent_at", null=True),
    sa.Index(
        "ix_copy_request_open",
        "delivery_id",
        unique=True,
        sqlite_where=sa.text("sent_at is null"),
        postgresql_where=sa.text("sent_at is null"),
    ),
    sa.Index("ix_copy_request_waiting", "authority_id", "sent_at"),
    sa.Index(None, "delivery_id"),
)
