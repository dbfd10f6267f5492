"""Bounces and SMS reports: recorded at the notice that they are about, shown, and never a date."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa

from delivery.bounces import read_bounce
from pipeline.cli import main
from pipeline.composition import Songda
from records import deliveries, directory, ledger, notice_reports
from records.database import Database
from records.errors import Refused
from records.paging import Part
from records.tables import delivery, notice
from tests.portal_house import AUTHORITY, PortalHouse, furnish

BOUNCE = """\
From: MAILER-DAEMON@mx.air.test
To: songda@authority.test
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

It could not be delivered.
--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.air.test
{envelope}

Final-Recipient: rfc822; sun@air.test
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 5.1.1 <sun@air.test>: no such user

--b
Content-Type: {kind}

From: songda@authority.test
Message-ID: <ntc_1@authority.test>
Subject: x

--b--
"""


def bounce(**more: str) -> bytes:
    values = {"envelope": "", "action": "failed", "status": "5.1.1", "kind": "message/rfc822"} | more
    return BOUNCE.format(**values).replace("\n", "\r\n").encode()


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"kind": "text/rfc822-headers"},
        {"envelope": "Original-Envelope-Id: ntc_1@authority.test", "kind": "text/plain"},
        {"envelope": "Original-Envelope-Id: ntc+5F1@authority.test", "kind": "text/plain"},
    ],
)
def test_rfc_3464_a_bounce_names_its_mail_by_envelope_id_or_by_the_headers_that_came_back(more: dict[str, str]) -> None:
    told = read_bounce(bounce(**more))
    assert (told.message_id, told.report, told.code) == ("<ntc_1@authority.test>", "failed", "5.1.1")
    assert told.recipient == "sun@air.test" and "no such user" in told.detail


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"Subject: hello\r\n\r\nI am on holiday", "no_report"),
        (b"", "no_report"),
        (bounce(kind="text/plain"), "unclear"),
        (bounce(action="expanded"), "unclear"),
        (b"x" * (4 * 1024 * 1024 + 1), "too_large"),
    ],
)
def test_what_is_no_report_is_refused_with_the_reason(data: bytes, code: str) -> None:
    with pytest.raises(Refused) as refused:
        read_bounce(data)
    assert refused.value.faults[0].code == code


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


def bad_addresses(
    connection: sa.Connection, authority_id: str = AUTHORITY, counterparty_id: str | None = None
) -> Sequence[sa.RowMapping]:
    return notice_reports.bad_addresses(connection, authority_id, counterparty_id, Part(9)).rows


def sent(
    house: PortalHouse, name: str = "ntc_1", channel: str = "email", delivery_id: str = "", contact_id: str = ""
) -> str:
    """A delivery with a notice that went out; returns its id."""
    delivery_id = delivery_id or house.deliver()
    with house.database.write() as connection:
        known = connection.execute(sa.select(notice.c.contact_id)).scalar()
        contact_id = (
            contact_id
            or known
            or directory.add_contact(
                connection,
                AUTHORITY,
                "air-example",
                name="孙丽",
                department="法律部",
                mobile="13800138000",
                email="sun@air.test",
            )
        )
        row = {"id": name, "delivery_id": delivery_id, "contact_id": contact_id, "channel": channel, "about": name}
        address, of = ("sun@air.test", f"<{name}@authority.test>") if channel == "email" else ("13800138000", name)
        deliveries.insert_notices(connection, [row | {"address": address, "message_id": of, "occasion": "third_day"}])
        deliveries.update_notice(connection, name, state="sent", about="2026-11-26")
    return delivery_id


def _run(house: PortalHouse, monkeypatch: pytest.MonkeyPatch, data: bytes, *words: str) -> int:
    monkeypatch.setattr("pipeline.cli.reports.opened", lambda _: _Opened(house.database))
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(data), isatty=lambda: False))
    return main(["--json", *words])


class _Opened:
    def __init__(self, database: Database) -> None:
        self.songda: Any = SimpleNamespace(database=database)

    def __enter__(self) -> Songda:
        return self.songda  # type: ignore[no-any-return]

    def __exit__(self, *_: object) -> None: ...


def test_a_bounce_is_recorded_once_shown_on_both_sides_and_sets_no_date(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    delivery_id = sent(house)
    before = house.row(delivery_id)
    for _ in range(2):
        assert _run(house, monkeypatch, bounce(), "mail", "bounce") == 0
    assert json.loads(capsys.readouterr().out.split("}\n")[0] + "}")["report"] == "failed"
    assert house.row(delivery_id) == before
    with house.database.read() as connection:
        events = ledger.events(connection, str(before["document_id"]))
        told = [each for each in events if each.kind == "notice.reported"]
        assert [each.body["code"] for each in told] == ["5.1.1"]
        (bad,) = bad_addresses(connection)
        assert (bad["name"], bad["address"]) == ("孙丽", "sun@air.test")
        assert bad_addresses(connection, "elsewhere") == []
        assert bad_addresses(connection, AUTHORITY, "air-other") == []
    clerk = house.browser("clerk")
    page = clerk.get(f"/desk/{delivery_id}").text
    assert "已报告未送到 5.1.1" in page and "sun@air.test" in page
    assert "/desk/addresses" in clerk.get("/desk").text
    assert "sun@air.test" in clerk.get("/desk/addresses?lang=en").text
    assert "sun@air.test" not in house.browser("clerk-elsewhere").get("/desk/addresses").text


def test_the_counterparty_sees_who_was_told_and_no_address(house: PortalHouse) -> None:
    delivery_id = sent(house)
    with house.database.write() as connection:
        connection.execute(delivery.update().values(accessed_at=house.row(delivery_id)["sent_at"]))
    page = house.browser("NEA-FLB").get(f"/inbox/{delivery_id}?lang=en").text
    assert "孙丽" in page and "handed over to the provider" in page and "sun@air.test" not in page
    assert "26 November 2026" in page


def test_an_address_is_good_again_when_a_later_notice_went_out(house: PortalHouse) -> None:
    delivery_id = sent(house)
    with house.database.write() as connection:
        notice_reports.record(connection, "<ntc_1@authority.test>", "failed", "5.2.2", "", actor="x")
        assert len(bad_addresses(connection)) == 1
    sent(house, "ntc_2", delivery_id=house.deliver(number=2))
    with house.database.read() as connection:
        assert bad_addresses(connection) == []
    assert delivery_id


def test_a_delay_told_late_does_not_undo_the_end_of_the_matter(house: PortalHouse) -> None:
    sent(house)
    for report, code in (("delayed", "4.4.1"), ("failed", "5.4.7"), ("delayed", "4.4.1")):
        with house.database.write() as connection:
            notice_reports.record(connection, "<ntc_1@authority.test>", report, code, "", actor="x")
    with house.database.read() as connection:
        assert deliveries.get_notice(connection, "ntc_1")["report"] == "failed"


def test_reports_of_an_sms_gateway_are_matched_by_out_id(
    house: PortalHouse, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent(house, channel="sms")
    reports = [
        {"out_id": "ntc_1", "success": False, "err_code": "MK:0001", "phone_number": "13800138000"},
        {"out_id": "another's", "success": True, "err_code": "DELIVERED"},
    ]
    assert _run(house, monkeypatch, json.dumps(reports).encode(), "sms", "report") == 0
    assert json.loads(capsys.readouterr().out) == {"recorded": ["ntc_1"], "unknown": ["another's"]}
    with house.database.read() as connection:
        found = deliveries.get_notice(connection, "ntc_1")
    assert (found["state"], found["report"], found["report_code"]) == ("sent", "failed", "MK:0001")
    assert _run(house, monkeypatch, b'{"out_id": "x"}', "sms", "report") == 2


def test_a_mail_that_is_not_ours_is_not_taken(house: PortalHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _run(house, monkeypatch, bounce(), "mail", "bounce") == 1
