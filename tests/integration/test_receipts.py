"""The receipt of confirmation: facts of record, both languages, one page, nothing unescaped."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from pypdf import PdfReader

from delivery import inbox
from delivery.receipts import Receipt, print_receipt, receipt_html, receipt_of
from delivery.rule_sets import rule_book
from records.database import Database
from tests.portal_house import PortalHouse, furnish

DAY = date(2026, 3, 4)
RULES = rule_book().in_force(DAY)
RECEIPT = Receipt(
    delivery_id="dlv_01k9z3v7xq8d2m5n4p6r",
    title=("民用航空行政处罚听证通知书", "Notice of Hearing"),
    number=("华北局罚听通〔2026〕12号", "HBJ-FTT [2026] No. 12"),
    sender=("中国民用航空华北地区管理局", "North China Regional Administration of CAAC"),
    recipient=("北方示例航空股份有限公司", "Northern Example Airlines Co., Ltd."),
    sent_at=datetime(2026, 3, 2, 2, tzinfo=UTC),
    accessed_at=datetime(2026, 3, 3, 17, 30, tzinfo=UTC),
    confirmed_at=datetime(2026, 3, 3, 17, 31, 5, tzinfo=UTC),
    account="NEA-FLB",
    department="法律部",
    person="王芳",
    factor="password",
    session="5" * 64,
    statement=("本单位确认：已收到本文书。", "We confirm that we have received this document."),
    digest="0123456789abcdef" * 4,
    status="final",
    service_date=DAY,
    basis="confirmed",
    reasons=(
        RULES.reason("confirmed", day=DAY, deemed=date(2026, 3, 5)),
        RULES.reason("sending-day-not-counted", sent=("2026年3月2日", "2 March 2026")),
    ),
    test=True,
)


def words(pdf: bytes) -> str:
    return "".join("".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages).split())


@pytest.mark.rule("LAW-5", "ESL-6")
def test_it_says_who_confirmed_what_and_when_in_beijing_time() -> None:
    page = receipt_html(RECEIPT)
    assert "2026年3月4日01时31分05秒（北京时间）" in page
    assert "4 March 2026, 01:31:05 (Beijing time, UTC+8)" in page
    assert "NEA-FLB，法律部" in page and ">王芳<" in page
    assert "本单位确认：已收到本文书。" in page
    assert "The delivery date is 4 March 2026 (the day of the confirmation)." in page
    assert "确认函 二.4" in page
    assert "TEST" in page
    assert "TEST" not in receipt_html(replace(RECEIPT, test=False))


def test_an_open_service_date_is_called_open() -> None:
    page = receipt_html(replace(RECEIPT, status="pending", service_date=None, basis=None, accessed_at=None))
    assert "送达日期未定" in page
    assert "First opened" not in page


def test_every_fact_is_escaped() -> None:
    evil = "<img src=x onerror=alert(1)>&"
    pair = (evil, evil)
    page = receipt_html(
        replace(
            RECEIPT,
            title=pair,
            number=pair,
            sender=pair,
            recipient=pair,
            statement=pair,
            account=evil,
            department=evil,
            person=evil,
            digest=evil,
            delivery_id=evil,
            reasons=(replace(RECEIPT.reasons[0], text_zh=evil, text_en=evil, citation=evil),),
        )
    )
    assert "<img" not in page


def test_it_prints_the_same_bytes_and_all_its_words() -> None:
    pdf = print_receipt(RECEIPT)
    assert pdf == print_receipt(RECEIPT)
    printed = words(pdf)
    for expected in ("收讫回执", RECEIPT.number[0], RECEIPT.recipient[0], RECEIPT.digest, "行政处罚听证通知书", "TEST"):
        assert expected in printed
    assert len(PdfReader(io.BytesIO(pdf)).pages) <= 2


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.mark.rule("LAW-5", "ESL-8")
def test_it_is_made_from_the_rows_and_the_words_in_the_ledger(house: PortalHouse) -> None:
    delivery_id, account = house.deliver(), house.accounts["NEA-FLB"]
    with house.database.read() as connection, pytest.raises(LookupError, match="not confirmed"):
        receipt_of(connection, delivery_id, test=True)
    inbox.confirm(house.database, delivery_id, account, "s", inbox.Statement("我单位确认", "we confirm"))
    with house.database.read() as connection:
        receipt = receipt_of(connection, delivery_id, test=True)
    row = house.row(delivery_id)
    assert receipt.statement == ("我单位确认", "we confirm")
    assert (receipt.account, receipt.confirmed_at, receipt.sent_at) == ("NEA-FLB", row["confirmed_at"], row["sent_at"])
    assert receipt.recipient == (row["recipient_zh"], row["recipient_en"])
