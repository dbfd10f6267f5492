"""The printed page: GB/T 9704-2012 geometry, seal, marks, standards, and the same bytes again."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pikepdf
import pytest

from records.errors import Permanent
from templates.catalogue import catalogue
from templates.printing import Printed, print_document
from tests.printed import (
    CLAUSE_INSTRUMENTS,
    ROOT,
    Word,
    facts_of,
    imprint,
    printed_sample,
    tagged_words,
    words_with_boxes,
)

DECISION = "penalty-decision"
MM = 72 / 25.4
LEFT, RIGHT, TOP, BOTTOM = 28 * MM, (210 - 26) * MM, 37 * MM, (297 - 35) * MM


def decision(change: Callable[[dict[str, Any]], None] = lambda _: None, **around: Any) -> Printed:
    instrument = catalogue().get(DECISION)
    facts = facts_of(DECISION)
    change(facts)
    return print_document(instrument, facts, imprint(instrument, **around))


def in_type_area(word: Word) -> bool:
    return word.top >= TOP - 1 and word.bottom <= BOTTOM + 3


@pytest.mark.parametrize("identifier", CLAUSE_INSTRUMENTS)
def test_pages_are_a4_and_the_text_stays_in_the_type_area(identifier: str) -> None:
    """GB/T 9704-2012, 5.1 and 5.2: 37 mm above, 28 mm on the left, 156 × 225 mm."""
    printed = printed_sample(identifier)
    with pikepdf.open(io.BytesIO(printed.pdf)) as opened:
        assert len(opened.pages) == printed.pages
        for page in opened.pages:
            width, height = (float(each) for each in page.mediabox[2:])
            assert abs(width - 210 * MM) < 0.1
            assert abs(height - 297 * MM) < 0.1
    for word in words_with_boxes(printed.pdf):
        if word.text in ("—",) or (word.text.strip("— ").isdigit() and word.top > BOTTOM):
            continue
        # the empty half of an opening or of a closing mark may hang over the margin
        opening = 8 if word.text[0] in "“《（〔" else 0
        closing = 8 if word.text[-1] in "，。；：、”》）" else 0
        assert word.left >= LEFT - 1 - opening, word
        assert word.right <= RIGHT + 1 + closing, word
        assert in_type_area(word), word


def test_a_full_line_of_chinese_has_28_characters() -> None:
    """GB/T 9704-2012, 5.2.3: three-size type, 28 characters a line."""
    text = "经查明当事人在二〇二六年度内多次未按规定报告不安全事件情节较重应当依法予以处罚" * 4
    printed = decision(lambda facts: facts["findings"].update(zh=text))
    lines = [word.text for word in words_with_boxes(printed.pdf) if word.text and word.text in text * 2]
    full = [line for line in lines if len(line) > 20]
    assert len(full) >= 4
    assert {len(line) for line in full[1:-1]} == {28}
    assert len(full[0]) == 26  # indented by two characters


def test_letterhead_begins_35_mm_below_the_type_area_and_is_red() -> None:
    """GB/T 9704-2012, 7.2.4."""
    printed = printed_sample(DECISION)
    head = next(word for word in words_with_boxes(printed.pdf) if word.text == "中国民用航空华北地区管理局")
    assert head.page == 0
    assert abs(head.top - (37 + 35) * MM) < 14  # Poppler's boxes include the font's own ascent
    with pikepdf.open(io.BytesIO(printed.pdf)) as opened:
        operators = [
            ([float(each) for each in operands], str(operator))
            for operands, operator in pikepdf.parse_content_stream(opened.pages[0])
            if str(operator) in ("scn", "SCN", "rg", "RG", "sc", "SC") and len(operands) == 3
        ]
    assert any(red > 0.7 and green < 0.1 and blue < 0.1 for (red, green, blue), _ in operators)


def test_page_numbers_stand_outside_odd_right_even_left() -> None:
    """GB/T 9704-2012, 7.5: between dashes, 7 mm below the type area, one character from the edge."""
    words = words_with_boxes(printed_sample(DECISION).pdf)
    for number in range(printed_sample(DECISION).pages):
        foot = [word for word in words if word.page == number and word.top > BOTTOM]
        assert "".join(word.text for word in foot) == f"—{number + 1}—"
        if number % 2 == 0:
            assert abs(max(word.right for word in foot) - (RIGHT - 14)) < 2
        else:
            assert abs(min(word.left for word in foot) - (LEFT + 14)) < 2
        assert min(word.top for word in foot) >= BOTTOM + 7 * MM - 4


def closing_words(printed: Printed) -> list[Word]:
    words = [word for word in words_with_boxes(printed.pdf) if word.page == printed.pages - 1]
    agency = [word for word in words if word.text == "中国民用航空华北地区管理局"][-1]
    date = [word for word in words if word.text == "二〇二六年十一月二十日"][-1]
    return [agency, date]


@pytest.mark.parametrize("extra", range(0, 28, 3))
def test_the_seal_stands_on_agency_and_date_with_text_above_it(extra: int) -> None:
    """GB/T 9704-2012, 7.3.5.1: centred on the date, agency and date a little below its centre, within a line of text.

    However long the text is, the closing never stands alone on a page (this page has no text: 此页无正文).
    """
    printed = decision(lambda facts: facts["findings"].update(zh="查明事实如下。\n" * extra + "止。", en="x"))
    assert printed.anchor is not None
    assert printed.anchor.page == printed.pages - 1
    agency, date = closing_words(printed)
    x, y, radius = printed.anchor.x_mm * MM, (297 - printed.anchor.y_mm) * MM, 21 * MM
    assert abs((date.left + date.right) / 2 - x) < 1.5
    assert abs((agency.left + agency.right) / 2 - x) < 1.5
    middle = (agency.top + date.bottom) / 2
    assert 0 < middle - y < 6 * MM
    assert agency.top > y - radius
    assert date.bottom < y + radius
    assert abs(date.right - (RIGHT - 4 * 15.75)) < 2  # four characters from the right
    above = [
        word.bottom
        for word in words_with_boxes(printed.pdf)
        if word.page == printed.anchor.page and word.bottom < agency.top and word.text != agency.text
    ]
    assert above, "the closing stands alone"
    assert 0 <= (y - radius) - max(above) + 4 <= 29  # within one line
    assert y + radius < BOTTOM + 1


def test_the_same_facts_give_the_same_bytes_and_others_do_not() -> None:
    first = decision()
    assert decision() == first
    assert decision(lambda facts: facts.update(opened_on="2026-09-09")).pdf != first.pdf


def test_another_process_gives_the_same_bytes() -> None:
    script = (
        "import sys, hashlib; from tests.printed import printed_sample;"
        "sys.stdout.write(hashlib.sha256(printed_sample('hearing-notice').pdf).hexdigest())"
    )
    environment = {
        **os.environ,
        "TZ": "America/New_York",
        "LANG": "C",
        "SOURCE_DATE_EPOCH": "1",
        "PYTHONPATH": str(ROOT),
    }
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment, cwd=ROOT
    )
    assert done.stdout == hashlib.sha256(printed_sample("hearing-notice").pdf).hexdigest()


@pytest.mark.rule("ESL-4")
def test_the_file_claims_pdf_a_2a_and_pdf_ua_1_and_ends_with_a_line_feed() -> None:
    """Trap 6: without the line feed, the first signature breaks PDF/A-2, 6.1.9."""
    pdf = printed_sample(DECISION).pdf
    assert pdf.endswith(b"%%EOF\n")
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        metadata = opened.Root.Metadata.read_bytes().decode()
        assert opened.Root.MarkInfo.Marked
        assert opened.Root.ViewerPreferences.DisplayDocTitle
        title = str(opened.docinfo["/Title"])
    for claim in ("pdfaid:part>2<", "pdfaid:conformance>A<", "pdfuaid:part>1<"):
        assert claim in metadata
    assert "民用航空行政处罚决定书" in title
    assert "songda:document:doc_sample" in metadata


def test_repeated_table_heads_are_artifacts() -> None:
    def many(facts: dict[str, Any]) -> None:
        facts["evidence"] = [
            {
                "name": {"zh": f"第{number}号维修记录", "en": f"Maintenance record {number}"},
                "kind": "documentary",
                "pages": 1,
            }
            for number in range(1, 41)
        ]

    printed = decision(many)
    seen = [word for word in words_with_boxes(printed.pdf) if word.text == "证据名称"]
    assert len(seen) >= 2
    assert tagged_words(printed.pdf).count("证据名称") == 1


def test_test_documents_bear_test_on_every_page() -> None:
    printed = decision(test=True)
    words = words_with_boxes(printed.pdf)
    for page in range(printed.pages):
        assert any(word.page == page and "TEST" in word.text and word.top < TOP for word in words)
    assert not any("TEST" in word.text for word in words_with_boxes(printed_sample(DECISION).pdf))


def test_a_specimen_says_so_across_every_page() -> None:
    printed = decision(specimen=True, number_zh=None, number_en=None)
    with_mark = decision(specimen=True)
    assert "样本" in tagged_words(printed.pdf)
    with pikepdf.open(io.BytesIO(with_mark.pdf)) as opened, pikepdf.open(io.BytesIO(decision().pdf)) as plain:
        for marked, unmarked in zip(opened.pages, plain.pages, strict=False):
            assert _artifacts(marked) > _artifacts(unmarked)


def _artifacts(page: pikepdf.Page) -> int:
    return sum(
        str(operator) in ("BDC", "BMC") and str(operands[0]) == "/Artifact"
        for operands, operator in pikepdf.parse_content_stream(page)
    )


def test_a_numbered_instrument_is_not_printed_without_its_number() -> None:
    with pytest.raises(Permanent, match="number"):
        decision(number_zh=None, number_en=None)


def test_the_copy_line_stands_at_the_foot_of_the_last_page() -> None:
    """GB/T 9704-2012, 7.4: the imprint stands at the bottom of the last page."""
    printed = printed_sample(DECISION)
    word = next(word for word in words_with_boxes(printed.pdf) if word.text.startswith("抄送："))
    assert word.page == printed.pages - 1
    assert word.top > BOTTOM - 40 * MM


@pytest.mark.parametrize(
    "markup",
    [
        '#panic("read as code")',
        "#sys.inputs.data",
        "$ x^2 $ *bold* _it_ = heading @label <label>",
        "{{ authority.bank.account }} {% for x in y %}",
        '"); #image("/etc/passwd")',
        "\\u{41} \\\\ // comment /* x */",
        "<w:t>docx</w:t> <script>",
    ],
)
def test_markup_inside_a_fact_prints_as_it_stands(markup: str) -> None:
    """No engine reads a fact: typst gets it as JSON, the template engine as a value."""
    printed = decision(lambda facts: facts.update(cause={"zh": f"甲{markup}乙", "en": f"alpha {markup} omega"}))
    words = tagged_words(printed.pdf)
    assert "".join(f"甲{markup}乙".split()) in words
    assert "".join(f"alpha{markup}omega".split()) in words


def test_a_document_of_the_greatest_lengths_is_printed() -> None:
    def long(facts: dict[str, Any]) -> None:
        facts["findings"] = {"zh": "查明" * 2900, "en": "found " * 2600}
        facts["cause"] = {"zh": "由" * 200, "en": "W" * 400}

    printed = decision(long)
    assert printed.pages > 12
    assert printed.anchor is not None
    assert printed.anchor.page == printed.pages - 1
