"""A text in Chinese and in English as HTML: each half carries its language, every fact is escaped."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from html import escape

from delivery.beijing import time_en, time_zh

Pair = tuple[str, str]
"""One text in Chinese and in English."""


def spans(pair: Pair) -> str:
    """Both halves inside a line; an English half that is empty is left out."""
    english = f' <span lang="en">{escape(pair[1])}</span>' if pair[1] else ""
    return f'<span lang="zh-CN">{escape(pair[0])}</span>{english}'


def paragraphs(pair: Pair, css: str = "") -> str:
    """Both halves as paragraphs, of the class `css` if one is named."""
    named = f' class="{css}"' if css else ""
    return f'<p lang="zh-CN"{named}>{escape(pair[0])}</p><p lang="en"{named}>{escape(pair[1])}</p>'


def table(rows: Iterable[tuple[Pair, str]]) -> str:
    """Facts with their labels; the values are HTML."""
    cells = "".join(f'<tr><th scope="row">{spans(label)}</th><td>{value}</td></tr>' for label, value in rows)
    return f'<table class="fields">{cells}</table>'


def moment(at: datetime) -> str:
    """A moment in Beijing time."""
    return spans((time_zh(at), time_en(at)))


def breakable(text: str) -> str:
    """The text with places to break a line, which copying doesn't take along."""
    return "<wbr>".join(escape(text[start : start + 8]) for start in range(0, len(text), 8))
