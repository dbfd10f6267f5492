"""Revoked, changed, mended, declared void from the desk: the form names the document, keeps it, and both are linked."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery.fact_forms import typed_of
from pipeline import intake
from pipeline.callers import Caller
from pipeline.web import make_web
from records import deliveries, documents, links, series
from records.api_keys import SCOPES
from records.database import Database, database_time
from records.tables import document, link
from tests.house import AUTHORITY, House, furnish_with_a_clerk, sample
from tests.portal_house import clerks_browser, hidden

SERVED = "2026-11-23"
INSTRUMENTS = {
    "ends": "revocation-decision",
    "changes": "revocation-decision",
    "mends": "rectification-of-text",
    "declares": "void-declaration",
}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish_with_a_clerk(database, tmp_path)


@pytest.fixture
def client(house: House) -> TestClient:
    return clerks_browser(make_web(house.songda))


def decision(house: House, *, status: str = "released", served: bool = True) -> str:
    """A numbered penalty decision of the sample case; its id."""
    caller = Caller("", house.client_id, AUTHORITY, frozenset(SCOPES))
    checked = intake.check(house.songda, caller, sample("penalty-decision"))
    with house.songda.database.write() as connection:
        accepted, _ = intake.store(connection, caller, checked)
        found = str(accepted["documents"][0]["id"])
        kind = documents.get(connection, found)["series_kind"]
        bound = series.bind_next(connection, AUTHORITY, kind, 2026, found)
        documents.move(connection, found, "numbered", number_zh=bound.text_zh, number_en=bound.text_en)
        if status == "released":
            for each in ("rendered", "sealed"):
                documents.move(connection, found, each)
            documents.move(connection, found, "released", released_at=database_time(connection))
        else:
            documents.move(connection, found, status, reason="写错了当事人")
        for row in deliveries.of_document(connection, found):
            columns = {"service_status": "final", "service_date": SERVED, "service_basis": "paper"}
            deliveries.update(connection, row["id"], **(columns if served else {"route": "inbox"}))
    return found


def row(house: House, document_id: str) -> sa.RowMapping:
    with house.songda.database.read() as connection:
        return documents.get(connection, document_id)


def form_of(client: TestClient, effect: str, target: str) -> tuple[str, str]:
    """The address and the page of the form that the document's page leads to."""
    path = f"/desk/issue/{INSTRUMENTS[effect]}?{effect}={target}"
    assert f'href="{path}"' in client.get(f"/desk/documents/{target}").text
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return path.partition("?")[0], answer.text


def value(page: str, name: str) -> str:
    """What stands in a field of the form."""
    found = re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', page)
    found = found or re.search(rf'<textarea[^>]* name="{name}"[^>]*>([^<]*)</textarea>', page)
    assert found, f"no field {name}"
    return html.unescape(found[1])


def typed(house: House, page: str, effect: str, target: str, **more: str) -> dict[str, str]:
    """What the clerk sends: the sample's own facts, and those of the document as the page has filled them in."""
    found, name = row(house, target), INSTRUMENTS[effect]
    (asked,) = sample(name)["documents"]
    facts = typed_of(asked["facts"])
    kept = ("f/document/", "f/numbers/", "n/numbers", "f/form/", "f/case_no")
    form = {each: text for each, text in facts.items() if not each.startswith(kept)}
    filled = [each for each in facts if each.startswith(("f/document/", "f/form/")) and f'name="{each}"' in page]
    form |= {each: value(page, each) for each in filled}
    if effect == "declares":
        form |= {"n/numbers": "1", "f/numbers/0": found["number_zh"]}
    if effect == "changes":
        form["f/effect"] = "change"
    form |= {"csrf": hidden(page, "csrf"), "once": hidden(page, "once"), effect: hidden(page, effect)}
    form |= {name: str(text) for name, text in asked.get("approval", {}).items()}
    return form | {"case_no": value(page, "case_no"), "verb": "submit"} | more


def link_of(house: House, target: str) -> sa.RowMapping | None:
    with house.songda.database.read() as connection:
        return connection.execute(sa.select(link).where(link.c.target_id == target)).mappings().first()


@pytest.mark.parametrize("effect", ["ends", "mends"])
def test_a_released_document_is_revoked_or_mended_by_the_form_and_both_are_linked(
    house: House, client: TestClient, effect: str
) -> None:
    target = decision(house)
    path, page = form_of(client, effect, target)
    found = row(house, target)
    assert value(page, "case_no") == found["case_no"]
    assert value(page, "f/document/number/zh") == found["number_zh"]
    assert value(page, "f/document/title/en") == "Decision on Administrative Penalty"
    assert value(page, "f/document/served_on") == SERVED
    assert value(page, "f/document/made_on") == found["facts"]["decided_on"]
    assert value(page, "f/party/name/zh") == found["facts"]["party"]["name"]["zh"]
    assert 'name="counterparty"' not in page and "北方示例航空有限公司" in page  # goes to the same recipients
    form = typed(house, page, effect, target)
    preview = client.post(path, data=form | {"verb": "preview"})
    assert preview.headers["content-type"] == "application/pdf" and link_of(house, target) is None
    answer = client.post(path, data=form)
    assert answer.status_code == 303, answer.text
    new = answer.headers["location"].rpartition("/")[2]
    stored = link_of(house, target)
    assert stored and (stored["document_id"], stored["effect"], stored["state"]) == (new, effect, "pending")
    with house.songda.database.read() as connection:
        served = [{each["counterparty_id"] for each in links.recipients(connection, one)} for one in (new, target)]
    assert served[0] == served[1] == {"air-example"}
    case, _, _ = client.get(f"/desk/cases/{target}").text.partition("<footer>")  # there the clock goes on
    same, _, _ = client.get(f"/desk/cases/{new}").text.partition("<footer>")
    assert f'href="/desk/documents/{new}"' in case
    assert case == same.replace(f"/desk/cases/{new}", f"/desk/cases/{target}")
    word = {"ends": "撤销", "mends": "补正"}[effect]
    assert f"本文书{word}《民用航空行政处罚决定书》" in client.get(f"/desk/documents/{new}").text
    assert f"{word}本文书的文书" in client.get(f"/desk/documents/{target}").text


