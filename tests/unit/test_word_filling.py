"""Filling a Word template: facts stand as they are, undefined is an error, nothing leads outside the document."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import docx
import pytest
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from hypothesis import given, settings
from hypothesis import strategies as st

from records.errors import Permanent, Refused
from templates.typesetters import word


def template(*paragraphs: str, change: Callable[[Any], None] | None = None) -> bytes:
    document = docx.Document()
    for text in paragraphs:
        document.add_paragraph(text)
    if change is not None:
        change(document)
    saved = io.BytesIO()
    document.save(saved)
    return saved.getvalue()


def words(filled: bytes) -> list[str]:
    return [paragraph.text for paragraph in docx.Document(io.BytesIO(filled)).paragraphs]


def test_facts_and_formatters_in_both_languages() -> None:
    body = template(
        "{{ name.zh }}于{{ day | date_zh }}被处{{ fine | amount_zh }}",
        "{{ name.en }}, {{ day | date_en }}, {{ fine | amount_en }}",
    )
    facts = {"name": {"zh": "甲公司", "en": "A & B <Ltd>"}, "day": "2026-11-22", "fine": "30000"}
    assert words(word.fill(body, facts)) == [
        "甲公司于二〇二六年十一月二十二日被处人民币叁万元整（¥30,000.00）",
        "A & B <Ltd>, 22 November 2026, RMB 30,000.00",
    ]


HOSTILE = [
    "{{ 7*7 }}",
    "{% for x in [1] %}x{% endfor %}",
    "{_{ 7*7 }_} {_% raw %_}",
    "{{r x }} {%p if 1 %} {{p x }}",
    "</w:t></w:r></w:p><w:p><w:r><w:t>injected",
    '<w:instrText>INCLUDEPICTURE "file:///etc/passwd"</w:instrText>',
    "&lt;b&gt; &amp; &#65; “quotes” 'and' \"more\"",
    "]]><!-- --><?xml version='1.0'?>",
    '#import "x" $(id) ${jndi:ldap://x} \\\\host\\share',
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_markup_of_any_kind_in_a_fact_is_printed_as_it_stands(text: str) -> None:
    filled = word.fill(template("[{{ fact }}]"), {"fact": text})
    assert words(filled) == [f"[{text}]"]


@settings(deadline=None, max_examples=40)  # docxtpl takes its time
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Cn", "Co"]), max_size=40))
def test_any_text_is_printed_as_it_stands(text: str) -> None:
    assert words(word.fill(BODY, {"fact": text})) == [f"[{text}]"]


BODY = template("[{{ fact }}]")


def _table(document: Any) -> None:
    table = document.add_table(rows=4, cols=2)
    table.cell(0, 0).text, table.cell(0, 1).text = "Name", "Pages"
    table.cell(1, 0).text = "{%tr for item in items %}"
    table.cell(2, 0).text, table.cell(2, 1).text = "{{ item.name }}", "{{ item.pages }}"
    table.cell(3, 0).text = "{%tr endfor %}"


def test_a_row_of_a_table_is_repeated() -> None:
    filled = word.fill(template(change=_table), {"items": [{"name": "甲", "pages": 1}, {"name": "<乙>", "pages": 2}]})
    table = docx.Document(io.BytesIO(filled)).tables[0]
    assert [[cell.text for cell in row.cells] for row in table.rows] == [["Name", "Pages"], ["甲", "1"], ["<乙>", "2"]]


def test_a_placeholder_that_word_cut_into_runs_is_filled() -> None:
    def change(document: Any) -> None:
        paragraph = document.add_paragraph()
        for part in ("[{", "{ fa", "ct }", "}]"):
            paragraph.add_run(part).bold = part == "{ fa"

    assert words(word.fill(template(change=change), {"fact": "甲"})) == ["[甲]"]


def test_a_line_feed_begins_a_new_paragraph() -> None:
    """A fact that tells a story has several, each with its indent."""
    assert words(word.fill(BODY, {"fact": "一\n二"})) == ["[一", "二]"]


def test_a_missing_fact_is_refused_by_name() -> None:
    with pytest.raises(Refused, match="fact"):
        word.fill(BODY, {})
    with pytest.raises(Refused, match="not a date"):
        word.fill(template("{{ fact | date_zh }}"), {"fact": "tomorrow"})


@pytest.mark.parametrize(
    "source",
    [
        "{{ fact.__class__.__mro__ }}",
        "{{ fact.upper.__globals__ }}",
        "{{ unclosed",
        "{{ fact | no_such_formatter }}",
        "{% include 'x' %}",
    ],
)
def test_a_template_that_reaches_for_more_than_facts_is_refused(source: str) -> None:
    with pytest.raises((Permanent, Refused)):
        word.fill(template(source), {"fact": "x"})


def test_the_same_facts_give_the_same_document() -> None:
    assert word.fill(BODY, {"fact": "x"}) == word.fill(BODY, {"fact": "x"})


def test_the_mark_is_there_for_the_header() -> None:
    assert words(word.fill(template("{{ mark }}"), {}, "TEST")) == ["TEST"]


def _field(instruction: str) -> Callable[[Any], None]:
    def change(document: Any) -> None:
        run = document.add_paragraph().add_run()
        element = OxmlElement("w:instrText")
        element.text = instruction
        run._r.append(element)

    return change


def _split_field(document: Any) -> None:
    _field(" INCLUDE")(document)
    _field('PICTURE "http://127.0.0.1/x.png" ')(document)


def _simple_field(document: Any) -> None:
    element = OxmlElement("w:fldSimple")
    element.set(qn("w:instr"), 'DDEAUTO "cmd"')
    document.paragraphs[0]._p.append(element)


def _link(document: Any) -> None:
    document.part.relate_to("http://127.0.0.1/x.png", docx.opc.constants.RELATIONSHIP_TYPE.IMAGE, is_external=True)


@pytest.mark.parametrize("change", [_field('INCLUDETEXT "file:///etc/passwd"'), _split_field, _simple_field, _link])
def test_a_template_that_leads_outside_is_refused(change: Callable[[Any], None]) -> None:
    """SSRF and local files: LibreOffice would fetch what a link or field names."""
    body = template("{{ fact }}", change=change)
    with pytest.raises(Permanent, match=r"leads outside|has the field"):
        word.fill(body, {"fact": "x"})


def test_a_template_with_macros_or_embedded_objects_is_refused() -> None:
    for part in ("word/vbaProject.bin", "word/embeddings/oleObject1.bin"):
        packed = io.BytesIO(BODY)
        with zipfile.ZipFile(packed, "a") as archive:
            archive.writestr(part, b"x")
        with pytest.raises(Permanent, match="may not be in a template"):
            word.fill(packed.getvalue(), {"fact": "x"})


@pytest.mark.parametrize("body", [b"", b"%PDF-1.7", BODY[:500]])
def test_what_is_no_docx_is_refused(body: bytes) -> None:
    with pytest.raises(Permanent, match="not a DOCX"):
        word.fill(body, {"fact": "x"})
