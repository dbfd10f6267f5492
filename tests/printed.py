"""Reading printed pages back, without any viewer: tagged words, and whether each glyph is the character it claims."""

from __future__ import annotations

import io
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

import pikepdf
from fontTools.cffLib import CFFFontSet
from fontTools.pens.recordingPen import DecomposingRecordingPen
from fontTools.ttLib import TTFont

from templates import fonts
from templates.catalogue import Instrument, catalogue
from templates.check import sample_authority
from templates.printing import Imprint, Printed, print_document

ROOT = Path(__file__).resolve().parents[1]
CLAUSE_INSTRUMENTS = ("hearing-notice", "penalty-decision", "penalty-prior-notice", "proof-of-service")

Outline = tuple[tuple[str, tuple[tuple[int, int], ...]], ...]


def imprint(instrument: Instrument, **changes: Any) -> Imprint:
    """What the sample of an instrument is printed with."""
    numbered = instrument.print.numbered
    copies = instrument.sample()["documents"][0].get("copies_to", [])
    given: dict[str, Any] = {
        "authority": sample_authority("caac-north-china"),
        "number_zh": "民航华北罚决〔2026〕12号" if numbered else None,
        "number_en": "CAAC-NC Penalty Decision [2026] No. 12" if numbered else None,
        "test": False,
        "specimen": False,
        "copies_to": [(copy["zh"], copy["en"]) for copy in copies],
        "document_id": "doc_sample",
    }
    return Imprint(**{**given, **changes})


@cache
def printed_sample(identifier: str) -> Printed:
    """The sample of an instrument, printed once for all tests."""
    instrument = catalogue().get(identifier)
    return print_document(instrument, instrument.sample_facts(), imprint(instrument))


def facts_of(identifier: str) -> dict[str, Any]:
    """A copy of the sample's facts that a test may change."""
    copied: dict[str, Any] = json.loads(json.dumps(catalogue().get(identifier).sample_facts()))
    return copied


# ---- words ----


def tagged_words(pdf: bytes) -> str:
    """The text of the structure tree, in its order: no artifacts, no white space, no soft hyphens.

    A table head that WeasyPrint repeats on the next page is left out; typst makes an artifact of it.
    """
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        texts = {page.objgen: dict(_marked_texts(page)) for page in opened.pages}
        found = "".join(_tree_text(opened.Root.StructTreeRoot, None, texts, []))
    return re.sub(r"[\s\u00ad\u200b]+", "", found)


def _tree_text(node: Any, page: Any, texts: Mapping[Any, Mapping[int, str]], heads: list[str]) -> Iterator[str]:
    if isinstance(node, int):
        yield texts[page.objgen].get(int(node), "")
        return
    page = node.get("/Pg", page)
    if node.get("/Type") == "/OBJR":
        return
    if "/MCID" in node and "/K" not in node:
        yield texts[page.objgen].get(int(node.MCID), "")
        return
    children = node.get("/K", [])
    parts = [
        text
        for child in (children if isinstance(children, pikepdf.Array) else [children])
        for text in _tree_text(child, page, texts, heads)
    ]
    if str(node.get("/S")) == "/THead":
        if heads and heads[-1] == "".join(parts):
            return
        heads.append("".join(parts))
    yield from parts


