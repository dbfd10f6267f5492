"""The public page that verifies a PDF: about these bytes, for anybody, and nothing is kept."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from records import schema
from records.database import Database
from tests.portal_house import PortalHouse, furnish
from tests.signing_support import Bench, running, tagged_pdf


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
    assert "Valid: sealed by a trusted signer" in english and "Beijing time" in english


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


def test_without_the_means_there_is_no_such_page(house: PortalHouse) -> None:
    house.app.state.portal = replace(house.app.state.portal, verify=None)
    assert house.browser().get("/verify").status_code == 404
    assert "/verify" not in house.browser().get("/login").text
