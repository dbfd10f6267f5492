"""Glyph traps of the pinned fonts: each would be silently wrong text in a legal instrument."""

from __future__ import annotations

import io
import unicodedata

import pikepdf
import pytest

from records.errors import Permanent
from templates.catalogue import catalogue, check_job_document
from templates.facts import check_text
from templates.printing import print_document
from templates.typesetters import typst
from tests.printed import (
    CLAUSE_INSTRUMENTS,
    facts_of,
    imprint,
    pinned_fonts,
    printed_sample,
    stray_words,
    tagged_words,
    to_unicode,
    wrong_glyphs,
)

DECISION = "penalty-decision"


def print_with_cause(zh: str, en: str) -> bytes:
    instrument = catalogue().get(DECISION)
    facts = facts_of(DECISION)
    facts["cause"] = {"zh": zh, "en": en}
    return print_document(instrument, facts, imprint(instrument)).pdf


def fonts_by_character(pdf: bytes) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for font in opened.objects:
            if isinstance(font, pikepdf.Dictionary) and font.get("/Subtype") == "/Type0":
                for text in to_unicode(font).values():
                    found.setdefault(text, set()).add(str(font.BaseFont)[8:])
    return found


@pytest.mark.parametrize("identifier", CLAUSE_INSTRUMENTS)
def test_every_glyph_is_the_character_it_claims(identifier: str) -> None:
    """Traps 2 and 3: text extraction looks right while other characters are drawn."""
    looked, wrong = wrong_glyphs(printed_sample(identifier).pdf)
    assert looked > 200
    assert wrong == []


def test_the_glyph_checker_finds_exchanged_glyphs() -> None:
    """A file whose extraction is right for a reader's eye and wrong for the page: 30000 exchanged with 80000."""
    with pikepdf.open(io.BytesIO(printed_sample(DECISION).pdf)) as opened:
        exchanged = 0
        for font in opened.objects:
            if isinstance(font, pikepdf.Dictionary) and font.get("/Subtype") == "/Type0":
                source = font.ToUnicode.read_bytes()
                swapped = source.replace(b"<0033>", b"<@>").replace(b"<0038>", b"<0033>").replace(b"<@>", b"<0038>")
                exchanged += swapped != source
                font.ToUnicode.write(swapped)
        changed = io.BytesIO()
        opened.save(changed)
    assert exchanged
    _, wrong = wrong_glyphs(changed.getvalue())
    assert {"3", "8"} & set(wrong)


def test_every_letter_with_an_accent_is_drawn_with_it_and_not_beside_it() -> None:
    """A font that has the letter and the accent but not both in one would set them apart, as Noto's does with Greek."""
    known = {chr(code) for font in pinned_fonts() for code in font.getBestCmap() if code < 0x3000}
    accented = {c for c in known if unicodedata.is_normalized("NFC", c) and unicodedata.normalize("NFD", c) != c}
    letters = [c for c in sorted(accented) if unicodedata.category(c) in ("Lu", "Ll")]
    assert {"é", "ǎ", "ά", "й"} <= set(letters)
    for start in range(0, len(letters), 150):
        text = "".join(letters[start : start + 150])
        looked, wrong = wrong_glyphs(print_with_cause(f"涉及{text}", f"on {text}"))
        assert looked > 200
        assert wrong == []


@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_intake_accepts_is_drawn_wherever_a_fact_may_stand(language: str) -> None:
    """Decision 0013: of ideographs every twentieth, of all else everything."""
    codes = [*range(0x21, 0x3400), *range(0x3400, 0xD800, 20), *range(0xF900, 0x10000), *range(0x10000, 0x30000, 20)]
    accepted = "".join(chr(code) for code in codes if not check_text(chr(code)))
    assert len(accepted) > 4000
    lines = [(language, accepted[start : start + 200]) for start in range(0, len(accepted), 200)]
    blocks = [
        {"kind": "letterhead", "lines": lines, "number": lines, "compact": True},
        {"kind": "title", "lines": [("zh", "标题"), ("en", "Title")]},
        {"kind": "heading", "lines": lines, "apart": False},
        {"kind": "clause", "lines": lines},
        {"kind": "fields", "rows": [{"label": lines, "lines": lines, "blank": 0}]},
        {"kind": "notice", "lines": lines, "texts": [lines]},
    ]
    printed = typst.typeset(blocks, typst.Sheet("标题", "机关", "Title", (), 0, sealed=False))
    assert printed.pages > 20
    assert stray_words(printed.pdf) == []


def test_the_full_width_yuan_sign_is_not_fandols_dollar() -> None:
    """Trap 1: every Fandol face draws U+FFE5 as a dollar sign."""
    pdf = print_with_cause("涉案金额￥500一案", "a case of ￥500")
    assert not any("Fandol" in name for name in fonts_by_character(pdf)["￥"])
    assert wrong_glyphs(pdf)[1] == []


def test_amounts_use_the_latin_yuan_sign() -> None:
    by_character = fonts_by_character(printed_sample(DECISION).pdf)
    assert all("Liberation" in name for name in by_character["¥"])
    assert "￥" not in by_character


def test_rare_characters_of_names_are_drawn_from_the_fallback_font() -> None:
    """GB 18030 characters that FangSong lacks: 𬱖 and 䶮 stand in real names."""
    pdf = print_with_cause("王䶮与陈𬱖一案", "the case of Wang and Chen")
    assert fonts_by_character(pdf)["䶮"] == {"NotoSerifCJKsc-Regular-Identity-H"}
    assert "王䶮与陈𬱖一案" in tagged_words(pdf)
    assert wrong_glyphs(pdf)[1] == []


def test_a_character_without_a_glyph_is_a_fault_that_names_the_fact() -> None:
    facts = facts_of(DECISION)
    facts["cause"] = {"zh": "甲\U0001f600一案", "en": "a case"}
    instrument = catalogue().get(DECISION)
    faults = check_job_document(instrument, facts, imprint(instrument).authority)
    assert [(fault.pointer, fault.code) for fault in faults] == [("/cause/zh", "glyph")]
    assert "U+1F600" in faults[0].message_en


def test_a_character_without_a_glyph_is_never_printed_as_an_empty_box() -> None:
    """Trap 4: even past the check, the typesetter refuses."""
    with pytest.raises(Permanent, match="cannot print"):
        print_with_cause("甲\U0001f600一案", "a case")


def test_only_pinned_fonts_are_embedded() -> None:
    """Trap 13: whatever else is installed, the page is the same."""
    for identifier in CLAUSE_INSTRUMENTS:
        names = set().union(*fonts_by_character(printed_sample(identifier).pdf).values())
        assert all(name.startswith(("Fandol", "NotoSerifCJKsc", "LiberationSerif")) for name in names), names
