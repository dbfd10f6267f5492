"""The pipeline end to end in one process: a job becomes a sealed document in an inbox; what fails closes, recovers."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pypdf
import pytest
import sqlalchemy as sa
from aiosmtpd.controller import Controller

from delivery.beijing import BEIJING, end_of
from pipeline import intake
from pipeline.callers import Caller, identify
from pipeline.composition import Songda, open_songda
from pipeline.outcomes import Conclusion
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import load
from pipeline.steps import STAGES
from pipeline.testsystem import Ports, free_ports, make_test_system
from pipeline.worker import Worker
from records import deliveries, documents, ledger, schema, series, steps
from records.database import set_legal_time
from records.errors import Refused
from records.tables import delivery, number, seal_use, step
from signing.verification import verify
from tests.conftest import LEGAL_NOW
from tests.house import sample
from tests.servers import Postgres, Valkey, wait_for_port


class _Mailbox:
    def __init__(self) -> None:
        self.messages: list[bytes] = []

    async def handle_DATA(self, _server: object, _session: object, envelope: Any) -> str:
        self.messages.append(envelope.original_content)
        return "250 taken"


@dataclass
class Plant:
    """A TEST system of which only the workers run, in this process, and the local CA with its TSA, in another."""

    home: Path
    ports: Ports
    api_key: str
    mailbox: _Mailbox = field(default_factory=_Mailbox)
    authority: subprocess.Popen[bytes] | None = None

    def open(self) -> Songda:
        return open_songda(load(self.home, {}))

    def start_authority(self) -> None:
        self.authority = subprocess.Popen([sys.executable, "-m", "signing.testpki", str(self.home / "pki")])
        wait_for_port(self.ports.pki)

    def stop_authority(self) -> None:
        if self.authority is not None:
            self.authority.terminate()
            self.authority.wait(20)
            self.authority = None

    @contextmanager
    def working(self) -> Iterator[Songda]:
        songda = self.open()
        worker = Worker(songda)
        worker.start()
        try:
            yield songda
        finally:
            worker.stop()
            songda.close()


@pytest.fixture(scope="module", params=["embedded", "distributed"])
def plant(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    """On SQLite with in-process queues, and on PostgreSQL with Valkey."""
    home, ports = tmp_path_factory.mktemp("plant") / "home", free_ports(0)
    extra: dict[str, Any] = {"max_attempts": 2}
    url = ""
    if request.param == "distributed":
        postgres: Postgres = request.getfixturevalue("postgres")
        valkey: Valkey = request.getfixturevalue("valkey")
        valkey.empty()
        url, extra["redis_url"] = postgres.create_database(), valkey.url(3)
    access = make_test_system(home, ports, database_url=url, legal_now=LEGAL_NOW, extra=extra)
    plant = Plant(home, ports, access.api_key)
    mail = Controller(plant.mailbox, hostname="127.0.0.1", port=ports.smtp)
    mail.start()
    plant.start_authority()
    yield plant
    plant.stop_authority()
    mail.stop()


def _caller(songda: Songda, plant: Plant) -> Caller:
    with songda.database.read() as connection:
        found = identify(connection, plant.api_key)
    assert found
    return found


def submit(songda: Songda, plant: Plant, name: str = "penalty-prior-notice", **more: Any) -> str:
    """Store a job with one document, as the API does; returns the document's id."""
    job = sample(name)
    job["documents"][0] |= more
    caller = _caller(songda, plant)
    checked = intake.check(songda, caller, job)
    with songda.database.write() as connection:
        answer, due = intake.store(connection, caller, checked)
    songda.hint(due)
    return str(answer["documents"][0]["id"])


def wait_for(songda: Songda, document_id: str, reached: Callable[[sa.RowMapping], bool]) -> sa.RowMapping:
    deadline = time.monotonic() + 60
    while True:
        with songda.database.read() as connection:
            row = documents.get(connection, document_id)
        if reached(row):
            return row
        if time.monotonic() > deadline:
            with songda.database.read() as connection:
                found = connection.execute(sa.select(step).where(step.c.subject_id == document_id)).mappings().all()
            raise AssertionError(f"{document_id} is {row['status']}: {found}")
        time.sleep(0.05)


def released(row: sa.RowMapping) -> bool:
    assert row["status"] not in ("failed", "void"), row["reason"]
    return bool(row["status"] == "released")


def step_row(songda: Songda, step_id: str) -> sa.RowMapping | None:
    with songda.database.read() as connection:
        return connection.execute(sa.select(step).where(step.c.id == step_id)).mappings().first()


