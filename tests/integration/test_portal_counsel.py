"""Outside counsel: asked for with a power of attorney, approved by a clerk, an account that ends by itself."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from delivery import accounts
from delivery.beijing import day_of
from delivery.portal import app, settings_pages
from pipeline.composition import Songda
from pipeline.settings import Settings
from records import access, changes, directory, feeds, ledger
from records.access import Account
from records.database import Database, legal_time, set_legal_time
from records.ids import new_id
from records.inbox import counts
from records.tables import account, counsel
from tests.integration.test_portal_submissions import picture
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden, log_in
from tests.registration_house import deliver, texts

PHONE = "13911113333"

_OF_A_DELIVERY = [
    (method, route.path)
    for part in app._PAGES
    for route in part.router.routes
    if isinstance(route, APIRoute) and route.path.startswith("/inbox/{delivery_id}")
    for method in sorted(route.methods)
]


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("NEA-FLB")


def ask(house: PortalHouse, client: TestClient, *, status: int = 303, days: int = 30, **fields: Any) -> str:
    with house.database.read() as connection:
        last_day = day_of(legal_time(connection)) + timedelta(days=days)
    form = {"csrf": hidden(client.get("/inbox/counsel").text, "csrf"), "last_day": last_day.isoformat()}
    form |= {"name": "陈律师", "firm": "示例律师事务所", "login": "NEA-LAW"}
    form |= {"email": "chen@law.test", "mobile": PHONE} | fields
    answer = client.post("/inbox/counsel", data=form, files={"file1": ("委托书.png", picture(), "image/png")})
    assert answer.status_code == status, answer.text
    return answer.text


def path_of(clerk: TestClient) -> str:
    return "/desk/counsel/" + clerk.get("/desk/incoming").text.split("/desk/counsel/")[1].split('"')[0]


def decide(clerk: TestClient, path: str, act: str, reason: str = "") -> int:
    form = {"csrf": hidden(clerk.get(path).text, "csrf"), "act": act, "reason": reason}
    return int(clerk.post(path, data=form).status_code)


OWN = "a password of counsel"


def code_of(house: PortalHouse, home: Path) -> str:
    """The newest code that counsel's telephone got."""
    songda = Songda(Settings(home=home), house.database, house.store)
    deliver(songda)
    return str(re.findall(r"激活码为([0-9A-Z-]{11})", texts(songda, PHONE)[-1])[0])


def activate(house: PortalHouse, code: str) -> int:
    browser = house.browser()
    form = {"csrf": hidden(browser.get("/activate").text, "csrf"), "login": "NEA-LAW", "code": code}
    return int(browser.post("/activate", data=form | {"password": OWN, "again": OWN}).status_code)


def again(client: TestClient, counsel_id: str) -> int:
    form = {"csrf": hidden(client.get("/inbox/counsel").text, "csrf")}
    return int(client.post(f"/inbox/counsel/{counsel_id}/code", data=form).status_code)


def approved(house: PortalHouse, client: TestClient, **fields: str) -> str:
    """An account of counsel that waits for its code; the id of the request."""
    ask(house, client, **fields)
    clerk = house.browser("clerk")
    path = path_of(clerk)
    assert clerk.get(f"{path}/file").content == picture()
    assert "chen@law.test" in clerk.get(path).text
    assert decide(clerk, path, "approve") == 303
    return path.rpartition("/")[2]


def opened(house: PortalHouse, client: TestClient, home: Path, **fields: str) -> tuple[str, str]:
    """An account of counsel in use: the id of the request, and the password."""
    counsel_id = approved(house, client, **fields)
    assert activate(house, code_of(house, home)) == 303
    return counsel_id, OWN


