"""Service on paper whose receipt does not tell the day: recorded, held back, supplied by two persons (民诉法 87)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery import attempts as acts
from records import deliveries, desk_work
from records.database import Database, legal_time
from records.errors import Refused
from records.paging import Part
from tests.integration.test_desk import SCAN, codes, direct, kinds, receipts, record, today
from tests.integration.test_paper_attempts import begin, decide, desk_record, propose, scan
from tests.integration.test_paper_import import take
from tests.integration.test_portal_paper import post
from tests.portal_house import AUTHORITY, PortalHouse, furnish


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("clerk")


def dateless(house: PortalHouse, **more: Any) -> dict[str, Any]:
    value = direct(house, illegible=True, date_note="邮戳被水浸") | more
    return {name: each for name, each in value.items() if name != "date" or "date" in more}


def state(house: PortalHouse, delivery_id: str) -> tuple[str, str | None, str]:
    house.settle(delivery_id)
    row = house.row(delivery_id)
    return row["service_status"], row["service_date"], row["paper_status"]


def listed(house: PortalHouse, name: str) -> list[str]:
    with house.database.read() as connection:
        found = desk_work.listed(connection, AUTHORITY, name, legal_time(connection), Part(10))
        return [row["id"] for row in found.rows]


@pytest.mark.rule("D3", "LAW-7")
def test_it_proves_service_makes_no_date_and_waits_in_the_list_of_provisional_dates(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    done = record(house, delivery_id, dateless(house))
    assert (done.served_on, done.final, done.paper_status) == (None, False, "served")
    assert state(house, delivery_id) == ("provisional", None, "served")
    assert listed(house, "provisional") == [delivery_id] and listed(house, "scan_missing") == []
    assert "邮戳被水浸" in house.row(delivery_id)["service_answer"]["reasons"][0]["text_zh"]
    assert record(house, delivery_id, dateless(house)).id == done.id and receipts(house, delivery_id) == 1


@pytest.mark.rule("D3")
def test_the_date_is_supplied_with_its_source_by_two_persons_on_the_same_day_too(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    done = record(house, delivery_id, dateless(house))
    with pytest.raises(Refused) as refused:
        propose(house, delivery_id, dateless(house, date=today(house).isoformat()), done.id)
    assert codes(refused) == {("/date_source", "missing")}
    value = dateless(house, date=today(house).isoformat(), date_source="mail_track")
    proposed = propose(house, delivery_id, value, done.id, reason="邮政查询结果")
    assert not proposed.mended and state(house, delivery_id)[0] == "provisional"
    with pytest.raises(Refused) as refused:
        decide(house, proposed.correction_id, by="per_clerk")
    assert codes(refused) == {("/approved_by", "same_person")}
    decide(house, proposed.correction_id)
    assert state(house, delivery_id) == ("final", today(house).isoformat(), "served")
    assert listed(house, "provisional") == []
    with house.database.read() as connection:
        (standing,) = deliveries.paper_receipts(connection, delivery_id)
    assert (standing["supersedes"], standing["record"]["date_source"]) == (done.id, "mail_track")
    assert kinds(house, delivery_id).count("paper.corrected") == 1


@pytest.mark.rule("D3")
def test_another_attempt_on_a_known_day_does_not_decide_while_it_may_be_the_later(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    first, second = begin(house, delivery_id), begin(house, delivery_id)
    acts.add_file(house.database, house.store, AUTHORITY, delivery_id, second["id"], "proof", SCAN, "per_clerk")
    scan(house, first["code"], "?")
    served = desk_record(house, delivery_id, direct(house, servers=["甲", "乙"]), second["id"])
    assert served.final and state(house, delivery_id)[:2] == ("provisional", None)
    with house.database.read() as connection:
        unknown = next(each for each in deliveries.paper_receipts(connection, delivery_id) if not each["final"])
    value = dateless(house, outcome="absent", servers=["甲", "乙"])
    proposed = propose(house, delivery_id, value, unknown["id"], reason="送达人说明当日无人")
    decide(house, proposed.correction_id)
    assert state(house, delivery_id)[:2] == ("final", today(house).isoformat())


def test_its_scan_is_attached_though_another_attempt_is_final(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id)
    scan(house, attempt["code"], "不清")
    record(house, delivery_id, direct(house, method="post", mail_kind="express", mail_number="EMS1"))
    acts.add_file(house.database, house.store, AUTHORITY, delivery_id, attempt["id"], "proof", SCAN, "per_clerk")
    desk_record(house, delivery_id, dateless(house, servers=["甲", "乙"]), attempt["id"])
    assert not house.row(delivery_id)["scan_missing"] and state(house, delivery_id)[0] == "provisional"


def test_one_person_alone_puts_no_day_beside_it(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id)
    assert scan(house, attempt["code"], "?").day is None
    with pytest.raises(Refused) as refused:
        scan(house, attempt["code"], "today")
    assert codes(refused) == {("/code", "recorded_already")}
    for made in (attempt["id"], None):
        with pytest.raises(Refused) as refused:
            record_of(house, delivery_id, direct(house, servers=["甲", "乙"]), made)
        assert codes(refused) == {("/date", "date_in_doubt")}
    with pytest.raises(Refused) as refused:
        propose(house, delivery_id, direct(house), None)
    assert codes(refused) == {("/date", "date_in_doubt")}
    assert receipts(house, delivery_id) == 1


def record_of(house: PortalHouse, delivery_id: str, value: dict[str, Any], attempt_id: str | None) -> Any:
    return desk_record(house, delivery_id, value, attempt_id) if attempt_id else record(house, delivery_id, value)


def test_a_doubt_is_not_dropped_by_the_same_record_without_it(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    record(house, delivery_id, direct(house, conflicting=True, date_note="两处日期不同"), None)
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house))
    assert codes(refused) == {("/date", "date_in_doubt")}
    assert record(house, delivery_id, direct(house, conflicting=True, date_note="两处日期不同")).final is False


def test_two_mail_items_on_unknown_days_are_two_attempts(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    for number in ("EMS1", "EMS2", "EMS1"):
        post_of = {"method": "post", "mail_kind": "express", "mail_number": number}
        record(house, delivery_id, dateless(house, **post_of), None)
    record(house, delivery_id, dateless(house, **post_of))
    with house.database.read() as connection:
        standing = deliveries.paper_receipts(connection, delivery_id)
    assert sorted((row["record"]["mail_number"], bool(row["scan_digest"])) for row in standing) == [
        ("EMS1", True),
        ("EMS2", False),
    ]


def test_where_the_account_decides_it_changes_nothing(house: PortalHouse) -> None:
    delivery_id = house.deliver("rectification-notice")
    before = state(house, delivery_id)[:2]
    record(house, delivery_id, dateless(house))
    assert state(house, delivery_id)[:2] == before and listed(house, "provisional") == []
    assert "courtesy-date-unknown" in {each["rule"] for each in house.row(delivery_id)["service_answer"]["reasons"]}


def test_a_table_says_it_with_a_question_mark(house: PortalHouse) -> None:
    first, second = house.deliver("penalty-decision"), house.deliver("penalty-decision", number=2)
    lines = f"{first},不清,direct,served,撕去一角\n{second},？,direct,served,\n"
    take(house, f"送达编号,日期,送达方式,结果,日期说明\n{lines}")
    with house.database.read() as connection:
        stored = [deliveries.paper_receipts(connection, each)[0]["record"] for each in (first, second)]
    assert stored[0] == {"method": "direct", "outcome": "served", "illegible": True, "date_note": "撕去一角"}
    assert stored[1] == {"method": "direct", "outcome": "served", "illegible": True}
    assert state(house, first)[0] == "provisional"


@pytest.mark.parametrize("lang", ["zh-CN", "en"])
def test_every_page_says_so_and_none_breaks(house: PortalHouse, client: TestClient, lang: str) -> None:
    delivery_id = house.deliver("penalty-decision")
    done = record(house, delivery_id, dateless(house))
    failed = {"method": "post", "outcome": "unclaimed", "mail_kind": "express", "mail_number": "1"}
    record(house, delivery_id, dateless(house, **failed))
    house.settle(delivery_id)
    client.get(f"/desk?lang={lang}")
    word = "日期不清" if lang == "zh-CN" else "Date cannot be read"
    with house.database.read() as connection:
        document = deliveries.get(connection, delivery_id)["document_id"]
    proposed = propose(house, delivery_id, dateless(house, receiver="王五"), done.id).correction_id
    paths = (f"/desk/{delivery_id}", f"/desk/cases/{document}", f"/desk/corrections/{proposed}")
    for path in (*paths, f"/desk/{delivery_id}/public-notice"):
        page = client.get(path)
        assert page.status_code == 200 and word in page.text, path
    for path in ("/desk?track=provisional", f"/desk/documents/{document}", f"/desk/{delivery_id}/correct/{done.id}"):
        assert client.get(path).status_code == 200, path
    party = house.browser("NEA-FLB")
    seen = party.get(f"/inbox/{delivery_id}/service?lang={lang}")
    assert seen.status_code == 200 and word in seen.text and "邮戳被水浸" in seen.text
    assert party.get("/inbox").status_code == 200


def test_the_form_takes_a_record_without_its_date_and_asks_for_the_reason(
    house: PortalHouse, client: TestClient
) -> None:
    delivery_id = house.deliver("penalty-decision")
    at = f"/desk/{delivery_id}/record"
    form = {"result": "direct/served", "date": "", "receiver": "孙丽", "capacity": "mail_clerk"}
    missing = post(client, at, form, at)
    assert missing.status_code == 422 and "不得推测" in missing.text
    assert re.search(r'id="date"[^>]*aria-describedby="date-hint date-fault-1"', missing.text)
    refused = post(client, at, form | {"illegible": "1"}, at)
    assert refused.status_code == 422
    assert re.search(r'id="date_note"[^>]*aria-describedby="date_note-fault-1', refused.text)
    assert re.search(r'id="illegible"[^>]* checked', refused.text) and 'value="孙丽"' in refused.text
    done = post(client, at, form | {"illegible": "1", "date_note": "邮戳模糊"}, at, files={"scan": ("x.png", SCAN)})
    assert done.headers["location"].endswith("?told=record_done_not_final")
    page = client.get(f"/desk/{delivery_id}").text
    assert "补明日期" in page and "送达日期待补明" in page
    with house.database.read() as connection:
        (standing,) = deliveries.paper_receipts(connection, delivery_id)
    correct = f"/desk/{delivery_id}/correct/{standing['id']}"
    supplied = form | {"illegible": "1", "date_note": "邮戳模糊", "date": "20261123", "correction_reason": "已查询"}
    again = post(client, correct, supplied, correct)
    assert again.status_code == 422 and re.search(r'id="date_source"[^>]*aria-invalid="true"', again.text)
    told = post(client, correct, supplied | {"date_source": "receiver"}, correct)
    assert told.headers["location"].endswith("?told=correction_proposed")


@pytest.mark.rule("D3")
def test_a_date_that_turns_out_unreadable_is_taken_back_by_two_persons_and_superseded(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    done = record(house, delivery_id, direct(house))
    assert state(house, delivery_id)[0] == "final"
    proposed = propose(house, delivery_id, dateless(house), done.id, reason="日期系误认")
    assert not proposed.mended and state(house, delivery_id)[0] == "final"
    decide(house, proposed.correction_id)
    assert state(house, delivery_id) == ("provisional", None, "served")
    assert kinds(house, delivery_id)[-3:] == ["paper.correction_approved", "service.superseded", "deadlines.computed"]