def wait_for_step(songda: Songda, step_id: str, reached: Callable[[sa.RowMapping], bool]) -> sa.RowMapping:
    deadline = time.monotonic() + 60
    while True:
        row = step_row(songda, step_id)
        if row is not None and reached(row):
            return row
        assert time.monotonic() < deadline, dict(row or {})
        time.sleep(0.05)


def _try_again_now(songda: Songda, step_id: str) -> None:
    with songda.database.write() as connection:
        connection.execute(step.update().where(step.c.id == step_id, step.c.state == "ready").values(run_at=0))


def _deliveries(songda: Songda, document_id: str) -> list[sa.RowMapping]:
    with songda.database.read() as connection:
        return deliveries.of_document(connection, document_id)


@pytest.mark.rule("D2", "LAW-3")
def test_a_job_becomes_a_sealed_document_in_the_inbox_and_is_deemed_served(plant: Plant) -> None:
    with plant.working() as songda:
        document_id = submit(songda, plant)
        row = wait_for(songda, document_id, released)
        pdf = songda.store.get(row["final_digest"])
        verdict = verify(pdf, songda.cabinet.trust)
        assert (verdict.verdict, verdict.test) == ("valid", True)
        text = "".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(pdf)).pages)
        assert row["number_zh"] in text.replace("\n", "") and "TEST" in text
        assert len(pypdf.PdfReader(io.BytesIO(pdf)).pages) == row["pages"]

        (served,) = _deliveries(songda, document_id)
        wait_for_step(songda, f"{served['id']}/settle", lambda each: each["legal_at"] is not None)
        (served,) = _deliveries(songda, document_id)
        assert (served["route"], served["status"], served["deemed_date"]) == ("inbox", "available", "2026-11-26")
        assert served["sent_at"] - LEGAL_NOW < timedelta(minutes=3)

        with songda.database.write() as connection:
            set_legal_time(connection, datetime(2026, 11, 27, tzinfo=BEIJING))
        wait_for_step(songda, f"{served['id']}/settle", lambda each: each["state"] == "done")
        (served,) = _deliveries(songda, document_id)
        assert (served["service_status"], served["service_date"]) == ("final", "2026-11-26")
        _check_ledger(songda, row)
        _check_seal_use(songda, row)
        _check_mail(songda, plant, served)


def test_a_job_may_ask_for_the_word_print_and_it_is_sealed_where_the_template_says(plant: Plant) -> None:
    with plant.working() as songda:
        row = wait_for(songda, submit(songda, plant, "hearing-notice", engine="word"), released)
        pdf = songda.store.get(row["final_digest"])
        assert (row["engine"], verify(pdf, songda.cabinet.trust).verdict) == ("word", "valid")
        assert "LibreOffice" in str(pypdf.PdfReader(io.BytesIO(pdf)).metadata)
        with pytest.raises(Refused) as refused:
            submit(songda, plant, "demand-letter", engine="word")
        assert [fault.pointer for fault in refused.value.faults] == ["/documents/0/engine"]


def _check_ledger(songda: Songda, row: sa.RowMapping) -> None:
    with songda.database.read() as connection:
        assert list(ledger.verify(connection)) == []
        events = ledger.events(connection, row["id"])
    kinds = [event.kind for event in events if not event.kind.startswith(("notice.", "reminder."))]
    assert kinds == [
        "document.accepted",
        "document.numbered",
        "document.rendered",
        "document.sealed",
        "document.released",
        "delivery.dispatched",
        "service.decided",
        "service.decided",
        "deadlines.computed",
    ]
    told = {event.kind: event.body for event in events}
    assert told["document.sealed"]["test"] is True and told["document.sealed"]["profile"] == "B-LT"
    assert told["document.released"]["digest"] == told["document.sealed"]["digest"] == row["final_digest"]


def _check_seal_use(songda: Songda, row: sa.RowMapping) -> None:
    with songda.database.read() as connection:
        query = sa.select(seal_use).where(seal_use.c.document_id == row["id"])
        used = connection.execute(query).mappings().one()
    assert (used["rendered_digest"], used["sealed_digest"]) == (row["rendered_digest"], row["final_digest"])
    assert (used["basis"], used["approver_name"]) == ("grant", "孙建平")
    assert row["approval"]["rule"] == "004-58", "what the case system says is kept as well"
    assert songda.store.get(used["rendered_digest"])


def _check_mail(songda: Songda, plant: Plant, served: sa.RowMapping) -> None:
    with songda.database.read() as connection:
        told = deliveries.notices(connection, served["id"])
    sent = [row for row in told if (row["channel"], row["occasion"]) == ("email", "arrival")]
    assert {row["state"] for row in sent} == {"sent"}
    for row in sent:
        assert sum(row["message_id"].encode() in message for message in plant.mailbox.messages) == 1


