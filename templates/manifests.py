"""The manifest of an instrument: what it is called, where it comes from, how it may be served, how it is printed.

A manifest is `templates/instruments/<id>/instrument.toml`, data owned by the legal department. Every identifier has one
from the start, because jobs, archives and case systems hold identifiers for ever; a folder without a `[print]` table is
an instrument that is known (it has a service date) but that cannot be printed yet.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from records.errors import Fault, Permanent, Refused

INSTRUMENTS: Final = Path(__file__).parent / "instruments"

METHODS: Final = ("direct", "post", "leaving", "entrusted", "public_notice", "fax")
"""Ways of paper service: 004-79 (direct, post, leaving, entrusted, public notice) and 004-80 (fax, with consent)."""

ACTS: Final = ("ends", "changes", "mends", "declares")
"""What a document may do to another: end it (撤销), change it (变更), mend its text (补正), declare it void (作废)."""

ENGINES: Final = ("typst", "html", "word")
PREVAILING: Final = ("zh", "none")

PROFILES: Final = ("B-LT", "B-LTA")
"""Levels of the seal's signature (ETSI EN 319 142-1 §6): with proof of validity; with an archive time stamp as well."""

SEALS: Final = ("official", "enforcement", "signature_stamp")
"""Kinds of seal: 公章, 行政执法专用章 (004-77), and a person's 签名章 (GB/T 9704-2012 7.3.5.3)."""

EDGES: Final = ("right", "left", "top", "bottom")
"""Edges of the page at which a seam seal 骑缝章 may stand."""

_IDENTIFIER = re.compile(r"[a-z]+(-[a-z]+)*")
_FIELDS = ("id", "title_zh", "title_en", "articles", "important", "electronic", "methods", "acts", "print")
_SEAL_FIELDS = ("seals", "seam", "code")
_PRINT_FIELDS = (
    "engine",
    "version",
    "maker_zh",
    "maker_en",
    "numbered",
    "sealed",
    "delivered",
    "series",
    "prevailing",
    "copies",
    "holders",
    "profile",
    *_SEAL_FIELDS,
)


@dataclass(frozen=True)
class Print:
    """How an instrument is printed, and which steps its documents go through.

    `series` is the series that its numbers come from ("" when it is not numbered); `prevailing` is "zh" when the
    Chinese text prevails, "none" when the paper itself doesn't say (the confirmation letter); `copies` is the number of
    originals that are made (004-30(5), 004-51), one unless the manifest says otherwise, and `holders` names in Chinese
    and English who keeps each.

    For what is sealed: `profile` is one of `PROFILES`; `seals` are the kinds of seal in their order, of which the first
    certifies the document and the others counter-sign it; `seam` is the edge of the seam seal ("" without one), and
    `seam_pages` how many pages share one; `code` asks for the verification code in the margin.
    """

    engine: str
    version: str
    maker_zh: str
    maker_en: str
    numbered: bool
    sealed: bool
    delivered: bool
    series: str
    prevailing: str
    copies: int = 1
    holders: tuple[tuple[str, str], ...] = ()
    profile: str = PROFILES[0]
    seals: tuple[str, ...] = ("enforcement",)
    seam: str = ""
    seam_pages: int = 10
    code: bool = False


@dataclass(frozen=True)
class Manifest:
    """One kind of instrument.

    `important`: also served on paper, and the paper date counts (confirmation letter, II.4). `electronic`: may be
    served through an approved account at all. `methods`: ways in which paper may be served; none for an instrument that
    is never served on a party (an internal form, a record for the file). `acts`: what it may do to another document,
    which it names in the job (004-97, 004-100).
    """

    id: str
    title_zh: str
    title_en: str
    articles: tuple[str, ...]
    important: bool
    electronic: bool
    methods: tuple[str, ...]
    print: Print | None = None
    acts: tuple[str, ...] = ()

    @property
    def served(self) -> bool:
        """Whether it is ever served on somebody."""
        return self.electronic or bool(self.methods)


class _Reader:
    """Takes typed values out of one table of one file, and names file and field when one is wrong."""

    def __init__(self, path: Path, table: Mapping[str, Any], prefix: str, allowed: tuple[str, ...]) -> None:
        self._path, self._table, self._prefix = path, table, prefix
        for name in table:
            if name not in allowed:
                raise self.wrong(name, "is not a field of a manifest")

    def wrong(self, field: str, problem: str) -> Permanent:
        place = f"{self._path.parent.name}/{self._path.name}"
        return Permanent(f"{place}: {self._prefix}{field} {problem}")

    def text(self, field: str, *, empty: bool = False) -> str:
        value = self._table.get(field)
        if not isinstance(value, str) or (not empty and not value.strip()):
            raise self.wrong(field, "must be a text" if empty else "must be a text that is not empty")
        return value

    def choice(self, field: str, choices: tuple[str, ...]) -> str:
        value = self.text(field)
        if value not in choices:
            raise self.wrong(field, f"is {value!r}, but must be one of {', '.join(choices)}")
        return value

    def flag(self, field: str) -> bool:
        value = self._table.get(field)
        if not isinstance(value, bool):
            raise self.wrong(field, "must be true or false")
        return value

    def count(self, field: str, *, default: int, least: int = 1) -> int:
        value = self._table.get(field, default)
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise self.wrong(field, f"must be a whole number from {least} on")
        return value

    def texts(self, field: str) -> tuple[str, ...]:
        value = self._table.get(field)
        if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
            raise self.wrong(field, "must be a list of texts")
        if len(set(value)) != len(value):
            raise self.wrong(field, "names something twice")
        return tuple(value)


