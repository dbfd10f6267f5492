"""Every page that a counterparty sees, in both languages: headings in order, each moment for the reader's own time."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from records.database import Database
from records.ids import new_id
from tests.portal_house import PASSWORD, PortalHouse, furnish, hidden
from tests.read_pages import ReadPage, assert_headings_in_order
from tests.registration_house import Applicant, applicant, decide, open_campaign, the_row

LANGUAGES = ("zh", "en")


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    made = furnish(database, tmp_path)
    open_campaign(made)
    made.public_url = "http://localhost"
    return made


@pytest.fixture
def someone(house: PortalHouse, tmp_path: Path) -> Applicant:
    return applicant(house, tmp_path)


def walk(client: TestClient, *paths: str) -> None:
    for path in paths:
        for lang in LANGUAGES:
            answer = client.get(f"{path}?lang={lang}")
            assert answer.status_code in (200, 404), (path, answer.status_code)
            assert_headings_in_order(answer.text)
            assert ReadPage(answer.text).untimed == [], path
            assert ReadPage(answer.text).ids


def post(client: TestClient, form: str, to: str = "", **data: str) -> None:
    token = hidden(client.get(form).text, "csrf")
    answer = client.post(to or form, data={"csrf": token, **data})
    assert answer.status_code in (200, 303), (to or form, answer.status_code)


def test_the_inbox_and_its_documents(house: PortalHouse) -> None:
    client, delivery_id, paper = house.browser("NEA-FLB"), house.deliver(), house.deliver("penalty-decision", number=2)
    base = f"/inbox/{delivery_id}"
    walk(client, "/inbox", base, f"{base}/service", f"/inbox/{paper}/service")
    post(client, base, f"{base}/open", then="read")
    walk(client, f"{base}/confirm")
    statement = hidden(client.get(f"{base}/confirm").text, "statement")
    post(client, f"{base}/confirm", statement=statement, person_name="王芳")
    house.settle(delivery_id)
    post(client, f"{base}/submit", once=new_id("sub"), kind="statement", words="x", person_name="王芳", declared="1")
    once = new_id("obj")
    post(client, f"{base}/objection", once=once, claimed="2026-11-20", grounds="x", person_name="王芳")
    submission = client.get(base).text.partition(f"{base}/submissions/")[2][:29]
    pages = (base, f"{base}/service", f"{base}/objection", f"{base}/submit", f"{base}/submissions/{submission}")
    walk(client, "/inbox", *pages, "/inbox/people", "/inbox/counsel", "/verify", "/inbox/nothing")


def test_the_settings(house: PortalHouse) -> None:
    client = house.browser("NEA-FLB")
    post(client, "/inbox/calendar")
    post(client, "/settings", "/settings/accounts", login="NEA-OPS", department="运行部")
    contact = {"name": "孙丽", "department": "法律部", "mobile": "13800138001", "email": "sun@air.test"}
    post(client, "/settings/contacts/new", **contact)
    post(client, "/settings/access", "/settings/access/factor")
    stop = f"/settings/accounts/{house.accounts['NEA-FLB'].id}/stop"
    walk(
        client, "/settings", "/settings/access", "/settings/contacts/new", "/inbox/calendar", "/settings/withdraw", stop
    )


def test_registration_from_the_door_to_the_decision(someone: Applicant, house: PortalHouse) -> None:
    client = someone.client
    walk(client, "/register", "/register/track", "/activate", "/login")
    someone.fill()
    walk(client, "/register/code", *(f"/register/{step}" for step in ("entity", "people", "letter", "check", "submit")))
    someone.report()
    walk(client, "/register/status")
    house.employ("reviewer", "legal")
    clerk = house.browser("reviewer")
    one = f"/desk/registrations/{the_row(house)['id']}"
    walk(clerk, one)
    decide(clerk, the_row(house)["id"], "return", reasons_zh="请更正。", reasons_en="Please correct it.")
    walk(client, "/register/status", "/register/entity")
    walk(clerk, one)


def test_the_test_mark_stands_inside_a_landmark(house: PortalHouse) -> None:
    html = house.browser().get("/login").text
    header = html.partition("<header")[2].partition("</header>")[0]
    assert 'class="test"' in header
    assert PASSWORD not in html


def test_own_time_is_marked_up_in_the_middle_of_a_sentence_and_the_sentence_stays_escaped(house: PortalHouse) -> None:
    with house.database.write() as connection:
        connection.exec_driver_sql("UPDATE account SET department = '<b>法律部</b>' WHERE login = 'NEA-FLB'")
    client, delivery_id = house.browser("NEA-FLB"), house.deliver()
    base = f"/inbox/{delivery_id}"
    post(client, base, f"{base}/open", then="read")
    statement = hidden(client.get(f"{base}/confirm").text, "statement")
    post(client, f"{base}/confirm", statement=statement, person_name="王芳")
    page = client.get(f"{base}?lang=en").text
    assert "(&lt;b&gt;法律部&lt;/b&gt;) on <time datetime=" in page and "<b>法律部" not in page
