"""A seal's key may have been in other hands: what was sealed since is marked and told, by rows (ESL Art 15)."""

from __future__ import annotations

import csv
import io
import json
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from delivery import passwords
from pipeline.cli import main
from pipeline.composition import Songda
from pipeline.outcomes import Done
from pipeline.settings import Settings
from pipeline.steps import marking
from records import access, affected, compromises, deliveries, directory, documents, ledger, seals, steps
from records.database import Database, database_time
from records.store import FileStore
from records.tables import affected_document, notice, seal_compromise, seal_use, step
from tests.rows import AUTHORITY, COUNTERPARTY, make_delivery, make_document

HOUR = timedelta(hours=1)
STREAM = f"directory:{AUTHORITY}"
REASON = "the token was stolen"


class Vault:
    """An authority with a seal, and documents that were sealed with it at moments that a test chooses."""

    def __init__(self, database: Database, home: Path) -> None:
        self.database = database
        settings = Settings(home=home, mail_from="songda@authority.test", lease_seconds=60)
        self.songda = Songda(settings, database, FileStore(home / "store"))
        with database.write() as connection:
            make_delivery(connection, make_document(connection, "doc_0"))
            self.now = database_time(connection)
            self.seal = self._seal(connection)
            directory.add_contact(
                connection,
                AUTHORITY,
                COUNTERPARTY,
                name="孙丽",
                department="法律部",
                mobile="13800138000",
                email="x@y.test",
            )

    def _seal(self, connection: sa.Connection) -> str:
        return seals.register(
            connection, AUTHORITY, ring_text="甲局", second_line="专用章", key_uri="pkcs12:none", test=True
        )

    def sealed(
        self,
        document_id: str,
        at: datetime | None,
        *,
        used: datetime | None = None,
        seal: str = "",
        deliver: bool = True,
    ) -> str:
        """A document that was sealed and stamped `at` (None: no stamp), recorded by our clock as `used`."""
        with self.database.write() as connection:
            make_document(connection, document_id)
            if deliver:
                make_delivery(connection, document_id)
            used_at = used or at
            assert used_at
            connection.execute(
                seal_use.insert().values(
                    document_id=document_id,
                    seal_id=seal or self.seal,
                    rendered_digest="0",
                    sealed_digest="1",
                    approver_name="孙",
                    approver_role="局长",
                    approval_rule="004-58",
                    approved_at="2026-11-20T09:00:00+08:00",
                    certificate_serial="1",
                    certificate_subject="CN=x",
                    used_at=used_at,
                )
            )
            for status in ("numbered", "rendered"):
                documents.move(connection, document_id, status)
            stamped = {"stamped_at": at.isoformat() if at else None}
            documents.move(connection, document_id, "sealed", body=stamped, seal_id=seal or self.seal)
            documents.move(connection, document_id, "released")
        return document_id

    def report(self, since: datetime) -> compromises.Reported:
        with self.database.write() as connection:
            return compromises.report(connection, self.seal, since, "operator:root", REASON)

    def mark(self, report: compromises.Reported) -> list[str]:
        """Run the step as a worker does; returns the notices that are to be sent."""
        conclusion = marking.mark(self.songda, self.claim(report))
        with self.database.write() as connection:
            done = conclusion.write(connection)
        assert isinstance(done, Done)
        return [each.subject_id for each in done.follow]

    def claim(self, report: compromises.Reported) -> steps.Claim:
        with self.database.write() as connection:
            connection.execute(step.update().where(step.c.id == report.step).values(lease_until=0))
            claim = steps.claim(connection, report.step, "test", 60)
        assert claim
        return claim

    def marked(self) -> list[str]:
        return [row["document_id"] for row in self.rows(affected_document)]

    def rows(self, table: sa.Table) -> list[sa.RowMapping]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(table).order_by(*table.primary_key.columns)).mappings())

    def events(self, stream: str) -> list[ledger.Event]:
        with self.database.read() as connection:
            assert list(ledger.verify(connection)) == []
            return ledger.events(connection, stream)

    def state(self, document_id: str) -> str | None:
        with self.database.read() as connection:
            row = affected.find(connection, document_id)
            return row and affected.state(row, row["status"])


