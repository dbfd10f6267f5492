"""A further revision of a PDF, written behind the bytes that stand (ISO 32000-2 7.5.6): these do not change.

qpdf writes whole files only; a revision of a few objects is short enough to write here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

import pikepdf

from records.errors import Fault, Refused

_END = re.compile(rb"startxref\s+(\d{1,15})\s+%%EOF\s*\Z")
_KEPT = ("/Root", "/Info")


def append_revision(pdf: bytes, opened: pikepdf.Pdf, changed: Iterable[pikepdf.Object]) -> bytes:
    """`pdf` with one more revision that holds the indirect objects `changed`, in their present state.

    `opened` is the same file, opened with pikepdf and changed in memory. The cross-reference is written in the kind
    that the file has, table or stream. Raises Refused when the end of the file is not that of a PDF.
    """
    end = _END.search(pdf, max(0, len(pdf) - 64))
    if end is None:
        raise Refused([Fault("", "truncated", "the end of the PDF is missing", "PDF文件不完整")])
    objects = {each.objgen: each for each in changed}
    size = max(int(opened.trailer.Size), *(number + 1 for number, _ in objects))
    body = bytearray(b"" if pdf.endswith((b"\n", b"\r")) else b"\n")
    places: dict[tuple[int, int], int] = {}
    for objgen in sorted(objects):
        places[objgen] = len(pdf) + len(body)
        body += b"%d %d obj\n%s\nendobj\n" % (*objgen, _written(objects[objgen]))
    start = len(pdf) + len(body)
    trailer = {key: opened.trailer[key].unparse() for key in _KEPT if key in opened.trailer}
    trailer |= {"/Prev": end[1], "/ID": _identity(opened, bytes(body))}
    if pdf[int(end[1]) :].startswith(b"xref"):
        trailer["/Size"] = b"%d" % size
        body += _table(places) + b"trailer\n" + _dictionary(trailer) + b"\n"
    else:
        body += _stream(places | {(size, 0): start}, trailer | {"/Size": b"%d" % (size + 1)}, size)
    return pdf + bytes(body) + b"startxref\n%d\n%%%%EOF\n" % start


def _written(obj: Any) -> bytes:
    if not isinstance(obj, pikepdf.Stream):
        return bytes(obj.unparse(resolved=True))
    data = bytes(obj.read_raw_bytes())
    entries = pikepdf.Dictionary({**dict(obj.stream_dict.items()), "/Length": len(data)})
    return bytes(entries.unparse()) + b"\nstream\n" + data + b"\nendstream"


def _dictionary(entries: dict[str, bytes]) -> bytes:
    return b"<< " + b" ".join(key.encode() + b" " + value for key, value in entries.items()) + b" >>"


def _identity(opened: pikepdf.Pdf, body: bytes) -> bytes:
    """The first half names the document and stays, the second the revision (ISO 32000-2 14.4)."""
    revision = hashlib.sha256(body).digest()[:16]
    first = bytes(opened.trailer.ID[0]) if "/ID" in opened.trailer else revision
    return b"[<%s> <%s>]" % (first.hex().encode(), revision.hex().encode())


def _runs(numbers: Sequence[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Object numbers that follow each other, together."""
    runs: list[list[tuple[int, int]]] = []
    for objgen in sorted(numbers):
        if runs and runs[-1][-1][0] + 1 == objgen[0]:
            runs[-1].append(objgen)
        else:
            runs.append([objgen])
    return runs


def _table(places: dict[tuple[int, int], int]) -> bytes:
    table = b"xref\n"
    for run in _runs(list(places)):
        table += b"%d %d\n" % (run[0][0], len(run))
        table += b"".join(b"%010d %05d n \n" % (places[objgen], objgen[1]) for objgen in run)
    return table


def _stream(places: dict[tuple[int, int], int], trailer: dict[str, bytes], number: int) -> bytes:
    rows = b"".join(
        b"\x01" + places[objgen].to_bytes(8, "big") + objgen[1].to_bytes(2, "big")
        for run in _runs(list(places))
        for objgen in run
    )
    index = b" ".join(b"%d %d" % (run[0][0], len(run)) for run in _runs(list(places)))
    entries = {"/Type": b"/XRef", "/W": b"[1 8 2]", "/Index": b"[" + index + b"]", "/Length": b"%d" % len(rows)}
    return b"%d 0 obj\n%s\nstream\n%s\nendstream\nendobj\n" % (number, _dictionary(entries | trailer), rows)