def test_sixteen_jobs_at_once_get_numbers_without_gap_or_double(plant: Plant) -> None:
    with plant.working() as songda:
        ids = [submit(songda, plant, "hearing-notice") for _ in range(16)]
        rows = [wait_for(songda, document_id, released) for document_id in ids]
        with songda.database.read() as connection:
            query = sa.select(number.c.ordinal).where(number.c.document_id.in_(ids)).order_by(number.c.ordinal)
            ordinals = list(connection.execute(query).scalars())
            assert list(ledger.verify(connection)) == []
    assert ordinals == list(range(ordinals[0], ordinals[0] + 16))
    assert len({row["final_digest"] for row in rows}) == 16


def test_a_tsa_that_is_down_makes_the_seal_wait_with_a_reason_and_recover_by_itself(plant: Plant) -> None:
    """Fail closed: without a time stamp there is no seal; nobody has to do anything when the TSA is back."""
    with plant.working() as songda:
        plant.stop_authority()
        try:
            document_id = submit(songda, plant)
            for attempt in (1, 2, 3):  # more often than max_attempts: waiting is not failing
                waiting = wait_for_step(songda, f"{document_id}/seal", lambda row, n=attempt: row["excused"] >= n)
                assert waiting["state"] == "ready" and waiting["error"]
                if attempt < 3:
                    _try_again_now(songda, f"{document_id}/seal")
            assert step_row(songda, f"{document_id}/release") is None
            with songda.database.read() as connection:
                row = documents.get(connection, document_id)
            assert (row["status"], row["final_digest"]) == ("rendered", None)
        finally:
            plant.start_authority()
        row = wait_for(songda, document_id, released)
        with songda.database.read() as connection:
            uses = connection.execute(sa.select(seal_use).where(seal_use.c.document_id == document_id)).all()
        assert len(uses) == 1
        assert verify(songda.store.get(row["final_digest"]), songda.cabinet.trust).verdict == "valid"


def _waits_unsealed(songda: Songda, document_id: str) -> str:
    """It keeps waiting at its seal, with a reason: nothing was sealed, nothing handed out, its number is kept."""
    waiting = wait_for_step(songda, f"{document_id}/seal", lambda row: bool(row["error"]))
    with songda.database.read() as connection:
        row = documents.get(connection, document_id)
        uses = connection.execute(sa.select(seal_use).where(seal_use.c.document_id == document_id)).all()
        (delivery_row,) = deliveries.of_document(connection, document_id)
        state = connection.execute(sa.select(number.c.state).where(number.c.document_id == document_id)).scalar_one()
    assert (row["status"], row["final_digest"], uses, state) == ("rendered", None, [], "bound")
    assert (delivery_row["route"], delivery_row["sent_at"]) == (None, None)
    assert waiting["state"] == "ready" and waiting["excused"] >= 1
    return str(waiting["error"])


def test_a_worker_that_is_lost_while_it_seals_leaves_word_of_the_file_that_may_exist(plant: Plant) -> None:
    songda = plant.open()
    document_id = submit(songda, plant)

    def killed(songda: Songda, claim: steps.Claim) -> Conclusion:
        raise KeyboardInterrupt  # as if the process ended here: nothing is written

    runner = Runner(songda, "test", {**STAGES, "seal": killed})
    runner.queue = Queue("", 16, runner.run_step)
    with pytest.raises(KeyboardInterrupt):
        runner.run_step(f"{document_id}/number")
    with songda.database.write() as connection:
        connection.execute(step.update().where(step.c.id == f"{document_id}/seal").values(lease_until=0))
    runner.close()
    songda.close()
    with plant.working() as songda:
        wait_for(songda, document_id, released)
        with songda.database.read() as connection:
            kinds = [event.kind for event in ledger.events(connection, document_id)]
    assert kinds[2:5] == ["document.rendered", "seal.ambiguous", "document.sealed"]


@pytest.mark.rule("ESL-15")
def test_a_stopped_seal_refuses_and_what_waits_goes_on_when_there_is_one_in_order(plant: Plant) -> None:
    songda = plant.open()
    document_id = submit(songda, plant)
    with songda.database.write() as connection:
        connection.execute(sa.text("update seal set state = 'stopped'"))
    songda.close()
    try:
        with plant.working() as songda:
            assert "no active seal" in _waits_unsealed(songda, document_id)
            with songda.database.write() as connection:
                connection.execute(sa.text("update seal set state = 'active'"))
            _try_again_now(songda, f"{document_id}/seal")
            wait_for(songda, document_id, released)
    finally:
        songda = plant.open()
        with songda.database.write() as connection:
            connection.execute(sa.text("update seal set state = 'active'"))
        songda.close()


