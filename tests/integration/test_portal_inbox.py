"""The counterparty's pages: read, download, confirm; each page in both languages, and only one's own documents."""

from __future__ import annotations

import io
import re
from html import unescape
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from pypdf import PdfReader

from delivery import inbox
from records import documents, ledger
from records.database import Database, legal_time
from records.tables import delivery, document
from tests.portal_house import PDF, PortalHouse, furnish, hidden
from tests.rows import make_renewal


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("NEA-FLB")


def open_it(client: TestClient, delivery_id: str, then: str = "read") -> str:
    page = client.get(f"/inbox/{delivery_id}").text
    answer = client.post(f"/inbox/{delivery_id}/open", data={"csrf": hidden(page, "csrf"), "then": then})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def confirm_it(client: TestClient, delivery_id: str) -> str:
    page = client.get(f"/inbox/{delivery_id}/confirm").text
    form = {"csrf": hidden(page, "csrf"), "statement": hidden(page, "statement"), "person_name": "王敏"}
    answer = client.post(f"/inbox/{delivery_id}/confirm", data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_the_list_says_what_came_when_and_until_when_in_beijing_time(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    page = client.get("/inbox").text
    assert f'href="/inbox/{delivery_id}"' in page
    assert "行政处罚事先告知书" in page or "事先告知" in page
    assert "Prior Notice" in page
    assert "民航华北示例〔2026〕1号" in page and "华北罚立〔2026〕17号" in page
    assert "（北京时间）" in page and "未打开" in page and "还有" in page
    english = client.get("/inbox?lang=en").text
    assert "CAAC-NC Example [2026] No. 1" in english and "Beijing time" in english and "days left" in english


def test_looking_at_the_list_or_the_first_page_opens_nothing(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    client.get("/inbox")
    page = client.get(f"/inbox/{delivery_id}").text
    assert "期限可能开始计算" in page and "打开不等于确认收讫" in page
    assert client.get(f"/inbox/{delivery_id}/document.pdf").status_code == 303  # never the first opening
    client.get(f"/inbox/{delivery_id}/service")
    assert house.row(delivery_id)["accessed_at"] is None


@pytest.mark.rule("ESL-4")
def test_after_opening_the_page_shows_the_document_and_that_periods_may_have_begun(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver()
    assert open_it(client, delivery_id) == f"/inbox/{delivery_id}"
    page = client.get(f"/inbox/{delivery_id}").text
    assert '<article class="instrument">' in page and "机关对当事人北京站的地面安全工作" in page
    assert "期限可能已经开始计算" in page
    assert "style=" not in page.split("<body>")[1]  # the pages allow no inline style
    english = client.get(f"/inbox/{delivery_id}?lang=en").text
    assert "may have started to run" in english
    row = house.row(delivery_id)
    assert (row["status"], row["confirmed_at"]) == ("accessed", None)


@pytest.mark.rule("ESL-5a")
def test_the_pdf_is_the_stored_bytes_under_its_number(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    assert open_it(client, delivery_id, "pdf").endswith("/document.pdf")
    shown = client.get(f"/inbox/{delivery_id}/document.pdf")
    assert shown.content == PDF and shown.headers["content-type"] == "application/pdf"
    assert shown.headers["content-disposition"].startswith("inline;")
    kept = client.get(f"/inbox/{delivery_id}/document.pdf?download=1").headers["content-disposition"]
    assert kept.startswith('attachment; filename="') and "filename*=UTF-8''" in kept
    assert "No. 1.pdf" in kept and "%E3%80%942026%E3%80%95" in kept  # 〔2026〕
    assert house.row(delivery_id)["status"] == "accessed"


def test_a_renewed_document_is_downloaded_as_it_stands_now_and_the_receipt_names_what_was_served(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id, "pdf")
    row = house.row(delivery_id)
    with house.database.write() as connection:
        released = documents.get(connection, row["document_id"])["final_digest"]
        make_renewal(connection, row["document_id"], released, house.store.put(PDF + b"stamp"))
    assert client.get(f"/inbox/{delivery_id}/document.pdf").content == PDF + b"stamp"
    confirm_it(client, delivery_id)
    with house.database.read() as connection:
        told = [event for event in ledger.events(connection, row["document_id"]) if "document_sha256" in event.body]
    assert told and {event.body["document_sha256"] for event in told} == {released}


def test_confirming_takes_a_second_click_on_the_words_in_both_languages(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    page = client.get(f"/inbox/{delivery_id}/confirm").text
    assert "确认之日即为送达之日" in page and "the day of the confirmation is the delivery date" in page
    assert house.row(delivery_id)["confirmed_at"] is None
    assert confirm_it(client, delivery_id) == f"/inbox/{delivery_id}?told=done"
    assert house.hints == [f"{delivery_id}/settle"]
    house.settle(delivery_id)
    row = house.row(delivery_id)
    assert (row["status"], row["service_basis"], row["service_status"]) == ("confirmed", "confirmed", "final")
    assert client.get(f"/inbox/{delivery_id}/confirm").headers["location"].endswith("?told=already")


def test_words_that_changed_since_they_were_shown_are_shown_again(
    house: PortalHouse, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    delivery_id = house.deliver()
    page = client.get(f"/inbox/{delivery_id}/confirm").text
    form = {"csrf": hidden(page, "csrf"), "statement": hidden(page, "statement")}
    monkeypatch.setattr(inbox, "_STATEMENT_EN", "Other words on {title} {number}")
    answer = client.post(f"/inbox/{delivery_id}/confirm", data=form)
    assert answer.status_code == 409 and "Other words" in answer.text
    assert house.row(delivery_id)["confirmed_at"] is None


def test_the_receipt_of_confirmation_is_a_pdf_and_only_after_confirming(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    assert client.get(f"/inbox/{delivery_id}/receipt.pdf").status_code == 404
    confirm_it(client, delivery_id)
    house.settle(delivery_id)
    answer = client.get(f"/inbox/{delivery_id}/receipt.pdf")
    assert answer.status_code == 200 and answer.content.startswith(b"%PDF-")
    assert "NEA-FLB" in "".join(page.extract_text() for page in PdfReader(io.BytesIO(answer.content)).pages)


def test_the_service_page_gives_the_reasons_with_their_sources(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    page = client.get(f"/inbox/{delivery_id}/service").text
    assert "送达日期尚未确定" in page and "第3个工作日" in page and "确认函 二.4" in page
    confirm_it(client, delivery_id)
    house.settle(delivery_id)
    english = client.get(f"/inbox/{delivery_id}/service?lang=en").text
    assert (
        "The delivery date is determined" in english and "The receipt was confirmed in the approved account" in english
    )


def test_an_important_instrument_says_that_the_paper_date_counts(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    assert "以纸质送达之日为准" in client.get("/inbox").text
    page = client.get(f"/inbox/{delivery_id}/confirm?lang=en").text
    assert "this confirmation does not determine the delivery date" in page


def test_others_documents_do_not_exist(house: PortalHouse) -> None:
    delivery_id = house.deliver()
    other = house.browser("OTHER-FLB")
    assert delivery_id not in other.get("/inbox").text
    for path in ("", "/document.pdf", "/confirm", "/service", "/receipt.pdf"):
        assert other.get(f"/inbox/{delivery_id}{path}").status_code == 404
    csrf = hidden(other.get("/inbox").text, "csrf")
    for path in ("/open", "/confirm"):
        assert other.post(f"/inbox/{delivery_id}{path}", data={"csrf": csrf}).status_code == 404
    assert house.row(delivery_id)["status"] == "available"


def test_a_long_inbox_goes_on_over_pages_without_loss(house: PortalHouse, client: TestClient) -> None:
    ids = {house.deliver(number=n) for n in range(1, 33)}
    with house.database.write() as connection:  # as a bulk job does: all at one moment
        connection.execute(delivery.update().values(sent_at=legal_time(connection)))
    seen: list[str] = []
    path = "/inbox"
    while path:
        page = client.get(path).text
        seen += re.findall(r'<h2><a href="/inbox/(dlv_\w+)"', page)
        following = re.search(r'href="(/inbox\?[^"]+)" rel="next"', page)
        path = unescape(following[1]) if following else ""
    assert len(seen) == 32 and set(seen) == ids


@pytest.mark.parametrize("before", ["x", "1", "99999999999999999-dlv_1", "1-dlv_'", "-"])
def test_a_made_up_place_in_the_list_is_no_page(house: PortalHouse, client: TestClient, before: str) -> None:
    assert client.get("/inbox", params={"before": before}).status_code == 400


def test_a_revoked_document_says_so(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    with house.database.write() as connection:
        documents.move(connection, house.row(delivery_id)["document_id"], "revoked")
    assert "本文书已被撤销" in client.get("/inbox").text


def test_facts_are_text_on_the_page_never_markup(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    row = house.row(delivery_id)
    with house.database.write() as connection:
        connection.execute(document.update().values(case_no="<script>alert(1)</script>"))
        connection.execute(delivery.update().values(recipient_zh="<img src=x>"))
    for path in ("/inbox", f"/inbox/{row['id']}"):
        page = client.get(path).text
        assert "<script>" not in page and "<img src=x" not in page and "&lt;script&gt;" in page
