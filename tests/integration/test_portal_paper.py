"""Pages of attempts, of the scanner and of corrections; each looks only at what is the clerk's own authority's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from fastapi.testclient import TestClient

from delivery import passwords
from records import access, attempts, corrections, deliveries, directory
from records.database import Database
from records.paging import Part
from tests.integration.test_desk import SCAN
from tests.integration.test_portal_desk import search, send, typed
from tests.portal_house import AUTHORITY, PASSWORD, PortalHouse, furnish, hidden
from tests.signing_support import plain_pdf


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    made = furnish(database, tmp_path)
    with database.write() as connection:
        hashed = passwords.hash_password(PASSWORD)
        access.add_person(connection, AUTHORITY, login="clerk-2", name="周宁", roles=("legal",), password_hash=hashed)
    return made


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("clerk")


def post(client: TestClient, path: str, form: dict[str, str], page: str, **more: Any) -> Any:
    return client.post(path, data={"csrf": hidden(client.get(page).text, "csrf")} | form, **more)


def begin(house: PortalHouse, client: TestClient, delivery_id: str, method: str = "direct", **more: str) -> Any:
    form = {"method": method, "servers": "王立新\n赵敏"} | more
    answer = post(client, f"/desk/{delivery_id}/attempts", form, f"/desk/{delivery_id}")
    assert answer.headers["location"].endswith("?told=attempt_begun"), answer.text
    with house.database.read() as connection:
        return attempts.of_delivery(connection, delivery_id)[-1]


def test_the_package_holds_document_proof_and_label_with_the_code_of_the_attempt(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver("penalty-decision", pdf=plain_pdf(), number=7)
    with house.database.write() as connection:
        reached = {"department": "法律部", "mobile": "13800138001", "email": None}
        directory.add_contact(connection, AUTHORITY, "air-example", name="孙丽", **reached)
    attempt = begin(house, client, delivery_id)
    pdf = client.get(f"/desk/{delivery_id}/attempts/{attempt['id']}/package.pdf")
    assert pdf.headers["content-type"] == "application/pdf"
    printed = pypdfium2.PdfDocument(pdf.content)
    found = []
    for page in printed:
        image = page.render(scale=150 / 72).to_pil().convert("L")
        codes = zxingcpp.read_barcodes(image, formats=zxingcpp.BarcodeFormat.Code128)
        found.append({code.text for code in codes})
        text = page.get_textpage()
        words = text.get_text_range()
        text.close()
    printed.close()
    assert found[0] == set() and all(codes == {attempt["code"]} for codes in found[1:]) and len(found) >= 3
    assert "北方示例航空有限公司" in words and "天竺示例大街8号" in words and "华北罚立" not in words  # the label
    assert "孙丽 13800138001" in words and "100000" in words


def test_a_scan_shows_the_receipt_and_keeps_day_and_outcome_for_the_next(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver("penalty-decision", number=7)
    code = begin(house, client, delivery_id)["code"]
    first = client.get("/desk/scan")
    assert "script-src 'self'" in first.headers["content-security-policy"]
    assert "'unsafe-inline'" not in first.headers["content-security-policy"]
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    answer = post(client, "/desk/scan", {"code": wide, "date": "20261123", "result": "served"}, "/desk/scan")
    assert answer.status_code == 200 and "已登记。" in answer.text and "〔2026〕7号" in answer.text
    assert 'name="date" value="20261123"' in answer.text and 'name="code" value=""' in answer.text
    assert re.search(r'<input id="code"[^>]* autofocus', answer.text)
    assert house.hints == [f"{delivery_id}/settle"]
    again = post(client, "/desk/scan", {"code": code, "date": "今天", "result": "served"}, "/desk/scan")
    assert "此前已登记" in again.text and house.hints == [f"{delivery_id}/settle"]
    with house.database.read() as connection:
        (receipt,) = deliveries.paper_receipts(connection, delivery_id)
    assert not receipt["final"]


def test_a_scan_without_a_date_asks_for_the_date_and_keeps_the_code(house: PortalHouse, client: TestClient) -> None:
    code = begin(house, client, house.deliver("penalty-decision"))["code"]
    answer = post(client, "/desk/scan", {"code": code, "date": "", "result": "served"}, "/desk/scan")
    assert answer.status_code == 422 and f'value="{code}"' in answer.text
    assert re.search(r'<input id="date"[^>]* autofocus', answer.text)
    wrong = post(client, "/desk/scan", {"code": "x", "date": "today", "result": "served"}, "/desk/scan?lang=en")
    assert wrong.status_code == 422 and "no code of an attempt" in wrong.text
    assert re.search(r'<input id="code"[^>]* autofocus', wrong.text)


def test_a_code_of_another_office_says_so_and_nothing_of_the_case(house: PortalHouse, client: TestClient) -> None:
    code = begin(house, client, house.deliver("penalty-decision"))["code"]
    other = house.browser("clerk-elsewhere")
    answer = post(other, "/desk/scan", {"code": code, "date": "today", "result": "served"}, "/desk/scan")
    assert answer.status_code == 422 and "其他单位" in answer.text and "北方示例" not in answer.text


def test_a_file_is_attached_shown_and_judged_by_its_content(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, client, delivery_id, "post", servers="", mail_kind="express")
    at = f"/desk/{delivery_id}/attempts/{attempt['id']}"
    assert post(client, f"{at}/mail", {"mail_kind": "express", "mail_number": "EMS9"}, f"/desk/{delivery_id}")
    sent = post(client, f"{at}/files", {"kind": "slip"}, f"/desk/{delivery_id}", files={"file": ("x", SCAN)})
    assert sent.headers["location"].endswith("?told=file_added")
    page = client.get(f"/desk/{delivery_id}").text
    assert "EMS9" in page and "寄出凭证" in page
    found = re.search(rf"{at}/files/pfl_[0-9a-z]+", page)
    assert found and client.get(found[0]).content == SCAN
    bad = post(client, f"{at}/files", {"kind": "slip"}, f"/desk/{delivery_id}", files={"file": ("x.pdf", b"GIF89a")})
    assert bad.status_code == 422 and "须为 PDF" in bad.text


def test_the_record_of_an_attempt_takes_the_proof_that_was_attached(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, client, delivery_id)
    at = f"/desk/{delivery_id}/attempts/{attempt['id']}"
    post(client, f"{at}/files", {"kind": "proof"}, f"/desk/{delivery_id}", files={"file": ("x", SCAN)})
    form = typed(house, attempt=attempt["id"], servers="王立新\n赵敏")
    assert send(client, delivery_id, form, None).headers["location"].endswith("?told=record_done")
    page = client.get(f"/desk/{delivery_id}/record?attempt={attempt['id']}").text
    assert "王立新\n赵敏" in page


def test_a_correction_is_proposed_by_one_and_approved_by_another(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    send(client, delivery_id, typed(house))
    with house.database.read() as connection:
        (receipt,) = deliveries.paper_receipts(connection, delivery_id)
    at = f"/desk/{delivery_id}/correct/{receipt['id']}"
    page = client.get(at).text
    assert 'value="孙丽"' in page and "更正理由" in page and "提交更正</button>" in page
    refused = post(client, at, typed(house, receiver="孙莉"), at)
    assert refused.status_code == 422 and "须说明理由" in refused.text
    done = post(client, at, typed(house, receiver="孙莉", correction_reason="姓名写错"), at)
    assert done.headers["location"].endswith("?told=correction_proposed")
    waiting = re.search(r"/desk/corrections/pcr_[0-9a-z]+", client.get(f"/desk/{delivery_id}").text)
    assert waiting
    own = client.get(waiting[0]).text
    assert "须由另一人批准" in own and f"{waiting[0]}/approve" not in own
    assert post(client, f"{waiting[0]}/approve", {}, waiting[0]).status_code == 422
    second = house.browser("clerk-2")
    shown = second.get(waiting[0]).text
    assert "孙丽" in shown and "孙莉" in shown and "姓名写错" in shown and "刘芳" in shown
    assert second.get(f"{waiting[0]}/scan").content == SCAN
    assert waiting[0] in second.get("/desk/corrections").text
    assert post(second, f"{waiting[0]}/approve", {}, waiting[0]).headers["location"].endswith("correct.approved")
    with house.database.read() as connection:
        (standing,) = deliveries.paper_receipts(connection, delivery_id)
    assert standing["record"]["receiver"] == "孙莉" and standing["supersedes"] == receipt["id"]
    assert post(second, f"{waiting[0]}/approve", {}, waiting[0]).status_code == 409


def test_a_backdated_record_keeps_what_was_typed_and_its_attempt(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, client, delivery_id)
    form = typed(house, attempt=attempt["id"], servers="王立新\n赵敏", note="门卫转交")
    house.settle(delivery_id, days=61)
    refused = send(client, delivery_id, form)
    at = f"/desk/{delivery_id}/backdate"
    assert refused.status_code == 422 and f'formaction="{at}"' in refused.text
    carried = post(client, at, form | {"carried": "record"}, at)
    assert carried.status_code == 200 and "请重新选择扫描件" in carried.text
    for shown in ('value="孙丽"', "王立新\n赵敏", "门卫转交", f'name="attempt" value="{attempt["id"]}"'):
        assert shown in carried.text, shown
    done = post(client, at, form | {"correction_reason": "回证迟到"}, at, files={"scan": ("x", SCAN)})
    assert done.headers["location"].endswith("?told=correction_proposed")
    with house.database.read() as connection:
        (waiting,) = corrections.waiting(connection, AUTHORITY, Part(9)).rows
        found = corrections.find(connection, waiting["id"], AUTHORITY)
    assert found is not None and found["attempt_id"] == attempt["id"]


def test_a_backdated_record_takes_the_proof_of_its_own_attempt_and_no_other(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt, other = (
        begin(house, client, delivery_id),
        begin(house, client, house.deliver("penalty-decision", number=2)),
    )
    files_at = f"/desk/{delivery_id}/attempts/{attempt['id']}/files"
    post(client, files_at, {"kind": "proof"}, f"/desk/{delivery_id}", files={"file": ("x", SCAN)})
    form = typed(house, servers="王立新\n赵敏", correction_reason="回证迟到")
    house.settle(delivery_id, days=61)
    at = f"/desk/{delivery_id}/backdate"
    assert post(client, at, form | {"attempt": other["id"]}, at).status_code == 404
    done = post(client, at, form | {"attempt": attempt["id"]}, at)
    assert done.headers["location"].endswith("?told=correction_proposed")
    with house.database.read() as connection:
        (waiting,) = corrections.waiting(connection, AUTHORITY, Part(9)).rows
    assert client.get(f"/desk/corrections/{waiting['id']}/scan").content == SCAN


def test_a_scan_dated_far_back_goes_on_in_the_form_with_its_attempt(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, client, delivery_id)
    day = typed(house)["date"]
    house.settle(delivery_id, days=61)
    refused = post(client, "/desk/scan", {"code": attempt["code"], "date": day, "result": "served"}, "/desk/scan")
    assert refused.status_code == 422 and "超过60日" in refused.text and "更正或补录须说明理由" not in refused.text
    assert re.search(r'id="date"[^>]*aria-describedby="date-hint date-fault-1"', refused.text)
    at = f"/desk/{delivery_id}/backdate"
    part = refused.text.partition(f'action="{at}"')[2].partition("</form>")[0]
    carried = dict(re.findall(r'name="(\w+)" value="([^"]*)"', part))
    assert (carried["result"], carried["attempt"]) == ("direct/served", attempt["id"])
    page = client.post(at, data=carried)
    assert page.status_code == 200 and "王立新\n赵敏" in page.text and "请重新选择扫描件" not in page.text
    assert 'value="direct/served" selected' in page.text and f'name="attempt" value="{attempt["id"]}"' in page.text


@pytest.mark.parametrize("login", ["clerk-elsewhere", "NEA-FLB", ""])
def test_nobody_else_sees_attempts_or_corrections(house: PortalHouse, client: TestClient, login: str) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, client, delivery_id)
    send(client, delivery_id, typed(house))
    with house.database.read() as connection:
        (receipt,) = deliveries.paper_receipts(connection, delivery_id)
    at = f"/desk/{delivery_id}/correct/{receipt['id']}"
    post(client, at, typed(house, receiver="孙莉", correction_reason="姓名写错"), at)
    waiting = re.search(r"/desk/corrections/pcr_[0-9a-z]+", client.get(f"/desk/{delivery_id}").text)
    assert waiting
    other = house.browser(login)
    paths = (
        at,
        waiting[0],
        f"{waiting[0]}/scan",
        f"/desk/{delivery_id}/backdate",
        f"/desk/{delivery_id}/attempts/{attempt['id']}/package.pdf",
    )
    expected = 404 if login == "clerk-elsewhere" else 303
    assert {other.get(path).status_code for path in paths} == {expected}


def test_the_search_finds_by_barcode_and_only_ones_own(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, client, delivery_id)["code"]
    assert delivery_id in search(client, code).text
    assert delivery_id not in search(house.browser("clerk-elsewhere"), code).text


def test_a_public_notice_shows_its_day_its_text_and_what_failed(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    at = f"/desk/{delivery_id}/public-notice"
    assert "尚无未成功的送达记录" in client.get(at).text
    form = {"result": "post/unclaimed", "date": "20261123", "mail_kind": "express", "mail_number": "EMS1"}
    send(client, delivery_id, form)
    page = client.get(at).text
    assert "2026年12月24日" in page and "2027年1月23日" in page and "逾期未领" in page
    assert client.get(f"{at}/text.pdf").content.startswith(b"%PDF-")
    published = {
        "result": "public_notice/published",
        "date": "20261123",
        "published_in": "报",
        "failed_attempts": "邮寄",
    }
    send(client, delivery_id, published)
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_status"] == "pending" and "2026年12月24日视为送达" in client.get(at).text
    house.settle(delivery_id, days=31)
    assert house.row(delivery_id)["service_date"] == "2026-12-24"
    assert house.browser("clerk-elsewhere").get(at).status_code == 404
