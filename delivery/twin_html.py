"""A text in Chinese and in English as HTML: each half carries its language, every fact is escaped."""

from __future__ import annotations

from html import escape

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
