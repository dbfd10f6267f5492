"""Codes and the words that people write for them in a table, in either language."""

from __future__ import annotations

from collections.abc import Mapping

from records.finding import folded

Words = tuple[str, ...]
"""Chinese, English, and what else is understood."""


class Vocabulary:
    """Codes by their words. Letters of either case and width, and white space, make no difference."""

    def __init__(self, named: Mapping[str, Words]) -> None:
        self.named = named
        self._codes = {folded(word): code for code, words in named.items() for word in (code, *words)}

    def code(self, text: str) -> str | None:
        """The code that is written so, or None."""
        return self._codes.get(folded(text))

    def listed(self) -> tuple[str, str]:
        """All that may be written, as one text in each language."""
        zh, en = zip(*(words[:2] for words in self.named.values()), strict=True)
        return "；".join(zh), "; ".join(en)  # some of the words have commas
