"""Text as outlines of a font: the page that shows it needs no font, keeps PDF/A, and looks the same everywhere."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTCollection, TTFont

from records.errors import Fault, Refused


class _PathPen(BasePen):  # type: ignore[misc]
    """Writes an outline as PDF path operators; quadratic curves arrive as cubic ones (BasePen does that)."""

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self.operators: list[str] = []

    def _moveTo(self, point: tuple[float, float]) -> None:
        self.operators.append(f"{xy(point)} m")

    def _lineTo(self, point: tuple[float, float]) -> None:
        self.operators.append(f"{xy(point)} l")

    def _curveToOne(self, a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
        self.operators.append(f"{xy(a)} {xy(b)} {xy(c)} c")

    def _closePath(self) -> None:
        self.operators.append("h")


class Outlines:
    """The glyphs of one font face, scaled so that 1 is the height of an ideograph's box."""

    def __init__(self, face: TTFont) -> None:
        self._glyphs = face.getGlyphSet()
        self._names = face.getBestCmap()
        self._unit = 1 / face["head"].unitsPerEm

    def refuse_missing(self, texts: Mapping[str, str]) -> None:
        """Raise Refused for every character that the font cannot draw; `texts` by the pointer that names them."""
        faults = [
            Fault(
                pointer, "glyph_missing", f"the seal's font has no {char!r} (U+{ord(char):04X})", f"印章字库缺字:{char}"
            )
            for pointer, text in texts.items()
            for char in dict.fromkeys(text)
            if ord(char) not in self._names
        ]
        if faults:
            raise Refused(faults)

    def bounds(self, char: str) -> tuple[float, float, float, float]:
        """The ink of a character (left, bottom, right, top), in boxes; a blank has an ink of no width."""
        pen = BoundsPen(self._glyphs)
        self._glyphs[self._names[ord(char)]].draw(pen)
        left, bottom, right, top = pen.bounds or (0, 0, 0, 0)
        return left * self._unit, bottom * self._unit, right * self._unit, top * self._unit

    def advance(self, char: str) -> float:
        """How far the next character stands, in boxes."""
        width: int = self._glyphs[self._names[ord(char)]].width
        return float(width * self._unit)

    def glyph(self, char: str, matrix: Sequence[float]) -> str:
        """The filled outline of a character under an affine matrix (a, b, c, d, e, f)."""
        pen = _PathPen(self._glyphs)
        scaled = TransformPen(pen, [value * self._unit for value in matrix[:4]] + list(matrix[4:]))
        self._glyphs[self._names[ord(char)]].draw(scaled)
        return "\n".join([*pen.operators, "f"]) if pen.operators else ""

    def placed(self, char: str, centre: tuple[float, float], width: float, height: float, angle: float = 0.0) -> str:
        """A character, its ink centred on a point: the box is scaled, then turned clockwise by `angle` (radians)."""
        left, bottom, right, top = self.bounds(char)
        sin, cos = math.sin(angle), math.cos(angle)
        dx, dy = -(left + right) / 2 * width, -(bottom + top) / 2 * height
        x, y = centre[0] + dx * cos + dy * sin, centre[1] - dx * sin + dy * cos
        return self.glyph(char, (width * cos, -width * sin, height * sin, height * cos, x, y))

    def line(self, text: str, centre: tuple[float, float], height: float, widest: float) -> str:
        """Upright text, centred on a point, narrowed where it would be wider than `widest` (points)."""
        width = sum(self.advance(char) for char in text) * height
        squeeze = min(1.0, widest / width)
        x = centre[0] - width * squeeze / 2
        drawn = []
        for char in text:
            # the ink of an ideograph is centred 0.38 of a box above the base line
            drawn.append(self.glyph(char, (height * squeeze, 0, 0, height, x, centre[1] - height * 0.38)))
            x += self.advance(char) * height * squeeze
        return "\n".join(part for part in drawn if part)


def xy(point: tuple[float, float]) -> str:
    """A point as it stands before a path operator, to a hundredth of a point (3.5 µm)."""
    return f"{point[0]:.2f} {point[1]:.2f}"


@contextmanager
def font_face(path: Path) -> Iterator[TTFont]:
    """The font, or of a collection the face for Simplified Chinese (the first one if none says so)."""
    with path.open("rb") as file:
        is_collection = file.read(4) == b"ttcf"
    if not is_collection:
        with TTFont(path, lazy=True) as font:
            yield font
        return
    with TTCollection(path, lazy=True) as collection:
        faces = collection.fonts
        yield next((face for face in faces if " SC" in (face["name"].getDebugName(1) or "")), faces[0])
