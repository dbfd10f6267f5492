"""The scanner flow by keyboard alone: with a script, without one, under an input method; timed; on a phone."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from delivery import attempts
from records import deliveries, desk_work
from records.database import legal_time
from records.paging import Part
from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.portal_house import AUTHORITY


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def codes(site: Site, count: int) -> list[str]:
    """Codes of as many attempts, each of a delivery of its own."""
    house, found = site.house, []
    for number in range(1, count + 1):
        delivery_id = house.deliver("penalty-decision", number=number)
        made = attempts.open_attempt(house.database, AUTHORITY, delivery_id, "direct", ("王立新", "赵敏"), "per_x")
        found.append(str(made["code"]))
    return found


def receipts(site: Site) -> int:
    with site.house.database.read() as connection:
        rows = desk_work.listed(connection, AUTHORITY, "sent", legal_time(connection), Part(99)).rows
        return sum(len(deliveries.paper_receipts(connection, row["id"])) for row in rows)


def test_scan_date_enter_and_then_one_scan_for_each_receipt(site: Site, page: Page) -> None:
    first, second, third = codes(site, 3)
    log_in(page, "clerk")
    page.wait_for_url("**/desk")
    page.goto("/desk/scan")
    expect(page.locator("#code")).to_be_focused()
    page.keyboard.type(first)
    page.keyboard.press("Enter")  # as the scanner does
    expect(page.locator("#date")).to_be_focused()
    page.keyboard.type("20261123")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("〔2026〕1号")
    expect(page.locator("#code")).to_be_focused()
    for code, number in ((second, 2), (third, 3)):
        began = time.monotonic()
        page.keyboard.type(code)
        page.keyboard.press("Enter")
        expect(page.get_by_role("status")).to_contain_text(f"〔2026〕{number}号")
        expect(page.locator("#code")).to_be_focused()
        assert time.monotonic() - began < 5
    page.keyboard.type(third)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("此前已登记")
    assert receipts(site) == 3


@pytest.mark.parametrize(("typed", "lang", "word"), [("?", "en", "cannot be read"), ("不清", "zh", "日期不清")])
def test_a_date_that_cannot_be_read_is_said_once_and_not_kept_for_the_next(
    site: Site, page: Page, typed: str, lang: str, word: str
) -> None:
    first, second = codes(site, 2)
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    page.goto("/desk/scan")
    page.keyboard.type(first)
    page.keyboard.press("Enter")
    page.keyboard.insert_text(typed)
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text(word)
    accessible(page)
    page.keyboard.type(second)
    page.keyboard.press("Enter")
    expect(page.locator("#date")).to_be_focused()
    expect(page.locator("#date")).to_have_value("")
    page.keyboard.type("today")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("〔2026〕2号" if lang == "zh" else "No. 2")
    with site.house.database.read() as connection:
        rows = desk_work.listed(connection, AUTHORITY, "sent", legal_time(connection), Part(9)).rows
    assert sorted(row["service_status"] for row in rows) == ["pending", "provisional"]
    page.goto("/desk?track=provisional")
    expect(page.locator("li.item")).to_have_count(1)
    accessible(page)
    page.locator("li.item h2 a").click()
    accessible(page)
    page.get_by_role("link", name="补明日期" if lang == "zh" else "supply the date").click()
    accessible(page)


def test_an_input_method_neither_sends_too_early_nor_spoils_the_digits(site: Site, page: Page) -> None:
    (code,) = codes(site, 1)
    log_in(page, "clerk")
    page.wait_for_url("**/desk")
    page.goto("/desk/scan")
    keyboard = page.context.new_cdp_session(page)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in code)
    keyboard.send("Input.imeSetComposition", {"text": wide, "selectionStart": 12, "selectionEnd": 12})
    page.evaluate(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown',"
        " {key: 'Enter', keyCode: 229, isComposing: true, bubbles: true, cancelable: true}))"
    )
    assert page.locator("#code").evaluate("field => field === document.activeElement")
    keyboard.send("Input.insertText", {"text": wide})
    expect(page.locator("#code")).to_have_value(code)
    page.keyboard.press("Enter")
    page.keyboard.type("今天")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("已登记")
    assert receipts(site) == 1


def test_it_works_without_a_script(site: Site, chromium: Browser) -> None:
    (code,) = codes(site, 1)
    context = chromium.new_context(base_url=site.url, java_script_enabled=False)
    page = context.new_page()
    log_in(page, "clerk", "en")
    page.wait_for_url("**/desk")
    page.goto("/desk/scan?lang=en")
    page.locator("#code").press_sequentially(code)
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Not recorded")
    page.locator("#date").press_sequentially("today")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Recorded.")
    assert receipts(site) == 1
    context.close()


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 375)])
def test_the_pages_of_paper_are_accessible_and_fit_a_phone(site: Site, page: Page, lang: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    (code,) = codes(site, 1)
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    with site.house.database.read() as connection:
        (row,) = desk_work.listed(connection, AUTHORITY, "to_print", legal_time(connection), Part(9)).rows
    for path in ("/desk/scan", f"/desk/{row['id']}", f"/desk/{row['id']}/backdate", "/desk/corrections"):
        page.goto(path)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.goto(f"/desk/{row['id']}/record")
    page.select_option("#result", "leaving/served")
    page.fill("#date", "2026-11-23")
    page.locator("main button[type=submit]").click()
    head = page.get_by_role("alert")
    expect(head).to_be_focused()  # the page begins with what is wrong, without a script too
    accessible(page)
    head.locator("a[href='#refusal_reason']").click()
    expect(page.locator("#refusal_reason")).to_be_in_viewport()
    page.goto("/desk/scan")
    page.fill("#code", code)
    page.fill("#date", "today")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_be_visible()
    accessible(page)
    page.fill("#code", "1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_be_visible()
    accessible(page)
