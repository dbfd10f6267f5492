"""How the time stamp authorities answer, as the workers of each host report it from time to time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from records.instants import now
from records.statements import insert_if_absent
from records.tables import timestamp_authority


def report(
    connection: sa.Connection,
    host: str,
    url: str,
    *,
    answers: int,
    failures: int,
    mean_ms: float | None,
    failing_since: datetime | None,
    failed_at: datetime | None,
    failure: str,
) -> None:
    """Add so many more answers and failures of the authority, and say how it stands. Times are aware."""
    key = {"url": url, "host": host}
    row = {**key, "answers": 0, "failures": 0, "mean_ms": None, "failing_since": None, "failed_at": None, "failure": ""}
    insert_if_absent(connection, timestamp_authority, row, "reported_at")
    table = timestamp_authority
    values: dict[Any, Any] = {
        "answers": table.c.answers + answers,
        "failures": table.c.failures + failures,
        "mean_ms": sa.func.coalesce(sa.literal(mean_ms, sa.Float), table.c.mean_ms),
        "failing_since": failing_since,
        "failed_at": sa.func.coalesce(sa.literal(failed_at, table.c.failed_at.type), table.c.failed_at),
        "failure": failure or table.c.failure,
        "reported_at": now(),
    }
    connection.execute(table.update().where(table.c.url == url, table.c.host == host).values(values))


def listed(connection: sa.Connection) -> list[sa.RowMapping]:
    """Every authority that was reported, for each host."""
    query = sa.select(timestamp_authority).order_by(timestamp_authority.c.url, timestamp_authority.c.host)
    return list(connection.execute(query).mappings())
