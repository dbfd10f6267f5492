"""Documents and deliveries over HTTP: released bytes only, ending before release, paper, events."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pypdf
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery.beijing import day_of
from pipeline.api.app import make_api
from records import api_keys, directory, documents, ledger, links, series, steps
from records.database import Database, legal_time
from records.tables import number, step
from tests.house import AUTHORITY, House, another_key, furnish, sample
from tests.rows import make_renewal

JOB = sample("penalty-decision")


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    with TestClient(make_api(house.songda), headers=house.headers) as client:
        yield client


@pytest.fixture
def document(web: TestClient) -> str:
    accepted = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "a"})
    return str(accepted.json()["documents"][0]["id"])


def _number(house: House, document: str) -> str:
    with house.songda.database.write() as connection:
        found = documents.get(connection, document)
        year = day_of(legal_time(connection)).year
        bound = series.bind_next(connection, AUTHORITY, found["series_kind"], year, document)
        documents.move(connection, document, "numbered", number_zh=bound.text_zh, number_en=bound.text_en)
    return bound.text_zh


def _release(house: House, document: str) -> bytes:
    _number(house, document)
    pdf = b"%PDF-1.7 the released bytes"
    digest = house.songda.store.put(pdf)
    with house.songda.database.write() as connection:
        for status in ("rendered", "sealed"):
            documents.move(connection, document, status)
        documents.move(connection, document, "released", final_digest=digest, pages=1)
    return pdf


def _scan() -> bytes:
    writer, buffer = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(width=595, height=842)
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.rule("ESL-5a")
def test_only_released_bytes_are_given_out(house: House, web: TestClient, document: str) -> None:
    before = web.get(f"/documents/{document}/pdf")
    assert before.status_code == 409 and before.json()["type"] == "urn:songda:problem:wrong-state"
    pdf = _release(house, document)
    answer = web.get(f"/documents/{document}/pdf")
    assert (answer.status_code, answer.content) == (200, pdf)
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["ETag"] == f'"{hashlib.sha256(pdf).hexdigest()}"'
    assert web.get(f"/documents/{document}").json()["sha256"] == hashlib.sha256(pdf).hexdigest()


def test_a_renewed_document_is_given_out_as_it_stands_now_and_says_what_was_released(
    house: House, web: TestClient, document: str
) -> None:
    pdf = _release(house, document)
    assert web.get(f"/documents/{document}").json()["archive"] is None, "no seal in this test"
    newer, released = house.songda.store.put(pdf + b"stamp"), hashlib.sha256(pdf).hexdigest()
    with house.songda.database.write() as connection:
        until = make_renewal(connection, document, released, newer)
    answer = web.get(f"/documents/{document}/pdf")
    assert answer.content == pdf + b"stamp" and answer.headers["ETag"] == f'"{newer}"'
    told = web.get(f"/documents/{document}").json()
    assert told["sha256"] == released
    assert told["archive"]["sha256"] == newer and told["archive"]["renewals"] == 1
    assert told["archive"]["provable_until"].startswith(f"{until:%Y-%m-%d}")


@pytest.mark.rule("ESL-7", "LAW-13")
def test_events_are_the_documents_chain_and_verify(house: House, web: TestClient, document: str) -> None:
    _release(house, document)
    events = web.get(f"/documents/{document}/events").json()["events"]
    assert [each["kind"] for each in events] == [
        f"document.{status}" for status in ("accepted", "numbered", "rendered", "sealed", "released")
    ]
    with house.songda.database.read() as connection:
        assert not list(ledger.verify(connection, document))


def test_cancelling_before_the_number_stops_every_step_and_twice_changes_nothing(
    house: House, web: TestClient, document: str
) -> None:
    answer = web.post(f"/documents/{document}/cancel", json={"reason": "wrong party"})
    assert (answer.status_code, answer.json()["status"], answer.json()["reason"]) == (200, "cancelled", "wrong party")
    with house.songda.database.read() as connection:
        assert set(connection.execute(sa.select(step.c.state)).scalars()) == {"done"}
    before = house.counts()
    assert web.post(f"/documents/{document}/cancel", json={}).json() == answer.json()
    assert house.counts() == before
    assert web.post(f"/documents/{document}/void", json={"reason": "x"}).status_code == 409
    kinds = [each["kind"] for each in web.get(f"/documents/{document}/events").json()["events"]]
    assert kinds == ["document.accepted", "document.cancelled", "delivery.ended"]


def test_a_worker_in_the_middle_of_a_cancelled_document_loses_its_result(
    house: House, web: TestClient, document: str
) -> None:
    with house.songda.database.write() as connection:
        claim = steps.claim(connection, f"{document}/number", "worker", 30)
    assert claim is not None
    assert web.post(f"/documents/{document}/cancel", json={}).status_code == 200
    with pytest.raises(documents.WrongState):
        _number(house, document)
    with pytest.raises(steps.LeaseLost), house.songda.database.write() as connection:
        steps.finish(connection, claim)
    with house.songda.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(number)).scalar_one() == 0


def test_a_numbered_document_is_made_void_and_its_number_is_kept_with_the_reason(
    house: House, web: TestClient, document: str
) -> None:
    text = _number(house, document)
    assert web.post(f"/documents/{document}/cancel", json={"reason": "x"}).status_code == 409
    for wrong in ({}, {"reason": " "}, {"reason": "x", "y": 1}, {"reason": 1}, [], {"reason": "x" * 501}):
        refused = web.post(f"/documents/{document}/void", json=wrong)
        assert refused.status_code == 422 and refused.json()["faults"], wrong
    answer = web.post(f"/documents/{document}/void", json={"reason": "印制错误"})
    assert answer.status_code == 200
    assert answer.json()["number"] == {"zh": text, "en": answer.json()["number"]["en"], "void": True}
    with house.songda.database.read() as connection:
        row = connection.execute(sa.select(number)).mappings().one()
    assert (row["text_zh"], row["state"], row["reason"]) == (text, "void", "印制错误")
    # the next document gets the next number: a void one is never given again
    second = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "b"}).json()["documents"][0]["id"]
    assert _number(house, second) != text


def test_a_released_document_is_neither_cancelled_nor_void(house: House, web: TestClient, document: str) -> None:
    _release(house, document)
    for act in ("cancel", "void"):
        refused = web.post(f"/documents/{document}/{act}", json={"reason": "x"})
        assert refused.status_code == 409
        fault = refused.json()["faults"][0]
        assert (fault["code"], fault["rule"]) == ("released", "004-100")
        assert "revocation-decision" in fault["message_en"] and "《撤销（变更）决定书》" in fault["message_zh"]
    assert web.get(f"/documents/{document}").json()["status"] == "released"


def _receipt(house: House, **more: Any) -> dict[str, Any]:
    with house.songda.database.read() as connection:
        today = day_of(legal_time(connection)).isoformat()
    record = {"method": "direct", "outcome": "served", "date": today, "receiver": "李明远", "capacity": "head"}
    return record | more


def test_a_paper_receipt_with_its_scan_is_final_and_the_same_again_changes_nothing(
    house: House, web: TestClient, document: str
) -> None:
    _release(house, document)
    delivery = web.get(f"/documents/{document}").json()["deliveries"][0]["id"]
    path = f"/deliveries/{delivery}/paper-receipts"
    record = _receipt(house)
    scan = _scan()
    form = {"record": json.dumps(record)}
    first = web.post(path, data=form, files={"scan": ("a.pdf", scan, "application/pdf")})
    assert (first.status_code, first.json()["final"]) == (201, True), first.text
    assert first.json()["served_on"] == record["date"]
    before = house.counts()
    again = web.post(path, json=record | {"scan": base64.b64encode(scan).decode()})
    assert (again.status_code, again.json()) == (200, first.json())
    assert house.counts() == before


def test_bad_paper_receipts_are_refused_and_nothing_is_stored(house: House, web: TestClient, document: str) -> None:
    delivery = web.get(f"/documents/{document}").json()["deliveries"][0]["id"]
    path = f"/deliveries/{delivery}/paper-receipts"
    before = house.counts()
    early = web.post(path, json=_receipt(house))
    assert (early.status_code, early.json()["faults"][0]["code"]) == (422, "not_released")
    assert house.counts() == before
    _release(house, document)
    before = house.counts()
    bad: list[tuple[dict[str, Any], str]] = [
        (_receipt(house, scan="***"), "/scan"),
        (_receipt(house, scan=base64.b64encode(b"GIF89a").decode()), "/scan"),
        (_receipt(house, scan=base64.b64encode(_scan()[:-30]).decode()), "/scan"),
        (_receipt(house, method="pigeon"), "/method"),
        (_receipt(house, date="2099-01-01"), "/date"),
        (_receipt(house, date="2026-02-30"), "/date"),
        (_receipt(house, extra=1), "/extra"),
        (_receipt(house, receiver=""), "/receiver"),
    ]
    for record, pointer in bad:
        answer = web.post(path, json=record)
        assert answer.status_code == 422, record
        assert pointer in {fault["pointer"] for fault in answer.json()["faults"]}, answer.text
    for parts in ({"x": "1"}, {"record": "{"}, {"record": "[]"}):
        answer = web.post(path, data=parts, files={"scan": ("a", b"x")})
        assert answer.status_code in (400, 422), answer.text
    assert web.post(path, json=[]).status_code == 422
    assert house.counts() == before


def test_a_delivery_of_another_client_does_not_exist(house: House, web: TestClient, document: str) -> None:
    _release(house, document)
    delivery = web.get(f"/documents/{document}").json()["deliveries"][0]["id"]
    path = f"/deliveries/{delivery}/paper-receipts"
    with house.songda.database.write() as connection:
        other = api_keys.create_client(connection, AUTHORITY, "other")
    assert web.post(path, json=_receipt(house), headers=another_key(house, client_id=other)).status_code == 404
    assert web.post(path, json=_receipt(house), headers=another_key(house, "jobs:write")).status_code == 403
    assert web.post("/deliveries/dlv_x/paper-receipts", json=_receipt(house)).status_code == 404


def test_service_dates_answer_one_or_a_list_and_store_nothing(house: House, web: TestClient) -> None:
    one = {"instrument": "hearing-notice", "sent_at": "2026-02-12T10:00:00+08:00", "as_of": "2026-03-02T00:00:00Z"}
    one["instrument"] = "penalty-prior-notice"
    before = house.counts()
    answer = web.post("/service-dates", json=one, headers=another_key(house, "documents:read"))
    assert answer.json()["service_date"] == "2026-02-24"
    assert [each["basis"] for each in web.post("/service-dates", json=[one, one]).json()] == ["deemed", "deemed"]
    refused = web.post("/service-dates", json=[one, one | {"sent_at": "2026-02-12", "x": 1}, 3])
    assert refused.status_code == 422
    assert {fault["pointer"] for fault in refused.json()["faults"]} == {"/1/sent_at", "/1/x", "/2"}
    assert web.post("/service-dates", json=[one] * 1001).status_code == 422
    assert web.post("/service-dates", json=one, headers={"Authorization": ""}).status_code == 401
    counts = dict(house.counts()) | {"api_key": before["api_key"], "event": before["event"]}
    assert {**counts, "ledger_head": before["ledger_head"]} == before


def test_a_name_of_the_directory_with_another_authority_is_not_found(house: House, web: TestClient) -> None:
    with house.songda.database.write() as connection:
        directory.create_authority(connection, "elsewhere")
    assert web.post("/jobs", json=JOB | {"authority": "elsewhere"}, headers={"Idempotency-Key": "k"}).status_code == 422


def test_verify_answers_for_the_bytes_without_a_key(house: House, web: TestClient) -> None:
    house.songda.settings.home.joinpath("trust.json").write_text('{"anchors": []}')
    pdf = {"Authorization": "", "Content-Type": "application/pdf"}
    plain = web.post("/verify", content=_scan(), headers=pdf)
    assert (plain.status_code, plain.json()["verdict"]) == (200, "invalid"), plain.text
    assert plain.json()["reasons"][0]["code"] == "unsigned"
    assert plain.json()["sha256"] == hashlib.sha256(_scan()).hexdigest()
    for content, code in ((_scan()[:-40], "truncated"), (b"hello", "not_a_pdf"), (b"", "not_a_pdf")):
        refused = web.post("/verify", content=content, headers=pdf)
        assert (refused.status_code, refused.json()["faults"][0]["code"]) == (422, code), refused.text
    assert web.post("/verify", content=_scan(), headers=pdf | {"Content-Type": "text/plain"}).status_code == 415
    headers = pdf | {"Content-Length": str(60 * 2**20)}
    assert web.post("/verify", content=b"%PDF-", headers=headers).status_code == 413


def test_health_tells_nothing_of_cases_and_every_answer_has_its_headers(house: House, web: TestClient) -> None:
    for path in ("/health", "/nothing", "/openapi.json"):
        answer = web.get(path, headers={"Authorization": ""})
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Cache-Control"] == "no-store"
    assert set(web.get("/health").json()) == {"status", "version", "test"}


# --- the register of numbers


def test_every_number_of_a_series_is_listed_with_its_document_and_voids_with_their_reason(
    house: House, web: TestClient, document: str
) -> None:
    first = _number(house, document)
    second = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "b"}).json()["documents"][0]["id"]
    _number(house, second)
    web.post(f"/documents/{document}/void", json={"reason": "印制错误"})
    path = "/series/penalty-decision/2026/numbers"
    register = web.get(path).json()
    assert [(each["document"], each["document_status"]) for each in register["numbers"]] == [
        (document, "void"),
        (second, "numbered"),
    ]
    assert (register["gaps"], register["after"]) == ([], None)
    voids = web.get(path, params={"void": True}).json()["numbers"]
    assert [(each["number"]["zh"], each["number"]["void"], each["reason"]) for each in voids] == [
        (first, True, "印制错误")
    ]
    assert house.client_id in voids[0]["voided_by"] and voids[0]["voided_at"]
    page = web.get(path, params={"limit": 1}).json()
    assert (len(page["numbers"]), page["after"]) == (1, 1)
    assert web.get(path, params={"limit": 1, "after": 1}).json()["numbers"][0]["document"] == second
    listed = {each["kind"]: each for each in web.get("/series").json()["series"]}
    assert (listed["penalty-decision"]["given"], listed["penalty-decision"]["void"]) == (2, 1)


def test_a_document_of_another_case_system_stands_in_the_register_without_its_id(
    house: House, web: TestClient, document: str
) -> None:
    _number(house, document)
    with house.songda.database.write() as connection:
        other = api_keys.create_client(connection, AUTHORITY, "other")
    headers = another_key(house, client_id=other)
    found = web.get("/series/penalty-decision/2026/numbers", headers=headers).json()["numbers"]
    assert [(each["ordinal"], each["document"]) for each in found] == [(1, None)]
    assert web.get("/series/penalty-decision/2031/numbers").status_code == 404
    assert web.get("/series/penalty-decision/2026/numbers", params={"supplied": True}).status_code == 404
    assert web.get("/series/penalty-decision/2026/numbers", params={"limit": 0}).status_code == 422
    assert web.get("/series", headers=another_key(house, "jobs:write")).status_code == 403


def test_a_document_tells_of_the_one_that_acts_on_it_and_the_reverse(
    house: House, web: TestClient, document: str
) -> None:
    _release(house, document)
    acting = web.post("/jobs", json=JOB, headers={"Idempotency-Key": "b"}).json()["documents"][0]["id"]
    with house.songda.database.write() as connection:
        links.insert(connection, acting, document, AUTHORITY, "mends")
    target, other = (web.get(f"/documents/{each}").json()["links"] for each in (document, acting))
    assert [(each["relation"], each["document"], each["state"]) for each in target] == [
        ("mended_by", acting, "pending")
    ]
    assert (target[0]["number"], target[0]["released"]) == (None, False)
    assert [(each["relation"], each["document"]) for each in other] == [("mends", document)]
    assert other[0]["number"]["zh"] and not other[0]["number"]["void"]
    with house.songda.database.write() as connection:
        links.take_effect(connection, acting, "2026-11-23")
    mended = web.get(f"/documents/{document}").json()
    assert (mended["status"], mended["links"][0]["effective_on"]) == ("released", "2026-11-23")


def test_numbered_copies_are_printed_of_a_released_document_that_has_several(
    house: House, web: TestClient, document: str
) -> None:
    path = f"/documents/{document}/copies"
    assert web.get(path).status_code == 409
    _release(house, document)
    assert web.get(path).status_code == 404  # one original
    job = sample("on-the-spot-decision")
    job["documents"][0]["recipients"] = [{"counterparty": "air-example"}]
    several = web.post("/jobs", json=job, headers={"Idempotency-Key": "c"})
    assert several.status_code == 202, several.text
    made = str(several.json()["documents"][0]["id"])
    _release(house, made)
    with house.songda.database.write() as connection:
        digest = house.songda.store.put(_scan())
        connection.execute(sa.text("update document set final_digest = :d where id = :i"), {"d": digest, "i": made})
    answer = web.get(f"/documents/{made}/copies")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    pages = [page.extract_text() for page in pypdf.PdfReader(io.BytesIO(answer.content)).pages]
    assert [page.partition("：")[2][:3] for page in pages] == ["当事人", "监察员", "法制职"]
