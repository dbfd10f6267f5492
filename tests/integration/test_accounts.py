"""Another account opens by a code that goes to its own people: no clerk ever sees what opens it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery import accounts, activation
from delivery.portal import activate_page, proving
from delivery.portal import login as login_page
from records import access, activations, changes, directory, ledger, second_factors
from records.database import Database
from records.errors import Refused
from records.tables import account, change, contact, message
from tests.integration.test_reminders import TO, Reminding, reminding_with_a_sink
from tests.portal_house import AUTHORITY, hidden, log_in

OWN = "a password of my own"
CALL_BACK = {"number": "010-64090001", "source": "企业信用信息公示系统", "person": "办公室 赵敏"}


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Reminding]:
    """A house whose counterparty has the contacts 孙丽 (mainland) and John Smith (abroad), and the account NEA-FLB."""
    with reminding_with_a_sink(database, tmp_path) as made:
        yield made


def post(office: Reminding, client: TestClient, path: str, /, page: str = "", **fields: str) -> tuple[int, str]:
    """Send a form as `page` has it, and let the worker do what follows: the status, and where it leads or its text."""
    answer = client.post(path, data={"csrf": hidden(client.get(page or path).text, "csrf")} | fields)
    office.run()
    return answer.status_code, answer.headers.get("location", answer.text)


def asked(office: Reminding, login: str = "NEA-FXB", department: str = "飞行部") -> str:
    """Another account that waits for a clerk; the id of the change."""
    with office.database.write() as connection:
        accounts.ask_account(connection, office.house.accounts["NEA-FLB"], login, department)
        query = sa.select(change.c.id).where(change.c.subject_id == login).order_by(change.c.asked_at.desc())
        change_id = str(connection.execute(query).scalars().first())
    office.run()
    return change_id


def approved(office: Reminding, login: str = "NEA-FXB", department: str = "飞行部") -> str:
    """What the clerk sees after the approval of another account."""
    clerk = office.house.browser("clerk")
    code, location = post(
        office, clerk, f"/desk/changes/{asked(office, login, department)}/approve", page="/desk/changes"
    )
    assert (code, location) == (303, "/desk/accounts/air-example?told=approved")
    return str(clerk.get(location).text)


def codes(office: Reminding) -> list[str]:
    """Every code that an SMS or a mail brought, oldest first."""
    texts = [each["text"] for each in office.sms()] + office.mails_with("激活码为")
    return [found for text in texts for found in re.findall(r"激活码为([0-9A-Z-]{11})", text)]


def activate(office: Reminding, login: str, code: str, password: str = OWN) -> tuple[int, str]:
    fields = {"login": login, "code": code, "password": password, "again": password}
    return post(office, office.house.browser(), "/activate", **fields)


def account_id(office: Reminding, login: str) -> str:
    with office.database.read() as connection:
        return str(connection.execute(sa.select(account.c.id).where(account.c.login == login)).scalar_one())


def kinds(office: Reminding) -> list[str]:
    with office.database.read() as connection:
        stream = f"directory:{AUTHORITY}"
        assert list(ledger.verify(connection, stream)) == []
        return [each.kind for each in ledger.events(connection, stream)]


# --- another account


@pytest.mark.rule("R3")
@pytest.mark.parametrize(
    ("login", "department", "field", "said"),
    [
        ("飞行部", "飞行部", "login", "不得含有中文字符"),
        ("a b", "飞行部", "login", "首尾为字母或者数字"),
        ("NEA-", "飞行部", "login", "首尾为字母或者数字"),
        ("NEA-FLB", "飞行部", "login", "该账号名不可用"),
        ("nea-flb", "飞行部", "login", "该账号名不可用"),
        ("clerk", "飞行部", "login", "该账号名不可用"),
        ("", "！", "login", "首尾为字母或者数字"),  # no name can be made of it
        ("NEA-FXB", "", "department", "须为一行"),
    ],
)
def test_r3_the_name_of_another_account_is_refused_at_its_field(
    office: Reminding, login: str, department: str, field: str, said: str
) -> None:
    client = office.house.browser("NEA-FLB")
    ask = {"login": login, "department": department}
    code, page = post(office, client, "/settings/accounts", page="/settings", **ask)
    assert code == 422 and "<details open>" in page
    assert re.search(rf'id="{field}-fault-1">[^<]*{said}', page)
    assert f'value="{login}"' in page and f'value="{department}"' in page, "nothing is lost"


@pytest.mark.rule("R3")
def test_r3_a_name_that_is_left_empty_is_made_of_the_entitys_and_the_departments(office: Reminding) -> None:
    client, made = office.house.browser("NEA-FLB"), []
    for department in ("飞行部", "飞行部", "法律部", "Flight Operations"):
        ask = {"login": "", "department": department}
        assert post(office, client, "/settings/accounts", page="/settings", **ask)[0] == 303
        with office.database.read() as connection:
            made.append(changes.of_counterparty(connection, *TO)[0]["subject_id"])
    assert made == ["NEA-FXB", "NEA-FXB2", "NEA-FLB2", "NEA-FO"]


def test_a_name_that_somebody_waits_for_is_not_asked_for_twice(office: Reminding) -> None:
    client = office.house.browser("NEA-FLB")
    for login, status in (("NEA-FXB", 303), ("NEA-FXB", 422), ("nea-fxb", 422)):
        ask = {"login": login, "department": "飞行部"}
        assert post(office, client, "/settings/accounts", page="/settings", **ask)[0] == status


def test_another_account_opens_by_a_code_that_only_its_own_people_get(office: Reminding) -> None:
    page = approved(office)
    (code,) = codes(office)
    assert [each["phone"] for each in office.sms() if "激活码为" in each["text"]] == ["+8613800138000"]
    assert "138****8000" in page and "13800138000" not in page.replace("-", "")
    desk = [page, office.house.browser("clerk").get("/desk/changes").text]
    assert not any(code in each or code.replace("-", "") in each for each in desk)
    assert log_in(office.house.browser(), "NEA-FXB", code).status_code == 401, "a code is no password"
    assert activate(office, "NEA-FXB", "AAAAA-AAAAA")[0] == 401
    assert activate(office, "NEA-FXB", code) == (303, "/inbox")
    assert log_in(office.house.browser(), "NEA-FXB", OWN).status_code == 303
    assert activate(office, "NEA-FXB", code, "somebody else's password")[0] == 401, "it counts once"
    with office.database.read() as connection:
        rows = [str(connection.execute(sa.select(each)).all()) for each in (message, account, change)]
    assert not any(code in each for each in rows)
    found = kinds(office)
    wanted = ["account.approved", "account.activation_issued", "account.password_changed", "account.activated"]
    assert [each for each in found if each in wanted][-4:] == wanted, "in this order"


def test_contacts_are_told_of_another_account_and_of_what_its_code_opened(office: Reminding) -> None:
    approved(office)
    before = len(office.told("change"))
    activate(office, "NEA-FXB", codes(office)[0])
    assert (before, len(office.told("change"))) == (6, 9)  # asked for, added, activated: two e-mails and an SMS each
    page = office.house.browser("NEA-FLB").get("/settings?lang=en").text
    assert "the account NEA-FXB was added" in page and "was set by its activation code" in page


@pytest.mark.parametrize(
    ("department", "to"),
    [
        ("飞行部", "zhou@air.test"),  # its own
        ("财务部", "13800138000"),  # that of the account that asked
    ],
)
def test_the_code_goes_to_the_contact_of_the_department_else_of_who_asked(
    office: Reminding, department: str, to: str
) -> None:
    with office.database.write() as connection:
        directory.add_contact(
            connection, *TO, name="周敏", department=" 飞行部", mobile="+1 202 555 0100", email="zhou@air.test"
        )
        connection.execute(contact.update().where(contact.c.name == "John Smith").values(department="运行部"))
    page = approved(office, department=department)
    assert activation.masked(to) in page
    with office.database.read() as connection:
        (sent,) = connection.execute(sa.select(message.c.address)).scalars()
    assert sent.removeprefix("+86") == to


def test_no_code_goes_to_a_contact_that_is_not_in_effect_yet(office: Reminding) -> None:
    """Whoever stole an account could enter a contact, and have the code of another account sent to it."""
    with office.database.write() as connection:
        thief = {"name": "贼", "department": "飞行部", "mobile": "13911112222", "email": "thief@evil.test"}
        changes.add_contact(connection, TO, thief)
    assert "139****2222" not in approved(office)
    with office.database.write() as connection:
        connection.execute(contact.update().where(contact.c.name != "贼").values(active=False))
    clerk = office.house.browser("clerk")
    change_id = asked(office, "NEA-YXB", "运行部")
    code, page = post(office, clerk, f"/desk/changes/{change_id}/approve", page="/desk/changes")
    assert code == 409 and "请相对人先登记联系人" in page
    with office.database.read() as connection:
        assert changes.get(connection, change_id)["state"] == "to_approve", "nothing is half done"


def test_a_name_that_was_taken_meanwhile_is_not_approved(office: Reminding) -> None:
    change_id = asked(office)
    with office.database.write() as connection:
        directory.add_account(connection, AUTHORITY, "air-other", login="NEA-FXB", department="x", password_hash="x")
    clerk = office.house.browser("clerk")
    code, page = post(office, clerk, f"/desk/changes/{change_id}/approve", page="/desk/changes")
    assert code == 409 and "已被他人使用" in page and codes(office) == []


def test_only_the_authoritys_own_clerk_opens_an_account_or_sees_where_its_code_went(office: Reminding) -> None:
    change_id, elsewhere = asked(office), office.house.browser("clerk-elsewhere")
    assert post(office, elsewhere, f"/desk/changes/{change_id}/approve", page="/desk/changes")[0] == 404
    assert codes(office) == []
    approved(office, "NEA-YXB")
    assert "NEA-YXB" not in elsewhere.get("/desk/accounts/air-example").text, "the namesake of that authority"
    assert elsewhere.get("/desk/accounts/nobody").status_code == 404
    assert post(office, elsewhere, "/desk/accounts", login="NEA-YXB")[0] == 422


# --- another code


def again(office: Reminding, login: str, **changed: str) -> tuple[int, str]:
    clerk = office.house.browser("clerk")
    fields = CALL_BACK | {"account": account_id(office, login)} | changed
    return post(office, clerk, "/desk/accounts/air-example", **fields)


def test_a_clerk_has_another_code_sent_for_an_account_that_was_never_opened(office: Reminding) -> None:
    approved(office)
    clerk = office.house.browser("clerk")
    assert post(office, clerk, "/desk/accounts", login="NEA-FXB") == (303, "/desk/accounts/air-example")
    told = len(office.told("change"))
    assert again(office, "NEA-FXB") == (303, "/desk/accounts/air-example?told=issued")
    first, second = codes(office)
    assert len(office.told("change")) == told + 3, "contacts are told of another code"
    assert activate(office, "NEA-FXB", first)[0] == 401 and activate(office, "NEA-FXB", second)[0] == 303
    page = clerk.get("/desk/accounts/air-example").text
    assert "已启用" in page and "激活码发往" not in page


def test_an_account_of_an_operator_gets_a_code_and_its_password_holds_until_that_is_used(office: Reminding) -> None:
    again(office, "NEA-FLB")
    session = office.house.browser("NEA-FLB")
    assert activate(office, "NEA-FLB", codes(office)[0])[0] == 303
    assert session.get("/inbox").status_code == 303, "its session has ended"
    assert log_in(office.house.browser(), "NEA-FLB").status_code == 401
    assert log_in(office.house.browser(), "NEA-FLB", OWN).status_code == 303


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("number", "", "请填写回拨核实的情况"),
        ("number", "他本人", "电话号码不正确"),
        ("number", "138-0013-8000", "应当使用独立来源的号码"),  # a contact's own, which a thief may answer
        ("number", "+86 13800138000", "应当使用独立来源的号码"),
        ("number", "13911112222", "应当使用独立来源的号码"),  # that of a contact not in effect
        ("source", "", "请填写回拨核实的情况"),
        ("person", "", "请填写回拨核实的情况"),
    ],
)
def test_another_code_needs_a_call_back_to_a_number_that_the_counterparty_did_not_give(
    office: Reminding, field: str, value: str, said: str
) -> None:
    with office.database.write() as connection:
        thief = {"name": "贼", "department": "飞行部", "mobile": "13911112222", "email": "thief@evil.test"}
        changes.add_contact(connection, TO, thief)
    status, page = again(office, "NEA-FLB", **{field: value})
    assert status == 422 and said in page and f'id="{field}-fault-1"' in page
    kept = (CALL_BACK | {field: value})["source"]
    assert f'value="{kept}"' in page, "nothing is lost"
    assert codes(office) == []


def test_no_account_chosen_is_a_fault_at_its_field(office: Reminding) -> None:
    status, page = again(office, "NEA-FLB", account="", number="")
    assert status == 422 and 'id="account-fault-1"' in page and 'id="number-fault-1"' in page
    assert f'value="{CALL_BACK["person"]}"' in page, "nothing is lost"


def test_no_code_for_accounts_of_others_for_stopped_ones_or_for_counsel(office: Reminding) -> None:
    assert again(office, "OTHER-FLB")[0] == 404
    with office.database.write() as connection:
        access.stop_account(connection, "NEA-FLB", "test")
    assert again(office, "NEA-FLB")[0] == 404
    assert codes(office) == []


def test_a_stranger_who_tries_codes_elsewhere_keeps_the_owner_of_the_account_from_nothing(
    office: Reminding, monkeypatch: pytest.MonkeyPatch
) -> None:
    again(office, "NEA-FLB")
    (code,) = codes(office)

    def elsewhere(nth: int) -> None:
        for module in (proving, activate_page, login_page):
            monkeypatch.setattr(module, "network", lambda request: f"192.0.2.{nth}")

    for nth in (1, 2):
        elsewhere(nth)
        tried = [activate(office, "NEA-FLB", "AAAAA-AAAAA")[0] for _ in range(proving.PER_LOGIN + 1)]
        assert tried == [401] * proving.PER_LOGIN + [429]
        assert activate(office, "NEA-FLB", code)[0] == 429, "not even with the right code"
    elsewhere(3)
    assert activate(office, "NEA-FLB", "AAAAA-AAAAA")[0] == 401
    assert activate(office, "NEA-FLB", code)[0] == 303
    with office.database.read() as connection:
        tried_on = "/activate NEA-FLB"
        assert access.attempts(connection, tried_on, "192.0.2.3", 900).here == 0, "a right code forgives"
        assert access.attempts(connection, tried_on, "192.0.2.1", 900).here == proving.PER_LOGIN


def test_all_the_tries_that_the_page_lets_through_do_not_find_a_code_and_do_not_use_it_up() -> None:
    windows = activation.SECONDS / proving.WINDOW_SECONDS
    assert proving.PER_LOGIN_ANYWHERE * (windows + 1) < activation.TRIES, "strangers cannot use a code up"
    letters = set("".join(activation.new_code().replace("-", "") for _ in range(200)))
    assert activation.TRIES / len(letters) ** 10 < 1e-9


def test_a_code_takes_no_second_factors_place(office: Reminding) -> None:
    owner = office.house.accounts["NEA-FLB"]
    again(office, "NEA-FLB")
    with office.database.write() as connection:
        second_factors.begin(connection, owner, "JBSWY3DPEHPK3PXP")
        second_factors.confirm(connection, owner, 1)
    assert activate(office, "NEA-FLB", codes(office)[0]) == (303, "/login")
    assert log_in(office.house.browser(), "NEA-FLB", OWN).status_code == 401, "the app is asked for"


# --- whom and how


def test_where_a_code_went_is_told_without_the_address() -> None:
    told = [activation.masked(each) for each in ("13800130001", "+8613800130001", "zhao@carrier.example")]
    assert told == ["138****0001", "138****0001", "z***@carrier.example"]


def test_nobody_to_reach_is_a_fault_and_no_guess() -> None:
    nobody = {"department": "法律部", "mobile": None, "email": None, "pending": False}
    with pytest.raises(Refused):
        activation.recipient([nobody], "法律部")


def test_a_list_of_accounts_says_when_a_code_has_expired(office: Reminding) -> None:
    approved(office)
    with office.database.write() as connection:
        activations.issue(connection, account_id(office, "NEA-FXB"), AUTHORITY, -1, "per_1")
    page = office.house.browser("clerk").get("/desk/accounts/air-example").text
    assert "激活码已过期" in page
