"""The settings in a real browser: contacts, accounts, consent, authenticator app, and the desk's list of changes."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from pipeline.composition import Songda
from pipeline.settings import Settings
from records import directory, notice_reports
from records.tables import notice
from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.integration.test_notice_reports import sent
from tests.portal_house import AUTHORITY, PASSWORD
from tests.registration_house import deliver, texts

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
    expect(page.get_by_role("status")).to_contain_text("已批准")
    expect(page.get_by_text("138****8000")).to_be_visible()
    seen(page)
    page.goto("/desk/addresses")
    seen(page)


def test_another_account_is_asked_for_approved_and_opened_by_the_code_that_its_contact_gets(
    site: Site, page: Page, contacts: list[str], tmp_path: Path
) -> None:
    log_in(page, "NEA-FLB")
    page.goto("/settings")
    page.get_by_text("申请增加账号").first.click()
    page.get_by_role("textbox", name="账号").fill("NEA-FXB")
    page.get_by_role("region", name="账号").get_by_label("部门").fill("飞行部")
    page.get_by_role("button", name="申请增加账号").click()
    page.get_by_role("button", name="退出登录").click()
    log_in(page, "clerk")
    page.goto("/desk/changes")
    page.get_by_role("region", name="待处理").get_by_role("button", name="批准").click()
    expect(page.get_by_text("激活码发往138****8000（待发送）")).to_be_visible()

    songda = Songda(Settings(home=tmp_path), site.house.database, site.house.store)
    deliver(songda)
    code = code_in(songda)
    page.goto("/desk/accounts")
    seen(page)
    page.get_by_label("账号").fill("NEA-XXX")
    page.get_by_role("button", name="查看").click()
    expect(page.get_by_label("账号")).to_have_attribute("aria-invalid", "true")
    accessible(page)
    page.get_by_label("账号").fill("NEA-FXB")
    page.get_by_role("button", name="查看").click()
    expect(page.get_by_text("激活码发往138****8000（已发送）")).to_be_visible()
    assert code not in page.content()
    page.get_by_label("账号").select_option(label="NEA-FXB · 飞行部")
    page.get_by_label("回拨核实的电话号码").fill("138 0013 8000")
    page.get_by_label("号码来源").fill("官网")
    page.get_by_label("核实的人员").fill("赵敏")
    page.get_by_role("button", name="发送新的激活码").click()
    expect(page.get_by_role("alert")).to_contain_text("应当使用独立来源的号码")
    accessible(page)
    fits(page)
    page.get_by_label("回拨核实的电话号码").fill("010-64090001")
    page.get_by_role("button", name="发送新的激活码").click()
    expect(page.get_by_role("status")).to_contain_text("正在发送")
    deliver(songda)
    newer = code_in(songda)
    assert newer != code
    page.get_by_role("button", name="退出登录").click()

    for login, word in (("NEA-FXB", newer), ("NEA-FXB", code)):
        page.goto("/activate")
        page.get_by_label("账号").fill(login)
        page.get_by_label("激活码").fill(word)
        page.get_by_label("新密码", exact=True).fill("a password of my own")
        page.get_by_label("再次输入新密码").fill("a password of my own")
        page.get_by_role("button", name="设置密码并登录").click()
        if word == newer:
            expect(page.get_by_role("button", name="退出登录")).to_be_visible()
            page.get_by_role("button", name="退出登录").click()
    expect(page.get_by_role("alert")).to_contain_text("激活码不正确")
    page.goto("/login")
    page.fill("#login", "NEA-FXB")
    page.fill("#password", "a password of my own")
    page.click("main button[type=submit]")
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()


def code_in(songda: Songda) -> str:
    return str(re.findall(r"激活码为([0-9A-Z-]{11})", texts(songda, "13800138000")[-1])[0])


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
