"""Jobs that end, change, mend or declare void a document: refused with every fault, accepted once, told on both."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipeline.api.app import make_api
from records import deliveries, documents, series
from records.database import Database, database_time
from tests.house import AUTHORITY, House, furnish, sample

SERVED = "2026-11-23"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    with TestClient(make_api(house.songda), headers=house.headers) as client:
        yield client


def _submit(web: TestClient, job: dict[str, Any], key: str) -> tuple[int, Any]:
    answer = web.post("/jobs", json=job, headers={"Idempotency-Key": key})
    return answer.status_code, answer.json()


def _number(house: House, document: str) -> series.Number:
    with house.songda.database.write() as connection:
        kind = documents.get(connection, document)["series_kind"]
        bound = series.bind_next(connection, AUTHORITY, kind, 2026, document)
        documents.move(connection, document, "numbered", number_zh=bound.text_zh, number_en=bound.text_en)
    return bound


@pytest.fixture
def decision(house: House, web: TestClient) -> tuple[str, series.Number]:
    """A released decision that was served on SERVED, and its number."""
    code, accepted = _submit(web, sample("penalty-decision"), "decision")
    assert code == 202, accepted
    document = str(accepted["documents"][0]["id"])
    bound = _number(house, document)
    with house.songda.database.write() as connection:
        for status in ("rendered", "sealed"):
            documents.move(connection, document, status)
        documents.move(connection, document, "released", released_at=database_time(connection))
        for row in deliveries.of_document(connection, document):
            deliveries.update(connection, row["id"], service_status="final", service_date=SERVED, service_basis="paper")
    return document, bound


def _acting(name: str, bound: series.Number, **more: Any) -> dict[str, Any]:
    """The sample job of an instrument that acts, about this decision."""
    job = copy.deepcopy(sample(name))
    asked = job["documents"][0]
    facts = asked["facts"]
    if "document" in facts:
        facts["document"]["number"] = {"zh": bound.text_zh, "en": bound.text_en}
        facts["document"]["served_on"] = SERVED
        asked["recipients"] = [{"counterparty": "air-example"}]
    else:
        facts["numbers"] = [bound.text_zh]
    asked |= more
    return job


def _codes(answer: Any) -> set[tuple[str, str]]:
    return {(fault["pointer"].removeprefix("/documents/0"), fault["code"]) for fault in answer["faults"]}


@pytest.mark.parametrize(("name", "effect"), [("revocation-decision", "ends"), ("rectification-of-text", "mends")])
def test_a_released_decision_is_revoked_or_mended_by_a_linked_document(
    web: TestClient, decision: tuple[str, series.Number], name: str, effect: str
) -> None:
    document, bound = decision
    code, accepted = _submit(web, _acting(name, bound, **{effect: document}), "a")
    assert code == 202, accepted
    acting = accepted["documents"][0]["id"]
    told = web.get(f"/documents/{document}").json()
    passive = {"ends": "ended_by", "mends": "mended_by"}[effect]
    assert (told["status"], told["links"][0]["relation"], told["links"][0]["document"]) == ("released", passive, acting)
    assert web.get(f"/documents/{acting}").json()["links"][0]["relation"] == effect


def test_a_revocation_without_its_link_or_with_a_wrong_one_is_refused_and_nothing_is_stored(
    house: House, web: TestClient, decision: tuple[str, series.Number]
) -> None:
    document, bound = decision
    before = {name: count for name, count in house.counts().items() if name in ("job", "document", "link")}
    name = "revocation-decision"
    bad: list[tuple[dict[str, Any], set[tuple[str, str]]]] = [
        (_acting(name, bound), {("/facts/document/number/zh", "link_missing")}),
        (_acting(name, bound, mends=document), {("/mends", "cannot_act")}),
        (_acting(name, bound, changes=document), {("/facts/effect", "effect_differs")}),
        (
            _acting(name, series.Number("别〔2026〕1号", "Other [2026] No. 1"), ends=document),
            {("/ends", "number_differs")},
        ),
        (_acting(name, bound, ends="doc_" + "0" * 25), {("/ends", "unknown_document")}),
        (_acting("void-declaration", bound, declares=[document]), {("/declares/0", "wrong_state")}),
    ]
    dated = _acting(name, bound, ends=document)
    dated["documents"][0]["facts"]["document"]["served_on"] = "2026-11-20"
    bad.append((dated, {("/facts/document/served_on", "served_on_differs")}))
    shape = _acting(name, bound, ends=[document])
    bad.append((shape, {("/ends", "schema_type")}))
    for n, (job, wanted) in enumerate(bad):
        code, answer = _submit(web, job, f"bad-{n}")
        assert (code, _codes(answer)) == (422, wanted), answer
    assert {name: count for name, count in house.counts().items() if name in before} == before


def test_of_two_revocations_submitted_at_once_exactly_one_is_accepted(
    house: House, web: TestClient, decision: tuple[str, series.Number]
) -> None:
    document, bound = decision
    job = _acting("revocation-decision", bound, ends=document)
    answers: list[tuple[int, Any]] = []
    barrier = threading.Barrier(2)

    def ask(key: str) -> None:
        barrier.wait()
        answers.append(_submit(web, job, key))

    threads = [threading.Thread(target=ask, args=(key,)) for key in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers.sort(key=lambda answer: answer[0])
    assert [code for code, _ in answers] == [202, 422], answers
    assert _codes(answers[1][1]) == {("/ends", "already_linked")}
    accepted = answers[0][1]["documents"][0]["id"]
    assert web.post(f"/documents/{accepted}/cancel", json={"reason": "the first stands after all"}).status_code == 200
    assert web.get(f"/documents/{document}").json()["links"] == []
    code, again = _submit(web, job, "three")
    assert code == 202, again


def test_a_job_that_ends_one_document_twice_is_refused(
    house: House, web: TestClient, decision: tuple[str, series.Number]
) -> None:
    document, bound = decision
    job = _acting("revocation-decision", bound, ends=document)
    job["documents"].append(copy.deepcopy(job["documents"][0]))
    code, answer = _submit(web, job, "twice")
    assert code == 422
    assert [(fault["pointer"], fault["code"]) for fault in answer["faults"]] == [
        ("/documents/1/ends", "already_linked")
    ]


def test_004_97_a_void_number_is_declared_void_by_a_linked_document_and_only_once(
    house: House, web: TestClient
) -> None:
    _, accepted = _submit(web, sample("penalty-decision"), "decision")
    document = accepted["documents"][0]["id"]
    bound = _number(house, document)
    early = _acting("void-declaration", bound, declares=[document])
    assert _codes(_submit(web, early, "early")[1]) == {("/declares/0", "wrong_state")}
    assert web.post(f"/documents/{document}/void", json={"reason": "印制错误"}).status_code == 200
    assert _codes(_submit(web, _acting("void-declaration", bound), "unlinked")[1]) == {
        ("/facts/numbers/0", "link_missing")
    }
    code, answer = _submit(web, early, "declared")
    assert code == 202, answer
    told = web.get(f"/documents/{document}").json()
    assert (told["status"], told["links"][0]["relation"]) == ("void", "declared_by")
    assert told["links"][0]["document"] == answer["documents"][0]["id"]
    assert _codes(_submit(web, early, "again")[1]) == {("/declares/0", "already_linked")}
