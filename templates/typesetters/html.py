"""The HTML typesetter: the same composed blocks as an accessible page, for the browser and for WeasyPrint.

Every text is escaped and carries its language. The page holds no script, no link and no outside resource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final

from templates.composing import Composed, Line

LANGUAGE_TAGS: Final[Mapping[str, str]] = {"zh": "zh-CN", "en": "en"}


def fragment(blocks: Sequence[Composed]) -> str:
    """An `<article>` with all blocks, to stand inside a page whose own title is above the first heading level."""
    return (
        '<article class="instrument">\n' + "".join(_PRINTERS[block["kind"]](block) for block in blocks) + "</article>\n"
    )


def _element(name: str, line: Line, css: str = "") -> str:
    language, text = line
    chosen = f' class="{css}"' if css else ""
    return f'<{name} lang="{LANGUAGE_TAGS[language]}"{chosen}>{escape(text)}</{name}>'


def _paragraphs(lines: Sequence[Line], css: str = "") -> str:
    return "".join(_element("p", line, css) + "\n" for line in lines)


def _spans(lines: Sequence[Line]) -> str:
    """Lines inside one heading or cell: each on a line of its own, by the style sheet."""
    return " ".join(_element("span", line) for line in lines)


def _boxed(name: str, lines: Sequence[Line]) -> str:
    return f'<div class="{name}">\n{_paragraphs(lines)}</div>\n'


def _mark(block: Composed) -> str:
    return f'<div class="mark" role="note">\n{_paragraphs(block["lines"])}</div>\n'


def _letterhead(block: Composed) -> str:
    number = _paragraphs(block["number"], "number")
    return f'<header class="letterhead">\n{_paragraphs(block["lines"], "agency")}{number}</header>\n'


def _title(block: Composed) -> str:
    return f"<h1>{_spans(block['lines'])}</h1>\n"


def _heading(block: Composed) -> str:
    return f"<h2>{_spans(block['lines'])}</h2>\n"


def _list(block: Composed) -> str:
    items = "".join(f"<li>\n{_paragraphs(item)}</li>\n" for item in block["items"])
    return f'<ol class="marked">\n{items}</ol>\n'  # the marks are part of the text, as in the Chinese original


def _fields(block: Composed) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_spans(row["label"])}</th><td{_height(row["blank"])}>{_spans(row["lines"])}</td></tr>\n'
        for row in block["rows"]
    )
    return f'<table class="fields">\n{rows}</table>\n'


def _height(blank: int) -> str:
    return f' class="blank-{blank}"' if blank else ""


def _table(block: Composed) -> str:
    name = escape(" ".join(text for _, text in block["caption"]), quote=True)
    columns = "".join(f'<col style="width: {_width(each["width"])}">' for each in block["columns"])
    heads = "".join(f'<th scope="col">{_spans(each["lines"])}</th>' for each in block["columns"])
    rows = "".join(f"<tr>{''.join(f'<td>{_spans(cell)}</td>' for cell in row)}</tr>\n" for row in block["rows"])
    return (
        f'<table class="grid" aria-label="{name}">\n<colgroup>{columns}</colgroup>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )


def _width(width: str) -> str:
    return width if width.endswith("mm") and width[:-2].isdigit() else "auto"


def _notice(block: Composed) -> str:
    texts = "".join(_paragraphs(lines) for lines in block["texts"])
    return f'<aside class="notice" role="note">\n{_paragraphs(block["lines"], "notice-title")}{texts}</aside>\n'


def _closing(block: Composed) -> str:
    agency, date = _paragraphs(block["agency"], "agency"), _paragraphs(block["date"], "date")
    return f'<footer class="closing">\n{agency}{date}</footer>\n'


def _signatures(block: Composed) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_spans(signer["label"])}</th><td class="line">{_spans(signer["lines"])}</td></tr>\n'
        for signer in block["signers"]
    )
    return f'<table class="signatures">\n{rows}</table>\n'


_PRINTERS: Final[Mapping[str, Callable[[Composed], str]]] = {
    "mark": _mark,
    "letterhead": _letterhead,
    "title": _title,
    "addressee": lambda block: _boxed("addressee", block["lines"]),
    "heading": _heading,
    "clause": lambda block: _paragraphs(block["lines"]),
    "list": _list,
    "fields": _fields,
    "table": _table,
    "notice": _notice,
    "closing": _closing,
    "signatures": _signatures,
    "copies": lambda block: _boxed("copies", block["lines"]),
}
