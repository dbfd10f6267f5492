"""Statistics of a year (004-101): documents released and their service, by month in Beijing and by kind.

A document counts in the month of its release, and so does its service, whenever it was served: a row adds up.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

import sqlalchemy as sa

from delivery.beijing import BEIJING
from records import statistics

BASES: Final = ("confirmed", "deemed", "paper")
_FORMULAS: Final = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Row:
    """One month and kind: documents, their deliveries by what made the date, and those without one yet."""

    month: int
    instrument: str
    documents: int
    confirmed: int
    deemed: int
    paper: int
    open: int


def of_year(connection: sa.Connection, authority_id: str, year: int) -> list[Row]:
    """The rows of a year that hold anything, by month, then kind."""
    bounds = [datetime(year + (month > 12), (month - 1) % 12 + 1, 1, tzinfo=BEIJING) for month in range(1, 14)]
    documents = {
        (row["month"], row["instrument"]): row["documents"]
        for row in statistics.released(connection, authority_id, bounds)
    }
    served = {
        (row["month"], row["instrument"], row["basis"] or "open"): row["deliveries"]
        for row in statistics.served(connection, authority_id, bounds)
    }
    return [
        Row(*place, documents[place], *(served.get((*place, basis), 0) for basis in (*BASES, "open")))
        for place in sorted(documents)
    ]


def as_csv(head: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """A table as UTF-8 with a mark that office programs know; no cell can be taken for a formula."""
    made = io.StringIO()
    writer = csv.writer(made, lineterminator="\r\n")
    writer.writerows([neutral(cell) for cell in row] for row in (head, *rows))
    return made.getvalue().encode("utf-8-sig")


def neutral(cell: object) -> str:
    """The cell as text; one that a spreadsheet would run begins with an apostrophe (OWASP, CSV injection)."""
    text = str(cell)
    return f"'{text}" if text.startswith(_FORMULAS) else text


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
