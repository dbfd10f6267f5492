"""The counterparty's path in a real browser: log in, list, read, download, confirm, receipt."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from pypdf import PdfReader

from tests.browser.conftest import Site, printed
from tests.portal_house import PASSWORD


def log_in(page: Page, login: str, lang: str = "zh") -> None:
    page.goto(f"/login?lang={lang}")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.click("main button[type=submit]")


def accessible(page: Page) -> None:
    """No serious or critical violation of WCAG 2 A and AA as axe sees it, once the page stands with its styles."""
    page.wait_for_load_state()
    found = Axe().run(
        page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}
    )
    bad = [each for each in found.response["violations"] if each["impact"] in ("serious", "critical")]
    assert not bad, [(each["id"], [node["html"] for node in each["nodes"]]) for each in bad]


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_a_counterparty_reads_downloads_confirms_and_keeps_a_receipt(site: Site, page: Page, tmp_path: Path) -> None:
    pdf = printed(site.house, "penalty-prior-notice")
    delivery_id = site.house.deliver(pdf=pdf)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)

    log_in(page, "NEA-FLB")
    expect(page).to_have_url(f"{site.url}/inbox")
    expect(page.locator(".notice")).to_contain_text("期限可能开始计算")
    page.click("h2 >> text=民用航空行政处罚事先告知书")
    expect(page.get_by_role("heading", name="打开文书之前")).to_be_visible()
    assert site.house.row(delivery_id)["status"] == "available"

    page.get_by_role("button", name="打开阅读").click()
    expect(page.locator("article.instrument")).to_contain_text("示例大西洋航空公司")
    expect(page.locator(".notice").first).to_contain_text("期限可能已经开始计算")
    assert site.house.row(delivery_id)["status"] == "accessed"

    with page.expect_download() as waiting:
        page.get_by_role("link", name="下载 PDF").click()
    assert waiting.value.suggested_filename == "民用航空行政处罚事先告知书 民航华北示例〔2026〕1号.pdf"
    assert Path(waiting.value.path()).read_bytes() == pdf

    page.get_by_role("link", name="确认收讫").click()
    expect(page.locator(".statement [lang=en]")).to_contain_text("the day of the confirmation is the delivery date")
    assert site.house.row(delivery_id)["confirmed_at"] is None
    page.fill("#person_name", "王敏")
    page.fill("#person_office", "法律部")
    page.get_by_role("button", name="确认已收到本文书").click()
    expect(page.get_by_role("status")).to_have_text("收讫已确认。")
    assert site.house.row(delivery_id)["status"] == "confirmed"
    assert site.house.hints == [f"{delivery_id}/settle"]

    site.house.settle(delivery_id)
    page.get_by_role("link", name="送达状态与理由").click()
    expect(page.locator(".verdict")).to_contain_text("2026年11月23日（确认收讫之日）")
    receipt = page.request.get(f"/inbox/{delivery_id}/receipt.pdf")
    kept = tmp_path / "receipt.pdf"
    kept.write_bytes(receipt.body())
    assert "NEA-FLB" in "".join(each.extract_text() for each in PdfReader(kept).pages)

    page.get_by_role("button", name="退出登录").click()
    page.goto(f"/inbox/{delivery_id}")
    expect(page).to_have_url(f"{site.url}/login?next=/inbox/{delivery_id}")
    assert complaints == []


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 375)])
def test_the_inbox_is_accessible_and_fits_a_phone(site: Site, page: Page, lang: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    delivery_id = site.house.deliver()
    for path in ("/login", "/verify"):
        page.goto(f"{path}?lang={lang}")
        accessible(page)
    log_in(page, "NEA-FLB", lang)
    page.wait_for_url("**/inbox")
    accessible(page)
    page.goto(f"/inbox/{delivery_id}")
    accessible(page)
    page.click("button[value=read]")
    for path in ("", "/confirm", "/service"):
        page.goto(f"/inbox/{delivery_id}{path}")
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
        assert page.evaluate("document.documentElement.lang") == ("zh-CN" if lang == "zh" else "en")


@pytest.mark.rule("R6")
def test_everything_works_without_scripts(site: Site, page: Page) -> None:
    delivery_id = site.house.deliver()
    bare = page.context.browser.new_context(base_url=site.url, java_script_enabled=False)  # type: ignore[union-attr]
    plain = bare.new_page()
    log_in(plain, "NEA-FLB", "en")
    plain.goto(f"/inbox/{delivery_id}")
    plain.click("button[value=read]")
    plain.goto(f"/inbox/{delivery_id}/confirm")
    plain.fill("#person_name", "Wang Min")
    plain.get_by_role("button", name="Confirm receipt of this document").click()
    expect(plain.get_by_role("status")).to_have_text("Receipt has been confirmed.")
    bare.close()
    assert site.house.row(delivery_id)["status"] == "confirmed"
