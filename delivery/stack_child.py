"""Child process: pages of a scanned PDF become pictures, and their barcodes are read. PDFium and ZXing are native code.

A job is two numbers of 4 bytes (the first page, from 0, and how many) and the file; the answer is JSON, for each page
the texts of its Code 128 barcodes.
"""

from __future__ import annotations

import json
import struct
from typing import Final

import pypdfium2
import zxingcpp

from templates.serving import serve

HEADER: Final = struct.Struct(">II")
_DPI: Final = 200
_MAX_SIDE: Final = 4000  # pixels: a page that claims to be a wall is made smaller


def handle(payload: bytes) -> bytes:
    """The codes of the pages that were asked for."""
    first, count = HEADER.unpack_from(payload)
    document = pypdfium2.PdfDocument(payload[HEADER.size :])
    try:
        pages = range(first, min(first + count, len(document)))
        return json.dumps([_codes(document[number]) for number in pages]).encode()
    finally:
        document.close()


def _codes(page: pypdfium2.PdfPage) -> list[str]:
    scale = min(_DPI / 72, _MAX_SIDE / max(*page.get_size(), 1))
    bitmap = page.render(scale=scale, grayscale=True)
    found = zxingcpp.read_barcodes(bitmap.to_pil(), formats=zxingcpp.BarcodeFormats([zxingcpp.BarcodeFormat.Code128]))
    bitmap.close()
    page.close()
    return [each.text for each in found]


if __name__ == "__main__":
    serve(handle)
