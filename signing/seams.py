"""The seam seal 骑缝章: one seal cut into slices, one at the edge of each page.

Laid fanned out beyond that edge, the first page on top, the pages show the whole seal, so a page that was exchanged or
left out is seen on paper too. The slices are page content, drawn before the one signature and therefore covered by it,
and marked as artifacts for PDF/UA.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import pikepdf

from records.errors import Fault, Refused
from signing.overlays import draw_over, marked, page_units, shown_at

_NAME = "/SongdaSeamSeal"
_Box = tuple[float, float, float, float]


class Edge(StrEnum):
    """The edge of the pages at which the slices stand."""

    RIGHT = "right"
    LEFT = "left"
    TOP = "top"
    BOTTOM = "bottom"


@dataclass(frozen=True)
class Seam:
    """How the seam seal is laid: edge of the page, pages that share one whole seal, size and place on paper.

    A document with more than `pages` pages gets several whole seals, each over about as many: slices thinner than 4 mm
    (42 mm over 10 pages) show nothing. `width_mm` is the whole seal's. Its centre stands in the middle of the edge,
    `offset_mm` further up or to the right.
    """

    edge: Edge = Edge.RIGHT
    pages: int = 10
    width_mm: float = 42.0
    offset_mm: float = 0.0


def add_seam_seal(pdf: pikepdf.Pdf, form: pikepdf.Object, seam: Seam) -> None:
    """Draw the slices of a seal (`overlays.form_of`) on an open PDF.

    A document of one page has no seam and stays as it is. Raises Refused where the seal would leave a page.
    """
    pages = list(pdf.pages)
    if len(pages) < 2:
        return
    box = [float(edge) for edge in form.BBox]
    proportion = (box[3] - box[1]) / (box[2] - box[0])
    start = 0
    for count in _groups(len(pages), seam.pages):
        for index, page in enumerate(pages[start : start + count]):
            shown, unit = page_units(page)
            clip, whole = _slice(
                shown, (seam.width_mm * unit, seam.width_mm * unit * proportion), unit, seam, index, count
            )
            cut = f"q {' '.join(f'{each:.4f}' for each in clip)} re W n\n{shown_at(_NAME, form, whole)} Q"
            draw_over(pdf, page, marked(cut, None), {_NAME: form})
        start += count


def _groups(pages: int, most: int) -> list[int]:
    """How many pages share each whole seal: as few seals as possible, the pages spread evenly.

    Never one page alone: the whole seal would stand there, over the text.
    """
    seals = min(-(-pages // most), pages // 2)
    return [pages // seals + (index < pages % seals) for index in range(seals)]


def _slice(page: _Box, size: tuple[float, float], unit: float, seam: Seam, index: int, count: int) -> tuple[_Box, _Box]:
    """What is seen on page `index` of `count`, and where the whole seal would stand (left, bottom, width, height).

    The first page lies on top: of a seal at the right edge it shows the leftmost slice, of one at the top the lowest.
    """
    left, bottom, right, top = page
    width, height = size
    offset = seam.offset_mm * unit
    if seam.edge in (Edge.RIGHT, Edge.LEFT):
        low, part = (bottom + top) / 2 + offset - height / 2, width / count
        inside = bottom <= low and low + height <= top
        start = right - part if seam.edge is Edge.RIGHT else left
        clip = (start, low, part, height)
        before = index if seam.edge is Edge.RIGHT else count - 1 - index
        whole = (start - part * before, low, width, height)
    else:
        side, part = (left + right) / 2 + offset - width / 2, height / count
        inside = left <= side and side + width <= right
        start = top - part if seam.edge is Edge.TOP else bottom
        clip = (side, start, width, part)
        before = index if seam.edge is Edge.TOP else count - 1 - index
        whole = (side, start - part * before, width, height)
    if not inside:
        raise Refused([Fault("/seam", "off_page", "the seam seal leaves the page", "骑缝章超出页面")])
    return clip, whole
