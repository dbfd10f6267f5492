"""Several seals on one document: where each stands (GB/T 9704-2012 7.3.5.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from records.errors import Fault, Refused
from signing.fields import Placement

TYPE_AREA_MM: Final = (28.0, 35.0, 184.0, 260.0)
"""Left, lower, right and upper edge of the type area of 156 by 225 mm on A4, from the page's lower left corner."""

_APART_MM = 2.0
_ROUNDING_MM = 0.01


def side_by_side(
    anchor: Placement,
    sizes: Sequence[tuple[float, float]],
    *,
    name_mm: float = 0.0,
    lowest_mm: float = TYPE_AREA_MM[1],
) -> list[Placement]:
    """Places for seals of these sizes (width, height in mm), in their order, on the anchor's page.

    The first stands on the anchor, which is where the template has its agency's name and date: centred on them, as if
    it were alone. The others follow to the left in a row, clear of that name, which is `name_mm` wide, and 2 mm apart,
    their centres on one line. What does not fit there stands in further rows below, from the anchor's column on, down
    to `lowest_mm`, where what is printed under the date begins (版记, say). Raises Refused when a seal would leave the
    type area or there is no room below.
    """
    left, _, right, high = TYPE_AREA_MM
    placed: list[Placement] = []
    y = low = anchor.y_mm
    for row in _rows(anchor.x_mm, sizes, name_mm):
        tallest = max(height for _, (_, height) in row)
        y = low - _APART_MM - tallest / 2 if placed else anchor.y_mm
        low = y - tallest / 2
        if low < lowest_mm - _ROUNDING_MM or y + tallest / 2 > high + _ROUNDING_MM:
            raise _no_room(len(sizes))
        for x, (width, height) in row:
            if x - width / 2 < left - _ROUNDING_MM or x + width / 2 > right + _ROUNDING_MM:
                raise _no_room(len(sizes))
            placed.append(Placement(anchor.page, x, y, width, height))
    return placed


_Size = tuple[float, float]


def _rows(centre: float, sizes: Sequence[_Size], name_mm: float) -> list[list[tuple[float, _Size]]]:
    """The seals of each row with their centres, from its right end: as many as fit as far as the left edge of text."""
    rows: list[list[tuple[float, _Size]]] = []
    free = 0.0  # what is taken of the present row begins here
    for width, height in sizes:
        if not rows or free - width < TYPE_AREA_MM[0]:
            rows.append([(centre, (width, height))])
            free = centre - (max(width, name_mm) if len(rows) == 1 else width) / 2 - _APART_MM
        else:
            rows[-1].append((free - width / 2, (width, height)))
            free -= width + _APART_MM
    return rows


def _no_room(count: int) -> Refused:
    return Refused(
        [
            Fault(
                "/seals",
                "no_room",
                f"{count} seals do not fit side by side into the type area at this place",
                f"版心内该位置排不下{count}枚印章",
                "GB/T 9704-2012 7.3.5.1",
            )
        ]
    )
