"""The form of a Word template: what a reader, a screen reader or an archive would miss, each with its place.

Fonts are the pinned ones; every text says its language (WCAG 3.1.1, 3.1.2); titles and headings are styles (1.3.1);
tables have a head (1.3.1); pictures have an alternative text (1.1.1); the page is A4 (GB/T 9704-2012, 5.1); nothing of
an unfinished edit (tracked changes, comments) is left; every page has room for the mark TEST or SPECIMEN.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from records.errors import Fault
from templates import fonts
from templates.typesetters.word import SEAL_BOOKMARK
from templates.word_reading import MAIN, Paragraph, WordFile, is_pinned, number, w
from templates.word_tags import is_control, words_only

_A4: Final = (11906, 16838)
_TWIPS_OF_TOLERANCE: Final = 20
_CHINESE: Final = re.compile("[\u3400-\u9fff]")
_LATIN_WORD: Final = re.compile(r"[A-Za-z]{2,}")
_NUMBERED_HEADING: Final = re.compile(r"[一二三四五六七八九十]{1,3}、[^。；：:;]{1,40}|[IVX]+\. [^.;:]{1,80}")
_MARK: Final = re.compile(r"\{\{ *mark *\}\}")
_FIELDS: Final = ("PAGE", "NUMPAGES", "SECTIONPAGES")
_CHANGES: Final = ("ins", "del", "moveFrom", "moveTo", "rPrChange", "pPrChange", "tblPrChange", "sectPrChange")
_LONGEST_BOLD_HEADING: Final = 40


def form_faults(file: WordFile, *, sealed: bool) -> Iterator[Fault]:
    """Every fault of form, in reading order of each part."""
    for part in file.printed_parts:
        yield from _unfinished(file, part)
        for paragraph in file.paragraphs(part):
            yield from _glyphs(paragraph)
            yield from _fields(paragraph)
            if not is_control(paragraph.text):
                yield from _fonts(file, paragraph)
                yield from _languages(file, paragraph)
                yield from _hidden(file, paragraph)
        yield from _pictures(file, part)
    yield from _headings(file)
    yield from _tables(file)
    yield from _pages(file)
    yield from _marks(file)
    if sealed:
        yield from _seal(file)


def _unfinished(file: WordFile, part: str) -> Iterator[Fault]:
    root = file.tree(part)
    for paragraph in file.paragraphs(part):
        if any(next(paragraph.element.iter(w(name)), None) is not None for name in _CHANGES):
            message = "there are tracked changes: accept or reject them"
            yield _fault(paragraph.place, "tracked_change", message, "有未处理的修订，请先接受或者拒绝")
        if next(paragraph.element.iter(w("commentReference")), None) is not None:
            yield _fault(paragraph.place, "comment", "there is a comment: delete it", "有批注，请先删除")
        if next(paragraph.element.iter(w("sym")), None) is not None:
            message = "there is a symbol of a symbol font: write it as a character"
            yield _fault(paragraph.place, "symbol", message, "使用了符号字体，请改为普通字符")
    tracked = (
        "trPr",
        "tcPr",
        "tblPr",
        "sectPr",
    )  # changes of rows, cells, tables and sections stand outside paragraphs
    if any(next(found.iter(*map(w, _CHANGES)), None) is not None for name in tracked for found in root.iter(w(name))):
        message = "there are tracked changes of tables or sections: accept or reject them"
        yield _fault(part, "tracked_change", message, "表格或者节有未处理的修订，请先接受或者拒绝")


def _glyphs(paragraph: Paragraph) -> Iterator[Fault]:
    for run in paragraph.runs:
        for character in sorted(fonts.missing_glyphs(run.text.translate({9: None, 0xFFFC: None, 0x2011: None}))):
            message = f"no pinned font has {character!r} (U+{ord(character):04X})"
            yield _fault(run.place, "glyph", message, f"字库中没有该字符：U+{ord(character):04X}")


def _fields(paragraph: Paragraph) -> Iterator[Fault]:
    """Fields other than page numbers print what no fact says, such as the day of printing."""
    told = "".join(each.text or "" for each in paragraph.element.iter(w("instrText")))
    simple = [each.get(w("instr"), "") for each in paragraph.element.iter(w("fldSimple"))]
    for instruction in (told, *simple):
        name = instruction.split()[0].upper() if instruction.split() else ""
        if name and name not in _FIELDS:
            message = f"there is a field {name}: only page numbers may be fields"
            yield _fault(paragraph.place, "field", message, f"不得使用域 {name}，页码除外")


def _hidden(file: WordFile, paragraph: Paragraph) -> Iterator[Fault]:
    for run in paragraph.runs:
        if run.text.strip() and file.is_hidden(paragraph, run):
            yield _fault(run.place, "hidden", f"hidden text is not printed: {_begin(run.text)}", "隐藏文字不会印出")


def _fonts(file: WordFile, paragraph: Paragraph) -> Iterator[Fault]:
    for run in paragraph.runs:
        for slot, asked in (("eastAsia", _CHINESE), ("ascii", _LATIN_WORD)):
            name = file.font(paragraph, run, slot) if asked.search(run.text) else "serif"
            if not is_pinned(name):
                message = f"{name or 'no font'} is not one of the pinned fonts: {_begin(run.text)}"
                yield _fault(run.place, "font", message, f"字体 {name or '（未指定）'} 不是规定字体")


def _languages(file: WordFile, paragraph: Paragraph) -> Iterator[Fault]:
    """Chinese must say Chinese; a paragraph of Latin words must say a language, and it isn't Chinese."""
    whole = words_only(paragraph.text)
    english = not _CHINESE.search(whole) and len(_LATIN_WORD.findall(whole)) > 1
    for run in paragraph.runs:
        text = words_only(run.text)
        wanted, attribute = ("zh", "eastAsia") if _CHINESE.search(text) else ("en", "val")
        if wanted == "en" and not (english and _LATIN_WORD.search(text)):
            continue
        found = file.run_property(paragraph, run, "lang", attribute) or ""
        if not found.lower().startswith(wanted):
            message = f"the language is {found or 'not given'}, it should be {wanted}: {_begin(text)}"
            yield _fault(run.place, "language", message, "文字的语言标记缺失或者不符")


