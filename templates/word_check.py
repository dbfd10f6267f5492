"""What the legal department has to mend in a Word template before it can be used: all of it, each with its place."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from records.errors import Fault, Refused
from templates.catalogue import Instrument, scope_schema
from templates.placeholders import LANGUAGES
from templates.printing import Imprint, composed, word_scope
from templates.schemas import required_paths
from templates.typesetters import word
from templates.word_form import form_faults
from templates.word_reading import WordFile
from templates.word_tags import Tags, Use

_PAIR: Final = {"type": "object", "properties": {"zh": {"type": "string"}, "en": {"type": "string"}}}
_BESIDE_FACTS: Final[Mapping[str, Any]] = {
    "mark": {"type": "string"},
    "number": _PAIR,
    "copies_to": {"type": "array", "items": _PAIR},
}
_ONE_LANGUAGE_DOES: Final = ("authority", "number", "copies_to")
_NUMBER: Final = ("示例〔2026〕1号", "Example [2026] No. 1")
_NUMBER_OF_ITEM: Final = re.compile(r"（[一二三四五六七八九十百]+）|\([0-9]+\) ")


def check_word_template(
    body: bytes,
    schema: Mapping[str, Any],
    words: Mapping[str, Any] | None = None,
    *,
    sealed: bool = False,
    dated: str = "",
) -> list[Fault]:
    """Every fault of a template, with pointers into it: `/body.docx/word/document.xml/paragraph 3/run 2`.

    What may not be in a template at all (macros, embedded objects, outside links); tags that cannot be read, are cut,
    unbalanced or forbidden; facts and formatters that there are not, required facts that are never printed, facts in
    one language only; and all faults of form (word_form.py). `words` are the words of the instrument's codes, `dated`
    is the fact that dates the file and need not be printed.
    """
    unfit = [Fault("", "unfit_template", problem, "模板文件不可用") for problem in word.template_faults(body)]
    try:
        file = WordFile(body)
    except ValueError as error:
        unfit = unfit or [Fault("", "unfit_template", f"not a DOCX: {error}", "模板文件不可用")]
        return [fault.under("/body.docx") for fault in unfit]
    scope = scope_schema(schema)
    scope["properties"] = {**scope["properties"], **_BESIDE_FACTS}
    faults, uses = unfit, []
    for part in file.printed_parts:
        tags = Tags(scope, words or {})
        tags.read(list(file.paragraphs(part)))
        faults += tags.faults
        uses += tags.uses
    faults += [*form_faults(file, sealed=sealed), *_one_language_only(uses)]
    faults += _never_printed({use.path for use in uses} | {dated}, schema)
    return [fault.under("/body.docx") for fault in dict.fromkeys(faults)]


def check_words(instrument: Instrument, body: bytes, facts: Mapping[str, Any], imprint: Imprint) -> list[Fault]:
    """The texts of the clauses that the Word template does not print, in their order, for these facts.

    The template may say more than the clauses, for they are the reading page, but nothing of them may be missing: the
    paper and the page must agree. Raises Refused when the facts cannot be filled in.
    """
    text = _squeezed("".join(_texts(word.fill(body, word_scope(instrument, facts, imprint)))))
    blocks = composed(instrument, facts, imprint)
    lines = [line for block in blocks if block["kind"] != "foot" for line in _unnumbered(block)]
    feet = [line for block in blocks if block["kind"] == "foot" for line in lines_of(block)]  # stand on every page
    missing = [*missing_lines(lines, text), *missing_lines(feet, text)]
    return [
        Fault(
            "/body.docx",
            "words_differ",
            f"clauses.yaml says, and the Word template does not, or not in this place: {wanted[:60]!r}; "
            "the page that is read and the paper must agree, so change both",
            f"条款中的文字未在Word模板中（或者次序不同）：{wanted[:60]}",
        )
        for wanted in missing
    ]


def missing_lines(lines: Sequence[Sequence[str]], text: str) -> list[str]:
    """The lines `[language, words]` that a text without white space lacks, or has before those of the same language."""
    missing = []
    for language in LANGUAGES:
        at = 0
        for wanted in (_squeezed(said) for spoken, said in lines if spoken == language):
            found = text.find(wanted, at)
            if found < 0:
                missing.append(wanted)
            else:
                at = found + len(wanted)
    return missing


def word_faults(instrument: Instrument, body: bytes, authority: Mapping[str, Any]) -> list[Fault]:
    """All faults of a Word template of an instrument, and, once there are none, what of the clauses it doesn't print.

    `authority` is the record that the instrument's sample is printed with.
    """
    clauses, sealed = instrument.clauses, instrument.print.sealed
    if clauses is None:
        return check_word_template(body, instrument.schema, sealed=sealed)
    faults = check_word_template(body, instrument.schema, clauses.words, sealed=sealed, dated=clauses.dated)
    if faults:
        return faults
    document = next(each for each in instrument.sample()["documents"] if each["instrument"] == instrument.id)
    number_zh, number_en = _NUMBER if instrument.print.numbered else (None, None)
    copies = [(copy["zh"], copy["en"]) for copy in document.get("copies_to", [])]
    try:
        imprint = Imprint(authority, number_zh, number_en, test=False, specimen=False, copies_to=copies)
        return check_words(instrument, body, document["facts"], imprint)
    except Refused as refused:
        return [fault.under("/body.docx") for fault in refused.faults]


def _texts(filled: bytes) -> Iterator[str]:
    """The words of a filled template: the document, and what is repeated on every page."""
    file = WordFile(filled)
    for part in file.printed_parts:
        yield from (paragraph.text for paragraph in file.paragraphs(part))


def lines_of(block: Any) -> Iterator[Sequence[str]]:
    """The lines `[language, words]` of a composed block as they are printed; a caption is only read aloud."""
    if isinstance(block, Mapping) and block.get("kind") == "approval":
        rows = [[row["label"], row["lines"], block["signed"]] for row in block["rows"]]
        yield from lines_of([block["stage"], block["opinion"], *rows])
    elif isinstance(block, Mapping):
        for name, value in block.items():
            if name != "caption":
                yield from lines_of(value)
    elif isinstance(block, list | tuple):
        if len(block) == 2 and block[0] in LANGUAGES and isinstance(block[1], str):
            yield block
        else:
            for each in block:
                yield from lines_of(each)


def _unnumbered(block: Mapping[str, Any]) -> Iterator[Sequence[str]]:
    """The lines of a block without the numbers that Word gives to the items of a list."""
    for language, said in lines_of(block):
        yield language, _NUMBER_OF_ITEM.sub("", said, count=1) if block["kind"] == "list" else said


def _squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def _one_language_only(uses: Sequence[Use]) -> Iterator[Fault]:
    """A pair, or a fact that is formatted for one language, must be printed in the other one too."""
    languages: dict[str, dict[str, str]] = {}
    for use in uses:
        head, _, last = use.path.rpartition(".")
        if last in LANGUAGES and head and not head.startswith(_ONE_LANGUAGE_DOES):
            languages.setdefault(head, {}).setdefault(last, use.place)
        for name in use.formatters:
            if name.endswith(("_zh", "_en")):
                languages.setdefault(use.path, {}).setdefault(name[-2:], use.place)
    for path, found in languages.items():
        if len(found) == 1:
            [(language, place)] = found.items()
            message = f"{path} is printed in {language} only"
            yield Fault(f"/{place}", "one_language", message, f"{path} 只以一种语言印出")


def _never_printed(used: Collection[str], schema: Mapping[str, Any]) -> Iterator[Fault]:
    for path in required_paths(schema):
        if not any(each == path or each.startswith(f"{path}.") or path.startswith(f"{each}.") for each in used):
            yield Fault("", "never_printed", f"{path} is required but never printed", f"{path} 为必填项但未印出")
