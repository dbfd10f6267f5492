"""Attempts on paper, the scanner flow, and corrections that a second person approves (004-79; 民诉法 87–91)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from delivery import attempts, corrections, scanner
from delivery.desk import record_paper_receipt
from records import attempts as rows
from records import deliveries
from records.corrections import NotWaiting
from records.database import Database
from records.errors import Refused
from tests.integration.test_desk import SCAN, codes, direct, kinds, receipts, record, today
from tests.portal_house import AUTHORITY, PortalHouse, furnish

SERVERS = ("王立新", "赵敏")


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def begin(house: PortalHouse, delivery_id: str, method: str = "direct", **more: Any) -> sa.RowMapping:
    servers = SERVERS if method in ("direct", "leaving") else ()
    return attempts.open_attempt(house.database, AUTHORITY, delivery_id, method, servers, "per_clerk", **more)


def scan(house: PortalHouse, code: str, day: str = "today", result: str = "served", authority: str = AUTHORITY) -> Any:
    return scanner.record_scanned(house.database, house.store, authority, code, day, result, "per_clerk")


def propose(house: PortalHouse, delivery_id: str, value: Mapping[str, Any], receipt: str | None, **more: Any) -> Any:
    names = {"reason": "日期写错", "by": "per_clerk"} | more
    scanned = names.pop("scan", None)
    reason, by = names.pop("reason"), names.pop("by")
    return corrections.propose(
        house.database, house.store, AUTHORITY, delivery_id, value, scanned, reason, by, supersedes=receipt
    )


def decide(
    house: PortalHouse, correction_id: str, by: str = "per_other", *, approve: bool = True, note: str = ""
) -> Any:
    return corrections.decide(house.database, AUTHORITY, correction_id, by, approve=approve, note=note)


# --- attempts


def test_each_attempt_has_a_code_of_its_own_and_an_event(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    first, second = begin(house, delivery_id), begin(house, delivery_id, "post", mail_kind="express")
    assert (first["nth"], second["nth"]) == (1, 2) and first["code"] != second["code"]
    assert kinds(house, delivery_id).count("paper.attempt_begun") == 2
    assert attempts.set_mail(house.database, AUTHORITY, delivery_id, second["id"], "express", "EMS1", "per_clerk")
    assert not attempts.set_mail(house.database, AUTHORITY, delivery_id, second["id"], "express", "EMS1", "per_clerk")
    assert house.row(delivery_id)["service_status"] == "pending"


@pytest.mark.rule("D4")
@pytest.mark.parametrize("method", ["direct", "leaving"])
@pytest.mark.parametrize("servers", [(), ("王立新",), ("王立新", " 王立新 ")])
def test_two_officers_serve_each_by_name(house: PortalHouse, method: str, servers: tuple[str, ...]) -> None:
    delivery_id = house.deliver("penalty-decision")
    with pytest.raises(Refused) as refused:
        attempts.open_attempt(house.database, AUTHORITY, delivery_id, method, servers, "per_clerk")
    assert codes(refused) == {("/servers", "too_few")}


@pytest.mark.rule("D8")
def test_an_attempt_is_by_a_method_of_the_instrument_and_of_what_was_released(house: PortalHouse) -> None:
    with pytest.raises(Refused) as refused:
        begin(house, house.deliver("penalty-decision"), "carrier pigeon", mail_kind="pigeon")
    assert codes(refused) == {("/method", "method_not_allowed"), ("/mail_kind", "unknown_mail_kind")}
    with pytest.raises(Refused) as refused:
        begin(house, house.deliver("penalty-decision", number=2, release=False))
    assert codes(refused) == {("", "not_released")}


def test_a_mailing_slip_is_kept_apart_from_the_proof_and_makes_no_date(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id, "post", mail_kind="express", mail_number="EMS1")
    scan(house, attempt["code"])
    arguments = (house.database, house.store, AUTHORITY, delivery_id, attempt["id"])
    assert attempts.add_file(*arguments, "slip", SCAN, "per_clerk")
    assert not attempts.add_file(*arguments, "slip", SCAN, "per_clerk")
    assert house.row(delivery_id)["service_status"] == "pending"
    with house.database.read() as connection:
        (kept,) = rows.files(connection, delivery_id)
        assert kept["kind"] == "slip" and rows.newest_proof(connection, attempt["id"]) is None


# --- the scanner


def test_a_scan_makes_a_receipt_that_waits_for_its_scan_and_a_second_scan_is_a_double(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id)
    done = scan(house, attempt["code"])
    assert (done.receipt.final, done.known, done.day) == (False, False, today(house))
    assert house.row(delivery_id)["scan_missing"] and house.row(delivery_id)["service_status"] == "pending"
    again = scan(house, attempt["code"])
    assert again.known and again.receipt.id == done.receipt.id and receipts(house, delivery_id) == 1
    with pytest.raises(Refused) as refused:
        scan(house, attempt["code"], (today(house) - timedelta(days=1)).isoformat())
    assert codes(refused) >= {("/code", "recorded_already")}


@pytest.mark.rule("D4", "LAW-7")
def test_the_details_come_with_the_scan_and_only_then_there_is_a_date(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id)
    scan(house, attempt["code"])
    attempts.add_file(house.database, house.store, AUTHORITY, delivery_id, attempt["id"], "proof", SCAN, "per_clerk")
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_status"] == "pending"  # nobody said who signed
    done = desk_record(house, delivery_id, direct(house, servers=list(SERVERS)), attempt["id"])
    assert done.final and not house.row(delivery_id)["scan_missing"]
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_date"] == today(house).isoformat()
    with house.database.read() as connection:
        (standing,) = deliveries.paper_receipts(connection, delivery_id)
    assert house.store.get(standing["scan_digest"]) == SCAN


def desk_record(house: PortalHouse, delivery_id: str, value: Mapping[str, Any], attempt_id: str) -> Any:
    return record_paper_receipt(
        house.database, house.store, AUTHORITY, delivery_id, value, None, "per_clerk", attempt_id=attempt_id
    )


@pytest.mark.parametrize("day", ["today", "今天", "２０２６１１２３", "20261123", "2026-11-23", "2026年11月23日"])
def test_a_day_is_read_in_every_state_of_the_keyboard(house: PortalHouse, day: str) -> None:
    attempt = begin(house, house.deliver("penalty-decision"))
    assert scan(house, attempt["code"], day).day.isoformat() == "2026-11-23"


def test_a_refusal_at_the_door_is_left_there_by_the_same_proof(house: PortalHouse) -> None:
    attempt = begin(house, house.deliver("penalty-decision"))
    done = scan(house, attempt["code"], result="leaving/served")
    assert (done.method, done.outcome, done.receipt.final) == ("leaving", "served", False)


def test_codes_of_nobody_of_others_and_of_nothing_say_so(house: PortalHouse) -> None:
    attempt = begin(house, house.deliver("penalty-decision"))
    for code, authority, fault in (
        ("1" * 12, AUTHORITY, "not_a_code"),
        ("000000000098", AUTHORITY, "unknown_code"),
        (attempt["code"], "elsewhere", "other_office"),
    ):
        with pytest.raises(Refused) as refused:
            scan(house, code, authority=authority)
        assert codes(refused) == {("/code", fault)}


@pytest.mark.parametrize(("day", "fault"), [("20261124", "in_the_future"), ("x", "not_a_date"), ("", "missing")])
def test_a_wrong_day_is_refused_and_nothing_is_stored(house: PortalHouse, day: str, fault: str) -> None:
    delivery_id = house.deliver("penalty-decision")
    attempt = begin(house, delivery_id)
    with pytest.raises(Refused) as refused:
        scan(house, attempt["code"], day)
    assert codes(refused) == {("/date", fault)} and receipts(house, delivery_id) == 0


def test_a_date_in_doubt_makes_no_legal_day_even_with_its_scan(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, direct(house, illegible=True))
    assert codes(refused) == {("/date_note", "missing")}
    done = record(house, delivery_id, direct(house, conflicting=True, note="回证写22日，邮戳为23日"))
    house.settle(delivery_id)
    assert not done.final and house.row(delivery_id)["service_status"] == "provisional"
    proposed = propose(house, delivery_id, direct(house), done.id, reason="经核实")
    assert proposed.mended, "entered today, and no date came of it"
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_status"] == "final"


# --- corrections


def served(house: PortalHouse, back: int = 0) -> tuple[str, str]:
    """A delivery that was served on paper, and its record."""
    delivery_id = house.deliver("penalty-decision")
    house.settle(delivery_id, days=3)
    done = record(house, delivery_id, direct(house, date=(today(house) - timedelta(days=back)).isoformat()))
    house.settle(delivery_id)
    return delivery_id, done.id


@pytest.mark.rule("D3", "D4")
def test_a_date_that_was_made_is_corrected_by_a_second_person_and_superseded(house: PortalHouse) -> None:
    delivery_id, receipt_id = served(house)
    right = (today(house) - timedelta(days=1)).isoformat()
    proposed = propose(house, delivery_id, direct(house, date=right), receipt_id)
    assert not proposed.mended
    assert house.row(delivery_id)["service_date"] == today(house).isoformat()  # nothing yet
    with pytest.raises(Refused) as refused:
        decide(house, proposed.correction_id, "per_clerk")
    assert codes(refused) == {("/approved_by", "same_person")}
    assert decide(house, proposed.correction_id) == (f"{delivery_id}/settle",)
    assert house.row(delivery_id)["service_date"] == right
    told = kinds(house, delivery_id)
    assert told.count("service.superseded") == 1 and "paper.corrected" in told
    with house.database.read() as connection:
        (standing,) = deliveries.paper_receipts(connection, delivery_id)
    assert standing["record"]["approved_by"] == "per_other" and standing["record"]["correction_reason"] == "日期写错"
    assert standing["supersedes"] == receipt_id and standing["scan_digest"]  # of the record that it corrects
    with pytest.raises(NotWaiting):
        decide(house, proposed.correction_id)


def test_service_that_was_none_takes_the_date_back(house: PortalHouse) -> None:
    delivery_id, receipt_id = served(house)
    wrong = {"method": "direct", "outcome": "signed_by_other", "date": today(house).isoformat()}
    proposed = propose(house, delivery_id, wrong, receipt_id)
    decide(house, proposed.correction_id)
    row = house.row(delivery_id)
    assert (row["service_status"], row["service_date"], row["paper_status"]) == ("pending", None, "returned")
    assert record(house, delivery_id, direct(house)).final


def test_what_is_declined_changes_nothing_and_says_why(house: PortalHouse) -> None:
    delivery_id, receipt_id = served(house)
    proposed = propose(house, delivery_id, direct(house, receiver="他人"), receipt_id)
    with pytest.raises(Refused) as refused:
        decide(house, proposed.correction_id, approve=False)
    assert codes(refused) == {("/note", "missing")}
    assert decide(house, proposed.correction_id, approve=False, note="回证清楚") == ()
    assert receipts(house, delivery_id) == 1
    assert not propose(house, delivery_id, direct(house, receiver="他人"), receipt_id).mended  # it may be tried again


def test_a_correction_needs_a_reason_and_one_waits_at_a_time(house: PortalHouse) -> None:
    delivery_id, receipt_id = served(house)
    with pytest.raises(Refused) as refused:
        propose(house, delivery_id, direct(house), receipt_id, reason=" ")
    assert codes(refused) == {("/correction_reason", "missing")}
    propose(house, delivery_id, direct(house, receiver="他人"), receipt_id)
    with pytest.raises(Refused) as refused:
        propose(house, delivery_id, direct(house, receiver="别人"), receipt_id)
    assert codes(refused) == {("", "waiting_already")}


def test_a_slip_of_the_same_day_is_mended_alone_and_on_the_next_day_no_more(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    first = record(house, delivery_id, direct(house, receiver="孙莉"), None)
    assert propose(house, delivery_id, direct(house), first.id).mended
    with house.database.read() as connection:
        (standing,) = deliveries.paper_receipts(connection, delivery_id)
    assert standing["record"]["receiver"] == "孙丽" and standing["supersedes"] == first.id
    house.settle(delivery_id, days=1)
    assert not propose(house, delivery_id, direct(house), standing["id"]).mended


def test_a_record_dated_far_back_waits_for_a_second_person(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    long_ago = direct(house)["date"]
    house.settle(delivery_id, days=61)
    value = direct(house, date=long_ago)
    with pytest.raises(Refused) as refused:
        record(house, delivery_id, value)
    assert ("/approved_by", "missing") in codes(refused)
    proposed = propose(house, delivery_id, value, None, scan=SCAN, reason="回证迟到")
    house.settle(delivery_id)
    assert house.row(delivery_id)["service_status"] == "pending"
    decide(house, proposed.correction_id)
    assert house.row(delivery_id)["service_date"] == long_ago


def test_a_correction_of_another_authority_is_not_there(house: PortalHouse) -> None:
    delivery_id, receipt_id = served(house)
    proposed = propose(house, delivery_id, direct(house, receiver="他人"), receipt_id)
    with pytest.raises(LookupError):
        corrections.decide(house.database, "elsewhere", proposed.correction_id, "per_x", approve=True)
    with pytest.raises(LookupError):
        attempts.open_attempt(house.database, "elsewhere", delivery_id, "direct", SERVERS, "per_x")
