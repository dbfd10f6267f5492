"""An approver's path in a real browser: look at the file, approve it with the password again, give a grant."""

from __future__ import annotations

import pyotp
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from records import access, second_factors
from records.tables import seal_approval, seal_grant
from tests.browser.conftest import Site, printed
from tests.browser.test_counterparty import accessible, log_in
from tests.portal_house import PASSWORD
from tests.seal_office import Office, open_office


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.fixture
def office(site: Site) -> Office:
    return open_office(site.house)


def test_an_approver_looks_at_the_file_and_approves_it_with_the_password_again(
    site: Site, page: Page, office: Office
) -> None:
    digest = site.house.store.put(printed(site.house, "hearing-notice"))
    document_id = office.waiting(digest)
    log_in(page, "leader")
    page.click("role=link[name='待您批准的用印 1']")
    with page.expect_response("**/document.pdf") as shown:
        page.click("text=民用航空行政处罚听证通知书")
    assert shown.value.status == 200 and shown.value.frame != page.main_frame, "the file is shown inside the page"
    expect(page.locator(".digest code")).to_have_text(digest)
    page.fill("#password", "not the password")
    page.get_by_role("button", name="批准用印").click()
    expect(page.get_by_role("alert")).to_have_text("密码不正确，未作批准。")
    assert office.rows(seal_approval) == []
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="批准用印").click()
    expect(page.get_by_role("status")).to_contain_text("已批准用印")
    (row,) = office.rows(seal_approval)
    assert (row["document_id"], row["rendered_digest"]) == (document_id, digest)
    assert site.house.hints == [f"{document_id}/seal"]


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 375)])
def test_an_approver_with_an_app_approves_with_its_code(
    site: Site, page: Page, office: Office, lang: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    document_id, secret = office.waiting(), pyotp.random_base32()
    log_in(page, "leader", lang)
    page.wait_for_url("**/desk")
    with site.house.database.write() as connection:
        leader = access.credentials(connection, "leader")[0].subject
        second_factors.begin(connection, leader, secret)
        second_factors.confirm(connection, leader, 1)
    for path in ("/desk/seal-grants", f"/desk/seal-uses/{document_id}"):
        page.goto(path)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    for code in ("000000", pyotp.TOTP(secret).now()):
        page.fill("#password", PASSWORD)
        page.fill("#code", code)
        page.locator("form[action$=approve] button").click()
        expect(page.get_by_role("alert" if code == "000000" else "status")).to_be_visible()
        accessible(page)
    (row,) = office.rows(seal_approval)
    assert row["authenticated"].startswith("password and code")


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 375)])
def test_the_approvers_pages_are_accessible_and_fit_a_phone(
    site: Site, page: Page, office: Office, lang: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    document_id = office.waiting()
    log_in(page, "leader", lang)
    page.wait_for_url("**/desk")
    for path in ("/desk", "/desk/seal-uses", f"/desk/seal-uses/{document_id}", "/desk/seal-grants"):
        page.goto(path)
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path
    page.check("input[name='covers_hearing-notice']")
    page.fill("#most_uses", "0")
    page.fill("#password", PASSWORD)
    page.locator("form[action$=add] button").click()
    expect(page.get_by_role("alert")).to_be_visible()
    accessible(page)
    page.fill("#most_uses", "3")
    page.fill("#password", PASSWORD)
    page.locator("form[action$=add] button").click()
    expect(page.get_by_role("status")).to_be_visible()
    accessible(page)
    (row,) = office.rows(seal_grant)
    assert (row["instruments"], row["most_uses"]) == (["hearing-notice"], 3)
