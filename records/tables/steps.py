"""Steps: what is to be done, by whom, since when."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, one_of, table, text

#: As a text, in the index and in the queries alike: SQLite uses a partial index only for the very same words.
STEP_IS_OPEN = sa.text("state in ('ready', 'running')")
#: In the same way: the steps that are to seal a document, or wait to.
SEAL_IS_OPEN = sa.text("stage = 'seal' and state in ('ready', 'running', 'waiting')")

#: In the same way: the steps that were given up.
STEP_IS_DEAD = sa.text("state = 'dead'")

step = table(
    "step",
    text("id", primary_key=True),  # <subject id>/<stage>
    text("subject_type"),
    text("subject_id"),
    text("stage"),
    text("state"),
    instant("run_at"),  # by the database's clock
    instant("legal_at", null=True),  # the legal moment it waits for, if any: run_at follows it
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("excused", sa.Integer, nullable=False, server_default="0"),  # attempts that only had to wait (Retry)
    sa.Column("fence", sa.BigInteger, nullable=False),
    text("owner", null=True),
    instant("lease_until", null=True),
    instant("hinted_until"),  # a message is under way until then
    text("error", null=True),
    one_of("subject_type", "document", "delivery", "notice", "compromise", "archive", "message", "change"),
    one_of("state", "ready", "running", "waiting", "done", "dead"),
    sa.UniqueConstraint("subject_id", "stage"),
    sa.Index("ix_step_due", "run_at", sqlite_where=STEP_IS_OPEN, postgresql_where=STEP_IS_OPEN),
    sa.Index("ix_step_dead", "subject_type", sqlite_where=STEP_IS_DEAD, postgresql_where=STEP_IS_DEAD),
    sa.Index("ix_step_seal", "subject_id", sqlite_where=SEAL_IS_OPEN, postgresql_where=SEAL_IS_OPEN),
)
