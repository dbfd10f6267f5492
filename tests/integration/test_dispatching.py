"""Dispatch: the route of each delivery, what it fixes for good, and whom it reminds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Parked
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.steps import STAGES
from records import deliveries, directory, documents, ledger, steps
from records.database import Database, legal_time
from records.steps import Claim
from records.tables import notice, step
from tests.conftest import LEGAL_NOW
from tests.house import AUTHORITY, House, furnish
from tests.rows import make_document

AIR = "air-example"
ORDINARY, IMPORTANT, PAPER_ONLY, INTERNAL = (
    "penalty-prior-notice",
    "penalty-decision",
    "confirmation-letter",
    "case-filing-form",
)


def _left(songda: Songda, claim: Claim) -> Conclusion:
    """Nobody is reminded in these tests."""
    return Conclusion(lambda connection: Parked(None, "left"))


class Dispatching:
    def __init__(self, database: Database, home: Path) -> None:
        self.house: House = furnish(database, home)
        self.database = database
        self.runner = Runner(self.house.songda, "test", {**STAGES, "send": _left})
        self.runner.queue = Queue("", 16, self.runner.run_step)
        with database.write() as connection:
            facts = directory.authority_facts(connection, AUTHORITY)
            assert facts
            self.system = facts[1]["system"]

    def may_be_served(self, *, letter: bool = True, account: bool = True, **named: Any) -> str:
        """Give the counterparty what electronic service needs; returns the letter's id."""
        with self.database.write() as connection:
            if account:
                directory.add_account(connection, AUTHORITY, AIR, login="NEA", department="法律部", password_hash="x")
            if not letter:
                return ""
            values = {
                "letter_version": "附件1",
                "system_name": self.system["name"]["zh"],
                "system_address": self.system["address"],
                "signed_on": "2018-08-10",
                "in_force_from": LEGAL_NOW - timedelta(days=300),
            }
            return directory.file_letter(connection, AUTHORITY, AIR, **(values | named))

    def add_contacts(self, *contacts: tuple[str | None, str | None]) -> None:
        with self.database.write() as connection:
            for number, (email, mobile) in enumerate(contacts):
                directory.add_contact(
                    connection, AUTHORITY, AIR, name=f"联系人{number}", department="d", mobile=mobile, email=email
                )

    def dispatch(self, instrument: str = ORDINARY, *, important: bool = False, **columns: Any) -> sa.RowMapping:
        """Release a document with one delivery and let the step run; returns the delivery's row."""
        with self.database.write() as connection:
            document_id = make_document(
                connection,
                authority_id=AUTHORITY,
                instrument=instrument,
                important=important,
                approval={"name": "孙建平", "role": "r", "rule": "004-58", "approved_at": "x"},
                final_digest="f" * 64,
            )
            to = {"counterparty_id": AIR} if "address" not in columns else {}
            names = {"recipient_zh": "北方示例航空有限公司", "recipient_en": "Northern Example Airlines Co., Ltd."}
            delivery_id = deliveries.insert(
                connection,
                document_id=document_id,
                authority_id=AUTHORITY,
                paper_required=False,
                **(names | to | columns),
            )
            steps.add(connection, "delivery", delivery_id, "dispatch")
        self.runner.run_step(f"{delivery_id}/dispatch")
        with self.database.read() as connection:
            assert list(ledger.verify(connection)) == []
            return deliveries.get(connection, delivery_id)

    def steps_of(self, row: sa.RowMapping) -> dict[str, str]:
        with self.database.read() as connection:
            found = connection.execute(sa.select(step).where(step.c.subject_id == row["id"])).mappings()
            return {each["stage"]: each["state"] for each in found}

    def event(self, row: sa.RowMapping) -> ledger.Event:
        with self.database.read() as connection:
            events = ledger.events(connection, row["document_id"])
        (found,) = [each for each in events if each.kind == "delivery.dispatched"]
        return found

    def notices(self, row: sa.RowMapping) -> list[sa.RowMapping]:
        with self.database.read() as connection:
            return deliveries.notices(connection, row["id"])


@pytest.fixture
def dispatching(database: Database, tmp_path: Path) -> Iterator[Dispatching]:
    dispatching = Dispatching(database, tmp_path)
    yield dispatching
    dispatching.runner.close()


def _rules(row: sa.RowMapping) -> list[str]:
    return [reason["rule"] for reason in row["route_reasons"]]


# --- the inbox