@pytest.fixture
def vault(database: Database, tmp_path: Path) -> Vault:
    return Vault(database, tmp_path)


# --- reporting


@pytest.mark.rule("ESL-15")
def test_a_report_stops_the_seal_at_once_and_the_directory_tells(vault: Vault) -> None:
    done = vault.report(vault.now - HOUR)
    assert (done.first, done.active_seals) == (True, 0)
    with vault.database.read() as connection:
        assert seals.active(connection, AUTHORITY) is None
        assert compromises.lost_since(connection, vault.seal) == vault.now - HOUR
    told = {event.kind: event for event in vault.events(STREAM)}
    assert told["seal.stopped"].body == {"reason": REASON}
    event = told["seal.compromised"]
    assert (event.subject, event.actor) == (vault.seal, "operator:root")
    assert event.body == {"report": done.id, "since": (vault.now - HOUR).isoformat(), "reason": REASON}


def test_of_several_reports_the_earliest_moment_counts_and_none_moves_it_forward(vault: Vault) -> None:
    first = vault.report(vault.now - HOUR)
    again = vault.report(vault.now - HOUR)
    assert (again.id, again.first, again.step) == (first.id, False, first.step)
    with pytest.raises(compromises.LaterMoment):
        vault.report(vault.now - HOUR / 2)
    earlier = vault.report(vault.now - 2 * HOUR)
    assert earlier.first and earlier.id != first.id
    assert [row["since"] for row in vault.rows(seal_compromise)] == [vault.now - HOUR, vault.now - 2 * HOUR]
    with vault.database.read() as connection:
        assert compromises.lost_since(connection, vault.seal) == vault.now - 2 * HOUR
    assert [event.kind for event in vault.events(STREAM)].count("seal.compromised") == 2


def test_a_moment_in_the_future_and_an_unknown_seal_are_refused_and_nothing_is_stopped(vault: Vault) -> None:
    with pytest.raises(ValueError, match="future"):
        vault.report(vault.now + HOUR)
    with pytest.raises(LookupError), vault.database.write() as connection:
        compromises.report(connection, "sea_x", vault.now - HOUR, "operator:root", REASON)
    with vault.database.read() as connection:
        assert seals.active(connection, AUTHORITY) is not None
    assert vault.rows(seal_compromise) == []


@pytest.mark.rule("ESL-15")
def test_a_seal_that_is_being_used_is_stopped_after_that_use_so_that_no_document_slips_through(vault: Vault) -> None:
    reporting = threading.Thread(target=vault.report, args=(vault.now - HOUR,))
    with vault.database.write() as connection:
        assert seals.is_usable(connection, vault.seal)
        reporting.start()
        reporting.join(0.5)
        assert reporting.is_alive()  # the sealing commits first: whoever looks after the report sees its document
    reporting.join(20)
    with vault.database.read() as connection:
        assert seals.find(connection, vault.seal)["state"] == "stopped"


# --- which documents


@pytest.mark.rule("ESL-15")
def test_the_time_stamp_decides_and_not_our_clock(vault: Vault) -> None:
    """A worker that was slow to record, or a clock that is wrong, makes no document doubtful and clears none."""
    since = vault.now - HOUR
    minute = timedelta(minutes=1)
    vault.sealed("doc_before", since - 2 * minute, used=since + 3 * minute)
    vault.sealed("doc_after", since + minute, used=since - 3 * minute)
    vault.sealed("doc_same_second", since - timedelta(milliseconds=900))
    vault.sealed("doc_without_stamp_before", None, used=since - minute)
    vault.sealed("doc_without_stamp", None, used=since + minute)
    with vault.database.write() as connection:
        other = vault._seal(connection)
    vault.sealed("doc_other_seal", since + minute, seal=other)
    vault.mark(vault.report(since))
    assert vault.marked() == ["doc_after", "doc_same_second", "doc_without_stamp"]


