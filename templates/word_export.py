"""An instrument's clauses as a Word template: what the legal department starts from when it wants to go on in Word.

Every clause becomes a Chinese paragraph with its English twin, every placeholder one of Word's
(`{{ decided_on | date }}` becomes `{{ decided_on | date_zh }}` and `{{ decided_on | date_en }}`), every condition a
pair of control paragraphs. Page, styles, header and footer come from `word_base/`, an unpacked DOCX kept as text.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from records.errors import Permanent
from templates import word_xml as xml
from templates.catalogue import Instrument, scope_schema
from templates.clauses import Block, Row
from templates.conditions import Condition, Test
from templates.placeholders import Text, Twin
from templates.schemas import find, resolved
from templates.typesetters.word import SEAL_BOOKMARK

BASE: Final = Path(__file__).with_name("word_base")

_TEXT_WIDTH_MM: Final = 156.0
_LABEL_MM: Final = 44.0
_LINE_TO_SIGN_MM: Final = 96.0
_FORM_MM: Final = (_LABEL_MM, _TEXT_WIDTH_MM - _LABEL_MM)
_SIGNED_MM: Final = (_LINE_TO_SIGN_MM, _TEXT_WIDTH_MM - _LINE_TO_SIGN_MM)
_PLACEHOLDER: Final = re.compile(r"\{\{.*?\}\}")
_ROWS_KEPT: Final = 3
_STACKED: Final = ("fields", "table", "list")


def word_template(instrument: Instrument) -> bytes:
    """The DOCX of an instrument that has clauses; the same clauses give the same bytes.

    Raises Permanent for an instrument without clauses.
    """
    if instrument.clauses is None:
        raise Permanent(f"{instrument.id} has no clauses.yaml to make a Word template from")
    body = _Body(instrument)
    content = body.blocks(instrument.clauses.blocks)
    titles = instrument.manifest
    properties = xml.properties(f"{titles.title_zh} {titles.title_en}", instrument.print.maker_zh, instrument.id)
    return pack(content, properties, lists=body.lists, foot=body.foot)


def pack(content: str, properties: str, *, lists: int = 0, foot: str = "") -> bytes:
    """A DOCX of paragraphs and tables on our page, with the styles, header and footer of `word_base/`."""
    parts = {path.relative_to(BASE).as_posix(): path.read_text("utf-8") for path in BASE.rglob("*") if path.is_file()}
    parts = {name: text.replace("<!-- foot -->", foot) for name, text in parts.items()}
    parts |= {
        "word/document.xml": xml.document(content),
        "word/numbering.xml": xml.numbering(lists),
        "docProps/core.xml": properties,
    }
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for name in sorted(parts):
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), parts[name], zipfile.ZIP_DEFLATED, 9)
    return packed.getvalue()


class _Body:
    """Writes blocks one after the other; `lists` counts the numbered lists, `foot` is what stands on every page."""

    def __init__(self, instrument: Instrument) -> None:
        self._instrument = instrument
        self._schema = scope_schema(instrument.schema)
        self._loops: dict[str, str] = {}
        self.lists = 0
        self.foot = ""

    def blocks(self, blocks: Sequence[Block]) -> str:
        """The paragraphs and tables of all blocks."""
        made = []
        waiting = list(blocks)
        while waiting:
            block, following = waiting.pop(0), waiting[0] if waiting else None
            self._loops = block.loops()
            if following is not None and _is_signed_form(block, following):
                self._loops |= waiting.pop(0).loops()
                made.append(self.signed_form(block, following))
                continue
            leads = following is not None and (
                following.kind in ("closing", "signatures") or (block.kind == "clause" and following.kind in _STACKED)
            )
            made.append(self._when(block.when, _KINDS[block.kind](self, block, leads)))
        return "".join(made)

    # ---- kinds of block ----

    def letterhead(self, block: Block, _leads: bool) -> str:
        """版头, and the number where there is one."""
        agency = ("{{ authority.letterhead.zh }}", "{{ authority.letterhead.en }}")
        zh, en = self._sources(block.text) if block.text else agency
        head = xml.paragraph("LetterheadCompactZH" if block.compact else "LetterheadZH", zh)
        head += xml.paragraph("LetterheadEN", en)
        english = _control("if number.en != number.zh", xml.paragraph("NumberEN", "{{ number.en }}"))
        number = _control("if number.zh is given", xml.paragraph("NumberZH", "{{ number.zh }}") + english)
        return head + number + xml.paragraph("RedRule", "")

    def title(self, _block: Block, _leads: bool) -> str:
        """The titles of the manifest, one heading in two languages."""
        titles = self._instrument.manifest
        return xml.paragraph("Heading1", (titles.title_zh, titles.title_en), twin_style="HeadingEnglish")

    def heading(self, block: Block, _leads: bool) -> str:
        """A heading in two languages."""
        zh, en = self._sources(block.text)
        return xml.paragraph("Heading2", (zh, en), twin_style="SubheadingEnglish", new_page=block.apart)

    def signed_foot(self, block: Block, _leads: bool) -> str:
        """A line to sign at the foot of every page: it goes into the footers."""
        zh, en = self._sources(block.text)
        self.foot = xml.paragraph("FootZH", f"{zh} {'　' * 12}") + xml.paragraph("FootEN", en)
        return ""

    def addressee(self, block: Block, _leads: bool) -> str:
        """Who is addressed."""
        return self._lines(block.text, "Addressee")

    def clause(self, block: Block, leads: bool) -> str:
        """Running text."""
        return self._lines(block.text, "Clause", keep_next=leads)

    def listed(self, block: Block, _leads: bool) -> str:
        """A list, numbered by Word."""
        self.lists += 1
        number = 2 * self.lists - 1
        return "".join(self._row(row, lambda each: self._lines(each.value, "List", number)) for row in block.rows)

    def fields(self, block: Block, _leads: bool) -> str:
        """A form: its first column is the head of each row."""
        rows = "".join(self._row(row, self._field, "tr") for row in block.rows)
        table = xml.table(_FORM_MM, rows, head="column") + xml.paragraph("Gap", "")
        if all(row.each or row.when.paths for row in block.rows):  # a table without a row is no table
            asked = " or ".join(f"({row.each} is given)" if row.each else _asked(row.when) for row in block.rows)
            return _control(f"if {asked}", table)
        return table

    def signed_form(self, form: Block, signatures: Block) -> str:
        """A short form and the signatures under it as one table: they must not come to stand on two pages."""
        grid = [_LABEL_MM, _LINE_TO_SIGN_MM - _LABEL_MM, _TEXT_WIDTH_MM - _LINE_TO_SIGN_MM]

        def field(row: Row) -> str:
            made = [self._lines(row.label, "Label", keep_next=True), self._value(row)]
            return xml.row(xml.cells(_FORM_MM, made, spans=(1, 2), boxed=True))

        rows = "".join(self._row(row, field, "tr") for row in form.rows)
        rows += "".join(self._row(row, lambda each: self._to_sign(each, (2, 1)), "tr") for row in signatures.rows)
        return xml.table(grid, rows, head="column", ruled=False) + xml.paragraph("Gap", "")

    def approval(self, block: Block, _leads: bool) -> str:
        """The box of an internal form: stage, opinion, and room to sign."""
        words = self._instrument.clauses.words["approval"] if self._instrument.clauses else {}
        heads = [_cell(words[name]["zh"], words[name]["en"], "Label") for name in ("stage", "opinion")]
        signed = _cell(words["signed"]["zh"], words["signed"]["en"], "Cell")
        rows = xml.row(xml.cells(_FORM_MM, heads), header=True)
        rows += "".join(self._row(row, lambda each: self._field(each, signed), "tr") for row in block.rows)
        caption = (words["caption"]["zh"], words["caption"]["en"])
        return xml.table(_FORM_MM, rows, head="row", caption=caption) + xml.paragraph("Gap", "")

    def table(self, block: Block, _leads: bool) -> str:
        """A table with a head row; its caption is its alternative text."""
        widths = _widths([column.width for column in block.rows])
        heads = xml.row(xml.cells(widths, [self._lines(column.label, "Label") for column in block.rows]), header=True)
        row = xml.row(xml.cells(widths, [self._value(column) for column in block.rows]))
        loop = _control(f"for {block.name} in {block.each}", row, "tr")
        return xml.table(widths, heads + loop, head="row", caption=self._sources(block.text)) + xml.paragraph("Gap", "")

    def notice(self, block: Block, _leads: bool) -> str:
        """A box: paragraphs with the same border."""
        texts = "".join(self._row(row, lambda each: self._lines(each.value, "Notice")) for row in block.rows)
        return self._lines(block.text, "NoticeHead") + texts + xml.paragraph("Gap", "")

    def signatures(self, block: Block, leads: bool) -> str:
        """Lines to be signed by hand, which stay together."""
        rows = "".join(self._row(row, self._to_sign, "tr") for row in block.rows)
        table = xml.table(_SIGNED_MM, rows, head="column", ruled=False)
        return xml.paragraph("Gap", "", keep_next=True) + table + xml.paragraph("Gap", "", keep_next=leads)

    def closing(self, block: Block, _leads: bool) -> str:
        """Agency and date; between them the bookmark on which the seal's centre is put."""
        agency = xml.paragraph("ClosingZH", "{{ authority.name.zh }}", before_mm=13 if self._sealed else 8)
        agency += xml.paragraph("ClosingEN", "{{ authority.name.en }}")
        seal = xml.paragraph("SealPlace", "", bookmark=SEAL_BOOKMARK) if self._sealed else ""
        last = xml.paragraph("Gap", "", before_mm=10, keep_next=True) if self._sealed else ""
        return agency + seal + self._lines(block.date, "Closing") + last

    def copies(self, _block: Block, _leads: bool) -> str:
        """版记: who gets copies."""
        named = "{{% for copy in copies_to %}}{{{{ copy.{0} }}}}{{% if not loop.last %}}{1}{{% endif %}}{{% endfor %}}"
        lines = xml.paragraph("CopiesZH", f"抄送：{named.format('zh', '，')}。")
        lines += xml.paragraph("CopiesEN", f"Copies to: {named.format('en', '; ')}.")
        return _control("if copies_to is given", lines)

    # ---- rows, conditions, texts ----

    @property
    def _sealed(self) -> bool:
        return self._instrument.print.sealed

    def _field(self, row: Row, below: str = "") -> str:
        return xml.row(xml.cells(_FORM_MM, [self._lines(row.label, "Label"), self._value(row, below)]))

    def _value(self, row: Row, below: str = "") -> str:
        """The content of a form's second cell: the value, or room to write it by hand."""
        value = self._lines(row.value, "Cell")
        blank = xml.paragraph("CellZH", "", after_mm=7 * row.blank) if row.blank else ""
        if row.by_hand and row.value is not None:
            paths = dict.fromkeys(each.path for each in row.value.zh.placeholders)
            room = xml.paragraph("CellZH", "", after_mm=7 * row.by_hand)
            asked = " and ".join(f"{path} is given" for path in paths)
            value = _line(f"if {asked}") + value + _line("else") + room + _line("endif")
        return value + blank + below or xml.paragraph("CellZH", "")

    def _to_sign(self, row: Row, spans: Sequence[int] = ()) -> str:
        label = self._lines(row.label, "Cell", keep_next=True)
        room = self._lines(row.value, "Cell") or xml.paragraph("CellZH", "")
        return xml.row(xml.cells(_SIGNED_MM, [label, room], spans=spans, to_sign=True), height_mm=12)

    def _row(self, row: Row, write: Callable[[Row], str], control: str = "p") -> str:
        """One row, in its loop, under its condition, in its variants."""
        if row.choices:
            tests = [_asked(each.when) for each in row.choices]
            variants = zip(tests, row.choices, strict=True)
            made = "".join(
                _line(f"{'elif' if number else 'if'} {test or 'true'}", control) + write(each)
                for number, (test, each) in enumerate(variants)
            ) + _line("endif", control)
        else:
            made = write(row)
        made = self._when(row.when, made, control)
        return _control(f"for {row.name} in {row.each}", made, control) if row.each else made

    def _when(self, condition: Condition, content: str, control: str = "p") -> str:
        asked = _asked(condition)
        return _control(f"if {asked}", content, control) if asked and content else content

    def _lines(self, twin: Twin | None, style: str, number: int = 0, *, keep_next: bool = False) -> str:
        """A text as paragraphs, Chinese and English by turns; once, where both say the same (a number)."""
        if twin is None:
            return ""
        zh, en = ([part for part in source.split("\n") if part.strip()] for source in self._sources(twin))
        turns = zip(zh, en, strict=True) if len(zh) == len(en) else [("\n".join(zh), "\n".join(en))]
        made = ""
        for one, other in turns:
            made += xml.paragraph(f"{style}ZH", one, number=number, keep_next=keep_next)
            if one != other:
                made += xml.paragraph(f"{style}EN", other, number=number and number + 1, keep_next=keep_next)
        return made

    def _sources(self, twin: Twin | None) -> tuple[str, str]:
        return ("", "") if twin is None else (self._in_word(twin.zh), self._in_word(twin.en))

    def _in_word(self, text: Text) -> str:
        """The text with its placeholders as Word templates write them: the language is named."""

        def written(found: re.Match[str]) -> str:
            [placeholder] = Text(found[0], text.language).placeholders
            path = "loop.index" if placeholder.path == "row.number" else placeholder.path
            if not placeholder.formatters and self._is_pair(path):
                path += f".{text.language}"
            formatters = [f"{name}_{text.language}" for name in placeholder.formatters]
            if placeholder.given:
                formatters[-1] += f"({placeholder.given[0]})"
            if formatters == [f"credit_code_{text.language}"]:
                formatters = []  # checked when the job came in, and the same in both languages
            return "{{ " + " | ".join([path, *formatters]) + " }}"

        return _PLACEHOLDER.sub(written, text.source)

    def _is_pair(self, path: str) -> bool:
        fact = find(self._schema, path, self._loops)
        while fact is not None and "items" in fact:  # the item of a loop over a list of pairs
            fact = resolved(fact["items"], self._schema)
        return fact is not None and {"zh", "en"} <= set(fact.get("properties", {}))


