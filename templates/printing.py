"""Printing: an instrument, its facts and its imprint become a PDF, or the page that is read in the browser."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import Any, Final

import pikepdf

from records.errors import Fault, Permanent, Refused
from templates import fonts, word_xml
from templates.catalogue import Instrument
from templates.composing import Composed, Frame, compose, pair
from templates.conditions import values
from templates.formatters import LAWS
from templates.typesetters import html, typst, word

BEIJING: Final = timezone(timedelta(hours=8))
_UNDATED: Final = date(2000, 1, 1)

TEST_MARK: Final = (
    "TEST 测试件：以测试密钥或者测试数据制作，不具有法律效力。",
    "TEST: made with test keys or test data, without legal effect.",
)
SPECIMEN_MARK: Final = (
    "样本：预览件，未盖印章，不具有法律效力。",
    "SPECIMEN: a preview, not sealed, without legal effect.",
)
BANNER: Final = "TEST 测试件，不具有法律效力 / TEST, without legal effect"
WATERMARK: Final = "样本 SPECIMEN"


@dataclass(frozen=True)
class Anchor:
    """Where the centre of the seal belongs: `page` from 0, millimetres from the page's lower left corner."""

    page: int
    x_mm: float
    y_mm: float


@dataclass(frozen=True)
class Imprint:
    """What a document gets beside its facts.

    `authority` is the authority's own record (authority.json). `number_zh` and `number_en` are None for an instrument
    that has no number. `test` marks the page with TEST, `specimen` as 样本 SPECIMEN. `copies_to` are names in Chinese
    and English. `document_id` goes into the file's metadata.
    """

    authority: Mapping[str, Any]
    number_zh: str | None
    number_en: str | None
    test: bool
    specimen: bool
    copies_to: Sequence[tuple[str, str]] = ()
    document_id: str = ""


@dataclass(frozen=True)
class Printed:
    """A printed document. `anchor` is None when no seal belongs on it."""

    pdf: bytes
    pages: int
    anchor: Anchor | None


def print_document(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint, engine: str = "") -> Printed:
    """Print a document with one of the instrument's engines; "" is the one that its manifest names.

    The same input gives the same bytes (typst and html; word gives the same page). Raises Refused when a placeholder
    cannot be filled or the instrument is not printed by this engine, Permanent when the engine refuses (a character
    without a glyph, fonts not installed) or the number is missing, Retry when LibreOffice crashed.
    """
    chosen = engine or instrument.print.engine
    faults = engine_faults(instrument, chosen)
    if faults:
        raise Refused(faults)
    if instrument.stock.fonts != fonts.list_digest():
        raise Permanent(f"{instrument.id} {instrument.version} was printed with other fonts than those of fonts.toml")
    if instrument.print.numbered and not imprint.number_zh and not imprint.specimen:
        raise Permanent(f"{instrument.id} is printed with its number, and it has none yet")
    return _ENGINES[chosen](instrument, facts, imprint)


def try_filling(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint, engine: str = "") -> None:
    """Fill a Word template as printing does, without LibreOffice. Raises Refused or Permanent as printing does.

    What is set from clauses needs no more than its blocks: when they can be composed, they can be printed.
    """
    if (engine or instrument.print.engine) == "word" and instrument.body is not None:
        filled = word.fill(instrument.body, word_scope(instrument, facts, imprint))
        if instrument.print.sealed and not word.has_seal_place(filled):
            raise _no_seal_place(instrument)


def engine_faults(instrument: Instrument, engine: str) -> list[Fault]:
    """The fault, pointing at `/engine`, of an instrument that this engine cannot print; none when it can."""
    if engine in instrument.engines:
        return []
    listed = ", ".join(instrument.engines)
    message = f"{instrument.id} is printed by {listed}, not by {engine!r}."
    return [Fault("/engine", "unknown_engine", message, f"该文书可用的排版方式为：{listed}。")]


def reading_page(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint) -> str:
    """The document as an accessible HTML fragment, `lang` on every block.

    Raises Refused as printing does, and Permanent for an instrument without clauses.
    """
    return html.fragment(composed(instrument, facts, imprint))


def composed(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint) -> list[Composed]:
    """The blocks of the document, as every typesetter prints them."""
    if instrument.clauses is None:
        raise Permanent(f"{instrument.id} has no clauses.yaml, so there are no blocks to compose")
    manifest = instrument.manifest
    frame = Frame(
        manifest.title_zh,
        manifest.title_en,
        imprint.authority,
        imprint.number_zh,
        imprint.number_en,
        imprint.copies_to,
        instrument.stock.laws,
    )
    lines = [line for mark in _marks(imprint) for line in pair(*mark)]
    blocks = compose(instrument.clauses, facts, frame)
    return [{"kind": "mark", "lines": lines}, *blocks] if lines else blocks


