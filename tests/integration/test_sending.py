"""Reminders over real SMTP: intent before the effect; ambiguity is said; a mail keeps its Message-ID and bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from pipeline.composition import Songda
from pipeline.outcomes import Done
from pipeline.settings import Settings
from pipeline.steps import sending
from pipeline.steps.sending import send
from records import deliveries, directory, documents, ledger, steps
from records.database import Database
from records.errors import Ambiguous, Retry
from records.store import FileStore
from records.tables import step
from tests.servers import free_port
from tests.sms_operators import operator, taken


class Inbox:
    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self.answer = "250 taken"

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        if self.answer.startswith("250"):
            self.messages.append(envelope.original_content)
        return self.answer


@pytest.fixture
def inbox() -> Iterator[tuple[Inbox, int]]:
    handler, port = Inbox(), free_port()
    controller = Controller(handler, hostname="127.0.0.1", port=port)
    controller.start()
    yield handler, port
    controller.stop()


@pytest.fixture
def songda(database: Database, tmp_path: Path, inbox: tuple[Inbox, int]) -> Songda:
    settings = Settings(
        home=tmp_path, smtp_port=inbox[1], mail_from="songda@authority.test", public_url="http://127.0.0.1:1"
    )
    return Songda(settings, database, FileStore(tmp_path / "store"))


def _notice(songda: Songda, channel: str = "email") -> steps.Claim:
    with songda.database.write() as connection:
        _document(connection)
        of = ("a", "c")
        contact = directory.add_contact(
            connection, *of, name="孙丽", department="法律部", mobile="13800138000", email="x@y.test"
        )
        delivery = deliveries.insert(
            connection,
            document_id="doc_1",
            authority_id="a",
            counterparty_id="c",
            recipient_zh="甲",
            recipient_en="A",
            paper_required=False,
        )
        address = "x@y.test" if channel == "email" else "13800138000"
        deliveries.insert_notices(
            connection,
            [
                {
                    "id": "ntc_1",
                    "delivery_id": delivery,
                    "contact_id": contact,
                    "channel": channel,
                    "address": address,
                    "message_id": "<ntc_1@authority.test>" if channel == "email" else "ntc_1",
                }
            ],
        )
        steps.add(connection, "notice", "ntc_1", "send")
        claim = steps.claim(connection, "ntc_1/send", "test", 60)
    assert claim
    return claim


def _document(connection: Any) -> None:
    from records import api_keys

    directory.create_authority(connection, "a")
    directory.create_counterparty(
        connection, "a", "c", kind="legal_person", name_zh="甲", name_en="A", address_zh="乙", address_en="B"
    )
    client = api_keys.create_client(connection, "a", "case system")
    documents.insert_job(connection, id="job_1", authority_id="a", client_id=client, case_no="1", body="{}")
    documents.insert(
        connection,
        id="doc_1",
        job_id="job_1",
        authority_id="a",
        client_id=client,
        case_no="1",
        position=0,
        instrument="hearing-notice",
        template_version="1",
        engine="typst",
        facts={},
        authority_revision=1,
        numbered=True,
        sealed=True,
        delivered=True,
        important=False,
        series_kind="hearing-notice",
        copies_to=[],
        approval=None,
        seal_id=None,
    )


def _run(songda: Songda, claim: steps.Claim) -> None:
    conclusion = send(songda, claim)
    with songda.database.write() as connection:
        assert isinstance(conclusion.write(connection), Done)


def _notices(songda: Songda) -> tuple[str, list[str]]:
    with songda.database.read() as connection:
        kinds = [event.kind for event in ledger.events(connection, "doc_1")]
        return deliveries.get_notice(connection, "ntc_1")["state"], kinds


def test_a_mail_goes_out_once_and_the_ledger_tells(songda: Songda, inbox: tuple[Inbox, int]) -> None:
    _run(songda, _notice(songda))
    assert len(inbox[0].messages) == 1
    assert _notices(songda) == ("sent", ["notice.sent"])


def test_after_a_crash_between_effect_and_outcome_the_same_bytes_go_again(
    songda: Songda, inbox: tuple[Inbox, int]
) -> None:
    send(songda, _notice(songda))  # the worker is killed before it can write the outcome
    _run(songda, _lose(songda))
    first, second = inbox[0].messages
    assert first == second
    assert b"Message-ID: <ntc_1@authority.test>" in first
    assert _notices(songda) == ("sent", ["notice.ambiguous", "notice.sent"])


def test_an_sms_of_unknown_outcome_is_not_sent_again(songda: Songda) -> None:
    send(songda, _notice(songda, "sms"))
    _run(songda, _lose(songda))
    assert (songda.settings.home / "sms.jsonl").read_text().count("\n") == 1
    assert _notices(songda) == ("ambiguous", ["notice.ambiguous", "notice.ambiguous"])


def test_an_sms_goes_again_where_the_same_out_id_goes_out_once(songda: Songda) -> None:
    with operator("http") as gateway:
        lost = replace(songda, settings=replace(songda.settings, **gateway.settings()))
        claim = _notice(lost, "sms")
        gateway.answer = None
        with pytest.raises(Retry):
            send(lost, claim)
        gateway.answer = taken("http")
        send(lost, claim)  # the worker is killed before it can write the outcome
        _run(lost, _lose(lost))
        assert [each["out_id"] for each in gateway.requests] == ["ntc_1"] * 3 and list(gateway.sent) == ["ntc_1"]
    assert _notices(lost) == ("sent", ["notice.ambiguous", "notice.ambiguous", "notice.sent"])


def test_an_sms_of_which_nobody_knows_is_not_sent_again_where_it_would_arrive_twice(songda: Songda) -> None:
    with operator("aliyun") as gateway:
        lost = replace(songda, settings=replace(songda.settings, **gateway.settings()))
        gateway.answer = None
        _run(lost, _notice(lost, "sms"))
        assert len(gateway.requests) == 1
    assert _notices(lost) == ("ambiguous", ["notice.ambiguous", "notice.ambiguous"])


def test_a_mail_is_not_sent_for_ever_when_nobody_knows_whether_it_arrived(
    songda: Songda, inbox: tuple[Inbox, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(*_: object) -> str:
        raise Ambiguous("the mail server was lost after DATA")

    monkeypatch.setattr(sending, "_by_mail", lost)
    claim = _notice(songda)
    for _ in range(4):
        with pytest.raises(Retry):
            send(songda, claim)
    _run(songda, claim)
    state, kinds = _notices(songda)
    assert state == "ambiguous" and kinds.count("notice.ambiguous") == 6  # five sendings, and the end of it


def test_later_means_later_and_no_means_failed(songda: Songda, inbox: tuple[Inbox, int]) -> None:
    claim = _notice(songda)
    inbox[0].answer = "451 later"
    with pytest.raises(Retry):
        send(songda, claim)
    assert _notices(songda) == ("pending", [])
    inbox[0].answer = "550 no such mailbox"
    _run(songda, claim)
    assert _notices(songda) == ("failed", ["notice.failed"])


def _lose(songda: Songda) -> steps.Claim:
    """Another worker takes the step over."""
    with songda.database.write() as connection:
        connection.execute(sa.update(step).values(lease_until=0))
        claim = steps.claim(connection, "ntc_1/send", "the next one", 60)
    assert claim
    return claim


def test_who_lost_the_lease_before_sending_sends_nothing(songda: Songda, inbox: tuple[Inbox, int]) -> None:
    late = _notice(songda)
    conclusion = send(songda, _lose(songda))
    with songda.database.write() as connection:
        conclusion.write(connection)
    with pytest.raises(steps.LeaseLost):
        send(songda, late)
    assert len(inbox[0].messages) == 1
    assert _notices(songda) == ("sent", ["notice.ambiguous", "notice.sent"])