def _marked_texts(page: pikepdf.Page) -> Iterator[tuple[int, str]]:
    """The text of each marked-content sequence that has an identifier; of glyphs with an ActualText that text."""
    maps = {name: to_unicode(font) for name, font in page.resources.get("/Font", {}).items()}
    stack: list[tuple[int | None, list[str] | None]] = []  # the identifier, and what stands for the glyphs
    collected: dict[int, list[str]] = {}
    font: Mapping[int, str] = {}
    for operands, operator in pikepdf.parse_content_stream(page):
        name = str(operator)
        if name == "BDC":
            properties = operands[1] if isinstance(operands[1], pikepdf.Dictionary) else {}
            said = [str(properties["/ActualText"])] if "/ActualText" in properties else None
            stack.append((int(properties["/MCID"]) if "/MCID" in properties else None, said))
        elif name == "BMC":
            stack.append((None, None))
        elif name == "EMC":
            stack.pop()
        elif name == "Tf":
            font = maps[str(operands[0])]
        elif name in ("Tj", "TJ", "'", '"'):
            within = next((each for each, _ in reversed(stack) if each is not None), None)
            said = next((text for _, text in reversed(stack) if text is not None), None)
            shown = _shown(operands[-1], font) if said is None else "".join(said)
            if said is not None:
                said.clear()  # it stands for all that is drawn within
            if within is not None:
                collected.setdefault(within, []).append(shown)
    for identifier, parts in collected.items():
        yield identifier, "".join(parts)


def _shown(operand: Any, font: Mapping[int, str]) -> str:
    strings = operand if isinstance(operand, pikepdf.Array) else [operand]
    codes = b"".join(bytes(each) for each in strings if isinstance(each, pikepdf.String))
    return "".join(font.get(int.from_bytes(codes[i : i + 2], "big"), "�") for i in range(0, len(codes), 2))


def to_unicode(font: Any) -> dict[int, str]:
    """The characters that a font says its codes stand for."""
    source = font.ToUnicode.read_bytes().decode("latin-1")
    found: dict[int, str] = {}
    for block in re.findall(r"beginbfchar(.*?)endbfchar", source, re.DOTALL):
        for code, text in re.findall(r"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>", block):
            found[int(code, 16)] = bytes.fromhex(text).decode("utf-16-be")
    for block in re.findall(r"beginbfrange(.*?)endbfrange", source, re.DOTALL):
        for first, last, text in re.findall(r"<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>\s*<([0-9a-fA-F]+)>", block):
            start = bytes.fromhex(text).decode("utf-16-be")
            for offset in range(int(last, 16) - int(first, 16) + 1):
                found[int(first, 16) + offset] = start[:-1] + chr(ord(start[-1]) + offset)
    return found


# ---- glyph truth ----


def wrong_glyphs(pdf: bytes, sources: list[TTFont] | None = None) -> tuple[int, list[str]]:
    """How many characters were looked at, and those whose outline is in none of the source fonts.

    A code of an embedded font paints the glyph that ISO 32000-1, 9.7.4.2 finds for it: by the charset for a CID-keyed
    CFF, by index otherwise. Viewers differ when a file is wrong here, and text extraction sees nothing.
    """
    wanted = sources or pinned_fonts()
    looked, wrong = 0, []
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for font in opened.objects:
            if not isinstance(font, pikepdf.Dictionary) or font.get("/Subtype") != "/Type0":
                continue
            glyphs, names, scale = _embedded(font.DescendantFonts[0].FontDescriptor)
            for code, text in to_unicode(font).items():
                if len(text) != 1:
                    continue
                looked += 1
                drawn = _outline(glyphs, names.get(code), scale)
                if not any(_alike(drawn, _source_outline(source, text)) for source in wanted if _has(source, text)):
                    wrong.append(text)
    return looked, wrong


@cache
def _pinned() -> tuple[TTFont, ...]:
    opened = []
    for font in fonts.FONTS:
        path = fonts.font_directory() / font.file
        opened.append(
            TTFont(path, fontNumber=font.face, lazy=True) if path.suffix == ".ttc" else TTFont(path, lazy=True)
        )
    return tuple(opened)


def pinned_fonts() -> list[TTFont]:
    """The pinned fonts, opened."""
    return list(_pinned())


