"""Reminders by the legal clock: when each goes out, once, to whom, and what is dropped because it is no longer true."""

from __future__ import annotations

import base64
import email
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from delivery import desk, inbox
from delivery.beijing import BEIJING
from delivery.service import schedule_reminders
from pipeline.composition import Songda
from pipeline.notices import notices_to
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.steps import STAGES
from records import deliveries, directory, ledger, steps
from records.database import Database, legal_time, set_legal_time
from records.store import FileStore
from records.tables import contact, document, notice, step
from tests.integration.test_desk import SCAN
from tests.integration.test_sending import Inbox
from tests.portal_house import AUTHORITY, PortalHouse, furnish
from tests.servers import free_port

SHOWN = inbox.Statement("我单位确认", "we confirm")
TO = (AUTHORITY, "air-example")


def beijing(month: int, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=BEIJING)


class Reminding:
    """A house with contacts, whose remind, settle and send steps a runner runs as a worker does."""

    def __init__(self, database: Database, home: Path, mails: Inbox, port: int) -> None:
        self.house: PortalHouse = furnish(database, home)
        self.database, self.home, self.mails = database, home, mails
        settings = Settings(home=home, smtp_port=port, mail_from="songda@authority.test")
        self.songda = Songda(settings, database, FileStore(home / "store"))
        self.runner = Runner(
            self.songda, "test", {name: STAGES[name] for name in ("settle", "remind", "send", "apply", "tell")}
        )
        self.runner.queue = Queue("", 16, self.runner.run_step)
        with database.write() as connection:
            self.contacts = [
                directory.add_contact(connection, *TO, name=name, department="法律部", mobile=mobile, email=mail)
                for name, mobile, mail in (
                    ("孙丽", "+86 138-0013-8000", "sun@air.test"),
                    ("John Smith", "+44 20 7946 0000", "smith@air.test"),
                )
            ]

    def deliver(self, instrument: str = "penalty-prior-notice", **more: Any) -> str:
        """What dispatch does, and the steps that follow."""
        delivery_id = self.house.deliver(instrument, **more)
        with self.database.write() as connection:
            row = deliveries.whole(connection, delivery_id)
            rows = notices_to(connection, *TO, "songda@authority.test", "arrival")
            ids = deliveries.insert_notices(connection, [each | {"delivery_id": delivery_id} for each in rows])
            schedule_reminders(connection, delivery_id, row["sent_at"])
            steps.add(connection, "delivery", delivery_id, "settle")
            for each in ids:
                steps.add(connection, "notice", each, "send")
        self.run()
        return delivery_id

    def run(self) -> None:
        """Every step that is due, until none is."""
        while True:
            with self.database.write() as connection:
                due = steps.pick_due(connection, 100, 0.0)
            if not due:
                return
            for each in due:
                self.runner.run_step(each)

    def at(self, moment: datetime) -> None:
        with self.database.write() as connection:
            set_legal_time(connection, moment)
        self.run()

    def confirm(self, delivery_id: str) -> None:
        inbox.confirm(self.database, delivery_id, self.house.accounts["NEA-FLB"], "session", SHOWN)
        self.run()

    def told(self, occasion: str) -> list[tuple[str, str, str]]:
        """Name of the contact, channel, state of the notices of one occasion."""
        query = (
            sa.select(contact.c.name, notice.c.channel, notice.c.state)
            .join(contact, contact.c.id == notice.c.contact_id)
            .where(notice.c.occasion == occasion)
            .order_by(notice.c.channel, contact.c.name.desc())
        )
        with self.database.read() as connection:
            return [tuple(row) for row in connection.execute(query)]

    def events(self, delivery_id: str, kind: str) -> list[dict[str, Any]]:
        with self.database.read() as connection:
            stream = deliveries.get(connection, delivery_id)["document_id"]
            assert list(ledger.verify(connection, stream)) == []
            return [dict(each.body) for each in ledger.events(connection, stream) if each.kind == kind]

    def mails_with(self, words: str) -> list[str]:
        bodies = [base64.b64decode(str(email.message_from_bytes(each).get_payload())) for each in self.mails.messages]
        return [each.decode() for each in bodies if words in each.decode()]

    def sms(self) -> list[dict[str, str]]:
        file = self.home / "sms.jsonl"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []


