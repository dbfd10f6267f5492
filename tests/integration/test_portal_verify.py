"""The public page that verifies a PDF: about these bytes, for anybody, and nothing is kept."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest

from delivery.portal import uploads
from delivery.portal.security import LARGEST_UPLOAD
from records import schema
from records.database import Database
from tests.later_revisions import add_text, grown
from tests.portal_house import PortalHouse, furnish
from tests.signing_support import Bench, running, tagged_pdf
from tests.web_server import served_anywhere


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    return bench.seal(tagged_pdf()).pdf


@pytest.fixture
def house(bench: Bench, tmp_path: Path) -> Iterator[PortalHouse]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")  # the page reads the clock and no more: one back end will do
    schema.create(database, test=True)
    house = furnish(database, tmp_path)
    house.trust = bench.trust
    yield house
    database.close()


def ask(house: PortalHouse, pdf: bytes, lang: str = "zh") -> tuple[int, str]:
    answer = house.browser().post(f"/verify?lang={lang}", files={"pdf": ("x.pdf", pdf, "application/pdf")})
    return answer.status_code, answer.text


@pytest.mark.rule("ESL-14")
def test_a_sealed_file_is_valid_and_says_by_whom_when_and_that_it_is_a_test(house: PortalHouse, sealed: bytes) -> None:
    assert house.browser().get("/verify").status_code == 200
    status, page = ask(house, sealed)
    assert status == 200 and "有效：签名可信" in page and page.count("不具有法律效力") == 1
    assert "行政执法专用章" in page and "B-LT" in page and "（北京时间）" in page
    _, english = ask(house, sealed, "en")
    assert "Valid: the signature is trusted" in english and "Beijing time" in english


@pytest.mark.rule("ESL-5b")
def test_a_file_changed_afterwards_is_invalid(house: PortalHouse, sealed: bytes) -> None:
    altered = sealed.replace(b"/MediaBox", b"/MediaBoy", 1)
    assert altered != sealed
    status, page = ask(house, altered)
    assert status == 200 and "无效：不得依赖此文件" in page, page


@pytest.mark.parametrize("pdf", [b"no pdf", b""])
def test_what_is_no_pdf_gets_no_verdict(house: PortalHouse, pdf: bytes) -> None:
    status, page = ask(house, pdf)
    assert status == 422 and 'role="alert"' in page and 'class="verdict' not in page


def test_each_signature_has_its_own_verdict_and_the_page_names_root_source_and_what_was_not_checked(
    house: PortalHouse, sealed: bytes
) -> None:
    later = grown(sealed, add_text)
    _, page = ask(house, later, "en")
    assert '<span class="badge invalid">invalid</span>' in page
    assert "TEST Root CA" in page and "source: made by signing.testpki; obtained on 2020-01-01" in page
    assert "What was not checked" in page and "the newest proof is of: 2" in page
    _, chinese = ask(house, sealed)
    assert '<span class="badge valid">有效</span>' in chinese
    assert "未能核验的内容" in chinese and "自称符合PDF/A-2a" in chinese and "来源：made by signing.testpki" in chinese


@pytest.mark.parametrize(
    ("state", "seal", "box"),
    [
        ("unchanged", None, "done"),
        ("unchanged", "genuine", "done"),
        ("unchanged", "in_question", "problem"),
        ("revoked", None, "problem"),
        (None, None, "notice"),
    ],
)
def test_the_page_says_whether_the_bytes_were_released_here(
    house: PortalHouse, sealed: bytes, state: str | None, seal: str | None, box: str
) -> None:
    told = {"known": state is not None, "state": state, "seal": seal}
    house.released = told | {"text_en": "Told in English.", "text_zh": "中文说明。"}
    _, page = ask(house, sealed, "en")
    assert f'<p class="{box}">Told in English.</p>' in page


def test_a_link_to_the_page_fills_in_nothing(house: PortalHouse) -> None:
    browser = house.browser()
    plain, linked = browser.get("/verify"), browser.get("/verify?d=doc_1&sha256=beef&verdict=valid&lang=zh")
    assert linked.status_code == 200
    assert "doc_1" not in linked.text and "beef" not in linked.text and 'class="verdict' not in linked.text
    assert form_in(linked.text) == form_in(plain.text)


def form_in(page: str) -> str:
    return page[page.index("<form") : page.index("</form>")]


def test_an_upload_stays_in_memory(house: PortalHouse, sealed: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_disk(*_: object) -> None:
        raise AssertionError("the upload went to a file")

    monkeypatch.setattr(tempfile.SpooledTemporaryFile, "rollover", no_disk)
    large = grown(sealed, lambda pdf: [pdf.make_stream(os.urandom(5 * 1024 * 1024))])
    status, page = ask(house, large)
    assert status == 200 and 'class="verdict' in page


def test_what_is_too_large_or_no_form_is_refused(house: PortalHouse) -> None:
    assert ask(house, b"%PDF-" + bytes(LARGEST_UPLOAD + 512 * 1024))[0] == 413
    assert (
        house.browser().post("/verify", content=b"%PDF-", headers={"Content-Type": "application/pdf"}).status_code
        == 400
    )
    headers = {"Content-Type": "multipart/form-data"}
    assert house.browser().post("/verify", content=b"x", headers=headers).status_code == 400


def test_nobody_holds_a_place_by_dawdling(house: PortalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploads, "_SECONDS", 0.05)

    def dawdling() -> Iterator[bytes]:
        yield b'--x\r\nContent-Disposition: form-data; name="pdf"; filename="x.pdf"\r\n\r\n%PDF-'
        time.sleep(0.3)
        yield b"\r\n--x--\r\n"

    with served_anywhere(house.app) as url:
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        answer = httpx2.post(f"{url}/verify", content=dawdling(), headers=headers)
    assert answer.status_code == 408 and "上传超时" in answer.text


def test_more_than_eight_at_once_are_asked_to_come_again(house: PortalHouse, sealed: bytes) -> None:
    held, inside = threading.Event(), threading.Semaphore(0)

    def slow(pdf: bytes) -> dict[str, Any]:
        inside.release()
        assert held.wait(30)
        return house.verify(pdf)

    house.app.state.portal = replace(house.app.state.portal, verify=slow)
    with house.browser() as browser, ThreadPoolExecutor(8) as pool:

        def post() -> int:
            return browser.post("/verify", files={"pdf": ("x.pdf", sealed, "application/pdf")}).status_code

        waiting = [pool.submit(post) for _ in range(8)]
        for _ in waiting:
            assert inside.acquire(timeout=30)
        ninth = post()
        held.set()
        assert [each.result() for each in waiting] == [200] * 8
    assert ninth == 503


def test_without_the_means_there_is_no_such_page(house: PortalHouse) -> None:
    house.app.state.portal = replace(house.app.state.portal, verify=None)
    assert house.browser().get("/verify").status_code == 404
    assert "/verify" not in house.browser().get("/login").text
