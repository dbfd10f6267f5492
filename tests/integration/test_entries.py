"""A counterparty's own entries: who is told, what waits, what a clerk decides; and never another's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery import entries
from records import changes, directory, ledger, second_factors
from records.database import Database, legal_time
from records.errors import Refused
from records.tables import change, contact, notice
from tests.integration.test_reminders import Reminding, reminding_with_a_sink
from tests.portal_house import AUTHORITY, PASSWORD, hidden, log_in

OF = (AUTHORITY, "air-example")
NEW = {"name": "周敏", "department": "安全部", "mobile": "13900139000", "email": "zhou@air.test"}
ENTITY = {
    "name_zh": "北方示例航空有限公司",
    "name_en": "Northern Example Airlines Co., Ltd.",
    "address_zh": "北京市顺义区天竺示例大街8号",
    "address_en": "8 Tianzhu Shili Avenue, Shunyi District, Beijing",
}


@pytest.fixture
def office(database: Database, tmp_path: Path) -> Iterator[Reminding]:
    """A house whose counterparty has two contacts, 孙丽 and John Smith, and one account."""
    with reminding_with_a_sink(database, tmp_path) as made:
        yield made


@pytest.fixture
def client(office: Reminding) -> TestClient:
    return office.house.browser("NEA-FLB")


def post(office: Reminding, client: TestClient, path: str, /, **fields: str) -> tuple[int, str]:
    """Send a form of the settings, and let the worker do what follows."""
    start = "/desk/changes" if path.startswith("/desk") else "/settings"
    answer = client.post(path, data={"csrf": hidden(client.get(start).text, "csrf")} | fields)
    office.run()
    return answer.status_code, answer.headers.get("location", answer.text)


def after(office: Reminding, hours: float) -> None:
    with office.database.read() as connection:
        moment: datetime = legal_time(connection) + timedelta(hours=hours)
    office.at(moment)


def names(office: Reminding, **wanted: Any) -> list[str]:
    with office.database.read() as connection:
        found = directory.contacts(connection, *OF)
        return sorted(row["name"] for row in found if all(row[name] == value for name, value in wanted.items()))


def the_change(office: Reminding, **wanted: Any) -> sa.RowMapping:
    with office.database.read() as connection:
        query = sa.select(change).where(*(change.c[name] == value for name, value in wanted.items()))
        return connection.execute(query).mappings().one()


def kinds(office: Reminding) -> list[str]:
    with office.database.read() as connection:
        stream = f"directory:{AUTHORITY}"
        assert list(ledger.verify(connection, stream)) == []
        return [each.kind for each in ledger.events(connection, stream) if each.kind.startswith("change.")]


# --- contacts


def test_a_changed_contact_counts_after_the_delay_and_until_then_both_are_told(
    office: Reminding, client: TestClient
) -> None:
    assert post(office, client, f"/settings/contacts/{office.contacts[0]}/change", **NEW)[0] == 303
    assert names(office) == ["John Smith", "周敏", "孙丽"] and names(office, pending=True) == ["周敏"]
    assert sorted(name for name, channel, _ in office.told("change") if channel == "email") == [
        "John Smith",
        "周敏",
        "孙丽",
    ]
    assert len(office.mails_with("登记的信息")) == 3 and not office.mails_with("周敏")
    after(office, 71)
    assert names(office, pending=True) == ["周敏"]
    after(office, 1.1)
    assert names(office) == ["John Smith", "周敏"] and names(office, pending=True) == []
    assert kinds(office) == ["change.asked", "change.told", "change.in_effect"]
    with office.database.read() as connection:  # the former entry stays in the history as it was
        old = connection.execute(sa.select(contact).where(contact.c.id == office.contacts[0])).mappings().one()
    assert (old["name"], old["active"]) == ("孙丽", False)


def test_any_account_takes_a_change_back_before_it_counts(office: Reminding, client: TestClient) -> None:
    post(office, client, "/settings/contacts/new", **NEW)
    made = the_change(office, kind="contact_added")
    stranger = office.house.browser("OTHER-FLB")
    assert post(office, stranger, f"/settings/changes/{made['id']}/take-back")[0] == 404
    assert post(office, client, f"/settings/changes/{made['id']}/take-back")[0] == 303
    after(office, 100)
    assert names(office) == ["John Smith", "孙丽"]
    assert the_change(office)["state"] == "taken_back"
    assert post(office, client, f"/settings/changes/{made['id']}/take-back")[0] == 409


def test_two_contacts_stay_when_it_is_asked_and_when_it_would_count(office: Reminding, client: TestClient) -> None:
    first, second = office.contacts
    assert post(office, client, f"/settings/contacts/{first}/end")[0] == 422
    post(office, client, "/settings/contacts/new", **NEW)
    assert post(office, client, f"/settings/contacts/{first}/end")[0] == 422, "the new one does not count yet"
    after(office, 73)
    assert post(office, client, f"/settings/contacts/{first}/end")[0] == 303
    assert post(office, client, f"/settings/contacts/{second}/end")[0] == 422
    with office.database.write() as connection:  # a clerk ends another one meanwhile
        connection.execute(contact.update().where(contact.c.id == second).values(active=False))
    after(office, 73)
    assert "孙丽" in names(office)
    ended = the_change(office, kind="contact_ended")
    assert (ended["state"], ended["reason"]) == ("refused", "too_few")


def test_what_a_contact_does_without_is_chosen_and_the_arrival_by_mail_stays(
    office: Reminding, client: TestClient
) -> None:
    mine = office.contacts[0]
    page = client.get(f"/settings/contacts/{mine}").text
    assert 'name="arrival/email" value="1" checked disabled' in page
    assert post(office, client, f"/settings/contacts/{mine}/notices", **{"arrival/sms": "1"})[0] == 303
    after(office, 73)
    with office.database.read() as connection:
        row = connection.execute(sa.select(contact.c.silent).where(contact.c.id == mine)).scalar_one()
    assert row == [each for each in entries.WISHES if each != "arrival/sms"] and "arrival/email" not in row


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("email", "no address"),
        ("email", "a@b.test\r\nBcc: x@y.test"),
        ("mobile", "call me"),
        ("mobile", ""),
    ],
)
def test_a_contact_is_a_real_name_with_a_number_and_an_address(
    office: Reminding, client: TestClient, field: str, value: str
) -> None:
    code, page = post(office, client, "/settings/contacts/new", **(NEW | {field: value}))
    assert code == 422 and 'role="alert"' in page
    assert names(office) == ["John Smith", "孙丽"]


# --- entity, accounts, consent


def test_another_address_counts_at_once_and_a_clerk_looks_whether_another_office_is_responsible(
    office: Reminding, client: TestClient
) -> None:
    moved = {"address_zh": "上海市长宁区示例路1号", "address_en": "1 Shili Road, Shanghai"}
    assert post(office, client, "/settings/entity", **(ENTITY | moved))[0] == 303
    with office.database.read() as connection:
        row = directory.find_counterparty(connection, *OF)
        other = directory.find_counterparty(connection, AUTHORITY, "air-other")
    assert row and row["address_zh"] == moved["address_zh"] and other and other["address_zh"] == ENTITY["address_zh"]
    made = the_change(office, kind="entity")
    assert made["before"] == {name: ENTITY[name] for name in moved} and made["flagged"]
    clerk = office.house.browser("clerk")
    assert "请核对归属单位" in clerk.get("/desk/changes").text
    assert made["id"] not in office.house.browser("clerk-elsewhere").get("/desk/changes").text
    assert post(office, office.house.browser("clerk-elsewhere"), f"/desk/changes/{made['id']}/seen")[0] == 404
    assert post(office, clerk, f"/desk/changes/{made['id']}/seen")[0] == 303
    assert not the_change(office, kind="entity")["flagged"]


def test_the_clerk_enters_the_office_that_a_new_address_belongs_to_and_contacts_are_told(
    office: Reminding, client: TestClient
) -> None:
    post(office, client, "/settings/entity", **(ENTITY | {"address_zh": "上海市长宁区示例路1号"}))
    clerk, seen = office.house.browser("clerk"), f"/desk/changes/{the_change(office, kind='entity')['id']}/seen"
    assert post(office, clerk, seen, office="atlantis")[0] == 400
    assert the_change(office, kind="entity")["flagged"], "nothing is half done"
    assert post(office, clerk, seen, office="shanghai")[0] == 303
    with office.database.read() as connection:
        row = directory.find_counterparty(connection, *OF)
        rows = connection.execute(sa.select(change)).mappings().all()
    assert row and row["office"] == "shanghai"
    assert [each["state"] for each in rows if each["after"] == {"office": "shanghai"}] == ["in_effect"]
    assert "民航上海安全监督管理局" in client.get("/settings").text
    assert "CAAC Shanghai Safety Supervision Bureau" in clerk.get("/desk/changes?lang=en").text


def test_another_name_waits_for_a_clerk(office: Reminding, client: TestClient) -> None:
    renamed = ENTITY | {"name_en": "Renamed Airlines Co., Ltd."}
    post(office, client, "/settings/entity", **renamed)
    made = the_change(office, kind="entity")
    with office.database.read() as connection:
        row = directory.find_counterparty(connection, *OF)
    assert row and row["name_en"] == ENTITY["name_en"] and made["state"] == "to_approve"
    clerk = office.house.browser("clerk")
    assert post(office, clerk, f"/desk/changes/{made['id']}/refuse")[0] == 422, "not without a reason"
    assert post(office, clerk, f"/desk/changes/{made['id']}/approve")[0] == 303
    with office.database.read() as connection:
        row = directory.find_counterparty(connection, *OF)
    assert row and row["name_en"] == renamed["name_en"]
    assert post(office, clerk, f"/desk/changes/{made['id']}/approve")[0] == 409


def test_an_account_is_stopped_by_its_own_side_but_the_last_one_by_a_clerk(
    office: Reminding, client: TestClient
) -> None:
    last = office.house.accounts["NEA-FLB"].id
    assert post(office, client, f"/settings/accounts/{last}/stop", password="guess")[0] == 401
    assert post(office, client, f"/settings/accounts/{last}/stop", password=PASSWORD)[0] == 303
    assert client.get("/settings").status_code == 200, "it still stands"
    made = the_change(office, kind="account_stopped")
    assert made["state"] == "to_approve"
    assert post(office, client, f"/settings/accounts/{last}/stop", password=PASSWORD)[0] == 409
    assert post(office, office.house.browser("clerk"), f"/desk/changes/{made['id']}/approve")[0] == 303
    assert client.get("/settings").headers["location"].startswith("/login")
    assert len(office.told("change")) == 3  # two e-mails and an SMS


def test_one_of_two_accounts_stops_at_once(office: Reminding, client: TestClient) -> None:
    with office.database.write() as connection:
        two = directory.add_account(connection, *OF, login="NEA-2", department="x", password_hash="x")
    assert post(office, client, f"/settings/accounts/{two}/stop", password=PASSWORD)[0] == 303
    with office.database.read() as connection:
        states = {row["login"]: row["state"] for row in changes.accounts(connection, *OF)}
    assert states == {"NEA-FLB": "approved", "NEA-2": "stopped"}


def test_phl_61_consent_is_withdrawn_by_a_second_click_on_the_words_in_both_languages(
    office: Reminding, client: TestClient
) -> None:
    assert post(office, client, "/settings/withdraw", password=PASSWORD)[0] == 409
    with office.database.write() as connection:
        directory.file_letter(
            connection,
            *OF,
            letter_version="2018",
            system_name="SES",
            system_address="https://ses.test",
            signed_on="2026-01-05",
            in_force_from=legal_time(connection),
        )
    assert "signed on 5 January 2026" in client.get("/settings?lang=en").text
    page = client.get("/settings/withdraw?lang=zh").text
    assert "改以纸质方式送达" in page and "served on paper instead" in page
    assert post(office, client, "/settings/withdraw", password="guess")[0] == 401
    assert post(office, client, "/settings/withdraw", password=PASSWORD)[0] == 303
    with office.database.read() as connection:
        (letter,) = directory.letters(connection, *OF)
    assert letter["withdrawn_at"] is not None
    made = the_change(office, kind="letter_withdrawn")
    assert made["flagged"] and made["after"]["shown_en"] == entries.WITHDRAWAL[1]
    assert len(office.told("change")) == 3


def test_a_clerk_takes_a_second_factor_off_with_a_reason_and_the_sessions_end(
    office: Reminding, client: TestClient
) -> None:
    with office.database.write() as connection:
        second_factors.begin(connection, office.house.accounts["NEA-FLB"], "JBSWY3DPEHPK3PXP")
        second_factors.confirm(connection, office.house.accounts["NEA-FLB"], 1)
    clerk, elsewhere = office.house.browser("clerk"), office.house.browser("clerk-elsewhere")
    form = {"login": "NEA-FLB", "reason": "孙丽，2018年确认函上的电话"}
    assert post(office, elsewhere, "/desk/changes/recover", **form)[0] == 422
    assert post(office, clerk, "/desk/changes/recover", **(form | {"reason": ""}))[0] == 422
    assert post(office, clerk, "/desk/changes/recover", **form)[0] == 303
    assert len(office.told("change")) == 3
    assert client.get("/settings").headers["location"].startswith("/login")
    assert log_in(office.house.browser(), "NEA-FLB").status_code == 303
    assert post(office, clerk, "/desk/changes/recover", **(form | {"login": "clerk"}))[0] == 422


def test_the_contacts_are_told_when_an_account_logs_in_otherwise(office: Reminding, client: TestClient) -> None:
    new = "another battery horse"
    assert post(office, client, "/settings/access/password", old=PASSWORD, new=new, again=new)[0] == 303
    assert len(office.told("change")) == 3 and not office.mails_with(new)
    made = the_change(office, kind="access")
    assert made["after"] == {"what": "password", "login": "NEA-FLB"}
    assert "the password of NEA-FLB was changed" in client.get("/settings?lang=en").text


# --- never another's


def test_nothing_of_another_counterparty_can_be_seen_or_changed(office: Reminding) -> None:
    stranger = office.house.browser("OTHER-FLB")
    mine, account = office.contacts[0], office.house.accounts["NEA-FLB"].id
    page = stranger.get("/settings").text
    assert "孙丽" not in page and "<strong>NEA-FLB" not in page
    for path in (f"/settings/contacts/{mine}", f"/settings/accounts/{account}/stop"):
        assert stranger.get(path).status_code == 404
    for path in ("change", "end", "notices"):
        assert post(office, stranger, f"/settings/contacts/{mine}/{path}", **NEW)[0] == 404
    assert post(office, stranger, f"/settings/accounts/{account}/stop", password=PASSWORD)[0] == 404
    assert names(office) == ["John Smith", "孙丽"]


def test_a_clerk_has_no_settings_of_a_counterparty_and_a_counterparty_no_desk(
    office: Reminding, client: TestClient
) -> None:
    clerk = office.house.browser("clerk")
    for path in ("/settings", "/settings/contacts/new", "/settings/withdraw"):
        assert clerk.get(path).headers["location"] == "/desk"
    assert client.get("/desk/changes").headers["location"] == "/inbox"
    assert client.get("/desk/addresses").headers["location"] == "/inbox"


def test_every_form_needs_the_token_of_its_session(office: Reminding, client: TestClient) -> None:
    mine, account = office.contacts[0], office.house.accounts["NEA-FLB"].id
    paths = ["entity", "accounts", f"accounts/{account}/stop", "contacts/new", "withdraw", "changes/chg_1/take-back"]
    paths += [f"contacts/{mine}/{act}" for act in ("change", "end", "notices")]
    for path in paths:
        assert client.post(f"/settings/{path}", data={"csrf": "guess"} | NEW).status_code == 403
    clerk = office.house.browser("clerk")
    for path in ("chg_1/approve", "chg_1/refuse", "chg_1/seen", "recover"):
        assert clerk.post(f"/desk/changes/{path}", data={"csrf": "guess"}).status_code == 403


def test_two_at_once_do_not_leave_one_contact(office: Reminding) -> None:
    account = office.house.accounts["NEA-FLB"]
    with office.database.write() as connection:
        third = directory.add_contact(
            connection, *OF, name="周敏", department="x", mobile="13900139000", email="zhou@air.test"
        )
        entries.end_contact(connection, account, third)
        with pytest.raises(Refused):
            entries.end_contact(connection, account, office.contacts[0])
    office.run()
    with office.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(notice)).scalar_one() == 5
