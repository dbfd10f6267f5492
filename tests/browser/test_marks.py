"""Marked documents in a real browser: seen at once, readable for everybody, on a phone as well."""

from __future__ import annotations

import pytest
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.lost_keys import lose_key
from tests.portal_house import AUTHORITY

MARK = {"zh": "密钥可能已为他人掌握", "en": "may have been in other hands"}


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 1100), ("zh", 375), ("en", 375)])
def test_marks_are_seen_and_accessible(site: Site, context: BrowserContext, lang: str, width: int) -> None:
    marked = site.house.deliver()
    site.house.deliver(number=2)
    lose_key(site.house.database, AUTHORITY, str(site.house.row(marked)["document_id"]))
    page = context.new_page()
    page.set_viewport_size({"width": width, "height": 800})
    log_in(page, "NEA-FLB", lang)
    page.wait_for_url("**/inbox")
    for path in ("/inbox", f"/inbox/{marked}", f"/inbox/{marked}/confirm"):
        page.goto(path)
        expect(page.locator(".problem")).to_contain_text(MARK[lang])
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.context.clear_cookies()
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    for path in ("/desk", "/desk?track=in_question", f"/desk/{marked}"):
        page.goto(path)
        expect(page.locator(".problem").first).to_contain_text(MARK[lang])
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