@pytest.mark.rule("LAW-2", "LAW-3", "LAW-4", "ESL-11a")
def test_with_account_and_letter_it_stands_in_the_inbox_and_its_days_are_counted(dispatching: Dispatching) -> None:
    letter = dispatching.may_be_served()
    row = dispatching.dispatch()
    assert (row["route"], row["status"], row["letter_id"]) == ("inbox", "available", letter)
    assert (row["paper_required"], row["paper_status"]) == (False, "none")
    assert timedelta() <= row["sent_at"] - LEGAL_NOW < timedelta(minutes=1)
    assert row["service_count"]["days"] == ["2026-11-24", "2026-11-25", "2026-11-26"]
    assert row["deemed_date"] == "2026-11-26" and row["service_status"] == "pending"
    assert row["service_count"]["unsettled"] is None and row["service_count"]["calendar_version"]
    assert dispatching.steps_of(row) == {"dispatch": "done", "settle": "ready", "remind": "ready"}


@pytest.mark.rule("LAW-4", "ESL-6", "ESL-9", "ESL-11a", "ESL-12")
def test_esl_6_9_11_the_event_says_who_sent_what_to_whom_when_and_by_which_approval(dispatching: Dispatching) -> None:
    letter = dispatching.may_be_served()
    row = dispatching.dispatch()
    event = dispatching.event(row)
    assert event.happened_at == row["sent_at"] and event.subject == row["id"]
    assert event.body["digest"] == "f" * 64 and event.body["letter"] == letter
    assert event.body["recipient"]["id"] == AIR and event.body["approval"]["name"] == "孙建平"
    assert event.body["count"] == row["service_count"]
    assert event.body["places"]["to"]["zh"] == "北京市顺义区天竺示例大街8号"  # ESL 12: places of business
    assert event.body["places"]["from"]


