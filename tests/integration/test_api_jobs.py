"""POST /v1/jobs: once and never twice, by one client, refused whole."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from pipeline import intake
from pipeline.api.app import make_api
from records import api_keys, directory, idempotency
from records.database import Database
from records.tables import idempotency_key, job
from tests.house import AUTHORITY, House, another_key, furnish, sample

JOB = sample("penalty-decision")


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    with TestClient(make_api(house.songda), headers=house.headers) as client:
        yield client


def test_a_job_is_accepted_and_the_same_key_and_body_get_the_first_answer_again(house: House, web: TestClient) -> None:
    first = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"})
    assert first.status_code == 202, first.text
    assert first.headers["Location"] == f"/v1/jobs/{first.json()['job_id']}"
    assert [each["instrument"] for each in first.json()["documents"]] == ["penalty-decision"]
    stored = house.counts()
    # the same value, with its names in another order
    again = web.post("/jobs", json=dict(reversed(JOB.items())), headers={"Idempotency-Key": "a"})
    assert (again.status_code, again.json()) == (202, first.json())
    assert house.counts() == stored


def test_the_same_key_with_another_body_is_refused(house: House, web: TestClient) -> None:
    assert web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"}).status_code == 202
    stored = house.counts()
    other = web.post("/jobs", json=JOB | {"case_no": "2"}, headers={"Idempotency-Key": "a"})
    assert other.status_code == 422
    assert other.json()["type"] == "urn:songda:problem:other-body"
    assert house.counts() == stored


def test_a_refused_request_does_not_bind_its_key(house: House, web: TestClient) -> None:
    before = house.counts()
    refused = web.post("/jobs", json=JOB | {"documents": []}, headers={"Idempotency-Key": "a"})
    assert refused.status_code == 422
    assert house.counts() == before
    assert web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"}).status_code == 202


def test_an_error_of_ours_frees_the_key_too(house: House, web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("secret detail")

    client = TestClient(make_api(house.songda), headers=house.headers, raise_server_exceptions=False)
    with monkeypatch.context() as patch:
        patch.setattr(intake, "store", broken)
        failed = client.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"})
    assert failed.status_code == 500
    assert failed.headers["content-type"] == "application/problem+json"
    assert failed.headers["X-Content-Type-Options"] == "nosniff"
    assert "secret" not in failed.text and "Traceback" not in failed.text
    assert web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"}).status_code == 202


@pytest.mark.parametrize("key", [None, "", " ", "ü", "a b", "x" * 256, "a\tb"])
def test_a_missing_or_malformed_key_is_a_problem_that_names_the_header(
    house: House, web: TestClient, key: str | None
) -> None:
    headers = {} if key is None else {"Idempotency-Key": key.encode()}
    before = house.counts()
    answer = web.post("/jobs", json=JOB, headers=headers)
    assert answer.status_code == 400
    assert "Idempotency-Key" in answer.json()["faults"][0]["message_en"]
    assert house.counts() == before


def test_of_many_equal_requests_at_once_one_makes_the_job(house: House, web: TestClient) -> None:
    barrier = threading.Barrier(6)

    def submit(_: int) -> tuple[int, str]:
        barrier.wait()
        answer = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "at-once"})
        return answer.status_code, answer.json().get("job_id", "")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(submit, range(6)))
    assert {status for status, _ in answers} <= {202, 409}
    ids = {job_id for status, job_id in answers if status == 202}
    assert len(ids) == 1
    assert house.counts()["job"] == 1
    # whoever got 409 asks again and gets the same job
    assert web.post("/jobs", json=JOB, headers={"Idempotency-Key": "at-once"}).json()["job_id"] in ids


def test_while_the_first_request_runs_the_second_gets_409(house: House, web: TestClient) -> None:
    with house.songda.database.write() as connection:
        idempotency.begin(connection, house.key.split("_")[1], "a", "digest", 60)
    answer = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 409
    assert answer.json()["type"] == "urn:songda:problem:still-running"
    assert "Retry-After" in answer.headers


def test_the_lock_of_a_killed_process_lapses_and_its_late_result_is_thrown_away(house: House, web: TestClient) -> None:
    prefix = house.key.split("_")[1]
    with house.songda.database.write() as connection:
        killed = idempotency.begin(connection, prefix, "a", "digest", -1)
    assert isinstance(killed, idempotency.Lock)
    accepted = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"})
    assert accepted.status_code == 202
    with house.songda.database.write() as connection:
        with pytest.raises(idempotency.StillRunning):
            idempotency.bind(connection, killed, accepted.json()["job_id"], {})
        idempotency.release(connection, killed)
        bound = connection.execute(sa.select(idempotency_key.c.job_id)).scalar_one()
    assert bound == accepted.json()["job_id"]


def test_keys_of_two_api_keys_do_not_meet(house: House, web: TestClient) -> None:
    first = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"}).json()
    second = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"} | another_key(house)).json()
    assert first["job_id"] != second["job_id"]


def test_another_client_sees_nothing_of_a_job(house: House, web: TestClient) -> None:
    accepted = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"}).json()
    with house.songda.database.write() as connection:
        directory.create_authority(connection, "elsewhere")
        same_authority = api_keys.create_client(connection, AUTHORITY, "other case system")
        other_authority = api_keys.create_client(connection, "elsewhere", "case system of another authority")
    document = accepted["documents"][0]["id"]
    before = house.counts()["event"]
    for client_id in (same_authority, other_authority):
        headers = another_key(house, client_id=client_id)
        before += 1  # the key that was issued
        for path in (
            f"/jobs/{accepted['job_id']}",
            *(f"/documents/{document}{part}" for part in ("", "/pdf", "/events")),
        ):
            assert web.get(path, headers=headers).status_code == 404, path
        for act in ("cancel", "void"):
            answer = web.post(f"/documents/{document}/{act}", json={"reason": "x"}, headers=headers)
            assert answer.status_code == 404
    assert house.counts()["event"] == before


def test_scopes_are_kept_apart(house: House, web: TestClient) -> None:
    reader, writer = another_key(house, "documents:read"), another_key(house, "jobs:write")
    key = {"Idempotency-Key": "a"}
    forbidden = web.post("/jobs", json=JOB, headers=reader | key)
    assert forbidden.status_code == 403
    assert 'scope="jobs:write"' in forbidden.headers["WWW-Authenticate"]
    accepted = web.post("/jobs", json=JOB, headers=writer | key).json()
    assert web.get(f"/jobs/{accepted['job_id']}", headers=writer).status_code == 403
    assert web.get(f"/jobs/{accepted['job_id']}", headers=reader).status_code == 200
    document = accepted["documents"][0]["id"]
    assert web.post(f"/documents/{document}/cancel", json={}, headers=reader).status_code == 403


@pytest.mark.parametrize(
    "authorization", ["", "Bearer", "Bearer nonsense", "Basic YTpi", "Bearer sgd_000000000000_" + "0" * 64]
)
def test_without_a_key_in_force_nothing_is_told(web: TestClient, authorization: str) -> None:
    answer = web.post("/jobs", json=JOB, headers={"Authorization": authorization, "Idempotency-Key": "a"})
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_revoked_key_is_refused(house: House, web: TestClient) -> None:
    with house.songda.database.write() as connection:
        assert api_keys.revoke(connection, house.key.split("_")[1])
        assert not api_keys.revoke(connection, house.key.split("_")[1])
    assert web.get("/jobs/x").status_code == 401


def test_only_a_hash_of_a_key_is_stored(house: House) -> None:
    secret = house.key.split("_")[2]
    with house.songda.database.read() as connection:
        rows = connection.execute(sa.text("select * from api_key")).mappings().all()
        events = connection.execute(sa.text("select body from event")).scalars().all()
    assert secret not in repr([dict(row) for row in rows]) + repr(events)


def test_a_job_of_two_documents_with_a_fault_in_one_stores_neither(house: House, web: TestClient) -> None:
    body = copy.deepcopy(JOB)
    body["documents"].append(copy.deepcopy(body["documents"][0]))
    body["documents"][1]["facts"]["decided_on"] = "2026-02-30"
    del body["documents"][1]["facts"]["cause"]
    before = house.counts()
    answer = web.post("/jobs", json=body, headers={"Idempotency-Key": "a"})
    assert answer.status_code == 422
    pointers = {fault["pointer"] for fault in answer.json()["faults"]}
    assert {"/documents/1/facts/decided_on", "/documents/1/facts/cause"} <= pointers
    assert house.counts() == before


def test_what_was_sent_is_kept_as_it_was_sent(house: House, web: TestClient) -> None:
    accepted = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"}).json()
    with house.songda.database.read() as connection:
        row = connection.execute(sa.select(job)).mappings().one()
    assert (row["id"], row["client_id"]) == (accepted["job_id"], house.client_id)
    told = web.get(f"/jobs/{accepted['job_id']}").json()
    assert told["documents"][0]["status"] == "accepted" and told["documents"][0]["test"] is True
    assert told["case_no"] == JOB["case_no"]
