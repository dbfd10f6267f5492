"""The way of a document: jobs, documents, deliveries, paper receipts, notices."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa

from records.tables.base import counterparty_key, instant, one_of, table, text

job = table(
    "job",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("client_id", sa.ForeignKey("client.id")),
    text("case_no"),
    text("body"),  # what the case system sent, canonical JSON
    instant("created_at"),
    sa.Index(None, "authority_id", "case_no"),
)

idempotency_key = table(
    "idempotency_key",
    text("api_key_prefix", sa.ForeignKey("api_key.prefix"), primary_key=True),
    text("key", primary_key=True),
    text("body_digest"),
    text("job_id", sa.ForeignKey("job.id"), null=True),  # null while the first request is still running
    sa.Column("response", sa.JSON, nullable=True),
    instant("locked_until"),
    instant("created_at"),
)

#: As texts, in the indexes and in the queries alike: SQLite uses a partial index only for the very same words.
PAPER_IS_SENT = sa.text("paper_status = 'sent'")
SCAN_IS_MISSING = sa.text("scan_missing")
DATE_IS_PROVISIONAL = sa.text("service_status = 'provisional'")
DOCUMENT_FAILED = sa.text("status = 'failed'")
DISPATCHED = sa.text("route is not null")
NOT_DISPATCHED = sa.text("route is null")
SENDING_IS_AMBIGUOUS = sa.text("state = 'ambiguous'")

document = table(
    "document",
    text("id", primary_key=True),
    text("job_id", sa.ForeignKey("job.id")),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("client_id", sa.ForeignKey("client.id")),
    text("case_no"),
    sa.Column("position", sa.Integer, nullable=False),
    text("instrument"),
    text("template_version"),
    text("template_digest", null=True),  # the frozen template; null when it was accepted before 0006
    text("engine"),
    sa.Column("facts", sa.JSON, nullable=False),
    sa.Column("authority_revision", sa.Integer, nullable=False),
    sa.Column("numbered", sa.Boolean, nullable=False),
    sa.Column("sealed", sa.Boolean, nullable=False),
    sa.Column("delivered", sa.Boolean, nullable=False),
    sa.Column("important", sa.Boolean, nullable=False),
    text("series_kind"),
    text("supplied_number", null=True),
    sa.Column("copies_to", sa.JSON, nullable=False),
    sa.Column("approval", sa.JSON, nullable=True),
    text("seal_id", sa.ForeignKey("seal.id"), null=True),
    text("status"),
    text("reason", null=True),
    text("number_zh", null=True),
    text("number_en", null=True),
    text("rendered_digest", null=True),
    sa.Column("placement", sa.JSON, nullable=True),  # page and millimetres of the seal's centre
    text("final_digest", null=True),  # the bytes that are released
    sa.Column("pages", sa.Integer, nullable=True),
    sa.Column("preflight", sa.JSON, nullable=True),  # the law it was checked against, with what it warned of
    instant("created_at"),
    instant("released_at", null=True),
    one_of(
        "status",
        "accepted",
        "numbered",
        "rendered",
        "sealed",
        "released",
        "failed",
        "cancelled",
        "void",
        "revoked",
        "changed",
    ),
    # cases are searched for in this index alone (records.documents.cases_found)
    sa.Index("ix_document_case", "authority_id", "case_no", "number_zh", "number_en", "created_at", "id"),
    sa.Index(None, "job_id"),
    sa.Index(None, "final_digest"),
    sa.Index("ix_document_released", "authority_id", "released_at", "instrument"),
    sa.Index("ix_document_failed", "authority_id", sqlite_where=DOCUMENT_FAILED, postgresql_where=DOCUMENT_FAILED),
    sa.Index(
        "ix_document_supplied_number",
        "authority_id",
        "supplied_number",
        sqlite_where=sa.text("supplied_number is not null"),
        postgresql_where=sa.text("supplied_number is not null"),
    ),
)

#: A document that ends, changes or mends another, or declares it void: `document_id` acts on `target_id`.
link = table(
    "link",
    text("document_id", sa.ForeignKey("document.id"), primary_key=True),
    text("target_id", sa.ForeignKey("document.id"), primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("effect"),
    text("state"),
    text("effective_on", null=True),  # the legal day, YYYY-MM-DD
    one_of("effect", "ends", "changes", "mends", "declares"),
    one_of("state", "pending", "in_effect", "dropped"),
    sa.Index(None, "target_id"),
    # two that end or change one document cannot be under way at once, whoever asks
    sa.Index(
        "ix_link_one_at_a_time",
        "target_id",
        unique=True,
        sqlite_where=sa.text("state = 'pending' and effect in ('ends', 'changes')"),
        postgresql_where=sa.text("state = 'pending' and effect in ('ends', 'changes')"),
    ),
)

#: Which deliveries of an inbox nobody opened yet, and which wait for a confirmation. Literal, as partial indexes need.
UNREAD: Final = "route = 'inbox' and accessed_at is null"
WAITING: Final = "route = 'inbox' and status in ('available', 'accessed') and service_status <> 'final'"

_LISTED: Final = ("authority_id", "counterparty_id", "sent_at", "id", "instrument", "found_by")


def _where(condition: str) -> dict[str, Any]:
    return {"sqlite_where": sa.text(condition), "postgresql_where": sa.text(condition)}


delivery = table(
    "delivery",
    text("id", primary_key=True),
    text("document_id", sa.ForeignKey("document.id")),
    text("authority_id"),
    text("counterparty_id", null=True),
    sa.Column("address", sa.JSON, nullable=True),  # of a recipient outside the directory
    text("recipient_zh"),
    text("recipient_en"),
    text("route", null=True),  # known at dispatch
    sa.Column("route_reasons", sa.JSON, nullable=False),
    text("status"),
    sa.Column("paper_required", sa.Boolean, nullable=False),  # a paper copy runs beside or instead
    text("paper_status"),
    text("letter_id", sa.ForeignKey("confirmation_letter.id"), null=True),
    sa.Column("places", sa.JSON, nullable=False),  # principal places of business of both sides (ESL Art 12)
    instant("sent_at", null=True),
    instant("accessed_at", null=True),
    instant("confirmed_at", null=True),
    text("confirmed_by", sa.ForeignKey("account.id"), null=True),
    text("deemed_date", null=True),
    sa.Column("service_count", sa.JSON, nullable=True),  # the working days counted at sending, with their versions
    text("service_status"),
    text("service_date", null=True),
    text("service_basis", null=True),
    sa.Column("service_answer", sa.JSON, nullable=True),  # the whole derivation, as decided last
    sa.Column("deadlines", sa.JSON, nullable=True),  # the limits that hang on it, as computed last, with their revision
    text("deadlines_until", null=True),  # the last of their last days, to find those that are not over
    sa.Column("scan_missing", sa.Boolean, nullable=False, server_default=sa.false()),  # a standing record has no scan
    instant("paper_since", null=True),  # since when the paper track stands where it stands
    text("instrument", null=True),  # with the next one: what an inbox is listed by; known at dispatch
    text("found_by", null=True),  # number and case, folded for the search
    text("found_at_desk", null=True),  # the same with the recipient
    instant("created_at"),
    counterparty_key(),
    one_of("route", "inbox", "paper", "internal"),
    one_of("status", "pending", "available", "accessed", "confirmed", "deemed"),
    one_of("paper_status", "none", "to_print", "sent", "served", "returned"),
    one_of("service_status", "pending", "provisional", "final"),
    sa.Index(None, "document_id"),
    # a list of an inbox reads these indexes and no row that it does not show (records.inbox)
    sa.Index("ix_delivery_inbox", *_LISTED, "service_status", **_where("route = 'inbox'")),
    sa.Index("ix_delivery_unread", *_LISTED, **_where(UNREAD)),
    sa.Index("ix_delivery_waiting", *_LISTED, **_where(WAITING)),
    sa.Index("ix_delivery_found", "authority_id", "created_at", "id", "found_at_desk", **_where(DISPATCHED.text)),
    sa.Index("ix_delivery_not_dispatched", "authority_id", "created_at", **_where(NOT_DISPATCHED.text)),
    # and the statistics of a year (records.statistics)
    sa.Index("ix_delivery_counted", "authority_id", "sent_at", "instrument", "service_basis", "counterparty_id"),
    sa.Index("ix_delivery_paper", "authority_id", "paper_status", "created_at", "id"),
    *(
        sa.Index(
            f"ix_delivery_{name}",
            "authority_id",
            column,
            "id",
            sqlite_where=where,
            postgresql_where=where,
        )
        for name, column, where in (
            ("late", "paper_since", PAPER_IS_SENT),
            ("scan_missing", "created_at", SCAN_IS_MISSING),
            ("provisional", "created_at", DATE_IS_PROVISIONAL),
        )
    ),
    sa.Index("ix_delivery_deadlines", "authority_id", "deadlines_until"),
)

#: What a clerk recorded of one attempt to serve on paper. A correction is a new row that names the one it supersedes.
paper_receipt = table(
    "paper_receipt",
    text("id", primary_key=True),
    text("delivery_id", sa.ForeignKey("delivery.id")),
    text("method"),
    text("outcome"),
    text("served_on", null=True),  # the legal day, YYYY-MM-DD; null for an attempt that failed
    sa.Column("record", sa.JSON, nullable=False),  # all that was entered
    text("scan_digest", null=True),
    sa.Column("final", sa.Boolean, nullable=False),  # false: no scan yet
    text("supersedes", sa.ForeignKey("paper_receipt.id"), null=True, unique=True),
    text("attempt_id", null=True),  # records of before there were attempts, and those by API, have none
    text("recorded_by"),
    instant("recorded_at"),
    sa.Index(None, "delivery_id"),
)

#: As a text, in the index and in the query alike, as for steps.
NOTICE_FAILED = sa.text("(notice.state = 'failed' or notice.report = 'failed')")
_FAILED = sa.text("(state = 'failed' or report = 'failed')")

#: A notice to one contact by one channel: of a delivery, of a seal whose key may have been in other hands, or of a
#: change of the counterparty's own entries. `state` is what our sending came to, `report` what was told of it later.
notice = table(
    "notice",
    text("id", primary_key=True),
    text("delivery_id", sa.ForeignKey("delivery.id"), null=True),
    text("compromise_id", sa.ForeignKey("seal_compromise.id"), null=True),
    text("change_id", sa.ForeignKey("change.id"), null=True),
    text("contact_id", sa.ForeignKey("contact.id")),
    text("channel"),
    text("occasion", server_default="arrival"),
    text("about", server_default=""),  # the limit and its last day, where a delivery has several occasions of one kind
    text("address"),
    text("message_id", unique=True),  # Message-ID or out_id: never changes over retries
    text("state"),
    sa.Column("sends", sa.Integer, nullable=False),
    text("detail", null=True),
    instant("created_at"),
    instant("sent_at", null=True),
    text("report", null=True),
    text("report_code", null=True),
    instant("reported_at", null=True),
    one_of("channel", "email", "sms"),
    one_of("occasion", "arrival", "third_day", "served", "deadline", "seal_lost", "change"),
    one_of("state", "pending", "sent", "ambiguous", "failed", "dropped"),
    one_of("report", "delivered", "delayed", "failed"),
    sa.CheckConstraint(
        "(case when delivery_id is null then 0 else 1 end) + (case when compromise_id is null then 0 else 1 end)"
        " + (case when change_id is null then 0 else 1 end) = 1",
        name="subject",
    ),
    sa.Index(None, "contact_id", "created_at"),
    sa.Index("ix_notice_failed", "contact_id", sqlite_where=_FAILED, postgresql_where=_FAILED),
    sa.Index(
        "ix_notice_ambiguous",
        "delivery_id",
        sqlite_where=SENDING_IS_AMBIGUOUS,
        postgresql_where=SENDING_IS_AMBIGUOUS,
    ),
    # one for each contact, channel and occasion, however often the step that writes them runs
    sa.Index("ix_notice_reminder", "delivery_id", "contact_id", "channel", "occasion", "about", unique=True),
    sa.Index(
        "ix_notice_compromise",
        "compromise_id",
        "contact_id",
        "channel",
        unique=True,
        sqlite_where=sa.text("compromise_id is not null"),
        postgresql_where=sa.text("compromise_id is not null"),
    ),
    sa.Index("ix_notice_change", "change_id", "contact_id", "channel", unique=True),
)