def test_the_account_of_counsel_opens_by_a_code_that_only_counsel_gets(
    house: PortalHouse, client: TestClient, tmp_path: Path
) -> None:
    counsel_id, clerk = approved(house, client), house.browser("clerk")
    code = code_of(house, tmp_path)
    pages = [client.get("/inbox/counsel").text, client.get("/settings").text, clerk.get("/desk/incoming").text]
    pages += [clerk.get(f"/desk/counsel/{counsel_id}").text, clerk.get("/desk/accounts/air-example").text]
    assert not any(code in each for each in pages), "neither the clerk nor the client knows what opens it"
    assert "账号NEA-LAW已开通" in pages[1], "the client's contacts are told, and its accounts see it"
    assert log_in(house.browser(), "NEA-LAW", code).status_code == 401
    assert again(client, counsel_id) == 303
    newer = code_of(house, tmp_path)
    assert activate(house, code) == 401 and activate(house, newer) == 303 and activate(house, newer) == 401
    assert log_in(house.browser(), "NEA-LAW", OWN).status_code == 303
    with house.database.read() as connection:
        events = ledger.events(connection, f"directory:{AUTHORITY}")
        assert not any("chen@law.test" in str(each.body) or PHONE in str(each.body) for each in events)
        issued = [each.actor for each in events if each.kind == "account.activation_issued"]
    assert issued[1] == house.accounts["NEA-FLB"].id


def test_a_request_whose_day_has_passed_or_that_names_no_address_is_returned(
    house: PortalHouse, client: TestClient
) -> None:
    ask(house, client, days=1)
    clerk = house.browser("clerk")
    path = path_of(clerk)
    with house.database.write() as connection:
        connection.execute(counsel.update().values(email=None))  # as asked for before an upgrade
    form = {"csrf": hidden(clerk.get(path).text, "csrf"), "act": "approve"}
    assert "请退回" in clerk.post(path, data=form).text
    with house.database.write() as connection:
        connection.execute(counsel.update().values(email="chen@law.test"))
        set_legal_time(connection, legal_time(connection) + timedelta(days=3))
    assert "授权已到期" in clerk.post(path, data=form).text
    assert decide(clerk, path, "return", "授权已到期") == 303


def test_counsel_comes_into_no_settings_of_the_client(house: PortalHouse, client: TestClient, tmp_path: Path) -> None:
    """What the client says of itself, down to its consent to electronic service, is no business of counsel."""
    _, password = opened(house, client, tmp_path)
    theirs = house.browser()
    log_in(theirs, "NEA-LAW", password)
    page = theirs.get("/inbox").text
    assert 'href="/settings/access"' in page and 'href="/settings"' not in page
    token = hidden(theirs.get("/settings/access").text, "csrf")
    tried = 0
    for route in settings_pages.router.routes:
        assert isinstance(route, APIRoute)
        ids = {"account_id": new_id("acc"), "contact_id": new_id("con"), "change_id": new_id("chg")}
        address = route.path.format(act="end", **ids)
        for method in route.methods:
            answer = theirs.request(method, address, data={"csrf": token, "password": password})
            assert (answer.status_code, answer.headers.get("location")) == (303, "/settings/access"), (method, address)
            tried += 1
    assert tried >= 10
    with house.database.read() as connection:
        told = changes.of_counterparty(connection, AUTHORITY, "air-example")
    assert {row["kind"] for row in told} == {"access"}, "of the account itself, and nothing else"


def test_the_account_of_counsel_does_not_take_the_place_of_the_last_own_one(
    house: PortalHouse, client: TestClient, tmp_path: Path
) -> None:
    opened(house, client, tmp_path)
    own = house.accounts["NEA-FLB"]
    with house.database.write() as connection:
        (counsel_account,) = [
            row["id"] for row in changes.accounts(connection, AUTHORITY, "air-example") if row["login"] == "NEA-LAW"
        ]
        _, at_once = accounts.stop_account(connection, own, own.id)
        assert not at_once, "without an own account service is on paper: a clerk decides"
        assert accounts.stop_account(connection, own, counsel_account)[1]


