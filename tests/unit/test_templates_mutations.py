"""Every instrument, with bad facts: a named fault where the fact stands, or a page on which nothing is missing.

Intake does not print what it accepts (decision 0013); that everything it accepts can be printed is held here.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from records.errors import Fault
from templates.catalogue import Instrument, catalogue, check_job_document
from templates.check import sample_authority
from templates.facts import pointer_to
from templates.printing import composed, print_document, reading_page, try_filling
from tests.mutations import Mutation, Place, at, lengthened, limit, mutations, places
from tests.printed import imprint, stray_words, tagged_words

AUTHORITY = sample_authority("caac-north-china")
IDS = catalogue().ids()
SET_BY_TYPST = tuple(each for each in IDS if "typst" in catalogue().get(each).engines)
NAME = 1000  # characters of what is a name or a short text, and not a narrative
FILLERS = ({"zh": "，", "en": "W"}, {"zh": "甲\n", "en": "W\n"})

#: The same examples each time: the suite says the same of the same code.
steady = settings(
    max_examples=20, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.parametrize("identifier", IDS)
def test_bad_facts_have_a_named_fault_at_their_place_or_a_page_that_lacks_nothing(identifier: str) -> None:
    instrument = catalogue().get(identifier)
    sample = instrument.sample_facts()

    @steady
    @given(mutations(sample, instrument.schema))
    def holds(drawn: tuple[Any, list[Mutation]]) -> None:
        facts, done = drawn
        before = copy.deepcopy(facts)
        faults = check_job_document(instrument, facts, AUTHORITY)
        assert repr(facts) == repr(before)  # nothing is mended on the way; NaN is not itself
        for fault in faults:
            assert explained(fault, done), (fault, done)
        if not faults:
            assert_printed(instrument, facts, done)

    holds()


@pytest.mark.parametrize("identifier", SET_BY_TYPST)
def test_the_longest_names_that_are_accepted_stay_on_the_page(identifier: str) -> None:
    """Marks that may not begin a line, a word without a place to break, and as many lines as there are characters."""
    instrument = catalogue().get(identifier)
    facts = instrument.sample_facts()
    long = copy.deepcopy(facts)
    for number, (place, text) in enumerate(places(facts)):
        fillers = FILLERS[number // 3 % 2]  # both halves of a pair, with the pair, count as three
        most = limit(instrument.schema, place)
        if isinstance(text, str) and place[-1] in fillers and most <= NAME and not re.search("[0-9]", text):
            at(long, place[:-1])[place[-1]] = lengthened(text, fillers[str(place[-1])], most)
    for fault in check_job_document(instrument, long, AUTHORITY):  # what has to be read as a number stays as it was
        place = next(place for place, _ in places(facts) if pointer_to(*place) == fault.pointer)
        at(long, place[:-1])[place[-1]] = at(facts, place)
    assert check_job_document(instrument, long, AUTHORITY) == []
    assert long != facts
    assert_printed(instrument, long, [])


def explained(fault: Fault, done: list[Mutation]) -> bool:
    """Named in both languages, without what cannot be shown, at, above or below a place that was changed.

    A fact that another one asks for or rules out stands elsewhere: there the schema's `then` or `else` says so.
    """
    assert fault.code
    assert fault.message_en
    assert re.search("[\u4e00-\u9fff]", fault.message_zh)
    json.dumps(fault.as_dict(), ensure_ascii=False).encode()
    if re.search(r"/(then|else)\b", fault.rule):
        return True
    return any(related(fault.pointer, pointer_to(*each.place)) for each in done)


def related(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")


def assert_printed(instrument: Instrument, facts: dict[str, Any], done: list[Mutation]) -> None:
    """The print holds every word that was composed, and these every text that took the place of another."""
    around = imprint(instrument)
    for engine in instrument.engines:
        try_filling(instrument, facts, around, engine)
    if instrument.clauses is None:
        return
    lines = [squeezed(text) for text in texts_of(composed(instrument, facts, around))]
    if all(each.text is not None for each in done):  # nothing was taken away that another text stands or falls with
        for part in [part for each in done if shown(instrument, each.place) for part in str(each.text).split("\n")]:
            assert any(squeezed(part) in line for line in lines), part
    printed = print_document(instrument, facts, around)
    words = squeezed(tagged_words(printed.pdf))
    assert [line for line in lines if line not in words] == []
    assert stray_words(printed.pdf) == []
    assert "<script" not in reading_page(instrument, facts, around)


def shown(instrument: Instrument, place: Place) -> bool:
    """Whether the sample prints the text at this place as it stands."""
    facts = instrument.sample_facts()
    text = squeezed(at(facts, place))
    lines = texts_of(composed(instrument, facts, imprint(instrument)))
    return len(text) > 1 and any(text in squeezed(line) for line in lines)


def texts_of(value: Any) -> list[str]:
    """The texts of composed blocks but those of the foot, which is no part of the tagged text."""
    if isinstance(value, tuple):
        return [value[1]]
    if isinstance(value, dict):
        if value.get("kind") == "foot":
            return []
        return [text for name, each in value.items() if name not in ("kind", "caption") for text in texts_of(each)]
    return [text for each in value for text in texts_of(each)] if isinstance(value, list) else []


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u00ad\u200b]+", "", text)
