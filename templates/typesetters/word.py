"""The Word typesetter: a DOCX that the legal department keeps, filled with facts and printed by a warm LibreOffice.

`{{ party.name.zh }}` in the DOCX names a fact; formatters carry their language: `{{ decided_on | date_zh }}`,
`{{ decided_on | date_en }}`. Facts are escaped, so that braces, XML and DOCX markup in them are printed as they stand.
"""

from __future__ import annotations

import functools
import io
import re
import shutil
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pikepdf
from docxtpl import DocxTemplate
from jinja2 import DictLoader, StrictUndefined, Template, TemplateError, TemplateSyntaxError, Undefined, UndefinedError
from jinja2.runtime import LoopContext
from lxml import etree  # type: ignore[import-untyped]
from markupsafe import Markup, escape

from records.errors import Fault, Permanent, Refused
from templates import fonts
from templates.children import Child
from templates.conditions import values
from templates.formatters import Language, filters_in_context
from templates.placeholders import NotPrintable, PlainData, word

TIMEOUT: Final = 60.0
"""Seconds that LibreOffice may take for one document; a letter takes a fifth of one."""
JOBS: Final = 300
"""Documents after which LibreOffice is replaced: it grows by about 0.1 MB each."""
MEMORY: Final = 4 * 2**30
"""Bytes of address space; LibreOffice reserves far more than it uses."""
PYTHON: Final = "/usr/bin/python3"
"""Debian's own Python, which has the bridge to LibreOffice."""
SEAL_BOOKMARK: Final = "seal"
"""The bookmark of a Word template on which the centre of the seal is put."""
LOOP: Final = ("index", "first", "last")
"""What a template may ask of the loop that it is in."""

_CHILD: Final = Path(__file__).resolve().parents[1] / "office_child.py"
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)

_PROPERTIES: Final = "docProps/core.xml"
_PRINTED_PARTS: Final = re.compile(r"word/(document|header\d*|footer\d*|footnotes|endnotes)\.xml")

# What a template may not have: it would read a file or an address, or run something, when it is opened.
_FORBIDDEN_PARTS: Final = re.compile(r"vbaProject|/embeddings/|/activeX/|afchunk", re.IGNORECASE)
_FORBIDDEN_FIELDS: Final = re.compile(
    rb"\b(INCLUDEPICTURE|INCLUDETEXT|INCLUDE|DDEAUTO|DDE|LINK|IMPORT|DATABASE|MACROBUTTON)\b"
)


def print_word(body: bytes, facts: Mapping[str, Any], mark: str = "", properties: str = "") -> bytes:
    """The PDF/A-2b of a Word template with its facts. `mark` is what the header says, such as TEST or 样本 SPECIMEN.

    `properties` is what the file says about itself, as XML (`word_xml.properties`); "" leaves the template's own.
    LibreOffice writes the moment of printing into the file, so the same input gives the same page but not the same
    bytes: the stored bytes are the record. Raises Refused when a fact is missing or cannot be formatted, Permanent
    when the template is at fault or LibreOffice refuses the document twice, Retry when LibreOffice crashed.
    """
    return office().call(fill(body, facts, mark, properties), TIMEOUT)


def fill(body: bytes, facts: Mapping[str, Any], mark: str = "", properties: str = "") -> bytes:
    """The template with its facts, as a DOCX; the same input gives the same bytes. Raises as `print_word` does."""
    prepared = _prepared(body)
    scope = {**facts, "mark": mark}
    try:
        filled = {name: template.render(scope) for name, template in prepared.templates.items()}
    except UndefinedError as error:
        message = f"The Word template names a fact that is not there: {error.message}."
        raise Refused([Fault("", "undefined_placeholder", message, "模板中的占位符没有对应的事实数据。")]) from error
    except NotPrintable as error:
        raise Refused([Fault("", "not_printable", f"{error}.", "占位符没有可印制的内容。")]) from error
    except TemplateError as error:  # SecurityError is one
        raise Permanent(f"the Word template cannot be filled: {error}") from error
    parts = {**prepared.parts, **{name: _finished(prepared.reader, xml) for name, xml in filled.items()}}
    if properties and _PROPERTIES in parts:
        parts[_PROPERTIES] = properties.encode()
    return _packed(parts)


@dataclass(frozen=True)
class _Prepared:
    """A template read once: docxtpl takes five times longer to prepare its parts than to fill them."""

    reader: DocxTemplate
    parts: Mapping[str, bytes]
    templates: Mapping[str, Template]


@functools.lru_cache(maxsize=16)
def _prepared(body: bytes) -> _Prepared:
    faults = template_faults(body)
    if faults:
        raise Permanent("; ".join(faults))
    reader = DocxTemplate(io.BytesIO(body))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    try:
        templates = {name: environment().from_string(source) for name, source in sources(body)}
    except TemplateSyntaxError as error:
        raise Permanent(f"the Word template cannot be filled: {error.message}") from error
    return _Prepared(reader, parts, templates)


def sources(body: bytes) -> Iterator[tuple[str, str]]:
    """The parts of a DOCX that are printed, by name, as Jinja reads them: docxtpl joins placeholders cut by Word."""
    reader = DocxTemplate(io.BytesIO(body))
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        for name in sorted(archive.namelist()):
            if _PRINTED_PARTS.fullmatch(name):
                yield name, reader.patch_xml(archive.read(name).decode("utf-8"))


