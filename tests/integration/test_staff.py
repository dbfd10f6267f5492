"""People and roles at the desk: an administrator adds, gives, takes, stops; each sees only what the role lets do."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery import staff
from records import access, feeds, ledger, paper, roles, second_factors
from records.access import Person
from records.database import Database
from records.errors import Refused
from records.tables import person
from tests.integration.test_portal_inbox import open_it
from tests.integration.test_portal_paper import begin
from tests.integration.test_portal_submissions import hand_in, picture
from tests.portal_house import AUTHORITY, PASSWORD, PortalHouse, furnish, hidden, log_in

STREAM = f"directory:{AUTHORITY}"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    made = furnish(database, tmp_path)
    made.employ("admin", "administrator", name="周建国")
    return made


@pytest.fixture
def admin(house: PortalHouse) -> TestClient:
    return house.browser("admin")


def row_of(house: PortalHouse, login: str) -> sa.RowMapping:
    with house.database.read() as connection:
        return access.person_row(connection, login)


def roles_of(house: PortalHouse, login: str) -> set[str]:
    with house.database.read() as connection:
        return set(roles.roles_of(connection, access.person_row(connection, login)["id"]))


def told(house: PortalHouse, *kinds: str) -> list[tuple[str, str, dict[str, Any]]]:
    with house.database.read() as connection:
        events = [each for each in ledger.events(connection, STREAM) if each.kind in kinds]
        assert list(ledger.verify(connection, STREAM)) == []
    return [(each.kind, each.subject, dict(each.body)) for each in events]


def post(client: TestClient, path: str, password: str = PASSWORD, **fields: str) -> Any:
    csrf = hidden(client.get("/desk/settings").text, "csrf")
    return client.post(path, data={"csrf": csrf, "password": password} | fields)


def subject(house: PortalHouse, login: str) -> Person:
    with house.database.read() as connection:
        return access.person_of(connection, access.person_row(connection, login))


# --- adding


def test_somebody_is_added_and_the_first_password_is_shown_once_and_opens_only_the_own_settings(
    house: PortalHouse, admin: TestClient
) -> None:
    shown = post(admin, "/desk/people", login="wang", name="王立新", role_inspector="1", role_finance="1")
    assert shown.status_code == 200
    password = re.search(r"<code>([^<]+)</code>", shown.text)
    assert password and password[1] not in admin.get("/desk/people").text
    assert "王立新" in admin.get("/desk/people").text
    by = row_of(house, "admin")["id"]
    given = told(house, "person.role_given")[-2:]
    assert [(body["role"], body["login"]) for _, _, body in given] == [("finance", "wang"), ("inspector", "wang")]
    with house.database.read() as connection:
        (event,) = [each for each in ledger.events(connection, STREAM) if each.body.get("name") == "王立新"]
    assert (event.kind, event.actor) == ("person.entered", by)
    new = house.browser()
    assert log_in(new, "wang", password[1]).status_code == 303
    assert new.get("/desk").headers["location"] == "/desk/settings"


def test_nobody_is_added_without_the_administrators_own_password(house: PortalHouse, admin: TestClient) -> None:
    before = told(house, "person.entered")
    answer = post(admin, "/desk/people", "wrong", login="wang", name="王立新", role_legal="1")
    assert answer.status_code == 401 and 'value="王立新"' in answer.text and "checked> 法制职能部门" in answer.text
    assert told(house, "person.entered") == before


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"login": "王"}, "登录名为1至32个"),
        ({"login": "a b"}, "登录名为1至32个"),
        ({"login": "clerk"}, "已被使用"),
        ({"login": "NEA-FLB"}, "已被使用"),
        ({"name": " "}, "请填写真实姓名"),
        ({"role_legal": None}, "请至少选择一个角色"),
        ({"role_king": "1"}, "请至少选择一个角色"),
    ],
)
def test_every_fault_of_a_new_person_is_told_and_nobody_is_added(
    house: PortalHouse, admin: TestClient, fields: dict[str, str | None], said: str
) -> None:
    before = told(house, "person.entered")
    form = {"login": "wang", "name": "王立新", "role_legal": "1"} | fields
    answer = post(admin, "/desk/people", **{name: value for name, value in form.items() if value is not None})
    assert answer.status_code == 422 and said in answer.text
    assert told(house, "person.entered") == before


# --- giving and taking


def test_a_role_is_given_and_taken_at_once_and_its_history_stays(house: PortalHouse, admin: TestClient) -> None:
    clerk, one = house.browser("clerk"), row_of(house, "clerk")["id"]
    path = f"/desk/people/{one}"
    assert clerk.get("/desk/registrations").status_code == 200 and clerk.get("/desk/people").status_code == 403
    answer = post(admin, f"{path}/roles", role_inspector="1", reason="调入检查处")
    assert answer.headers["location"] == f"{path}?told=roles_done"
    assert clerk.get("/desk/registrations").status_code == 403 and clerk.get("/desk/scan").status_code == 200
    post(admin, f"{path}/roles", role_inspector="1", role_legal="1", reason="调回")
    assert clerk.get("/desk/registrations").status_code == 200
    body = {"login": "clerk", "reason": "调入检查处"}
    assert told(house, "person.role_given", "person.role_taken")[-3:] == [
        ("person.role_given", one, body | {"role": "inspector"}),
        ("person.role_taken", one, body | {"role": "legal"}),
        ("person.role_given", one, {"login": "clerk", "role": "legal", "reason": "调回"}),
    ]
    page = admin.get(path).text
    assert page.count("法制职能部门：") == 2 and "由周建国收回" in page and "由系统授予" in page


def test_a_role_needs_a_reason_the_password_and_at_least_one_role_that_stays(
    house: PortalHouse, admin: TestClient
) -> None:
    path = f"/desk/people/{row_of(house, 'clerk')['id']}/roles"
    assert post(admin, path, role_leader="1", reason=" ").status_code == 422
    assert post(admin, path, "wrong", role_leader="1", reason="x").status_code == 401
    answer = post(admin, path, reason="x")
    assert answer.status_code == 422 and "请停用" in answer.text
    assert roles_of(house, "clerk") == {"legal"}
    assert admin.get(path).headers["location"] == path.rpartition("/")[0]


def test_the_last_administrator_neither_loses_the_role_nor_is_stopped(house: PortalHouse, admin: TestClient) -> None:
    path = f"/desk/people/{row_of(house, 'admin')['id']}"
    for act, fields in (("roles", {"role_legal": "1"}), ("stop", {})):
        answer = post(admin, f"{path}/{act}", reason="x", **fields)
        assert answer.status_code == 422 and "最后一名系统管理员" in answer.text
    assert roles_of(house, "admin") == {"administrator"}, "nothing is given either: all or none"
    post(admin, f"/desk/people/{row_of(house, 'clerk')['id']}/roles", role_administrator="1", reason="代理")
    assert post(admin, f"{path}/roles", role_legal="1", reason="x").status_code == 303
    assert roles_of(house, "admin") == {"legal"}
    assert admin.get("/desk/people").status_code == 403


def test_two_administrators_who_take_the_role_from_each_other_leave_one(house: PortalHouse) -> None:
    house.employ("second", "administrator")
    people = {login: subject(house, login) for login in ("admin", "second")}
    refused: list[str] = []

    def take(by: str, of: str) -> None:
        try:
            staff.change_roles(house.database, people[by], people[of].id, ["legal"], "x")
        except Refused:
            refused.append(of)

    threads = [threading.Thread(target=take, args=each) for each in (("admin", "second"), ("second", "admin"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
    assert roles_of(house, refused[0]) == {"administrator"}


def test_a_role_is_not_given_twice_nor_taken_from_who_has_it_not(house: PortalHouse) -> None:
    row = row_of(house, "clerk")
    with house.database.write() as connection:
        with pytest.raises(roles.NoChange):
            roles.give(connection, row, "legal", "x")
        with pytest.raises(roles.NoChange):
            roles.take(connection, row, "finance", "x")
        with pytest.raises(ValueError, match="king"):
            roles.give(connection, row, "king", "x")
    assert not staff.change_roles(house.database, subject(house, "admin"), row["id"], ["legal"], "as it is")


def test_a_calendar_feed_ends_with_the_last_role(house: PortalHouse) -> None:
    row = row_of(house, "clerk")
    with house.database.write() as connection:
        _, token = feeds.issue(connection, "desk", AUTHORITY, ("person", row["id"]))
        assert feeds.find(connection, token) is not None
        roles.take(connection, row, "legal", "x")
        assert feeds.find(connection, token) is None


# --- stopping, passwords, second factors


def test_who_is_stopped_is_logged_out_and_stays_on_the_list(house: PortalHouse, admin: TestClient) -> None:
    clerk, path = house.browser("clerk"), f"/desk/people/{row_of(house, 'clerk')['id']}"
    assert post(admin, f"{path}/stop", reason="").status_code == 422
    assert post(admin, f"{path}/stop", reason="调离").headers["location"] == f"{path}?told=stopped_done"
    assert clerk.get("/desk").headers["location"].startswith("/login")
    assert told(house, "person.stopped")[0][2] == {"login": "clerk", "reason": "调离"}
    page = admin.get(path).text
    assert "已停用" in page and "变更角色" not in page
    assert post(admin, f"{path}/password").status_code == 409


def test_a_new_first_password_ends_the_sessions_and_has_to_be_changed(house: PortalHouse, admin: TestClient) -> None:
    clerk, path = house.browser("clerk"), f"/desk/people/{row_of(house, 'clerk')['id']}/password"
    shown = post(admin, path)
    password = re.search(r"<code>([^<]+)</code>", shown.text)
    assert shown.status_code == 200 and password
    assert clerk.get("/desk").headers["location"].startswith("/login")
    assert log_in(clerk, "clerk").status_code == 401
    assert log_in(clerk, "clerk", password[1]).status_code == 303
    assert clerk.get("/desk").headers["location"] == "/desk/settings"
    assert told(house, "person.password_changed")[-1][2] == {"login": "clerk"}
    answer = post(admin, f"/desk/people/{row_of(house, 'admin')['id']}/password")
    assert answer.status_code == 422 and "设置" in answer.text, "the own one is changed by oneself"


def test_a_second_factor_of_somebody_is_removed_by_an_administrator_alone(
    house: PortalHouse, admin: TestClient
) -> None:
    found = subject(house, "clerk")
    path = f"/desk/people/{found.id}/factor"
    assert post(admin, path, reason="x").headers["location"].endswith("told=no_factor")
    with house.database.write() as connection:
        second_factors.begin(connection, found, "JBSWY3DPEHPK3PXP")
        second_factors.confirm(connection, found, 1)
        token = access.open_session(connection, found, 60)
    assert post(admin, path, reason=" ").status_code == 422
    assert post(admin, path, reason="当面核实").headers["location"].endswith("told=factor_done")
    with house.database.read() as connection:
        assert second_factors.find(connection, found) is None and access.find_session(connection, token) is None
    assert told(house, "second_factor.removed")[-1][2] == {"login": "clerk", "reason": "当面核实"}


def test_people_of_another_authority_are_not_there(house: PortalHouse, admin: TestClient) -> None:
    stranger = row_of(house, "clerk-elsewhere")["id"]
    path = f"/desk/people/{stranger}"
    assert admin.get(path).status_code == 404
    for act in ("roles", "stop", "password", "factor"):
        assert post(admin, f"{path}/{act}", role_legal="1", reason="x").status_code == 404, act
    assert "clerk-elsewhere" not in admin.get("/desk/people").text
    assert roles_of(house, "clerk-elsewhere") == {"legal", "administrator"}
    with house.database.read() as connection:
        assert connection.execute(sa.select(person.c.active).where(person.c.id == stranger)).scalar_one()


# --- what each sees


def test_the_first_page_shows_nothing_that_would_be_refused(house: PortalHouse) -> None:
    house.deliver("penalty-decision")
    for role in ("administrator", "legal", "inspector", "leader", "finance"):
        client = house.browser(house.employ(f"a-{role}", role))
        for link in set(re.findall(r'href="(/desk[^"?]*)', client.get("/desk").text)):
            assert client.get(link).status_code == 200, (role, link)


def test_a_delivery_shows_no_form_to_who_does_not_serve(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    begin(house, house.browser("clerk"), delivery_id)
    own = re.compile(rf'(?:action|href)="(/desk/{delivery_id}/[^"?]*)')
    for role in ("administrator", "leader", "finance"):
        client = house.browser(house.employ(f"a-{role}", role))
        assert set(own.findall(client.get(f"/desk/{delivery_id}").text)) == {f"/desk/{delivery_id}/document.pdf"}
    served = own.findall(house.browser(house.employ("an-inspector", "inspector")).get(f"/desk/{delivery_id}").text)
    assert f"/desk/{delivery_id}/record" in served and f"/desk/{delivery_id}/public-notice" not in served
    assert f"/desk/{delivery_id}/public-notice" in own.findall(house.browser("clerk").get(f"/desk/{delivery_id}").text)


def test_an_inspector_neither_begins_nor_records_a_public_notice(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    client = house.browser(house.employ("an-inspector", "inspector"))
    form = {"result": "public_notice/published", "date": "2026-11-23", "method": "public_notice", "code": "1"}
    form |= {"correction_reason": "x"}
    for path in ("record", "backdate", "attempts"):
        answer = post(client, f"/desk/{delivery_id}/{path}", **form)
        assert answer.status_code == 403 and "公告送达" in answer.text, path
    assert post(client, "/desk/scan", **form).status_code == 403
    for path in (f"/desk/{delivery_id}/record", "/desk/scan", f"/desk/{delivery_id}"):
        assert 'value="public_notice' not in client.get(path).text, path
    csrf = hidden(client.get("/desk/import").text, "csrf")
    table = f"delivery,date,method,outcome\n{delivery_id},2026-11-23,public_notice,published\n".encode()
    entered = {"data": {"csrf": csrf, "verb": "enter"}, "files": {"file": ("t.csv", table)}}
    answer = client.post("/desk/import", **entered)  # type: ignore[arg-type]
    assert answer.status_code == 422 and "您无权登记该送达方式" in answer.text
    attempt = begin(house, house.browser("clerk"), delivery_id, "public_notice", servers="")
    scanned = {
        "code": attempt["code"],
        "date": "2026-11-23",
    }  # by the method of the attempt
    assert post(client, "/desk/scan", **scanned, result="served").status_code == 403
    assert post(client, "/desk/scan", **scanned, result="").status_code == 403
    with house.database.read() as connection:
        assert paper.counts(connection, AUTHORITY) == {"to_print": 1}
    assert 'value="public_notice' in house.browser("clerk").get(f"/desk/{delivery_id}/record").text


def test_finance_takes_proofs_of_payment_and_sees_nothing_else_that_came(house: PortalHouse) -> None:
    client, delivery_id = house.browser("NEA-FLB"), house.deliver()
    open_it(client, delivery_id)
    statement = hand_in(client, delivery_id).rpartition("/")[2]
    file = ("p.png", picture(), "image/png")
    proof = hand_in(client, delivery_id, kind="payment_proof", file1=file).rpartition("/")[2]
    clerk, finance, leader, inspector = (
        house.browser(house.employ(f"a-{role}", role)) for role in ("legal", "finance", "leader", "inspector")
    )
    counted = re.compile("来自行政相对人的待办事项 <strong>([0-9]+)</strong>")
    assert [counted.findall(each.get("/desk").text) for each in (clerk, finance, leader, inspector)] == [
        ["2"],
        ["1"],
        [],
        [],
    ]
    listed = finance.get("/desk/incoming").text
    assert proof in listed and statement not in listed and "代理人账号申请" not in listed
    for path in (f"/desk/submissions/{statement}", f"/desk/submissions/{statement}/files/1"):
        assert finance.get(path).status_code == 403
    assert post(finance, f"/desk/submissions/{statement}/take").status_code == 403
    assert finance.get(f"/desk/submissions/{proof}").status_code == 200
    assert post(finance, f"/desk/submissions/{proof}/take").status_code == 303
    listed = leader.get("/desk/incoming").text
    assert statement not in listed and "对送达日期的异议" in listed


@pytest.mark.parametrize("role", ["inspector", "leader"])
def test_who_handles_or_decides_a_case_reads_what_was_handed_in_and_takes_nothing(
    house: PortalHouse, role: str
) -> None:
    """Administrative Penalty Law 45: facts, grounds and evidence of the party are examined."""
    client, delivery_id = house.browser("NEA-FLB"), house.deliver()
    open_it(client, delivery_id)
    statement = hand_in(client, delivery_id, file1=("a.png", picture(), "image/png")).rpartition("/")[2]
    at_desk, reader = f"/desk/submissions/{statement}", house.browser(house.employ("a-reader", role))
    case = reader.get(f"/desk/cases/{house.row(delivery_id)['document_id']}").text
    assert f'href="{at_desk}"' in case and f'href="{at_desk}/files/1"' in case
    assert f"{at_desk}/take" not in reader.get(at_desk).text
    assert reader.get(f"{at_desk}/files/1").content == picture()
    assert post(reader, f"{at_desk}/take").status_code == 403
    assert at_desk in house.browser("clerk").get("/desk/incoming").text  # it waits as before
