"""Registration campaigns: a code that is made known, an authority that it leads to, a last day."""

from __future__ import annotations

import sqlalchemy as sa

from records.ids import new_id
from records.instants import now
from records.ledger import append
from records.statements import select_by
from records.tables import campaign


def add(connection: sa.Connection, authority_id: str, code: str, ends_on: str, by: str) -> str:
    """Open a campaign until the end of `ends_on` (YYYY-MM-DD, Beijing); returns its id.

    Raises IntegrityError for a code that any campaign of this installation has or had.
    """
    campaign_id = new_id("cmp")
    connection.execute(
        campaign.insert().values(
            id=campaign_id, authority_id=authority_id, code=code, ends_on=ends_on, created_by=by, created_at=now()
        )
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"campaign/{campaign_id}",
        "campaign.opened",
        subject=campaign_id,
        actor=by,
        body={"ends_on": ends_on},
    )
    return campaign_id


def close(connection: sa.Connection, campaign_id: str, by: str) -> None:
    """Take no new application any more; the first closing stands. Raises LookupError."""
    row = find(connection, campaign_id)
    if row is None:
        raise LookupError(f"no campaign {campaign_id}")
    still_open = (campaign.c.id == campaign_id, campaign.c.closed_at.is_(None))
    connection.execute(campaign.update().where(*still_open).values(closed_at=now()))
    append(
        connection,
        f"directory:{row['authority_id']}",
        f"campaign/{campaign_id}/closed",
        "campaign.closed",
        subject=campaign_id,
        actor=by,
    )


def find(connection: sa.Connection, campaign_id: str) -> sa.RowMapping | None:
    """A campaign by its id, or None."""
    return connection.execute(select_by(campaign, "id"), {"id": campaign_id}).mappings().first()


def by_code(connection: sa.Connection, code: str, today: str) -> sa.RowMapping | None:
    """The campaign of this very code, upper and lower case as written, that is open on `today` (YYYY-MM-DD)."""
    row = connection.execute(select_by(campaign, "code"), {"code": code}).mappings().first()
    return row if row is not None and is_open(row, today) else None


def is_open(row: sa.RowMapping, today: str) -> bool:
    """Whether an application may be made on `today` (YYYY-MM-DD, Beijing)."""
    return row["closed_at"] is None and today <= row["ends_on"]


def listed(connection: sa.Connection, authority_id: str) -> list[sa.RowMapping]:
    """The authority's campaigns, newest first."""
    rows = connection.execute(select_by(campaign, "authority_id"), {"authority_id": authority_id}).mappings()
    return sorted(rows, key=lambda row: row["created_at"], reverse=True)