def test_counsel_sees_the_clients_inbox_until_the_last_day_has_ended(
    house: PortalHouse, client: TestClient, tmp_path: Path
) -> None:
    delivery_id = house.deliver()
    _, password = opened(house, client, tmp_path)
    theirs = house.browser()
    assert log_in(theirs, "NEA-LAW", password).status_code == 303
    assert f'href="/inbox/{delivery_id}"' in theirs.get("/inbox").text
    with house.database.write() as connection:
        row = connection.execute(account.select().where(account.c.login == "NEA-LAW")).one()
        _, token = feeds.issue(
            connection, "counterparty", AUTHORITY, ("account", row.id), counterparty_id="air-example"
        )
        set_legal_time(connection, row.ends_at - timedelta(seconds=30))
    assert theirs.get("/inbox").status_code == 200, "the last day has not ended"
    with house.database.write() as connection:
        set_legal_time(connection, row.ends_at)
        assert feeds.find(connection, token) is None
    assert theirs.get("/inbox").status_code == 303
    assert log_in(house.browser(), "NEA-LAW", password).status_code == 401
    assert "已到期" in client.get("/inbox/counsel").text


def test_a_power_of_attorney_for_a_case_opens_nothing_of_another(
    house: PortalHouse, client: TestClient, tmp_path: Path
) -> None:
    """By every way that a document of the client has to its reader."""
    theirs_id = house.deliver("penalty-decision", number=1)
    other_id = house.deliver("penalty-decision", number=2, case_no="华北罚立〔2026〕18号")
    _, password = opened(house, client, tmp_path, cases=" 华北罚立[2026]17号 \r\n\r\n华北罚立〔2026〕17号")
    counsel_page = client.get("/inbox/counsel").text
    assert "授权案件：华北罚立〔2026〕17号<" in counsel_page
    theirs = house.browser()
    log_in(theirs, "NEA-LAW", password)
    for path in ("/inbox", "/inbox?state=unread", "/inbox?q=2026"):
        shown = theirs.get(path).text
        assert f"/inbox/{theirs_id}" in shown and f"/inbox/{other_id}" not in shown, path
    assert other_id in client.get("/inbox").text
    token = hidden(theirs.get("/inbox").text, "csrf")
    tried = 0
    for method, path in _OF_A_DELIVERY:
        address = path.format(delivery_id=other_id, submission_id=new_id("sub"), position="1")
        assert theirs.request(method, address, data={"csrf": token}).status_code in (404, 422), (method, path)
        tried += 1
    assert tried >= 10
    assert theirs.get(f"/inbox/{theirs_id}").status_code == 200
    table = theirs.post("/inbox/list.csv", data={"csrf": token}).text
    assert table.count("华北罚立〔2026〕17号") == 1 and "18号" not in table
    picked = {"csrf": token, f"pick_{other_id}": "1", "opening": "yes"}
    assert theirs.post("/inbox/archive", data=picked).status_code == 404
    with house.database.write() as connection:
        shown = {}
        for login in ("NEA-LAW", "NEA-FLB"):
            account_id = connection.execute(sa.select(account.c.id).where(account.c.login == login)).scalar_one()
            owner = ("account", account_id)
            _, secret = feeds.issue(connection, "counterparty", AUTHORITY, owner, counterparty_id="air-example")
            row = feeds.find(connection, secret)
            assert row is not None
            shown[login] = {each["id"] for each in feeds.rows(connection, row, "2000-01-01")}
        assert shown == {"NEA-LAW": {theirs_id}, "NEA-FLB": {theirs_id, other_id}}
        (found,) = access.credentials(connection, "NEA-LAW")
        assert isinstance(found.subject, Account) and found.subject.cases == ("华北罚立〔2026〕17号",)
        assert counts(connection, found.subject)["unread"] == 1


def test_counsel_appoints_no_counsel_and_makes_nobody_a_dedicated_account(
    house: PortalHouse, client: TestClient, tmp_path: Path
) -> None:
    counsel_id, password = opened(house, client, tmp_path)
    theirs = house.browser()
    log_in(theirs, "NEA-LAW", password)
    assert theirs.get("/inbox/counsel").status_code == 404
    form = {"csrf": hidden(theirs.get("/inbox").text, "csrf")}
    for act in ("code", "revoke"):
        assert theirs.post(f"/inbox/counsel/{counsel_id}/{act}", data=form).status_code == 404
    with house.database.write() as connection:
        connection.execute(account.update().where(account.c.login == "NEA-FLB").values(state="stopped"))
        assert not directory.has_approved_account(connection, AUTHORITY, "air-example")


