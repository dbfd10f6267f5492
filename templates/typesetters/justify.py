"""Justified Chinese in WeasyPrint 70, which stretches word spaces only and so leaves Chinese lines ragged.

Chinese has no word spaces: the room that is left in a line is shared out between its characters (CLREQ 3.2). WeasyPrint
has no hook for it, so three of its internals are replaced; the version is pinned and checked, and the tests look at a
printed page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import weasyprint
from weasyprint.formatting_structure import boxes
from weasyprint.layout import inline
from weasyprint.text import line_break
from weasyprint.text.ffi import TO_UNITS, ffi, pango

from records.errors import Permanent

PINNED: Final = "70."

# Hanzi, kana and full-width forms with CJK punctuation, and the spaces that WeasyPrint stretches itself.
_CJK: Final = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff"
_STRETCHED: Final = re.compile(f"[{_CJK} \u00a0]")
_STRETCHED_RUN: Final = re.compile(f"[{_CJK} \u00a0]+")
_HAS_CJK: Final = re.compile(f"[{_CJK}]")

_MOST: Final = 0.6  # of the font size: a line that would need more is better left ragged


def install() -> None:
    """Replace WeasyPrint's internals in this process. Raises Permanent with another version than the pinned one."""
    if not weasyprint.__version__.startswith(PINNED):
        raise Permanent(f"justification is made for WeasyPrint {PINNED}x, and {weasyprint.__version__} is installed")
    inline.count_expandable_spaces = _count
    inline.justify_line = _justify_line
    line_break.Layout.set_text = _set_text


def _count(box: Any) -> int:
    """The places of a box that can be widened; WeasyPrint asks for it when it lays words and lines out."""
    if isinstance(box, boxes.TextBox):
        return len(_STRETCHED.findall(box.text))
    if isinstance(box, (boxes.LineBox, boxes.InlineBox)):
        return sum(_count(child) for child in box.children)
    return 0


def _justify_line(context: Any, line: Any, extra_width: float) -> None:
    places = _count(line)
    last = line
    while isinstance(last, (boxes.LineBox, boxes.InlineBox)) and last.children:
        last = last.children[-1]
    if isinstance(last, boxes.TextBox) and last.text and _STRETCHED.match(last.text[-1]):
        places -= 1  # nothing is widened after the last character
    if places > 0 and 0 < extra_width / places < line.style["font_size"] * _MOST:
        inline.add_word_spacing(context, line, extra_width / places, 0)


_original_set_text: Final = line_break.Layout.set_text


def _set_text(layout: Any, text: str, justify: bool = False) -> None:
    spacing = layout.justification_spacing
    if not (justify and spacing and _HAS_CJK.search(text)):
        _original_set_text(layout, text, justify)
        return
    layout.justification_spacing = 0
    try:
        _original_set_text(layout, text, justify)
    finally:
        layout.justification_spacing = spacing
    own = layout.style["letter_spacing"]
    units = int(((0 if own == "normal" else own) + spacing) * TO_UNITS)
    attributes = pango.pango_layout_get_attributes(layout.layout)
    if attributes == ffi.NULL:
        attributes = ffi.gc(pango.pango_attr_list_new(), pango.pango_attr_list_unref)
    for start, end in _byte_runs(layout.text):
        attribute = pango.pango_attr_letter_spacing_new(units)
        attribute.start_index, attribute.end_index = start, end
        pango.pango_attr_list_change(attributes, attribute)
    pango.pango_layout_set_attributes(layout.layout, attributes)


def _byte_runs(text: str) -> Iterator[tuple[int, int]]:
    """The runs of stretched characters, as places in the UTF-8 that Pango counts in."""
    for found in _STRETCHED_RUN.finditer(text):
        start = len(text[: found.start()].encode())
        yield start, start + len(found.group().encode())