@pytest.mark.rule("ESL-15")
def test_each_affected_document_tells_it_once_on_its_own_chain(vault: Vault) -> None:
    since = vault.now - HOUR
    vault.sealed("doc_1", vault.now - HOUR / 2)
    report = vault.report(since)
    vault.mark(report)
    vault.mark(report)
    vault.mark(vault.report(since - HOUR))
    (event,) = [each for each in vault.events("doc_1") if each.kind == "seal.compromised"]
    assert event.body["seal"] == vault.seal and event.body["since"] == since.isoformat()
    assert event.body["stamped_at"] == (vault.now - HOUR / 2).isoformat()
    with vault.database.read() as connection:
        row = affected.find(connection, "doc_1")
    assert row and row["key_lost_since"] == since - HOUR  # what is shown is the earliest moment


def test_many_documents_are_marked_some_at_a_time_and_a_worker_killed_in_the_middle_leaves_the_rest_to_the_next(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(marking, "BATCH", 3)
    since = vault.now - HOUR
    wanted = [vault.sealed(f"doc_{n:02}", since + timedelta(seconds=n)) for n in range(1, 11)]
    report = vault.report(since)
    real, batches = affected.mark, list[int]()

    def killed(connection: sa.Connection, row: sa.RowMapping, found: Sequence[affected.Sealed]) -> int:
        if len(batches) == 2:
            real(connection, row, found)
            raise RuntimeError("killed before the commit")
        batches.append(len(found))
        return real(connection, row, found)

    monkeypatch.setattr(affected, "mark", killed)
    with pytest.raises(RuntimeError):
        marking.mark(vault.songda, vault.claim(report))
    assert vault.marked() == wanted[4:] and batches == [3, 3]  # the third transaction was rolled back
    assert vault.rows(notice) == []  # nobody is told before all is marked
    monkeypatch.setattr(affected, "mark", real)
    assert len(vault.mark(report)) == 2
    assert vault.marked() == wanted
    for document_id in wanted:
        assert [each.kind for each in vault.events(document_id)].count("seal.compromised") == 1


def test_who_lost_the_lease_marks_nothing_more(vault: Vault) -> None:
    vault.sealed("doc_1", vault.now - HOUR / 2)
    report = vault.report(vault.now - HOUR)
    late = vault.claim(report)
    vault.claim(report)
    with pytest.raises(steps.LeaseLost):
        marking.mark(vault.songda, late)
    assert vault.marked() == []


# --- telling


@pytest.mark.rule("ESL-15")
def test_a_contact_gets_one_notice_for_a_report_however_many_documents_are_affected(vault: Vault) -> None:
    for n in range(1, 5):
        vault.sealed(f"doc_{n}", vault.now - HOUR + timedelta(minutes=n))
    report = vault.report(vault.now - HOUR)
    assert len(vault.mark(report)) == 2
    assert vault.mark(report) == []  # the step runs again: nobody is written to twice
    rows = vault.rows(notice)
    assert {(row["channel"], row["address"]) for row in rows} == {("email", "x@y.test"), ("sms", "13800138000")}
    assert {row["delivery_id"] for row in rows} == {None}
    assert {row["compromise_id"] for row in rows} == {report.id}
    (event,) = [each for each in vault.events(STREAM) if each.kind == "seal.affected_marked"]
    assert event.body == {"report": report.id, "documents": 4, "counterparties": [COUNTERPARTY], "notices": 2}


def test_an_earlier_moment_tells_only_those_to_whom_it_brings_something_new(vault: Vault) -> None:
    vault.sealed("doc_1", vault.now - HOUR / 2)
    assert len(vault.mark(vault.report(vault.now - HOUR))) == 2
    assert vault.mark(vault.report(vault.now - 2 * HOUR)) == []
    vault.sealed("doc_2", vault.now - 3 * HOUR)
    assert len(vault.mark(vault.report(vault.now - 4 * HOUR))) == 2


def test_where_nothing_was_sealed_nobody_is_told(vault: Vault) -> None:
    vault.sealed("doc_1", vault.now - 2 * HOUR)
    assert vault.mark(vault.report(vault.now - HOUR)) == []
    assert vault.marked() == []


def test_a_notice_and_the_step_of_a_report_tell_the_directory(vault: Vault) -> None:
    vault.sealed("doc_1", vault.now - HOUR / 2)
    report = vault.report(vault.now - HOUR)
    (first, _) = vault.mark(report)
    with vault.database.write() as connection:
        assert deliveries.stream(connection, first) == deliveries.stream(connection, report.id) == STREAM
        held = steps.claim(connection, steps.add(connection, "notice", first, "send"), "test", 60)
        assert held
        steps.give_up(connection, held, "no such mailbox")
        steps.requeue(connection, held.id, "operator:root")
    assert [each.subject for each in vault.events(STREAM) if each.kind == "step.requeued"] == [first]


# --- deciding


@pytest.fixture
def person(vault: Vault) -> str:
    with vault.database.write() as connection:
        return access.add_person(
            connection,
            AUTHORITY,
            login="admin",
            name="王",
            roles=("administrator",),
            password_hash=passwords.hash_password("a long enough password"),
        )


def _confirm(vault: Vault, document_id: str, person: str, authority_id: str = AUTHORITY) -> bool:
    with vault.database.write() as connection:
        return affected.confirm(connection, document_id, authority_id, person, "compared with the case file")


@pytest.mark.rule("ESL-15")
def test_a_mark_changes_no_status_and_a_named_person_confirms_the_document(vault: Vault, person: str) -> None:
    vault.sealed("doc_1", vault.now - HOUR / 2)
    vault.mark(vault.report(vault.now - HOUR))
    assert vault.state("doc_1") == "in_question"
    with vault.database.read() as connection:
        assert documents.get(connection, "doc_1")["status"] == "released"
        assert affected.count_in_question(connection, AUTHORITY) == 1
        assert affected.count_in_question(connection, "elsewhere") == 0
    assert _confirm(vault, "doc_1", person)
    assert not _confirm(vault, "doc_1", person)
    assert vault.state("doc_1") == "genuine"
    with vault.database.read() as connection:
        assert affected.count_in_question(connection) == 0
    (event,) = [each for each in vault.events("doc_1") if each.kind == "seal.confirmed_genuine"]
    assert (event.actor, event.body) == (person, {"reason": "compared with the case file"})


def test_what_bears_no_mark_is_anothers_or_has_ended_is_not_confirmed(vault: Vault, person: str) -> None:
    vault.sealed("doc_1", vault.now - HOUR / 2)
    vault.sealed("doc_2", vault.now - 2 * HOUR)
    vault.mark(vault.report(vault.now - HOUR))
    with pytest.raises(affected.NotAffected):
        _confirm(vault, "doc_2", person)
    with pytest.raises(LookupError):
        _confirm(vault, "doc_1", person, "elsewhere")
    with vault.database.write() as connection:
        documents.move(connection, "doc_1", "revoked")
    with pytest.raises(documents.WrongState):
        _confirm(vault, "doc_1", person)
    assert vault.state("doc_1") == "ended"
    assert vault.state("doc_2") is None


# --- the operator's commands

Command = Callable[..., tuple[int, Any]]


@pytest.fixture
def command(
    vault: Vault, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Command:
    (tmp_path / "songda.toml").write_text(f'database_url = "{vault.database.url}"\n')

    def run(*words: str, line: str = "", as_json: bool = True) -> tuple[int, Any]:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{line}\n"))
        more = [*(["--json"] if as_json else []), *(["--secrets-stdin"] if line else [])]
        code = main(["--home", str(tmp_path), "seal", *words, *more])
        out = capsys.readouterr().out
        return code, json.loads(out) if as_json else out

    return run


@pytest.mark.rule("ESL-15")
def test_the_command_stops_lists_and_starts_telling_and_the_list_can_be_had_at_any_time(
    vault: Vault, person: str, command: Command
) -> None:
    vault.sealed("doc_1", vault.now - HOUR / 2)
    vault.sealed("doc_2", vault.now - HOUR / 4, deliver=False)
    vault.sealed("doc_3", vault.now - 2 * HOUR)
    since = (vault.now - HOUR).isoformat()
    assert command("affected", vault.seal)[1]["error"]["code"] == "not_compromised"
    code, value = command("compromised", vault.seal, "--since", since, "--reason", REASON)
    assert (code, value["first"], value["active_seals"], value["since"]) == (0, True, 0, since)
    assert [(each["document"], each["mark"]) for each in value["documents"]] == [
        ("doc_1", "not_marked_yet"),
        ("doc_2", "not_marked_yet"),
    ]
    assert value["in_question"] == 2
    (sent,) = value["documents"][0]["deliveries"]
    assert (sent["counterparty"], sent["told"]) == (COUNTERPARTY, "under_way")
    with vault.database.read() as connection:
        found = connection.execute(sa.select(step.c.state).where(step.c.subject_type == "compromise")).scalars()
        assert list(found) == ["ready"]
    report = vault.report(vault.now - HOUR)
    notices = vault.mark(report)
    with vault.database.write() as connection:
        deliveries.update_notice(connection, notices[0], state="sent")
    assert command("confirm-document", "doc_1", "--by", "admin", "--reason", "x", line="a long enough password") == (
        0,
        {"documents": [{"document": "doc_1", "first": True}]},
    )
    code, value = command("affected", vault.seal)
    assert [(each["document"], each["mark"]) for each in value["documents"]] == [
        ("doc_1", "genuine"),
        ("doc_2", "in_question"),
    ]
    assert value["in_question"] == 1 and value["documents"][0]["deliveries"][0]["told"] == "sent"
    lines = list(csv.DictReader(io.StringIO(command("affected", vault.seal, "--csv", as_json=False)[1])))
    assert [(line["document"], line["recipient"], line["told"], line["mark"]) for line in lines] == [
        ("doc_1", "甲公司", "sent", "genuine"),
        ("doc_2", "", "", "in_question"),
    ]
    text = command("affected", vault.seal, as_json=False)[1]
    assert "2 documents sealed since; 1 in question" in text and "told: sent" in text


def test_the_command_says_what_is_wrong_with_what_was_typed(vault: Vault, person: str, command: Command) -> None:
    def code(*words: str, line: str = "") -> str:
        number, value = command(*words, line=line)
        assert number == 2
        return str(value["error"]["code"])

    early, late = (vault.now - 2 * HOUR).isoformat(), (vault.now - HOUR).isoformat()
    assert code("compromised", vault.seal, "--since", "2026-11-22T10:00", "--reason", "x") == "not_a_time"
    assert code("compromised", vault.seal, "--since", "yesterday", "--reason", "x") == "not_a_time"
    assert code("compromised", vault.seal, "--since", "2126-11-22T10:00Z", "--reason", "x") == "in_future"
    assert code("compromised", vault.seal, "--since", early, "--reason", " ") == "out_of_range"
    assert code("compromised", "sea_x", "--since", early, "--reason", "x") == "unknown_seal"
    assert command("compromised", vault.seal, "--since", early, "--reason", "x")[0] == 0
    assert code("compromised", vault.seal, "--since", late, "--reason", "x") == "later"
    assert code("affected", "sea_x") == "unknown_seal"
    secret = "a long enough password"
    assert code("confirm-document", "doc_0", "--by", "admin", "--reason", "x", line=secret) == "not_affected"
    assert code("confirm-document", "doc_x", "--by", "admin", "--reason", "x", line=secret) == "unknown_document"
    assert code("confirm-document", "doc_0", "--by", "admin", "--reason", "x", line="wrong") == "not_allowed"
