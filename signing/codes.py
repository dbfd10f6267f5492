"""The verification code: a QR code in the margin that opens the page where anybody can have the file checked.

It holds the address of that page, the identifier of the document and the beginning of a digest, and nothing of the
case. It proves nothing by itself, since anybody can print another one: what is answered about is the file that is
uploaded there. It is drawn before the one signature and covered by it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlencode

import pikepdf
import segno

from records.errors import Fault, Refused
from signing.drawings import MM, drawing
from signing.outlines import Outlines, font_face
from signing.overlays import draw_over, form_of, marked, page_units, shown_at
from signing.tags import tag_figure

DIGEST_DIGITS = 16

_NAME = "/SongdaCodeCaption"
_WORDS = (("扫码打开核验页面", 8.0), ("Scan to open the", 7.0), ("verification page", 7.0))
_WORDS_MM = (26.0, 10.0)
_QUIET = 4  # light modules around the code (ISO/IEC 18004:2015 6.3.8)
_GAP_MM = 3.0
# Any mask can be read; to choose the evenest of eight costs five times what the code does, for each document.
_MASK = 2


@dataclass(frozen=True)
class Code:
    """What the code leads to and where it stands: its lower left dark corner in millimetres from that of the page.

    `public_url` is where this system is reached; `caption` is a one-page PDF that stands beside it (`draw_caption`).
    By default it stands in the foot margin of the first page, under the left edge of the text, where an odd page has no
    page number (GB/T 9704-2012 7.5), clear of the letterhead, of the copy's mark and of a seam at the right edge.
    """

    public_url: str
    document_id: str
    caption: bytes
    page: int = 1
    x_mm: float = 28.0
    y_mm: float = 9.0
    side_mm: float = 18.0

    def address(self, rendered: bytes) -> str:
        """What the code says of these bytes, which are the rendered document before anything is drawn or signed."""
        digest = hashlib.sha256(rendered).hexdigest()[:DIGEST_DIGITS]
        return f"{self.public_url.rstrip('/')}/verify?{urlencode({'document': self.document_id, 'digest': digest})}"


@lru_cache(maxsize=8)
def draw_caption(font: Path) -> bytes:
    """The words beside the code, in Chinese and English, as a one-page PDF of outlines; drawn once per font."""
    width, height = (side * MM for side in _WORDS_MM)
    with font_face(font) as face:
        outlines = Outlines(face)
        lines, y = ["0 0 0 rg"], height
        for words, size in _WORDS:
            wide = min(sum(outlines.advance(char) for char in words) * size, width)
            lines.append(outlines.line(words, (wide / 2, y - size * 0.6), size, width))
            y -= size * 1.25
    return drawing("\n".join(lines), *_WORDS_MM)


def add_code(pdf: pikepdf.Pdf, code: Code, rendered: bytes) -> None:
    """Draw the code on an open PDF, as filled squares; `rendered` is the same PDF as it was printed.

    In a tagged PDF it is a Figure and not an artifact: whoever does not see it is told, in both languages, what it is
    for and the address itself, which stands nowhere else. Raises Refused for a page that isn't there, or a code that
    leaves it.
    """
    if not 1 <= code.page <= len(pdf.pages):
        raise Refused([Fault("/code", "no_such_page", f"page {code.page} is not there", "页码不存在")])
    page = pdf.pages[code.page - 1]
    (left, bottom, right, top), unit = page_units(page)
    address = code.address(rendered)
    matrix = segno.make(address, error="m", micro=False, boost_error=False, mask=_MASK).matrix
    module = code.side_mm * unit / len(matrix)
    x, y, side = left + code.x_mm * unit, bottom + code.y_mm * unit, code.side_mm * unit
    wide, high = (each * unit for each in _WORDS_MM)
    words = (x + side + _GAP_MM * unit, y + (side - high) / 2, wide, high)
    quiet = _QUIET * module
    box = (x - quiet, y - quiet, words[0] + wide, y + side + quiet)
    if box[0] < left or box[1] < bottom or box[2] > right or box[3] > top:
        raise Refused([Fault("/code", "off_page", "the verification code leaves the page", "验证二维码超出页面")])
    mark = tag_figure(pdf, page, _described(address), box) if "/StructTreeRoot" in pdf.Root else None
    caption = form_of(pdf, code.caption)
    drawn = f"q {module:.5f} 0 0 {module:.5f} {x:.4f} {y:.4f} cm 0 0 0 rg\n{_squares(matrix)} f Q\n"
    draw_over(pdf, page, marked(drawn + shown_at(_NAME, caption, words), mark), {_NAME: caption})


def _described(address: str) -> str:
    chinese = "验证二维码：打开核验页面，上传本文件即可核验"
    return f"{chinese} Verification code: opens the page where this file can be uploaded and checked: {address}"


def _squares(matrix: tuple[bytearray, ...]) -> str:
    """The dark modules as rectangles, those side by side in one, in units of a module; the first row is the highest."""
    drawn = []
    for index, row in enumerate(matrix):
        y, start = len(matrix) - 1 - index, -1
        for column, dark in enumerate((*row, 0)):
            if dark and start < 0:
                start = column
            elif not dark and start >= 0:
                drawn.append(f"{start} {y} {column - start} 1 re")
                start = -1
    return "\n".join(drawn)
