"""Paper over HTTP: by barcode, provisional until the scan is here, final with it, and corrected at the desk alone."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery import attempts, corrections
from pipeline.api.app import make_api
from pipeline.composition import Songda
from pipeline.settings import Settings
from records import api_keys, deliveries, directory, documents, ledger
from records.database import Database
from records.store import FileStore
from records.tables import document
from tests.integration.test_desk import SCAN, direct, today
from tests.integration.test_paper_attempts import begin
from tests.portal_house import AUTHORITY, PortalHouse, furnish
from tests.registration_house import scan as pdf

PDF = pdf()
KINDS = {"content-type": "application/pdf"}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def songda(house: PortalHouse, tmp_path: Path) -> Songda:
    return Songda(Settings(home=tmp_path), house.database, house.store)


@pytest.fixture
def station(house: PortalHouse, songda: Songda) -> Iterator[TestClient]:
    """A scanning station: no case system, so none of the documents are its own."""
    with TestClient(make_api(songda), headers=key(house, api_keys.SCANS)) as client:
        yield client


def key(house: PortalHouse, *scopes: str, client_id: str = "", authority: str = AUTHORITY) -> dict[str, str]:
    with house.database.write() as connection:
        client_id = client_id or api_keys.create_client(connection, authority, "scanners")
        return {"Authorization": f"Bearer {api_keys.issue(connection, client_id, scopes)}"}


def owner(house: PortalHouse, delivery_id: str) -> str:
    with house.database.read() as connection:
        document_id = deliveries.get(connection, delivery_id)["document_id"]
        return str(documents.get(connection, document_id)["client_id"])


def put(client: TestClient, receipt: Mapping[str, Any], content: bytes = PDF, **headers: str) -> Any:
    return client.put(f"/paper-receipts/{receipt['receipt_id']}/scan", content=content, headers=KINDS | headers)


def events(house: PortalHouse, delivery_id: str, kind: str) -> list[Any]:
    with house.database.read() as connection:
        stream = deliveries.get(connection, delivery_id)["document_id"]
        return [each for each in ledger.events(connection, stream) if each.kind == kind]


def pushed(house: PortalHouse, client: TestClient, delivery_id: str, **more: Any) -> dict[str, Any]:
    """A record that its case system pushed without a scan."""
    answer = client.post(
        f"/deliveries/{delivery_id}/paper-receipts",
        json=direct(house) | more,
        headers=key(house, "deliveries:write", client_id=owner(house, delivery_id)),
    )
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def test_a_record_without_its_scan_is_provisional_and_everybody_can_see_it(
    house: PortalHouse, station: TestClient
) -> None:
    delivery_id = house.deliver("penalty-decision")
    record = pushed(house, station, delivery_id)
    assert (record["status"], record["final"], record["missing"]) == ("provisional", False, ["scan"])
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_status"] == "pending"
    assert station.get(f"/paper-receipts/{record['receipt_id']}").json() == record
    reader = key(house, "documents:read", client_id=owner(house, delivery_id))
    shown = station.get(f"/documents/{house.row(delivery_id)['document_id']}", headers=reader).json()
    assert shown["deliveries"][0]["scan_missing"] is True
    assert delivery_id in house.browser("clerk").get("/desk?track=scan_missing").text
    assert delivery_id in house.browser("clerk").get("/desk/stacks").text


@pytest.mark.parametrize(("content", "kind"), [(PDF, "application/pdf"), (SCAN, "image/png")])
def test_the_scan_makes_it_final_and_the_same_again_changes_nothing(
    house: PortalHouse, station: TestClient, content: bytes, kind: str
) -> None:
    delivery_id = house.deliver("penalty-decision")
    record = pushed(house, station, delivery_id)
    first = put(station, record, content, **{"content-type": kind})
    assert first.status_code == 200, first.text
    made = first.json()
    assert (made["status"], made["missing"], made["supersedes"]) == ("final", [], record["receipt_id"])
    assert made["scan_sha256"] == hashlib.sha256(content).hexdigest()
    row = house.row(delivery_id)
    assert (row["service_status"], row["service_date"]) == ("final", today(house).isoformat())
    assert (row["paper_status"], row["scan_missing"]) == ("served", False)
    for again in (record, made):
        assert put(station, again, content, **{"content-type": kind}).json() == made
    assert station.get(f"/paper-receipts/{record['receipt_id']}").json() == made
    assert len(events(house, delivery_id, "paper.recorded")) == 2
    assert events(house, delivery_id, "paper.recorded")[1].actor.startswith("client:cli_")
    repeated = pushed_again(house, station, delivery_id)
    assert repeated.status_code == 200 and repeated.json() == made


def pushed_again(house: PortalHouse, client: TestClient, delivery_id: str) -> Any:
    headers = key(house, "deliveries:write", client_id=owner(house, delivery_id))
    return client.post(f"/deliveries/{delivery_id}/paper-receipts", json=direct(house), headers=headers)


def test_another_scan_is_refused_and_left_to_the_desk(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    record = pushed(house, station, delivery_id)
    made = put(station, record).json()
    for each in (record, made):
        refused = put(station, each, SCAN, **{"content-type": "image/png"})
        assert refused.status_code == 409
        problem = refused.json()
        assert (problem["faults"][0]["code"], problem["faults"][0]["message_zh"][:2]) == ("other_scan", "该记")
        assert made["receipt_id"] in problem["detail"]
    assert station.get(f"/paper-receipts/{made['receipt_id']}").json() == made


def test_after_a_correction_at_the_desk_the_first_scan_changes_nothing(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    made = put(station, pushed(house, station, delivery_id)).json()
    names = house.database, house.store, AUTHORITY
    value = direct(house, receiver="赵敏")
    proposal = corrections.propose(
        *names, delivery_id, value, SCAN, "姓名写错", "per_clerk", supersedes=made["receipt_id"]
    )
    corrections.decide(house.database, AUTHORITY, proposal.correction_id, "per_other", approve=True, note="")
    again = put(station, made)
    assert again.status_code == 200 and again.json()["supersedes"] == made["receipt_id"]
    assert again.json()["scan_sha256"] == hashlib.sha256(SCAN).hexdigest()


def test_two_scans_at_once_leave_one(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    record = station.post("/paper-receipts", json={"code": code, "date": "today"}).json()
    with ThreadPoolExecutor(2) as pool:
        contents = (PDF, {}), (SCAN, {"content-type": "image/png"})
        answers = list(pool.map(lambda each: put(station, record, each[0], **each[1]), contents))
    assert sorted(answer.status_code for answer in answers) == [200, 409]
    (kept,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert station.get(f"/paper-receipts/{record['receipt_id']}").json()["scan_sha256"] == kept["scan_sha256"]


@pytest.mark.parametrize(
    ("content", "headers", "status", "code"),
    [
        (b"", {}, 422, "empty"),
        (b"GIF89a", {}, 422, "unknown_kind"),
        (PDF[:-30], {}, 422, "damaged"),
        (PDF, {"content-type": "text/html"}, 415, ""),
        (b"%PDF-" + b"0" * (22 * 1024 * 1024), {}, 413, ""),
        (b"%PDF-" + b"0" * (20 * 1024 * 1024), {}, 422, "too_large"),
    ],
)
def test_what_is_no_scan_is_refused_by_its_content(
    house: PortalHouse, station: TestClient, content: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    record = pushed(house, station, house.deliver("penalty-decision"))
    refused = put(station, record, content, **headers)
    assert refused.status_code == status, refused.text
    assert [fault["code"] for fault in refused.json()["faults"]] == ([code] if code else [])
    assert all(fault["pointer"] == "" for fault in refused.json()["faults"])
    assert station.get(f"/paper-receipts/{record['receipt_id']}").json() == record


def test_a_barcode_makes_a_provisional_record_once(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id)
    spaced = f" {attempt['code'][:6]} {attempt['code'][6:]}"
    first = station.post("/paper-receipts", json={"code": spaced, "date": "今天"})
    assert first.status_code == 201, first.text
    made = first.json()
    assert (made["attempt_id"], made["method"], made["outcome"]) == (attempt["id"], "direct", "served")
    assert (made["date"], made["served_on"]) == (today(house).isoformat(), today(house).isoformat())
    assert (made["status"], made["missing"]) == ("provisional", ["scan", "receiver", "capacity"])
    again = station.post("/paper-receipts", json={"code": attempt["code"], "date": today(house).strftime("%Y%m%d")})
    assert (again.status_code, again.json()) == (200, made)
    assert house.row(delivery_id)["service_status"] == "pending"
    other = station.post("/paper-receipts", json={"code": attempt["code"], "date": "today", "outcome": "refused"})
    assert other.status_code == 422 and other.json()["faults"][0]["code"] == "recorded_already"


@pytest.mark.parametrize("said", [None, "?", "不清"])
def test_a_barcode_record_says_that_the_date_cannot_be_read(
    house: PortalHouse, station: TestClient, said: str | None
) -> None:
    delivery_id = house.deliver("penalty-decision")
    body = {"code": begin(house, delivery_id)["code"], "date": said, "date_note": "邮戳模糊"}
    first = station.post("/paper-receipts", json=body)
    assert first.status_code == 201, first.text
    made = first.json()
    assert (made["date"], made["served_on"], made["status"]) == (None, None, "provisional")
    assert made["missing"] == ["scan", "receiver", "capacity", "date"]
    again = station.post("/paper-receipts", json=body)
    assert (again.status_code, again.json()) == (200, made)
    assert house.row(delivery_id)["service_status"] == "provisional"
    assert station.post("/paper-receipts", json={"code": body["code"]}).status_code == 422, "null has to be said"


def test_a_case_system_says_that_the_date_cannot_be_read(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    made = pushed(house, station, delivery_id, date=None, illegible=True, date_note="邮戳模糊")
    assert (made["served_on"], made["status"], made["missing"]) == (None, "provisional", ["scan", "date"])
    assert put(station, made).json()["missing"] == ["date"]
    assert house.row(delivery_id)["service_status"] == "provisional"


def test_a_record_by_barcode_keeps_its_scan_and_waits_for_its_details(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    record = station.post("/paper-receipts", json={"code": code, "date": "today"}).json()
    scanned = put(station, record).json()
    assert (scanned["status"], scanned["missing"]) == ("provisional", ["receiver", "capacity"])
    assert put(station, record).json() == scanned
    assert put(station, record, SCAN, **{"content-type": "image/png"}).status_code == 409
    assert house.row(delivery_id)["scan_missing"] and house.row(delivery_id)["service_status"] == "pending"
    clerk = house.browser("clerk")
    assert "/files/" in clerk.get(f"/desk/{delivery_id}").text, "the clerk finds the scan at the attempt"


def test_a_failed_attempt_lacks_nothing_but_its_scan(house: PortalHouse, station: TestClient) -> None:
    code = begin(house, house.deliver("penalty-decision"))["code"]
    record = station.post("/paper-receipts", json={"code": code, "date": "today", "outcome": "absent"}).json()
    assert (record["served_on"], record["missing"]) == (None, ["scan"])
    assert put(station, record).json()["status"] == "final"


def test_what_was_refused_at_the_door_is_leaving(house: PortalHouse, station: TestClient) -> None:
    code = begin(house, house.deliver("penalty-decision"))["code"]
    body = {"code": code, "date": "today", "method": "leaving"}
    record = station.post("/paper-receipts", json=body).json()
    assert (record["method"], record["missing"]) == ("leaving", ["scan", "refusal_reason", "place", "witnesses"])


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"code": "123"}, "/code"),
        ({"code": "482915736099"}, "/code"),
        ({"date": "tomorrow"}, "/date"),
        ({"date": "2099-01-01"}, "/date"),
        ({"method": "pigeon"}, "/method"),
        ({"outcome": "eaten"}, "/outcome"),
        ({"surprise": 1}, "/surprise"),
        ({"date": 20261122}, "/date"),
    ],
)
def test_each_fault_names_its_field_and_nothing_is_stored(
    house: PortalHouse, station: TestClient, change: dict[str, Any], pointer: str
) -> None:
    delivery_id = house.deliver("penalty-decision")
    body = {"code": begin(house, delivery_id)["code"], "date": "today"} | change
    refused = station.post("/paper-receipts", json=body)
    assert refused.status_code == 422, refused.text
    assert pointer in {fault["pointer"] for fault in refused.json()["faults"]}
    assert events(house, delivery_id, "paper.recorded") == []


def test_who_may_do_it(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    with house.database.write() as connection:
        directory.create_authority(connection, "another")
    body = {"code": code, "date": "today"}
    others = [key(house, "deliveries:write"), key(house, api_keys.SCANS, authority="another")]
    for headers in others:
        refused = station.post("/paper-receipts", json=body, headers=headers)
        assert refused.json()["faults"][0]["code"] == "unknown_code", "as if nobody had it"
    wrong = key(house, "jobs:write", "documents:read", client_id=owner(house, delivery_id))
    assert station.post("/paper-receipts", json=body, headers=wrong).status_code == 403
    assert station.post("/paper-receipts", json=body, headers={"Authorization": ""}).status_code == 401
    own = key(house, "deliveries:write", client_id=owner(house, delivery_id))
    record = station.post("/paper-receipts", json=body, headers=own).json()
    for headers in others:
        assert put(station, record, **headers).status_code == 404
        assert station.get(f"/paper-receipts/{record['receipt_id']}", headers=headers).status_code == 404
    assert put(station, record, **wrong).status_code == 403
    assert put(station, record, **own).status_code == 200
    assert put(station, {"receipt_id": "ppr_x"}).status_code == 404
    assert put(station, {"receipt_id": "ppr_" + "0" * 25}).status_code == 404
    path = f"/deliveries/{delivery_id}/paper-receipts"
    assert station.post(path, json=direct(house)).status_code == 403, "a station records by barcode alone"


def test_a_proof_that_a_stack_brought_is_not_replaced(house: PortalHouse, station: TestClient, tmp_path: Path) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id)
    record = station.post("/paper-receipts", json={"code": attempt["code"], "date": "today"}).json()
    names = house.database, FileStore(tmp_path / "store"), AUTHORITY, delivery_id
    attempts.add_file(*names, attempt["id"], "proof", SCAN, "per_clerk")
    assert put(station, record).status_code == 409
    assert put(station, record, SCAN, **{"content-type": "image/png"}).status_code == 200


def test_nothing_is_served_before_it_is_released(house: PortalHouse, station: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    with house.database.write() as connection:
        connection.execute(sa.update(document).values(released_at=None))
    refused = station.post("/paper-receipts", json={"code": code, "date": "today"})
    assert refused.json()["faults"][0]["code"] == "not_released"
