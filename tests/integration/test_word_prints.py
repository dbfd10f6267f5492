"""Instruments printed from their Word templates by a real LibreOffice: the words of the typst print, and the seal."""

from __future__ import annotations

import io
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pikepdf
import pytest

from signing.fields import Placement
from signing.sealing import seal_pdf
from signing.seals import draw_seal
from signing.verification import verify
from templates.catalogue import catalogue
from templates.printing import Printed, composed, print_document
from templates.typesetters import word
from templates.word_check import lines_of, missing_lines
from tests.printed import imprint, printed_sample, tagged_words, words_with_boxes
from tests.signing_support import DESIGN, FONT, running
from tests.unit.test_word_export import WITH_BOTH

POINT = 25.4 / 72
SEALED = [name for name in WITH_BOTH if catalogue().get(name).print.sealed]


@pytest.fixture(scope="module", autouse=True)
def _office() -> Iterator[None]:
    yield
    word.office().close()


@cache
def by_word(identifier: str) -> Printed:
    instrument = catalogue().get(identifier)
    return print_document(instrument, instrument.sample_facts(), imprint(instrument), "word")


def text_of(pdf: bytes, feet: list[str]) -> str:
    """All words in reading order without white space, without page numbers and without what is on every page."""
    done = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
    lines = [re.sub(r"\s+", "", line) for line in re.split(r"[\n\f]", done.stdout.decode())]
    return "".join(line for line in lines if line not in feet and not re.fullmatch(r"—\d+—", line))


@pytest.mark.parametrize("identifier", WITH_BOTH)
def test_word_prints_the_words_of_the_typst_print_in_both_languages(identifier: str) -> None:
    """Every line of every block, numbers of lists included, in the same order of each language."""
    instrument = catalogue().get(identifier)
    blocks = composed(instrument, instrument.sample_facts(), imprint(instrument))
    lines = [line for block in blocks if block["kind"] != "foot" for line in lines_of(block)]
    feet = [re.sub(r"\s+", "", said) for block in blocks if block["kind"] == "foot" for _, said in lines_of(block)]
    text = text_of(by_word(identifier).pdf, feet)
    assert missing_lines(lines, text) == []
    typst = tagged_words(printed_sample(identifier).pdf)
    assert missing_lines(lines, typst) == []
    assert len(text) < 1.1 * len(typst)  # and no more than heads of tables that are repeated


@pytest.mark.parametrize("identifier", WITH_BOTH)
def test_page_and_file_are_as_they_should_be(identifier: str) -> None:
    """GB/T 9704-2012: A4, page numbers outside; ISO 19005-2 B, tagged, languages, only pinned fonts, all embedded."""
    with pikepdf.open(io.BytesIO(by_word(identifier).pdf)) as pdf:
        assert all([round(float(x)) for x in page.mediabox] == [0, 0, 595, 842] for page in pdf.pages)
        metadata = pdf.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "B")
        assert metadata["dc:title"].startswith(catalogue().get(identifier).manifest.title_zh)
        assert {identifier, "doc_sample"} <= set(metadata["pdf:Keywords"].split(", "))  # cut at colons
        assert pdf.Root.MarkInfo.Marked and str(pdf.Root.Lang).startswith("zh")
        kinds = {str(each.S) for each in pdf.objects if isinstance(each, pikepdf.Dictionary) and "/S" in each}
        assert {"/H1", "/Table", "/TR"} <= kinds
        drawn = [each for each in pdf.objects if isinstance(each, pikepdf.Dictionary) and "/FontName" in each]
        assert all(any(name in each for name in ("/FontFile", "/FontFile2", "/FontFile3")) for each in drawn)
        families = {re.sub(r"^/[A-Z]{6}\+", "", str(each.FontName)).split("-")[0] for each in drawn}
    assert families <= {"FandolFang", "FandolHei", "FandolKai", "NotoSerifCJKjp", "LiberationSerif"}
    numbers = [each for each in words_with_boxes(by_word(identifier).pdf) if each.text == "—"]
    assert [each.left > 297 for each in numbers[::2]] == [n % 2 == 0 for n in range(by_word(identifier).pages)]


@pytest.mark.parametrize("identifier", SEALED)
def test_the_seal_goes_on_agency_and_date_and_never_on_a_page_of_their_own(identifier: str) -> None:
    """GB/T 9704-2012, 7.3.5.1: the seal on agency and date, its upper edge within one line of the text."""
    printed = by_word(identifier)
    assert printed.anchor is not None and printed.anchor.page == printed.pages - 1
    here = [each for each in words_with_boxes(printed.pdf) if each.page == printed.anchor.page]
    x, y = printed.anchor.x_mm / POINT, 842 - printed.anchor.y_mm / POINT
    agency = next(each for each in here if each.text == "中国民用航空华北地区管理局")
    date = next(each for each in here if re.fullmatch("二〇二六年.*日", each.text))
    assert agency.bottom < y + 5 < date.bottom
    assert all(abs((each.left + each.right) / 2 - x) < 3 for each in (agency, date))
    above = [each for each in here if each.bottom < agency.top]
    assert above
    assert y - 21 / POINT - max(each.bottom for each in above) < 24


def test_a_word_print_is_sealed_and_verifies(tmp_path: Path) -> None:
    """PDF/A as far as LibreOffice gives it stays as it was; the seal stands where the template says."""
    printed = by_word("penalty-decision")
    assert printed.anchor is not None
    place = Placement(printed.anchor.page + 1, printed.anchor.x_mm, printed.anchor.y_mm)
    with running(tmp_path) as bench:
        sealed = seal_pdf(printed.pdf, bench.means(), placement=place, picture=draw_seal(DESIGN, FONT), reason="处罚")
        verdict = verify(sealed.pdf, bench.trust)
    assert verdict.verdict == "valid"
    with pikepdf.open(io.BytesIO(sealed.pdf)) as pdf:
        metadata = pdf.open_metadata()
        assert (metadata["pdfaid:part"], metadata["pdfaid:conformance"]) == ("2", "B")
        rectangle = [float(x) * POINT for x in pdf.Root.AcroForm.Fields[0].Rect]
    assert abs((rectangle[0] + rectangle[2]) / 2 - place.x_mm) < 0.1
    assert abs((rectangle[1] + rectangle[3]) / 2 - place.y_mm) < 0.1


def test_the_marks_stand_on_every_page() -> None:
    instrument = catalogue().get("hearing-notice")
    around = imprint(instrument, test=True, specimen=True)
    printed = print_document(instrument, instrument.sample_facts(), around, "word")
    pages = subprocess.run(["pdftotext", "-raw", "-", "-"], input=printed.pdf, capture_output=True, check=True)
    for page in pages.stdout.decode().split("\f")[:-1]:
        assert "TEST" in page and "样本" in page and "SPECIMEN" in page
