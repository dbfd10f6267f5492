"""`songda templates check`: what the legal department has to mend before an instrument can be used."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from records.errors import Fault, Permanent, Refused
from templates import accessibility, fonts
from templates.catalogue import SAMPLES, Instrument, catalogue, check_authority, check_job_document, scope_schema
from templates.clauses import Block, Clauses
from templates.facts import check_facts
from templates.placeholders import LANGUAGES, Placeholder, Twin
from templates.printing import Imprint, composed, print_document
from templates.released import version_faults
from templates.schemas import choices, every_node, find, optional_paths, required_paths, resolved, unlooped, without
from templates.word_check import word_faults

_OWN_NAMES: Final = ("authority", "words", "row")


def check(instrument: Instrument) -> list[Fault]:
    """Every fault of an instrument; pointers lead into its folder: `/clauses.yaml/…`, `/facts.json/…`, `/sample/…`.

    A clause whose twin or shape is missing cannot even be read: the catalogue raises Permanent for it, and `check_all`
    reports that.
    """
    faults = [*version_faults(instrument), *_schema_faults(instrument.schema)]
    if instrument.clauses is not None:
        faults += [*_clause_faults(instrument, instrument.clauses), *accessibility.clause_faults(instrument.clauses)]
    faults += _sample_faults(instrument)
    if not faults:
        faults += _page_faults(instrument)
    if instrument.body is not None and not faults:
        faults += word_faults(instrument, instrument.body, sample_authority(instrument.sample()["authority"]))
    return faults


def check_all() -> dict[str, list[Fault]]:
    """The faults of every instrument that can be printed, by identifier; none when all is well."""
    found: dict[str, list[Fault]] = {}
    for identifier in catalogue().ids():
        try:
            found[identifier] = check(catalogue().get(identifier))
        except Permanent as error:
            found[identifier] = [Fault("", "unreadable", str(error), "模板无法读取")]
    return found


def _schema_faults(schema: Mapping[str, Any]) -> Iterator[Fault]:
    """Objects must be closed, strings bounded, and every fact described in both languages."""
    for name in _OWN_NAMES:
        if name in schema.get("properties", {}):
            yield Fault("/facts.json", "reserved_name", f"{name} is not a fact's name", f"{name} 为保留名称")
    for pointer, node in every_node(schema):
        place = f"/facts.json{pointer}"
        whole = resolved(node, schema)
        if "properties" in node and node.get("additionalProperties") is not False:
            yield Fault(place, "open_object", "an object must refuse other members", "对象不得允许其他成员")
        if "string" in str(whole.get("type", "")) and "maxLength" not in whole:
            yield Fault(place, "unbounded_text", "a text needs a maxLength", "文本须限定长度")
        if not (pointer.endswith("/items") or (whole.get("description") and whole.get("x-zh"))):
            yield Fault(place, "undescribed", "needs a description and an x-zh", "须有中英文说明")


def _clause_faults(instrument: Instrument, clauses: Clauses) -> Iterator[Fault]:
    schema = scope_schema(instrument.schema)
    used: set[str] = set()
    for block in clauses.blocks:
        place = f"/clauses.yaml/{block.id or block.kind}"
        loops = block.loops()
        for twin in block.twins():
            yield from (fault.under(place) for fault in _twin_faults(twin))
            for placeholder in twin.zh.placeholders:
                used.add(unlooped(placeholder.path, loops))
                yield from (fault.under(place) for fault in _fact_faults(placeholder, schema, loops, clauses))
        for path in loops.values():
            if find(schema, path) is None:
                yield _unknown(path).under(place)
        yield from (fault.under(place) for fault in _condition_faults(block, schema, used))
    for path in required_paths(instrument.schema):
        if not any(path == each or path.startswith(f"{each}.") for each in used | {clauses.dated}):
            yield Fault(
                "/facts.json", "unused_fact", f"{path} is required, but no clause prints it", f"{path} 未被使用"
            )
    yield from _frame_faults(instrument, clauses)


def _twin_faults(twin: Twin) -> Iterator[Fault]:
    if twin.zh.placeholders != twin.en.placeholders:
        differ = set(twin.zh.placeholders) ^ set(twin.en.placeholders)
        names = ", ".join(sorted({each.path for each in differ})) or twin.zh.placeholders[0].path
        yield Fault(
            "",
            "placeholders_differ",
            f"{names} stands in one language only, or is formatted in two ways: {twin.en.source!r}",
            f"占位符 {names} 在两种语言中不一致：{twin.zh.source}",
        )
    for text in (twin.zh, twin.en):
        yield from _glyph_faults(text.source)


def _fact_faults(
    placeholder: Placeholder, schema: Mapping[str, Any], loops: Mapping[str, str], clauses: Clauses
) -> Iterator[Fault]:
    if placeholder.path == "row.number":
        return
    fact = find(schema, placeholder.path, loops)
    if fact is None:
        yield _unknown(placeholder.path)
        return
    for given in placeholder.given:
        words = clauses.words.get(given.removeprefix("words."), {})
        missing = [str(code) for code in choices(fact, schema) if code not in words]
        if missing or not words:
            yield Fault(
                "",
                "word_missing",
                f"{given} has no word for {', '.join(missing) or placeholder.path}",
                "缺少代码的用语",
            )


def _condition_faults(block: Block, schema: Mapping[str, Any], used: set[str]) -> Iterator[Fault]:
    loops = block.loops()
    for condition in block.conditions():
        for test in (test for tests in condition.alternatives for test in tests):
            used.add(unlooped(test.path, loops))
            fact = find(schema, test.path, loops)
            if fact is None:
                yield _unknown(test.path)
                continue
            allowed = choices(fact, schema)
            strange = [str(value) for value in test.wanted if allowed and value not in allowed]
            if strange:
                yield Fault("", "unknown_value", f"{test.path} is never {', '.join(strange)}", f"{test.path} 无此取值")


def _glyph_faults(text: str) -> Iterator[Fault]:
    missing = sorted(fonts.missing_glyphs(text))
    if missing:
        named = ", ".join(f"{character!r} (U+{ord(character):04X})" for character in missing)
        yield Fault("", "glyph", f"no pinned font can draw {named}", f"字库中没有以下字符：{named}")


def _unknown(path: str) -> Fault:
    return Fault("", "unknown_fact", f"there is no fact {path}", f"没有名为 {path} 的事实")


def _frame_faults(instrument: Instrument, clauses: Clauses) -> Iterator[Fault]:
    kinds = [block.kind for block in clauses.blocks]
    if kinds[:2] != ["letterhead", "title"]:
        yield Fault("/clauses.yaml", "no_head", "begins with a letterhead and a title", "须以版头和标题开始")
    if "foot" in kinds[:2] + kinds[3:]:
        yield Fault(
            "/clauses.yaml", "foot_place", "a foot stands once, under the title", "页脚签名栏紧接标题且仅有一处"
        )
    if instrument.print.sealed and kinds.count("closing") != 1:
        yield Fault(
            "/clauses.yaml", "no_closing", "a sealed instrument has one closing", "加盖印章的文书须有署名", "004-77"
        )
    for before, kind in itertools.pairwise(kinds):
        if kind == "closing" and before not in ("clause", "addressee"):
            yield Fault(
                "/clauses.yaml",
                "closing_alone",
                "the closing stands under a clause, so that it never stands alone on a page",
                "署名前须有正文，不得单独成页",
                "GB/T 9704-2012 7.3.5",
            )
    prevails = any(block.id == "prevailing" for block in clauses.blocks)
    if instrument.print.prevailing == "zh" and instrument.print.delivered and not prevails:
        yield Fault("/clauses.yaml", "no_prevailing", "must say that the Chinese text prevails", "须载明以中文文本为准")
    manifest = instrument.manifest
    for text in (manifest.title_zh, manifest.title_en):
        yield from (fault.under("/instrument.toml") for fault in _glyph_faults(text))
    for group, words in clauses.words.items():
        for code, texts in words.items():
            for language in LANGUAGES:
                place = f"/clauses.yaml/words/{group}/{code}/{language}"
                yield from (fault.under(place) for fault in _glyph_faults(texts[language]))


def _sample_faults(instrument: Instrument) -> Iterator[Fault]:
    try:
        authority = sample_authority(instrument.sample()["authority"])
        facts = instrument.sample_facts()
    except (Permanent, KeyError) as error:
        yield Fault("/sample", "no_sample", str(error), "缺少样例")
        return
    yield from (fault.under("/authority") for fault in check_authority(authority))
    yield from (fault.under("/sample") for fault in check_job_document(instrument, facts, authority))
    for path in optional_paths(instrument.schema, facts):
        less = without(facts, path)
        if not check_facts(instrument.schema, less):
            for fault in check_job_document(instrument, less, authority):
                yield Fault(
                    "/sample/" + path.replace(".", "/"),
                    "unguarded_fact",
                    f"{path} is optional, but a clause prints it without asking `when` it is given: {fault.message_en}",
                    f"{path} 为选填项，条款未设条件即引用",
                )


def _page_faults(instrument: Instrument) -> Iterator[Fault]:
    """What is wrong with the printed sample: a sealed one has room for the seal, and everybody can read it."""
    facts, authority = instrument.sample_facts(), sample_authority(instrument.sample()["authority"])
    imprint = Imprint(authority, None, None, test=False, specimen=True)
    try:
        printed = print_document(instrument, facts, imprint)
    except (Refused, Permanent) as error:
        yield Fault("/sample", "not_printable", f"the sample cannot be printed: {error}", "样例无法印制")
        return
    if instrument.print.sealed and printed.anchor is None:
        yield Fault("/sample", "no_seal_place", "the page has no place for the seal", "页面没有用印位置", "004-77")
    blocks = composed(instrument, facts, imprint) if instrument.clauses is not None else []
    found = [*accessibility.block_faults(blocks), *accessibility.file_faults(printed.pdf)]
    yield from (fault.under("/sample") for fault in found)


def sample_authority(identifier: str) -> dict[str, Any]:
    """The record of an authority that the samples are made by. Raises Permanent when there is none."""
    try:
        path = SAMPLES / "authorities" / f"{identifier}.json"
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise Permanent(f"there is no sample authority {identifier}: {error}") from error
