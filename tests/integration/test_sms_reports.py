"""Reports that a gateway pushes over HTTP: at an address that is a secret, recorded once, of one authority's alone."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from pipeline.api.app import make_api
from pipeline.cli import main
from pipeline.composition import Songda
from pipeline.settings import Settings
from records import api_keys, directory, ledger, messages, steps
from records.database import Database
from records.store import FileStore
from records.tables import message, notice
from tests.integration.test_notice_reports import sent
from tests.portal_house import AUTHORITY, PortalHouse, furnish
from tests.registration_house import applicant, decide, deliver, open_campaign, the_row

#: As "SmsReport: HTTP批量推送" of Alibaba Cloud shows it.
REPORT = {
    "phone_number": "13800138000",
    "send_time": "2026-11-23 09:00:00",
    "report_time": "2026-11-23 09:00:03",
    "success": True,
    "err_code": "DELIVERED",
    "err_msg": "用户接收成功",
    "sms_size": "1",
    "biz_id": "9006^0",
    "out_id": "ntc_1",
}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def web(house: PortalHouse, tmp_path: Path) -> TestClient:
    songda = Songda(Settings(home=tmp_path), house.database, FileStore(tmp_path / "store"))
    return TestClient(make_api(songda))


def address(house: PortalHouse, scope: str = api_keys.SMS_REPORTS, authority: str = AUTHORITY) -> str:
    with house.database.write() as connection:
        client_id = api_keys.create_client(connection, authority, "SMS gateway")
        return f"/sms/reports/{api_keys.issue(connection, client_id, [scope])}"


def states(house: PortalHouse) -> Any:
    with house.database.read() as connection:
        return connection.execute(sa.select(notice.c.state, notice.c.report, notice.c.report_code)).one()


def test_a_pushed_report_is_recorded_once_and_answered_as_alibaba_cloud_expects(
    house: PortalHouse, web: TestClient
) -> None:
    delivery_id = sent(house, channel="sms")
    before, url = house.row(delivery_id), address(house)
    for _ in range(2):
        answer = web.post(url, json=[REPORT, REPORT | {"out_id": "another's"}])
        assert (answer.status_code, answer.json()) == (200, {"code": 0, "msg": "接收成功"})
    assert states(house) == ("sent", "delivered", "DELIVERED")
    assert house.row(delivery_id) == before, "a report sets no date"
    with house.database.read() as connection:
        events = [each for each in ledger.events(connection, before["document_id"]) if each.kind == "notice.reported"]
    assert len(events) == 1 and events[0].actor.startswith("client:cli_")
    assert "13800138000" not in json.dumps(events[0].body)


def test_an_address_reports_of_its_own_authority_alone(house: PortalHouse, web: TestClient) -> None:
    sent(house, channel="sms")
    with house.database.write() as connection:
        directory.create_authority(connection, "another")
    assert web.post(address(house, authority="another"), json=[REPORT]).status_code == 200
    assert states(house) == ("sent", None, None)


def test_whoever_has_no_such_address_finds_nothing(house: PortalHouse, web: TestClient) -> None:
    sent(house, channel="sms")
    url = address(house)
    prefix = url.split("_")[1]
    with house.database.write() as connection:
        assert [row["prefix"] for row in api_keys.in_force(connection, AUTHORITY, api_keys.SMS_REPORTS)] == [prefix]
        assert api_keys.in_force(connection, "another", api_keys.SMS_REPORTS) == []
    others = [
        address(house, "documents:read"),
        url[:-1] + ("0" if url[-1] != "0" else "1"),
        "/sms/reports/x",
        url + "x",
    ]
    for other in [*others, "/sms/reports/"]:
        answer = web.post(other, json=[REPORT])
        assert answer.status_code == 404, other
        assert "sgd_" not in answer.text
    assert web.get(url).status_code == 405 and "sgd_" not in web.get(url).text
    with house.database.write() as connection:
        assert api_keys.revoke(connection, prefix)
        assert api_keys.in_force(connection, AUTHORITY, api_keys.SMS_REPORTS) == []
    assert web.post(url, json=[REPORT]).status_code == 404
    assert states(house) == ("sent", None, None)


def test_the_secret_of_an_address_opens_nothing_else(house: PortalHouse, web: TestClient) -> None:
    key = address(house).rpartition("/")[2]
    headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "a"}
    assert web.post("/jobs", json={}, headers=headers).status_code == 403
    assert web.get("/series", headers=headers).status_code == 403


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"{}", "application/json", 422),
        (b'[{"out_id": 1, "success": true}]', "application/json", 422),
        (b'[{"out_id": "x", "success": "yes"}]', "application/json", 422),
        (json.dumps([REPORT] * 1001).encode(), "application/json", 422),
        (b"[", "application/json", 400),
        (b"[" + b" " * (1024 * 1024) + b"]", "application/json", 413),
        (b"[]", "text/plain", 415),
    ],
)
def test_what_is_no_list_of_reports_is_refused(
    house: PortalHouse, web: TestClient, content: bytes, kind: str, status: int
) -> None:
    sent(house, channel="sms")
    assert web.post(address(house), content=content, headers={"content-type": kind}).status_code == status
    assert states(house) == ("sent", None, None)


def test_the_address_stands_in_no_log(
    house: PortalHouse, web: TestClient, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = address(house)

    def lost(*_: object, **__: object) -> None:
        raise sa.exc.OperationalError("select", {}, Exception("gone"))

    monkeypatch.setattr("pipeline.api.sms.record_reports", lost)
    with caplog.at_level(logging.DEBUG):
        assert web.post(url, json=[REPORT]).status_code == 503
    ours = [record.getMessage() for record in caplog.records if record.name.startswith(("pipeline", "records"))]
    assert "POST /sms/reports/…: database: gone" in ours
    assert not any("sgd_" in line for line in ours)


def test_messages_of_registration_are_reported_too_and_the_clerk_sees_which_did_not_arrive(
    house: PortalHouse, web: TestClient, tmp_path: Path
) -> None:
    open_campaign(house)
    someone = applicant(house, tmp_path)
    someone.open()
    deliver(someone.songda)
    url = address(house)
    with house.database.read() as connection:
        (code,) = connection.execute(sa.select(message)).mappings()
    web.post(url, json=[REPORT | {"out_id": code["id"], "success": False, "err_code": "MK:0001"}])
    with house.database.read() as connection:
        found = messages.get(connection, code["id"])
    assert (found["state"], found["detail"]) == ("failed", "reported failed MK:0001")
    someone.prove()
    someone.fill()
    someone.report()
    clerk = house.browser("clerk")
    decide(clerk, the_row(house)["id"], "return", reasons_zh="缺页", reasons_en="A page is missing")
    deliver(someone.songda)
    with house.database.read() as connection:
        told = messages.of_registration(connection, the_row(house)["id"])
        result = next(each for each in told if each["channel"] == "sms")
    for _ in range(2):
        web.post(url, json=[REPORT | {"out_id": result["id"], "success": False, "err_code": "MK:0001"}])
    with house.database.read() as connection:
        kinds = [each.kind for each in ledger.events(connection, the_row(house)["id"])]
        assert messages.get(connection, result["id"])["state"] == "failed"
    assert kinds.count("message.reported") == 1
    page = clerk.get(f"/desk/registrations/{the_row(house)['id']}?lang=en").text
    assert f'→ {result["address"]} <span class="badge returned">failed' in page


def test_a_report_that_comes_before_the_worker_has_told_its_outcome_stays(house: PortalHouse, tmp_path: Path) -> None:
    with house.database.write() as connection:
        step = messages.write(connection, AUTHORITY, "sms", "13800138000", "registration-returned", {"number": "1"})
        of = steps.claim(connection, step, "test", 60)
        assert of
        messages.record_report(connection, of.subject_id, "failed", "MK:0001", "", actor="x")
        messages.conclude(connection, of.subject_id, "sent", "taken")
        assert messages.get(connection, of.subject_id)["state"] == "failed"


def test_an_address_is_made_listed_and_revoked_by_command(
    database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SONGDA_DATABASE_URL", database.url)
    with database.write() as connection:
        directory.create_authority(connection, "a")

    def songda(*words: str) -> Any:
        assert main(["--home", str(tmp_path), "sms", "address", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    url = songda("add")["url"]
    assert url.startswith("http://127.0.0.1:8000/v1/sms/reports/sgd_")
    prefix = url.split("_")[1]
    (row,) = songda("list")
    assert row["prefix"] == prefix and url.split("_")[2] not in json.dumps(row)
    songda("revoke", prefix)
    assert songda("list") == []
    with database.read() as connection:
        kinds = [each.kind for each in ledger.events(connection, "directory:a")]
    assert kinds[-2:] == ["api_key.issued", "api_key.revoked"]
