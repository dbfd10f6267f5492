"""What the codes of an instrument's facts are called in a form: as it prints them, else by `fact_words.toml`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from templates.clauses import Clauses
from templates.formatters import Laws
from templates.schemas import unlooped

DATA: Final = Path(__file__).with_name("fact_words.toml")

Pair = tuple[str, str]
"""Chinese and English."""


class FactWords:
    """The words of one instrument's codes, and the laws that it can cite."""

    def __init__(self, clauses: Clauses | None = None, cited: Laws | None = None) -> None:
        self._printed = dict(_printed(clauses)) if clauses else {}
        self.laws: Mapping[str, Pair] = {
            law: (str(each["zh"]), str(each["en"]))
            for law, each in sorted((cited or {}).items(), key=lambda item: str(item[1]["zh"]))
        }

    def of(self, path: str, code: str) -> Pair:
        """What a code of the fact at `path` (`party.kind`) is called; without words, by itself."""
        return self._printed.get(path, {}).get(code) or _general(path).get(code) or (code, code)


def _printed(clauses: Clauses) -> Iterator[tuple[str, dict[str, Pair]]]:
    """The paths whose codes the instrument prints in words, with these."""
    for block, placeholder in clauses.placeholders():
        for given in placeholder.given:
            group: Mapping[str, Any] = clauses.words.get(given.removeprefix("words."), {})
            if group:
                words = {code: (str(each["zh"]), str(each["en"])) for code, each in group.items()}
                yield unlooped(placeholder.path, block.loops()), words


@cache
def _data() -> Mapping[str, Mapping[str, Pair]]:
    data = tomllib.loads(DATA.read_text("utf-8"))
    return {end: {code: (zh, en) for code, (zh, en) in words.items()} for end, words in data.items()}


def _general(path: str) -> Mapping[str, Pair]:
    ends = [end for end in _data() if path.endswith(end)]
    return _data()[max(ends, key=len)] if ends else {}
