"""The picture of a personal signature stamp 签名章, 名章: rectangular or square, red, the name in Song type.

GB/T 9704-2012 7.3.5.3 knows the stamp of the signatory and prescribes neither size nor form, so both are the caller's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from records.errors import Fault, Refused
from signing.drawings import MM, RED, TEST_MARK, drawing
from signing.outlines import Outlines, font_face

_SMALLEST_MM, _LARGEST_MM = 8.0, 60.0
_SQUARE = 4  # characters in a square stamp: what a name lacks is filled up with 印 (of one) or 之印 (of two)
_FILLING = {2: "之印", 3: "印", 4: ""}


@dataclass(frozen=True)
class StampDesign:
    """What a signature stamp shows: a person's name in a frame; width and height are its outer edges on paper.

    A square stamp holds four characters, read downwards from the right (张三之印); any other the name from left to
    right. `test` writes 测试 TEST under it, inside the frame.
    """

    name: str
    width_mm: float = 30.0
    height_mm: float = 12.0
    test: bool = False

    @property
    def square(self) -> bool:
        """Whether it is as high as it is wide."""
        return self.width_mm == self.height_mm


def draw_stamp(design: StampDesign, font: Path) -> bytes:
    """The stamp as a one-page PDF of its exact size; the same bytes for the same design and font, always.

    Raises Refused for a name without 2 to 20 characters (2 to 4 in a square stamp), sides outside 8 to 60 mm, or a
    character that the font cannot draw.
    """
    _refuse_bad(design)
    state = font.stat()
    return _draw(design, font, (state.st_mtime_ns, state.st_size))


@lru_cache(maxsize=64)
def _draw(design: StampDesign, font: Path, _state: tuple[int, int]) -> bytes:
    """Drawn once per design and state of the font file."""
    with font_face(font) as face:
        outlines = Outlines(face)
        outlines.refuse_missing({"/name": design.name})
        content = _content(outlines, design)
    return drawing(content, design.width_mm, design.height_mm)


def _content(outlines: Outlines, design: StampDesign) -> str:
    width, height = design.width_mm * MM, design.height_mm * MM
    line = min(width, height) * 0.05
    parts = [RED, f"{line:.4f} w {line / 2:.4f} {line / 2:.4f} {width - line:.4f} {height - line:.4f} re S"]
    margin = line * 2.2
    low = margin + (height * 0.2 if design.test else 0)
    if design.test:
        parts.append(outlines.line(TEST_MARK, (width / 2, margin + height * 0.09), height * 0.15, width - 2 * margin))
    box = (margin, low, width - margin, height - margin)
    return "\n".join([*parts, *(_square if design.square else _row)(outlines, design.name, box)])


def _row(outlines: Outlines, name: str, box: tuple[float, float, float, float]) -> list[str]:
    """From left to right, each character in a cell of its own, no wider than it is high."""
    left, low, right, high = box
    step = min((right - left) / len(name), (high - low) * 1.25)
    start = (left + right - step * len(name)) / 2
    size = (min(step * 0.94, high - low), high - low)
    return [
        outlines.placed(char, (start + step * (index + 0.5), (low + high) / 2), *size)
        for index, char in enumerate(name)
    ]


def _square(outlines: Outlines, name: str, box: tuple[float, float, float, float]) -> list[str]:
    """Two columns of two, downwards, the right one first."""
    left, low, right, high = box
    width, height = (right - left) / 2, (high - low) / 2
    drawn = []
    for index, char in enumerate(name + _FILLING[len(name)]):
        column, row = divmod(index, 2)
        centre = (right - width * (column + 0.5), high - height * (row + 0.5))
        drawn.append(outlines.placed(char, centre, width * 0.96, height * 0.96))
    return drawn


def _refuse_bad(design: StampDesign) -> None:
    faults = []
    most = _SQUARE if design.square else 20
    if not 2 <= len(design.name) <= most:
        faults.append(
            Fault("/name", "length", f"the name on this stamp has 2 to {most} characters", f"姓名应为2至{most}个字")
        )
    for pointer, side in (("/width_mm", design.width_mm), ("/height_mm", design.height_mm)):
        if not _SMALLEST_MM <= side <= _LARGEST_MM:
            faults.append(
                Fault(
                    pointer,
                    "range",
                    f"a side of a stamp is {_SMALLEST_MM:g} to {_LARGEST_MM:g} mm",
                    f"印章边长应为{_SMALLEST_MM:g}至{_LARGEST_MM:g}毫米",
                )
            )
    if faults:
        raise Refused(faults)
