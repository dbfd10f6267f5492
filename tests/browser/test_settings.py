"""The settings in a real browser: contacts, accounts, consent, authenticator app, and the desk's list of changes."""

from __future__ import annotations

import time

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from records import directory, notice_reports
from records.tables import notice
from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.integration.test_notice_reports import sent
from tests.portal_house import AUTHORITY, PASSWORD

OF = (AUTHORITY, "air-example")
PHONE = {"width": 360, "height": 740}


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def fits(page: Page) -> None:
    """On a phone nothing is cut off at the side."""
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    page.set_viewport_size({"width": 1280, "height": 720})


def seen(page: Page) -> None:
    """The page as it is and as it is in the other language: accessible, and of a phone's width."""
    accessible(page)
    fits(page)
    page.goto(f"{page.url.partition('?')[0]}?lang=en")
    accessible(page)
    fits(page)
    page.goto(f"{page.url.partition('?')[0]}?lang=zh")


@pytest.fixture
def contacts(site: Site) -> list[str]:
    with site.house.database.write() as connection:
        return [
            directory.add_contact(connection, *OF, name=name, department="法律部", mobile=mobile, email=mail)
            for name, mobile, mail in (
                ("孙丽", "13800138000", "sun@air.test"),
                ("John Smith", "+442079460000", "smith@air.test"),
                ("赵刚", "13700137000", "zhao@air.test"),
            )
        ]


def test_a_counterparty_keeps_its_own_entries(site: Site, page: Page, contacts: list[str]) -> None:
    sent(site.house, "ntc_1", contact_id=contacts[0])
    with site.house.database.write() as connection:
        notice_reports.record(connection, "<ntc_1@authority.test>", "failed", "5.1.1", "no such user", actor="mta")
    log_in(page, "NEA-FLB")
    page.get_by_role("link", name="设置").click()
    expect(page.locator(".problem")).to_contain_text("sun@air.test")
    seen(page)

    page.get_by_role("link", name="修改 孙丽").click()
    seen(page)
    page.get_by_label("电子邮件", exact=True).first.fill("sunli@air.test")
    page.get_by_role("button", name="保存", exact=True).click()
    expect(page.get_by_role("status")).to_contain_text("延迟后生效")
    page.get_by_role("link", name="修改 John Smith").click()
    page.get_by_role("group", name="期限将届满").get_by_label("电子邮件").uncheck()
    page.get_by_role("button", name="保存提醒方式").click()
    expect(page.get_by_role("region", name="变更记录")).to_contain_text("将于2026年11月26日")
    page.get_by_role("button", name="撤回 1").click()
    expect(page.get_by_role("region", name="变更记录")).to_contain_text("已撤回")

    page.get_by_text("申请增加账号").first.click()
    page.get_by_role("textbox", name="账号").fill("NEA-FXB")
    page.get_by_role("region", name="账号").get_by_label("部门").fill("飞行部")
    page.get_by_role("button", name="申请增加账号").click()
    page.get_by_label("中文地址").fill("上海市长宁区示例路1号")
    page.get_by_role("region", name="单位信息").get_by_role("button", name="保存").click()
    expect(page.get_by_role("region", name="变更记录")).to_contain_text("上海市长宁区示例路1号")
    seen(page)

    page.get_by_role("link", name="停用 NEA-FLB").click()
    expect(page.locator(".notice")).to_contain_text("最后一个账号")
    seen(page)
    page.goto("/settings/withdraw")
    seen(page)
    page.get_by_role("button", name="退出登录").click()

    log_in(page, "clerk")
    page.get_by_role("link", name="待处理的登记变更").click()
    expect(page.get_by_role("region", name="待处理")).to_contain_text("请核对归属单位")
    seen(page)
    page.get_by_role("region", name="待处理").get_by_role("button", name="批准").click()
    expect(page.get_by_role("status").first).to_contain_text("已批准")
    expect(page.locator("code")).to_have_count(1)
    page.goto("/desk/addresses")
    seen(page)


@pytest.mark.parametrize(("login", "path"), [("NEA-FLB", "/settings/access"), ("clerk", "/desk/settings")])
def test_everybody_has_an_authenticator_app_and_the_next_log_in_asks_for_it(
    site: Site, page: Page, login: str, path: str
) -> None:
    log_in(page, login)
    page.goto(path)
    seen(page)
    page.get_by_role("button", name="启用").click()
    expect(page.get_by_role("img", name="密钥的二维码")).to_be_visible()
    page.wait_for_load_state()
    assert page.get_by_role("img", name="密钥的二维码").evaluate("each => each.naturalWidth") > 100
    seen(page)
    secret = page.locator("code").inner_text()
    page.get_by_label("应用显示的六位数字").fill(pyotp.TOTP(secret).at(int(time.time()) - 30))
    page.get_by_role("button", name="确认启用").click()
    expect(page.get_by_role("status")).to_contain_text("已启用")
    seen(page)
    page.get_by_role("button", name="退出登录").click()
    log_in(page, login)
    expect(page.get_by_role("alert")).to_contain_text("动态验证码不正确")
    accessible(page)
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.get_by_label("动态验证码").fill(pyotp.TOTP(secret).now())
    page.click("main button[type=submit]")
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    page.goto(path)
    expect(page.get_by_role("region", name="已登录的会话")).to_contain_text("密码和动态验证码")


def test_both_sides_see_who_was_reminded(site: Site, page: Page, contacts: list[str]) -> None:
    delivery_id = sent(site.house, "ntc_1", contact_id=contacts[0])
    with site.house.database.write() as connection:
        connection.execute(notice.update().values(state="dropped", detail="confirmed"))
    log_in(page, "NEA-FLB")
    page.goto(f"/inbox/{delivery_id}")
    page.get_by_role("button", name="打开阅读").click()
    told = page.get_by_role("region", name="提醒记录")
    expect(told).to_contain_text("未发出：收讫已确认")
    expect(told).not_to_contain_text("sun@air.test")
    page.set_viewport_size(PHONE)  # type: ignore[arg-type]
    box = told.bounding_box()
    assert box and box["x"] + box["width"] <= PHONE["width"]
    accessible(page)
    page.get_by_role("button", name="退出登录").click()
    log_in(page, "clerk")
    page.goto(f"/desk/{delivery_id}")
    expect(page.get_by_role("region", name="提醒记录")).to_contain_text("sun@air.test")
    accessible(page)
