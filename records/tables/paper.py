"""Paper beside the ledger: attempts to serve, files of each, stacks of scans, records that wait for approval."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, one_of, table, text

#: As texts, in the indexes and in the queries alike: SQLite uses a partial index only for the very same words.
CORRECTION_WAITS = sa.text("state = 'waiting'")
PART_IS_OPEN = sa.text("state = 'open'")

#: One attempt to serve a delivery on paper. Its code is the barcode on the proof of service.
paper_attempt = table(
    "paper_attempt",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("delivery_id", sa.ForeignKey("delivery.id")),
    sa.Column("nth", sa.Integer, nullable=False),  # from 1, within the delivery
    text("code", unique=True),
    text("method"),
    sa.Column("servers", sa.JSON, nullable=False),  # names
    text("mail_kind"),
    text("mail_number"),
    text("made_by"),
    instant("made_at"),
    sa.UniqueConstraint("delivery_id", "nth"),
)

#: A scanned file of an attempt: the signed proof, the mailing slip (寄出凭证), the return receipt.
paper_file = table(
    "paper_file",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("attempt_id", sa.ForeignKey("paper_attempt.id")),
    text("kind"),
    text("digest"),
    text("added_by"),
    instant("added_at"),
    one_of("kind", "proof", "slip", "return"),
    sa.UniqueConstraint("attempt_id", "kind", "digest"),
)

#: A record that corrects another, or is dated far back: nothing until a second person approves it.
paper_correction = table(
    "paper_correction",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("delivery_id", sa.ForeignKey("delivery.id")),
    text("supersedes", sa.ForeignKey("paper_receipt.id"), null=True),  # null: a backdated record
    text("attempt_id", null=True),
    sa.Column("record", sa.JSON, nullable=False),
    text("scan_digest", null=True),
    text("reason"),
    text("state"),
    text("proposed_by"),
    instant("proposed_at"),
    text("decided_by", null=True),
    instant("decided_at", null=True),
    text("note", null=True),
    text("receipt_id", null=True),  # the record that it became
    one_of("state", "waiting", "approved", "declined"),
    # one at a time for each delivery, whoever proposes
    sa.Index(
        "ix_paper_correction_waiting",
        "delivery_id",
        unique=True,
        sqlite_where=CORRECTION_WAITS,
        postgresql_where=CORRECTION_WAITS,
    ),
    sa.Index(
        "ix_paper_correction_authority",
        "authority_id",
        "proposed_at",
        sqlite_where=CORRECTION_WAITS,
        postgresql_where=CORRECTION_WAITS,
    ),
)

#: A file from the document feeder. `read_pages` counts the pages that were looked at: reading goes on from there.
scan_stack = table(
    "scan_stack",
    text("id", primary_key=True),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("digest"),
    sa.Column("pages", sa.Integer, nullable=False),
    sa.Column("read_pages", sa.Integer, nullable=False),
    text("added_by"),
    instant("added_at"),
    sa.UniqueConstraint("authority_id", "digest"),
    sa.Index("ix_scan_stack_authority", "authority_id", "added_at"),
)

#: Pages of a stack that belong together (from 0, the last one included): with the code that was read, if one was.
scan_part = table(
    "scan_part",
    text("stack_id", sa.ForeignKey("scan_stack.id"), primary_key=True),
    sa.Column("first_page", sa.Integer, primary_key=True),
    sa.Column("last_page", sa.Integer, nullable=False),
    text("authority_id", sa.ForeignKey("authority.id")),
    text("code", null=True),
    text("attempt_id", sa.ForeignKey("paper_attempt.id"), null=True),
    text("digest", null=True),  # of the pages as a file of their own, once they were attached
    text("state"),
    one_of("state", "open", "attached", "set_aside"),
    sa.Index(
        "ix_scan_part_open",
        "authority_id",
        sqlite_where=PART_IS_OPEN,
        postgresql_where=PART_IS_OPEN,
    ),
)
