"""Messages about registrations: by mail over real SMTP; faults are told, codes are nowhere but in what goes out."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email.policy import default as DEFAULT_POLICY
from pathlib import Path

import pytest
import sqlalchemy as sa

from delivery.mailsink import MailSink
from pipeline.composition import Songda
from pipeline.outcomes import Done, Parked
from pipeline.settings import Settings
from pipeline.steps.telling import tell
from records import activations, ledger, messages, steps
from records.database import Database, set_legal_time
from records.errors import Retry
from records.store import FileStore
from records.tables import account, message
from tests.portal_house import AUTHORITY, furnish


@pytest.fixture
def sink(tmp_path: Path) -> Iterator[MailSink]:
    sink = MailSink(tmp_path / "mails")
    sink.start()
    yield sink
    sink.stop()


@pytest.fixture
def songda(database: Database, tmp_path: Path, sink: MailSink) -> Songda:
    furnish(database, tmp_path)
    settings = Settings(
        home=tmp_path, smtp_port=sink.smtp_port, mail_from="songda@authority.test", public_url="https://ses.test"
    )
    return Songda(settings, database, FileStore(tmp_path / "store"))


def _write(songda: Songda, channel: str = "email", address: str = "sun@haihe.test") -> tuple[str, steps.Claim]:
    with songda.database.write() as connection:
        account_id = connection.execute(sa.select(account.c.id).where(account.c.login == "NEA-FLB")).scalar_one()
        secret = activations.issue(connection, account_id, AUTHORITY, 60, "per_1")
        said = {"login": "NEA-FLB"}
        step_id = messages.write(connection, AUTHORITY, channel, address, "activation-code", said, secret_of=secret)
        claim = steps.claim(connection, step_id, "test", 60)
    assert claim
    return secret, claim


def _do(songda: Songda, claim: steps.Claim) -> dict[str, object]:
    conclusion = tell(songda, claim)
    with songda.database.write() as connection:
        assert isinstance(conclusion.write(connection), Done)
        steps.finish(connection, claim)
        return dict(connection.execute(sa.select(message)).mappings().one())


def test_a_code_goes_by_mail_and_only_its_hash_stays(songda: Songda, sink: MailSink) -> None:
    secret, claim = _write(songda)
    told = _do(songda, claim)
    (name,) = sink.folder.names()
    mail = email.message_from_bytes(sink.folder.read(name), policy=DEFAULT_POLICY)
    assert mail["To"] == "sun@haihe.test" and mail["Message-ID"] == f"<{told['id']}@authority.test>"
    part = mail.get_body(("plain",))
    assert part is not None
    text = part.get_content()
    found = re.search(r"激活码为([0-9A-Z-]{11})", text)
    assert found and "https://ses.test/activate" in text and "TEST" in text
    assert told["state"] == "sent"
    with songda.database.read() as connection:
        stored = activations.get(connection, secret)
        assert stored["code_hash"].startswith("$argon2id$")
        assert found[1] not in str(dict(stored)) + str(told) + str(ledger.events(connection, f"directory:{AUTHORITY}"))


@pytest.mark.parametrize(("channel", "address"), [("email", "a b@haihe.test"), ("sms", "not a number")])
def test_an_address_that_is_none_is_told_as_failed(songda: Songda, channel: str, address: str) -> None:
    told = _do(songda, _write(songda, channel, address)[1])
    assert told["state"] == "failed" and told["sent_at"] is None


def test_a_mail_server_that_is_away_is_asked_again_later(songda: Songda, tmp_path: Path) -> None:
    _, claim = _write(songda)
    away = Songda(replace(songda.settings, smtp_port=1), songda.database, songda.store)
    with pytest.raises(Retry):
        tell(away, claim)
    with songda.database.read() as connection:
        assert connection.execute(sa.select(message.c.state)).scalar_one() == "pending"


def test_whoever_lost_the_step_sends_nothing(songda: Songda, sink: MailSink) -> None:
    _, claim = _write(songda)
    with songda.database.write() as connection:
        steps.wake(connection, claim.id)
    with pytest.raises(steps.LeaseLost):
        tell(songda, claim)
    assert sink.folder.names() == []


def test_a_dead_step_of_a_message_is_repeated_by_an_operator_with_an_event(songda: Songda) -> None:
    _, claim = _write(songda)
    with songda.database.write() as connection:
        steps.give_up(connection, claim, "broken")
        steps.requeue(connection, claim.id, "operator:x")
    with songda.database.read() as connection:
        last = ledger.events(connection, f"directory:{AUTHORITY}")[-1]
    assert (last.kind, last.actor) == ("step.requeued", "operator:x")


def test_at_night_the_result_of_a_review_waits_for_the_morning_and_a_code_does_not(songda: Songda) -> None:
    night, morning = datetime(2026, 11, 23, 14, 0, tzinfo=UTC), datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
    with songda.database.write() as connection:
        set_legal_time(connection, night)  # 22:00 in Beijing
        to = (connection, AUTHORITY, "sms", "13800138001", "registration-approved")
        step_id = messages.write(*to, {"number": "20261123-AAAAAAA"})
        claim = steps.claim(connection, step_id, "test", 60)
    assert claim
    conclusion = tell(songda, claim)
    with songda.database.write() as connection:
        parked = conclusion.write(connection)
    assert isinstance(parked, Parked) and parked.until == morning
    assert not (songda.settings.home / "sms.jsonl").exists()
    _, code = _write(songda, "sms", "13800138001")
    told = tell(songda, code)
    with songda.database.write() as connection:
        assert isinstance(told.write(connection), Done)
    assert "激活码" in (songda.settings.home / "sms.jsonl").read_text("utf-8")
    with songda.database.write() as connection:
        set_legal_time(connection, morning)
    told = tell(songda, claim)
    with songda.database.write() as connection:
        assert isinstance(told.write(connection), Done)
    assert "20261123-AAAAAAA" in (songda.settings.home / "sms.jsonl").read_text("utf-8")
