"""The HTML typesetter: the same composed blocks as an accessible page, for the browser and for WeasyPrint.

Every text is escaped and carries its language. The page holds no script, no link and no outside resource. WeasyPrint
runs in a child process: it is native code, slow to start, and takes what memory it likes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from html import escape
from typing import Final

from templates import fonts
from templates.children import Child
from templates.composing import Composed, Line
from templates.stock import present_stock

LANGUAGE_TAGS: Final[Mapping[str, str]] = {"zh": "zh-CN", "en": "en"}


_MEMORY: Final = 3 * 2**30
_TIMEOUT_SECONDS: Final = 60.0
_PAGES_PER_CHILD: Final = 400


@cache
def _child() -> Child:
    command = [sys.executable, "-m", "templates.typesetters.weasyprint_child"]
    environment = {"FONTCONFIG_FILE": str(fonts.fontconfig_file()), "SOURCE_DATE_EPOCH": "0"}
    return Child(command, memory=_MEMORY, jobs=_PAGES_PER_CHILD, environment=environment)


def print_html(body_html: str, title: str, language: str, style: str = "") -> bytes:
    """Print the body of a page as PDF/A-2a and PDF/UA-1.

    `style` is print.css as a template was frozen with it, the present one for "". `language` is `zh` or `en`, the
    language of what carries no `lang` of its own. `body_html` is our own markup, with every fact in it escaped. The
    same input gives the same bytes. Raises Permanent when the page cannot be printed (it asks for an outside resource,
    fonts are not installed), Retry when the child process died.
    """
    page = (
        f'<!DOCTYPE html>\n<html lang="{LANGUAGE_TAGS[language]}"><head><meta charset="utf-8">'
        f"<title>{escape(title)}</title></head>\n<body>\n{body_html}</body></html>\n"
    )
    job = {"html": page, "style": style or present_stock().style}
    return _child().call(json.dumps(job).encode(), _TIMEOUT_SECONDS)


def close() -> None:
    """End the child process, if one runs."""
    _child().close()


def fragment(blocks: Sequence[Composed]) -> str:
    """An `<article>` with all blocks, to stand inside a page whose own title is above the first heading level."""
    css = "instrument signed-pages" if any(block["kind"] == "foot" for block in blocks) else "instrument"
    return f'<article class="{css}">\n' + "".join(_PRINTERS[block["kind"]](block) for block in blocks) + "</article>\n"


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
    css = "letterhead compact" if block["compact"] else "letterhead"
    return f'<header class="{css}">\n{_paragraphs(block["lines"], "agency")}{number}</header>\n'


def _title(block: Composed) -> str:
    return f"<h1>{_spans(block['lines'])}</h1>\n"


def _heading(block: Composed) -> str:
    apart = ' class="apart"' if block["apart"] else ""
    return f"<h2{apart}>{_spans(block['lines'])}</h2>\n"


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
    columns = "".join(f"<col{_width(each['width'])}>" for each in block["columns"])
    heads = "".join(f'<th scope="col">{_spans(each["lines"])}</th>' for each in block["columns"])
    rows = "".join(f"<tr>{''.join(f'<td>{_spans(cell)}</td>' for cell in row)}</tr>\n" for row in block["rows"])
    return (
        f'<table class="grid" aria-label="{name}">\n<colgroup>{columns}</colgroup>\n'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n"
    )


def _width(width: str) -> str:
    """A fixed width as an attribute in CSS pixels, because a strict content security policy forbids inline styles."""
    return f' width="{round(int(width[:-2]) / 25.4 * 96)}"' if width.endswith("mm") else ""


def _notice(block: Composed) -> str:
    texts = "".join(_paragraphs(lines) for lines in block["texts"])
    return f'<aside class="notice" role="note">\n{_paragraphs(block["lines"], "notice-title")}{texts}</aside>\n'


def _approval(block: Composed) -> str:
    name = escape(" ".join(text for _, text in block["caption"]), quote=True)
    heads = "".join(f'<th scope="col">{_spans(block[each])}</th>' for each in ("stage", "opinion"))
    rows = "".join(
        f'<tr><th scope="row">{_spans(row["label"])}</th><td><div{_height(row["blank"])}>{_spans(row["lines"])}</div>'
        f'<div class="signed">{_spans(block["signed"])}</div></td></tr>\n'
        for row in block["rows"]
    )
    return (
        f'<table class="approval" aria-label="{name}">\n<thead><tr>{heads}</tr></thead>\n'
        f"<tbody>\n{rows}</tbody>\n</table>\n"
    )


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
    "foot": lambda block: _boxed("foot", block["lines"]),
    "addressee": lambda block: _boxed("addressee", block["lines"]),
    "heading": _heading,
    "clause": lambda block: _paragraphs(block["lines"]),
    "list": _list,
    "fields": _fields,
    "table": _table,
    "notice": _notice,
    "approval": _approval,
    "closing": _closing,
    "signatures": _signatures,
    "copies": lambda block: _boxed("copies", block["lines"]),
}
