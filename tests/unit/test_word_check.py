"""Checking Word templates: what the legal department is told before a template is used, and where it stands."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
from docx.oxml.ns import qn
from docx.shared import Mm
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree
from PIL import Image

from templates import word_xml as xml
from templates.catalogue import catalogue
from templates.word_check import check_word_template
from templates.word_export import word_template
from tests.word_files import HEADING, changed, replaced, template, word_file

PAIR = {"type": "object", "properties": {"zh": {"type": "string"}, "en": {"type": "string"}}, "required": ["zh", "en"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": PAIR,
        "day": {"type": "string"},
        "kind": {"type": "string", "enum": ["fine", "warning"]},
        "people": {
            "type": "array",
            "items": {"type": "object", "properties": {"name": PAIR, "phone": {"type": "string"}}},
        },
    },
}
WORDS = {"kinds": {"fine": {"zh": "罚款", "en": "fine"}, "warning": {"zh": "警告", "en": "warning"}}}
GOOD = ("{{ name.zh }}于{{ day | date_zh }}", "{{ name.en }} on {{ day | date_en }}")
DOCUMENT = "word/document.xml"

WHOLE = word_template(catalogue().get("fax-service-copy"))


def faults(body: bytes, **around: Any) -> dict[str, str]:
    """The code of each fault, and its place without what is the same for all."""
    found = check_word_template(body, SCHEMA, WORDS, **around)
    assert all(fault.message_zh for fault in found)
    return {fault.code: fault.pointer.removeprefix("/body.docx/").removeprefix(f"{DOCUMENT}/") for fault in found}


def test_a_good_template_has_no_fault() -> None:
    assert faults(template(*GOOD)) == {}
    loop = "{% for person in people %}{{ person.name.zh }}{{ person.name.en }}{{ loop.index }}{% endfor %}"
    assert faults(template(*GOOD, loop, "{{ authority.name.zh }} {{ number.zh }}")) == {}
    mapped = "{{ people | map(attribute='name') | listing_zh }} {{ people | map(attribute='name') | listing_en }}"
    assert faults(template(*GOOD, mapped)) == {}
    asked = ("{%p if kind is one_of('fine') and not day is given %}", "罚款 fine", "{%p else %}", "无", "{%p endif %}")
    assert faults(template(*GOOD, *asked)) == {}
    assert faults(template(*GOOD, "{{ kind | word_zh(words.kinds) }} {{ kind | word_en(words.kinds) }}")) == {}


@pytest.mark.parametrize(
    ("paragraph", "code"),
    [
        ("{{ nickname }}", "unknown_fact"),
        ("{{ name.fr }}", "unknown_fact"),
        ("{{ authority.nickname }}", "unknown_fact"),
        ("{{ loop.index }}", "unknown_fact"),
        ("{{ people | map(attribute='age') | listing_zh }}", "unknown_fact"),
        ("{% for person in people %}{{ person.age }}{% endfor %}", "unknown_fact"),
        ("{% for person in people %}{{ loop.cycle }}{% endfor %}", "unknown_fact"),
        ("{{ day | date_fr }}", "unknown_formatter"),
        ("{{ kind | word_zh(words.colours) }}", "word_missing"),
        ("{% if kind is one_of('stop') %}x{% endif %}", "unknown_value"),
        ("{{ day |  }}", "syntax"),
        ("{% if %}x{% endif %}", "syntax"),
        ("{{ day", "broken_tag"),
        ("day }}", "broken_tag"),
        ("｛｛ day ｝｝", "broken_tag"),
        ("{% if day is given %}x", "unbalanced"),
        ("x{% endif %}", "unbalanced"),
        ("{% for person in people %}{% else %}{% endfor %}", "unbalanced"),
        ("{% if day is given %}x{%p endif %}", "unbalanced"),
        ("{%tr if day is given %}{%tr endif %}", "unbalanced"),
        ("{%p if day is given %} a word", "lost_text"),
        ("{{ day.upper() }}", "forbidden"),
        ("{{ day['x'] }}", "forbidden"),
        ("{{ 1 + 1 }}", "forbidden"),
        ("{{ day if day else 'x' }}", "forbidden"),
        ("{% set x = 1 %}", "forbidden"),
        ("{% include 'x' %}", "forbidden"),
        ("{% raw %}", "forbidden"),
        ("{%r if day %}", "forbidden"),
        ("{{r day }}", "forbidden"),
        ("{%- if day is given %}x{% endif %}", "forbidden"),
        ("{% if day is string %}x{% endif %}", "forbidden"),
        ("{% for person in people if person %}{% endfor %}", "forbidden"),
        ("😀", "glyph"),
    ],
)
def test_each_fault_of_a_tag_is_told_with_its_place(paragraph: str, code: str) -> None:
    assert faults(template(*GOOD, paragraph))[code] == "paragraph 4/run 1"


def test_every_fault_of_a_file_is_told_at_once() -> None:
    body = template("{{ nickname }}", "{{ day | date_fr }}", "{% set x = 1 %}", "😀", "{% if day is given %}")
    assert {"unknown_fact", "unknown_formatter", "forbidden", "glyph", "unbalanced", "never_printed"} <= set(
        faults(body)
    )


def test_a_required_fact_must_be_printed_and_a_pair_in_both_languages() -> None:
    assert faults(template("送达")) == {"never_printed": "/body.docx"}
    assert faults(template("{{ name.zh }}"))["one_language"] == "paragraph 2/run 1"
    mapped = "{{ people | map(attribute='name') | listing_zh }}"
    assert faults(template(*GOOD, mapped))["one_language"] == "paragraph 4/run 1"


def _runs(*texts: str, bold: int = -1) -> Any:
    def change(document: Any) -> None:
        paragraph = document.add_paragraph(style="Clause English")
        for number, text in enumerate(texts):
            run = paragraph.add_run(text)
            if number == bold:
                run.bold = True

    return change


def test_a_tag_that_word_cut_into_like_runs_is_whole_and_one_that_looks_different_is_not() -> None:
    assert faults(template(*GOOD, change=_runs("{", "{ da", "y | date_zh }", "} {{ day | date_en }}"))) == {}
    cut = faults(template(*GOOD, change=_runs("from {{ da", "y | date_zh", " }} {{ day | date_en }}", bold=1)))
    assert cut == {"split_tag": "paragraph 4/run 1"}


def test_a_tag_with_a_break_in_it_or_over_two_paragraphs_is_broken() -> None:
    def broken(document: Any) -> None:
        run = document.add_paragraph(style="Clause English").add_run("{{ day ")
        run.add_break()
        run.add_text("}}")

    assert faults(template(*GOOD, change=broken)) == {"broken_tag": "paragraph 4/run 1"}
    over_two = check_word_template(template(*GOOD, "on {{ day |", "date_zh }} on"), SCHEMA)
    assert [(fault.code, fault.pointer[-17:]) for fault in over_two] == [
        ("broken_tag", "paragraph 4/run 1"),
        ("broken_tag", "paragraph 5/run 1"),
    ]


def _table(cells: list[list[str]], *, head: str = "row") -> str:
    widths = [50.0] * len(cells[0])
    rows = [
        xml.row(
            xml.cells(widths, [xml.paragraph("CellZH", text) for text in row]), header=head == "row" and number == 0
        )
        for number, row in enumerate(cells)
    ]
    return xml.table(widths, "".join(rows), head=head)


def test_tags_of_table_rows_are_found_in_their_cells() -> None:
    rows = [
        ["姓名", "电话"],
        ["{%tr for person in people %}", ""],
        ["{{ person.name.zh }}{{ person.name.en }}", "{{ x }}"],
    ]
    body = HEADING + "".join(xml.paragraph("ClauseZH", text) for text in GOOD)
    whole = word_file(body + _table([*rows, ["{%tr endfor %}", ""]]) + xml.paragraph("Gap", ""))
    assert faults(whole) == {"unknown_fact": "table 1/row 3/cell 2/paragraph 1/run 1"}
    lost = word_file(body + _table([*rows[:2], ["{{ person.phone }}", "甲"], ["{%tr endfor %}", "乙"]]))
    assert faults(lost) == {"lost_text": "table 1/row 4/cell 1/paragraph 1/run 1"}


def test_a_table_needs_a_head_row_and_a_form_a_first_column() -> None:
    body = HEADING + "".join(xml.paragraph("ClauseZH", text) for text in GOOD)
    assert faults(word_file(body + _table([["甲", "乙"]], head="column"))) == {}
    assert faults(word_file(body + _table([["甲", "乙"]], head="none"))) == {"table_head": "table 1"}


def test_fonts_that_are_not_pinned_are_told() -> None:
    def other(document: Any) -> None:
        document.paragraphs[1].runs[0].font.name = "Comic Sans MS"  # of Latin letters only
        document.add_paragraph(style="Clause English").add_run("Some words").font.name = "Comic Sans MS"

    assert faults(template(*GOOD, change=other)) == {"font": "paragraph 4/run 1"}
    chinese = replaced(template(*GOOD), "word/styles.xml", 'w:eastAsia="FandolFang"', 'w:eastAsia="华文行楷"')
    assert faults(chinese)["font"] == "paragraph 2/run 1"
    named = replaced(template(*GOOD), "word/styles.xml", 'w:eastAsia="FandolFang"', 'w:eastAsia="仿宋_GB2312"')
    assert faults(named) == {}


def test_a_text_without_its_language_is_told() -> None:
    none = replaced(template(*GOOD), "word/styles.xml", '<w:lang w:val="zh-CN" w:eastAsia="zh-CN"/>', "")
    none = replaced(none, "word/styles.xml", '<w:lang w:val="en-US" w:eastAsia="zh-CN"/>', "")
    found = [fault.pointer for fault in check_word_template(none, SCHEMA) if fault.code == "language"]
    assert found == [f"/body.docx/{DOCUMENT}/paragraph {number}/run 1" for number in (1, 2)]

    def french(document: Any) -> None:
        language = document.styles["English"].element.rPr.find(qn("w:lang"))
        language.set(qn("w:val"), "fr-FR")

    assert faults(template(*GOOD, "Some English words", change=french)) == {"language": "paragraph 4/run 1"}


def test_what_looks_like_a_heading_has_to_be_one() -> None:
    assert faults(template(*GOOD, "一、违法事实"))["heading_style"] == "paragraph 4"
    assert faults(template(*GOOD, "IV. Decision"))["heading_style"] == "paragraph 4"
    assert faults(template(*GOOD, change=_runs("Some bold words", bold=0)))["heading_style"] == "paragraph 4"
    styled = template(*GOOD, change=lambda document: document.add_paragraph("一、违法事实", style="heading 2"))
    assert faults(styled) == {}
    without = word_file("".join(xml.paragraph("ClauseZH", text) for text in GOOD))
    assert faults(without) == {"no_heading": DOCUMENT}


def test_a_picture_needs_an_alternative_text() -> None:
    drawn = io.BytesIO()
    Image.new("RGB", (4, 4)).save(drawn, "PNG")

    def add(document: Any) -> None:
        document.add_picture(io.BytesIO(drawn.getvalue()), width=Mm(5))

    picture = template(*GOOD, change=add)
    assert faults(picture) == {"picture_text": "paragraph 4"}

    def describe(document: Any) -> None:
        add(document)
        document.inline_shapes[0]._inline.docPr.set("descr", "徽标 Emblem")

    assert faults(template(*GOOD, change=describe)) == {}


INSERTED = '<w:ins w:id="1" w:author="a"><w:r><w:t>改</w:t></w:r></w:ins>'
DELETED = '<w:del w:id="1" w:author="a"><w:r><w:delText>改</w:delText></w:r></w:del>'
COMMENTED = '<w:r><w:commentReference w:id="1"/></w:r>'
SYMBOL = '<w:r><w:sym w:font="Wingdings" w:char="F0FE"/></w:r>'


@pytest.mark.parametrize(
    ("old", "new", "code", "place"),
    [
        ("<w:r><w:t", f"{INSERTED}<w:r><w:t", "tracked_change", "paragraph 1"),
        ("<w:r><w:t", f"{DELETED}<w:r><w:t", "tracked_change", "paragraph 1"),
        ("<w:r><w:t", f"{COMMENTED}<w:r><w:t", "comment", "paragraph 1"),
        ("<w:r><w:t", f"{SYMBOL}<w:r><w:t", "symbol", "paragraph 1"),
        ('<w:pgSz w:w="11906"', '<w:pgSz w:w="12240"', "page_size", "section 1"),
        ("<w:sectPr>", '<w:sectPr><w:headerReference w:type="first" r:id="rId9"/><w:titlePg/>', "no_mark", "section 1"),
    ],
)
def test_what_is_left_of_an_edit_is_refused(old: str, new: str, code: str, place: str) -> None:
    assert faults(replaced(template(*GOOD), DOCUMENT, old, new)) == {code: place}


def test_every_header_needs_the_mark() -> None:
    one = replaced(template(*GOOD), "word/header2.xml", "{{ mark }}", "中国民用航空局")
    assert faults(one) == {"no_mark": "word/header2.xml"}


@pytest.mark.parametrize(
    ("part", "content"),
    [
        ("word/vbaProject.bin", "x"),
        ("word/embeddings/oleObject1.bin", "x"),
        (
            "word/_rels/header1.xml.rels",
            '<Relationships><Relationship Id="a" TargetMode="External" Target="x"/></Relationships>',
        ),
    ],
)
def test_macros_embedded_objects_and_outside_links_are_refused(part: str, content: str) -> None:
    assert "unfit_template" in faults(replaced(template(*GOOD), part, "", content))


def test_a_sealed_instrument_needs_the_place_of_its_seal() -> None:
    assert faults(template(*GOOD), sealed=True) == {"seal_place": DOCUMENT}
    placed = xml.paragraph("SealPlace", "", bookmark="seal")
    body = word_file(HEADING + "".join(xml.paragraph("ClauseZH", text) for text in GOOD) + placed)
    assert faults(body, sealed=True) == {}


@pytest.mark.parametrize("body", [b"", b"x", b"%PDF-1.7", template(*GOOD)[:900]])
def test_what_is_no_template_is_told(body: bytes) -> None:
    assert [fault.code for fault in check_word_template(body, SCHEMA)] == ["unfit_template"]


@settings(deadline=None, max_examples=60)
@given(st.text(st.sampled_from("{}%#｛ abif()|.'“=\t一"), max_size=30))
def test_no_text_breaks_the_check(text: str) -> None:
    check_word_template(template(*GOOD, text), SCHEMA)


def test_the_confirmation_letter_passes() -> None:
    instrument = catalogue().get("confirmation-letter")
    assert instrument.body is not None
    assert check_word_template(instrument.body, instrument.schema) == []


def test_a_changed_template_is_read_as_python_docx_writes_it() -> None:
    assert faults(changed(template(*GOOD), lambda document: None)) == {}


def test_hidden_text_and_fields_that_print_another_day_are_told() -> None:
    def hide(document: Any) -> None:
        document.paragraphs[1].runs[0].font.hidden = True

    assert faults(template(*GOOD, change=hide)) == {"hidden": "paragraph 2/run 1"}
    dated = '<w:fldSimple w:instr=" DATE \\@ yyyy "><w:r><w:t>2026</w:t></w:r></w:fldSimple>'
    assert faults(replaced(template(*GOOD), DOCUMENT, "<w:r><w:t", f"{dated}<w:r><w:t")) == {"field": "paragraph 1"}


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_a_damaged_file_is_told_or_passes_and_never_breaks_the_check(data: st.DataObject) -> None:
    """An element lost, an attribute emptied or nonsense, anywhere in the printed parts and the styles."""
    part = data.draw(st.sampled_from([DOCUMENT, "word/styles.xml", "word/settings.xml", "word/header1.xml"]))
    with zipfile.ZipFile(io.BytesIO(WHOLE)) as archive:
        tree = etree.fromstring(archive.read(part))
        old = archive.read(part).decode()
    element = data.draw(st.sampled_from(list(tree.iter("{*}*"))[1:]))
    if element.attrib and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(sorted(element.attrib)))
        element.set(name, data.draw(st.sampled_from(["", "x", "-1", "99999999999999999999"])))
    else:
        element.getparent().remove(element)
    body = replaced(WHOLE, part, old, etree.tostring(tree, encoding="unicode"))
    check_word_template(body, SCHEMA, WORDS, sealed=True)
