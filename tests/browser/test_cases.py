"""The case at the desk in a real browser: from a delivery to its case, its timeline, a revocation, both linked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from pipeline.web import make_web
from records import deliveries, schema
from records.database import Database
from tests.browser.test_counterparty import log_in
from tests.browser.test_inbox_acts import fits
from tests.conftest import LEGAL_NOW
from tests.house import House, furnish_with_a_clerk, sample
from tests.integration.test_issuing_links import decision, typed
from tests.web_server import served_anywhere


@dataclass(frozen=True)
class Office:
    """API and pages of one installation, as they are reached from outside."""

    house: House
    url: str


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=True, legal_now=LEGAL_NOW)
    house = furnish_with_a_clerk(database, tmp_path)
    with served_anywhere(make_web(house.songda)) as url:
        yield Office(house, url)
    database.close()


@pytest.fixture
def context(chromium: Browser, office: Office) -> Iterator[BrowserContext]:
    made = chromium.new_context(base_url=office.url, accept_downloads=True)
    made.set_default_timeout(20_000)
    yield made
    made.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


@pytest.mark.parametrize(
    ("lang", "width", "whole", "revoke", "submit", "ended_by", "ends"),
    [
        ("zh", 1100, "案件全貌", "撤销", "提交", "撤销本文书的文书", "本文书撤销"),
        ("en", 390, "The whole case", "Revoke", "Submit", "Revoked by the", "This document revokes the"),
    ],
)
def test_a_clerk_goes_from_a_delivery_to_its_case_and_revokes_the_document(
    office: Office,
    page: Page,
    lang: str,
    width: int,
    whole: str,
    revoke: str,
    submit: str,
    ended_by: str,
    ends: str,
) -> None:
    house, target = office.house, decision(office.house)
    page.set_viewport_size({"width": width, "height": 900})
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    with house.songda.database.write() as connection:
        (served,) = deliveries.of_document(connection, target)
        digest = house.songda.store.put(b"%PDF-")
        connection.exec_driver_sql(f"update document set final_digest = '{digest}'")  # noqa: S608 - a digest
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    page.fill("#find", sample("penalty-decision")["case_no"])
    page.press("#find", "Enter")
    expect(page.locator("#cases")).to_be_visible()
    fits(page)
    page.goto(f"/desk/{served['id']}")
    page.get_by_role("link", name=whole).click()
    page.wait_for_url(f"**/desk/cases/{target}")
    expect(page.locator("section[aria-labelledby=timeline] ol li")).not_to_have_count(0)
    fits(page)
    page.locator("section[aria-labelledby=documents] h3 a").click()
    page.wait_for_url(f"**/desk/documents/{target}")
    fits(page)
    page.get_by_role("link", name=revoke, exact=True).click()
    expect(page.locator("input[name='f/document/served_on']")).to_have_value("2026-11-23")
    fits(page)
    form = typed(house, page.content(), "ends", target)
    fill(page, {name: text for name, text in form.items() if name not in ("csrf", "once", "ends", "verb")})
    page.fill("textarea[name='f/findings/en']", "")
    page.get_by_role("button", name=submit, exact=True).click()
    expect(page.get_by_role("alert")).to_be_focused()  # a narrative in one language only
    fits(page)
    page.fill("textarea[name='f/findings/en']", form["f/findings/en"])
    page.get_by_role("button", name=submit, exact=True).click()
    page.wait_for_url("**/desk/issue/done/*")
    fits(page)
    page.get_by_role("link", name=whole).click()
    documents = page.locator("section[aria-labelledby=documents]")
    expect(documents.locator("h3")).to_have_count(2)
    expect(documents).to_contain_text(ended_by)
    expect(documents).to_contain_text(ends)
    fits(page)
    assert len(complaints) == 1 and "422" in complaints[0], complaints  # the form that was refused


_OPEN = "document.querySelectorAll('details').forEach(each => { each.open = true; })"


def fill(page: Page, form: dict[str, str]) -> None:
    """Type the form; a list gets as many items as are to be filled first."""
    for name, text in form.items():
        if name.startswith("n/"):
            while page.locator(f"input[name='{name}']").input_value() != text:
                page.evaluate(_OPEN)
                page.locator(f"button[value='more:{name[1:]}']").click()
    page.evaluate(_OPEN)
    for name, text in form.items():
        if name.startswith("n/"):
            continue
        field = page.locator(f"[name='{name}']")
        if field.evaluate("f => f.tagName") == "SELECT":
            field.select_option(text)
        elif field.get_attribute("type") == "checkbox":
            field.set_checked(text == "true")
        else:
            field.fill(text)


@pytest.mark.parametrize(("lang", "width", "button"), [("zh", 390, "作废文书"), ("en", 1100, "Make the document void")])
def test_a_document_is_made_void_in_two_steps(office: Office, page: Page, lang: str, width: int, button: str) -> None:
    target = decision(office.house, status="rendered", served=False)
    page.set_viewport_size({"width": width, "height": 900})
    log_in(page, "clerk", lang)
    page.wait_for_url("**/desk")
    page.goto(f"/desk/documents/{target}")
    page.get_by_role("link", name=button).click()
    expect(page.locator(".notice")).to_be_visible()
    fits(page)
    page.fill("#reason", "  ")
    page.get_by_role("button", name=button).click()
    expect(page.locator("#reason")).to_have_attribute("aria-invalid", "true")
    fits(page)
    page.fill("#reason", "写错了当事人")
    page.get_by_role("button", name=button).click()
    expect(page.get_by_role("status")).to_be_visible()
    expect(page.locator("main")).to_contain_text("写错了当事人")
    fits(page)
