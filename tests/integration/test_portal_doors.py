"""Every address of the portal, tried by everybody who has no business there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient

from delivery import rights
from delivery.portal import app
from records import ledger
from records.database import Database
from records.ids import new_id
from tests.portal_house import AUTHORITY, PASSWORD, PortalHouse, furnish, hidden

#: What stands for the parts of an address that name an object; the delivery is a real one.
_PARTS = {
    "document_id": "doc",
    "registration_id": "reg",
    "stack_id": "stk",
    "correction_id": "cor",
    "receipt_id": "ppr",
    "counsel_id": "csl",
    "counterparty_id": "air",
    "submission_id": "sub",
    "objection_id": "obj",
    "request_id": "cpy",
    "attempt_id": "att",
    "file_id": "fil",
    "account_id": "acc",
    "contact_id": "con",
    "change_id": "chg",
    "volume_id": "vol",
    "person_id": "per",
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
_AT_DESK = [each for each in _ROUTES if each[1].split("/")[1] == "desk"]
_OF_OBJECTS = [each for each in _INSIDE if "{" in each[1] and "{instrument}" not in each[1]]

#: Who has which right, as docs/roles.md tells it.
_HOLDERS = {
    "read": ("administrator", "legal", "inspector", "leader", "finance"),
    "serve": ("legal", "inspector"),
    "publish": ("legal",),
    "correct": ("legal", "leader"),
    "issue": ("legal", "inspector", "finance"),
    "rule": ("legal", "leader"),
    "receive": ("legal",),
    "study": ("legal", "inspector", "leader"),
    "payments": ("legal", "finance"),
    "register": ("legal",),
    "requeue": ("legal", "administrator"),
    "approve": ("administrator", "legal", "inspector", "leader", "finance"),
    "statistics": ("legal", "leader", "administrator"),
    "people": ("administrator",),
}
#: The rights of which each address of the desk needs one; what stands under `""` is everybody's own.
_NEEDS = {
    "": """
        GET /desk/settings
        POST /desk/settings/password
        POST /desk/settings/factor
        GET /desk/settings/factor.svg
        POST /desk/settings/factor/confirm
        POST /desk/settings/factor/remove
        POST /desk/settings/passkeys
        GET /desk/settings/passkeys/new
        POST /desk/settings/passkeys/new
        POST /desk/settings/passkeys/remove
        POST /desk/settings/sessions/end
    """,
    "read": """
        GET /desk
        GET /desk/{delivery_id}
        GET /desk/{delivery_id}/document.pdf
        GET /desk/{delivery_id}/receipt.pdf
        GET /desk/search
        POST /desk/search
        GET /desk/cases/{document_id}
        GET /desk/cases/{document_id}/files/{file_id}
        GET /desk/cases/{document_id}/volumes/{volume_id}
        GET /desk/documents/{document_id}
        GET /desk/documents/{document_id}/document.pdf
        GET /desk/{delivery_id}/scans/{receipt_id}
        GET /desk/{delivery_id}/attempts/{attempt_id}/files/{file_id}
        GET /desk/calendar
        POST /desk/calendar
        POST /desk/calendar/revoke
    """,
    "serve": """
        GET /desk/cases/{document_id}/volume
        POST /desk/cases/{document_id}/volume
        GET /desk/scan
        POST /desk/scan
        GET /desk/import
        GET /desk/import/table.csv
        POST /desk/import
        GET /desk/stacks
        POST /desk/stacks
        GET /desk/stacks/{stack_id}
        POST /desk/stacks/{stack_id}/read
        GET /desk/stacks/{stack_id}/{first_page}/pages.pdf
        POST /desk/stacks/{stack_id}/{first_page}/assign
        POST /desk/stacks/{stack_id}/{first_page}/aside
        GET /desk/{delivery_id}/copies.pdf
        GET /desk/{delivery_id}/proof-of-service.pdf
        POST /desk/{delivery_id}/sent
        POST /desk/{delivery_id}/seal
        GET /desk/{delivery_id}/record
        POST /desk/{delivery_id}/record
        POST /desk/{delivery_id}/attempts
        GET /desk/{delivery_id}/attempts/{attempt_id}/package.pdf
        POST /desk/{delivery_id}/attempts/{attempt_id}/mail
        POST /desk/{delivery_id}/attempts/{attempt_id}/files
        GET /desk/{delivery_id}/correct/{receipt_id}
        POST /desk/{delivery_id}/correct/{receipt_id}
        GET /desk/{delivery_id}/backdate
        POST /desk/{delivery_id}/backdate
    """,
    "publish": """
        GET /desk/{delivery_id}/public-notice
        GET /desk/{delivery_id}/public-notice/text.pdf
    """,
    "correct": "POST /desk/corrections/{correction_id}/{verb}",
    "correct serve": """
        GET /desk/corrections
        GET /desk/corrections/{correction_id}
        GET /desk/corrections/{correction_id}/scan
    """,
    "issue": """
        GET /desk/documents/{document_id}/cancel
        POST /desk/documents/{document_id}/cancel
        GET /desk/documents/{document_id}/void
        POST /desk/documents/{document_id}/void
        GET /desk/issue
        GET /desk/issue/{instrument}
        POST /desk/issue/{instrument}
        GET /desk/issue/done/{document_id}
    """,
    "rule": "POST /desk/objections/{objection_id}",
    "study rule": """
        GET /desk/objections/{objection_id}
        GET /desk/objections/{objection_id}/file
    """,
    "study": "GET /desk/counsel/{counsel_id}/file",
    "study payments": """
        GET /desk/submissions/{submission_id}
        GET /desk/submissions/{submission_id}/files/{position}
    """,
    "receive": """
        POST /desk/copies/{request_id}/sent
        GET /desk/counsel/{counsel_id}
        POST /desk/counsel/{counsel_id}
    """,
    "receive payments": "POST /desk/submissions/{submission_id}/take",
    "receive payments rule": "GET /desk/incoming",
    "register": """
        GET /desk/registrations
        GET /desk/registrations/{registration_id}
        GET /desk/registrations/{registration_id}/files/{name}
        POST /desk/registrations/{registration_id}
        GET /desk/changes
        POST /desk/changes/{change_id}/{act}
        POST /desk/changes/recover
        GET /desk/accounts
        POST /desk/accounts
        GET /desk/accounts/{counterparty_id}
        POST /desk/accounts/{counterparty_id}
        GET /desk/addresses
    """,
    "requeue": """
        GET /desk/trouble
        POST /desk/trouble/requeue
    """,
    "approve": """
        GET /desk/seal-uses
        POST /desk/seal-uses/challenge
        GET /desk/seal-uses/{document_id}
        GET /desk/seal-uses/{document_id}/document.pdf
        GET /desk/seal-uses/{document_id}/approve
        POST /desk/seal-uses/{document_id}/approve
        GET /desk/seal-uses/{document_id}/decline
        POST /desk/seal-uses/{document_id}/decline
        GET /desk/seal-grants
        GET /desk/seal-grants/add
        POST /desk/seal-grants/add
        POST /desk/seal-grants/revoke
    """,
    "statistics": """
        GET /desk/statistics
        GET /desk/statistics/chart.svg
        GET /desk/statistics/table.csv
        GET /desk/statistics/offices.csv
    """,
    "people": """
        GET /desk/people
        POST /desk/people
        GET /desk/people/{person_id}
        GET /desk/people/{person_id}/{act}
        POST /desk/people/{person_id}/roles
        POST /desk/people/{person_id}/stop
        POST /desk/people/{person_id}/password
        POST /desk/people/{person_id}/factor
    """,
}
_RIGHTS = {
    tuple(line.split()): needed.split() for needed, lines in _NEEDS.items() for line in lines.strip().split("\n")
}
_ACTS = {"/desk/people/{person_id}/{act}": "roles"}


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def _address(path: str, delivery_id: str) -> str:
    named = {name: new_id(prefix) for name, prefix in _PARTS.items()} | _WORDS
    named["act"] = _ACTS.get(path, named["act"])
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


def _holds(role: str, route: tuple[str, str]) -> bool:
    needed = _RIGHTS[route]
    return not needed or any(role in _HOLDERS[right] for right in needed)


def test_every_address_of_the_desk_says_which_right_it_needs() -> None:
    assert set(_RIGHTS) == set(_AT_DESK), "a new address needs a right, and a line in the table above"
    assert {name: set(each) for name, each in _HOLDERS.items()} == {
        name: set(each.roles) for name, each in rights.rights().items()
    }


@pytest.mark.parametrize("role", ["administrator", "legal", "inspector", "leader", "finance", ""])
def test_nobody_comes_further_than_the_own_role_and_a_refused_try_leaves_no_trace(
    house: PortalHouse, role: str
) -> None:
    delivery_id = house.deliver("penalty-decision")
    client = house.browser(house.employ("somebody", *filter(None, [role])))
    csrf = hidden(client.get("/desk/settings").text, "csrf")
    before = _events(house, delivery_id)
    for route in _AT_DESK:
        if not _holds(role, route):
            answer = _answer(client, *route, delivery_id, csrf)
            assert answer.status_code == 403 and "无权办理" in answer.text and "You lack the right" in answer.text, (
                route
            )
    assert _events(house, delivery_id) == before
    for route in _AT_DESK:
        if _holds(role, route):
            assert _answer(client, *route, delivery_id, csrf).status_code != 403, route


def _answer(client: TestClient, method: str, path: str, delivery_id: str, csrf: str) -> Any:
    address = _address(path, delivery_id)
    answer = client.request(method, address, data={"csrf": csrf} if method == "POST" else None)
    if answer.status_code == 303 and method == "GET" and answer.headers["location"] == address.rpartition("/")[0]:
        return client.get(answer.headers["location"])
    return answer


def test_a_password_that_others_know_opens_nothing_but_the_own_settings(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    client = house.browser(house.employ("new", "legal", "administrator", first_password=True))
    page = client.get("/desk/settings").text
    csrf, before = hidden(page, "csrf"), _events(house, delivery_id)
    assert "初始密码" in page
    for route in _AT_DESK:
        if _RIGHTS[route]:
            answer = _answer(client, *route, delivery_id, csrf)
            assert (answer.status_code, answer.headers["location"]) == (303, "/desk/settings"), route
    assert _events(house, delivery_id) == before
    form = {"csrf": csrf, "old": PASSWORD, "new": "another long password", "again": "another long password"}
    assert client.post("/desk/settings/password", data=form).status_code == 303
    assert client.get("/desk").status_code == 200