@contextmanager
def _mail_server() -> Iterator[tuple[Inbox, int]]:
    handler, port = Inbox(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@contextmanager
def reminding_with_a_sink(database: Database, home: Path) -> Iterator[Reminding]:
    """The same with a mail server of its own."""
    with _mail_server() as sink:
        made = Reminding(database, home, *sink)
        yield made
        made.runner.close()


@pytest.fixture
def reminding(database: Database, tmp_path: Path, sink: tuple[Inbox, int]) -> Iterator[Reminding]:
    made = Reminding(database, tmp_path, *sink)
    yield made
    made.runner.close()


@pytest.fixture(name="sink")
def _sink() -> Iterator[tuple[Inbox, int]]:
    with _mail_server() as sink:
        yield sink


EVERYBODY = [("孙丽", "email", "sent"), ("John Smith", "email", "sent"), ("孙丽", "sms", "sent")]


def test_who_has_no_phone_of_the_mainland_is_told_by_e_mail_alone(reminding: Reminding) -> None:
    reminding.deliver()
    assert reminding.told("arrival") == EVERYBODY


def test_ii_4_who_has_not_confirmed_is_reminded_on_the_morning_before_the_third_working_day(
    reminding: Reminding,
) -> None:
    reminding.deliver()  # Monday the 23rd; the third working day is Thursday the 26th
    reminding.at(beijing(11, 25, 8, 59) + timedelta(seconds=30))
    assert reminding.told("third_day") == []
    reminding.at(beijing(11, 25, 9))
    assert reminding.told("third_day") == EVERYBODY
    assert len(reminding.mails_with("确认收讫的最后一日为2026年11月26日")) == 2
    assert "26 November 2026" in reminding.sms()[-1]["text"]


def test_a_confirmed_receipt_is_not_asked_for_and_the_ledger_says_why(reminding: Reminding) -> None:
    delivery_id = reminding.deliver()
    reminding.confirm(delivery_id)
    reminding.at(beijing(11, 25, 10))
    assert reminding.told("third_day") == []
    dropped = reminding.events(delivery_id, "reminder.dropped")
    assert {"occasion": "third_day", "about": "2026-11-26", "why": "confirmed"} in dropped


def test_a_document_that_was_revoked_is_not_reminded_of(reminding: Reminding) -> None:
    delivery_id = reminding.deliver()
    with reminding.database.write() as connection:
        connection.execute(document.update().values(status="revoked"))
    reminding.at(beijing(11, 25, 10))
    assert reminding.told("third_day") == []
    assert reminding.events(delivery_id, "reminder.dropped")[0]["why"] == "document_revoked"


def test_the_date_of_service_is_told_when_it_is_set_deemed_or_confirmed(reminding: Reminding) -> None:
    first = reminding.deliver(number=1)
    reminding.confirm(first)
    assert len(reminding.mails_with("送达日期为2026年11月23日")) == 2
    reminding.deliver(number=2)
    reminding.at(beijing(11, 27, 9))
    assert len(reminding.mails_with("送达日期为2026年11月26日")) == 2
    assert reminding.told("served") == sorted(2 * EVERYBODY, key=lambda each: (each[1], each[0] != "孙丽"))


def test_no_sms_at_night_but_e_mails(reminding: Reminding) -> None:
    reminding.deliver()
    reminding.at(beijing(11, 27, 0, 1))  # the deemed day has just ended
    assert len(reminding.mails_with("送达日期为2026年11月26日")) == 2
    assert reminding.told("served")[-1] == ("孙丽", "sms", "pending")
    reminding.at(beijing(11, 27, 7, 59))
    assert reminding.told("served")[-1][2] == "pending"
    reminding.at(beijing(11, 27, 8))
    assert reminding.told("served")[-1][2] == "sent"


def test_an_sms_that_waits_out_the_night_is_dropped_when_it_is_no_longer_true(reminding: Reminding) -> None:
    reminding.at(beijing(11, 24, 22))
    delivery_id = reminding.deliver()
    assert reminding.told("arrival")[-1] == ("孙丽", "sms", "pending")
    reminding.confirm(delivery_id)
    reminding.at(beijing(11, 25, 8))
    assert reminding.told("arrival")[-1] == ("孙丽", "sms", "dropped")
    assert not any("收到一份" in each["text"] for each in reminding.sms())
    assert reminding.events(delivery_id, "notice.dropped")[0]["detail"] == "confirmed"


def _serve(reminding: Reminding, delivery_id: str, on: date) -> None:
    record = {"method": "direct", "outcome": "served", "receiver": "孙丽", "capacity": "mail_clerk"}
    value = record | {"date": on.isoformat()}
    desk.record_paper_receipt(reminding.database, reminding.house.store, AUTHORITY, delivery_id, value, SCAN, "clerk")
    reminding.run()


def test_a_limit_of_the_party_is_reminded_of_three_days_before_its_last_day(reminding: Reminding) -> None:
    delivery_id = reminding.deliver("penalty-decision")
    _serve(reminding, delivery_id, date(2026, 11, 23))  # the fine is to be paid by 8 December
    reminding.at(beijing(12, 5, 8, 59))
    assert reminding.told("deadline") == []
    reminding.at(beijing(12, 5, 9))
    assert reminding.told("deadline") == EVERYBODY
    (told,) = set(reminding.mails_with("2026年12月8日届满"))
    assert "8 December 2026" in told and "罚" not in told.replace("处罚", "")  # no case content


def test_where_paper_decides_nobody_is_urged_to_confirm_before_the_third_day(reminding: Reminding) -> None:
    reminding.deliver("penalty-decision")
    reminding.at(beijing(11, 26, 10))
    assert reminding.told("third_day") == []


def test_a_replay_makes_no_second_reminder(reminding: Reminding) -> None:
    delivery_id = reminding.deliver()
    reminding.at(beijing(11, 25, 9))
    for _ in range(3):
        with reminding.database.write() as connection:
            steps.wake(connection, f"{delivery_id}/remind")
            schedule_reminders(connection, delivery_id, legal_time(connection))
        reminding.run()
    assert reminding.told("third_day") == EVERYBODY
    assert len(reminding.events(delivery_id, "reminder.due")) == 1


def test_what_a_contact_does_not_want_is_not_sent(reminding: Reminding) -> None:
    with reminding.database.write() as connection:
        mine = contact.c.id == reminding.contacts[0]
        connection.execute(contact.update().where(mine).values(silent=["third_day/sms", "third_day/email"]))
    reminding.deliver()
    reminding.at(beijing(11, 25, 9))
    assert reminding.told("third_day") == [("John Smith", "email", "sent")]


def test_a_paper_delivery_is_not_reminded_of(reminding: Reminding) -> None:
    delivery_id = reminding.house.deliver(route="paper")
    with reminding.database.write() as connection:
        schedule_reminders(connection, delivery_id, legal_time(connection))
        assert connection.execute(sa.select(step.c.id).where(step.c.stage == "remind")).all() == []
