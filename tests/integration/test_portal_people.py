"""People of an account, what was done by whom, and the paper copy that somebody asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from records import access, copy_requests, ledger
from records.access import Person
from records.database import Database
from records.paging import Part
from tests.integration.test_portal_inbox import confirm_it, open_it
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("NEA-FLB")


def clerk_of(house: PortalHouse, login: str = "clerk") -> Person:
    with house.database.read() as connection:
        found = access.credentials(connection, login)[0].subject
    assert isinstance(found, Person)
    return found


def name_somebody(client: TestClient, name: str, office: str = "") -> str:
    form = {"csrf": hidden(client.get("/inbox/people").text, "csrf"), "person_name": name, "person_office": office}
    assert client.post("/inbox/people", data=form).status_code == 303
    return hidden(client.get("/inbox/people").text, "person")


def test_nobody_confirms_without_a_real_name(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    page = client.get(f"/inbox/{delivery_id}/confirm").text
    form = {"csrf": hidden(page, "csrf"), "statement": hidden(page, "statement"), "person_name": " "}
    answer = client.post(f"/inbox/{delivery_id}/confirm", data=form)
    assert answer.status_code == 422 and "请写明操作人的真实姓名" in answer.text
    assert house.row(delivery_id)["confirmed_at"] is None


@pytest.mark.rule("ESL-10")
def test_a_person_of_the_list_confirms_and_the_ledger_tells_name_office_factor_session_and_words(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id, person = house.deliver(), name_somebody(client, "王敏", "法律部经理")
    page = client.get(f"/inbox/{delivery_id}/confirm").text
    form = {"csrf": hidden(page, "csrf"), "statement": hidden(page, "statement"), "person": person}
    assert client.post(f"/inbox/{delivery_id}/confirm", data=form).status_code == 303
    with house.database.read() as connection:
        events = ledger.events(connection, house.row(delivery_id)["document_id"])
    body = next(event.body for event in events if event.kind == "delivery.confirmed")
    assert (body["person"], body["office"], body["login"]) == ("王敏", "法律部经理", "NEA-FLB")
    assert body["factor"] == "password" and len(body["session_sha256"]) == 64
    assert "确认之日即为送达之日" in body["statement_zh"]


def test_a_list_is_the_accounts_own_and_what_was_signed_stays(house: PortalHouse, client: TestClient) -> None:
    person = name_somebody(client, "王敏")
    theirs = house.browser("OTHER-FLB")
    assert "王敏" not in theirs.get("/inbox/people").text
    theirs.post("/inbox/people/end", data={"csrf": hidden(theirs.get("/inbox").text, "csrf"), "person": person})
    assert "王敏" in client.get("/inbox/people").text
    client.post("/inbox/people/end", data={"csrf": hidden(client.get("/inbox").text, "csrf"), "person": person})
    assert "王敏" not in client.get("/inbox/people").text
    with house.database.read() as connection:
        kinds = [event.kind for event in ledger.events(connection, f"directory:{AUTHORITY}")]
    assert kinds[-2:] == ["account.person_named", "account.person_ended"]


def test_all_accounts_see_who_opened_and_who_confirmed(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id)
    confirm_it(client, delivery_id)
    page = client.get(f"/inbox/{delivery_id}").text
    history = page.split('id="history"')[1]
    assert "首次打开 · NEA-FLB" in history and "确认收讫 · 王敏，NEA-FLB，法律部" in history
    assert '<time datetime="2026-' in history and "北京时间" in history


def without_moments(row: dict[str, Any]) -> dict[str, Any]:
    """A delivery but for its status, and for the moment as of which the reasons are told."""
    reasons = [each["rule"] for each in row["service_answer"]["reasons"]]
    return {**row, "status": "", "service_answer": {**row["service_answer"], "reasons": reasons}}


@pytest.mark.rule("LAW-3")
def test_a_paper_copy_is_asked_for_once_shown_at_the_desk_and_changes_no_date(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id)
    before = house.row(delivery_id)
    form = {"csrf": hidden(client.get("/inbox").text, "csrf")}
    for _ in range(2):
        assert client.post(f"/inbox/{delivery_id}/copy", data=form).status_code == 303
    assert "尚未寄出" in client.get(f"/inbox/{delivery_id}").text
    theirs = house.browser("OTHER-FLB")
    form = {"csrf": hidden(theirs.get("/inbox").text, "csrf")}
    assert theirs.post(f"/inbox/{delivery_id}/copy", data=form).status_code == 404
    with house.database.read() as connection:
        (row,) = copy_requests.waiting(connection, AUTHORITY, Part(9)).rows
    with house.database.write() as connection:
        with pytest.raises(LookupError):
            copy_requests.mark_sent(connection, row["request_id"], clerk_of(house, "clerk-elsewhere"))
        assert copy_requests.mark_sent(connection, row["request_id"], clerk_of(house))
        assert not copy_requests.mark_sent(connection, row["request_id"], clerk_of(house))
        assert copy_requests.count_waiting(connection, AUTHORITY) == 0
    house.settle(delivery_id)
    assert without_moments(house.row(delivery_id)) == without_moments(before)
    assert "纸质副本已寄出" in client.get(f"/inbox/{delivery_id}").text
