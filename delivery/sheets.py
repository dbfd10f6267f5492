"""Tables as CSV (RFC 4180) for spreadsheets: UTF-8 with its mark, and no cell that a spreadsheet would compute."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

#: With it spreadsheets read UTF-8 instead of the code page of their system.
MARK: Final = "\ufeff"

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")


def neutral(cell: str) -> str:
    """The cell as text: one that a spreadsheet might take for a formula gets an apostrophe before it (OWASP)."""
    return f"'{cell}" if cell.lstrip(" ").startswith(_FORMULA) or cell.startswith(_FORMULA) else cell


def lines(rows: Iterable[Sequence[str]]) -> str:
    """Rows as text, each cell neutral."""
    out = io.StringIO()
    csv.writer(out).writerows([neutral(cell) for cell in row] for row in rows)
    return out.getvalue()
