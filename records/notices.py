"""Working-day notices of the State Council that were imported: never changed, an amendment is a further edition."""

from __future__ import annotations

from collections.abc import Mapping

import sqlalchemy as sa

from records.instants import now
from records.ledger import append
from records.statements import select_by
from records.tables import calendar_notice


def imported(connection: sa.Connection) -> list[sa.RowMapping]:
    """All imported notices in the order of their import."""
    rows = connection.execute(select_by(calendar_notice)).mappings()
    return sorted(rows, key=lambda row: (row["imported_at"], row["edition"]))


def store(
    connection: sa.Connection,
    *,
    year: int,
    document_number: str,
    source: str,
    digest: str,
    days: Mapping[str, bool],
    by: str,
) -> int:
    """Store a notice as the next edition of its year; returns the edition."""
    last = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(calendar_notice.c.edition), 0)).where(calendar_notice.c.year == year)
    ).scalar_one()
    edition = int(last) + 1
    connection.execute(
        calendar_notice.insert().values(
            year=year,
            edition=edition,
            document_number=document_number,
            source=source,
            digest=digest,
            days=dict(days),
            imported_by=by,
            imported_at=now(),
        )
    )
    append(
        connection,
        "calendar",
        f"notice/{year}/{edition}",
        "calendar.imported",
        actor=by,
        body={"document_number": document_number, "source": source, "digest": digest},
    )
    return edition
