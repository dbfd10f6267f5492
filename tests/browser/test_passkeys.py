"""Passkeys in a real browser with a device of its own: added, used alone and after the password, removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, expect

from records.tables import seal_approval
from tests.browser.conftest import Site, serving
from tests.browser.test_counterparty import accessible, log_in
from tests.browser.test_settings import seen
from tests.portal_house import PASSWORD, PortalHouse
from tests.seal_office import open_office

BASES = [("NEA-FLB", "/settings/access"), ("clerk", "/desk/settings")]


@pytest.fixture
def site(house: PortalHouse) -> Iterator[Site]:
    """Browsers make passkeys for a name, not for an IP address."""
    with serving(house, "localhost") as made:
        yield made


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def device(context: BrowserContext, page: Page) -> tuple[CDPSession, str]:
    """A device in the browser that holds passkeys and asks its user for proof, which it gets at once."""
    control = context.new_cdp_session(page)
    control.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = control.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    return control, made["authenticatorId"]


def held(device: tuple[CDPSession, str]) -> list[dict[str, object]]:
    control, name = device
    found: list[dict[str, object]] = control.send("WebAuthn.getCredentials", {"authenticatorId": name})["credentials"]
    return found


def begin(page: Page, path: str) -> None:
    page.goto(path)
    region = page.get_by_role("region", name="通行密钥")
    region.get_by_text("添加通行密钥").click()
    region.get_by_label("名称").fill("办公室电脑")
    if path.startswith("/settings"):
        region.get_by_label("姓名").fill("王芳")
        region.get_by_label("职务").fill("经理")
    page.fill("#passkey-password", PASSWORD)
    accessible(page)
    region.get_by_role("button", name="下一步").click()


def test_an_approver_approves_the_use_of_a_seal_with_password_and_passkey(
    site: Site, page: Page, device: tuple[CDPSession, str]
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    office = open_office(site.house)
    document_id = office.waiting()
    log_in(page, "leader")
    begin(page, "/desk/settings")
    page.get_by_role("button", name="在此设备上创建").click()
    expect(page.get_by_role("status")).to_contain_text("已添加通行密钥")
    for path in ("/desk/seal-grants", f"/desk/seal-uses/{document_id}"):
        page.goto(path)
        expect(page.get_by_role("button", name="使用密码和通行密钥")).to_be_visible()
        accessible(page)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="使用密码和通行密钥批准用印").click()
    expect(page.get_by_role("status")).to_contain_text("已批准用印")
    (row,) = office.rows(seal_approval)
    assert row["authenticated"].startswith("password and passkey")
    assert complaints == []


@pytest.mark.parametrize(("login", "path"), BASES)
def test_a_passkey_is_added_logs_in_alone_and_after_the_password_and_is_removed(
    page: Page, device: tuple[CDPSession, str], login: str, path: str
) -> None:
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    log_in(page, login)
    begin(page, path)
    seen(page)
    page.get_by_role("button", name="在此设备上创建").click()
    expect(page.get_by_role("status")).to_contain_text("已添加通行密钥")
    assert [each["isResidentCredential"] for each in held(device)] == [True]
    seen(page)
    page.get_by_role("button", name="退出登录").click()

    page.goto("/login")
    seen(page)
    page.get_by_role("button", name="使用通行密钥登录").click()
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    page.goto(path)
    expect(page.get_by_role("region", name="已登录的会话")).to_contain_text("通行密钥 (办公室电脑) 当前会话")
    page.get_by_role("button", name="退出登录").click()
    assert complaints == [], "the page's own rules let its script do what it needs"

    log_in(page, login)
    expect(page.get_by_role("alert")).to_contain_text("通行密钥或者动态验证码不正确")
    page.fill("#login", login)
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="使用密码和通行密钥登录").click()
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()
    page.goto(path)
    expect(page.get_by_role("region", name="已登录的会话")).to_contain_text("密码和通行密钥 (办公室电脑) 当前会话")

    region = page.get_by_role("region", name="通行密钥")
    region.get_by_text("删除通行密钥").first.click()
    accessible(page)
    page.fill("#remove-password", PASSWORD)
    region.get_by_role("button", name="删除通行密钥").click()
    expect(page.get_by_role("status")).to_contain_text("已删除通行密钥")
    expect(region).to_contain_text("没有通行密钥")
    page.get_by_role("button", name="退出登录").click()

    page.goto("/login")
    page.get_by_role("button", name="使用通行密钥登录").click()
    expect(page.get_by_role("alert")).to_contain_text("通行密钥未被接受")
    log_in(page, login)
    expect(page.get_by_role("button", name="退出登录")).to_be_visible()


def test_the_page_tells_why_the_device_made_or_used_none(page: Page, device: tuple[CDPSession, str]) -> None:
    control, name = device
    page.goto("/login")
    page.get_by_role("button", name="使用通行密钥登录").click()
    expect(page.get_by_role("alert")).to_contain_text("未能使用通行密钥")
    accessible(page)
    log_in(page, "NEA-FLB", lang="zh")
    begin(page, BASES[0][1])
    control.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": False})
    page.get_by_role("button", name="在此设备上创建").click()
    expect(page.get_by_role("alert")).to_contain_text("未创建通行密钥")
    accessible(page)
    control.send("WebAuthn.setUserVerified", {"authenticatorId": name, "isUserVerified": True})
    page.get_by_role("button", name="在此设备上创建").click()
    expect(page.get_by_role("status")).to_contain_text("已添加通行密钥")
    begin(page, BASES[0][1])
    page.get_by_role("button", name="在此设备上创建").click()
    expect(page.get_by_role("alert")).to_contain_text("已有本账号的通行密钥")


@pytest.mark.parametrize("why", ["no script", "another address"])
def test_where_none_can_be_used_the_pages_work_without(chromium: Browser, site: Site, why: str) -> None:
    url = site.url.replace("localhost", "127.0.0.1") if why == "another address" else site.url
    context = chromium.new_context(base_url=url, java_script_enabled=why != "no script")
    page = context.new_page()
    page.goto("/login")
    for name in ("使用通行密钥登录", "使用密码和通行密钥登录"):
        expect(page.get_by_role("button", name=name, include_hidden=True)).to_have_count(1)
        expect(page.get_by_role("button", name=name)).to_have_count(0)
    log_in(page, "NEA-FLB")
    page.goto(BASES[0][1])
    region = page.get_by_role("region", name="通行密钥")
    expect(region).to_contain_text(f"通过{site.url}访问")
    expect(region.get_by_text("添加通行密钥", exact=True)).to_be_hidden()
    context.close()
