"""Reading a Word file as it is checked: paragraphs, runs and tables with their places, styles resolved (ECMA-376, 17).

A place is a path that a person can walk: `word/document.xml/table 2/row 1/cell 3/paragraph 1/run 2`, counted from one.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

from lxml import etree  # type: ignore[import-untyped]

from templates import fonts

LARGEST_PARTS: Final = 64 * 2**20
"""Bytes that all parts of a Word file may have together, unpacked."""

MAIN: Final = "word/document.xml"
_W: Final = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_R: Final = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_A: Final = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_PRINTED: Final = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes)\.xml")
_AS_TEXT: Final = {f"{_W}tab": "\t", f"{_W}br": "\n", f"{_W}cr": "\n", f"{_W}noBreakHyphen": "\u2011"}
_NO_CONTENT: Final = frozenset({f"{_W}rPr", f"{_W}lastRenderedPageBreak", f"{_W}proofErr"})

Element = Any


def w(name: str) -> str:
    """The qualified name of a WordprocessingML element or attribute."""
    return _W + name


@dataclass(frozen=True)
class Run:
    """One run and its text; content that is not text (a field, a picture) is U+FFFC in it."""

    place: str
    text: str
    element: Element = field(compare=False)


@dataclass(frozen=True)
class Paragraph:
    """One paragraph. `container` is the place of the cell or part that it stands in, `row` that of its table row."""

    place: str
    container: str
    row: str
    runs: tuple[Run, ...]
    element: Element = field(compare=False)

    @property
    def text(self) -> str:
        """All text, tabs and breaks as `\\t` and `\\n`, other content as U+FFFC."""
        return "".join(run.text for run in self.runs)

    def run_at(self, offset: int) -> Run | None:
        """The run in which a character of the text stands."""
        for run in self.runs:
            if offset < len(run.text):
                return run
            offset -= len(run.text)
        return self.runs[-1] if self.runs else None

    def runs_between(self, start: int, end: int) -> list[Run]:
        """The runs of a stretch of the text."""
        found, at = [], 0
        for run in self.runs:
            if at < end and at + len(run.text) > start:
                found.append(run)
            at += len(run.text)
        return found


@dataclass(frozen=True)
class Table:
    """One table, with its place."""

    place: str
    element: Element = field(compare=False)


class WordFile:
    """An unpacked Word file. Raises ValueError when it is none, or far too large."""

    def __init__(self, body: bytes) -> None:
        try:
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > LARGEST_PARTS:
                    raise ValueError("its parts are too large")
                self.parts: Mapping[str, bytes] = {name: archive.read(name) for name in archive.namelist()}
            parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
            self._trees = {
                name: etree.fromstring(content, parser)
                for name, content in self.parts.items()
                if name.endswith((".xml", ".rels"))
            }
        except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, etree.XMLSyntaxError) as error:
            raise ValueError(str(error)) from error
        for needed in (MAIN, "_rels/.rels", "[Content_Types].xml"):
            if needed not in self._trees:
                raise ValueError(f"there is no {needed}")

    def tree(self, part: str) -> Element:
        """The XML of a part, or None when there is no such part."""
        return self._trees.get(part)

    @property
    def subject(self) -> str:
        """The subject among the file's properties: the identifier of the instrument, where we made the file."""
        core = self._trees.get("docProps/core.xml")
        found = None if core is None else core.find("{http://purl.org/dc/elements/1.1/}subject")
        return "" if found is None else str(found.text or "").strip()

    @property
    def printed_parts(self) -> list[str]:
        """The parts whose words are printed: the document, headers, footers, notes."""
        return sorted(name for name in self._trees if _PRINTED.fullmatch(name))

    def paragraphs(self, part: str) -> Iterator[Paragraph]:
        """All paragraphs of a part in reading order, those of tables and text boxes where these stand."""
        root = self._trees[part]
        body = root.find(w("body"))
        yield from (
            each for each in self._walk(root if body is None else body, part, "") if isinstance(each, Paragraph)
        )

    def tables(self, part: str) -> Iterator[Table]:
        """All tables of a part, nested ones too."""
        root = self._trees[part]
        body = root.find(w("body"))
        yield from (each for each in self._walk(root if body is None else body, part, "") if isinstance(each, Table))

    def _walk(self, parent: Element, place: str, row: str) -> Iterator[Paragraph | Table]:
        counts = {"paragraph": 0, "table": 0}
        for child in _children(parent):
            if child.tag == w("p"):
                counts["paragraph"] += 1
                here = f"{place}/paragraph {counts['paragraph']}"
                yield Paragraph(here, place, row, tuple(_runs(child, here)), child)
                for number, box in enumerate(_boxes(child), start=1):
                    yield from self._walk(box, f"{here}/text box {number}", row)
            elif child.tag == w("tbl"):
                counts["table"] += 1
                yield from self._table(child, f"{place}/table {counts['table']}")

    def _table(self, table: Element, place: str) -> Iterator[Paragraph | Table]:
        yield Table(place, table)
        rows = (each for each in _children(table) if each.tag == w("tr"))
        for row_number, row in enumerate(rows, start=1):
            cells = (each for each in _children(row) if each.tag == w("tc"))
            for number, cell in enumerate(cells, start=1):
                row_place = f"{place}/row {row_number}"
                yield from self._walk(cell, f"{row_place}/cell {number}", row_place)

    # ---- styles ----

    def run_property(self, paragraph: Paragraph, run: Run, name: str, attribute: str) -> str | None:
        """The value of an attribute, such as `eastAsia` of `lang`, from run, styles or document defaults."""
        for properties in self._cascade(paragraph, run):
            found = None if properties is None else properties.find(w(name))
            if found is not None and found.get(w(attribute)) is not None:
                return str(found.get(w(attribute)))
        return None

    def font(self, paragraph: Paragraph, run: Run, slot: str) -> str | None:
        """The name of the font of a slot, `ascii` or `eastAsia`; that of the theme where the theme gives it."""
        for properties in self._cascade(paragraph, run):
            found = None if properties is None else properties.find(w("rFonts"))
            if found is None:
                continue
            theme = found.get(w(f"{slot}Theme"))
            if theme is not None:
                return self._theme_font(str(theme))
            if found.get(w(slot)) is not None:
                return str(found.get(w(slot)))
        return None

    def is_hidden(self, paragraph: Paragraph, run: Run) -> bool:
        """Whether a run is set to be hidden: it would be read, and not printed."""
        for properties in self._cascade(paragraph, run):
            found = None if properties is None else properties.find(w("vanish"))
            if found is not None:
                return found.get(w("val")) not in ("0", "false", "off")
        return False

    def outline_level(self, paragraph: Paragraph) -> int | None:
        """0 for a title, 1 for a heading under it, …; None for text."""
        own = paragraph.element.find(w("pPr"))
        for properties in (
            own,
            *(style.find(w("pPr")) for style in self._chain(_style_of(own, "pStyle"), "paragraph")),
        ):
            level = None if properties is None else properties.find(w("outlineLvl"))
            if level is not None:
                found_level = number(level.get(w("val")))
                return found_level if found_level < 9 else None
        names = [_name_of(style) for style in self._chain(_style_of(own, "pStyle"), "paragraph")]
        found = next((re.fullmatch(r"heading ([1-9])", name, re.IGNORECASE) for name in names), None)
        return int(found[1]) - 1 if found else 0 if "Title" in names[:1] else None

    def _cascade(self, paragraph: Paragraph, run: Run) -> Iterator[Element | None]:
        own = run.element.find(w("rPr"))
        yield own
        for style in self._chain(_style_of(own, "rStyle"), "character"):
            yield style.find(w("rPr"))
        for style in self._chain(_style_of(paragraph.element.find(w("pPr")), "pStyle"), "paragraph"):
            yield style.find(w("rPr"))
        styles = self._trees.get("word/styles.xml")
        yield None if styles is None else styles.find(f"{w('docDefaults')}/{w('rPrDefault')}/{w('rPr')}")

    def _chain(self, identifier: str | None, kind: str) -> Iterator[Element]:
        """A style and those that it is based on; the default paragraph style when none is named."""
        seen: set[str] = set()
        if identifier is None and kind == "paragraph":
            identifier = self._default_style
        while identifier is not None and identifier not in seen and identifier in self._styles:
            seen.add(identifier)
            style = self._styles[identifier]
            yield style
            based = style.find(w("basedOn"))
            identifier = None if based is None else based.get(w("val"))

    @cached_property
    def _styles(self) -> Mapping[str, Element]:
        styles = self._trees.get("word/styles.xml")
        listed = [] if styles is None else styles.findall(w("style"))
        return {str(style.get(w("styleId"))): style for style in listed}

    @cached_property
    def _default_style(self) -> str | None:
        return next(
            (
                name
                for name, style in self._styles.items()
                if style.get(w("type")) == "paragraph" and style.get(w("default")) in ("1", "true")
            ),
            None,
        )

    def _theme_font(self, slot: str) -> str | None:
        """`minorEastAsia` and the like, looked up in the theme; for Chinese by its script."""
        theme = next((tree for name, tree in self._trees.items() if name.startswith("word/theme/theme")), None)
        fonts_of = (
            None if theme is None else theme.find(f".//{_A}{'major' if slot.startswith('major') else 'minor'}Font")
        )
        if fonts_of is None:
            return None
        named = fonts_of.findall(f"{_A}{'ea' if slot.endswith('EastAsia') else 'latin'}")
        if slot.endswith("EastAsia"):
            named += [each for each in fonts_of.findall(f"{_A}font") if each.get("script") == "Hans"]
        return next((str(each.get("typeface")) for each in named if each.get("typeface")), None)

    # ---- relations ----

    def targets(self, part: str) -> Mapping[str, str]:
        """The parts that a part refers to, by the identifier of the relation."""
        folder, name = posixpath.split(part)
        relations = self._trees.get(f"{folder}/_rels/{name}.rels")
        listed = [] if relations is None else list(relations)
        return {
            str(each.get("Id")): posixpath.normpath(posixpath.join(folder, str(each.get("Target"))))
            for each in listed
            if each.get("TargetMode") != "External"
        }

    def headers(self, section: Element) -> Mapping[str, str]:
        """The header parts of a section by their type: `default`, `even`, `first`."""
        targets = self.targets(MAIN)
        return {
            str(each.get(w("type"))): targets.get(str(each.get(f"{_R}id")), "")
            for each in section.findall(w("headerReference"))
        }


