"""Deadlines in a real browser: read with their reasons, and subscribed to as a calendar."""

from __future__ import annotations

from datetime import date

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from delivery import desk
from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.calendar_reader import read_calendar
from tests.integration.test_desk import SCAN
from tests.portal_house import AUTHORITY


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def serve(site: Site, delivery_id: str, on: date) -> None:
    record = {
        "method": "direct",
        "outcome": "served",
        "receiver": "孙丽",
        "capacity": "mail_clerk",
        "date": on.isoformat(),
    }
    desk.record_paper_receipt(site.house.database, site.house.store, AUTHORITY, delivery_id, record, SCAN, "clerk")


@pytest.mark.rule("N26", "LAW-10", "LAW-11")
def test_a_counterparty_reads_its_deadlines_and_subscribes_to_them(site: Site, page: Page) -> None:
    delivery_id = site.house.deliver("penalty-decision")
    log_in(page, "NEA-FLB")
    page.goto(f"/inbox/{delivery_id}")
    page.get_by_role("button", name="打开阅读").click()
    limits = page.get_by_role("region", name="期限")
    expect(limits).to_contain_text("可能已经开始")
    expect(limits).not_to_contain_text("待起算")
    accessible(page)

    serve(site, delivery_id, date(2026, 11, 23))
    page.reload()
    expect(limits).to_contain_text("最后一日：2026年12月8日")
    limits.get_by_text("理由：缴纳罚款").click()
    expect(limits.get_by_text("处罚法 66、67").first).to_be_visible()
    accessible(page)

    limits.get_by_role("link", name="订阅到日历").click()
    page.get_by_role("button", name="生成新的订阅地址").click()
    address = page.get_by_label("新的订阅地址").input_value()
    accessible(page)
    feed = page.request.get(address)
    assert {each["DTSTART"] for each in read_calendar(feed.body())["VEVENT"]} >= {date(2026, 12, 8)}

    page.get_by_role("button", name="撤销").click()
    expect(page.get_by_role("button", name="撤销")).to_have_count(0)
    assert page.request.get(address).status == 404


@pytest.mark.rule("N25")
def test_a_clerk_sees_whose_limit_it_is_and_what_is_done(site: Site, page: Page) -> None:
    delivery_id = site.house.deliver("penalty-decision")
    log_in(page, "clerk", "en")
    page.goto(f"/desk/{delivery_id}")
    limits = page.get_by_role("region", name="Deadlines")
    expect(limits).to_contain_text("Starts with the service date of the document")
    accessible(page)
    serve(site, delivery_id, date(2026, 11, 23))
    page.reload()
    expect(limits.get_by_role("listitem").filter(has_text="Service of the penalty decision").first).to_contain_text(
        "Done"
    )
    accessible(page)
