"""A drawing as a one-page PDF of exact size: what every picture of a seal is, before it is put on a document."""

from __future__ import annotations

import zlib
from typing import Final

MM: Final = 72 / 25.4
"""Points in a millimetre."""

RED: Final = "0.86 0.05 0.05 rg 0.86 0.05 0.05 RG"
"""The colour of seals (GB/T 9704-2012 7.3.5.1), for filling and for lines."""

TEST_MARK: Final = "测试 TEST"
"""What every picture made in a TEST system shows."""


def drawing(content: str, width_mm: float, height_mm: float) -> bytes:
    """A one-page PDF of that size which `content` (path operators, in points) draws on; the same bytes for the same.

    Multiply lets the text under it stay readable, as under real ink.
    """
    size = f"{width_mm * MM:.4f} {height_mm * MM:.4f}"
    stream = zlib.compress(f"/Ink gs\n{content}\n".encode("ascii"), 9)  # once here, not once per sealed document
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {size}] /Contents 4 0 R "
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
