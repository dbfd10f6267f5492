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
from records import access, api_keys, ledger
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
    assert "/documents/0/facts" in answer.text and "/case_no" in answer.text and 'class="fault"' in answer.text
    assert form[facts[1]].split("\n")[0] in answer.text


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