def test_a_key_whose_secret_is_wrong_seals_nothing_and_tells_no_secret(plant: Plant) -> None:
    opened = plant.open()
    secrets = dict.fromkeys(opened.settings.secrets, "wrong-one")
    songda = replace(opened, settings=replace(opened.settings, secrets=secrets))
    document_id = submit(songda, plant)
    worker = Worker(songda)
    worker.start()
    try:
        assert "wrong-one" not in _waits_unsealed(songda, document_id)
    finally:
        worker.stop()
        songda.close()
    with plant.working() as songda:
        _try_again_now(songda, f"{document_id}/seal")
        wait_for(songda, document_id, released)


def test_the_turn_of_the_year_waits_for_its_series_and_goes_on(plant: Plant) -> None:
    """Accepted by the series of one year, numbered in the next: nobody's document fails because it is New Year."""
    songda = plant.open()
    document_id = submit(songda, plant, "penalty-decision")
    with songda.database.write() as connection:
        connection.execute(sa.text("update series set year = 2020 where kind = 'penalty-decision' and year = 2026"))
    songda.close()
    with plant.working() as songda:
        waiting = wait_for_step(songda, f"{document_id}/number", lambda row: bool(row["error"]))
        assert waiting["state"] == "ready" and "no series" in waiting["error"]
        with songda.database.write() as connection:
            authority = documents.get(connection, document_id)["authority_id"]
            year = 2026
            series.create(connection, authority, "penalty-decision", year, "新〔{year}〕{n}号", "New [{year}] No. {n}")
        _try_again_now(songda, f"{document_id}/number")
        row = wait_for(songda, document_id, released)
        assert row["number_zh"] == "新〔2026〕1号"
        verdict = verify(songda.store.get(row["final_digest"]), songda.cabinet.trust)
        assert (verdict.valid, verdict.signatures[0].profile) == (True, "B-LTA"), "as the manifest of a decision asks"


def test_two_workers_on_one_system_do_everything_once(plant: Plant) -> None:
    with plant.working() as songda, plant.working():
        ids = [submit(songda, plant) for _ in range(6)]
        for document_id in ids:
            wait_for(songda, document_id, released)
        with songda.database.read() as connection:
            uses = connection.execute(sa.select(seal_use.c.document_id)).scalars().all()
            assert len(uses) == len(set(uses)) and set(ids) <= set(uses)
            dispatched = connection.execute(sa.select(delivery).where(delivery.c.document_id.in_(ids))).all()
            assert len(dispatched) == 6
            assert list(ledger.verify(connection)) == []


def _served(songda: Songda, document_id: str) -> str:
    """Let the document be deemed served; returns the day."""
    (sent,) = _deliveries(songda, document_id)
    wait_for_step(songda, f"{sent['id']}/settle", lambda each: each["legal_at"] is not None)
    (sent,) = _deliveries(songda, document_id)
    with songda.database.write() as connection:
        set_legal_time(connection, end_of(date.fromisoformat(sent["deemed_date"])))
    wait_for_step(songda, f"{sent['id']}/settle", lambda each: each["state"] == "done")
    (served,) = _deliveries(songda, document_id)
    return str(served["service_date"])


def test_a_released_document_is_revoked_by_a_sealed_decision_once_that_is_served(plant: Plant) -> None:
    with plant.working() as songda:
        old = wait_for(songda, submit(songda, plant), released)
        facts = sample("revocation-decision")["documents"][0]["facts"]
        facts["document"] |= {
            "number": {"zh": old["number_zh"], "en": old["number_en"]},
            "served_on": _served(songda, old["id"]),
        }
        recipients = [{"counterparty": row["counterparty_id"]} for row in _deliveries(songda, old["id"])]
        of = {"ends": old["id"], "recipients": recipients}
        new = wait_for(songda, submit(songda, plant, "revocation-decision", facts=facts, **of), released)
        with songda.database.read() as connection:
            assert documents.get(connection, old["id"])["status"] == "released"
        day = _served(songda, new["id"])
        with songda.database.read() as connection:
            assert documents.get(connection, old["id"])["status"] == "revoked"
            told = [event for event in ledger.events(connection, old["id"]) if event.kind.startswith("link.")]
            assert [(event.kind, event.legal_date) for event in told] == [
                ("link.released", None),
                ("link.in_effect", day),
            ]
            assert list(ledger.verify(connection)) == []


def test_a_test_system_is_marked_for_good_and_its_settings_are_private(plant: Plant) -> None:
    songda = plant.open()
    assert songda.test
    with pytest.raises(ValueError, match="TEST"):
        schema.create(songda.database, test=False)
    assert (plant.home / "songda.toml").stat().st_mode & 0o077 == 0
    songda.close()
