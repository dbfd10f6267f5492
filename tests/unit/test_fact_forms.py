"""The form made from a schema holds every fact of every instrument, and gives back what was typed."""

from __future__ import annotations

import pytest

from delivery.fact_forms import Part, facts, form, typed_of
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
