"""The clerk's path in a real browser: log in, print, record a paper receipt with its scan."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.integration.test_desk import SCAN


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def scan(tmp_path: Path) -> Path:
    file = tmp_path / "送达回证.png"
    file.write_bytes(SCAN)
    return file


def test_a_clerk_records_a_paper_receipt_with_its_scan(site: Site, page: Page, scan: Path) -> None:
    delivery_id = site.house.deliver("penalty-decision", route="paper")
    log_in(page, "clerk")
    expect(page).to_have_url(f"{site.url}/desk")
    page.click("text=民用航空行政处罚决定书")
    proof = page.request.get(f"/desk/{delivery_id}/proof-of-service.pdf")
    assert proof.body().startswith(b"%PDF-")
    page.get_by_role("button", name="标记为已寄出").click()
    expect(page.get_by_role("status")).to_have_text("已标记为寄出。")

    page.get_by_role("link", name="登记纸质送达").click()
    page.select_option("#result", "direct/served")
    page.fill("#date", "20261199")
    page.fill("#receiver", "孙丽")
    page.set_input_files("#scan", scan)
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("alert")).to_contain_text("日期须写作")
    assert site.house.row(delivery_id)["paper_status"] == "sent"

    page.fill("#date", "20261123")
    page.select_option("#capacity", "mail_clerk")
    page.set_input_files("#scan", scan)
    page.get_by_role("button", name="登记").click()
    expect(page.get_by_role("status")).to_have_text("已登记。")
    assert site.house.hints == [f"{delivery_id}/settle"]
    site.house.settle(delivery_id)
    page.reload()
    expect(page.locator(".verdict")).to_contain_text("2026年11月23日（纸质送达之日）")
    row = site.house.row(delivery_id)
    assert (row["service_status"], row["service_basis"], row["service_date"]) == ("final", "paper", "2026-11-23")


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 375)])
def test_the_desk_is_accessible_and_fits_a_phone(site: Site, page: Page, lang: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    delivery_id = site.house.deliver("penalty-decision")
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    for path in ("/desk", f"/desk/{delivery_id}", f"/desk/{delivery_id}/record"):
        page.goto(path)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.select_option("#result", "leaving/served")
    page.fill("#date", "x")
    page.click("main button[type=submit]")
    expect(page.get_by_role("alert")).to_be_visible()
    accessible(page)
