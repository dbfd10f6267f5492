"""A counterparty's day in Chromium: search, select, hand in, object; the clerk takes and rules. Both languages."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.integration.test_portal_submissions import picture


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def fits(page: Page) -> None:
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), page.url


@pytest.mark.parametrize(("lang", "width"), [("zh", 375), ("en", 1100)])
def test_a_counterparty_and_a_clerk_do_their_work_accessibly(
    site: Site, page: Page, tmp_path: Path, lang: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    house, file = site.house, tmp_path / "证明.png"
    file.write_bytes(picture())
    unread, delivery_id = house.deliver("hearing-notice", number=2), house.deliver()
    house.settle(delivery_id, days=10)
    log_in(page, "NEA-FLB", lang)
    page.wait_for_url("**/inbox")
    page.fill("#find", "〔2026〕1号")
    page.press("#find", "Enter")
    expect(page.locator("li.item")).to_have_count(1)
    fits(page)
    page.goto("/inbox")
    page.check(f"#pick_{unread}")
    page.locator('form[action="/inbox/archive"] button').first.click()
    fits(page)
    with page.expect_download() as waiting:
        page.locator('form[action="/inbox/archive"] button').first.click()
    assert waiting.value.suggested_filename.endswith(".zip")

    page.goto(f"/inbox/{delivery_id}")
    page.click("button[value=read]")
    page.goto(f"/inbox/{delivery_id}/submit")
    page.click("#content button[type=submit]")
    expect(page.get_by_role("alert")).to_be_visible()
    fits(page)
    page.check("#kind_evidence")
    page.set_input_files("#file1", file)
    page.fill("#person_name", "王敏")
    page.check("#declared")
    page.click("#content button[type=submit]")
    page.wait_for_url("**/submissions/**")
    fits(page)
    page.goto(f"/inbox/{delivery_id}/objection")
    page.fill("#claimed", "2026-12-02")
    page.fill("#grounds", "系统故障")
    page.select_option("#known_person", index=1)
    fits(page)
    page.click("#content button[type=submit]")
    page.wait_for_url("**told=objection")
    page.locator('form[action$="/copy"] button').click()
    fits(page)
    page.goto("/inbox/people")
    fits(page)
    page.goto("/inbox/counsel")
    page.fill("#email", "chen@law.test")
    for name, value in (("name", "陈"), ("firm", "示例律师事务所"), ("login", "NEA-LAW"), ("last_day", "2027-06-30")):
        page.fill(f"#{name}", value)
    page.set_input_files("#file1", file)
    page.locator('form[action="/inbox/counsel"] button').click()
    expect(page.locator(".receipts li")).to_have_count(1)
    fits(page)
    page.locator(".quiet").click()

    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    page.click('a[href="/desk/incoming"]')
    fits(page)
    page.locator('a[href^="/desk/submissions/"]').click()
    page.locator('form[action$="/take"] button').click()
    fits(page)
    page.goto("/desk/incoming")
    page.locator('a[href^="/desk/objections/"]').click()
    page.check("#outcome_upheld")
    page.fill("#served_on", "2026-12-02")
    page.fill("#reasons", "系统记录属实")
    fits(page)
    page.click("#content button[type=submit]")
    expect(page.locator(".badge.confirmed")).to_be_visible()
    page.goto("/desk/incoming")
    page.locator('a[href^="/desk/counsel/"]').click()
    fits(page)
    page.click("button[value=approve]")
    page.wait_for_url("**/desk/incoming")
    assert house.row(delivery_id)["service_basis"] == "ruling"


@pytest.mark.parametrize(("zone", "own"), [("America/New_York", 2), ("Asia/Shanghai", 0)])
def test_each_moment_is_told_in_the_readers_own_time_as_well(
    site: Site, chromium: Browser, zone: str, own: int
) -> None:
    delivery_id = site.house.deliver()
    abroad = chromium.new_context(base_url=site.url, timezone_id=zone)
    page = abroad.new_page()
    log_in(page, "NEA-FLB", "en")
    page.goto(f"/inbox/{delivery_id}")
    expect(page.locator("dl time").first).to_contain_text("Beijing time")
    expect(page.locator("dl .own-time")).to_have_count(own)  # of the sending, and of the end of the day that counts
    abroad.close()