def _headings(file: WordFile) -> Iterator[Fault]:
    paragraphs = [each for each in file.paragraphs(MAIN) if each.text.strip() and not is_control(each.text)]
    levels = [file.outline_level(each) for each in paragraphs]
    if 0 not in levels:
        yield _fault(MAIN, "no_heading", "no paragraph is a title or heading 1", "没有使用标题样式的文书标题")
    heading_before = False
    for paragraph, level in zip(paragraphs, levels, strict=True):
        if level is None and not heading_before and not paragraph.row and _looks_like_heading(paragraph):
            message = f"looks like a heading, but has no heading style: {_begin(paragraph.text)}"
            yield _fault(paragraph.place, "heading_style", message, "疑似标题，但未使用标题样式")
        heading_before = level is not None  # the English twin under a Chinese heading is a line of it


def _looks_like_heading(paragraph: Paragraph) -> bool:
    text = paragraph.text.strip()
    if _NUMBERED_HEADING.fullmatch(text):
        return True
    written = [run for run in paragraph.runs if run.text.strip()]
    return len(text) <= _LONGEST_BOLD_HEADING and bool(written) and all(_is_bold(run.element) for run in written)


def _is_bold(run: Any) -> bool:
    bold = run.find(f"{w('rPr')}/{w('b')}")
    return bold is not None and bold.get(w("val")) not in ("0", "false")


def _tables(file: WordFile) -> Iterator[Fault]:
    """A head row that is repeated, or, of a form, a first column that is marked as the head of its rows."""
    for table in file.tables(MAIN):
        first = table.element.find(w("tr"))
        head = None if first is None else first.find(f"{w('trPr')}/{w('tblHeader')}")
        look = table.element.find(f"{w('tblPr')}/{w('tblLook')}")
        column = look is not None and (
            look.get(w("firstColumn")) == "1"
            or (look.get(w("firstColumn")) is None and number(look.get(w("val")), 16) & 0x80)
        )
        if not column and (head is None or head.get(w("val")) in ("0", "false")):
            message = "has neither a head row that is repeated nor, for a form, a first column marked as head"
            yield _fault(table.place, "table_head", message, "表格没有标题行；表单则须勾选“第一列”")


def _pictures(file: WordFile, part: str) -> Iterator[Fault]:
    for paragraph in file.paragraphs(part):
        for found in paragraph.element.iter("{*}docPr", "{*}shape", "{*}imagedata"):
            kind = str(found.tag).rpartition("}")[2]
            drawn = kind == "docPr" or any(str(up.tag) == w("pict") for up in found.iterancestors())
            if kind == "imagedata" or not drawn:
                continue
            if not any((found.get(name) or "").strip() for name in ("descr", "title", "alt")):
                message = "a picture has no alternative text"
                yield _fault(paragraph.place, "picture_text", message, "图片没有替代文字")


def _pages(file: WordFile) -> Iterator[Fault]:
    sections = list(file.tree(MAIN).iter(w("sectPr")))
    for position, section in enumerate(sections, start=1):
        size = section.find(w("pgSz"))
        found = (0, 0) if size is None else (number(size.get(w("w"))), number(size.get(w("h"))))
        if any(abs(one - other) > _TWIPS_OF_TOLERANCE for one, other in zip(found, _A4, strict=True)):
            place = f"{MAIN}/section {position}"
            yield _fault(place, "page_size", "the page is not A4 upright (GB/T 9704-2012, 5.1)", "页面不是A4纵向")


def _marks(file: WordFile) -> Iterator[Fault]:
    """Every header that a page may have carries the mark; the first section has to have each kind that is in use."""
    marked = {part: any(_MARK.search(each.text) for each in file.paragraphs(part)) for part in file.printed_parts}
    settings = file.tree("word/settings.xml")
    odd_and_even = settings is not None and settings.find(w("evenAndOddHeaders")) is not None
    inherited: dict[str, str] = {}
    for position, section in enumerate(file.tree(MAIN).iter(w("sectPr")), start=1):
        inherited |= file.headers(section)
        kinds = ["default"] + ["even"] * odd_and_even + ["first"] * (section.find(w("titlePg")) is not None)
        for kind in kinds:
            if not marked.get(inherited.get(kind, ""), False):
                place = inherited.get(kind) or f"{MAIN}/section {position}"
                message = f"the header of {kind} pages needs {{{{ mark }}}}, which says TEST or SPECIMEN"
                yield _fault(place, "no_mark", message, "每种页眉都须有 {{ mark }}")


def _seal(file: WordFile) -> Iterator[Fault]:
    found = [
        each for each in file.tree(MAIN).iter(w("bookmarkStart")) if each.get(w("name")) == SEAL_BOOKMARK
    ]  # fmt: skip
    if len(found) != 1:
        message = f"a sealed instrument has one bookmark {SEAL_BOOKMARK!r}, where the centre of the seal goes"
        yield _fault(
            MAIN, "seal_place", message, f"加盖印章的文书须有一个名为 {SEAL_BOOKMARK} 的书签，标明印章中心位置"
        )


def _begin(text: str) -> str:
    return repr(text.strip()[:30])


def _fault(place: str, code: str, message_en: str, message_zh: str) -> Fault:
    return Fault(f"/{place}", code, message_en, message_zh)
