"""Today's work on the desk: what waits is counted, listed, and taken up; each list by a bounded number of queries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery import stacks
from records import deliveries, desk_work, directory, steps
from records.database import Database, legal_time, set_legal_time
from records.tables import document, metadata, step
from tests.integration.test_desk import direct, record
from tests.integration.test_paper_attempts import begin, propose
from tests.integration.test_portal_paper import post
from tests.integration.test_stacks import scanned
from tests.portal_house import AUTHORITY, PortalHouse, furnish


@pytest.fixture(scope="module", autouse=True)
def _no_child_left() -> Iterator[None]:
    yield
    stacks.close()


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("clerk")


@contextmanager
def queries(database: Database) -> Iterator[list[str]]:
    """The statements that are run meanwhile."""
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        seen.append(statement)

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    yield seen
    sa.event.remove(sa.Engine, "before_cursor_execute", note)


def pass_days(house: PortalHouse, days: int) -> None:
    with house.database.write() as connection:
        set_legal_time(connection, legal_time(connection) + timedelta(days=days))


def counts(house: PortalHouse, authority: str = AUTHORITY) -> dict[str, int]:
    with house.database.read() as connection:
        return dict(desk_work.counts(connection, authority, legal_time(connection) - timedelta(days=10)))


def dead_step(house: PortalHouse, delivery_id: str) -> str:
    with house.database.write() as connection:
        steps.add(connection, "delivery", delivery_id, "settle")
        connection.execute(step.update().where(step.c.subject_id == delivery_id).values(state="dead", error="x"))
    return f"{delivery_id}/settle"


def test_paper_that_was_sent_and_forgotten_is_late(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    post(client, f"/desk/{delivery_id}/sent", {}, f"/desk/{delivery_id}")
    assert counts(house)["late"] == 0
    pass_days(house, 11)
    assert counts(house)["late"] == 1 and counts(house, "elsewhere")["late"] == 0
    assert delivery_id in client.get("/desk?track=late").text and "逾期未登记" in client.get("/desk").text
    record(house, delivery_id, direct(house))
    assert counts(house)["late"] == 0


def test_a_record_without_scan_and_a_correction_are_work(house: PortalHouse, client: TestClient) -> None:
    bare, served = house.deliver("penalty-decision"), house.deliver("penalty-decision", number=2)
    record(house, bare, direct(house), None)
    done = record(house, served, direct(house))
    propose(house, served, direct(house, receiver="他人"), done.id)
    assert (counts(house)["scan_missing"], counts(house)["corrections"]) == (1, 1)
    page = client.get("/desk?track=scan_missing").text
    assert bare in page and served not in page and "待批准的更正" in page
    assert counts(house, "elsewhere") == dict.fromkeys(counts(house), 0)


def test_a_step_that_was_given_up_is_done_again_by_a_clerk_of_its_authority(
    house: PortalHouse, client: TestClient
) -> None:
    step_id = dead_step(house, house.deliver("penalty-decision"))
    assert counts(house)["dead"] == 1
    other = house.browser("clerk-elsewhere")
    assert step_id not in other.get("/desk/trouble").text
    assert post(other, "/desk/trouble/requeue", {"step": step_id}, "/desk").status_code == 404
    assert step_id in client.get("/desk/trouble").text
    assert post(client, "/desk/trouble/requeue", {"step": step_id}, "/desk").status_code == 303
    assert house.hints == [step_id] and counts(house)["dead"] == 0
    assert post(client, "/desk/trouble/requeue", {"step": step_id}, "/desk").status_code == 404


def test_failed_documents_and_sends_in_doubt_are_shown(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver(number=3)
    document_id = house.row(delivery_id)["document_id"]
    with house.database.write() as connection:
        connection.execute(document.update().where(document.c.id == document_id).values(status="failed"))
        directory.add_contact(
            connection, AUTHORITY, "air-example", name="李明远", department="法律部", email="x@example.com", mobile=""
        )
        contact = connection.execute(sa.text("select id from contact")).scalar_one()
        row = {"id": "ntc_1", "delivery_id": delivery_id, "contact_id": contact, "channel": "email"}
        deliveries.insert_notices(
            connection, [row | {"address": "x@example.com", "message_id": "<1@x>", "state": "ambiguous"}]
        )
    assert (counts(house)["failed"], counts(house)["ambiguous"]) == (1, 1)
    page = client.get("/desk/trouble?lang=en").text
    assert document_id in page and delivery_id in page and "E-mail" in page and "x@example.com" not in page


def waiting(client: TestClient) -> dict[str, int]:
    """The rows of today's work: where each leads, and its count."""
    block = re.search(r'<h2 id="work">.*?</section>', client.get("/desk").text, re.DOTALL)
    assert block
    return {at: int(count) for at, count in re.findall(r'href="([^"]+)">[^<]+<strong>([0-9]+)<', block[0])}


