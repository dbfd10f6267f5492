"""Deadlines over HTTP: the pure question, what is kept of a document, and the calendar of a case."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery.desk import record_paper_receipt
from pipeline.web import make_web
from records import api_keys, deliveries, documents
from records.database import Database, legal_time
from records.tables import document as document_table
from tests.calendar_reader import read_calendar
from tests.house import AUTHORITY, House, another_key, furnish, sample
from tests.integration.test_desk import SCAN

ONE = {"instrument": "penalty-decision", "events": {"served": "2026-11-23"}, "as_of": "2026-11-24T00:00:00+08:00"}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    with TestClient(make_web(house.songda), headers=house.headers) as client:
        yield client


def served(house: House, web: TestClient) -> str:
    """A decision that was served on paper on 23 November 2026; the document's id."""
    accepted = web.post("/v1/jobs", json=sample("penalty-decision"), headers={"Idempotency-Key": "a"})
    document_id = str(accepted.json()["documents"][0]["id"])
    digest = house.songda.store.put(b"%PDF-1.7")
    with house.songda.database.write() as connection:
        values = {"number_zh": "民航华北罚决〔2026〕1号", "number_en": "No. 1", "final_digest": digest, "pages": 1}
        connection.execute(document_table.update().values(status="sealed", **values))
        documents.move(connection, document_id, "released", released_at=legal_time(connection))
        (delivery,) = deliveries.of_document(connection, document_id)
        deliveries.update(connection, delivery["id"], route="paper", paper_status="to_print")
    record = {
        "method": "direct",
        "outcome": "served",
        "date": "2026-11-23",
        "receiver": "孙丽",
        "capacity": "mail_clerk",
    }
    songda = house.songda
    record_paper_receipt(songda.database, songda.store, AUTHORITY, delivery["id"], record, SCAN, "clerk")
    return document_id


def days(answer: dict[str, Any]) -> dict[str, str | None]:
    return {each["id"]: each["last_day"] for each in answer["deadlines"]}


@pytest.mark.rule("N26", "LAW-10", "LAW-11")
def test_deadlines_answer_one_or_a_list_and_store_nothing(house: House, web: TestClient) -> None:
    before = house.counts()
    answer = web.post("/v1/deadlines", json=ONE)
    assert answer.status_code == 200, answer.text
    assert days(answer.json())["payment"] == "2026-12-08"
    assert answer.json()["rule_version"] == "law-2021.1+law-2024.1+procedure-004.1"
    assert len(web.post("/v1/deadlines", json=[ONE, ONE]).json()) == 2
    refused = web.post("/v1/deadlines", json=[ONE, ONE | {"events": {"served": "2026-02-30"}, "x": 1}, 3])
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json()["faults"]} == {"/1/events/served", "/1/x", "/2"}
    assert web.post("/v1/deadlines", json=[ONE] * 1001).status_code == 422
    assert web.post("/v1/deadlines", json=ONE, headers={"Authorization": ""}).status_code == 401
    assert house.counts() == before


def test_the_keys_own_authority_has_its_procedure(house: House, web: TestClient) -> None:
    notice = {"instrument": "penalty-prior-notice", "events": {"served": "2026-02-11"}}
    assert set(days(web.post("/v1/deadlines", json=notice).json())) == {"statement", "approval-submission"}
    assert days(web.post("/v1/deadlines", json=notice | {"authority": "elsewhere"}).json()) == {}


@pytest.mark.rule("N25", "N26")
def test_the_limits_of_a_document_are_told_with_their_reasons(house: House, web: TestClient) -> None:
    document_id = served(house, web)
    (delivery,) = web.get(f"/v1/documents/{document_id}/deadlines").json()["deliveries"]
    assert days(delivery)["payment"] == "2026-12-08"
    assert all(each["reasons"] for each in delivery["deadlines"])
    kinds = [each["kind"] for each in web.get(f"/v1/documents/{document_id}/events").json()["events"]]
    assert kinds[-2:] == ["service.decided", "deadlines.computed"]
    assert web.get(f"/v1/documents/doc_{'0' * 25}/deadlines").status_code == 404
    key = another_key(house, "jobs:write")
    assert web.get(f"/v1/documents/{document_id}/deadlines", headers=key).status_code == 403


def test_a_case_system_subscribes_to_its_case(house: House, web: TestClient) -> None:
    served(house, web)
    case_no = sample("penalty-decision")["case_no"]
    made = web.post("/v1/calendar-feeds", json={"case_no": case_no})
    assert made.status_code == 201, made.text
    path = "/" + made.json()["url"].split("/", 3)[3]
    feed = web.get(path, headers={"Authorization": ""})
    events = read_calendar(feed.content)["VEVENT"]
    assert {each["STATUS"] for each in events} == {"CONFIRMED", "TENTATIVE", "CANCELLED"}
    assert any("民航华北罚决〔2026〕1号" in each["SUMMARY"] for each in events)
    assert case_no not in feed.text
    (listed,) = web.get("/v1/calendar-feeds").json()["feeds"]
    assert listed == {name: made.json()[name] for name in ("id", "case_no", "created_at")}
    assert web.delete(f"/v1/calendar-feeds/{listed['id']}").status_code == 204
    assert web.delete(f"/v1/calendar-feeds/{listed['id']}").status_code == 404
    assert web.get(path).status_code == 404


def test_what_belongs_to_others_cannot_be_subscribed_to(house: House, web: TestClient) -> None:
    served(house, web)
    case = {"case_no": sample("penalty-decision")["case_no"]}
    with house.songda.database.write() as connection:
        other = api_keys.create_client(connection, AUTHORITY, "other")
    key = another_key(house, client_id=other)
    assert web.post("/v1/calendar-feeds", json=case, headers=key).status_code == 404
    mine = web.post("/v1/calendar-feeds", json=case).json()
    assert web.delete(f"/v1/calendar-feeds/{mine['id']}", headers=key).status_code == 404
    assert web.get("/v1/calendar-feeds", headers=key).json() == {"feeds": []}
    assert web.post("/v1/calendar-feeds", json={"case_no": "x", "y": 1}).status_code == 422
    assert web.post("/v1/calendar-feeds", json={"case_no": "unknown"}).status_code == 404


def test_a_feed_ends_with_the_last_key_of_its_case_system(house: House, web: TestClient) -> None:
    served(house, web)
    made = web.post("/v1/calendar-feeds", json={"case_no": sample("penalty-decision")["case_no"]}).json()
    path = "/" + made["url"].split("/", 3)[3]
    with house.songda.database.write() as connection:
        api_keys.revoke(connection, house.key.split("_")[1])
    assert web.get(path).status_code == 404