def _children(parent: Element) -> Iterator[Element]:
    """The children, those in content controls, insertions and the like included."""
    for child in parent:
        if child.tag in (
            w("sdt"),
            w("sdtContent"),
            w("ins"),
            w("moveTo"),
            w("smartTag"),
            w("customXml"),
            w("hyperlink"),
        ):
            yield from _children(child)
        else:
            yield child


def _runs(paragraph: Element, place: str) -> Iterator[Run]:
    number = 0
    for child in _children(paragraph):
        inner = _children(child) if child.tag == w("fldSimple") else [child]
        for each in inner:
            if each.tag == w("r"):
                number += 1
                text = "".join(_text(part) for part in each if part.tag not in _NO_CONTENT)
                yield Run(f"{place}/run {number}", text, each)


def _text(part: Element) -> str:
    if part.tag == w("t"):
        return part.text or ""
    return _AS_TEXT.get(part.tag, "" if part.tag == w("instrText") else "\ufffc")


def _boxes(paragraph: Element) -> list[Element]:
    """The text boxes that hang on a paragraph; of a drawing with a fallback, the drawing's."""
    found = paragraph.iter(w("txbxContent"))
    return [box for box in found if not any(str(up.tag).endswith("}Fallback") for up in box.iterancestors())]


def _style_of(properties: Element | None, name: str) -> str | None:
    found = None if properties is None else properties.find(w(name))
    return None if found is None else str(found.get(w("val")))


def number(text: str | None, base: int = 10) -> int:
    """A number of an attribute; 0 for what is none."""
    try:
        return int(text or "0", base)
    except ValueError:
        return 0


def _name_of(style: Element) -> str:
    found = style.find(w("name"))
    return "" if found is None else str(found.get(w("val")))


def is_pinned(name: str | None) -> bool:
    """Whether a font's name is that of a pinned font, or of one that a pinned font stands for."""
    return name in fonts.SUBSTITUTES or name in {font.family for font in fonts.FONTS}
