"""Handing in material: what is asked for, what comes late, what replaces it, its receipt, and who sees it."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from pypdf import PdfReader

from delivery.submissions import KINDS
from records import ledger, submissions
from records.database import Database, legal_time, set_legal_time
from tests.integration.test_portal_inbox import confirm_it, open_it
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("NEA-FLB")


def picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (20, 20), "white").save(out, "PNG")
    return out.getvalue()


def hand_in(client: TestClient, delivery_id: str, *, status: int = 303, replaces: str = "", **fields: Any) -> str:
    """Fill in the form; returns where it leads, or the page with the faults."""
    page = client.get(f"/inbox/{delivery_id}/submit?replaces={replaces}").text
    files = {name: value for name, value in fields.items() if name.startswith("file")}
    form = {
        **{name: hidden(page, name) for name in ("csrf", "once", "replaces")},
        "kind": "statement",
        "words": "没有违法",
        "person_name": "王敏",
        "declared": "1",
        **{name: value for name, value in fields.items() if name not in files},
    }
    answer = client.post(f"/inbox/{delivery_id}/submit", data=form, files=files or None)
    assert answer.status_code == status, answer.text
    return answer.headers["location"] if status == 303 else answer.text


def test_a_statement_with_a_file_is_recorded_with_declaration_person_and_digest_and_gets_a_receipt(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id)
    place = hand_in(client, delivery_id, file1=("../../证据 1.exe", picture(), "application/x-msdownload"))
    page = client.get(place).text
    assert "陈述、申辩" in page and "没有违法" in page and "王敏" in page and "证据 1.png" in page
    receipt = client.get(f"{place}/receipt.pdf")
    text = "".join(each.extract_text() for each in PdfReader(io.BytesIO(receipt.content)).pages)
    assert "材料接收回执" in text and "王敏" in text
    file = client.get(f"{place}/files/1")
    assert file.content == picture() and file.headers["content-type"] == "image/png"
    assert file.headers["content-disposition"].startswith("attachment;")
    assert "sandbox" in file.headers["content-security-policy"]
    with house.database.read() as connection:
        events = ledger.events(connection, house.row(delivery_id)["document_id"])
    (body,) = (event.body for event in events if event.kind == "submission.received")
    assert (body["person"], body["kind"], body["late"]) == ("王敏", "statement", False)
    assert "真实" in body["declaration_zh"] and body["files"][0]["media_type"] == "image/png"
    assert "提交材料 · 王敏" in client.get(f"/inbox/{delivery_id}").text


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"declared": ""}, "请确认真实性声明"),
        ({"words": ""}, "请填写内容或者添加文件"),
        ({"kind": "evidence"}, "此类材料须附文件"),
        ({"kind": "other"}, "请选择材料种类"),
        ({"person_name": ""}, "请写明操作人的真实姓名"),
        ({"file1": ("x.pdf", b"MZ program", "application/pdf")}, "PDF、JPEG 或 PNG"),
    ],
)
def test_what_is_missing_or_no_scan_is_told_and_nothing_is_kept(
    house: PortalHouse, client: TestClient, fields: dict[str, Any], fault: str
) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id)
    assert fault in hand_in(client, delivery_id, status=422, **fields)
    with house.database.read() as connection:
        assert submissions.of_delivery(connection, delivery_id) == []


def test_the_form_prompts_for_a_chinese_translation(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    assert client.get(f"/inbox/{delivery_id}/submit").status_code == 404  # not read yet
    open_it(client, delivery_id)
    assert "中文译本（004-36、49）" in client.get(f"/inbox/{delivery_id}/submit").text


def test_late_material_is_taken_in_and_marked_late(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("hearing-rights-notice")
    open_it(client, delivery_id)
    confirm_it(client, delivery_id)
    house.settle(delivery_id)
    in_time = hand_in(client, delivery_id, kind="hearing_request")
    assert "逾期提交" not in client.get(in_time).text
    with house.database.write() as connection:
        set_legal_time(connection, legal_time(connection) + timedelta(days=40))
    late = hand_in(client, delivery_id, kind="hearing_request")
    assert "逾期提交" in client.get(late).text and "期限的最后一日" in client.get(late).text


def test_what_replaces_it_is_new_and_the_old_one_stays(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id)
    old = hand_in(client, delivery_id)
    old_id = old.rpartition("/")[2]
    new = hand_in(client, delivery_id, replaces=old_id, words="补充说明")
    assert "已被更新" in client.get(old).text and "没有违法" in client.get(old).text
    assert "补充说明" in client.get(new).text and "查看更新前的材料" in client.get(new).text
    assert "请更新最新的一份" in hand_in(client, delivery_id, replaces=old_id, status=422)


def test_a_second_click_hands_in_nothing_twice(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id)
    page = client.get(f"/inbox/{delivery_id}/submit").text
    form = {name: hidden(page, name) for name in ("csrf", "once", "replaces")}
    form |= {"kind": "statement", "words": "x", "person_name": "王敏", "declared": "1"}
    for _ in range(2):
        assert client.post(f"/inbox/{delivery_id}/submit", data=form).status_code == 303
    with house.database.read() as connection:
        assert len(submissions.of_delivery(connection, delivery_id)) == 1


def test_others_see_nothing_of_it_and_the_clerk_of_the_authority_takes_it_once(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver()
    open_it(client, delivery_id)
    place = hand_in(client, delivery_id, file1=("a.png", picture(), "image/png"))
    at_desk = f"/desk/submissions/{place.rpartition('/')[2]}"
    other = house.browser("OTHER-FLB")
    for path in ("", "/receipt.pdf", "/files/1"):
        assert other.get(place + path).status_code == 404
    assert house.browser("clerk-elsewhere").get(at_desk).status_code == 404
    assert client.get(at_desk).headers["location"] == "/inbox"
    clerk = house.browser("clerk")
    assert "待办事项 <strong>1</strong>" in clerk.get("/desk").text and at_desk in clerk.get("/desk/incoming").text
    assert clerk.get(f"{at_desk}/files/1").content == picture()
    assert clerk.get(f"{at_desk}/files/2").status_code == 404
    for _ in range(2):
        clerk.post(f"{at_desk}/take", data={"csrf": hidden(clerk.get("/desk").text, "csrf")})
    assert at_desk not in clerk.get("/desk/incoming").text and "机关已接收" in client.get(place).text
    with house.database.read() as connection:
        assert submissions.count_waiting(connection, AUTHORITY, KINDS) == 0


@pytest.mark.rule("LAW-10")
def test_on_a_decision_the_way_to_reconsideration_online_stands(house: PortalHouse, client: TestClient) -> None:
    decision, notice = house.deliver("penalty-decision", number=1), house.deliver(number=2)
    for each in (decision, notice):
        open_it(client, each)
    assert 'href="https://fuyi.example.gov.cn"' in client.get(f"/inbox/{decision}").text
    assert "fuyi.example.gov.cn" not in client.get(f"/inbox/{notice}").text.split('id="reading"')[0]
