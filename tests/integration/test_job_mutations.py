"""Everything of a job but its facts, changed: a fault that names its place, or documents that can be printed."""

from __future__ import annotations

import copy
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from pipeline import intake
from pipeline.callers import Caller
from records.database import Database
from records.errors import Fault, Refused
from templates.facts import pointer_to
from templates.printing import print_document
from tests.house import AUTHORITY, House, furnish, sample
from tests.mutations import Mutation, mutations
from tests.printed import imprint, stray_words, tagged_words

FACTS = sample("penalty-decision")["documents"][0]["facts"]
ADDRESS = {
    "name": {"zh": "上海示例航空公司", "en": "Shanghai Example Airlines"},
    "place": {"zh": "上海市长宁区示例路1号", "en": "1 Shili Road, Changning District, Shanghai"},
}


def job() -> dict[str, Any]:
    """A job that gives all that a job can give of a decision, but its facts."""
    job = sample("penalty-decision")
    del job["documents"][0]["facts"]
    job["documents"][0] |= {
        "number": "民航华北罚决〔2025〕7号",
        "paper": True,
        "engine": "typst",
        "recipients": [{"counterparty": "air-example"}, {"address": ADDRESS}],
        "copies_to": [{"zh": "中国民用航空局", "en": "Civil Aviation Administration of China"}, dict(ADDRESS["name"])],
    }
    return job


def with_facts(job: Any) -> Any:
    """The job with the facts in each of its documents."""
    listed = job.get("documents")
    for each in listed if isinstance(listed, list) else []:
        if isinstance(each, dict):
            each["facts"] = copy.deepcopy(FACTS)
    return job


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


def test_a_mutated_job_is_refused_with_its_place_or_can_be_printed(house: House) -> None:
    by = Caller("0" * 12, house.client_id, AUTHORITY, frozenset({"jobs:write"}))
    intake.check(house.songda, by, with_facts(job()))

    @settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(mutations(job(), intake.job_schema(), most=2))
    def holds(drawn: tuple[Any, list[Mutation]]) -> None:
        body, done = with_facts(drawn[0]), drawn[1]
        try:
            checked = intake.check(house.songda, by, body)
        except Refused as refused:
            assert_told(refused.faults, done)
            return
        for document in checked.documents:
            copies = [(copy["zh"], copy["en"]) for copy in document.asked.get("copies_to", [])]
            number = document.asked.get("number")
            around = imprint(document.instrument, copies_to=copies, **({"number_zh": number} if number else {}))
            printed = print_document(document.instrument, document.asked["facts"], around)
            words = tagged_words(printed.pdf)
            assert all(re.sub(r"\s+", "", name) in words for names in copies for name in names)
            assert stray_words(printed.pdf) == []

    before = house.counts()
    holds()
    assert house.counts() == before


def assert_told(faults: Any, done: list[Mutation]) -> None:
    """Faults in both languages; at least one stands where something was changed."""
    told: list[Fault] = list(faults)
    assert told
    for fault in told:
        assert fault.code
        assert fault.message_en
        assert re.search("[\u4e00-\u9fff]", fault.message_zh)
        json.dumps(fault.as_dict(), ensure_ascii=False).encode()
    assert any(_related(fault.pointer, pointer_to(*each.place)) for fault in told for each in done), (told, done)


def _related(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/")
