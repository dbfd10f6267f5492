"""People and roles in a real browser: an administrator adds an inspector, who sees what is an inspector's."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.browser.test_settings import fits, seen
from tests.portal_house import PASSWORD

CHOSEN = "a password of my own"


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def test_an_administrator_adds_an_inspector_who_sees_only_what_is_an_inspectors(site: Site, page: Page) -> None:
    delivery_id = site.house.deliver("penalty-decision")
    log_in(page, site.house.employ("admin", "administrator", name="周建国"))
    expect(page.get_by_role("link", name="注册审核")).to_have_count(0)
    seen(page)
    page.get_by_role("link", name="人员和角色").click()
    seen(page)
    page.get_by_label("登录名").fill("wang")
    page.get_by_label("真实姓名").fill("王立新")
    page.get_by_label("监察员、承办部门").check()
    page.get_by_label("您自己的密码").fill("not my password")
    page.get_by_role("button", name="增加人员").click()
    expect(page.get_by_role("alert")).to_contain_text("当前密码不正确")
    expect(page.get_by_label("监察员、承办部门")).to_be_checked()
    page.get_by_label("您自己的密码").fill(PASSWORD)
    page.get_by_role("button", name="增加人员").click()
    first = page.get_by_role("status").locator("code").inner_text()
    accessible(page)
    fits(page)
    page.get_by_role("link", name="王立新").click()
    seen(page)
    page.get_by_role("button", name="退出登录").click()

    page.fill("#login", "wang")
    page.fill("#password", first)
    page.click("main button[type=submit]")
    expect(page.locator(".notice")).to_contain_text("这是初始密码")
    seen(page)
    page.fill("#old", first)
    page.fill("#new", CHOSEN)
    page.fill("#again", CHOSEN)
    page.get_by_role("button", name="修改密码").click()
    page.get_by_role("link", name="送达工作台").click()

    expect(page.get_by_role("link", name="扫码登记")).to_be_visible()
    for name in ("人员和角色", "统计", "来自行政相对人的待办事项", "登记变更"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    seen(page)
    page.goto(f"/desk/{delivery_id}")
    expect(page.get_by_role("link", name="登记纸质送达").first).to_be_visible()
    seen(page)
    page.goto("/desk/people")
    expect(page.get_by_role("heading", name="无权办理")).to_be_visible()
    expect(page.locator("main")).to_contain_text("You lack the right: Keep people and their roles.")
    seen(page)


def test_roles_are_changed_and_the_person_is_stopped(site: Site, page: Page) -> None:
    log_in(page, site.house.employ("admin", "administrator", name="周建国"))
    page.goto("/desk/people")
    page.get_by_role("link", name="刘芳").click()
    change = page.get_by_role("region", name="变更角色")
    change.get_by_label("财务部门").check()
    change.get_by_label("理由").fill("兼任")
    change.get_by_label("您自己的密码").fill(PASSWORD)
    change.get_by_role("button", name="变更角色").click()
    expect(page.get_by_role("status")).to_contain_text("角色已变更")
    expect(page.get_by_role("region", name="角色的授予和收回")).to_contain_text(re.compile("财务部门：.*由周建国授予"))
    page.locator("summary", has_text="停用").click()
    accessible(page)
    fits(page)
    stop = page.locator("form[action$='/stop']")
    stop.get_by_label("理由").fill("调离")
    stop.get_by_label("您自己的密码").fill(PASSWORD)
    stop.get_by_role("button", name="停用").click()
    expect(page.get_by_role("status")).to_contain_text("已停用")
    seen(page)
    page.goto("/desk/people")
    seen(page)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_leader_and_finance_have_desks_of_their_own(site: Site, page: Page, lang: str) -> None:
    delivery_id = site.house.deliver("penalty-decision")
    for role in ("leader", "finance"):
        log_in(page, site.house.employ(f"a-{role}", role), lang)
        for path in ("/desk", "/desk/incoming", f"/desk/{delivery_id}"):
            page.goto(path)
            expect(page.locator("h1").first).to_be_visible()
            accessible(page)
            fits(page)
        page.locator("nav form button").click()
