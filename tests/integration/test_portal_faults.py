"""What a counterparty is told when a form is refused: in the title, at the head of the page, beside each field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from records.database import Database
from records.ids import new_id
from tests.portal_house import PASSWORD, PortalHouse, furnish, hidden
from tests.read_pages import ReadPage, assert_faults_told
from tests.registration_house import ENTITY, PEOPLE, Applicant, applicant, open_campaign


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    made = furnish(database, tmp_path)
    open_campaign(made)
    return made


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("NEA-FLB")


@pytest.fixture
def someone(house: PortalHouse, tmp_path: Path) -> Applicant:
    return applicant(house, tmp_path)


def sent(client: TestClient, form: str, to: str = "", **data: str) -> str:
    """What comes back, in English, for a form that must be refused."""
    token = hidden(client.get(form).text, "csrf")
    answer = client.post(f"{to or form}?lang=en", data={"csrf": token, **data})
    assert answer.status_code in (401, 422), answer.status_code
    return answer.text


def test_the_doors_of_registration_lead_to_every_field_that_is_wrong(someone: Applicant) -> None:
    client = someone.client
    assert_faults_told(sent(client, "/register", category="", code="x", mobile="1"), "category", "mobile")
    wrong = {"category": "legal_person", "code": "no", "mobile": someone.mobile}
    assert_faults_told(sent(client, "/register", **wrong), "code")
    assert_faults_told(sent(client, "/register/track", number="x", mobile="1"), "mobile")
    someone.open()
    assert_faults_told(sent(client, "/register/code", code="000000"), "sms")


def test_an_application_leads_to_every_field_that_is_wrong_and_keeps_the_rest(someone: Applicant) -> None:
    someone.open()
    someone.prove()
    refused = sent(someone.client, "/register/entity", **ENTITY | {"name_en": "", "credit_code": "1"})
    assert_faults_told(refused, "name_en", "credit_code")
    assert ENTITY["name_zh"] in refused
    assert_faults_told(sent(someone.client, "/register/people", **{"accounts-0-department": "法律部"}), "contacts")
    wrong = PEOPLE | {"contacts-1-email": "ma"}
    assert_faults_told(sent(someone.client, "/register/people", **wrong), "contacts-1-email")
    someone.post("/register/people", **PEOPLE)
    refused = sent(someone.client, "/register/letter", **{"signer-capacity": "legal_representative"})
    assert {"signer-name", "signer-signed_on", "files-licence", "files-letter"} <= set(links(refused))
    assert_faults_told(refused, *links(refused))


def links(html: str) -> list[str]:
    """The fields that the head of a page leads to."""
    return re.findall(r'<li><a href="#([^"]+)"', html)


def test_what_is_missing_of_an_application_leads_to_the_field_on_its_page(someone: Applicant) -> None:
    someone.open()
    someone.prove()
    someone.post("/register/entity", **ENTITY | {"name_en": ""})
    check = someone.client.get("/register/check").text
    assert 'href="/register/entity#name_en"' in check and 'href="/register/people#contacts"' in check
    assert "name_en" in ReadPage(someone.client.get("/register/entity").text).ids
    assert "contacts" in ReadPage(someone.client.get("/register/people").text).ids


def test_first_log_in_and_log_in_tell_what_is_wrong(house: PortalHouse) -> None:
    client = house.browser()
    given = {"login": "NEA-FLB", "code": "X", "password": "a password of my own"}
    assert_faults_told(sent(client, "/activate", **given, again="another"), "again")
    assert_faults_told(sent(client, "/activate", **given | {"password": "x"}, again="x"), "password")
    assert_faults_told(sent(client, "/activate", **given, again=given["password"]))
    assert_faults_told(sent(client, "/login", login="NEA-FLB", password="wrong"))


def test_confirming_and_handing_in_lead_to_every_field_that_is_wrong(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    base = f"/inbox/{delivery_id}"
    token = hidden(client.get(base).text, "csrf")
    client.post(f"{base}/open", data={"csrf": token, "then": "read"})
    statement = hidden(client.get(f"{base}/confirm").text, "statement")
    assert_faults_told(sent(client, f"{base}/confirm", statement=statement), "person")
    refused = sent(client, f"{base}/submit", once=new_id("sub"), kind="evidence")
    assert_faults_told(refused, "words", "file1", "person", "declared")
    assert_faults_told(sent(client, f"{base}/submit", once=new_id("sub"), words="x", declared="1"), "kind", "person")


def test_an_objection_leads_to_every_field_that_is_wrong(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    house.settle(delivery_id, days=9)
    form = f"/inbox/{delivery_id}/objection"
    assert_faults_told(sent(client, form, once=new_id("obj")), "claimed", "grounds", "person")


def test_settings_lead_to_every_field_that_is_wrong(client: TestClient) -> None:
    refused = sent(client, "/settings", "/settings/entity", name_zh="", name_en="N", address_zh="", address_en="A")
    assert_faults_told(refused, "name_zh", "address_zh")
    assert_faults_told(sent(client, "/settings", "/settings/accounts", login="航空", department="法律部"), "login")
    contact = {"name": "", "department": "法律部", "mobile": "1", "email": "x"}
    assert_faults_told(sent(client, "/settings/contacts/new", **contact), "name", "mobile", "email")
    assert_faults_told(sent(client, "/settings/withdraw", password="wrong"), "password")
    assert_faults_told(sent(client, "/inbox/people", person_name=""), "person_name")
    refused = sent(client, "/inbox/counsel", name="", firm="", login="x", last_day="")
    assert_faults_told(refused, *links(refused))
    assert {"name", "login", "last_day", "file1"} <= set(links(refused))


def test_own_access_leads_to_the_field_of_its_form(client: TestClient) -> None:
    base, new = "/settings/access", "a new password of mine"
    assert_faults_told(sent(client, base, f"{base}/password", old=PASSWORD, new=new, again="x"), "again")
    assert_faults_told(sent(client, base, f"{base}/password", old=PASSWORD, new="x", again="x"), "new")
    assert_faults_told(sent(client, base, f"{base}/password", old="wrong", new=new, again=new), "old")
    client.post(f"{base}/factor", data={"csrf": hidden(client.get(base).text, "csrf")})
    assert_faults_told(sent(client, base, f"{base}/factor/confirm", code="0"), "code")


def test_a_file_that_cannot_be_verified_is_told_by_its_field(house: PortalHouse) -> None:
    for content in (b"", b"no PDF"):
        files = {"pdf": ("x.pdf", content, "application/pdf")}
        answer = house.browser().post("/verify", files=files)
        assert answer.status_code == 422
        assert_faults_told(answer.text, "pdf")


def test_a_page_with_nothing_wrong_begins_where_it_begins(client: TestClient) -> None:
    page = ReadPage(client.get("/settings").text)
    assert not page.title.startswith("有误") and not any("autofocus" in attrs for _, attrs in page.elements)
