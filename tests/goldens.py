"""The golden texts: every word that the sample of an instrument prints, one paragraph a line, in both languages.

`python -m tests.goldens` writes them anew, all or those that are named; look at what changed before you commit it.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pikepdf
from docx import Document

from templates.catalogue import Instrument, catalogue
from templates.printing import composed, word_scope
from templates.typesetters import word
from tests.printed import _marked_texts, _tree_text, imprint, printed_sample

FOLDER: Final = Path(__file__).with_name("golden")
_PARAGRAPHS: Final = ("/P", "/H1", "/H2", "/H3")


def golden_text(identifier: str) -> str:
    """The words of the printed sample; for a Word template those that LibreOffice is given."""
    instrument = catalogue().get(identifier)
    if instrument.print.engine == "word":
        return _text(_word_paragraphs(instrument))
    return _text([*_foot(instrument), *_printed_paragraphs(printed_sample(identifier).pdf)])


def _text(lines: list[str]) -> str:
    whole = (re.sub(r"[\s\u00ad\u200b]+", " ", line).strip() for line in lines)
    return "".join(f"{line}\n" for line in whole if line)


def _foot(instrument: Instrument) -> Iterator[str]:
    """What stands at the foot of every page is no part of the tagged text."""
    for block in composed(instrument, instrument.sample_facts(), imprint(instrument)):
        if block["kind"] == "foot":
            yield from (text for _, text in block["lines"])


def _printed_paragraphs(pdf: bytes) -> Iterator[str]:
    """The paragraphs of the structure tree, in its order; the two languages of a heading apart."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        texts = {page.objgen: dict(_marked_texts(page)) for page in opened.pages}
        for element in _paragraphs(opened.Root.StructTreeRoot):
            parts = list(_tree_text(element, None, texts, []))
            yield from _by_language(parts) if str(element.S).startswith("/H") else ["".join(parts)]


def _by_language(parts: list[str]) -> list[str]:
    """The pieces of a heading, Chinese and English apart."""
    first = next((place for place, part in enumerate(parts) if place and re.match("[A-Za-z]", part)), len(parts))
    return ["".join(parts[:first]), "".join(parts[first:])]


def _paragraphs(node: Any) -> Iterator[Any]:
    if isinstance(node, pikepdf.Array):
        for each in node:
            yield from _paragraphs(each)
    elif isinstance(node, pikepdf.Dictionary):
        if str(node.get("/S", "")) in _PARAGRAPHS:
            yield node
        elif "/K" in node:
            yield from _paragraphs(node.K)


def _word_paragraphs(instrument: Instrument) -> list[str]:
    assert instrument.body is not None
    filled = word.fill(instrument.body, word_scope(instrument, instrument.sample_facts(), imprint(instrument)))
    document = Document(io.BytesIO(filled))
    return [
        paragraph.text
        for part in document.iter_inner_content()
        for paragraph in (
            [part]
            if hasattr(part, "runs")
            else [each for row in part.rows for cell in row.cells for each in cell.paragraphs]
        )
    ]


def main(names: list[str]) -> None:
    """Write the golden texts of these instruments, or of all; drop those of instruments that are no more."""
    FOLDER.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.txt"):
        if path.stem not in catalogue().ids():
            path.unlink()
    for identifier in names or catalogue().ids():
        (FOLDER / f"{identifier}.txt").write_text(golden_text(identifier), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
