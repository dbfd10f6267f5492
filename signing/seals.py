"""The picture of a round seal: a one-page vector PDF of exact size, drawn from outlines.

国发〔1999〕25号: round, a five-pointed star in the middle, the name in a ring from left to right (arts. 1, 13), 宋体,
simplified characters (art. 17); red (GB/T 9704-2012 7.3.5.1). Text is drawn as outlines of the pinned font, so the page
needs no font, keeps its PDF/A conformity, and looks the same everywhere.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from records.errors import Fault, Refused
from signing.drawings import MM, RED, TEST_MARK, drawing
from signing.outlines import Outlines, font_face, xy

_LARGEST_MM, _SMALLEST_MM = 50.0, 20.0


@dataclass(frozen=True)
class SealDesign:
    """What a round seal shows. `diameter_mm` is the outer edge of the ring on paper.

    `ring_text` is the authority's name, `second_line` the kind of seal (such as 行政执法专用章) under the star, or "".
    `test` writes 测试 TEST into the seal, visibly.
    """

    ring_text: str
    second_line: str = ""
    diameter_mm: float = 42.0
    test: bool = False


def draw_seal(design: SealDesign, font: Path) -> bytes:
    """The seal as a one-page PDF of `diameter_mm` square; the same bytes for the same design and font, always.

    `font` is an OpenType file or collection; of a collection the Simplified Chinese face is taken.
    Raises Refused for an empty or too long text, a size outside 20 to 50 mm (国发〔1999〕25号 knows none larger), or a
    character that the font cannot draw.
    """
    _refuse_bad(design)
    state = font.stat()
    return _draw(design, font, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=64)
def _draw(design: SealDesign, font: Path, _state: tuple[int, int]) -> bytes:
    """Drawn once per design and state of the font file."""
    with font_face(font) as face:
        outlines = Outlines(face)
        outlines.refuse_missing({"/ring_text": design.ring_text, "/second_line": design.second_line})
        content = _content(outlines, design, design.diameter_mm * MM / 2)
    return drawing(content, design.diameter_mm, design.diameter_mm)


def _content(outlines: Outlines, design: SealDesign, radius: float) -> str:
    parts = [RED, _ring(radius), _star(radius)]
    parts += _ring_text(outlines, design, radius)
    if design.second_line:
        parts.append(outlines.line(design.second_line, (radius, radius * 0.48), radius * 0.17, radius * 1.06))
    if design.test:
        low = 0.24 if design.second_line else 0.42
        parts.append(outlines.line(TEST_MARK, (radius, radius * low), radius * 0.135, radius * 0.72))
    return "\n".join(parts)


def _refuse_bad(design: SealDesign) -> None:
    faults = []
    if not 2 <= len(design.ring_text) <= 30:
        faults.append(
            Fault("/ring_text", "length", "the text of the ring has 2 to 30 characters", "环形文字应为2至30个字")
        )
    if len(design.second_line) > 14:
        faults.append(Fault("/second_line", "length", "the second line has at most 14 characters", "第二行最多14个字"))
    if not _SMALLEST_MM <= design.diameter_mm <= _LARGEST_MM:
        faults.append(
            Fault(
                "/diameter_mm",
                "range",
                f"the diameter is {_SMALLEST_MM:g} to {_LARGEST_MM:g} mm",
                f"直径应为{_SMALLEST_MM:g}至{_LARGEST_MM:g}毫米",
                "国发〔1999〕25号",
            )
        )
    if faults:
        raise Refused(faults)


def _ring_text(outlines: Outlines, design: SealDesign, radius: float) -> list[str]:
    """The name along the upper arc, feet to the centre, tall and narrow as seals have it."""
    count = len(design.ring_text)
    height = radius * (0.30 if count <= 16 else 0.25)
    outer = radius * 0.885
    middle = outer - height / 2
    widest = 214 if design.second_line else 250 if design.test else 290  # the lines below need their room
    step = math.radians(min(26.0, widest / max(count - 1, 1)))
    width = min(height * 0.92, 2 * (outer - height) * math.tan(step / 2) * 1.12)
    drawn = []
    for index, char in enumerate(design.ring_text):
        angle = (index - (count - 1) / 2) * step  # clockwise from the top
        centre = (radius + middle * math.sin(angle), radius + middle * math.cos(angle))
        drawn.append(outlines.placed(char, centre, width, height, angle))
    return [part for part in drawn if part]


def _ring(radius: float) -> str:
    """The ring; its outer edge is the edge of the page, so that the seal measures what the design says."""
    width = radius * 0.055
    arm, bow = radius - width / 2, (radius - width / 2) * 0.5522847498
    c = radius
    return "\n".join(
        [
            f"{width:.4f} w",
            f"{xy((c + arm, c))} m",
            f"{xy((c + arm, c + bow))} {xy((c + bow, c + arm))} {xy((c, c + arm))} c",
            f"{xy((c - bow, c + arm))} {xy((c - arm, c + bow))} {xy((c - arm, c))} c",
            f"{xy((c - arm, c - bow))} {xy((c - bow, c - arm))} {xy((c, c - arm))} c",
            f"{xy((c + bow, c - arm))} {xy((c + arm, c - bow))} {xy((c + arm, c))} c",
            "s",
        ]
    )


def _star(radius: float) -> str:
    """The five-pointed star: a third of the seal's diameter, one point up."""
    outer, inner = radius / 3, radius / 3 * math.sin(math.radians(18)) / math.sin(math.radians(54))
    points = []
    for index in range(10):
        angle, reach = math.radians(36 * index), inner if index % 2 else outer
        points.append((radius + reach * math.sin(angle), radius + reach * math.cos(angle)))
    lines = [f"{xy(point)} {'l' if index else 'm'}" for index, point in enumerate(points)]
    return "\n".join([*lines, "h f"])
