"""Issuing by hand: the form of the schema, a specimen, one job through the same intake, the person as its actor."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery import passwords
from delivery.fact_forms import typed_of
from pipeline.web import make_web
from records import access, api_keys, directory, ledger, links
from records.database import Database
from records.tables import document, event
from tests.house import AUTHORITY, House, furnish_with_a_clerk, sample
from tests.portal_house import PASSWORD, clerks_browser, hidden, log_in

INSTRUMENT = "hearing-notice"


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish_with_a_clerk(database, tmp_path)


@pytest.fixture
def client(house: House) -> TestClient:
    return clerks_browser(make_web(house.songda))


def filled(client: TestClient, **more: str) -> dict[str, str]:
    """The form with the facts of the sample job."""
    page = client.get(f"/desk/issue/{INSTRUMENT}").text
    job = sample(INSTRUMENT)
    (asked,) = job["documents"]
    form = {"csrf": hidden(page, "csrf"), "once": hidden(page, "once"), "case_no": job["case_no"]}
    form |= typed_of(asked["facts"]) | {"counterparty": "air-example", "verb": "submit"}
    return form | {name: str(value) for name, value in asked.get("approval", {}).items()} | more


def send(client: TestClient, form: dict[str, str]) -> Any:
    return client.post(f"/desk/issue/{INSTRUMENT}", data=form)


def stored(house: House) -> list[dict[str, Any]]:
    with house.songda.database.read() as connection:
        return [dict(row) for row in connection.execute(sa.select(document)).mappings()]


def test_a_job_is_submitted_once_under_the_client_desk_with_the_person_as_actor(
    house: House, client: TestClient
) -> None:
    form = filled(client)
    answer = send(client, form)
    assert answer.status_code == 303, answer.text
    (row,) = stored(house)
    assert answer.headers["location"] == f"/desk/issue/done/{row['id']}"
    assert send(client, form).headers["location"] == answer.headers["location"] and len(stored(house)) == 1
    with house.songda.database.read() as connection:
        (desk,) = [each for each in api_keys.clients(connection, AUTHORITY) if each["name"] == "desk"]
        accepted = ledger.events(connection, row["id"])[0]
        person = access.credentials(connection, "clerk")[0].subject
        kinds = connection.execute(sa.select(event.c.kind).where(event.c.subject == row["id"])).scalars().all()
    assert (row["client_id"], accepted.actor) == (desk["id"], person.id) and "job.issued_by_hand" in kinds
    assert "已受理" in client.get(answer.headers["location"]).text
    assert send(client, filled(client)).status_code == 303 and len(stored(house)) == 2  # another form is another job


def test_a_preview_is_a_specimen_and_stores_nothing(house: House, client: TestClient) -> None:
    form = filled(client, verb="preview")
    before = house.counts()
    answer = send(client, form)
    assert answer.headers["content-type"] == "application/pdf" and answer.content.startswith(b"%PDF-")
    assert house.counts() == before


def test_every_fault_stands_at_its_field_and_what_was_typed_stays(house: House, client: TestClient) -> None:
    form = filled(client, case_no="")
    facts = [name for name in form if name.startswith("f/") and name.endswith("/en")]
    form[facts[0]] = ""
    answer = send(client, form)
    assert answer.status_code == 422 and stored(house) == []
    field = "f" + facts[0].removeprefix("f").replace("/", "_")
    assert f'<a href="#{field}">' in answer.text and f'id="{field}"' in answer.text and 'class="fault"' in answer.text
    assert '<a href="#case_no">案号</a>' in answer.text and "/documents/0" not in answer.text
    assert form[facts[1]].split("\n")[0] in answer.text


def test_several_recipients_and_one_outside_the_register(house: House, client: TestClient) -> None:
    with house.songda.database.write() as connection:
        entry = {"kind": "legal_person", "name_zh": "示例机场", "name_en": "Example Airport"}
        place = {"address_zh": "天津市", "address_en": "Tianjin"}
        directory.create_counterparty(connection, AUTHORITY, "airport-branch", **entry, **place)
    form = filled(client)
    more = client.post(f"/desk/issue/{INSTRUMENT}", data=form | {"verb": "more:", "recipients": "1"}).text
    assert 'name="counterparty_2"' in more and '<option value="air-example" selected>' in more
    at = "f/beside/address"
    form |= {"recipients": "2", "counterparty_2": "airport-branch", f"{at}/name/zh": "某某"}
    refused = send(client, form)
    assert refused.status_code == 422 and 'href="#f_beside_address_name_en"' in refused.text and stored(house) == []
    form |= {f"{at}/name/en": "Somebody", f"{at}/place/zh": "天津市某路1号", f"{at}/place/en": "1 Mou Road, Tianjin"}
    assert send(client, form).status_code == 303
    with house.songda.database.read() as connection:
        served = {
            row["counterparty_id"]: row["address"] for row in links.recipients(connection, stored(house)[0]["id"])
        }
    assert served.keys() == {"air-example", "airport-branch", None} and served[None]["place"]["zh"] == "天津市某路1号"


def test_what_the_law_asks_beside_the_page_goes_into_the_job(house: House, client: TestClient) -> None:
    decision = "/desk/issue/penalty-decision"
    page = client.get(f"{decision}?sample=1").text
    job = sample("penalty-decision")
    (asked,) = [each for each in job["documents"] if each["instrument"] == "penalty-decision"]
    form = {"csrf": hidden(page, "csrf"), "once": hidden(page, "once"), "case_no": "甲", "counterparty": "air-example"}
    form |= typed_of(asked["facts"]) | {"f/beside/circumstances/violation_ended_on": "soon", "verb": "submit"}
    answer = client.post(decision, data=form)
    assert answer.status_code == 422 and 'href="#f_beside_circumstances_violation_ended_on"' in answer.text


def test_what_the_records_know_is_filled_in_where_nothing_stands(house: House, client: TestClient) -> None:
    assert send(client, filled(client)).status_code == 303
    form = {"csrf": hidden(client.get("/desk/issue").text, "csrf"), "verb": "fill"}
    form |= {"case_no": sample(INSTRUMENT)["case_no"], "counterparty": "air-example", "f/cause/zh": "另一案由"}
    page = client.post("/desk/issue/penalty-decision", data=form).text
    facts = sample(INSTRUMENT)["documents"][0]["facts"]
    assert facts["officers"][1]["certificate"] in page and "已填入" in page and "承办监察员" in page
    assert "另一案由" in page and facts["cause"]["zh"] not in page  # what was typed stays
    assert 'name="f/party/name/zh" value="北方示例航空有限公司"' in page
    nothing = client.post("/desk/issue/penalty-decision", data=form | {"case_no": "", "counterparty": ""}).text
    assert "没有可填入的内容" in nothing


def test_a_new_form_is_dated_today(client: TestClient) -> None:
    assert 'name="f/noticed_on" value="2026-11-23"' in client.get(f"/desk/issue/{INSTRUMENT}").text


def test_one_more_item_is_shown_without_losing_the_others(client: TestClient) -> None:
    page = client.get("/desk/issue/penalty-prior-notice?sample=1&lang=en")
    assert page.status_code == 200 and 'name="f/evidence/0/name/zh"' in page.text
    form = {"csrf": hidden(page.text, "csrf"), "verb": "more:/evidence", "n/evidence": "1", "f/cause/zh": "案由甲"}
    more = client.post("/desk/issue/penalty-prior-notice", data=form).text
    assert 'name="f/evidence/1/name/zh"' in more and "案由甲" in more


@pytest.mark.parametrize("path", ["/desk/issue", f"/desk/issue/{INSTRUMENT}"])
def test_nobody_but_a_person_of_the_authority_issues(house: House, path: str) -> None:
    stranger = TestClient(make_web(house.songda), follow_redirects=False)
    assert stranger.get(path).status_code == 303


def test_an_unknown_instrument_and_a_document_of_another_authority_are_not_there(client: TestClient) -> None:
    assert client.get("/desk/issue/no-such-thing").status_code == 404
    assert client.get("/desk/issue/done/doc_0123").status_code == 404


@pytest.mark.parametrize(
    ("role", "theirs", "others"),
    [("inspector", "on-site-record", "fine-receipt"), ("finance", "fine-receipt", "on-site-record")],
)
def test_a_department_issues_what_it_makes_and_nothing_else(
    house: House, client: TestClient, role: str, theirs: str, others: str
) -> None:
    with house.songda.database.write() as connection:
        hashed = passwords.hash_password(PASSWORD)
        access.add_person(connection, AUTHORITY, login="maker", name="王立新", roles=(role,), password_hash=hashed)
    maker, form = TestClient(make_web(house.songda), follow_redirects=False), filled(client)
    assert log_in(maker, "maker").status_code == 303
    listed = maker.get("/desk/issue").text
    assert f'"/desk/issue/{theirs}"' in listed and maker.get(f"/desk/issue/{theirs}").status_code == 200
    for instrument in (INSTRUMENT, others):
        assert f'"/desk/issue/{instrument}"' not in listed
        refused = maker.get(f"/desk/issue/{instrument}?lang=en")
        assert refused.status_code == 403 and "Legal affairs department" in refused.text
    form["csrf"] = hidden(listed, "csrf")
    for verb in ("submit", "preview", "more:/evidence"):
        assert send(maker, form | {"verb": verb}).status_code == 403
    assert stored(house) == []
    assert f'"/desk/issue/{others}"' in client.get("/desk/issue").text
