"""What is known of the servers outside, for those who watch the system. No evidence: rows are overwritten."""

from __future__ import annotations

import sqlalchemy as sa

from records.tables.base import instant, table, text

#: How the time stamp authorities answer the workers of each host.
timestamp_authority = table(
    "timestamp_authority",
    text("url", primary_key=True),  # without name and password
    text("host", primary_key=True),
    sa.Column("answers", sa.BigInteger, nullable=False),
    sa.Column("failures", sa.BigInteger, nullable=False),
    sa.Column("mean_ms", sa.Float, nullable=True),
    instant("failing_since", null=True),
    instant("failed_at", null=True),
    text("failure"),
    instant("reported_at"),
)
