"""Bad input over HTTP: each is refused with a problem that names field and rule, and nothing is stored."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from pipeline.api.app import make_api
from records.database import Database
from tests.house import House, furnish, sample

JOB = sample("penalty-decision")
Facts = dict[str, Any]
F = "/documents/0/facts"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    with TestClient(make_api(house.songda), headers=house.headers) as client:
        yield client


def _set(*path: str | int, to: Any) -> Callable[[dict[str, Any]], None]:
    def change(job: dict[str, Any]) -> None:
        here: Any = job["documents"][0]
        for name in path[:-1]:
            here = here[name]
        here[path[-1]] = to

    return change


def _drop(*path: str | int) -> Callable[[dict[str, Any]], None]:
    def change(job: dict[str, Any]) -> None:
        here: Any = job["documents"][0]
        for name in path[:-1]:
            here = here[name]
        del here[path[-1]]

    return change


def _replace(*path: str | int, old: str, new: str) -> Callable[[dict[str, Any]], None]:
    def change(job: dict[str, Any]) -> None:
        here: Any = job["documents"][0]
        for name in path[:-1]:
            here = here[name]
        assert old in here[path[-1]]
        here[path[-1]] = here[path[-1]].replace(old, new)

    return change


FACTS = "facts"
BAD_JOBS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "unknown instrument": (_set("instrument", to="love-letter"), "/documents/0/instrument"),
    "path traversal in the instrument": (_set("instrument", to="../../etc/passwd"), "/documents/0/instrument"),
    "missing fact": (_drop(FACTS, "cause"), f"{F}/cause"),
    "extra fact": (_set(FACTS, "surprise", to=1), f"{F}/surprise"),
    "wrong type": (_set(FACTS, "findings", to=7), f"{F}/findings"),
    "amount as a number": (_set(FACTS, "penalties", 0, "amount", to=30000), f"{F}/penalties/0/amount"),
    "negative amount": (_set(FACTS, "penalties", 0, "amount", to="-1.00"), f"{F}/penalties/0/amount"),
    "untranslated text": (_drop(FACTS, "findings", "en"), f"{F}/findings/en"),
    "empty translation": (_set(FACTS, "findings", "en", to=" "), f"{F}/findings/en"),
    "dates that disagree": (_replace(FACTS, "findings", "en", old="2026", new="2025"), f"{F}/findings"),
    "impossible date": (_set(FACTS, "decided_on", to="2026-02-30"), f"{F}/decided_on"),
    "date in another form": (_set(FACTS, "decided_on", to="20/11/2026"), f"{F}/decided_on"),
    "wrong checksum of a credit code": (
        _set(FACTS, "party", "credit_code", to="91110113MA0BF8AX2R"),
        f"{F}/party/credit_code",
    ),
    "character without a glyph": (_set(FACTS, "cause", "zh", to="涉嫌𓀀"), f"{F}/cause/zh"),
    "control character": (_set(FACTS, "cause", "zh", to="涉嫌\u202e"), f"{F}/cause/zh"),
    "template markup": (_set(FACTS, "cause", "zh", to="{{ 7*7 }}"), f"{F}/cause/zh"),
    "template statement": (_set(FACTS, "cause", "en", to="{% include '/etc/passwd' %}"), f"{F}/cause/en"),
    "HTML": (_set(FACTS, "cause", "en", to='<img src="http://127.0.0.1/x">'), f"{F}/cause/en"),
    "typst markup": (_set(FACTS, "cause", "en", to='#read("/etc/passwd")'), f"{F}/cause/en"),
    "DOCX markup": (_set(FACTS, "cause", "en", to="</w:t><w:br/>"), f"{F}/cause/en"),
    "file address": (_set(FACTS, "cause", "en", to="file:///etc/passwd"), f"{F}/cause/en"),
    "unknown counterparty": (
        _set("recipients", to=[{"counterparty": "nobody"}]),
        "/documents/0/recipients/0/counterparty",
    ),
    "path traversal in a counterparty": (
        _set("recipients", to=[{"counterparty": "../air-example"}]),
        "/documents/0/recipients/0/counterparty",
    ),
    "no recipient": (_set("recipients", to=[]), "/documents/0/recipients"),
    "no approval of the seal's use": (_drop("approval"), "/documents/0/approval"),
    "approval without an offset": (
        _set("approval", "approved_at", to="2026-11-19T16:20:00"),
        "/documents/0/approval/approved_at",
    ),
    "unknown member": (_set("seal_it", to=True), "/documents/0/seal_it"),
}


@pytest.mark.parametrize("name", BAD_JOBS)
def test_a_bad_job_is_refused_with_its_field_and_rule_and_nothing_stored(
    house: House, web: TestClient, name: str
) -> None:
    change, pointer = BAD_JOBS[name]
    job = copy.deepcopy(JOB)
    change(job)
    before = house.counts()
    answer = web.post("/jobs", json=job, headers={"Idempotency-Key": "k"})
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    faults = answer.json()["faults"]
    assert pointer in {fault["pointer"] for fault in faults}, faults
    assert all(fault["code"] and fault["message_en"] and fault["message_zh"] for fault in faults)
    assert house.counts() == before


def test_another_authority_is_refused(house: House, web: TestClient) -> None:
    before = house.counts()
    answer = web.post("/jobs", json=JOB | {"authority": "caac-elsewhere"}, headers={"Idempotency-Key": "k"})
    assert answer.json()["faults"][0]["pointer"] == "/authority"
    assert house.counts() == before


BAD_BODIES: dict[str, tuple[bytes, int, str]] = {
    "empty": (b"", 400, "not_json"),
    "cut": (json.dumps(JOB).encode()[:-5], 400, "not_json"),
    "10 MB of nested JSON": (b"[" * 10_000_000, 413, ""),
    "nested below the size limit": (b'{"a":' * 170_000, 400, "too_deep"),
    "twice the same name": (b'{"authority": "a", "authority": "b"}', 400, "duplicate_name"),
    "NaN": (b'{"authority": NaN}', 400, "not_a_number"),
    "infinite": (b'{"authority": 1e999}', 400, "number_too_large"),
    "ten thousand digits": (b'{"authority": ' + b"9" * 10_000 + b"}", 400, "number_too_large"),
    "not UTF-8": ('{"authority": "局"}'.encode("gb18030"), 400, "not_utf8"),
    "UTF-16": ('{"authority": "局"}'.encode("utf-16"), 400, "not_utf8"),
    "half a surrogate pair": (b'{"authority": "\\ud800"}', 400, "bad_text"),
    "NUL": (b'{"authority": "a\\u0000b"}', 400, "bad_text"),
    "a list": (b"[]", 422, "schema_type"),
    "null": (b"null", 422, "schema_type"),
}


@pytest.mark.parametrize("name", BAD_BODIES)
def test_a_bad_body_is_refused_before_anything_is_done(house: House, web: TestClient, name: str) -> None:
    body, status, code = BAD_BODIES[name]
    before = house.counts()
    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    answer = web.post("/jobs", content=body, headers=headers)
    assert answer.status_code == status, answer.text
    if code:
        assert code in {fault["code"] for fault in answer.json()["faults"]}, answer.text
    assert house.counts() == before


def test_a_body_without_a_declared_length_is_cut_off_at_the_limit(house: House, web: TestClient) -> None:
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(64):
            taken += 256 * 1024
            yield b" " * (256 * 1024)

    headers = {"Idempotency-Key": "k", "Content-Type": "application/json"}
    assert web.post("/jobs", content=endless(), headers=headers).status_code == 413


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_media_type_is_refused(web: TestClient, media_type: str) -> None:
    headers = {"Idempotency-Key": "k", "Content-Type": media_type}
    answer = web.post("/jobs", content=json.dumps(JOB).encode(), headers=headers)
    assert answer.status_code == 415 and answer.headers["Accept-Post"] == "application/json"


def test_a_thousand_faults_make_a_bounded_answer(web: TestClient) -> None:
    body = b'{"a": [' + b",".join([b"NaN"] * 100_000) + b"]}"
    answer = web.post("/jobs", content=body, headers={"Idempotency-Key": "k", "Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["faults_total"]) == (400, 100_000)
    assert len(answer.json()["faults"]) == 200


@pytest.mark.parametrize(
    "path", ["/jobs/../documents", "/jobs/%2e%2e%2fx", "/documents/%00", "/documents/" + "x" * 5000]
)
def test_names_in_paths_lead_nowhere(web: TestClient, path: str) -> None:
    answer = web.get(path)
    assert answer.status_code == 404 and answer.headers["content-type"] == "application/problem+json"
