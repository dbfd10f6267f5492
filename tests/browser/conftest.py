"""A real web server on a free loopback port, and Debian's Chromium."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from records import directory, schema
from records.database import Database
from templates.catalogue import catalogue
from templates.printing import Imprint, print_document
from tests.conftest import LEGAL_NOW
from tests.portal_house import AUTHORITY, PortalHouse, furnish
from tests.web_server import served

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Site:
    """The portal as it is reached from outside."""

    house: PortalHouse
    url: str


@pytest.fixture
def house(tmp_path: Path) -> Iterator[PortalHouse]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=True, legal_now=LEGAL_NOW)
    yield furnish(database, tmp_path)
    database.close()


@contextmanager
def serving(house: PortalHouse, host: str = "127.0.0.1") -> Iterator[Site]:
    """The portal of a house on a free port of the loopback, known under the name `host`."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        house.public_url = f"http://{host}:{listening.getsockname()[1]}"
        with served(house.app, listening):
            yield Site(house, house.public_url)


@pytest.fixture
def site(house: PortalHouse) -> Iterator[Site]:
    with serving(house) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Not for the whole session: while Playwright runs, this thread is inside its event loop, and no other may run."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def context(chromium: Browser, site: Site) -> Iterator[BrowserContext]:
    made = chromium.new_context(base_url=site.url, accept_downloads=True)
    made.set_default_timeout(20_000)
    yield made
    made.close()


def printed(house: PortalHouse, instrument: str) -> bytes:
    """A real print of an instrument's sample."""
    made = catalogue().get(instrument)
    with house.database.read() as connection:
        found = directory.authority_facts(connection, AUTHORITY)
    assert found
    imprint = Imprint(found[1], "民航华北示例〔2026〕1号", "CAAC-NC Example [2026] No. 1", True, False)
    return print_document(made, made.sample_facts(), imprint).pdf
