"""Objections to a service date (letter III.3): raised with grounds, ruled by a named person, told to the party."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery.beijing import day_of
from delivery.service import decide_delivery
from records import ledger
from records.database import Database, legal_time
from tests.integration.test_portal_submissions import picture
from tests.portal_house import PortalHouse, furnish, hidden


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("NEA-FLB")


def today(house: PortalHouse) -> Any:
    with house.database.read() as connection:
        return day_of(legal_time(connection))


def deemed(house: PortalHouse) -> str:
    """A delivery that nobody confirmed, whose third working day has ended."""
    delivery_id = house.deliver()
    house.settle(delivery_id, days=10)
    assert house.row(delivery_id)["service_basis"] == "deemed"
    return delivery_id


def object_to(client: TestClient, delivery_id: str, *, status: int = 303, **fields: Any) -> str:
    page = client.get(f"/inbox/{delivery_id}/objection").text
    form = {name: hidden(page, name) for name in ("csrf", "once")}
    form |= {"claimed": "20261204", "grounds": "系统故障，无法登录", "person_name": "王敏"}
    files = {"file1": ("证明.png", picture(), "image/png")}
    answer = client.post(f"/inbox/{delivery_id}/objection", data=form | fields, files=files)
    assert answer.status_code == status, answer.text
    return answer.text


def path_of(clerk: TestClient) -> str:
    page = clerk.get("/desk/incoming").text
    return "/desk/objections/" + page.split("/desk/objections/")[1].split('"')[0]


def rule_on(clerk: TestClient, path: str, *, status: int = 303, **fields: str) -> str:
    answer = clerk.post(path, data={"csrf": hidden(clerk.get(path).text, "csrf")} | fields)
    assert answer.status_code == status, answer.text
    return answer.text


@pytest.mark.rule("LAW-4")
def test_an_upheld_objection_supersedes_the_date_by_a_named_ruling_and_the_party_reads_it(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = deemed(house)
    before = house.row(delivery_id)
    object_to(client, delivery_id)
    assert house.row(delivery_id)["service_date"] == before["service_date"], "the date stands until there is a ruling"
    clerk = house.browser("clerk")
    path = path_of(clerk)
    page = clerk.get(path).text
    assert "系统故障，无法登录" in page and "刘芳" in page
    assert clerk.get(f"{path}/file").content == picture()
    day = today(house) - timedelta(days=1)
    rule_on(clerk, path, outcome="upheld", served_on=day.isoformat(), reasons="系统记录表明无法登录")
    row = house.row(delivery_id)
    assert (row["service_date"], row["service_basis"], row["service_status"]) == (day.isoformat(), "ruling", "final")
    with house.database.read() as connection:
        events = ledger.events(connection, row["document_id"])
    kinds = [event.kind for event in events if event.kind.startswith(("objection", "service"))]
    assert kinds[-3:] == ["objection.raised", "objection.ruled", "service.superseded"]
    ruling = next(event for event in events if event.kind == "objection.ruled")
    assert (ruling.body["name"], ruling.legal_date) == ("刘芳", day.isoformat())
    house.settle(delivery_id)
    assert house.row(delivery_id) == row, "the settle step comes to the same"
    client.post(f"/inbox/{delivery_id}/open", data={"csrf": hidden(client.get("/inbox").text, "csrf")})
    page = client.get(f"/inbox/{delivery_id}").text
    assert "异议成立，送达日期为" in page and "系统记录表明无法登录" in page and "对异议作出的决定所定之日" in page
    assert "Letter III.3" in client.get(f"/inbox/{delivery_id}/service?lang=en").text
    limits = {limit["id"]: limit for limit in row["deadlines"]["limits"]}
    assert limits["statement"]["start"] == day.isoformat(), "periods are counted from the new date"


def test_what_happened_before_the_ruling_is_decided_without_it(house: PortalHouse, client: TestClient) -> None:
    delivery_id = deemed(house)
    with house.database.read() as connection:
        moment = legal_time(connection)
    object_to(client, delivery_id)
    clerk = house.browser("clerk")
    rule_on(clerk, path_of(clerk), outcome="upheld", served_on=today(house).isoformat(), reasons="x")
    with house.database.write() as connection:
        assert decide_delivery(connection, delivery_id, moment).basis == "deemed"
        assert decide_delivery(connection, delivery_id, legal_time(connection)).basis == "ruling"


@pytest.mark.rule("LAW-4")
def test_a_dismissed_objection_leaves_the_date_and_its_reasons_are_told(house: PortalHouse, client: TestClient) -> None:
    delivery_id = deemed(house)
    before = house.row(delivery_id)["service_date"]
    object_to(client, delivery_id)
    clerk = house.browser("clerk")
    path = path_of(clerk)
    rule_on(clerk, path, outcome="dismissed", reasons="没有证据")
    assert house.row(delivery_id)["service_date"] == before
    assert path not in clerk.get("/desk/incoming").text
    form = {"csrf": hidden(clerk.get(path).text, "csrf"), "outcome": "dismissed", "reasons": "again"}
    assert clerk.post(path, data=form).status_code == 422, "a ruling is not changed"
    client.post(f"/inbox/{delivery_id}/open", data={"csrf": hidden(client.get("/inbox").text, "csrf")})
    assert "没有证据" in client.get(f"/inbox/{delivery_id}").text
    object_to(client, delivery_id)  # new grounds may come


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"outcome": "upheld", "reasons": "x"}, "请填写日期"),
        ({"outcome": "upheld", "reasons": "x", "served_on": "2026-01-01"}, "不得早于发送之日"),
        ({"outcome": "upheld", "reasons": "x", "served_on": "2027-12-31"}, "不得将送达日期定在将来"),
        ({"outcome": "dismissed"}, "请写明理由"),
        ({"reasons": "x"}, "请选择决定结果"),
    ],
)
def test_a_ruling_needs_an_outcome_reasons_and_a_possible_day(
    house: PortalHouse, client: TestClient, fields: dict[str, str], fault: str
) -> None:
    object_to(client, deemed(house))
    clerk = house.browser("clerk")
    assert fault in rule_on(clerk, path_of(clerk), status=422, **fields)


def test_an_objection_needs_a_date_grounds_a_person_and_waits_for_the_one_before(
    house: PortalHouse, client: TestClient
) -> None:
    open_ = house.deliver(number=7)
    assert client.get(f"/inbox/{open_}/objection").headers["location"] == f"/inbox/{open_}/service"
    delivery_id = deemed(house)
    assert "请写明理由" in object_to(client, delivery_id, status=422, grounds="")
    assert "请填写日期" in object_to(client, delivery_id, status=422, claimed="gestern")
    assert "真实姓名" in object_to(client, delivery_id, status=422, person_name="")
    page = object_to(client, delivery_id, status=422, person_name="", grounds="")
    assert "真实姓名" in page and page.count('class="fault"') == 2, "every fault at once, at its own field"
    page = object_to(client, delivery_id, status=422, grounds="")
    assert 'value="王敏"' in page, "what was typed is not lost"
    assert "与现有送达日期相同" in object_to(
        client, delivery_id, status=422, claimed=str(house.row(delivery_id)["service_date"])
    )
    object_to(client, delivery_id)
    assert "已有一项异议等待决定" in object_to(client, delivery_id, status=422)


def test_an_objection_is_the_partys_and_its_authoritys_only(house: PortalHouse, client: TestClient) -> None:
    delivery_id = deemed(house)
    object_to(client, delivery_id)
    assert house.browser("OTHER-FLB").get(f"/inbox/{delivery_id}/objection").status_code == 404
    path = path_of(house.browser("clerk"))
    elsewhere = house.browser("clerk-elsewhere")
    form = {"csrf": hidden(elsewhere.get("/desk").text, "csrf"), "outcome": "dismissed", "reasons": "x"}
    assert elsewhere.get(path).status_code == elsewhere.get(f"{path}/file").status_code == 404
    assert elsewhere.post(path, data=form).status_code == 404
