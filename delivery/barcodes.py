"""Codes of attempts: ten random digits and two that check them, printed as Code 128 and read from scanned pages.

Digits alone, so that a keyboard in any state of an input method, and a person reading aloud, gives the same code.
"""

from __future__ import annotations

import io
import re
import secrets
import unicodedata
from typing import Any, Final

import pikepdf
import zxingcpp

_RANDOM_DIGITS: Final = 10
_PATTERN: Final = re.compile(r"[0-9]{12}")
_MM: Final = 72 / 25.4
_MODULE_MM: Final = 0.375  # 15 mil: read by every scanner, and at 150 dpi from the feeder
_HEIGHT_MM: Final = 10.0
_QUIET: Final = 10  # modules of white on each side (ISO/IEC 15417)


def new_code() -> str:
    """A new code, such as `482915736041`; whether another attempt has it already is for the caller to see."""
    return with_check(f"{secrets.randbelow(10**_RANDOM_DIGITS):0{_RANDOM_DIGITS}}")


def with_check(digits: str) -> str:
    """The digits with their two check digits (ISO 7064, MOD 97-10): every mistyped digit and swap is seen."""
    return f"{digits}{98 - int(digits) * 100 % 97:02}"


def read_code(text: str) -> str | None:
    """The code that was scanned or typed, in full-width digits or with spaces too; None for anything else."""
    plain = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", text))
    return plain if _PATTERN.fullmatch(plain) and int(plain) % 97 == 1 else None


def modules(code: str) -> str:
    """The bars (1) and spaces (0) of a code as Code 128, without the quiet zones."""
    drawn: Any = zxingcpp.create_barcode(code, zxingcpp.BarcodeFormat.Code128).to_image(scale=1, add_quiet_zones=False)
    row = memoryview(drawn)[0:1]
    return "".join("1" if shade < 128 else "0" for shade in row.tobytes())


def svg(code: str) -> str:
    """The barcode as an SVG element with its digits below, for pages that we print by HTML."""
    bars = modules(code)
    runs = ((m.start(), m.end()) for m in re.finditer("1+", bars))
    drawn = "".join(f'<rect x="{start + _QUIET}" y="0" width="{end - start}" height="27"/>' for start, end in runs)
    width = len(bars) + 2 * _QUIET
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} 38" width="{width * _MODULE_MM}mm"'
        f' height="{38 * _MODULE_MM}mm" role="img" aria-label="{spaced(code)}"><g fill="#000">{drawn}</g>'
        f'<text x="{width / 2}" y="36" font-size="9" text-anchor="middle">{spaced(code)}</text></svg>'
    )


def spaced(code: str) -> str:
    """The code in groups of four, as it is read aloud."""
    return " ".join(code[start : start + 4] for start in range(0, len(code), 4))


def stamp(pdf: bytes, code: str) -> bytes:
    """The file with the code in the upper right corner of every page; the same bytes every time. For paper only."""
    with pikepdf.open(io.BytesIO(pdf)) as document:
        for page in document.pages:
            _draw(document, page, code)
        buffer = io.BytesIO()
        document.save(buffer, deterministic_id=True)
    return buffer.getvalue()


def _draw(document: pikepdf.Pdf, page: pikepdf.Page, code: str) -> None:
    bars = modules(code)
    _, _, right, top = (float(each) for each in page.mediabox)
    left = right - (10 + (len(bars) + _QUIET) * _MODULE_MM) * _MM
    low = top - (8 + _HEIGHT_MM) * _MM
    unit = _MODULE_MM * _MM
    rectangles = " ".join(
        f"{left + match.start() * unit:.3f} {low:.3f} {len(match[0]) * unit:.3f} {_HEIGHT_MM * _MM:.3f} re"
        for match in re.finditer("1+", bars)
    )
    words = f"BT /SongdaCode 8 Tf {left + 22 * unit:.3f} {low - 9:.3f} Td ({spaced(code)}) Tj ET"
    font = pikepdf.Dictionary(Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica)
    fonts = pikepdf.Dictionary(dict(page.resources.get("/Font", {}).items()))
    fonts["/SongdaCode"] = document.make_indirect(font)
    resources = pikepdf.Dictionary(dict(page.resources.items()))
    resources["/Font"] = fonts
    page.obj["/Resources"] = resources
    page.contents_add(b"q", prepend=True)
    page.contents_add(f"Q q 0 g {rectangles} f {words} Q".encode())