_KINDS: Final[Mapping[str, Callable[[_Body, Block, bool], str]]] = {
    "letterhead": _Body.letterhead,
    "title": _Body.title,
    "foot": _Body.signed_foot,
    "addressee": _Body.addressee,
    "heading": _Body.heading,
    "clause": _Body.clause,
    "list": _Body.listed,
    "fields": _Body.fields,
    "table": _Body.table,
    "notice": _Body.notice,
    "approval": _Body.approval,
    "closing": _Body.closing,
    "signatures": _Body.signatures,
    "copies": _Body.copies,
}


def _is_signed_form(block: Block, following: Block) -> bool:
    """Whether a form is so short, and always printed, that it belongs to the signatures under it."""
    both = block.kind == "fields" and following.kind == "signatures" and len(block.rows) <= _ROWS_KEPT
    return both and not block.when.paths and not following.when.paths


def _line(tag: str, control: str = "p") -> str:
    """A tag in a paragraph of its own, or in a table row of its own; it is gone when the template is filled."""
    made = xml.paragraph("Control", f"{{%{control} {tag} %}}")
    return xml.row(xml.cells([_TEXT_WIDTH_MM], [made])) if control == "tr" else made


def _control(tag: str, content: str, control: str = "p") -> str:
    return _line(tag, control) + content + _line(f"end{tag.partition(' ')[0]}", control)


def _cell(zh: str, en: str, style: str) -> str:
    return xml.paragraph(f"{style}ZH", zh) + xml.paragraph(f"{style}EN", en)


def _asked(condition: Condition) -> str:
    """A condition in the words of Word templates; "" when there is none."""
    alternatives = [" and ".join(_test(test) for test in tests) for tests in condition.alternatives if tests]
    if len(alternatives) < 2:
        return "".join(alternatives)
    return " or ".join(f"({each})" for each in alternatives)


def _test(test: Test) -> str:
    if test.present is not None:
        return f"{test.path} is {'given' if test.present else 'not given'}"
    return f"{test.path} is one_of({', '.join(_constants(test.wanted))})"


def _constants(values: Sequence[object]) -> Iterator[str]:
    for value in values:
        yield str(value).lower() if isinstance(value, bool | int) else f"'{value}'"


def _widths(declared: Sequence[str]) -> list[float]:
    """The widths of columns in millimetres; those without a measure share what is left."""
    fixed = [float(width.removesuffix("mm")) if width.endswith("mm") else 0.0 for width in declared]
    shared = (_TEXT_WIDTH_MM - sum(fixed)) / max(1, fixed.count(0.0))
    return [width or shared for width in fixed]
