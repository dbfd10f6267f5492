"""Statistics of a year (004-101): documents and their service, by month in Beijing and kind, and by office.

A document counts in the month of its release; a delivery in the month in which it was sent, whenever it was served.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

import sqlalchemy as sa

from delivery.beijing import BEIJING
from records import directory, statistics

#: What made the date of a service, and that there is none yet.
BASES: Final = ("confirmed", "deemed", "paper", "ruling", "open")


@dataclass(frozen=True)
class Row:
    """One month and kind: documents released; deliveries sent, by what made the date, and those without one yet."""

    month: int
    instrument: str
    documents: int
    confirmed: int
    deemed: int
    paper: int
    ruling: int
    open: int


@dataclass(frozen=True)
class OfficeRow:
    """The deliveries of a year to those for whom an office is responsible; "" where none is entered."""

    office: str
    sent: int
    confirmed: int
    deemed: int
    paper: int
    ruling: int
    open: int


def of_year(connection: sa.Connection, authority_id: str, year: int) -> tuple[list[Row], list[OfficeRow]]:
    """The rows of a year that hold anything: by month, then kind; and by office."""
    bounds = [datetime(year + (month > 12), (month - 1) % 12 + 1, 1, tzinfo=BEIJING) for month in range(1, 14)]
    documents = {
        (row["month"], row["instrument"]): row["documents"]
        for row in statistics.released(connection, authority_id, bounds)
    }
    of_office = directory.offices(connection, authority_id)
    kinds: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    offices: dict[str, Counter[str]] = defaultdict(Counter)
    for row in statistics.sent(connection, authority_id, bounds):
        basis = row["basis"] or "open"
        kinds[row["month"], row["instrument"]][basis] += row["deliveries"]
        offices[of_office.get(row["counterparty_id"]) or ""][basis] += row["deliveries"]
    return (
        [
            Row(month, instrument, documents.get((month, instrument), 0), **_by_basis(kinds[month, instrument]))
            for month, instrument in sorted(documents.keys() | kinds.keys())
        ],
        [OfficeRow(office, found.total(), **_by_basis(found)) for office, found in offices.items()],
    )


def _by_basis(found: Counter[str]) -> dict[str, int]:
    return {basis: found[basis] for basis in BASES}


def chart(rows: Sequence[Row], title: str) -> str:
    """Documents of each month as bars: an SVG picture that needs no script and no style."""
    months = [sum(row.documents for row in rows if row.month == month) for month in range(1, 13)]
    most = max(*months, 1)
    bars = []
    for nth, count in enumerate(months):
        height, left = round(140 * count / most, 1), 20 + nth * 48
        top = 165 - height
        bars.append(f'<rect x="{left}" y="{top}" width="32" height="{height}" fill="#1b4b8a"/>')
        if count:
            bars.append(f'<text x="{left + 16}" y="{top - 4}" font-size="12" text-anchor="middle">{count}</text>')
        bars.append(f'<text x="{left + 16}" y="182" font-size="12" text-anchor="middle">{nth + 1}</text>')
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 600 190" role="img" font-family="sans-serif" '
        f'fill="#1d2530"><title>{escape(title)}</title><path d="M14 165H590" stroke="#7b8794"/>{"".join(bars)}</svg>'
    )
