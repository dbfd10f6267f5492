"""The clerk's pages: print, send, record paper receipts, add the scan; only of one's own authority."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from pypdf import PdfReader

from delivery.beijing import day_of
from delivery.paper import DETAILS, FLAGS, LISTS
from records import deliveries
from records.database import Database, legal_time
from tests.integration.test_desk import SCAN
from tests.portal_house import PDF, PortalHouse, furnish, hidden
from tests.signing_support import plain_pdf


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("clerk")


def typed(house: PortalHouse, **more: str) -> dict[str, str]:
    with house.database.read() as connection:
        today = day_of(legal_time(connection))
    day = f"{today:%Y%m%d}"
    return {"result": "direct/served", "date": day, "receiver": "孙丽", "capacity": "mail_clerk"} | more


def send(client: TestClient, delivery_id: str, form: dict[str, str], scan: bytes | None = SCAN) -> Any:
    page = client.get(f"/desk/{delivery_id}/record").text
    files = {"scan": ("扫描.exe", scan, "application/x-anything")} if scan is not None else None
    return client.post(f"/desk/{delivery_id}/record", data={"csrf": hidden(page, "csrf")} | form, files=files)


def search(client: TestClient, text: str) -> Any:
    return client.post("/desk/search", data={"csrf": hidden(client.get("/desk").text, "csrf"), "find": text})


def test_the_desk_lists_what_is_to_print_and_finds_by_number_case_or_recipient(
    house: PortalHouse, client: TestClient
) -> None:
    first, second = house.deliver("penalty-decision", number=7), house.deliver(number=8)
    page = client.get("/desk").text
    assert first in page and second not in page and "待打印 (1)" in page
    for text in ("2026] No. 8", "示例〔2026〕8号"):
        found = search(client, text).text
        assert second in found and first not in found
    assert first in search(client, "北方示例").text
    assert first not in search(client, "%").text  # not a pattern


def test_a_clerk_prints_the_document_and_its_proof_of_service(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision", number=7)
    assert client.get(f"/desk/{delivery_id}/document.pdf").content == PDF
    proof = client.get(f"/desk/{delivery_id}/proof-of-service.pdf")
    assert proof.headers["content-type"] == "application/pdf"
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(proof.content)).pages)
    assert "民航华北示例〔2026〕7号" in text and "北方示例航空有限公司" in text and "王立新" in text


def test_a_paper_receipt_with_scan_is_recorded_and_tells_the_queue(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    answer = send(client, delivery_id, typed(house, place="收发室"))
    assert answer.status_code == 303 and answer.headers["location"].endswith("?told=record_done")
    assert house.hints == [f"{delivery_id}/settle"]
    house.settle(delivery_id)
    page = client.get(answer.headers["location"]).text
    assert "已登记" in page and "纸质送达之日" in page and "孙丽，负责收件的人" in page
    assert "送达地点</dt><dd>收发室" in page, "every method may say where"
    with house.database.read() as connection:
        (receipt,) = deliveries.paper_receipts(connection, delivery_id)
    scan = client.get(f"/desk/{delivery_id}/scans/{receipt['id']}")
    assert scan.content == SCAN and scan.headers["content-type"] == "image/png"
    assert receipt["record"]["receiver"] == "孙丽"
    assert f"/desk/{delivery_id}/record" not in page  # it is served; a correction is not offered


def test_the_form_asks_for_everything_that_a_record_may_hold(house: PortalHouse, client: TestClient) -> None:
    """What a method demands can be entered at the desk, and each in one place; a source is for a later date."""
    page = client.get(f"/desk/{house.deliver('penalty-decision')}/record").text
    for name in ("result", "date", *(each for each in DETAILS if each != "date_source"), *LISTS, *FLAGS, "scan"):
        assert len(re.findall(f'<(?:input|select|textarea)[^>]* name="{name}"', page)) == 1, name


def test_without_a_scan_the_record_waits_and_the_form_is_filled_for_the_second_time(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver("penalty-decision")
    answer = send(client, delivery_id, typed(house), None)
    assert answer.headers["location"].endswith("?told=record_done_not_final")
    page = client.get(f"/desk/{delivery_id}/record").text
    assert 'value="孙丽"' in page and '<option value="direct/served" selected>' in page
    assert send(client, delivery_id, typed(house)).headers["location"].endswith("?told=record_done")


def test_an_attempt_that_failed_is_shown_as_no_service_to_both_sides(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    form = {"result": "post/locker", "date": typed(house)["date"], "mail_kind": "express", "mail_number": "EMS1"}
    assert send(client, delivery_id, form).status_code == 303
    page = client.get(f"/desk/{delivery_id}").text
    assert "</strong>：投放快递柜" in page and "未构成送达" in page and "EMS1" in page
    theirs = house.browser("NEA-FLB").get(f"/inbox/{delivery_id}/service?lang=en").text
    assert "Put into a locker" in theirs and "No service" in theirs and "/scans/" not in theirs


def test_faults_are_all_shown_at_their_fields_with_what_was_typed(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    form = {"result": "leaving/served", "date": "20261131", "refusal_reason": "<b>拒收</b>"}
    answer = send(client, delivery_id, form, b"GIF89a")
    assert answer.status_code == 422
    assert 'value="20261131"' in answer.text and "&lt;b&gt;拒收" in answer.text
    assert "日期须写作" in answer.text and "扫描件须为" in answer.text
    assert 'aria-invalid="true"' in answer.text
    assert house.row(delivery_id)["paper_status"] == "to_print" and house.hints == []


def test_the_head_of_a_refused_form_leads_to_each_field_and_the_title_says_so(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver("penalty-decision")
    at = f"/desk/{delivery_id}/record"
    assert "<title>登记纸质送达" in client.get(at).text
    page = send(client, delivery_id, {"result": "leaving/served", "date": typed(house)["date"]}, b"GIF89a").text
    assert "<title>有误：登记纸质送达" in page
    head = page.partition('role="alert" tabindex="-1" autofocus')[2].partition("<form")[0]
    named = set(re.findall(r'href="#(\w+)"', head))
    assert {"refusal_reason", "place", "scan"} <= named and head.count("<li>") >= len(named)
    assert all(f'id="{name}"' in page and f'id="{name}-fault-1"' in page for name in named)
    early = send(client, delivery_id, {"result": "", "date": ""}).text
    assert early.count('href="#result"') == 2 and 'href="#date"' in early


def test_a_scan_above_20_mb_is_refused_before_it_is_looked_at(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    answer = send(client, delivery_id, typed(house), b"%PDF-" + b"0" * (21 * 1024 * 1024))
    assert answer.status_code == 413 and "20 MB" in answer.text


def test_marking_as_sent_moves_it_to_the_next_list(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    csrf = hidden(client.get(f"/desk/{delivery_id}").text, "csrf")
    assert client.post(f"/desk/{delivery_id}/sent", data={"csrf": csrf}).status_code == 303
    assert delivery_id in client.get("/desk?track=sent").text
    other = house.deliver()  # no paper copy
    assert client.post(f"/desk/{other}/sent", data={"csrf": csrf}).status_code == 409


def test_another_authoritys_deliveries_do_not_exist(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    other = house.browser("clerk-elsewhere")
    assert delivery_id not in other.get("/desk").text
    assert delivery_id not in search(other, "北方示例").text
    for path in ("", "/document.pdf", "/proof-of-service.pdf", "/record", "/scans/ppr_x"):
        assert other.get(f"/desk/{delivery_id}{path}").status_code == 404
    csrf = hidden(other.get("/desk").text, "csrf")
    assert other.post(f"/desk/{delivery_id}/sent", data={"csrf": csrf}).status_code == 404
    form = {"csrf": csrf} | typed(house)
    assert other.post(f"/desk/{delivery_id}/record", data=form).status_code == 404
    assert house.row(delivery_id)["paper_status"] == "to_print"


def test_what_is_not_released_cannot_be_printed(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision", release=False)
    assert "文书尚未签发" in client.get(f"/desk/{delivery_id}").text
    assert client.get(f"/desk/{delivery_id}/document.pdf").status_code == 404
    assert client.get(f"/desk/{delivery_id}/proof-of-service.pdf").status_code == 409


def test_each_goes_through_his_own_door(house: PortalHouse, client: TestClient) -> None:
    assert client.get("/inbox").headers["location"] == "/desk"
    assert house.browser("NEA-FLB").get("/desk").headers["location"] == "/inbox"


def test_a_clerk_prints_the_numbered_copies_of_what_is_made_in_several(house: PortalHouse) -> None:
    clerk = house.browser("clerk")
    several = house.deliver("on-the-spot-decision", pdf=plain_pdf())
    assert "打印各份（共3份，PDF）" in clerk.get(f"/desk/{several}").text
    answer = clerk.get(f"/desk/{several}/copies.pdf")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    single = house.deliver("penalty-decision", number=2)
    assert "打印各份" not in clerk.get(f"/desk/{single}").text
    assert clerk.get(f"/desk/{single}/copies.pdf").status_code == 404
    assert house.browser("clerk-elsewhere").get(f"/desk/{several}/copies.pdf").status_code == 404