def _marks(imprint: Imprint) -> list[tuple[str, str]]:
    """What a reader must see first, in Chinese and English."""
    return [*([TEST_MARK] if imprint.test else []), *([SPECIMEN_MARK] if imprint.specimen else [])]


def _by_typst(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint) -> Printed:
    blocks = composed(instrument, facts, imprint)
    set_ = typst.typeset(blocks, sheet(instrument, facts, imprint), instrument.stock.page)
    anchor = Anchor(*set_.seal) if set_.seal and instrument.print.sealed else None
    return Printed(set_.pdf, set_.pages, anchor)


def sheet(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint) -> typst.Sheet:
    """What stands around the blocks: metadata, marks, room for the seal."""
    manifest = instrument.manifest
    title = " ".join(
        part for part in (manifest.title_zh, imprint.number_zh, manifest.title_en, imprint.number_en) if part
    )
    words = [f"songda:document:{imprint.document_id}"] if imprint.document_id else []
    words += ["TEST"] if imprint.test else []
    words += ["SPECIMEN"] if imprint.specimen else []  # what signing/specimens.py refuses
    return typst.Sheet(
        title=title,
        author=f"{imprint.authority['name']['zh']} {imprint.authority['name']['en']}",
        description=manifest.title_en,
        keywords=(f"songda:instrument:{instrument.id}", *words),
        created=_created(instrument, facts),
        sealed=instrument.print.sealed,
        banner=BANNER if imprint.test else None,
        watermark=WATERMARK if imprint.specimen else None,
    )


def _created(instrument: Instrument, facts: Mapping[str, Any]) -> int:
    """The date of the file: the day of the document at Beijing, so that printing again gives the same bytes."""
    dated = values(facts, instrument.clauses.dated) if instrument.clauses and instrument.clauses.dated else []
    moment = datetime.fromisoformat(dated[0]) if dated else datetime.combine(_UNDATED, time())
    day = moment.astimezone(BEIJING) if moment.tzinfo else moment  # records are dated by a moment, others by a day
    return int(datetime(day.year, day.month, day.day, tzinfo=BEIJING).timestamp())


def _by_html(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint) -> Printed:
    """No seal: WeasyPrint tells no places, so a sealed instrument has to be printed by typst."""
    if instrument.print.sealed:
        raise Permanent(f"{instrument.id} is sealed, so its engine must be typst")
    around = sheet(instrument, facts, imprint)
    pdf = html.print_html(reading_page(instrument, facts, imprint), around.title, "zh", instrument.stock.style)
    return Printed(pdf, _page_count(pdf), None)


def _by_word(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint) -> Printed:
    """The place of the seal is the template's bookmark `seal`, wherever LibreOffice set it."""
    mark = "\n".join(text for pair_ in _marks(imprint) for text in pair_)
    if instrument.body is None:
        raise Permanent(f"{instrument.id} has no body.docx")
    around = sheet(instrument, facts, imprint)
    properties = word_xml.properties(around.title, around.author, instrument.id, around.keywords)
    pdf = word.print_word(instrument.body, word_scope(instrument, facts, imprint), mark, properties)
    anchor = None
    if instrument.print.sealed:
        place = word.seal_place(pdf)
        if place is None:
            raise _no_seal_place(instrument)
        anchor = Anchor(*place)
    return Printed(pdf, _page_count(pdf), anchor)


def _no_seal_place(instrument: Instrument) -> Permanent:
    return Permanent(f"{instrument.id} is sealed, and its body.docx has no bookmark {word.SEAL_BOOKMARK!r}")


def word_scope(instrument: Instrument, facts: Mapping[str, Any], imprint: Imprint) -> dict[str, Any]:
    """All that the placeholders of a Word template may name."""
    return {
        **facts,
        "authority": imprint.authority,
        "number": {"zh": imprint.number_zh, "en": imprint.number_en or imprint.number_zh},
        "copies_to": [{"zh": zh, "en": en} for zh, en in imprint.copies_to],
        "words": instrument.clauses.words if instrument.clauses else {},
        LAWS: instrument.stock.laws,
    }


def _page_count(pdf: bytes) -> int:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return len(opened.pages)


_ENGINES = {"typst": _by_typst, "html": _by_html, "word": _by_word}
