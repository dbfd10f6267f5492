"""Paper receipts from a table: all or none, the dry run tells the same, at the desk and on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from delivery.paper import CAPACITIES, FLAGS, MAIL_KINDS, OUTCOMES
from delivery.paper_import import COLUMNS, Imported, import_receipts
from delivery.portal.receipt_table import empty_table, table_words
from delivery.portal.views import outcome_name
from delivery.portal.wording import Words
from records import deliveries
from records.database import Database
from records.errors import Refused
from records.tables import paper_attempt
from tests.integration.test_desk import codes, kinds, receipts
from tests.integration.test_paper_attempts import begin
from tests.integration.test_portal_paper import post
from tests.portal_house import AUTHORITY, PortalHouse, furnish


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def take(house: PortalHouse, text: str | bytes, *, dry_run: bool = False, authority: str = AUTHORITY) -> Imported:
    data = text.encode() if isinstance(text, str) else text
    return import_receipts(house.database, authority, data, "per_clerk", table_words(), dry_run=dry_run)


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
        ("/lines/6/method", "unknown_method"),
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


ZH, EN = Words("zh"), Words("en")


@pytest.mark.parametrize("t", [ZH, EN], ids=["zh", "en"])
def test_columns_and_cells_may_be_written_in_the_words_of_the_pages(house: PortalHouse, t: Words) -> None:
    first, second, third = (house.deliver("penalty-decision", number=number) for number in (1, 2, 3))
    codes_of = [begin(house, each)["code"] for each in (first, second)]
    names = ("code", "delivery", "date", "method", "outcome", "receiver", "capacity", "mail_kind", "mail_number")
    head = ",".join(f" {t(f'column.{name}').upper()} " for name in (*names, "refusal_reason", "video", "witnesses"))
    served, left = (outcome_name(method, "served", t) for method in ("direct", "leaving"))
    yes = t("record.video") if t is EN else "是"
    table = (
        f"{head}\n"
        f"{codes_of[0]},,2026-11-23,,{served.upper()},孙丽, {t('capacity.mail_clerk')} ,,,,,\n"
        f"{codes_of[1]},,2026-11-23,{t('method.leaving')},{left},,,,,x,{yes},\n"
        f",{third},2026-11-23,{t('method.post')},{t('outcome.refused')},,,{t('mail_kind.express')},EMS1,,,\n"
    )
    assert take(house, table).entered == 3
    with house.database.read() as connection:
        records = [deliveries.paper_receipts(connection, each)[0]["record"] for each in (first, second, third)]
    assert [(each["method"], each["outcome"]) for each in records] == [
        ("direct", "served"),
        ("leaving", "served"),
        ("post", "refused"),
    ]
    assert records[0]["capacity"] == "mail_clerk" and records[1]["video"] and records[2]["mail_kind"] == "express"


def test_every_word_leads_to_one_code_in_both_languages() -> None:
    words = table_words()
    for t in (ZH, EN):
        assert [words.columns.code(t(f"column.{name}")) for name in COLUMNS] == list(COLUMNS)
        for name, codes_ in (("method", OUTCOMES), ("capacity", CAPACITIES), ("mail_kind", MAIL_KINDS)):
            assert [words.choices[name].code(t(f"{name}.{code}")) for code in codes_] == list(codes_)
        for method, some in OUTCOMES.items():
            assert [words.outcomes[method].code(outcome_name(method, each, t)) for each in some] == list(some)
        assert [words.columns.code(t(f"record.{name}")) for name in FLAGS] == list(FLAGS)


@pytest.mark.parametrize("t", [ZH, EN], ids=["zh", "en"])
def test_the_empty_table_names_every_column_and_its_example_is_never_entered(house: PortalHouse, t: Words) -> None:
    table = empty_table(t)
    assert table.startswith("\ufeff")  # spreadsheets read it as UTF-8
    assert take(house, table) == Imported(0, 0, 0, ())
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    more = f"{code},,2026-11-23,,{outcome_name('direct', 'served', t)}\r\n"
    assert take(house, table + more) == Imported(1, 1, 0, (f"{delivery_id}/settle",))
    without_code = "\n".join(",".join(line.split(",")[1:]) for line in table.removeprefix("\ufeff").splitlines())
    with pytest.raises(Refused) as refused:  # whoever takes the marked column away is told, and nothing is entered
        take(house, without_code)
    assert codes(refused) == {("/lines/2/delivery", "unknown_delivery")}


def test_a_word_that_is_none_is_told_with_those_there_are(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    table = f"送达编号,日期,送达方式,结果,接收人身份\n{delivery_id},2026-11-23,直接送达,已留置（已送达）,邻居\n"
    with pytest.raises(Refused) as refused:
        take(house, table)
    assert codes(refused) == {("/lines/2/outcome", "unknown_outcome"), ("/lines/2/capacity", "unknown_capacity")}
    said = {fault.pointer: (fault.message_zh, fault.message_en) for fault in refused.value.faults}
    assert "已签收（已送达）；拒收" in said["/lines/2/outcome"][0] and "Nobody there" in said["/lines/2/outcome"][1]


def test_a_barcode_that_a_spreadsheet_has_shortened_is_told_as_such(house: PortalHouse) -> None:
    with pytest.raises(Refused) as refused:
        take(house, "code,date,outcome\n4.82916E+11,2026-11-23,served\n")
    assert codes(refused) == {("/lines/2/code", "shortened")}


def test_who_may_not_record_a_public_notice_does_not_by_its_barcode_alone(house: PortalHouse) -> None:
    delivery_id = house.deliver("penalty-decision")
    code = begin(house, delivery_id)["code"]
    with house.database.write() as connection:
        connection.execute(paper_attempt.update().values(method="public_notice"))
    inspector = house.browser(house.employ("an-inspector", "inspector"))
    for row in (f"{code},2026-11-23,,published", f"{code},2026-11-23,公告送达,已公告"):
        data = f"code,date,method,outcome\n{row}\n".encode()
        answer = post(inspector, "/desk/import", {"verb": "enter"}, "/desk/import", files={"file": ("x.csv", data)})
        assert answer.status_code == 422 and "您无权登记该送达方式" in answer.text
    assert receipts(house, delivery_id) == 0


def test_the_empty_table_is_for_those_who_serve(house: PortalHouse) -> None:
    got = house.browser("clerk").get("/desk/import/table.csv?lang=en")
    assert got.headers["content-type"].startswith("text/csv") and "attachment" in got.headers["content-disposition"]
    assert got.content.decode("utf-8").startswith("\ufeffBarcode,Delivery,Date,")
    assert house.browser("NEA-FLB").get("/desk/import/table.csv").status_code == 303
    assert house.browser(house.employ("a-leader", "leader")).get("/desk/import/table.csv").status_code == 403


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
    assert refused.status_code == 422 and "<td>2</td><td>Method</td>" in refused.text
    assert '<a href="#faults">Faults by line</a>: 1, in the table below.' in refused.text
    assert "<title>Error: Import a table" in refused.text and "Received by, Capacity" in refused.text
    none = post(client, "/desk/import", {"verb": "enter"}, "/desk/import?lang=en", files={"file": ("x", b"colour\n")})
    assert '<a href="#file">' in none.text and 'aria-describedby="file-fault-1 "' in none.text
