"""Every page of the paper desk is accessible and fits a phone, in both languages; a correction by two persons."""

from __future__ import annotations

from datetime import timedelta

import pytest
from playwright.sync_api import BrowserContext, Page

from delivery import corrections, stacks
from delivery.portal.issuing import Issuing
from delivery.portal.web import Portal
from pipeline.issuing import beside
from records import corrections as rows
from records import deliveries
from records.database import legal_time, set_legal_time
from tests.browser.conftest import Site
from tests.browser.test_counterparty import accessible, log_in
from tests.integration.test_desk import SCAN, direct, record
from tests.integration.test_paper_attempts import begin
from tests.integration.test_stacks import scanned
from tests.portal_house import AUTHORITY, PortalHouse


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def paths(house: PortalHouse) -> list[str]:
    """A desk with something on every page: the addresses of all of them."""
    portal: Portal = house.app.state.portal
    object.__setattr__(portal, "issuing", Issuing(lambda *_: b"", lambda *_: "", beside()))
    served = house.deliver("penalty-decision")
    begin(house, served)
    done = record(house, served, direct(house))
    house.settle(served)
    bare = house.deliver("penalty-decision", number=2)
    attempt = begin(house, bare, "post", mail_kind="express", mail_number="EMS1")
    record(house, bare, {"method": "post", "outcome": "locker", "date": direct(house)["date"]} | post_of(attempt), None)
    names = (house.database, house.store, AUTHORITY)
    proposed = corrections.propose(
        *names, served, direct(house, receiver="他人"), None, "写错", "per_x", supersedes=done.id
    )
    stack_id = stacks.take_in(*names, scanned(attempt["code"], ""), "per_x")
    stacks.read_on(*names, stack_id, "per_x")
    stacks.close()
    with house.database.write() as connection:
        deliveries.update(connection, bare, paper_status="sent", paper_since=legal_time(connection))
        set_legal_time(connection, legal_time(connection) + timedelta(days=12))
    return [
        "/desk",
        "/desk/scan",
        "/desk/stacks",
        f"/desk/stacks/{stack_id}",
        "/desk/import",
        "/desk/issue",
        "/desk/issue/penalty-prior-notice?sample=1",
        "/desk/statistics",
        "/desk/trouble",
        "/desk/corrections",
        f"/desk/corrections/{proposed.correction_id}",
        f"/desk/{served}",
        f"/desk/{served}/correct/{done.id}",
        f"/desk/{bare}",
        f"/desk/{bare}/public-notice",
        f"/desk/{bare}/record?attempt={attempt['id']}",
    ]


def post_of(attempt: object) -> dict[str, str]:
    return {name: attempt[name] for name in ("mail_kind", "mail_number")}  # type: ignore[index]


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 375)])
def test_every_page_of_the_paper_desk_is_accessible_and_fits(site: Site, page: Page, lang: str, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    addresses = paths(site.house)
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    for path in addresses:
        answer = page.goto(path)
        assert answer and answer.status == 200, path
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), path


@pytest.mark.parametrize(("lang", "width"), [("zh", 1100), ("en", 390)])
def test_a_record_dated_too_far_back_goes_on_with_all_that_was_typed(
    site: Site, page: Page, lang: str, width: int
) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    house = site.house
    delivery_id = house.deliver("penalty-decision")
    attempt, day = begin(house, delivery_id), str(direct(house)["date"])
    house.settle(delivery_id, days=61)
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    page.goto(f"/desk/{delivery_id}/record?attempt={attempt['id']}")
    page.select_option("#result", "direct/served")
    page.fill("#date", day)
    page.fill("#receiver", "孙丽")
    page.select_option("#capacity", "mail_clerk")
    page.press("#receiver", "Enter")  # the record itself, and no proposal
    page.get_by_role("alert").wait_for()
    accessible(page)
    page.locator("button#backdate").click()
    page.locator("#correction_reason").wait_for()
    accessible(page)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
    assert page.input_value("#receiver") == "孙丽" and page.input_value("#date") == day
    page.fill("#correction_reason", "回证迟到")
    page.set_input_files("#scan", {"name": "scan.png", "mimeType": "image/png", "buffer": SCAN})
    page.get_by_role("button", name="提交补录" if lang == "zh" else "Submit for approval").click()
    page.wait_for_url("**told=correction_proposed")
    with house.database.read() as connection:
        waiting = rows.waiting_for(connection, delivery_id)
        found = rows.find(connection, waiting["id"], AUTHORITY) if waiting else None
    assert found is not None and found["attempt_id"] == attempt["id"] and found["record"]["receiver"] == "孙丽"
