"""`templates check`: clean for what we ship, and every kind of slip is found and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import yaml

from records.errors import Permanent, Refused
from templates.catalogue import Catalogue, Instrument, catalogue, check_authority, check_job_document, load_schema
from templates.check import check, check_all, sample_authority
from templates.clauses import PARTS, read_clauses
from templates.manifests import INSTRUMENTS, manifest
from tests.printed import CLAUSE_INSTRUMENTS, facts_of

DECISION = "penalty-decision"


def test_every_instrument_that_we_ship_is_clean() -> None:
    found = check_all()
    assert set(CLAUSE_INSTRUMENTS) <= set(found)
    assert {name: faults for name, faults in found.items() if faults} == {}


def mutated(
    change_clauses: Callable[[list[Any]], None] = lambda _: None,
    change_schema: Callable[[dict[str, Any]], None] = lambda _: None,
) -> Instrument:
    original = catalogue().get(DECISION)
    document = yaml.safe_load((original.folder / "clauses.yaml").read_text(encoding="utf-8"))
    change_clauses(document["blocks"])
    schema = load_schema(original.folder / "facts.json")
    change_schema(schema)
    return replace(original, schema=schema, clauses=read_clauses(document, "mutated"))


def found(instrument: Instrument) -> set[tuple[str, str]]:
    return {(fault.pointer, fault.code) for fault in check(instrument)}


def block(blocks: list[Any], identifier: str) -> dict[str, Any]:
    return next(each for each in blocks if each.get("id") == identifier)


def used(blocks: list[Any], part: str) -> dict[str, Any]:
    return next(each for each in blocks if each.get("use") == part)


def set_text(identifier: str, language: str, text: str) -> Callable[[list[Any]], None]:
    return lambda blocks: block(blocks, identifier).update({language: text})


CLAUSE_MUTATIONS = [
    (set_text("findings", "en", "Established."), ("/clauses.yaml/findings", "placeholders_differ")),
    (set_text("opened", "en", "{{ opened_on }} {{ cause }}"), ("/clauses.yaml/opened", "placeholders_differ")),
    (set_text("no-payment", "zh", "警告\ue000。"), ("/clauses.yaml/no-payment", "glyph")),
    (
        lambda blocks: block(blocks, "findings").update(zh="{{ finding }}", en="{{ finding }}"),
        ("/clauses.yaml/findings", "unknown_fact"),
    ),
    (
        lambda blocks: used(blocks, "payment").update(when={"penalties.kind": "fines"}),
        ("/clauses.yaml/payment", "unknown_value"),
    ),
    (
        lambda blocks: used(blocks, "payment").update(when={"fines": {"present": True}}),
        ("/clauses.yaml/payment", "unknown_fact"),
    ),
    (lambda blocks: blocks.remove(block(blocks, "findings")), ("/facts.json", "unused_fact")),
    (lambda blocks: blocks.remove({"use": "evidence"}), ("/facts.json", "unused_fact")),
    (lambda blocks: blocks.pop(0), ("/clauses.yaml", "no_head")),
    (lambda blocks: blocks.remove({"use": "prevailing"}), ("/clauses.yaml", "no_prevailing")),
    (
        lambda blocks: blocks.insert(-2, {"kind": "heading", "zh": "七、附则", "en": "VII. Final"}),
        ("/clauses.yaml", "closing_alone"),
    ),
    (lambda blocks: blocks.pop(-2), ("/clauses.yaml", "no_closing")),
    (
        lambda blocks: block(blocks, "decision").update(
            zh="{{ party.kind | word(words.identity) }}", en="{{ party.kind | word(words.identity) }}"
        ),
        ("/clauses.yaml/decision", "word_missing"),
    ),
    (
        lambda blocks: block(blocks, "no-payment").update(zh="{{ authority.appeal }}", en="{{ authority.appeal }}"),
        ("/clauses.yaml/no-payment", "unknown_fact"),
    ),
]


@pytest.mark.parametrize(("change", "expected"), CLAUSE_MUTATIONS)
def test_a_slip_in_the_clauses_is_found(change: Callable[[list[Any]], None], expected: tuple[str, str]) -> None:
    assert expected in found(mutated(change))


def test_a_clause_without_its_twin_is_reported_and_not_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(Permanent, match="both languages"):
        mutated(lambda blocks: block(blocks, "findings").pop("en"))

    def broken(_self: object, identifier: str) -> Instrument:
        raise Permanent(f"{identifier}/clauses.yaml: block 6 (findings): needs its text in both languages, zh and en")

    monkeypatch.setattr("templates.catalogue.Catalogue.get", broken)
    assert [fault.code for fault in check_all()[DECISION]] == ["unreadable"]


SCHEMA_MUTATIONS = [
    (lambda schema: schema["properties"]["procedure"].pop("additionalProperties"), "open_object"),
    (lambda schema: schema["$defs"]["phrase"]["properties"]["zh"].pop("maxLength"), "unbounded_text"),
    (lambda schema: schema["properties"]["procedure"].pop("x-zh"), "undescribed"),
    (lambda schema: schema["properties"].update(authority={"$ref": "#/$defs/phrase"}), "reserved_name"),
    (lambda schema: schema["required"].append("performance"), "missing_fact"),
]


@pytest.mark.parametrize(("change", "code"), SCHEMA_MUTATIONS)
def test_a_slip_in_the_schema_is_found(change: Callable[[dict[str, Any]], None], code: str) -> None:
    assert code in {fault_code for _, fault_code in found(mutated(change_schema=change))}


def test_a_template_that_leaves_a_fact_undefined_is_found_by_its_sample() -> None:
    """An optional fact that is printed without asking whether it was given."""
    instrument = mutated(lambda blocks: block(blocks, "performance").pop("when"))
    assert ("/sample/performance", "undefined_placeholder") in found(instrument)


def test_an_optional_fact_that_the_sample_has_is_tried_without_it() -> None:
    instrument = mutated(lambda blocks: used(blocks, "correction").pop("when"))
    assert ("/sample/correction", "unguarded_fact") in found(instrument)


def test_an_unknown_instrument_and_one_without_a_template_are_refused_with_a_pointer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unprinted = replace(manifest(DECISION), print=None)
    monkeypatch.setattr("templates.catalogue.manifest", lambda name: unprinted if name == "other" else manifest(name))
    for identifier, code in (
        ("penalty-decison", "unknown_instrument"),
        ("../x", "unknown_instrument"),
        ("other", "not_printed_here"),
    ):
        with pytest.raises(Refused) as refused:
            Catalogue().get(identifier)
        assert [(fault.pointer, fault.code) for fault in refused.value.faults] == [("/instrument", code)]


def test_every_fault_of_the_facts_is_named_with_its_pointer() -> None:
    facts = facts_of(DECISION)
    facts["party"]["credit_code"] = "91110113MA0BF8AX2X"
    facts["decided_on"] = "2026-02-30"
    facts["fine"] = "1"
    del facts["reasons"]["en"]
    facts["findings"] = {"zh": "2026年9月2日检查。", "en": "Inspected on 3 September 2026."}
    facts["violated"][0]["law"] = "law-of-nowhere"
    pointers = {
        fault.pointer
        for fault in check_job_document(catalogue().get(DECISION), facts, sample_authority("caac-north-china"))
    }
    assert {"/party/credit_code", "/decided_on", "/fine", "/findings", "/violated/0"} <= pointers
    assert {"/reasons", "/reasons/en"} & pointers


def test_the_sample_authority_is_in_order_and_a_wrong_one_is_not() -> None:
    record = sample_authority("caac-north-china")
    assert check_authority(record) == []
    record["bank"]["account"] = "abc"
    record["reconsideration"]["channel"] = "javascript:alert(1)"
    assert {fault.pointer for fault in check_authority(record)} == {"/bank/account", "/reconsideration/channel"}


def test_the_digest_of_an_instrument_changes_with_what_prints_it(monkeypatch: pytest.MonkeyPatch) -> None:
    instrument = catalogue().get(DECISION)
    assert instrument.digest == replace(instrument).digest
    assert instrument.digest != catalogue().get("hearing-notice").digest
    for changed in ({"fonts": "others"}, {"page": "#let x = 1"}, {"laws": {}}, {"version": "2"}):
        assert replace(instrument, stock=replace(instrument.stock, **changed)).digest != instrument.digest


def test_shared_blocks_stand_in_several_instruments() -> None:
    parts = yaml.safe_load(PARTS.read_text(encoding="utf-8"))["parts"]
    documents = [yaml.safe_load(path.read_text(encoding="utf-8")) for path in INSTRUMENTS.glob("*/clauses.yaml")]
    written = [*(document["blocks"] for document in documents), *parts.values()]
    uses = Counter(entry["use"] for blocks in written for entry in blocks if "use" in entry)
    assert set(uses) == set(parts)
    assert min(uses[part] for part in ("party", "evidence", "officers", "contact", "prevailing")) > 1