def test_revoking_ends_the_account_and_its_sessions_at_once(
    house: PortalHouse, client: TestClient, tmp_path: Path
) -> None:
    counsel_id, password = opened(house, client, tmp_path)
    theirs = house.browser()
    log_in(theirs, "NEA-LAW", password)
    form = {"csrf": hidden(client.get("/inbox").text, "csrf")}
    assert client.post(f"/inbox/counsel/{counsel_id}/revoke", data=form).status_code == 303
    assert theirs.get("/inbox").status_code == 303
    assert client.post(f"/inbox/counsel/{counsel_id}/code", data=form).status_code == 404
    with house.database.read() as connection:
        kinds = [event.kind for event in ledger.events(connection, f"directory:{AUTHORITY}")]
    assert [kind for kind in kinds if kind.startswith("counsel.")] == [
        "counsel.asked",
        "counsel.approved",
        "counsel.revoked",
    ]


def test_a_request_is_returned_with_a_reason_that_the_client_reads(house: PortalHouse, client: TestClient) -> None:
    ask(house, client)
    clerk = house.browser("clerk")
    path = path_of(clerk)
    assert decide(clerk, path, "return") == 422
    assert decide(clerk, path, "return", "缺少印章") == 303
    assert "缺少印章" in client.get("/inbox/counsel").text
    assert decide(clerk, path, "approve") == 303  # too late: it changes nothing
    assert log_in(house.browser(), "NEA-LAW", "x").status_code == 401
    assert "已退回" in client.get("/inbox/counsel").text


def test_a_representative_need_not_belong_to_a_firm(house: PortalHouse, client: TestClient) -> None:
    ask(house, client, firm="")
    assert "<strong>陈律师</strong> <span" in client.get("/inbox/counsel").text
    clerk = house.browser("clerk")
    assert decide(clerk, path_of(clerk), "approve") == 303
    with house.database.read() as connection:
        found = connection.execute(account.select().where(account.c.login == "NEA-LAW")).one()
    assert found.department == "陈律师"


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"login": "律师"}, "不得含有中文字符"),
        ({"login": "NEA-"}, "首尾为字母或者数字"),
        ({"login": "nea-flb"}, "已被使用"),
        ({"login": "OTHER-FLB"}, "已被使用"),
        ({"login": "clerk"}, "已被使用"),
        ({"name": ""}, "此项必填"),
        ({"email": ""}, 'id="email-fault-1"'),
        ({"email": "chen"}, 'id="email-fault-1"'),
        ({"mobile": "call me"}, "手机号码不正确"),
        ({"last_day": "2020-01-01"}, "三年之内"),
        ({"last_day": "never"}, "请填写日期"),
        ({"cases": "华北罚立〔2026〕99号"}, "未收到过案号为华北罚立〔2026〕99号的文书"),
        ({"cases": "〔2026〕"}, "未收到过"),
        ({"cases": "\n".join(map(str, range(51)))}, "最多填写50个案号"),
    ],
)
def test_a_request_tells_every_fault(
    house: PortalHouse, client: TestClient, fields: dict[str, str], fault: str
) -> None:
    assert fault in ask(house, client, status=422, **fields)


def test_a_request_is_the_counterpartys_and_its_authoritys_only(
    house: PortalHouse, client: TestClient, tmp_path: Path
) -> None:
    counsel_id, _ = opened(house, client, tmp_path)
    other = house.browser("OTHER-FLB")
    form = {"csrf": hidden(other.get("/inbox").text, "csrf")}
    for act in ("code", "revoke"):
        assert other.post(f"/inbox/counsel/{counsel_id}/{act}", data=form).status_code == 404
    elsewhere = house.browser("clerk-elsewhere")
    for path in ("", "/file"):
        assert elsewhere.get(f"/desk/counsel/{counsel_id}{path}").status_code == 404
