"""The words of the pages: files with two columns, Chinese and English; no page has words of its own."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

from markupsafe import Markup, escape

from records.errors import Permanent

FILES: Final = ("messages.toml", "registration.toml")
LANGUAGES: Final = ("zh", "en")


@cache
def messages() -> Mapping[str, tuple[str, str]]:
    """Every message by its key, (Chinese, English). Raises Permanent for one without its twin."""
    folder = Path(__file__).parent
    return read("\n".join((folder / name).read_text(encoding="utf-8") for name in FILES))


def read(text: str) -> Mapping[str, tuple[str, str]]:
    """Messages of a TOML text whose tables hold `key = ["中文", "English"]`. Raises Permanent for a faulty one."""
    found: dict[str, tuple[str, str]] = {}
    for table, rows in tomllib.loads(text).items():
        for name, pair in rows.items():
            if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(t, str) and t.strip() for t in pair):
                raise Permanent(f"message {table}.{name}: a Chinese and an English text are needed")
            zh, en = pair
            if _names(zh) != _names(en):
                raise Permanent(f"message {table}.{name}: the two texts do not have the same placeholders")
            found[f"{table}.{name}"] = (zh, en)
    return found


def _names(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


class Words:
    """The messages in one language (`zh` or `en`)."""

    def __init__(self, language: str) -> None:
        self.language = language
        self._column = LANGUAGES.index(language)

    def __call__(self, key: str, **values: object) -> str:
        """The message `key`, filled; marked up if a value is. Raises KeyError for an unknown key or a missing value."""
        text = messages()[key][self._column]
        if any(isinstance(value, Markup) for value in values.values()):
            return escape(text).format(**values)  # which escapes every other value
        return text.format(**values)

    def pick(self, zh: str, en: str) -> str:
        """One of two texts that come from elsewhere."""
        return (zh, en)[self._column]