def _finished(reader: DocxTemplate, xml: str) -> bytes:
    """A filled part: line feeds of facts become line breaks, tables get the columns that they were filled with."""
    xml = reader.resolve_listing(xml)
    if "<w:tbl>" in xml or "<w:tbl " in xml:
        return bytes(etree.tostring(reader.fix_tables(xml.encode()), encoding="UTF-8", standalone=True))
    return xml.encode()


@functools.lru_cache(maxsize=64)
def template_faults(body: bytes) -> tuple[str, ...]:
    """What makes a DOCX unfit as a template: outside links, macros, embedded objects, fields that read files."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            parts = {name: archive.read(name) for name in archive.namelist()}
    except (zipfile.BadZipFile, OSError, ValueError) as error:
        return (f"not a DOCX: {error}",)
    faults = [f"{name} may not be in a template" for name in parts if _FORBIDDEN_PARTS.search(name)]
    for name, content in parts.items():
        if name.endswith(".rels") and b'TargetMode="External"' in content:
            faults.append(f"{name} leads outside the document")
        if name.endswith(".xml") and (found := _FORBIDDEN_FIELDS.search(_instructions(content))):
            faults.append(f"{name} has the field {found[1].decode()}")
    if "word/document.xml" not in parts:
        faults.append("there is no word/document.xml")
    return tuple(faults)


def _instructions(content: bytes) -> bytes:
    """The instructions of all fields of a part, those that are split over several runs joined."""
    simple = re.findall(rb'w:instr="([^"]*)"', content)
    joined = b"".join(re.findall(rb"<w:instrText[^>]*>([^<]*)</w:instrText>", content))
    return b" ".join([*simple, joined])


class _Facts(PlainData):
    """Looks facts up as conditions do: through lists too, and nothing of what was not given."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, Undefined):
            return obj  # the name that is missing stays the first one
        if isinstance(obj, LoopContext):
            return getattr(obj, attribute) if attribute in LOOP else self.undefined(obj=obj, name=attribute)
        if isinstance(obj, list):
            return values(obj, attribute) or self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


@functools.cache
def environment() -> _Facts:
    """Jinja for Word: sandboxed, undefined is an error where it is printed, every fact is printed as it stands."""
    made = _Facts(undefined=StrictUndefined, autoescape=True, finalize=_literal, loader=DictLoader({}))
    made.globals.clear()
    made.filters = {name: made.filters[name] for name in ("default", "map")}
    languages: tuple[Language, ...] = ("zh", "en")
    for language in languages:
        named: dict[str, Callable[..., str]] = filters_in_context(language)
        made.filters.update({f"{name}_{language}": function for name, function in named.items()})
        made.filters[f"word_{language}"] = functools.partial(_word, language)
    made.tests = {"given": _given, "one_of": _one_of}
    return made


def _word(language: Language, code: str, words: Mapping[str, Any]) -> str:
    return word(code, words, language)


def _given(value: object) -> bool:
    return not isinstance(value, Undefined) and value is not None and value != []


def _one_of(value: object, *wanted: object) -> bool:
    """Whether a fact, or any one out of a list, is one of these values."""
    return _given(value) and any(each in wanted for each in values({"value": value}, "value"))


def _literal(value: object) -> Markup:
    """A fact as XML text; braces and percent signs as references, or docxtpl would take some for its own escapes.

    A line feed becomes a new paragraph: facts that tell a story have several.
    """
    if isinstance(value, bool) or not isinstance(value, str | int | Undefined):
        raise NotPrintable(f"a {type(value).__name__} cannot be printed without a formatter")
    text = str(escape(str(value))).replace("\n", "\a")
    return Markup(text.replace("{", "&#123;").replace("}", "&#125;").replace("%", "&#37;"))  # noqa: S704  (escaped above)


def _packed(parts: Mapping[str, bytes]) -> bytes:
    """The parts as a DOCX, without the moment at which it was packed."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in parts.items():
            target.writestr(zipfile.ZipInfo(name, _EPOCH), content, zipfile.ZIP_DEFLATED, 1)
    return packed.getvalue()


def has_seal_place(filled: bytes) -> bool:
    """Whether a filled template still has the bookmark `seal`: what is left out may have taken it along."""
    with zipfile.ZipFile(io.BytesIO(filled)) as archive:
        document = archive.read("word/document.xml")
    return re.search(rb'<w:bookmarkStart [^>]*w:name="%s"' % SEAL_BOOKMARK.encode(), document) is not None


def seal_place(pdf: bytes) -> tuple[int, float, float] | None:
    """Where LibreOffice put the bookmark `seal`: page from 0, mm from the lower left corner; None without one."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        named = opened.Root.get("/Dests")
        if named is None or f"/{SEAL_BOOKMARK}" not in named:
            return None
        page, _, x, y, *_ = named[f"/{SEAL_BOOKMARK}"]
        numbers = {each.obj.objgen: number for number, each in enumerate(opened.pages)}
        return numbers[page.objgen], float(x) / 72 * 25.4, float(y) / 72 * 25.4


@functools.cache
def office() -> Child:
    """The LibreOffice of this process, started with the first document. Raises Permanent without the pinned fonts."""
    folder = tempfile.mkdtemp(prefix="songda-office-")
    made = Child(
        [PYTHON, str(_CHILD), folder],
        name="LibreOffice",
        memory=MEMORY,
        jobs=JOBS,
        environment={"FONTCONFIG_FILE": str(fonts.fontconfig_file())},
    )
    weakref.finalize(made, shutil.rmtree, folder, ignore_errors=True)
    return made
