"""Every address of the portal, tried by everybody who has no business there."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from delivery.portal import app
from records import ledger
from records.database import Database
from records.ids import new_id
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden

#: What stands for the parts of an address that name an object; the delivery is a real one.
_PARTS = {
    "document_id": "doc",
    "registration_id": "reg",
    "stack_id": "stk",
    "correction_id": "cor",
    "receipt_id": "ppr",
    "counsel_id": "csl",
    "submission_id": "sub",
    "objection_id": "obj",
    "request_id": "cpy",
    "attempt_id": "att",
    "file_id": "fil",
    "account_id": "acc",
    "contact_id": "con",
    "change_id": "chg",
    "volume_id": "vol",
}
_WORDS = {"name": "licence", "act": "approve", "verb": "approve", "instrument": "hearing-notice"}
_ROUTES = [
    (method, route.path)
    for part in app._PAGES
    for route in part.router.routes
    if isinstance(route, APIRoute)
    for method in sorted(route.methods)
]
#: A calendar feed is everybody's own, at whichever of its two addresses.
_SHARED = ("/inbox/calendar", "/desk/calendar")
_INSIDE = [
    each for each in _ROUTES if each[1].split("/")[1] in ("inbox", "desk", "settings") and each[1] not in _SHARED
]
_OF_OBJECTS = [each for each in _INSIDE if "{" in each[1] and "{instrument}" not in each[1]]


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def _address(path: str, delivery_id: str) -> str:
    named = {name: new_id(prefix) for name, prefix in _PARTS.items()} | _WORDS
    return path.format(delivery_id=delivery_id, first_page="0", position="0", token="x" * 43, **named)


def _try(client: TestClient, method: str, path: str, csrf: str = "") -> tuple[int, str]:
    """Status and where it leads. A form that was sent leads back to its page when it is read: that page is tried."""
    answer = client.request(method, path, data={"csrf": csrf} if method == "POST" else None)
    to = answer.headers.get("location", "")
    if answer.status_code == 303 and method == "GET" and to == path.rpartition("/")[0]:
        return _try(client, method, to, csrf)
    return answer.status_code, to


def _events(house: PortalHouse, delivery_id: str) -> int:
    with house.database.read() as connection:
        return len(ledger.events(connection, house.row(delivery_id)["document_id"])) + len(
            ledger.events(connection, f"directory:{AUTHORITY}")
        )


def test_there_are_as_many_addresses_as_there_seem_to_be() -> None:
    assert len(_INSIDE) > 100 and len(_OF_OBJECTS) > 50


def test_nobody_comes_in_without_a_session(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    visitor, before = house.browser(), _events(house, delivery_id)
    for method, path in _INSIDE:
        status, to = _try(visitor, method, _address(path, delivery_id))
        assert (status == 303 and to.startswith("/login")) or status in (403, 404, 422), (method, path, status, to)
    assert _events(house, delivery_id) == before


@pytest.mark.parametrize(
    ("login", "rooms", "home"),
    [("NEA-FLB", ("desk",), "/inbox"), ("clerk", ("inbox", "settings"), "/desk")],
)
def test_whoever_takes_the_wrong_door_is_sent_to_the_own_one(
    house: PortalHouse, login: str, rooms: tuple[str, ...], home: str
) -> None:
    delivery_id = house.deliver("penalty-decision")
    client = house.browser(login)
    csrf, before = hidden(client.get(home).text, "csrf"), _events(house, delivery_id)
    for method, path in _INSIDE:
        if path.split("/")[1] in rooms:
            status, to = _try(client, method, _address(path, delivery_id), csrf)
            led_away = status == 303 and to.split("/")[1] not in rooms
            assert led_away or status in (403, 404, 422), (method, path, status, to)
    assert _events(house, delivery_id) == before


@pytest.mark.parametrize(("login", "home"), [("OTHER-FLB", "/inbox"), ("clerk-elsewhere", "/desk")])
def test_what_belongs_to_others_does_not_exist(house: PortalHouse, login: str, home: str) -> None:
    delivery_id = house.deliver("penalty-decision")
    client = house.browser(login)
    csrf, before = hidden(client.get(home).text, "csrf"), _events(house, delivery_id)
    for method, path in _OF_OBJECTS:
        if path.startswith(home):
            status, to = _try(client, method, _address(path, delivery_id), csrf)
            assert status in (404, 422), (method, path, status, to)
    assert _events(house, delivery_id) == before
