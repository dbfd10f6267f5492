"""Working-day notices of the State Council: one person proposes an edition of a year, a second one lets it count.

Nothing is ever changed: an amendment is a further edition, and of two that count the later one does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import sqlalchemy as sa

from records.directory import SelfApproval
from records.instants import now
from records.ledger import append, lock
from records.tables import calendar_approval, calendar_notice, person

STREAM: Final = "calendar"
"""The ledger's stream of all notices."""

_SAME: Final = (calendar_approval.c.year == calendar_notice.c.year) & (
    calendar_approval.c.edition == calendar_notice.c.edition
)
_IN_ORDER: Final = (calendar_notice.c.year, calendar_notice.c.edition)
_APPROVED: Final = sa.select(calendar_notice).join(calendar_approval, _SAME).order_by(*_IN_ORDER)


class Outdated(Exception):
    """A later edition of the year counts already; an earlier one is not put in its place."""


def imported(connection: sa.Connection) -> list[sa.RowMapping]:
    """The approved notices with their days, editions of one year in their order."""
    return list(connection.execute(_APPROVED).mappings())


def editions(connection: sa.Connection) -> list[sa.RowMapping]:
    """All editions of all years in their order, without their days, with who proposed and who approved (or None).

    `proposer` and `approver` are names; None for somebody who is no person of the directory.
    """
    proposer, approver = person.alias("proposer"), person.alias("approver")
    joined = calendar_notice.join(calendar_approval, _SAME, isouter=True)
    joined = joined.join(proposer, proposer.c.id == calendar_notice.c.proposed_by, isouter=True)
    joined = joined.join(approver, approver.c.id == calendar_approval.c.approved_by, isouter=True)
    query = sa.select(
        *(column for column in calendar_notice.c if column.name != "days"),
        calendar_approval.c.approved_by,
        calendar_approval.c.approved_at,
        proposer.c.name.label("proposer"),
        approver.c.name.label("approver"),
    )
    return list(connection.execute(query.select_from(joined).order_by(*_IN_ORDER)).mappings())


def find(connection: sa.Connection, year: int, edition: int) -> sa.RowMapping:
    """One edition with its days. Raises LookupError."""
    here = (calendar_notice.c.year == year, calendar_notice.c.edition == edition)
    row = connection.execute(sa.select(calendar_notice).where(*here)).mappings().first()
    if row is None:
        raise LookupError(f"no edition {edition} of {year}")
    return row


def propose(
    connection: sa.Connection,
    *,
    year: int,
    document_number: str,
    source: str,
    digest: str,
    days: Mapping[str, bool],
    by: str,
) -> int:
    """Store a notice as the next edition of its year; it counts once approved. Returns the edition.

    `days` maps YYYY-MM-DD to whether the day is worked, `digest` is the SHA-256 of the file.
    """
    lock(connection, STREAM)
    last = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(calendar_notice.c.edition), 0)).where(calendar_notice.c.year == year)
    ).scalar_one()
    edition = int(last) + 1
    told = {"document_number": document_number, "source": source, "digest": digest}
    connection.execute(
        calendar_notice.insert().values(
            year=year, edition=edition, days=dict(days), proposed_by=by, proposed_at=now(), **told
        )
    )
    append(connection, STREAM, f"notice/{year}/{edition}/proposed", "calendar.proposed", actor=by, body=told)
    return edition


def approve(connection: sa.Connection, year: int, edition: int, by: str) -> None:
    """Let an edition count, by a second person; the first approval stands.

    Raises LookupError, SelfApproval, Outdated.
    """
    lock(connection, STREAM)
    row = find(connection, year, edition)
    if row["proposed_by"] == by:
        raise SelfApproval("a second person approves a holiday notice")
    approved = sa.select(calendar_approval.c.edition).where(calendar_approval.c.year == year)
    counting = set(connection.execute(approved).scalars())
    if edition in counting:
        return
    if any(other > edition for other in counting):
        raise Outdated(f"edition {max(counting)} of {year} counts already")
    connection.execute(calendar_approval.insert().values(year=year, edition=edition, approved_by=by, approved_at=now()))
    told = {name: row[name] for name in ("document_number", "source", "digest")}
    append(connection, STREAM, f"notice/{year}/{edition}/approved", "calendar.approved", actor=by, body=told)
