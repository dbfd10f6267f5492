"""Reminders: same bytes for the same notice, nothing of the case, nothing smuggled in."""

from __future__ import annotations

import email
import json
from datetime import UTC, datetime
from email.policy import default
from pathlib import Path

import pytest

from delivery.mail import Mail, checked_address, reminder
from delivery.sms import RecordingGateway, sms_text
from records.errors import Permanent

AT = datetime(2026, 3, 2, 2, 3, 4, tzinfo=UTC)
SYSTEM = {"system": "民航监管执法"}


def mail(**change: object) -> Mail:
    values = {
        "message_id": "<ntc_01@songda.test>",
        "sender": "songda@authority.test",
        "recipient": "legal@airline.test",
        "inbox_url": "https://songda.test/inbox",
        "created_at": AT,
        **change,
    }
    return reminder(**values)  # type: ignore[arg-type]


def test_the_same_notice_has_the_same_bytes_for_ever() -> None:
    assert mail() == mail()
    assert mail(message_id="<ntc_02@songda.test>").content != mail().content


def test_it_is_bilingual_and_carries_the_notices_own_id_and_time() -> None:
    message = email.message_from_bytes(mail().content, policy=default)
    assert message["Message-ID"] == "<ntc_01@songda.test>"
    assert message["Date"].datetime == AT
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    body = message.get_content()
    assert "行政执法文书" in body
    assert "administrative enforcement instrument" in body
    assert body.count("https://songda.test/inbox") == 2
    assert "不是送达" in body
    assert "It is not service" in body


def test_lines_of_the_raw_message_are_ascii_and_short_enough_for_every_server() -> None:
    lines = mail().content.split(b"\r\n")
    assert all(len(line) <= 998 and line.isascii() for line in lines)


def test_a_test_system_says_so() -> None:
    message = email.message_from_bytes(mail(test=True).content, policy=default)
    assert message["Subject"].startswith("[TEST]")
    assert "TEST" in message.get_content()
    assert b"TEST" not in mail().content


@pytest.mark.parametrize(
    "address",
    [
        "legal@airline.test\r\nBcc: spy@evil.test",
        "legal@airline.test\nX: y",
        "legal@airline.test, spy@evil.test",
        "Legal <legal@airline.test>",
        "legal@airline.test>",
        "@airline.test",
        "legal@",
        "legal",
        "",
        "legal@@airline.test",
        "le gal@airline.test",
        '"le gal"@airline.test',
        ".legal@airline.test",
        "legal@-airline.test",
        "法务@airline.test",
        "legal@airline.test NOTIFY=NEVER",
        "x" * 65 + "@airline.test",
    ],
)
def test_what_is_not_one_plain_mailbox_goes_nowhere(address: str) -> None:
    for name in ("recipient", "sender"):
        with pytest.raises(Permanent, match="mail address"):
            mail(**{name: address})


@pytest.mark.parametrize("message_id", ["ntc_01", "<a@b>\r\nBcc: x", "<a b@c>", "<@c>", "<a@>", "<<a@b>>"])
def test_what_is_no_message_id_is_refused(message_id: str) -> None:
    with pytest.raises(Permanent, match="Message-ID"):
        mail(message_id=message_id)


@pytest.mark.parametrize("url", ["https://songda.test/\r\nx", "https://songda.test/a b", "\u202ehttps://x"])
def test_what_is_no_url_is_refused(url: str) -> None:
    with pytest.raises(Permanent, match="URL"):
        mail(inbox_url=url)


def test_an_international_domain_goes_in_its_ascii_form() -> None:
    assert checked_address("legal@航空.test") == "legal@xn--grz90n.test"


def test_an_sms_is_recorded_as_one_line_with_nothing_of_the_case(tmp_path: Path) -> None:
    gateway = RecordingGateway(tmp_path / "sms" / "sms.jsonl")
    gateway.send("ntc_01", "+86 138-0013-8000", "instrument-arrived", SYSTEM)
    gateway.send("ntc_02", "13800138000", "instrument-arrived", SYSTEM)
    lines = (tmp_path / "sms" / "sms.jsonl").read_text(encoding="utf-8").splitlines()
    first, second = (json.loads(line) for line in lines)
    assert (first["out_id"], first["phone"], second["out_id"]) == ("ntc_01", "+8613800138000", "ntc_02")
    assert first["text"].startswith("【民航监管执法】贵单位账号收到一份行政执法文书")
    assert "Reminder only" in first["text"]


@pytest.mark.parametrize(
    ("phone", "template", "params"),
    [
        ("13800138000", "password", SYSTEM),
        ("13800138000", "instrument-arrived", {}),
        ("13800138000", "instrument-arrived", {"system": "a\nb"}),
        ("13800138000", "instrument-arrived", {"system": "{x}"}),
        ("13800138000", "instrument-arrived", {"system": "x" * 41}),
        ("1380013800x", "instrument-arrived", SYSTEM),
        ("", "instrument-arrived", SYSTEM),
    ],
)
def test_a_wrong_sms_is_recorded_nowhere(tmp_path: Path, phone: str, template: str, params: dict[str, str]) -> None:
    path = tmp_path / "sms.jsonl"
    with pytest.raises(Permanent):
        RecordingGateway(path).send("ntc_01", phone, template, params)
    assert not path.exists()


def test_the_text_of_a_template_stays_inside_two_messages_of_a_long_sms() -> None:
    assert len(sms_text("instrument-arrived", SYSTEM)) <= 3 * 67
