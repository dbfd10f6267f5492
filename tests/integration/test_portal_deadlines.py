"""Limits on the pages, and the calendars that are subscribed to: who sees what, and until when."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from structlog.testing import capture_logs

from records import access, feeds, ledger
from records.database import Database, legal_time, set_legal_time
from tests.calendar_reader import read_calendar
from tests.integration.test_settling import IMPORTANT, ORDINARY, Settling, midnight
from tests.portal_house import hidden


@pytest.fixture
def settling(database: Database, tmp_path: Path) -> Iterator[Settling]:
    settling = Settling(database, tmp_path)
    yield settling
    settling.runner.close()


def subscribe(browser: TestClient, place: str) -> str:
    """Make an address and return its path."""
    page = browser.post(f"/{place}/calendar", data={"csrf": hidden(browser.get(f"/{place}/calendar").text, "csrf")})
    assert page.status_code == 200
    found = re.search(r'value="(http[^"]+)"', page.text)
    assert found
    return "/" + found[1].split("/", 3)[3]


def entries(browser: TestClient, path: str) -> dict[str, dict[str, Any]]:
    """The entries of a feed by the id of their limit."""
    answer = browser.get(path)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    found = read_calendar(answer.content)["VEVENT"]
    return {re.sub(r"^dlv_[0-9a-z]+-|@songda$", "", each["UID"]): each for each in found}


def open_document(settling: Settling, delivery_id: str) -> None:
    browser = settling.house.browser("NEA-FLB")
    token = hidden(browser.get(f"/inbox/{delivery_id}").text, "csrf")
    assert browser.post(f"/inbox/{delivery_id}/open", data={"csrf": token}).status_code == 303


# --- pages


@pytest.mark.rule("LAW-10", "LAW-11")
def test_a_party_reads_that_periods_may_have_begun_and_never_that_none_runs(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT)
    open_document(settling, delivery_id)
    page = settling.house.browser("NEA-FLB").get(f"/inbox/{delivery_id}?lang=en").text
    assert page.count(">May have begun<") == 3 and "Still to start" not in page
    assert "Application for administrative reconsideration" in page
    assert "Service of the penalty decision" not in page  # the agency's own
    assert "May end as early as 8 December 2026" in page and "Last day" not in page
    with settling.database.write() as connection:
        set_legal_time(connection, midnight(date(2026, 12, 10)))
    page = settling.house.browser("NEA-FLB").get(f"/inbox/{delivery_id}?lang=en").text
    assert page.count(">May have begun<") == 3 and ">Expired<" not in page  # nobody knows that it began


@pytest.mark.rule("N16")
def test_after_the_service_the_last_day_stands_there_with_its_reasons(settling: Settling) -> None:
    delivery_id = settling.deliver(ORDINARY)
    open_document(settling, delivery_id)
    settling.confirm(delivery_id)
    page = settling.house.browser("NEA-FLB").get(f"/inbox/{delivery_id}").text
    assert "最后一日：2026年11月30日" in page and "还有7天" in page and "004-59、106" in page
    with settling.database.write() as connection:
        set_legal_time(connection, midnight(date(2026, 12, 1)))
    page = settling.house.browser("NEA-FLB").get(f"/inbox/{delivery_id}").text
    assert "已届满" in page and "还有" not in page


@pytest.mark.rule("N17", "N25")
def test_a_clerk_sees_the_agencys_limits_too(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT)
    page = settling.house.browser("clerk").get(f"/desk/{delivery_id}?lang=en").text
    assert "Service of the penalty decision" in page and "Starts with the service date of the document" in page
    settling.serve(delivery_id, date(2026, 11, 23))
    page = settling.house.browser("clerk").get(f"/desk/{delivery_id}?lang=en").text
    assert "Last day: 8 December 2026" in page and ">Done<" in page


@pytest.mark.rule("LAW-10")
def test_what_was_done_after_its_last_day_is_told_as_late(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT)
    settling.at(midnight(date(2026, 12, 10)), delivery_id)
    settling.serve(delivery_id, date(2026, 12, 9))
    page = settling.house.browser("clerk").get(f"/desk/{delivery_id}?lang=en").text
    assert "Last day: 27 November 2026" in page and ">Done late<" in page
    assert "逾期办理" in settling.house.browser("clerk").get(f"/desk/{delivery_id}?lang=zh").text


# --- calendars


@pytest.mark.rule("N26", "LAW-10")
def test_a_counterpartys_calendar_shows_its_own_limits_as_whole_days(settling: Settling) -> None:
    browser = settling.house.browser("NEA-FLB")
    path = subscribe(browser, "inbox")
    assert entries(settling.house.browser(), path) == {}
    delivery_id = settling.deliver(IMPORTANT, number=7)
    settling.deliver(IMPORTANT, to="air-other")
    settling.serve(delivery_id, date(2026, 11, 23))
    found = entries(settling.house.browser(), path)  # without any session
    assert set(found) == {"payment", "reconsideration", "litigation", "additional-fine"}
    payment = found["payment"]
    assert (payment["DTSTART"], payment["DTEND"]) == (date(2026, 12, 8), date(2026, 12, 9))
    assert payment["STATUS"] == "CONFIRMED" and found["reconsideration"]["STATUS"] == "TENTATIVE"
    assert payment["SUMMARY"].startswith("TEST 测试 最后一日：缴纳罚款 / Last day: Payment of the fine")
    assert "民航华北示例〔2026〕7号" in payment["SUMMARY"]
    assert payment["SUMMARY"].count("TEST") == 1
    body = settling.house.browser().get(path).text.replace("\r\n ", "")
    assert "X-WR-CALNAME:TEST 测试 期限日历 / Deadlines · 民航行业监管执法信息系统" in body
    assert "Supervision and Enforcement System" in body


def test_a_feed_tells_nothing_of_the_case_but_number_title_and_limit(settling: Settling) -> None:
    delivery_id = settling.deliver(IMPORTANT)
    settling.serve(delivery_id, date(2026, 11, 23))
    clerk = settling.house.browser("clerk")
    text = clerk.get(subscribe(clerk, "desk")).text.replace("\r\n ", "")
    for secret in ("示例航空", "Example Airlines", "华北罚立〔2026〕17号", "air-example", "刘芳", "NEA-FLB"):
        assert secret not in text


@pytest.mark.rule("N25", "LAW-11")
def test_a_calendar_follows_a_change_by_a_higher_sequence(settling: Settling) -> None:
    clerk = settling.house.browser("clerk")
    path = subscribe(clerk, "desk")
    delivery_id = settling.deliver(IMPORTANT)
    before = entries(clerk, path)
    assert set(before) == {"decision-service"}
    settling.serve(delivery_id, date(2026, 11, 23))
    after = entries(clerk, path)
    assert after["decision-service"]["STATUS"] == "CANCELLED"  # done
    assert after["decision-service"]["SEQUENCE"] > before["decision-service"]["SEQUENCE"]
    assert after["decision-service"]["UID"] == before["decision-service"]["UID"]
    assert "litigation" in after


def test_an_entry_of_a_revoked_document_is_cancelled(settling: Settling) -> None:
    clerk = settling.house.browser("clerk")
    path = subscribe(clerk, "desk")
    delivery_id = settling.deliver(ORDINARY)
    settling.confirm(delivery_id)
    before = entries(clerk, path)["statement"]
    with settling.database.write() as connection:
        connection.exec_driver_sql("update document set status = 'revoked'")
    after = entries(clerk, path)["statement"]
    assert (after["STATUS"], after["SEQUENCE"]) == ("CANCELLED", before["SEQUENCE"] + 1)
    assert "最后一日" not in settling.house.browser("clerk").get(f"/desk/{delivery_id}").text


def test_nothing_changed_is_answered_without_a_body(settling: Settling) -> None:
    clerk = settling.house.browser("clerk")
    path = subscribe(clerk, "desk")
    first = clerk.get(path)
    again = clerk.get(path, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_a_revoked_address_ends_at_once_and_only_its_owner_may_revoke_it(settling: Settling) -> None:
    house = settling.house
    mine, other = house.browser("NEA-FLB"), house.browser("OTHER-FLB")
    path = subscribe(mine, "inbox")
    feed_id = hidden(mine.get("/inbox/calendar").text, "feed")
    subscribe(other, "inbox")
    token = hidden(other.get("/inbox/calendar").text, "csrf")
    assert other.post("/inbox/calendar/revoke", data={"csrf": token, "feed": feed_id}).status_code == 303
    assert house.browser().get(path).status_code == 200
    assert mine.post("/inbox/calendar/revoke", data={"csrf": "x", "feed": feed_id}).status_code == 403
    token = hidden(mine.get("/inbox/calendar").text, "csrf")
    mine.post("/inbox/calendar/revoke", data={"csrf": token, "feed": feed_id})
    assert house.browser().get(path).status_code == 404
    with settling.database.read() as connection:
        kinds = [each.kind for each in ledger.events(connection, "directory:caac-north-china")]
    assert kinds.count("feed.issued") == 2 and kinds.count("feed.revoked") == 1


def test_a_stopped_account_loses_its_calendars(settling: Settling) -> None:
    path = subscribe(settling.house.browser("NEA-FLB"), "inbox")
    with settling.database.write() as connection:
        access.stop_account(connection, "NEA-FLB", "clerk")
    assert settling.house.browser().get(path).status_code == 404


def test_only_the_hash_of_an_address_is_stored(settling: Settling) -> None:
    path = subscribe(settling.house.browser("clerk"), "desk")
    token = path.removeprefix("/calendar/").removesuffix(".ics")
    assert len(token) == 43
    with settling.database.read() as connection:
        row = feeds.find(connection, token)
        assert row and token not in str(dict(row))
    assert settling.house.browser().get(f"/calendar/{'A' * 43}.ics").status_code == 404
    assert settling.house.browser().get("/calendar/x.ics").status_code == 404


def test_the_address_of_a_feed_that_failed_is_in_no_log(settling: Settling, monkeypatch: pytest.MonkeyPatch) -> None:
    path = subscribe(settling.house.browser("clerk"), "desk")

    def broken(*_: object) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr(feeds, "rows", broken)
    with capture_logs() as logs:
        assert settling.house.browser().get(path).status_code == 500
    assert logs and path.removesuffix(".ics").removeprefix("/calendar/") not in str(logs)


def test_addresses_do_not_grow_without_end(settling: Settling) -> None:
    browser = settling.house.browser("clerk")
    owner = ("person", "")
    with settling.database.write() as connection:
        subject = access.credentials(connection, "clerk")[0].subject
        owner = ("person", subject.id)
        for _ in range(feeds.MOST_FEEDS):
            feeds.issue(connection, "desk", subject.authority_id, owner)
    token = hidden(browser.get("/desk/calendar").text, "csrf")
    assert browser.post("/desk/calendar", data={"csrf": token}).status_code == 409


def test_each_door_has_its_own_calendar_page(settling: Settling) -> None:
    assert settling.house.browser("clerk").get("/inbox/calendar").headers["location"] == "/desk/calendar"
    assert settling.house.browser("NEA-FLB").get("/desk/calendar").headers["location"] == "/inbox/calendar"
    assert settling.house.browser().get("/desk/calendar").headers["location"].startswith("/login")


def test_limits_that_ended_long_ago_leave_the_calendar(settling: Settling) -> None:
    clerk = settling.house.browser("clerk")
    path = subscribe(clerk, "desk")
    settling.confirm(settling.deliver(ORDINARY))
    assert "statement" in entries(clerk, path)
    with settling.database.write() as connection:
        set_legal_time(connection, legal_time(connection) + timedelta(days=120))
    assert entries(clerk, path) == {}
