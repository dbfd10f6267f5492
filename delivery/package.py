"""What goes out with one attempt on paper, as one file to print: the instrument, the proof of service, the label.

The proof bears the attempt's barcode on every page, the label too; the instrument stays as it was released.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from html import escape
from typing import Final

import pikepdf

from delivery.barcodes import spaced, svg
from delivery.twin_html import Pair, spans
from templates.copies import flat
from templates.typesetters.html import print_html

_STYLE: Final = """
@page { size: 220mm 110mm; margin: 12mm 14mm }
html { font-family: "Noto Serif CJK SC", "Liberation Serif"; font-size: 11pt; line-height: 1.45 }
:lang(en) { font-family: "Liberation Serif", "Noto Serif CJK SC" }
p, h1 { margin: 0; font-weight: normal }
h1 { font-size: 15pt; margin: 9mm 0 2mm 62mm }
.to { margin-left: 62mm; font-size: 13pt }
.to span { display: block }
.for { margin: 2mm 0 0 62mm; font-size: 11pt }
h1 span { display: block }
.from { font-size: 10pt }
.from span { display: block }
.code { position: absolute; left: 0; bottom: 0 }
"""
_ATTENTION: Final = ("收件联系人", "Attn.")
_LABEL: Final = ("信封标签", "Envelope label")


def bind(instrument: bytes, proof: bytes, label: bytes) -> bytes:
    """One file: the instrument (all its copies), then the proof of service, then the label; the same bytes each time.

    Raises Permanent when one of them cannot be read.
    """
    made, buffer = pikepdf.new(), io.BytesIO()
    with flat(instrument) as first, flat(proof) as second, flat(label) as third:
        for part in (first, second, third):
            made.pages.extend(part.pages)
        made.save(buffer, deterministic_id=True)
    return buffer.getvalue()


def envelope_label(recipient: Pair, address: Pair, attention: str, sender: Sequence[Pair], code: str) -> bytes:
    """A page in the size of an envelope (220 × 110 mm): to whom, where, from whom, the code; nothing of the case.

    `attention` is who takes it in there, with a telephone number for the carrier; "" for nobody known.

    Raises what the typesetter raises.
    """
    lines = "".join(f"<p>{spans(each)}</p>" for each in sender)
    taken_in = f'<p class="for">{spans(_ATTENTION)} {escape(attention)}</p>' if attention else ""
    body = (
        f'<div class="from">{lines}</div><h1>{spans(recipient)}</h1><p class="to">{spans(address)}</p>{taken_in}'
        f'<div class="code">{svg(code)}</div>'
    )
    return print_html(body, f"{_LABEL[0]} {_LABEL[1]} {escape(spaced(code))}", "zh", _STYLE)
