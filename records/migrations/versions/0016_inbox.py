"""Inbox: lists that read an index, people and counsel of an account, submissions, objections, paper copies"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from records.append_only import refuse_changes
from records.instants import Instant

revision = "0016"
down_revision = "0015"

_LISTED = ["authority_id", "counterparty_id", "sent_at", "id", "instrument", "found_by"]
_WAITING = "route = 'inbox' and status in ('available', 'accessed') and service_status <> 'final'"


def upgrade() -> None:
    """Apply. What was delivered before is found by its number and case as well."""
    _list_inboxes_by_index()
    op.add_column("account", sa.Column("ends_at", Instant(), nullable=True))
    _people()
    _submissions()
    _objections()
    _copies()
    for table in ("submission", "submission_file", "submission_taken", "objection", "objection_ruling"):
        refuse_changes(table)


def _list_inboxes_by_index() -> None:
    for name in ("instrument", "found_by"):
        op.add_column("delivery", sa.Column(name, sa.Text(), nullable=True))
    brackets = "replace(replace({0}, '〔', '['), '〕', ']')"
    found = " || ' ' || ".join(
        brackets.format(f"coalesce({name}, '')") for name in ("number_zh", "number_en", "case_no")
    )
    of = "from document where document.id = delivery.document_id"
    op.execute(
        f"update delivery set instrument = (select instrument {of}), "  # noqa: S608
        f"found_by = (select lower(replace({found}, ' ', '')) {of}) where route is not null"
    )
    op.drop_index("ix_delivery_inbox", "delivery")
    for name, more, condition in (
        ("inbox", ["service_status"], "route = 'inbox'"),
        ("unread", [], "route = 'inbox' and accessed_at is null"),
        ("waiting", [], _WAITING),
    ):
        where = sa.text(condition)
        op.create_index(f"ix_delivery_{name}", "delivery", _LISTED + more, sqlite_where=where, postgresql_where=where)


def _texts(*names: str, null: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=null) for name in names]


def _moments(*names: str, null: bool = False) -> list[sa.Column[object]]:
    return [sa.Column(name, Instant(), nullable=null) for name in names]


def _keys(table: str, **others: str) -> list[sa.ForeignKeyConstraint]:
    """Each column names a row of a table, by its id or digest."""
    return [sa.ForeignKeyConstraint([column], [to], name=op.f(f"fk_{table}_{column}")) for column, to in others.items()]


def _of_counterparty(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["authority_id", "counterparty_id"],
        ["counterparty.authority_id", "counterparty.id"],
        name=op.f(f"fk_{table}_authority_id_counterparty_id"),
    )


def _id(table: str, *columns: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*(columns or ("id",)), name=op.f(f"pk_{table}"))


def _people() -> None:
    op.create_table(
        "named_person",
        *_texts("id", "account_id", "name", "office"),
        *_moments("created_at"),
        *_moments("ended_at", null=True),
        *_keys("named_person", account_id="account.id"),
        _id("named_person"),
    )
    op.create_index("ix_named_person_account_id", "named_person", ["account_id"])
    op.create_table(
        "counsel",
        *_texts("id", "authority_id", "counterparty_id", "name", "firm", "login", "last_day", "digest", "asked_by"),
        *_moments("asked_at"),
        *_texts("state"),
        *_texts("decided_by", null=True),
        *_moments("decided_at", null=True),
        *_texts("reason", "account_id", null=True),
        sa.CheckConstraint("state in ('asked', 'approved', 'returned', 'revoked')", name=op.f("ck_counsel_state")),
        *_keys(
            "counsel",
            digest="artifact.digest",
            asked_by="account.id",
            decided_by="person.id",
            account_id="account.id",
        ),
        _of_counterparty("counsel"),
        _id("counsel"),
    )
    op.create_index("ix_counsel_authority_id_counterparty_id", "counsel", ["authority_id", "counterparty_id"])
    op.create_index("ix_counsel_asked", "counsel", ["authority_id", "state"])


def _submissions() -> None:
    op.create_table(
        "submission",
        *_texts("id", "authority_id", "counterparty_id", "client_id", "delivery_id", "document_id", "case_no"),
        *_texts("kind", "words", "account_id", "person", "office", "session", "declaration_zh", "declaration_en"),
        *_texts("last_day", null=True),
        sa.Column("late", sa.Boolean(), nullable=False),
        *_texts("supersedes", null=True),
        *_moments("submitted_at"),
        sa.CheckConstraint(
            "kind in ('statement', 'hearing_request', 'evidence', 'payment_proof', 'material')",
            name=op.f("ck_submission_kind"),
        ),
        *_keys(
            "submission",
            client_id="client.id",
            delivery_id="delivery.id",
            document_id="document.id",
            account_id="account.id",
            supersedes="submission.id",
        ),
        _of_counterparty("submission"),
        _id("submission"),
        sa.UniqueConstraint("supersedes", name=op.f("uq_submission_supersedes")),
    )
    op.create_index("ix_submission_delivery_id", "submission", ["delivery_id"])
    op.create_index("ix_submission_case", "submission", ["authority_id", "case_no"])
    op.create_index("ix_submission_newest", "submission", ["authority_id", "submitted_at"])
    op.create_table(
        "submission_file",
        *_texts("submission_id"),
        sa.Column("position", sa.Integer(), nullable=False, autoincrement=False),
        *_texts("name", "digest", "media_type"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        *_keys("submission_file", submission_id="submission.id", digest="artifact.digest"),
        _id("submission_file", "submission_id", "position"),
    )
    op.create_table(
        "submission_taken",
        *_texts("submission_id", "taken_by"),
        *_moments("taken_at"),
        *_keys("submission_taken", submission_id="submission.id", taken_by="person.id"),
        _id("submission_taken", "submission_id"),
    )


def _objections() -> None:
    op.create_table(
        "objection",
        *_texts("id", "authority_id", "counterparty_id", "delivery_id", "document_id", "against", "claimed", "grounds"),
        *_texts("digest", null=True),
        *_texts("account_id", "person", "office", "session"),
        *_moments("raised_at"),
        *_keys(
            "objection",
            delivery_id="delivery.id",
            document_id="document.id",
            digest="artifact.digest",
            account_id="account.id",
        ),
        _of_counterparty("objection"),
        _id("objection"),
    )
    op.create_index("ix_objection_delivery_id", "objection", ["delivery_id"])
    op.create_index("ix_objection_newest", "objection", ["authority_id", "raised_at"])
    op.create_table(
        "objection_ruling",
        *_texts("objection_id", "outcome"),
        *_texts("served_on", null=True),
        *_texts("reasons", "person_id", "name"),
        *_moments("ruled_at"),
        sa.CheckConstraint("outcome in ('upheld', 'dismissed')", name=op.f("ck_objection_ruling_outcome")),
        sa.CheckConstraint(
            "(outcome = 'upheld') = (served_on is not null)", name=op.f("ck_objection_ruling_served_on")
        ),
        *_keys("objection_ruling", objection_id="objection.id", person_id="person.id"),
        _id("objection_ruling", "objection_id"),
    )


def _copies() -> None:
    op.create_table(
        "copy_request",
        *_texts("id", "authority_id", "delivery_id", "account_id"),
        *_moments("asked_at"),
        *_texts("sent_by", null=True),
        *_moments("sent_at", null=True),
        *_keys("copy_request", delivery_id="delivery.id", account_id="account.id", sent_by="person.id"),
        _id("copy_request"),
    )
    open_ = sa.text("sent_at is null")
    op.create_index(
        "ix_copy_request_open", "copy_request", ["delivery_id"], unique=True, sqlite_where=open_, postgresql_where=open_
    )
    op.create_index("ix_copy_request_waiting", "copy_request", ["authority_id", "sent_at"])
    op.create_index("ix_copy_request_delivery_id", "copy_request", ["delivery_id"])
