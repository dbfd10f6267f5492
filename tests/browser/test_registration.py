"""Registration on a running system in Chromium, both languages: reported, returned, approved, first log-in, inbox."""

from __future__ import annotations

import io
import os
import re
import time
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.browser.test_counterparty import accessible
from tests.registration_house import ENTITY, PEOPLE, REVIEW, scan
from tests.system import System, running_system

#: Where pictures of the pages go, for a person to look at; nowhere by default.
PICTURES = os.environ.get("SONGDA_PICTURES", "")


def looked_at(page: Page, lang: str, name: str) -> None:
    """Accessible, and no wider than a desk or a phone."""
    page.wait_for_load_state("load")  # with its styles: targets have their size by them
    accessible(page)
    for width in (375, 1100):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), (name, width)
        if PICTURES:
            page.screenshot(path=f"{PICTURES}/{name}-{lang}-{width}.png", full_page=True)


def last_sms(page: Page, system: System, phone: str, pattern: str, after: int = 0) -> str:
    """What the page of a TEST system's messages shows of the last SMS to a phone that holds `pattern`."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        text = page.request.get(f"{system.access.mail_url}/sms").text()
        found = [
            match[1]
            for row in re.findall(r"<tr>(.*?)</tr>", text, re.S)
            if f"<td>{phone}</td>" in row and (match := re.search(pattern, row))
        ]
        if len(found) > after:
            return str(found[0])
        time.sleep(0.2)
    raise AssertionError(f"no SMS to {phone}")


def submit(page: Page) -> None:
    page.locator("main form.form button[type=submit]").last.click()


def fill_in(page: Page, fields: dict[str, str]) -> None:
    for name, value in fields.items():
        place = page.locator(f"[name='{name}']")
        if place.evaluate("each => each.tagName") == "SELECT":
            place.select_option(value)
        else:
            place.fill(value)


@pytest.fixture
def sealed(tmp_path: Path) -> Path:
    """The scan of a paper."""
    file = tmp_path / "scan.pdf"
    file.write_bytes(scan())
    return file


def enter(page: Page, system: System, lang: str, mobile: str) -> None:
    page.goto(f"{system.access.url}/login?lang={lang}")
    page.locator("a[href='/register']").click()
    page.check("#category-legal_person")
    page.fill("#code", "ses2018")
    page.fill("#mobile", mobile)
    looked_at(page, lang, "1-door")
    submit(page)
    looked_at(page, lang, "2-code")
    page.fill("#sms", last_sms(page, system, mobile, r"验证码([0-9]{6})"))
    submit(page)
    page.wait_for_url("**/register/entity")


def fill_everything(page: Page, lang: str, entity: dict[str, str], people: dict[str, str], sealed: Path) -> None:
    fill_in(page, entity | {"credit_code": "91120116MA0BF8AX2B"})
    submit(page)
    expect(page.locator("#credit_code-fault-1")).to_be_visible()
    assert page.input_value("#name_zh") == entity["name_zh"]
    looked_at(page, lang, "3-entity-fault")
    fill_in(page, {"credit_code": entity["credit_code"]})
    submit(page)
    fill_in(page, people)
    page.click("button[value=suggest]")
    assert page.input_value("[name=accounts-0-login]").endswith("-FLB")
    looked_at(page, lang, "4-people")
    page.press("[name=contacts-0-name]", "Enter")  # goes on, and adds no row
    page.wait_for_url("**/register/letter")
    pdf = page.request.get(page.url.replace("/letter", "/letter.pdf"))
    text = re.sub(r"\s+", "", "".join(each.extract_text() for each in pypdf.PdfReader(io.BytesIO(pdf.body())).pages))
    assert entity["name_zh"] in text and entity["credit_code"] in text
    for name in ("licence", "letter"):
        page.set_input_files(f"#files-{name}", sealed)
        page.click(f"button[value={name}]")
        expect(page.locator(f"a[href='/register/files/{name}']")).to_be_visible()
    fill_in(page, {"signer-capacity": "legal_representative", "signer-name": "李明远", "signer-signed_on": "20261120"})
    looked_at(page, lang, "5-letter")
    submit(page)
    page.wait_for_url("**/register/check")
    looked_at(page, lang, "6-check")


def report(page: Page, lang: str) -> str:
    page.click("a[href='/register/submit']")
    expect(page.locator("p.problem")).to_be_visible()
    looked_at(page, lang, "7-warning")
    page.locator("form[action='/register/submit'] button").click()
    page.wait_for_url("**/register/status?told=submitted")
    looked_at(page, lang, "8-status")
    return page.locator("dd strong").inner_text()


def review(desk: Page, lang: str, number: str, action: str, **fields: str) -> None:
    desk.locator(f"li:has-text('{number}') h2 a").click()
    looked_at(desk, lang, f"9-review-{action}")
    fill_in(desk, fields)
    if action == "approve":
        desk.check("#licence_matches")
        desk.check("#letter_signed")
    desk.click(f"button[value={action}]")
    expect(desk.get_by_role("status")).to_be_visible()


@pytest.mark.timeout(600)
def test_an_entity_registers_is_returned_mends_is_approved_and_reads_its_inbox(
    tmp_path: Path, chromium: Browser, sealed: Path
) -> None:
    with running_system(tmp_path / "home") as system:
        _whole_path(system, chromium.new_context(), chromium.new_context(), "zh", "13900139000", sealed, ENTITY, PEOPLE)
        english = {
            "name_zh": "渤海示例货运航空有限公司",
            "name_en": "Bohai Example Cargo Co., Ltd.",
            "short_name": "渤海示例货运",
            "abbreviation": "BEC",
            "credit_code": "91370203MA0BF8AX2L",
            "division": "3702",
        }
        others = {"contacts-0-mobile": "13800138003", "contacts-1-mobile": "13800138004"}
        people = PEOPLE | others
        _whole_path(
            system,
            chromium.new_context(),
            chromium.new_context(),
            "en",
            "13900139001",
            sealed,
            ENTITY | english,
            people,
        )


def _whole_path(
    system: System,
    applicants: BrowserContext,
    clerks: BrowserContext,
    lang: str,
    mobile: str,
    sealed: Path,
    entity: dict[str, str],
    people: dict[str, str],
) -> None:
    page, desk = applicants.new_page(), clerks.new_page()
    enter(page, system, lang, mobile)
    fill_everything(page, lang, entity, people, sealed)
    number = report(page, lang)
    page.locator("form[action='/register/leave'] button").click()

    login = system.access.people["clerk"]
    desk.goto(f"{system.access.url}/login?lang={lang}")
    desk.fill("#login", login.account)
    desk.fill("#password", login.password)
    submit(desk)
    desk.click("a[href='/desk/registrations']")
    looked_at(desk, lang, "9-registrations")
    reasons = {"reasons_zh": "公章不清晰，请重新扫描。", "reasons_en": "The seal cannot be read: scan it anew."}
    review(desk, lang, number, "return", **reasons)

    page.click("a[href='/register/track']")
    page.fill("#number", number)
    page.fill("#mobile", mobile)
    looked_at(page, lang, "a-track")
    submit(page)
    page.fill("#sms", last_sms(page, system, mobile, r"验证码([0-9]{6})", after=1))
    submit(page)
    page.goto(f"{system.access.url}/register/status")
    expect(page.locator("main")).to_contain_text("The seal cannot be read: scan it anew.")
    looked_at(page, lang, "b-returned")
    page.goto(f"{system.access.url}/register/letter")
    page.set_input_files("#files-letter", sealed)
    page.click("button[value=letter]")
    page.goto(f"{system.access.url}/register/check")
    assert report(page, lang) == number

    desk.goto(f"{system.access.url}/desk/registrations")
    named = {name: value for name, value in REVIEW.items() if value != "1"}
    named |= {"counterparty_id": entity["abbreviation"].lower()}
    review(desk, lang, number, "approve", **named)
    looked_at(desk, lang, "c-approved")

    code = last_sms(page, system, people["contacts-0-mobile"], r"激活码为([0-9A-Z-]{11})")
    page.goto(f"{system.access.url}/activate")
    account = f"{entity['abbreviation']}-FLB"
    fill_in(page, {"login": account, "code": code, "password": "a password of my own", "again": "a password of my own"})
    looked_at(page, lang, "d-activate")
    submit(page)
    page.wait_for_url("**/inbox")
    expect(page.locator(".who")).to_have_text(account)
    accessible(page)
    applicants.close()
    clerks.close()