def _embedded(descriptor: Any) -> tuple[Any, dict[int, str], float]:
    """The glyphs of an embedded font program, the glyph name of each CID, and what brings it to 1000 units."""
    member = next(name for name in descriptor if name.startswith("/FontFile"))
    raw = descriptor[member].read_bytes()
    if raw[:4] == b"OTTO" or member == "/FontFile2":
        program = TTFont(io.BytesIO(raw))
        top = program["CFF "].cff[0] if "CFF " in program else None
        glyphs, order, scale = program.getGlyphSet(), program.getGlyphOrder(), 1000 / program["head"].unitsPerEm
    else:
        bare = CFFFontSet()
        bare.decompile(io.BytesIO(raw), None)
        top = bare[0]
        glyphs, order, scale = {name: top.CharStrings[name] for name in top.charset}, top.charset, 1.0
    if top is not None and hasattr(top, "ROS"):
        return glyphs, {0 if name == ".notdef" else int(name[3:]): name for name in top.charset}, scale
    return glyphs, dict(enumerate(order)), scale


def _outline(glyphs: Any, name: str | None, scale: float) -> Outline | None:
    if name is None:
        return None
    pen = DecomposingRecordingPen(glyphs)
    glyphs[name].draw(pen)
    return tuple(
        (operation, tuple((round(x * scale), round(y * scale)) for x, y in points))
        for operation, points in pen.value
        if operation not in ("closePath", "endPath")
    )


_SOURCE_OUTLINES: dict[tuple[int, str], Outline | None] = {}


def _has(source: TTFont, text: str) -> bool:
    return ord(text) in source.getBestCmap()


def _source_outline(source: TTFont, text: str) -> Outline | None:
    key = (id(source), text)
    if key not in _SOURCE_OUTLINES:
        glyphs = source.getGlyphSet()
        _SOURCE_OUTLINES[key] = _outline(glyphs, source.getBestCmap()[ord(text)], 1000 / source["head"].unitsPerEm)
    return _SOURCE_OUTLINES[key]


def _alike(one: Outline | None, other: Outline | None, tolerance: int = 3) -> bool:
    """The same drawing, but for the rounding of a subsetter and for curves that it wrote in another way."""
    if one is None or other is None or not one or not other:
        return one == other
    here, there = ([point for _, points in each for point in points] for each in (one, other))
    if len(one) == len(other) and len(here) == len(there):
        return all(
            abs(a - c) <= tolerance and abs(b - d) <= tolerance for (a, b), (c, d) in zip(here, there, strict=True)
        )
    boxes = [
        (min(x for x, _ in p), min(y for _, y in p), max(x for x, _ in p), max(y for _, y in p)) for p in (here, there)
    ]
    near = all(abs(a - b) <= tolerance for a, b in zip(*boxes, strict=True))
    return near and abs(len(here) - len(there)) <= 2


# ---- places ----


@dataclass(frozen=True)
class Word:
    """A word on a page (from 0), in points from the upper left corner."""

    page: int
    text: str
    left: float
    top: float
    right: float
    bottom: float


def words_with_boxes(pdf: bytes) -> list[Word]:
    """All words with their places, artifacts included, as Poppler finds them."""
    done = subprocess.run(["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True)
    found = []
    for number, page in enumerate(done.stdout.decode().split("<page ")[1:]):
        for left, top, right, bottom, text in re.findall(
            r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>', page
        ):
            found.append(Word(number, unescape(text), float(left), float(top), float(right), float(bottom)))
    return found


def stray_words(pdf: bytes) -> list[Word]:
    """Words that stand, even in part, outside the type area and the lines above and below it, or off the page."""
    width, height = 210 * _MM, 297 * _MM
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for page in opened.pages:  # Poppler tells nothing of what is off the page
            page.mediabox = page.cropbox = pikepdf.Array([-_FAR, -_FAR, width + _FAR, height])
        opened.save(wide := io.BytesIO())
    moved = [
        replace(each, left=each.left - _FAR, right=each.right - _FAR) for each in words_with_boxes(wide.getvalue())
    ]
    left, right = 28 * _MM - 9, (210 - 26) * _MM + 9  # the empty half of a mark may hang over the margin
    return [
        word
        for word in moved
        if not (left < word.left and word.right < right and 15 * _MM < word.top < word.bottom < 284 * _MM)
    ]


_MM = 72 / 25.4
_FAR = 14_000
