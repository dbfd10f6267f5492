"""The desk's lists are walked to their ends: no row twice or missing, whatever comes or goes between two pages."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from delivery.portal import pager
from pipeline.measuring import LEGAL_START
from pipeline.measuring_lists import OWNER, fill_lists
from records import desk_work, directory, documents, steps
from records.database import Database, legal_time
from records.paging import Found, Key, Part
from records.tables import (
    affected_document,
    change,
    copy_request,
    counsel,
    delivery,
    document,
    notice,
    objection,
    paper_correction,
    paper_receipt,
    registration,
    scan_stack,
    seal_compromise,
    step,
    submission,
)
from tests.integration.test_portal_list import statements
from tests.portal_house import AUTHORITY, PortalHouse, furnish, hidden
from tests.registration_house import CODE, open_campaign
from tests.seal_office import open_office

MANY = 5  # rows of each list, over pages of two


@pytest.fixture
def house(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PortalHouse:
    monkeypatch.setattr(pager, "PER_PAGE", 2)
    return furnish(database, tmp_path)


@pytest.fixture
def client(house: PortalHouse) -> TestClient:
    return house.browser("clerk")


def walked(client: TestClient, path: str, row: str, name: str = "") -> list[list[str]]:
    """What each page of a list shows, from `path` by its links to the last one."""
    shown = []
    while path:
        page = client.get(path).text
        section = page[page.index(f'id="{name}"') :].split("</section>")[0] if name else page
        shown.append(re.findall(row, section))
        onward = re.search(r'href="([^"]+)" rel="next"', section)
        path = onward[1].replace("&amp;", "&") if onward else ""
        assert len(shown) < 9
    return shown


def insert(house: PortalHouse, table: sa.Table, rows: list[dict[str, Any]]) -> None:
    with house.database.write() as connection:
        connection.execute(table.insert(), rows)


def now(house: PortalHouse) -> datetime:
    with house.database.read() as connection:
        return legal_time(connection)


def delivered(house: PortalHouse, many: int = MANY, **columns: Any) -> list[str]:
    """So many deliveries with these columns, made two at a moment."""
    ids = sorted(house.deliver("penalty-decision", number=number) for number in range(many))
    moment = now(house)
    with house.database.write() as connection:
        for nth, delivery_id in enumerate(ids):
            made = {"created_at": moment - timedelta(minutes=9 - nth // 2), **columns}
            connection.execute(delivery.update().where(delivery.c.id == delivery_id).values(made))
    return ids


# --- one delivery a row ----------------------------------------------------------------------------------------------


def _late(house: PortalHouse) -> dict[str, Any]:
    return {"paper_status": "sent", "paper_since": now(house) - timedelta(days=30)}


@pytest.mark.parametrize(
    ("track", "columns"),
    [
        ("to_print", {}),
        ("sent", {"paper_status": "sent"}),
        ("returned", {"paper_status": "returned"}),
        ("served", {"paper_status": "served"}),
        ("late", _late),
        ("scan_missing", {"scan_missing": True}),
        ("provisional", {"service_status": "provisional"}),
    ],
)
def test_each_list_of_deliveries_is_walked_to_its_end(
    house: PortalHouse,
    client: TestClient,
    track: str,
    columns: dict[str, Any] | Callable[[PortalHouse], dict[str, Any]],
) -> None:
    ids = delivered(house, **(columns(house) if callable(columns) else columns))
    path, row = f"/desk?track={track}", r'<h2><a href="/desk/(dlv_\w+)"'
    pages = walked(client, path, row)
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    first = client.get(path).text
    onward = re.search(r'href="([^"]+)" rel="next"', first)
    assert onward and "返回第一页" not in first
    second = client.get(onward[1].replace("&amp;", "&") + "&lang=en").text
    assert f'href="/desk?track={track}">Back to the first page' in second
    if track in desk_work.TRACKS:
        assert "(5)" in second and 'aria-current="page"' in second
    other = house.browser("clerk-elsewhere")
    assert "dlv_" not in other.get(onward[1].replace("&amp;", "&")).text.replace(onward[1], "")


def test_the_other_language_stays_on_the_page_of_the_list(house: PortalHouse, client: TestClient) -> None:
    ids = delivered(house, paper_status="sent")
    onward = re.search(r'href="([^"]+)" rel="next"', client.get("/desk?track=sent&told=x").text)
    assert onward
    second = client.get(onward[1].replace("&amp;", "&")).text
    link = re.search(r'href="([^"]+lang=en)"', second)
    assert link and link[1].startswith("/desk?track=sent&amp;after=")
    page = client.get(link[1].replace("&amp;", "&")).text
    assert f'href="/desk/{ids[2]}"' in page and f'href="/desk/{ids[0]}"' not in page and "Next page" in page
    told = client.get('/desk?track=sent&told=marked_sent&x="><script>').text
    assert "told=" not in told and "<script>" not in told.replace('<script src="/static', "")


def test_what_comes_or_is_handled_between_two_pages_shifts_nothing(house: PortalHouse, client: TestClient) -> None:
    ids = delivered(house)
    row = r'<h2><a href="/desk/(dlv_\w+)"'
    first = client.get("/desk?track=to_print").text
    onward = re.search(r'href="([^"]+)" rel="next"', first)
    assert onward
    with house.database.write() as connection:
        for handled in ids[:2]:  # the whole first page, the row with the key too
            connection.execute(delivery.update().where(delivery.c.id == handled).values(paper_status="sent"))
    new = house.deliver("penalty-decision", number=9)
    rest = walked(client, onward[1].replace("&amp;", "&"), row)
    assert [each for page in rest for each in page] == [*ids[2:], new]
    with house.database.write() as connection:
        connection.execute(delivery.update().values(paper_status="sent"))
    nothing = client.get(onward[1].replace("&amp;", "&")).text
    assert "此后没有更多内容" in nothing and "返回第一页" in nothing


@pytest.mark.parametrize(
    "after",
    [
        "x",
        "1-",
        "-dlv_1",
        "1-dlv_1'",
        "1-doc_1/../x",
        "99999999999999999-dlv_1",
        "１-dlv_1",
        "1-dlv_1\n",
    ],
)
def test_a_key_that_no_page_has_made_is_told_and_breaks_nothing(client: TestClient, after: str) -> None:
    for path in ("/desk", "/desk/trouble", "/desk/incoming", "/desk/changes", "/desk/stacks", "/desk/registrations"):
        answer = client.get(path, params={"after": after, "lang": "en"})
        assert answer.status_code == 400 and "cannot be understood" in answer.text
    form = {"csrf": hidden(client.get("/desk").text, "csrf"), "find": "1", "after": after}
    assert client.post("/desk/search", data=form).status_code == 400


def test_a_search_goes_on_in_a_form_and_leaves_no_number_in_an_address(house: PortalHouse, client: TestClient) -> None:
    ids, seen, after = delivered(house), list[str](), ""
    for left in (3, 1, 0):
        form = {"csrf": hidden(client.get("/desk").text, "csrf"), "find": "CAAC-NC Example", "after": after}
        page = client.post("/desk/search?lang=en", data=form).text
        seen += re.findall(r'<h2><a href="/desk/(dlv_\w+)"', page)
        assert "find=" not in page and 'rel="next"' not in page
        onward = re.search(r'name="after" value="([^"]+)">Next page', page)
        assert bool(onward) == bool(left) and ("Back to the first page" in page) == bool(after)
        after = onward[1] if onward else ""
    assert seen == ids[::-1]


def test_documents_whose_seal_is_in_question_are_walked_as_well(house: PortalHouse, client: TestClient) -> None:
    office = open_office(house)
    ids, moment = delivered(house), now(house)
    of = {"authority_id": AUTHORITY, "reported_by": "test", "reason": "x", "reported_at": moment}
    insert(house, seal_compromise, [{"id": "cmp_1", "seal_id": office.seal_id, "since": moment, **of}])
    marked = {"authority_id": AUTHORITY, "compromise_id": "cmp_1", "sealed_at": moment, "marked_at": moment}
    insert(house, affected_document, [{"document_id": house.row(each)["document_id"], **marked} for each in ids])
    pages = walked(client, "/desk?track=in_question", r'<h2><a href="/desk/(dlv_\w+)"')
    assert pages == [ids[:2], ids[2:4], ids[4:]]


# --- the other lists -------------------------------------------------------------------------------------------------


def _moments(house: PortalHouse) -> list[datetime]:
    """Two rows at one moment, then two, then one."""
    return [now(house) + timedelta(seconds=nth // 2) for nth in range(MANY)]


def _registrations(house: PortalHouse) -> list[str]:
    campaign = open_campaign(house, CODE)
    shared = {
        "authority_id": AUTHORITY,
        "campaign_id": campaign,
        "category": "legal_person",
        "mobile": "13800138000",
        "state": "submitted",
        "facts": {"name_zh": "甲", "name_en": "A"},
        "uses": 0,
        "submissions": 1,
        "created_at": now(house),
        **{name: dict[str, str]() for name in ("files", "review")},
    }
    rows = [
        {**shared, "id": f"reg_{nth}", "number": f"2026112{nth}-AAAAAA{nth}", "changed_at": at}
        for nth, at in enumerate(_moments(house))
    ]
    insert(house, registration, rows)
    return [row["id"] for row in rows]


def _corrections(house: PortalHouse) -> list[str]:
    ids = delivered(house)
    shared = {"authority_id": AUTHORITY, "record": {}, "reason": "x", "state": "waiting", "proposed_by": "x"}
    rows = [
        {**shared, "id": f"pcr_{nth}", "delivery_id": ids[nth], "proposed_at": at}
        for nth, at in enumerate(_moments(house))
    ]
    insert(house, paper_correction, rows)
    return [row["id"] for row in rows]


def _changes(house: PortalHouse) -> list[str]:
    account = house.accounts["NEA-FLB"]
    shared = {
        "authority_id": AUTHORITY,
        "counterparty_id": "air-example",
        "kind": "account_asked",
        "subject_id": "x",
        "after": {"login": "NEA-X", "department": "法律部"},
        "asked_by": account.id,
        "state": "to_approve",
        "flagged": False,
    }
    insert(
        house,
        change,
        [{**shared, "id": f"chg_{nth}", "asked_at": at} for nth, at in enumerate(_moments(house))],
    )
    return [f"chg_{nth}" for nth in reversed(range(MANY))]


def _stacks(house: PortalHouse) -> list[str]:
    shared = {"authority_id": AUTHORITY, "pages": 1, "read_pages": 1, "added_by": "x"}
    rows = [
        {**shared, "id": f"stk_{nth}", "digest": str(nth), "added_at": at} for nth, at in enumerate(_moments(house))
    ]
    insert(house, scan_stack, rows)
    return [f"stk_{nth}" for nth in reversed(range(MANY))]


def _missing(house: PortalHouse) -> list[str]:
    ids = delivered(house, scan_missing=True)
    record = {"method": "direct", "outcome": "served", "served_on": "2026-11-23"}
    shared = {"record": record, "final": False, "recorded_by": "x", "recorded_at": now(house), **record}
    insert(house, paper_receipt, [{**shared, "id": f"ppr_{each[4:]}", "delivery_id": each} for each in ids])
    return ids


def _dead(house: PortalHouse) -> list[str]:
    ids = delivered(house)
    with house.database.write() as connection:
        for delivery_id in ids:
            steps.add(connection, "delivery", delivery_id, "send")
        connection.execute(step.update().where(step.c.stage == "send").values(state="dead", error="x", run_at=7))
    return [f"{each}/send" for each in ids]


def _notices(house: PortalHouse, state: str) -> list[str]:
    ids = delivered(house)
    with house.database.write() as connection:
        for nth, at in enumerate(_moments(house)):
            contact = directory.add_contact(
                connection,
                AUTHORITY,
                "air-example",
                name=f"孙丽{nth}",
                department="法律部",
                mobile="13800138000",
                email="sun@air.test",
            )
            row = {"id": f"ntc_{nth}", "delivery_id": ids[nth], "contact_id": contact, "channel": "email", "sends": 1}
            row |= {"address": "sun@air.test", "message_id": f"<{nth}@x>", "state": state, "created_at": at}
            connection.execute(notice.insert().values(row))
    return ids if state == "ambiguous" else [f"孙丽{nth}" for nth in reversed(range(MANY))]


def _failed(house: PortalHouse) -> list[str]:
    ids = [house.row(each)["document_id"] for each in delivered(house)]
    with house.database.write() as connection:
        for document_id, at in zip(ids, _moments(house), strict=True):
            row = document.update().where(document.c.id == document_id)
            connection.execute(row.values(status="failed", created_at=at))
    pairs = sorted(zip(_moments(house), ids, strict=True), key=lambda pair: (pair[0], pair[1]), reverse=True)
    return [document_id for _, document_id in pairs]


def _of_party(house: PortalHouse, **more: Any) -> dict[str, Any]:
    account = house.accounts["NEA-FLB"]
    row = house.row(house.deliver("penalty-decision"))
    named = {"authority_id": AUTHORITY, "counterparty_id": "air-example", "account_id": account.id}
    of = {"delivery_id": row["id"], "document_id": row["document_id"]}
    return named | of | {"person": "李明远", "office": "法律部", "session": "x"} | more


def _submissions(house: PortalHouse) -> list[str]:
    words = dict.fromkeys(("case_no", "words", "declaration_zh", "declaration_en"), "x")
    shared = _of_party(house, client_id=house.client_id, kind="evidence", late=False, **words)
    insert(
        house,
        submission,
        [{**shared, "id": f"sub_{nth}", "submitted_at": at} for nth, at in enumerate(_moments(house))],
    )
    return [f"sub_{nth}" for nth in range(MANY)]


def _objections(house: PortalHouse) -> list[str]:
    shared = _of_party(house, against="2026-11-23", claimed="2026-11-24", grounds="x")
    insert(
        house, objection, [{**shared, "id": f"obj_{nth}", "raised_at": at} for nth, at in enumerate(_moments(house))]
    )
    return [f"obj_{nth}" for nth in range(MANY)]


def _copies(house: PortalHouse) -> list[str]:
    shared = {"authority_id": AUTHORITY, "account_id": house.accounts["NEA-FLB"].id}
    ids = delivered(house)
    insert(
        house,
        copy_request,
        [
            {**shared, "id": f"cpy_{nth}", "delivery_id": ids[nth], "asked_at": at}
            for nth, at in enumerate(_moments(house))
        ],
    )
    return [f"cpy_{nth}" for nth in range(MANY)]


def _counsel(house: PortalHouse) -> list[str]:
    with house.database.write() as connection:
        documents.record_artifact(connection, "0" * 64, 1, "application/pdf")
    shared = {
        "authority_id": AUTHORITY,
        "counterparty_id": "air-example",
        "digest": "0" * 64,
        "last_day": "2027-01-01",
        "asked_by": house.accounts["NEA-FLB"].id,
        "state": "asked",
        **dict.fromkeys(("name", "firm", "login"), "x"),
    }
    insert(house, counsel, [{**shared, "id": f"cns_{nth}", "asked_at": at} for nth, at in enumerate(_moments(house))])
    return [f"cns_{nth}" for nth in range(MANY)]


def _seal_uses(house: PortalHouse) -> list[str]:
    office = open_office(house)
    ids = sorted(office.waiting() for _ in range(MANY))
    with house.database.write() as connection:
        for nth, document_id in enumerate(ids):
            made = LEGAL_START + timedelta(minutes=nth // 2)
            connection.execute(document.update().where(document.c.id == document_id).values(created_at=made))
    return ids


OTHERS: dict[str, tuple[Callable[[PortalHouse], list[str]], str, str, str]] = {
    "registrations": (_registrations, "/desk/registrations", r'<h2><a href="/desk/registrations/(reg_\d)"', ""),
    "corrections": (_corrections, "/desk/corrections", r"/desk/corrections/(pcr_\d)", ""),
    "changes": (_changes, "/desk/changes", r"/desk/changes/(chg_\d)/approve", "waiting"),
    "stacks": (_stacks, "/desk/stacks", r"/desk/stacks/(stk_\d)", "stacks"),
    "missing": (_missing, "/desk/stacks", r"/desk/(dlv_\w+)/record", "missing"),
    "dead": (_dead, "/desk/trouble", r'name="step" value="([^"]+)"', "dead"),
    "ambiguous": (lambda house: _notices(house, "ambiguous"), "/desk/trouble", r"/desk/(dlv_\w+)", "ambiguous"),
    "failed": (_failed, "/desk/trouble", r"/desk/documents/(doc_\w+)", "failed"),
    "addresses": (lambda house: _notices(house, "failed"), "/desk/addresses", r"孙丽\d", ""),
    "submissions": (_submissions, "/desk/incoming", r"/desk/submissions/(sub_\d)", "submissions"),
    "objections": (_objections, "/desk/incoming", r"/desk/objections/(obj_\d)", "objections"),
    "copies": (_copies, "/desk/incoming", r"/desk/copies/(cpy_\d)", "copies"),
    "counsel": (_counsel, "/desk/incoming", r"/desk/counsel/(cns_\d)", "counsel"),
    "seal_uses": (_seal_uses, "/desk/seal-uses", r'<h2><a href="/desk/seal-uses/(doc_\w+)"', ""),
}


@pytest.mark.parametrize("name", OTHERS)
def test_each_other_list_of_the_desk_is_walked_to_its_end(house: PortalHouse, name: str) -> None:
    fill, path, row, section = OTHERS[name]
    ids = fill(house)
    client = house.browser("leader" if name == "seal_uses" else "clerk")
    pages = walked(client, path, row, section)
    assert pages == [ids[:2], ids[2:4], ids[4:]]
    if name == "submissions":
        assert "(5)" in client.get(path).text and "<strong>5</strong>" in client.get("/desk").text


def test_the_changes_of_late_are_walked_by_themselves(house: PortalHouse, client: TestClient) -> None:
    _changes(house)
    pages = walked(client, "/desk/changes", "NEA-X", "lately")
    assert [len(page) for page in pages] == [2, 2, 1]
    onward = re.search(r'href="([^"]+#lately)" rel="next"', client.get("/desk/changes").text)
    assert onward
    second = client.get(onward[1].replace("&amp;", "&").partition("#")[0]).text
    assert "chg_4" in second and "of=waiting" in second, "the list beside it stands at its start"


# --- how much it costs -----------------------------------------------------------------------------------------------


def test_every_page_of_a_long_list_reads_an_index_and_sorts_nothing(database: Database) -> None:
    fill_lists(database, 3000)
    late = LEGAL_START + timedelta(days=1)

    def whole(name: str) -> list[Found]:
        found, after = list[Found](), None
        while not found or after is not None:
            with database.read() as connection:
                found.append(desk_work.listed(connection, OWNER[0], name, late, Part(500, after)))
            after = found[-1].next
        return found

    expected: dict[str, list[Key]] = {}
    with database.read() as connection:
        query = sa.select(delivery.c.id, delivery.c.created_at, delivery.c.paper_since, delivery.c.paper_status)
        rows = connection.execute(query).mappings().all()
    expected["served"] = sorted((row["created_at"], row["id"]) for row in rows if row["paper_status"] == "served")
    expected["late"] = sorted((row["paper_since"], row["id"]) for row in rows if row["paper_status"] == "sent")
    for name, keys in expected.items():
        with statements(database) as done:
            pages = whole(name)
        assert [row["id"] for page in pages for row in page.rows] == [key[1] for key in keys]
        assert len(done) == 2 * len(pages)
        if not database.is_postgresql:
            with database.read() as connection:
                for statement, values in done[::2]:
                    plan = str(connection.exec_driver_sql(f"explain query plan {statement}", values).all())
                    index = "ix_delivery_paper" if name == "served" else "ix_delivery_late"
                    assert f"COVERING INDEX {index}" in plan and "TEMP B-TREE" not in plan, plan