def _read_holders(read: _Reader, value: object, copies: int) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) != copies:
        raise read.wrong("holders", f"must name who keeps each of the {copies} copies")
    for each in value:
        texts = each if isinstance(each, dict) and set(each) == {"zh", "en"} else {"": None}
        if not all(isinstance(text, str) and text.strip() for text in texts.values()):
            raise read.wrong("holders", "must give each holder in Chinese and English, as {zh = …, en = …}")
    return tuple((each["zh"], each["en"]) for each in value)


def _read_seals(read: _Reader, table: Mapping[str, Any]) -> tuple[str, ...]:
    if "seals" not in table:
        return Print.seals
    seals = read.texts("seals")
    if not seals or not set(seals) <= set(SEALS):
        raise read.wrong("seals", f"must name one or more of {', '.join(SEALS)}")
    return seals


def _read_seam(path: Path, read: _Reader, value: object) -> tuple[str, int]:
    """Edge and pages: `true` for the usual ones, or a table that says what is otherwise."""
    if value is None or value is False:
        return "", Print.seam_pages
    if value is not True and not isinstance(value, dict):
        raise read.wrong("seam", "must be true, or a table with edge and pages")
    table = {} if value is True else value
    inside = _Reader(path, table, "print.seam.", ("edge", "pages"))
    edge = inside.choice("edge", EDGES) if "edge" in table else EDGES[0]
    return edge, inside.count("pages", default=Print.seam_pages, least=2)


def _read_print(path: Path, table: object) -> Print:
    if not isinstance(table, dict):
        raise Permanent(f"{path.parent.name}/{path.name}: print must be a table")
    read = _Reader(path, table, "print.", _PRINT_FIELDS)
    numbered = read.flag("numbered")
    series = read.text("series", empty=True) if "series" in table or numbered else ""
    if numbered != bool(series):
        raise read.wrong("series", "must name a series for a numbered instrument, and only for one")
    copies, sealed = read.count("copies", default=1), read.flag("sealed")
    for name in ("profile", *_SEAL_FIELDS):
        if name in table and not sealed:
            raise read.wrong(name, "is for an instrument that is sealed")
    seam, seam_pages = _read_seam(path, read, table.get("seam"))
    return Print(
        engine=read.choice("engine", ENGINES),
        version=read.text("version"),
        maker_zh=read.text("maker_zh"),
        maker_en=read.text("maker_en"),
        numbered=numbered,
        sealed=sealed,
        delivered=read.flag("delivered"),
        series=series,
        prevailing=read.choice("prevailing", PREVAILING),
        copies=copies,
        holders=_read_holders(read, table.get("holders"), copies),
        profile=read.choice("profile", PROFILES) if "profile" in table else PROFILES[0],
        seals=_read_seals(read, table),
        seam=seam,
        seam_pages=seam_pages,
        code=read.flag("code") if "code" in table else False,
    )


def load_manifest(path: Path) -> Manifest:
    """Read one `instrument.toml`.

    Raises `Permanent`, naming folder and field, when the file isn't a manifest, or stands in a folder that isn't named
    by its identifier.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Permanent(f"{path.parent.name}/{path.name}: cannot be read: {error}") from error
    read = _Reader(path, table, "", _FIELDS)
    identifier = read.text("id")
    if not _IDENTIFIER.fullmatch(identifier):
        raise read.wrong("id", "must be lower-case words joined by hyphens")
    if identifier != path.parent.name:
        raise read.wrong("id", f"is {identifier!r}, but the folder is named {path.parent.name!r}")
    articles, methods = read.texts("articles"), read.texts("methods")
    if not articles:
        raise read.wrong("articles", "must cite at least one source")
    for method in methods:
        if method not in METHODS:
            raise read.wrong("methods", f"names {method!r}, but knows only {', '.join(METHODS)}")
    acts = read.texts("acts") if "acts" in table else ()
    for act in acts:
        if act not in ACTS:
            raise read.wrong("acts", f"names {act!r}, but knows only {', '.join(ACTS)}")
    important, electronic = read.flag("important"), read.flag("electronic")
    if important and not methods:
        raise read.wrong("methods", "must name a way of paper service for an important instrument")
    return Manifest(
        id=identifier,
        title_zh=read.text("title_zh"),
        title_en=read.text("title_en"),
        articles=articles,
        important=important,
        electronic=electronic,
        methods=methods,
        print=_read_print(path, table["print"]) if "print" in table else None,
        acts=acts,
    )


@cache
def manifests() -> Mapping[str, Manifest]:
    """All instruments by identifier, in the order of their identifiers. Raises `Permanent` when a manifest is wrong."""
    found = (load_manifest(path) for path in sorted(INSTRUMENTS.glob("*/instrument.toml")))
    return MappingProxyType({manifest.id: manifest for manifest in found})


def manifest(identifier: str) -> Manifest:
    """The manifest of one instrument. Raises `Refused` with the code `unknown_instrument`."""
    found = manifests().get(identifier)
    if found is None:
        raise Refused(
            [
                Fault(
                    "/instrument",
                    "unknown_instrument",
                    f"There is no instrument with the identifier {identifier!r}.",
                    f"没有标识为“{identifier}”的文书。",
                )
            ]
        )
    return found
