"""What a clerk records of service on paper, and when that makes the date (004-79; letter II.4)."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from delivery import desk
from delivery.beijing import day_of
from records import deliveries, ledger, paper
from records.database import Database, legal_time
from records.errors import Refused
from tests.portal_house import AUTHORITY, PortalHouse, furnish


def scan() -> bytes:
    made = io.BytesIO()
    Image.new("L", (60, 80), 255).save(made, "PNG")
    return made.getvalue()


SCAN = scan()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def today(house: PortalHouse) -> date:
    with house.database.read() as connection:
        return day_of(legal_time(connection))


def direct(house: PortalHouse, **more: Any) -> dict[str, Any]:
    record = {
        "method": "direct",
        "outcome": "served",
        "date": today(house).isoformat(),
        "receiver": "孙丽",
        "capacity": "mail_clerk",
    }
    return record | more


def record(house: PortalHouse, delivery_id: str, value: dict[str, Any], scan: bytes | None = SCAN) -> Any:
    return desk.record_paper_receipt(house.database, house.store, AUTHORITY, delivery_id, value, scan, "clerk")


def kinds(house: PortalHouse, delivery_id: str) -> list[str]:
    with house.database.read() as connection:
        stream = deliveries.get(connection, delivery_id)["document_id"]
        assert not list(ledger.verify(connection, stream))
        return [event.kind for event in ledger.events(connection, stream)]


def receipts(house: PortalHouse, delivery_id: str) -> int:
    with house.database.read() as connection:
        return len(paper.all_receipts(connection, delivery_id))


def codes(refused: pytest.ExceptionInfo[Refused]) -> set[tuple[str, str]]:
    return {(fault.pointer, fault.code) for fault in refused.value.faults}


@pytest.mark.rule("D3", "D4")
def test_paper_service_with_its_scan_makes_the_date_of_an_important_instrument(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    done = record(house, delivery_id, direct(house))
    assert (done.served_on, done.final, done.paper_status) == (today(house), True, "served")
    assert done.hint == (f"{delivery_id}/settle",)
    house.settle(delivery_id)
    row = house.row(delivery_id)
    assert (row["service_status"], row["service_basis"]) == ("final", "paper")
    assert row["service_date"] == today(house).isoformat()
    with house.database.read() as connection:
        (stored,) = deliveries.paper_receipts(connection, delivery_id)
        assert house.store.get(stored["scan_digest"]) == SCAN
        kept = paper.scan(connection, stored["scan_digest"])
        assert kept and kept["media_type"] == "image/png"
    assert "paper.recorded" in kinds(house, delivery_id)


def test_a_record_without_scan_stands_but_makes_no_date_until_the_scan_is_added(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    first = record(house, delivery_id, direct(house), None)
    assert (first.final, first.paper_status) == (False, "sent")
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_status"] == "pending"
    second = record(house, delivery_id, direct(house))
    assert (second.final, second.paper_status) == (True, "served")
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_status"] == "final"
    with house.database.read() as connection:
        (standing,) = deliveries.paper_receipts(connection, delivery_id)
    assert (standing["id"], standing["supersedes"]) == (second.id, first.id)


def test_a_record_without_scan_is_not_contradicted_by_another(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    record(house, delivery_id, direct(house), None)
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house, outcome="refused"))
    assert codes(refused) == {("/outcome", "record_incomplete")}


def test_the_same_record_again_changes_nothing(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    first = record(house, delivery_id, direct(house))
    again = record(house, delivery_id, direct(house))
    assert (again.id, again.hint) == (first.id, ())
    assert receipts(house, delivery_id) == 1
    assert kinds(house, delivery_id).count("paper.recorded") == 1


def test_clerks_who_record_at_the_same_moment_make_one_record(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    values = [direct(house), direct(house), direct(house, receiver="马骏"), direct(house, receiver="李明远")]

    def attempt(value: dict[str, Any]) -> str:
        try:
            return str(record(house, delivery_id, value).id)
        except Refused:
            return ""

    with ThreadPoolExecutor(4) as pool:
        ids = set(pool.map(attempt, values)) - {""}
    assert len(ids) == 1
    assert receipts(house, delivery_id) == 1


def test_a_second_receipt_for_a_served_delivery_is_refused_naming_the_field(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    record(house, delivery_id, direct(house))
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house, receiver="他人"))
    assert codes(refused) == {("/outcome", "already_served")}
    assert receipts(house, delivery_id) == 1


def test_after_a_failed_attempt_another_one_may_succeed(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    failed = record(house, delivery_id, {"method": "direct", "outcome": "absent", "date": today(house).isoformat()})
    assert (failed.served_on, failed.paper_status) == (None, "returned")
    assert desk.mark_paper_sent(house.database, AUTHORITY, delivery_id, "clerk")
    done = record(house, delivery_id, direct(house))
    assert done.paper_status == "served"
    assert kinds(house, delivery_id).count("paper.recorded") == 2


def test_every_fault_of_record_and_scan_is_told_and_nothing_is_stored(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    tomorrow = (today(house) + timedelta(days=1)).isoformat()
    value = {"method": "direct", "outcome": "served", "date": tomorrow}
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, value, b"GIF89a not a scan")
    assert codes(refused) == {
        ("/date", "in_the_future"),
        ("/receiver", "missing"),
        ("/capacity", "missing"),
        ("/scan", "unknown_kind"),
    }
    assert receipts(house, delivery_id) == 0
    assert house.row(delivery_id)["paper_status"] == "to_print"
    assert "paper.recorded" not in kinds(house, delivery_id)


def test_a_day_before_the_documents_own_date_is_refused(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")  # decided on 2026-11-20
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house, date="2026-11-19"))
    assert ("/date", "before_document") in codes(refused)


def test_a_day_before_the_release_is_refused_for_there_was_nothing_to_serve(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")  # decided on 2026-11-20, released on 2026-11-23
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house, date="2026-11-22"))
    assert ("/date", "before_release") in codes(refused)


@pytest.mark.parametrize("name", ["correction_reason", "approved_by"])
def test_a_typed_name_is_no_approval_of_a_correction(house: PortalHouse, name: str) -> None:
    delivery_id = house.deliver("penalty-decision")
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house) | {name: "王五"})
    assert codes(refused) == {(f"/{name}", "approval_at_the_desk")}


def test_what_is_not_released_cannot_have_been_served(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision", release=False)
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house))
    assert codes(refused) == {("", "not_released")}


def test_another_authoritys_delivery_does_not_exist(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    with pytest.raises(LookupError):
        desk.record_paper_receipt(
            house.database, house.store, "elsewhere", delivery_id, direct(house), SCAN, "clerk-elsewhere"
        )
    with pytest.raises(LookupError):
        desk.mark_paper_sent(house.database, "elsewhere", delivery_id, "clerk-elsewhere")


def test_marking_as_sent_is_recorded_once_and_is_no_service(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    assert desk.mark_paper_sent(house.database, AUTHORITY, delivery_id, "clerk")
    assert not desk.mark_paper_sent(house.database, AUTHORITY, delivery_id, "clerk")
    row = house.row(delivery_id)
    assert (row["paper_status"], row["service_status"]) == ("sent", "pending")
    assert kinds(house, delivery_id).count("paper.sent") == 1


def test_without_a_paper_copy_there_is_nothing_to_send(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-prior-notice")
    with pytest.raises(Refused) as refused:
        desk.mark_paper_sent(house.database, AUTHORITY, delivery_id, "clerk")
    assert codes(refused) == {("", "no_paper")}
