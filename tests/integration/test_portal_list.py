"""The list of the inbox: states, filters, search, pages, CSV and ZIP; an index answers, however many there are."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery.sheets import neutral
from pipeline.measuring import LEGAL_START
from pipeline.measuring_lists import INBOX, OWNER, fill_lists
from records import deliveries, desk_work, documents, finding
from records.database import Database, legal_time, set_legal_time
from records.finding import folded
from records.inbox import STATES, Wanted, counts, listed
from records.paging import Part
from tests.integration.test_portal_inbox import confirm_it, open_it
from tests.portal_house import PDF, PortalHouse, furnish, hidden


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("NEA-FLB")


def find(client: TestClient, words: str, **more: str) -> Any:
    """The list, searched by the form."""
    form = {"csrf": hidden(client.get("/inbox").text, "csrf"), "find": words}
    return client.post("/inbox/search", data=form | more)


@contextmanager
def statements(database: Database) -> Iterator[list[tuple[str, Any]]]:
    """Every statement that is executed meanwhile."""
    found: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_more: Any) -> None:
        if statement.lstrip().upper().startswith(("SELECT", "WITH", "UPDATE", "INSERT")):
            found.append((statement, values))

    sa.event.listen(database.engine, "before_cursor_execute", note)
    try:
        yield found
    finally:
        sa.event.remove(database.engine, "before_cursor_execute", note)


def _day_on(house: PortalHouse, days: int) -> None:
    with house.database.write() as connection:
        set_legal_time(connection, legal_time(connection) + timedelta(days=days))


def test_each_state_lists_its_documents_and_tells_how_many(house: PortalHouse, client: TestClient) -> None:
    unread, opened, confirmed = (house.deliver(number=number) for number in (1, 2, 3))
    open_it(client, opened)
    confirm_it(client, confirmed)
    house.settle(confirmed)
    shown = {
        state: {each for each in (unread, opened, confirmed) if f'href="/inbox/{each}"' in page}
        for state in STATES
        for page in [client.get(f"/inbox?state={state}").text]
    }
    assert shown["all"] == {unread, opened, confirmed}
    assert unread in shown["unread"] and opened not in shown["unread"]
    assert shown["waiting"] == {unread, opened}
    assert shown["served"] == {confirmed}
    page = client.get("/inbox?state=waiting").text
    assert "待确认收讫 (2)" in page and "已送达 (1)" in page and "还有" in page


@pytest.mark.parametrize(
    "words",
    [
        "〔2026〕2号",
        "[2026] 2号",
        "[2026]No.2",
        "caac-nc example [2026] no. 2",
        "华北罚立〔2026〕99号",
        "听证通知书",
        "hearing",
    ],
)
def test_number_case_and_title_are_found_in_both_languages_whatever_the_brackets(
    house: PortalHouse, client: TestClient, words: str
) -> None:
    other = house.deliver(number=1)
    wanted = house.deliver("hearing-notice", number=2, case_no="华北罚立〔2026〕99号")
    page = find(client, words).text
    assert f'href="/inbox/{wanted}"' in page and f'href="/inbox/{other}"' not in page


@pytest.mark.parametrize("words", ["%", "_", "'", "\\", "\0", "绝无此号"])
def test_a_search_for_signs_of_the_database_finds_only_these_signs(
    house: PortalHouse, client: TestClient, words: str
) -> None:
    house.deliver()
    page = find(client, words)
    assert page.status_code == 200
    assert ("没有符合条件的文书" in page.text) == bool(folded(words.replace("\0", "")))


def test_instrument_and_period_filter(house: PortalHouse, client: TestClient) -> None:
    first = house.deliver(number=1)
    _day_on(house, 2)
    later = house.deliver("hearing-notice", number=2)
    assert f'href="/inbox/{first}"' not in client.get("/inbox?instrument=hearing-notice").text
    with house.database.read() as connection:
        today = (legal_time(connection) + timedelta(hours=8)).date()
    since = client.get(f"/inbox?since={today}").text
    assert f'href="/inbox/{later}"' in since and f'href="/inbox/{first}"' not in since
    until = client.get(f"/inbox?until={today - timedelta(days=1)}").text
    assert f'href="/inbox/{first}"' in until and f'href="/inbox/{later}"' not in until
    assert client.get("/inbox?since=yesterday&instrument=nothing&state=x").status_code == 200


def test_the_csv_has_every_document_with_its_digest_and_no_formula(house: PortalHouse, client: TestClient) -> None:
    house.deliver(number=1, case_no='=HYPERLINK("http://example.org")')
    form = {"csrf": hidden(client.get("/inbox").text, "csrf")}
    answer = client.post("/inbox/list.csv?lang=en", data=form)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0][0] == "Instrument" and len(rows) == 2
    assert rows[1][2].startswith("'=") and rows[1][-1] == hashlib.sha256(PDF).hexdigest()
    searched = client.post("/inbox/list.csv", data=form | {"find": "没有的号"})
    assert searched.text.count("\n") == 1
    theirs = house.browser("OTHER-FLB")
    form = {"csrf": hidden(theirs.get("/inbox").text, "csrf")}
    assert theirs.post("/inbox/list.csv", data=form).text.count("\n") == 1


def test_a_search_goes_on_over_pages_and_leaves_no_number_in_an_address(house: PortalHouse, client: TestClient) -> None:
    for number in range(1, 33):
        house.deliver(number=number)
    first = find(client, "2026").text
    assert first.count('class="card item') == 30 and "find=" not in first
    second = find(client, "2026", before=hidden(first, "before")).text
    assert second.count('class="card item') == 2
    assert find(client, "2026", before="x").status_code == 400
    assert client.get("/inbox/search?lang=en").headers["location"] == "/inbox?lang=en"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@x", "\t=1", "\r=1", " =1"])
def test_a_cell_that_a_spreadsheet_would_compute_becomes_text(cell: str) -> None:
    assert neutral(cell) == f"'{cell}"
    assert neutral("2026-11-22") == "2026-11-22"


def test_a_zip_holds_the_stored_bytes_and_a_list_and_opens_nothing_unasked(
    house: PortalHouse, client: TestClient
) -> None:
    first, second = house.deliver(number=1), house.deliver(number=2, pdf=PDF + b"%2\n")
    form = {"csrf": hidden(client.get("/inbox").text, "csrf"), f"pick_{first}": "1", f"pick_{second}": "1"}
    page = client.post("/inbox/archive", data=form)
    assert page.status_code == 200 and "期限可能开始计算" in page.text and "2件尚未打开" in page.text
    assert house.row(first)["accessed_at"] is None
    answer = client.post("/inbox/archive", data=form | {"opening": "yes"})
    assert answer.headers["content-type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        assert archive.testzip() is None
        sheet, *names = archive.namelist()
        assert sheet == "收件箱.csv" and len(names) == 2
        assert {archive.read(name) for name in names} == {PDF, PDF + b"%2\n"}
        assert hashlib.sha256(PDF).hexdigest() in archive.read(sheet).decode("utf-8-sig")
    assert house.row(first)["status"] == "accessed"
    theirs = house.browser("OTHER-FLB")
    form["csrf"] = hidden(theirs.get("/inbox").text, "csrf")
    assert theirs.post("/inbox/archive", data=form).status_code == 404


def test_a_list_of_many_documents_takes_few_statements_and_each_reads_an_index(database: Database) -> None:
    fill_lists(database, 3000)
    for wanted in (Wanted(), Wanted("unread"), Wanted("waiting"), Wanted("served"), Wanted(needle="no. 17")):
        with statements(database) as done, database.read() as connection:
            first = listed(connection, INBOX, wanted, limit=31)
            before = first[29]["sent_at"], first[29]["id"]
            second = listed(connection, INBOX, wanted, limit=31, before=before)
        assert len(done) == 4, "two for each page"
        assert [row["id"] for row in second][:1] == [first[30]["id"]]
        if not database.is_postgresql:
            with database.read() as connection:
                plan = str(connection.exec_driver_sql(f"explain query plan {done[0][0]}", done[0][1]).all())
            assert "ix_delivery_" in plan and "counterparty_id=?" in plan and "TEMP B-TREE" not in plan
    with statements(database) as done, database.read() as connection:
        assert counts(connection, INBOX) == {"unread": 300, "waiting": 600, "served": 1000}
    assert len(done) == 1


def test_searching_at_the_desk_among_many_documents_reads_one_index_of_each_kind(database: Database) -> None:
    fill_lists(database, 300)
    with statements(database) as done, database.read() as connection:
        newest, onward = finding.at_desk(connection, OWNER[0], "Carrier", Part(20))
        cases = documents.cases_found(connection, OWNER[0], "〔2026〕7号")
        assert finding.at_desk(connection, OWNER[0], "no. 299", Part(20)) == ([f"dlv_{299:025}"], None)
        assert finding.at_desk(connection, "elsewhere", "Carrier", Part(20)) == ([], None)
    assert onward is not None and onward[1] == newest[-1]
    assert newest == [f"dlv_{number:025}" for number in range(299, 279, -1)]
    assert [row["case_no"] for row in cases] == ["华北罚立〔2026〕1号", "华北罚立〔2026〕7号"]
    assert len(done) == 7, "two for each search of deliveries, one for that of cases"
    if not database.is_postgresql:
        with database.read() as connection:
            plans = [
                str(connection.exec_driver_sql(f"explain query plan {statement}", values).all())
                for statement, values in done
            ]
        assert "ix_delivery_found" in plans[0] and "TEMP B-TREE" not in plans[0]
        assert "ix_delivery_not_dispatched" in plans[1] and "COVERING INDEX ix_document_case" in plans[2]


def test_a_few_deliveries_are_fetched_without_the_authoritys_others(database: Database) -> None:
    fill_lists(database, 300)
    documents_of_case, ids = [f"doc_{number:025}" for number in range(7)], [f"dlv_{number:025}" for number in (5, 3)]
    with statements(database) as done, database.read() as connection:
        case = deliveries.of_case(connection, documents_of_case, OWNER[0])
        found = deliveries.desk_items(connection, ids, OWNER[0])
        assert desk_work.listed(connection, OWNER[0], "in_question", LEGAL_START, Part(9)).rows == []
        assert deliveries.of_case(connection, documents_of_case, "elsewhere") == []
    assert [row["id"] for row in case] == [f"dlv_{number:025}" for number in range(7)]
    assert [row["id"] for row in found] == ids
    if not database.is_postgresql:
        with database.read() as connection:
            for statement, values in done:
                plan = str(connection.exec_driver_sql(f"explain query plan {statement}", values).all())
                assert "SEARCH delivery" in plan and "delivery USING INDEX ix_delivery_paper" not in plan, plan


def test_the_page_of_a_full_inbox_takes_as_many_statements_as_that_of_an_empty_one(
    house: PortalHouse, client: TestClient
) -> None:
    with statements(house.database) as empty:
        client.get("/inbox")
    for number in range(1, 40):
        house.deliver(number=number)
    with statements(house.database) as full:
        page = client.get("/inbox").text
    assert page.count('class="card item') == 30 and 'rel="next"' in page
    assert len(full) <= len(empty) + 3, [each[0][:60] for each in full]
