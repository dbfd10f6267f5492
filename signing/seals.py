"""The picture of a seal: a one-page vector PDF of exact size, drawn from outlines.

国发〔1999〕25号: round, a five-pointed star in the middle, the name in a ring from left to right (arts. 1, 13), 宋体,
simplified characters (art. 17); red (GB/T 9704-2012 7.3.5.1). Text is drawn as outlines of the pinned font, so the page
needs no font, keeps its PDF/A conformity, and looks the same everywhere.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fontTools.pens.basePen import BasePen
from fontTools.pens.boundsPen import BoundsPen
from fontTools.pens.transformPen import TransformPen
from fontTools.ttLib import TTCollection, TTFont

from records.errors import Fault, Refused

MM = 72 / 25.4
_RED = "0.86 0.05 0.05"
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
    with _face(font) as face:
        outlines = _Outlines(face)
        outlines.refuse_missing(design)
        content = _content(outlines, design, design.diameter_mm * MM / 2)
    return _page(content, design.diameter_mm * MM)


def _content(outlines: _Outlines, design: SealDesign, radius: float) -> str:
    parts = [_RED + " rg", _RED + " RG", _ring(radius), _star(radius)]
    parts += _ring_text(outlines, design, radius)
    if design.second_line:
        parts.append(outlines.line(design.second_line, (radius, radius * 0.48), radius * 0.17, radius * 1.06))
    if design.test:
        low = 0.24 if design.second_line else 0.42
        parts.append(outlines.line("测试 TEST", (radius, radius * low), radius * 0.135, radius * 0.72))
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


class _PathPen(BasePen):  # type: ignore[misc]
    """Writes an outline as PDF path operators; quadratic curves arrive as cubic ones (BasePen does that)."""

    def __init__(self, glyphs: Any) -> None:
        super().__init__(glyphs)
        self.operators: list[str] = []

    def _moveTo(self, point: tuple[float, float]) -> None:
        self.operators.append(f"{_xy(point)} m")

    def _lineTo(self, point: tuple[float, float]) -> None:
        self.operators.append(f"{_xy(point)} l")

    def _curveToOne(self, a: tuple[float, float], b: tuple[float, float], c: tuple[float, float]) -> None:
        self.operators.append(f"{_xy(a)} {_xy(b)} {_xy(c)} c")

    def _closePath(self) -> None:
        self.operators.append("h")


class _Outlines:
    """The glyphs of one font face, scaled so that 1 is the height of an ideograph's box."""

    def __init__(self, face: TTFont) -> None:
        self._glyphs = face.getGlyphSet()
        self._names = face.getBestCmap()
        self._unit = 1 / face["head"].unitsPerEm

    def refuse_missing(self, design: SealDesign) -> None:
        """Raise Refused for every character that the font cannot draw."""
        texts = {"/ring_text": design.ring_text, "/second_line": design.second_line}
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


def _ring_text(outlines: _Outlines, design: SealDesign, radius: float) -> list[str]:
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
        left, bottom, right, top = outlines.bounds(char)
        sin, cos = math.sin(angle), math.cos(angle)
        # the ink's centre is put on the arc; the box is scaled to width × height and turned
        dx, dy = -(left + right) / 2 * width, -(bottom + top) / 2 * height
        x = radius + middle * sin + dx * cos + dy * sin
        y = radius + middle * cos - dx * sin + dy * cos
        drawn.append(outlines.glyph(char, (width * cos, -width * sin, height * sin, height * cos, x, y)))
    return [part for part in drawn if part]


def _ring(radius: float) -> str:
    """The ring; its outer edge is the edge of the page, so that the seal measures what the design says."""
    width = radius * 0.055
    arm, bow = radius - width / 2, (radius - width / 2) * 0.5522847498
    c = radius
    return "\n".join(
        [
            f"{width:.4f} w",
            f"{_xy((c + arm, c))} m",
            f"{_xy((c + arm, c + bow))} {_xy((c + bow, c + arm))} {_xy((c, c + arm))} c",
            f"{_xy((c - bow, c + arm))} {_xy((c - arm, c + bow))} {_xy((c - arm, c))} c",
            f"{_xy((c - arm, c - bow))} {_xy((c - bow, c - arm))} {_xy((c, c - arm))} c",
            f"{_xy((c + bow, c - arm))} {_xy((c + arm, c - bow))} {_xy((c + arm, c))} c",
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
    lines = [f"{_xy(point)} {'l' if index else 'm'}" for index, point in enumerate(points)]
    return "\n".join([*lines, "h f"])


def _page(content: str, side: float) -> bytes:
    """A PDF of one square page; Multiply lets the text under the seal stay readable, as under real ink."""
    stream = zlib.compress(f"/Ink gs\n{content}\n".encode("ascii"), 9)  # once here, not once per sealed document
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {side:.4f} {side:.4f}] /Contents 4 0 R "
        "/Resources << /ExtGState << /Ink << /Type /ExtGState /BM /Multiply >> >> >> >>".encode("ascii"),
        b"<< /Filter /FlateDecode /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
    ]
    body = bytearray(b"%PDF-1.7\n%\xe5\xad\x97\xe7\n")
    offsets = []
    for number, entry in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, entry)
    start = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(body)


def _xy(point: tuple[float, float]) -> str:
    return f"{point[0]:.3f} {point[1]:.3f}"


@contextmanager
def _face(path: Path) -> Iterator[TTFont]:
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
