"""What all instruments share beside the words of parts.yaml: laws that are cited, the typesetters' pages, the fonts."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from records.errors import Permanent
from templates import fonts
from templates.formatters import Laws, laws

SHARED_VERSION: Final = Path(__file__).with_name("shared.toml")
PAGE: Final = Path(__file__).parent / "typesetters" / "songda.typ"
STYLE: Final = Path(__file__).parent / "typesetters" / "print.css"


@dataclass(frozen=True)
class Stock:
    """What an instrument is printed with.

    `version` is that of shared.toml; `page` is songda.typ, `style` print.css; `fonts` is the digest of the list of
    pinned fonts.
    """

    version: str
    laws: Laws
    page: str
    style: str
    fonts: str


@cache
def present_stock() -> Stock:
    """The stock of this installation, read once, so that no edit reaches a running process half way.

    Raises Permanent when shared.toml has no version.
    """
    try:
        version = tomllib.loads(SHARED_VERSION.read_text(encoding="utf-8"))["version"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise Permanent(f"templates/{SHARED_VERSION.name}: has no version: {error}") from error
    page, style = PAGE.read_text(encoding="utf-8"), STYLE.read_text(encoding="utf-8")
    return Stock(str(version), laws(), page, style, fonts.list_digest())
