"""All three kinds of people on one running system: case system over HTTP, counterparty and clerk in Chromium."""

from __future__ import annotations

import io
import time
from pathlib import Path
from typing import Any

import httpx2
import pypdf
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system import System, running_system, sample


def _submit(system: System, name: str) -> str:
    headers = {"Authorization": f"Bearer {system.access.api_key}", "Idempotency-Key": name}
    answer = httpx2.post(f"{system.access.url}/v1/jobs", json=sample(name), headers=headers, timeout=60)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["documents"][0]["id"])


def _document(system: System, document_id: str, status: str = "released") -> dict[str, Any]:
    headers = {"Authorization": f"Bearer {system.access.api_key}"}
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = httpx2.get(f"{system.access.url}/v1/documents/{document_id}", headers=headers).json()
        if found["status"] == status and all(each["route"] for each in found["deliveries"]):
            return dict(found)
        time.sleep(0.2)
    raise AssertionError(f"document {document_id} is not {status}")


def _log_in(page: Page, system: System, account: str, password: str) -> None:
    page.goto(f"{system.access.url}/login?lang=en")
    page.fill("#login", account)
    page.fill("#password", password)
    page.click("main button[type=submit]")


def _blank_scan(folder: Path) -> Path:
    writer, buffer = pypdf.PdfWriter(), io.BytesIO()
    writer.add_blank_page(595, 842)
    writer.write(buffer)
    (folder / "scan.pdf").write_bytes(buffer.getvalue())
    return folder / "scan.pdf"


@pytest.mark.timeout(240)
def test_from_post_to_service_date_with_all_three_people(tmp_path: Path, chromium: Browser) -> None:
    with running_system(tmp_path / "home") as system:
        notice = _document(system, _submit(system, "penalty-prior-notice"))
        decision = _document(system, _submit(system, "penalty-decision"))

        counterparty = chromium.new_page()
        login = system.access.counterparties["carrier-foreign"]
        _log_in(counterparty, system, login.account, login.password)
        item = f"{system.access.url}/inbox/{notice['deliveries'][0]['id']}"
        counterparty.goto(item)
        counterparty.locator("main form button[type=submit]").first.click()
        expect(counterparty.locator("article.instrument")).to_contain_text("Example Atlantic Airlines")
        counterparty.goto(f"{item}/confirm")
        counterparty.fill("#person_name", "Ann Example")
        counterparty.locator("main form button[type=submit]").first.click()
        expect(counterparty.locator("main")).to_contain_text("23 November 2026")

        clerk = chromium.new_page()
        login = system.access.people["clerk"]
        _log_in(clerk, system, login.account, login.password)
        clerk.goto(f"{system.access.url}/desk/{decision['deliveries'][0]['id']}/record")
        clerk.select_option("#result", "direct/served")
        clerk.fill("#date", "20261123")
        clerk.fill("[name=receiver]", "李明远")
        clerk.select_option("[name=capacity]", "legal_representative")
        clerk.set_input_files("#scan", _blank_scan(tmp_path))
        clerk.locator("main form button[type=submit]").first.click()
        expect(clerk.locator("main")).to_contain_text("23 November 2026")

        counterparty.close()
        clerk.close()
        served = {each: _document(system, each)["deliveries"][0] for each in (notice["id"], decision["id"])}
        assert [(each["service_status"], each["service_date"], each["service_basis"]) for each in served.values()] == [
            ("final", "2026-11-23", "confirmed"),
            ("final", "2026-11-23", "paper"),
        ]
