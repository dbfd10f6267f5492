"""What counterparties handed in, as the case system fetches it: with its files, its own documents' only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from delivery.submissions import Handed, submit
from pipeline.api.app import make_api
from records import access, api_keys, deliveries, directory
from records.access import Account
from records.database import Database, legal_time
from records.ids import new_id
from records.people import Acting
from tests.house import AUTHORITY, House, another_key, furnish, sample
from tests.integration.test_portal_submissions import picture


@pytest.fixture
def house(database: Database, tmp_path: Path) -> House:
    return furnish(database, tmp_path)


@pytest.fixture
def web(house: House) -> Iterator[TestClient]:
    with TestClient(make_api(house.songda), headers=house.headers) as client:
        yield client


def handed_in(house: House, web: TestClient, count: int) -> tuple[str, list[str]]:
    """A document in an inbox, and material handed in against it: its case, and the ids."""
    job = sample("penalty-decision")
    document_id = web.post("/jobs", json=job, headers={"Idempotency-Key": "a"}).json()["documents"][0]["id"]
    database, ids = house.songda.database, []
    with database.write() as connection:
        directory.add_account(connection, AUTHORITY, "air-example", login="NEA", department="x", password_hash="x")
        (found,) = access.credentials(connection, "NEA")
        (row,) = deliveries.of_document(connection, document_id)
        deliveries.update(connection, row["id"], route="inbox", status="available", sent_at=legal_time(connection))
    assert isinstance(found.subject, Account)
    for number in range(count):
        handed = Handed(new_id("sub"), "statement", f"{number}", [("file1", "a.png", picture())], True)
        acting = Acting("王敏", "")
        assert submit(database, house.songda.store, row["id"], found.subject, "s", acting, handed)
        ids.append(handed.id)
    return job["case_no"], ids


def test_the_case_system_gets_its_submissions_with_files_and_the_event(house: House, web: TestClient) -> None:
    case_no, (first, second) = handed_in(house, web, 2)
    answer: dict[str, Any] = web.get(f"/cases/{case_no}/submissions").json()
    assert [each["id"] for each in answer["submissions"]] == sorted([first, second]) and not answer["more"]
    one = next(each for each in answer["submissions"] if each["id"] == first)
    assert (one["kind"], one["words"], one["person"], one["late"]) == ("statement", "0", "王敏", False)
    assert one["files"][0]["digest"] == hashlib.sha256(picture()).hexdigest()
    newer = web.get(f"/cases/{case_no}/submissions", params={"after": min(first, second)}).json()
    assert [each["id"] for each in newer["submissions"]] == [max(first, second)]
    file = web.get(f"/submissions/{first}/files/1")
    assert file.content == picture() and file.headers["content-type"] == "image/png"
    assert web.get(f"/submissions/{first}/files/2").status_code == 404
    events = web.get(f"/documents/{one['document_id']}/events").json()["events"]
    assert "submission.received" in {event["kind"] for event in events}


def test_another_client_sees_none_of_it(house: House, web: TestClient) -> None:
    case_no, (first,) = handed_in(house, web, 1)
    with house.songda.database.write() as connection:
        client_id = api_keys.create_client(connection, AUTHORITY, "other")
    other = another_key(house, client_id=client_id)
    assert web.get(f"/cases/{case_no}/submissions", headers=other).json() == {"submissions": [], "more": False}
    assert web.get(f"/submissions/{first}/files/1", headers=other).status_code == 404
    nothing = another_key(house, "jobs:write")
    assert web.get(f"/cases/{case_no}/submissions", headers=nothing).status_code == 403
