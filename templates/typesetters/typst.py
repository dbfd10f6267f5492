"""The typst typesetter: composed blocks on the page of GB/T 9704-2012, as PDF/A-2a and PDF/UA-1 in one file.

The text goes in as JSON data, so no fact is ever read as markup; the fonts are the pinned ones alone; the same blocks
give the same bytes. One compiler is kept per process, because loading the fonts costs more than a document. It is
serialised inside: use processes, not threads, to go faster.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final

import typst

from records.errors import Permanent
from templates import fonts
from templates.composing import Composed
from templates.stock import present_stock

STANDARDS: Final = ("a-2a", "ua-1")
PAGE_HEIGHT_MM: Final = 297.0
COPY_MARK: Final = Path(__file__).with_name("copy_mark.typ")
PAGE_MARK: Final = Path(__file__).with_name("page_mark.typ")

#: One thread prints: the compiler is serialised inside, and in several threads its memory would stay with each of them.
_PRESS: Final = ThreadPoolExecutor(max_workers=1, thread_name_prefix="typst")


@dataclass(frozen=True)
class Sheet:
    """What is set around the blocks.

    `created` is seconds since 1970, written as the file's date. `banner` stands at the head of every page, `watermark`
    behind the text. `sealed` leaves room for the seal on agency and date.
    """

    title: str
    author: str
    description: str
    keywords: tuple[str, ...]
    created: int
    sealed: bool
    banner: str | None = None
    watermark: str | None = None


@dataclass(frozen=True)
class Typeset:
    """A PDF, its number of pages, and where the seal's centre belongs: page from 0, mm from the lower left corner."""

    pdf: bytes
    pages: int
    seal: tuple[int, float, float] | None


@cache
def _fonts(directory: str) -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[directory])


@lru_cache(maxsize=8)
def _compiler(directory: str, page: str) -> typst.Compiler:
    file = _source(page)
    return typst.Compiler(str(file), root=str(file.parent), font_paths=_fonts(directory))


def _source(page: str) -> Path:
    """The page in a file of this process, so that no edit reaches a document; typst reads it at every print."""
    file = _sources() / f"{hashlib.sha256(page.encode()).hexdigest()}.typ"
    if not file.exists():  # or whoever tidies up temporary folders took it away
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.write_text(page, encoding="utf-8")
    return file


@cache
def _sources() -> Path:
    folder = tempfile.mkdtemp(prefix="songda-typst-")
    weakref.finalize(_PRESS, shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


@cache
def _families(directory: str) -> Mapping[str, str]:
    """The family of each role as typst calls it: it reads the name table, where Fandol adds an R to its name."""
    known = set(_fonts(directory).families())
    roles = {
        "body": "body",
        "heading": "heading",
        "kai": "kai",
        "title": "title",
        "fallback": "fallback",
        "latin": "latin",
    }
    families = {}
    for key, role in roles.items():
        name = fonts.family(role)
        found = next((candidate for candidate in (name, f"{name} R") if candidate in known), None)
        if found is None:
            raise Permanent(f"typst does not find the pinned font {name} ({role}) in {directory}")
        families[key] = found
    return families


def _compile(directory: str, page: str, inputs: dict[str, str], created: int) -> tuple[Any, Any, Any]:
    _source(page)
    compiler = _compiler(directory, page)
    try:
        pdf = compiler.compile(format="pdf", sys_inputs=inputs, pdf_standards=list(STANDARDS), timestamp=created)
        pages = json.loads(compiler.query("<pages>", field="value", one=True))
        seals = json.loads(compiler.query("<seal>", field="value"))
    except typst.TypstError as error:
        raise _told(error) from error
    return pdf, pages, seals


def _told(error: typst.TypstError) -> Permanent:
    return Permanent(f"typst cannot print this: {error.message} {' '.join(error.hints)}".strip())


def typeset(blocks: Sequence[Composed], sheet: Sheet, page: str = "") -> Typeset:
    """Print the blocks on `page`, which is songda.typ as the template was frozen with it; the present one for "".

    Raises Permanent when typst refuses, above all for a character that no pinned font has: a PDF/A may not show it.
    """
    directory, inputs = _inputs(blocks, sheet)
    pdf, pages, seals = _PRESS.submit(_compile, directory, page or present_stock().page, inputs, sheet.created).result()
    if not isinstance(pdf, bytes):
        raise Permanent("typst gave no single PDF")
    return Typeset(pdf + b"\n", int(pages), _seal(seals))  # without a last line feed, signing would break PDF/A


def overlays(page: Path, marks: Sequence[object]) -> bytes:
    """A page for each mark, transparent but for it, to be laid over others; `page` is COPY_MARK or PAGE_MARK.

    Raises Permanent when typst refuses.
    """
    fonts.font_path("body")
    directory = str(fonts.font_directory())
    inputs = {"data": json.dumps({"marks": marks, "fonts": _families(directory)}, ensure_ascii=False)}
    return _PRESS.submit(_mark, directory, page, inputs).result()


def _mark(directory: str, page: Path, inputs: dict[str, str]) -> bytes:
    try:
        pdf = _compiler(directory, page.read_text("utf-8")).compile(format="pdf", sys_inputs=inputs, timestamp=0)
    except typst.TypstError as error:
        raise _told(error) from error
    return pdf if isinstance(pdf, bytes) else b""


def pictures(blocks: Sequence[Composed], sheet: Sheet, page: str, dots_per_inch: int) -> list[bytes]:
    """The same pages as `typeset` prints, each as a PNG file. Raises Permanent when typst refuses."""
    return _PRESS.submit(_draw, *_inputs(blocks, sheet), page, dots_per_inch).result()


def _draw(directory: str, inputs: dict[str, str], page: str, dots_per_inch: int) -> list[bytes]:
    _source(page)
    try:
        drawn = _compiler(directory, page).compile(format="png", sys_inputs=inputs, ppi=float(dots_per_inch))
    except typst.TypstError as error:
        raise _told(error) from error
    return [drawn] if isinstance(drawn, bytes) else list(drawn or ())


def _inputs(blocks: Sequence[Composed], sheet: Sheet) -> tuple[str, dict[str, str]]:
    """The folder of the fonts, and what songda.typ reads."""
    fonts.font_path("body")  # says what to do when the fonts are not as pinned
    directory = str(fonts.font_directory())
    data = {
        "blocks": _counted(blocks),
        "title": sheet.title,
        "author": sheet.author,
        "description": sheet.description,
        "keywords": sheet.keywords,
        "banner": sheet.banner,
        "watermark": sheet.watermark,
        "sealed": sheet.sealed,
        "fonts": _families(directory),
    }
    return directory, {"data": json.dumps(data, ensure_ascii=False)}


_HAN: Final = (
    "\u2e80-\u2fdf\u3005\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD: Final = re.compile(rf"[^ \n\u3000{_HAN}]+")  # what songda.typ takes for a word


def _counted(value: Any) -> Any:
    """The blocks, each line of text with the length of its longest word, its characters and its line feeds.

    What may have to be broken is found here, because looking for it in typst would cost more than the page.
    """
    if isinstance(value, Mapping):
        return {name: _counted(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) == 2 and value[0] in ("zh", "en") and isinstance(value[1], str):
            text = value[1]
            return [*value, max(map(len, _WORD.findall(text)), default=0), len(text), text.count("\n")]
        return [_counted(each) for each in value]
    return value


def _seal(found: Any) -> tuple[int, float, float] | None:
    if not found:
        return None
    place = found[-1]
    return int(place["page"]) - 1, float(place["x"]), PAGE_HEIGHT_MM - float(place["y"])
