"""Paper receipts from a table: all or none, the dry run tells the same, at the desk and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from delivery.paper_import import Imported, import_receipts
from records import deliveries
from records.database import Database
from records.errors import Refused
from tests.integration.test_desk import codes, kinds, receipts
from tests.integration.test_paper_attempts import begin
from tests.integration.test_portal_paper import post
from tests.portal_house import AUTHORITY, PortalHouse, furnish


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def take(house: PortalHouse, text: str | bytes, *, dry_run: bool = False, authority: str = AUTHORITY) -> Imported:
    data = text.encode() if isinstance(text, str) else text
    return import_receipts(house.database, authority, data, "per_clerk", dry_run=dry_run)


def test_a_table_is_entered_once_and_a_dry_run_leaves_no_trace(house: PortalHouse) -> None:
    first, second = house.deliver("penalty-decision"), house.deliver("penalty-decision", number=2)
    code = begin(house, second)["code"]
    table = (
        "code,delivery,date,method,outcome,receiver,capacity,mail_kind,mail_number,servers\n"
        f"{code},,2026-11-23,,served,孙丽,mail_clerk,,,\n"
        f",{first},20261123,post,refused,,,express,EMS1,\n"
    )
    before = kinds(house, first), kinds(house, second)
    assert take(house, table, dry_run=True) == Imported(2, 2, 0, (), dry_run=True)
    assert (kinds(house, first), kinds(house, second)) == before and receipts(house, first) == 0
    done = take(house, table)
    assert (done.entered, done.known, len(done.hint)) == (2, 0, 2)
    again = take(house, table)
    assert (again.entered, again.known, again.hint) == (0, 2, ())
    with house.database.read() as connection:
        (stored,) = deliveries.paper_receipts(connection, second)
    assert not stored["final"] and stored["record"]["servers"] == ["王立新", "赵敏"] and stored["method"] == "direct"


def test_one_fault_and_nothing_is_entered_and_every_fault_is_told_with_its_line(house: PortalHouse) -> None:
    good = house.deliver("penalty-decision")
    table = (
        "delivery,date,method,outcome,video\n"
        f"{good},2026-11-23,direct,served,\n"
        "\n"
        f"{good},2026-11-24,direct,served,\n"
        "dlv_nothing,2026-11-23,direct,served,\n"
        f"{good},2026-11-23,pigeon,served,maybe\n"
    )
    with pytest.raises(Refused) as refused:
        take(house, table)
    assert codes(refused) == {
        ("/lines/4/date", "in_the_future"),
        ("/lines/5/delivery", "unknown_delivery"),
        ("/lines/6/video", "type"),
    }
    assert receipts(house, good) == 0


def test_two_lines_that_contradict_each_other_are_refused(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    table = (
        f"delivery,date,method,outcome\n{delivery_id},20261123,direct,served\n{delivery_id},20261123,direct,absent\n"
    )
    with pytest.raises(Refused) as refused:
        take(house, table, dry_run=True)
    assert codes(refused) == {("/lines/3/outcome", "record_incomplete")}


def test_chinese_names_and_the_encoding_of_chinese_office_programs(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    table = f"条码,日期,结果,接收人\n{code},今天,served,孙丽\n".encode("gb18030")
    assert take(house, table).entered == 1


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "columns"),
        (b"delivery,colour\n", "columns"),
        (b"date,date\n", "columns"),
        (b"date\n1,2\n", "columns"),
        (b'date\n"x', "not_csv"),
        (b"date\n\xff\xff\xff", "encoding"),
        (b"date\n" + b"2026-11-23\n" * 5001, "too_many_lines"),
        (b"x" * (5 * 1024 * 1024 + 1), "too_large"),
    ],
)
def test_what_is_no_such_table_is_refused(house: PortalHouse, data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        take(house, data)
    assert codes(refused) == {("/file", code)}


def test_nobody_enters_for_another_authority(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    for table, fault in (
        (f"code,date,outcome\n{code},20261123,served\n", ("/lines/2/code", "unknown_code")),
        (f"delivery,date\n{delivery_id},20261123\n", ("/lines/2/delivery", "unknown_delivery")),
    ):
        with pytest.raises(Refused) as refused:
            take(house, table, authority="elsewhere")
        assert codes(refused) == {fault}


def test_the_desk_judges_first_and_enters_then(house: PortalHouse) -> None:
    client: TestClient = house.browser("clerk")
    delivery_id = house.deliver("penalty-decision")
    table = f"delivery,date,method,outcome\n{delivery_id},20261123,direct,served\n".encode()
    judged = post(client, "/desk/import", {"verb": "judge"}, "/desk/import", files={"file": ("x.csv", table)})
    assert judged.status_code == 200 and "未登记任何内容" in judged.text and receipts(house, delivery_id) == 0
    entered = post(client, "/desk/import", {"verb": "enter"}, "/desk/import", files={"file": ("x.csv", table)})
    assert "已登记" in entered.text and receipts(house, delivery_id) == 1 and house.hints == [f"{delivery_id}/settle"]
    bad = table.replace(b"direct", b"pigeon")
    refused = post(client, "/desk/import", {"verb": "enter"}, "/desk/import?lang=en", files={"file": ("x", bad)})
    assert refused.status_code == 422 and "<td>2</td><td>method</td>" in refused.text
