"""Registration of counterparties by themselves: campaigns, visits, applications, what was told of them, activations."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import counterparty_key, instant, one_of, table, text

#: A registration campaign: whoever knows its code may apply until its last day.
campaign = table(
    "campaign",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("code", unique=True),  # upper and lower case differ (000, annex 2); it leads to one authority
    text("ends_on"),  # the last day at Beijing, YYYY-MM-DD
    text("created_by"),
    instant("created_at"),
    instant("closed_at", null=True),
    sa.Index(None, "authority_id"),
)

#: An application for registration; `facts` are as entered last, and do not change while it is submitted or approved.
registration = table(
    "registration",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("campaign_id", sa.ForeignKey("campaign.id")),
    text("category"),
    text("mobile"),  # proved by an SMS code
    text("state"),
    text("number", null=True, unique=True),  # given at the first submission
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("files", sa.JSON, nullable=False),  # what it is -> digest of the scan
    sa.Column("uses", sa.Integer, nullable=False),  # scans and prints so far, which are limited
    sa.Column("submissions", sa.Integer, nullable=False),
    sa.Column("review", sa.JSON, nullable=False),  # the reviewer's checklist so far
    text("counterparty_id", null=True),
    instant("created_at"),
    instant("changed_at"),  # by the legal clock
    one_of("category", "legal_person", "other_organisation", "foreign_entity"),
    one_of("state", "draft", "submitted", "returned", "approved"),
    counterparty_key(),
    sa.Index("ix_registration_desk", "authority_id", "state", "changed_at", "id"),
    sa.Index("ix_registration_mobile", "authority_id", "mobile"),
)

#: What was reported to the authority, each time. Append-only.
registration_submission = table(
    "registration_submission",
    text("registration_id", sa.ForeignKey("registration.id"), primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True, autoincrement=False),
    text("authority_id"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("files", sa.JSON, nullable=False),
    sa.Column("office", sa.JSON, nullable=False),  # the responsible office, and whether a clerk has to confirm it
    instant("submitted_at"),
)

#: What the authority decided on each submission. Append-only.
registration_decision = table(
    "registration_decision",
    text("registration_id", primary_key=True),
    sa.Column("nth", sa.Integer, primary_key=True, autoincrement=False),
    text("authority_id"),
    text("outcome"),
    sa.Column("review", sa.JSON, nullable=False),  # the checklist as it stood
    text("reasons_zh"),
    text("reasons_en"),
    text("decided_by", sa.ForeignKey("person.id")),
    instant("decided_at"),
    sa.ForeignKeyConstraint(
        ["registration_id", "nth"], ["registration_submission.registration_id", "registration_submission.nth"]
    ),
    one_of("outcome", "approved", "returned"),
)

#: Somebody at the door of registration: first with a code to prove, then in. The token is only in the visitor's cookie.
visit = table(
    "visit",
    text("token_hash", primary_key=True),
    text("csrf_token"),
    text("authority_id", sa.ForeignKey("authority.id"), null=True),  # null: nothing was found, and the visitor waits
    text("campaign_id", sa.ForeignKey("campaign.id"), null=True),
    text("category", null=True),
    text("registration_id", sa.ForeignKey("registration.id"), null=True),
    text("mobile"),
    text("code_hash", null=True),
    instant("code_until", null=True),
    sa.Column("tries", sa.Integer, nullable=False),
    instant("proved_at", null=True),
    instant("created_at"),
    instant("expires_at"),
)

#: A message that stands before it is sent, so that a crash is told. The secret of one is made at sending, never stored.
message = table(
    "message",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("registration_id", sa.ForeignKey("registration.id"), null=True),
    text("channel"),
    text("address"),
    text("template"),
    sa.Column("params", sa.JSON, nullable=False),
    text("secret_of", null=True),  # the visit or the activation whose code it brings
    text("asked_from", null=True),  # the network that asked for it, for the limits
    text("state"),
    text("detail", null=True),
    instant("created_at"),
    instant("sent_at", null=True),
    one_of("channel", "email", "sms"),
    one_of("state", "pending", "sent", "ambiguous", "failed", "late"),
    sa.Index("ix_message_address", "address", "created_at"),
    sa.Index("ix_message_asked_from", "asked_from", "created_at"),
    sa.Index(None, "registration_id"),
    sa.Index(None, "secret_of"),
)

#: A one-time code by which an account's owner chooses the password. The newest of an account counts.
activation = table(
    "activation",
    text("id", primary_key=True),
    text("account_id", sa.ForeignKey("account.id")),
    text("authority_id"),
    text("code_hash", null=True),  # null until the message goes out
    instant("expires_at"),
    sa.Column("tries", sa.Integer, nullable=False),
    instant("used_at", null=True),
    text("issued_by"),
    sa.Column("call_back", sa.JSON, nullable=True),  # by whom the identity was asked back, for a code after the first
    instant("issued_at"),
    sa.Index(None, "account_id", "issued_at"),
)