@pytest.mark.rule("D3")
def test_ii_4_important_instruments_go_into_the_inbox_and_onto_paper(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    row = dispatching.dispatch(IMPORTANT, important=True)
    assert (row["route"], row["status"], row["paper_required"], row["paper_status"]) == (
        "inbox",
        "available",
        True,
        "to_print",
    )
    assert "paper-in-parallel" in _rules(row)


def test_the_job_may_raise_the_importance(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    row = dispatching.dispatch(ORDINARY, important=True)
    assert (row["route"], row["paper_status"]) == ("inbox", "to_print")


# --- paper only


@pytest.mark.rule("LAW-2")
@pytest.mark.parametrize(
    ("given", "rule"),
    [
        ({"letter": False}, "no-letter"),
        ({"account": False}, "no-approved-account"),
        ({"in_force_from": LEGAL_NOW + timedelta(days=1)}, "letter-not-yet-in-force"),
        ({"system_name": "另一系统", "system_address": "https://other.test"}, "letter-names-another-system"),
    ],
)
def test_what_is_missing_means_paper_and_never_a_document_left_lying(
    dispatching: Dispatching, given: dict[str, Any], rule: str
) -> None:
    dispatching.may_be_served(**given)
    dispatching.add_contacts(("legal@x.test", "13800138000"))
    row = dispatching.dispatch()
    assert (row["route"], row["paper_status"], row["letter_id"]) == ("paper", "to_print", None)
    assert (row["status"], row["service_count"], row["deemed_date"]) == ("pending", None, None)
    assert rule in _rules(row)
    assert dispatching.steps_of(row) == {"dispatch": "done", "settle": "waiting"}
    assert dispatching.notices(row) == []  # nothing stands in the inbox that one could be reminded of


@pytest.mark.rule("LAW-2")
def test_a_letter_withdrawn_between_intake_and_dispatch_means_paper(dispatching: Dispatching) -> None:
    letter = dispatching.may_be_served()
    with dispatching.database.write() as connection:
        directory.withdraw_letter(connection, letter, legal_time(connection), "per_1")
    row = dispatching.dispatch()
    assert row["route"] == "paper" and _rules(row) == ["letter-withdrawn"]


@pytest.mark.rule("ESL-11c")
def test_consent_withdrawn_later_leaves_what_was_sent_before(dispatching: Dispatching) -> None:
    letter = dispatching.may_be_served()
    row = dispatching.dispatch()
    with dispatching.database.write() as connection:
        directory.withdraw_letter(connection, letter, legal_time(connection), "per_1")
    dispatching.runner.run_step(f"{row['id']}/settle")
    with dispatching.database.read() as connection:
        after = deliveries.get(connection, row["id"])
    assert (after["route"], after["deemed_date"], after["letter_id"]) == ("inbox", "2026-11-26", letter)


def test_a_stopped_account_means_paper(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    with dispatching.database.write() as connection:
        connection.execute(sa.text("update account set state = 'stopped'"))
    assert _rules(dispatching.dispatch()) == ["no-approved-account"]


@pytest.mark.parametrize("kind", ["natural_person", "outside_body"])
def test_who_cannot_sign_the_letter_is_served_on_paper(dispatching: Dispatching, kind: str) -> None:
    dispatching.may_be_served()
    with dispatching.database.write() as connection:
        connection.execute(sa.text("update counterparty set kind = :kind"), {"kind": kind})
    assert _rules(dispatching.dispatch()) == ["recipient-without-letter-kind"]


def test_a_recipient_outside_the_register_is_served_on_paper_at_the_address_given(dispatching: Dispatching) -> None:
    place = {"zh": "北京市海淀区某路1号", "en": "1 Mou Road, Haidian District, Beijing"}
    row = dispatching.dispatch(address={"name": {"zh": "张三", "en": "Zhang San"}, "place": place})
    assert (row["route"], row["paper_status"]) == ("paper", "to_print")
    assert _rules(row) == ["recipient-outside-directory"]
    assert row["places"]["to"] == place


def test_an_instrument_that_is_served_on_paper_only_never_enters_the_inbox(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    row = dispatching.dispatch(PAPER_ONLY)
    assert row["route"] == "paper" and _rules(row) == ["no-electronic-service"]


# --- internal


def test_an_internal_form_goes_nowhere_and_no_date_is_waited_for(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    dispatching.add_contacts(("legal@x.test", None))
    row = dispatching.dispatch(INTERNAL)
    assert (row["route"], row["paper_status"], row["deemed_date"]) == ("internal", "none", None)
    assert dispatching.steps_of(row) == {"dispatch": "done"}
    assert dispatching.notices(row) == []


# --- reminders


def test_each_contact_is_reminded_over_each_channel_it_has(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    dispatching.add_contacts(("a@x.test", "13800138001"), ("b@x.test", None), (None, "13800138003"), (None, None))
    row = dispatching.dispatch()
    found = dispatching.notices(row)
    assert sorted((each["channel"], each["address"]) for each in found) == [
        ("email", "a@x.test"),
        ("email", "b@x.test"),
        ("sms", "13800138001"),
        ("sms", "13800138003"),
    ]
    assert {each["state"] for each in found} == {"pending"}
    with dispatching.database.read() as connection:
        rows = connection.execute(sa.select(step).where(step.c.stage == "send")).mappings().all()
    assert {each["subject_id"] for each in rows} == {each["id"] for each in found}


def test_rfc_5322_a_mail_has_its_message_id_from_the_start(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    dispatching.add_contacts(("a@x.test", "13800138001"))
    found = {each["channel"]: each for each in dispatching.notices(dispatching.dispatch())}
    domain = dispatching.house.songda.settings.mail_from.rpartition("@")[2]
    assert found["email"]["message_id"] == f"<{found['email']['id']}@{domain}>"
    assert found["sms"]["message_id"] == found["sms"]["id"]


# --- replays, and what fails


def test_a_step_that_runs_again_sends_nothing_a_second_time(dispatching: Dispatching) -> None:
    dispatching.may_be_served()
    dispatching.add_contacts(("a@x.test", None))
    row = dispatching.dispatch()
    dispatching.runner.run_step(f"{row['id']}/dispatch")
    with dispatching.database.read() as connection:
        assert connection.execute(sa.select(sa.func.count()).select_from(notice)).scalar_one() == 1
        assert deliveries.get(connection, row["id"]) == row
    assert dispatching.event(row)


def test_an_authority_whose_facts_are_gone_stops_the_delivery_with_a_reason(dispatching: Dispatching) -> None:
    with dispatching.database.write() as connection:
        connection.execute(sa.text("update authority_revision set approved_by = null"))
    row = dispatching.dispatch()
    assert (row["route"], row["sent_at"]) == (None, None)
    assert dispatching.steps_of(row) == {"dispatch": "dead"}
    with dispatching.database.read() as connection:
        last = ledger.events(connection, row["document_id"])[-1]
        assert documents.get(connection, row["document_id"])["status"] == "accepted"
    assert last.kind == "step.dead" and "no approved facts" in last.body["error"]
