"""The form made from a schema holds every fact of every instrument, and gives back what was typed."""

from __future__ import annotations

import pytest

from delivery.fact_forms import Part, facts, form, read_moment, typed_of, where
from delivery.fact_words import FactWords
from pipeline.issuing import beside
from records.errors import Fault
from templates.catalogue import catalogue


def leaves(parts: tuple[Part, ...]) -> list[Part]:
    return [leaf for part in parts for leaf in (leaves(part.parts) if part.kind in ("group", "list") else [part])]


@pytest.mark.parametrize("instrument", catalogue().ids())
def test_the_sample_of_every_instrument_goes_through_its_form_unchanged(instrument: str) -> None:
    made = catalogue().get(instrument)
    typed = typed_of(made.sample_facts())
    assert typed_of(facts(made.schema, typed)) == typed  # an article "91" is 91: the same words on the page
    shown = {f"f{leaf.pointer}": leaf.value for leaf in leaves(form(made.schema, typed)) if leaf.value}
    assert shown == {name: value for name, value in typed.items() if name.startswith("f")}


@pytest.mark.parametrize("instrument", catalogue().ids())
def test_every_field_has_words_in_both_languages(instrument: str) -> None:
    def check(parts: tuple[Part, ...]) -> None:
        for part in parts:
            if not part.pointer.rsplit("/", 1)[-1].isdigit():
                assert all(part.label), part.pointer
            check(part.parts)

    check(form(catalogue().get(instrument).schema, {}))


def test_a_name_is_called_a_name_and_an_address_an_address() -> None:
    (party,) = [part for part in form(catalogue().get("penalty-prior-notice").schema, {}) if part.pointer == "/party"]
    called = {part.pointer: part.label for part in party.parts}
    assert called["/party/name"] == ("姓名或者名称", "Name") and called["/party/address"] == ("地址", "Address")


def test_what_stays_empty_is_left_out_and_a_fault_stands_at_its_field() -> None:
    schema = catalogue().get("penalty-prior-notice").schema
    assert facts(schema, {}) == {}
    typed = {"f/noticed_on": "20261118", "n/evidence": "3", "f/evidence/1/name/zh": "照片", "f/evidence/1/pages": "x"}
    assert facts(schema, typed) == {"noticed_on": "2026-11-18", "evidence": [{"name": {"zh": "照片"}, "pages": "x"}]}
    shown = form(schema, typed, [Fault("/evidence/1/pages", "type", "a number", "须为数字")])
    (at,) = [leaf for leaf in leaves(shown) if leaf.pointer == "/evidence/1/pages"]
    assert at.faults == (("须为数字", "a number"),) and at.value == "x"
    evidence = next(part for part in shown if part.pointer == "/evidence")
    assert (evidence.count, evidence.filled) == (3, True)


@pytest.mark.parametrize("count", ["0", "-1", "x", "９", "999", "1000000"])
def test_nobody_makes_a_form_without_bounds(count: str) -> None:
    schema = catalogue().get("penalty-prior-notice").schema
    (evidence,) = [part for part in form(schema, {"n/evidence": count}) if part.pointer == "/evidence"]
    assert 1 <= evidence.count <= 60


def choices(instrument: str) -> list[tuple[str, str, tuple[str, str]]]:
    """Every code of an instrument's facts, with the last name of its field and its words."""
    made = catalogue().get(instrument)
    parts = form(made.schema, {}, words=FactWords(made.clauses, made.stock.laws))
    return [(leaf.pointer, code, words) for leaf in leaves(parts) for code, words in leaf.choices]


@pytest.mark.parametrize("instrument", catalogue().ids())
def test_every_code_is_called_by_words_in_both_languages(instrument: str) -> None:
    wordless = [(at, code) for at, code, (zh, en) in choices(instrument) if zh.isascii() or not en]
    assert wordless == []


def test_a_code_is_called_as_the_instrument_prints_it_and_a_law_by_its_name() -> None:
    known = {(at, code): words for at, code, words in choices("penalty-decision")}
    assert known["/party/kind", "foreign_entity"] == ("境外主体", "Foreign entity")
    assert known["/penalties/0/kind", "fine"] == ("罚款", "Fine")
    assert known["/violated/0/law", "administrative-penalty-law"][0] == "中华人民共和国行政处罚法"


@pytest.mark.parametrize(
    "written",
    ["2026-11-22 09:30", "20261122 0930", "2026年11月22日9时30分", "2026-11-22T09:30", "２０２６.１１.２２　９:３０"],
)
def test_a_moment_is_written_as_people_do_and_is_beijing_time(written: str) -> None:
    assert read_moment(written) == "2026-11-22T09:30:00+08:00"


@pytest.mark.parametrize("written", ["", "tomorrow", "2026-11-22", "0930", "2026-11-22T09:30:00Z", "2026-11-22 9"])
def test_what_is_no_moment_or_has_an_offset_stays_as_it_is(written: str) -> None:
    assert read_moment(written) == written


def test_a_fault_is_called_by_the_fields_around_it() -> None:
    parts = form(catalogue().get("penalty-prior-notice").schema, {"n/evidence": "2"})
    told = [part.label for part in where(parts, "/evidence/1/name/zh")]
    assert told[1] == ("一件证据（第2项）", "One exhibit (2)") and told[-1] == ("中文", "In Chinese")
    assert where(parts, "/evidence/1/pages/deeper")[-1].pointer == "/evidence/1/pages" and where(parts, "/none") == ()


def test_what_stands_beside_the_facts_hides_no_fact() -> None:
    assert all("beside" not in catalogue().get(name).schema["properties"] for name in catalogue().ids())
    shown = leaves(form(beside(), {}, place="/beside"))
    assert all(leaf.label[0] and not leaf.label[0].isascii() for leaf in shown)
    typed = {"f/beside/circumstances/violation_ended_on": "20261101", "f/beside/circumstances/serious_harm": "false"}
    told = {"violation_ended_on": "2026-11-01", "serious_harm": False}
    assert facts(beside(), typed, "/beside") == {"circumstances": told}