def test_the_link_stays_through_faults_and_one_more_item(house: House, client: TestClient) -> None:
    target = decision(house)
    path, page = form_of(client, "ends", target)
    for verb in ("submit", "preview", "more:/grounds"):
        shown = client.post(path, data=typed(house, page, "ends", target, verb=verb, **{"f/findings/en": ""}))
        assert shown.status_code == (200 if verb.startswith("more") else 422)
        assert hidden(shown.text, "ends") == target and "本文书撤销《民用航空行政处罚决定书》" in shown.text
        assert value(shown.text, "f/document/served_on") == SERVED
    assert link_of(house, target) is None


def test_a_change_says_so_in_its_facts(house: House, client: TestClient) -> None:
    _, page = form_of(client, "changes", decision(house))
    assert '<option value="change" selected>' in page and '<option value="revoke" selected>' not in page
    assert '<option value="revoke" selected>' in form_of(client, "ends", decision(house))[1]


def test_004_97_a_void_number_is_declared_from_the_desk(house: House, client: TestClient) -> None:
    target = decision(house, status="void", served=False)
    path, page = form_of(client, "declares", target)
    assert value(page, "f/numbers/0") == row(house, target)["number_zh"] and "写错了当事人" in page
    answer = client.post(path, data=typed(house, page, "declares", target))
    assert answer.status_code == 303, answer.text
    stored = link_of(house, target)
    assert stored and stored["effect"] == "declares"
    again = client.get(f"/desk/documents/{target}").text
    assert "已有其他文书正在作同样处理" in again and "?declares=" not in again


@pytest.mark.parametrize(
    ("status", "served", "offered", "words"),
    [
        ("released", True, {"ends", "changes", "mends"}, ""),
        ("changed", True, {"ends", "mends"}, "已被变更过一次"),
        ("revoked", True, set(), "已被撤销"),
        ("released", False, set(), "尚未送达任何受送达人"),
    ],
)
def test_what_cannot_be_done_has_no_button_and_says_why(
    house: House, client: TestClient, status: str, served: bool, offered: set[str], words: str
) -> None:
    target = decision(house, served=served)
    with house.songda.database.write() as connection:
        connection.execute(document.update().where(document.c.id == target).values(status=status))
    page = client.get(f"/desk/documents/{target}").text
    assert {each for each in INSTRUMENTS if f"?{each}={target}" in page} == offered
    assert words in page and "不能取消或者作废" in page
    for each in {"ends", "changes", "mends"} - offered:
        if served:  # whoever types the address is led to the reason
            answer = client.get(f"/desk/issue/{INSTRUMENTS[each]}?{each}={target}")
            assert answer.headers["location"] == f"/desk/documents/{target}"


def test_a_second_revocation_is_neither_offered_nor_taken(house: House, client: TestClient) -> None:
    target = decision(house)
    path, page = form_of(client, "ends", target)
    form = typed(house, page, "ends", target)
    assert client.post(path, data=form).status_code == 303
    shown = client.get(f"/desk/documents/{target}").text
    assert "?ends=" not in shown and "?changes=" not in shown and "?mends=" in shown
    late = client.post(path, data=form | {"once": "another"})
    assert late.status_code == 422 and "已有其他文书对该文书作同样处理" in late.text


def test_a_document_of_another_authority_is_not_acted_on(house: House, client: TestClient) -> None:
    for target in ("doc_0123", "x", "doc_../../x"):
        assert client.get("/desk/issue/revocation-decision", params={"ends": target}).status_code == 404
        form: dict[str, Any] = {"csrf": hidden(client.get("/desk").text, "csrf"), "ends": target, "verb": "submit"}
        assert client.post("/desk/issue/revocation-decision", data=form | {"once": "1"}).status_code == 404


def test_a_recipient_outside_the_directory_is_served_again_at_the_same_address(
    house: House, client: TestClient
) -> None:
    target = decision(house)
    address = {
        "name": {"zh": "某某公司", "en": "Some Company"},
        "place": {"zh": "北京市某路1号", "en": "1 Some Road, Beijing"},
    }
    with house.songda.database.write() as connection:
        (served,) = deliveries.of_document(connection, target)
        names = {"recipient_zh": "某某公司", "recipient_en": "Some Company"}
        deliveries.update(connection, served["id"], counterparty_id=None, address=address, **names)
    path, page = form_of(client, "ends", target)
    assert "某某公司" in page
    answer = client.post(path, data=typed(house, page, "ends", target))
    assert answer.status_code == 303, answer.text
    with house.songda.database.read() as connection:
        (new,) = links.recipients(connection, answer.headers["location"].rpartition("/")[2])
    assert new["address"] == address
