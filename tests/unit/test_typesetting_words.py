"""Two typesetters, one clause list: the words of both prints are equal, in both languages, marked as such."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import replace

import pikepdf
import pytest

from records.errors import Permanent
from templates.catalogue import catalogue
from templates.printing import print_document, reading_page
from templates.typesetters import html
from tests.printed import (
    CLAUSE_INSTRUMENTS,
    facts_of,
    imprint,
    printed_sample,
    tagged_words,
    to_unicode,
    words_with_boxes,
    wrong_glyphs,
)


@pytest.fixture(scope="module", autouse=True)
def child() -> Iterator[None]:
    yield
    html.close()


def page_of(identifier: str) -> str:
    instrument = catalogue().get(identifier)
    return reading_page(instrument, instrument.sample_facts(), imprint(instrument))


@pytest.mark.parametrize("identifier", CLAUSE_INSTRUMENTS)
def test_typst_and_weasyprint_print_the_same_words(identifier: str) -> None:
    by_typst = tagged_words(printed_sample(identifier).pdf)
    by_weasyprint = tagged_words(html.print_html(page_of(identifier), "标题 Title", "zh"))
    assert by_typst == by_weasyprint
    assert len(by_typst) > 1000
    assert "�" not in by_typst


@pytest.mark.parametrize("identifier", CLAUSE_INSTRUMENTS)
def test_every_text_of_the_reading_page_carries_its_language(identifier: str) -> None:
    """WCAG 3.1.2: no words outside an element that says zh-CN or en."""
    body = page_of(identifier)
    without = re.sub(r'<(p|span) lang="(zh-CN|en)"[^>]*>[^<]*</\1>', "", body)
    assert re.sub(r"<[^>]*>", "", without).strip() == ""
    assert body.count('lang="zh-CN"') > 10
    assert body.count('lang="en"') > 10


def test_languages_are_marked_in_the_structure_of_the_pdf() -> None:
    with pikepdf.open(io.BytesIO(printed_sample("penalty-decision").pdf)) as opened:
        assert str(opened.Root.Lang).lower().startswith("zh")
        found = [str(each.Lang) for each in opened.objects if isinstance(each, pikepdf.Dictionary) and "/Lang" in each]
    assert sum(language.lower().startswith("en") for language in found) > 20


def test_quotation_marks_in_chinese_are_full_width_and_in_english_are_not() -> None:
    """rendering.md, trap 5: with the Latin face first, “ and ” of Chinese text come out half as wide."""
    for pdf in (printed_sample("penalty-decision").pdf, html.print_html(page_of("penalty-decision"), "x", "zh")):
        fonts_of_quotes = _fonts_that_draw(pdf, "“")
        assert any("Fandol" in name for name in fonts_of_quotes)
        assert any("Liberation" in name for name in fonts_of_quotes)


def _fonts_that_draw(pdf: bytes, character: str) -> set[str]:
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        return {
            str(font.BaseFont)
            for font in opened.objects
            if isinstance(font, pikepdf.Dictionary)
            and font.get("/Subtype") == "/Type0"
            and character in to_unicode(font).values()
        }


def test_justified_chinese_lines_end_at_the_right_margin() -> None:
    """Trap 5: WeasyPrint stretches word spaces only; our justification has to bring Chinese lines to the margin."""
    text = "民用航空行政机关于2026年依法作出的“行政处罚”决定，自送达当事人之日起生效，B737机型除外。" * 8
    pdf = html.print_html(f'<p lang="zh-CN">{text}</p>', "x", "zh")
    lines: dict[int, float] = {}
    for word in words_with_boxes(pdf):
        if word.top > 105 and word.bottom < 742:
            lines[round(word.top)] = max(lines.get(round(word.top), 0.0), word.right)
    ends = [right for _, right in sorted(lines.items())][:-1]
    assert len(ends) > 5
    right_margin = (210 - 26) / 25.4 * 72
    # a closing mark may leave half its square empty at the margin
    assert all(right_margin - 9 < end < right_margin + 1 for end in ends), ends


def test_weasyprint_draws_the_characters_that_it_claims() -> None:
    looked, wrong = wrong_glyphs(html.print_html(page_of("penalty-decision"), "标题", "zh"))
    assert looked > 300
    assert wrong == []


def test_weasyprint_writes_the_same_bytes_again_and_claims_pdf_a_and_ua() -> None:
    body = page_of("hearing-notice")
    first = html.print_html(body, "标题", "zh")
    html.close()
    assert html.print_html(body, "标题", "zh") == first
    with pikepdf.open(io.BytesIO(first)) as opened:
        metadata = opened.Root.Metadata.read_bytes().decode()
    assert re.search(r'pdfaid:part[=>]"?2', metadata)
    assert "<pdfuaid:part>1</pdfuaid:part>" in metadata
    assert metadata.count("<rdf:RDF") == 1


@pytest.mark.parametrize("address", ["http://127.0.0.1:9/a.png", "file:///etc/passwd", "https://example.org/a.png"])
def test_weasyprint_fetches_nothing(address: str) -> None:
    with pytest.raises(Permanent, match="nothing is fetched"):
        html.print_html(f'<p>x<img src="{address}" alt="x"></p>', "x", "zh")


def test_markup_inside_a_fact_is_text_on_the_reading_page() -> None:
    instrument = catalogue().get("penalty-decision")
    facts = facts_of("penalty-decision")
    facts["cause"] = {"zh": "<script>alert(1)</script>", "en": "<img src=x onerror=alert(1)> & {{ authority }}"}
    page = reading_page(instrument, facts, imprint(instrument))
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;" in page
    assert "{{ authority }}" in page


def test_the_test_mark_and_the_specimen_mark_are_words_on_page_and_paper() -> None:
    instrument = catalogue().get("hearing-notice")
    around = imprint(instrument, test=True, specimen=True)
    words = tagged_words(print_document(instrument, instrument.sample_facts(), around).pdf)
    page = reading_page(instrument, instrument.sample_facts(), around)
    for mark in ("TEST测试件", "样本", "SPECIMEN"):
        assert mark in words
    assert "TEST" in page
    assert "SPECIMEN" in page


def test_an_instrument_whose_manifest_says_html_is_printed_by_weasyprint() -> None:
    original = catalogue().get("proof-of-service")
    instrument = replace(original, manifest=replace(original.manifest, print=replace(original.print, engine="html")))
    printed = print_document(instrument, original.sample_facts(), imprint(original))
    assert printed.anchor is None
    assert printed.pages == 2
    assert tagged_words(printed.pdf) == tagged_words(printed_sample("proof-of-service").pdf)


def test_a_sealed_instrument_cannot_be_printed_by_weasyprint() -> None:
    """It tells no place for the seal."""
    original = catalogue().get("hearing-notice")
    instrument = replace(original, manifest=replace(original.manifest, print=replace(original.print, engine="html")))
    with pytest.raises(Permanent, match="typst"):
        print_document(instrument, original.sample_facts(), imprint(original))