def test_the_first_page_begins_with_what_the_visitor_may_act_on(house: PortalHouse, client: TestClient) -> None:
    """No row without a count, none for a right that is missing; what went wrong in three rows."""
    assert waiting(client) == {} and "今日无待办" in client.get("/desk").text
    dead_step(house, house.deliver("penalty-decision"))
    sent = house.deliver("penalty-decision", number=2)
    post(client, f"/desk/{sent}/sent", {}, f"/desk/{sent}")
    to_serve = {"/desk?track=to_print": 1, "/desk?track=sent": 1}
    assert waiting(client) == to_serve | {"/desk/trouble#dead": 1}
    assert waiting(house.browser(house.employ("an-inspector", "inspector"))) == to_serve
    assert waiting(house.browser(house.employ("an-administrator", "administrator"))) == {"/desk/trouble#dead": 1}
    leader = house.browser(house.employ("a-leader", "leader"))
    assert waiting(leader) == {} and "Nothing waits today" in leader.get("/desk?lang=en").text
    assert waiting(house.browser("clerk-elsewhere")) == {}
    page = client.get("/desk").text
    assert page.index('id="work"') < page.index("/desk/scan")


def test_nothing_is_counted_for_whom_it_does_not_wait(house: PortalHouse) -> None:
    leader = house.browser(house.employ("a-leader", "leader"))
    with queries(house.database) as seen:
        leader.get("/desk")
    counted = " ".join(seen)
    assert "paper_correction" in counted and "scan_part" not in counted and "registration" not in counted


def test_a_stack_is_brought_read_and_its_strange_pages_are_work(house: PortalHouse, client: TestClient) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    answer = post(client, "/desk/stacks", {}, "/desk/stacks", files={"file": ("x.pdf", scanned(code, ""))})
    at = answer.headers["location"]
    page = client.get(at).text
    assert "已归入" in page and "无条码" in page and counts(house)["open_parts"] == 1
    assert "无条码或条码不明" in client.get("/desk").text
    assert client.get(f"{at}/1/pages.pdf").content.startswith(b"%PDF-")
    wrong = post(client, f"{at}/1/assign", {"code": "1"}, at)
    assert wrong.status_code == 422 and "没有该条码" in wrong.text
    assert post(client, f"{at}/1/assign", {"code": code}, at).status_code == 303
    assert counts(house)["open_parts"] == 0
    other = house.browser("clerk-elsewhere")
    assert {other.get(path).status_code for path in (at, f"{at}/0/pages.pdf")} == {404}
    assert post(other, f"{at}/read", {}, "/desk").status_code == 404
    refused = post(client, "/desk/stacks", {}, "/desk/stacks", files={"file": ("x.pdf", b"GIF89a")})
    assert refused.status_code == 422


@pytest.mark.parametrize("path", ["/desk", "/desk?track=scan_missing", "/desk/stacks", "/desk/trouble"])
def test_a_list_takes_the_same_number_of_queries_however_long(
    house: PortalHouse, client: TestClient, path: str
) -> None:
    def more(number: int) -> None:
        record(house, house.deliver("penalty-decision", number=number), direct(house), None)
        dead_step(house, house.deliver("penalty-decision", number=number + 100))

    more(1)
    client.get(path)
    with queries(house.database) as few:
        client.get(path)
    for number in range(2, 7):
        more(number)
    with queries(house.database) as many:
        page = client.get(path).text
    assert len(few) == len(many) <= 25
    assert len(set(re.findall("dlv_[0-9a-z]+", page))) >= 6


def test_the_work_is_counted_by_partial_indexes(house: PortalHouse) -> None:
    if house.database.is_postgresql:
        pytest.skip("on few rows PostgreSQL reads them all, whatever indexes there are")
    with queries(house.database) as seen:
        counts(house)
    (counted,) = [each for each in seen if "open_parts" in each]
    with house.database.read() as connection:
        raw = connection.connection.cursor()
        raw.execute(f"explain query plan {counted}", [AUTHORITY] * counted.count("?"))
        plan = [row[-1] for row in raw.fetchall()]
    used = {name for line in plan for name in re.findall(r"INDEX (ix_\w+)", line)}
    assert {"ix_delivery_late", "ix_delivery_scan_missing", "ix_delivery_provisional", "ix_document_failed"} <= used
    assert {"ix_step_dead", "ix_notice_ambiguous", "ix_scan_part_open", "ix_paper_correction_authority"} <= used
    tables = {line.split()[1] for line in plan if line.startswith("SCAN") and " USING " not in line}
    assert not tables & set(metadata.tables)
