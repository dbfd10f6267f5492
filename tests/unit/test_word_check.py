"""Checking Word templates: what the legal department is told before a template is used."""

from __future__ import annotations

import io
from typing import Any

import docx
import pytest

from templates.catalogue import catalogue
from templates.word_check import check_word_template

PAIR = {"type": "object", "properties": {"zh": {"type": "string"}, "en": {"type": "string"}}, "required": ["zh", "en"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": PAIR,
        "day": {"type": "string"},
        "people": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": PAIR, "phone": {"type": "string"}}},
        },
    },
}
GOOD = ("{{ name.zh }}{{ day | date_zh }}", "{{ name.en }} {{ day | date_en }}")


def template(*paragraphs: str, header: str = "{{ mark }}") -> bytes:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    document.sections[0].header.paragraphs[0].text = header
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def codes(body: bytes) -> list[str]:
    return sorted(fault.code for fault in check_word_template(body, SCHEMA))


def test_a_good_template_has_no_fault() -> None:
    assert codes(template(*GOOD)) == []
    loop = "{% for person in people %}{{ person.name.zh }}{{ person.name.en }}{{ loop.index }}{% endfor %}"
    assert codes(template(*GOOD, loop, "{{ authority.name.zh }} {{ number.zh }}")) == []
    mapped = "{{ people | map(attribute='name') | listing_zh }} {{ people | map(attribute='name') | listing_en }}"
    assert codes(template(*GOOD, mapped)) == []


@pytest.mark.parametrize(
    ("paragraph", "code"),
    [
        ("{{ nickname }}", "unknown_fact"),
        ("{{ name.fr }}", "unknown_fact"),
        ("{{ people | map(attribute='age') | listing_zh }}", "unknown_fact"),
        ("{% for person in people %}{{ person.age }}{% endfor %}", "unknown_fact"),
        ("{{ day | date_fr }}", "unknown_formatter"),
        ("{{ people | map(attribute='name') | listing_zh }}", "one_language"),
        ("{{ day", "syntax"),
        ("😀", "glyph"),
    ],
)
def test_each_fault_is_told(paragraph: str, code: str) -> None:
    assert code in codes(template(*GOOD, paragraph))


def test_a_header_without_the_mark_is_a_fault() -> None:
    assert codes(template(*GOOD, header="中国民用航空局")) == ["no_mark"]


def test_a_required_fact_must_be_printed() -> None:
    assert codes(template("送达")) == ["never_printed"]


def test_a_pair_in_one_language_only_is_a_fault() -> None:
    assert codes(template("{{ name.zh }}")) == ["one_language"]


def test_the_confirmation_letter_passes() -> None:
    instrument = catalogue().get("confirmation-letter")
    assert check_word_template((instrument.folder / "body.docx").read_bytes(), instrument.schema) == []


def test_what_is_no_template_is_told() -> None:
    assert [fault.code for fault in check_word_template(b"x", SCHEMA)] == ["unfit_template"]
