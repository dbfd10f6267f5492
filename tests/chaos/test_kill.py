"""kill -9 at any moment: no document lost, no number twice or skipped, no event twice (DESIGN: nothing is lost)."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from email import message_from_bytes
from pathlib import Path

import httpx2
import pytest

from records import ledger
from records.tables import delivery, document, event, notice, number, seal_use
from tests.servers import Postgres, Valkey
from tests.system import System, running_system, sample

DOCUMENTS = 24


def _submit(system: System, key: str) -> dict[str, object]:
    """As a careful case system does: the same key again until there is an answer."""
    headers = {"Authorization": f"Bearer {system.access.api_key}", "Idempotency-Key": key}
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            answer = httpx2.post(
                f"{system.access.url}/v1/jobs", json=sample("penalty-prior-notice"), headers=headers, timeout=30
            )
        except httpx2.TransportError:
            time.sleep(0.3)
            continue
        if answer.status_code == 202:
            return dict(answer.json())
        assert answer.status_code in (409, 503), answer.text
        time.sleep(0.3)
    raise AssertionError("no answer")


def _check(system: System, answers: list[dict[str, object]]) -> None:
    rows = system.rows(document)
    assert len(rows) == len(answers) == len({row["job_id"] for row in rows}) == DOCUMENTS
    assert {row["status"] for row in rows} == {"released"}
    assert sorted(row["ordinal"] for row in system.rows(number)) == list(range(1, DOCUMENTS + 1))
    assert len(system.rows(seal_use)) == DOCUMENTS
    assert all(row["sent_at"] and row["deemed_date"] == "2026-11-26" for row in system.rows(delivery))
    events = Counter((row["stream"], row["kind"], row["subject"]) for row in system.rows(event))
    legal = {key: count for key, count in events.items() if key[1].startswith(("document.", "delivery.", "service."))}
    assert {count for key, count in legal.items() if key[1] != "document.discarded"} == {1}
    with system.songda.database.read() as connection:
        assert list(ledger.verify(connection)) == []
    for row in rows:
        assert system.songda.store.get(row["final_digest"])


def _check_mails(system: System) -> None:
    """Every reminder arrived, and what arrived twice is the same message, byte for byte."""
    sent = [row for row in system.rows(notice) if row["channel"] == "email"]
    assert {row["state"] for row in sent} == {"sent"}
    arrived: dict[str, set[bytes]] = {}
    for file in (system.songda.settings.home / "mail").rglob("*.eml"):
        raw = file.read_bytes()
        message = message_from_bytes(raw)
        arrived.setdefault(str(message["Message-ID"]), set()).add(
            bytes(message.get_payload(decode=False).__repr__(), "utf-8")
        )
    assert set(arrived) == {row["message_id"] for row in sent}
    assert all(len(bodies) == 1 for bodies in arrived.values())


def _storm(system: System, seconds: float, broker: Valkey | None) -> None:
    """Kill something, start it again, and so on; the web process less often, for it takes seconds to start."""
    chance = random.Random(7)
    workers = [name for name in system.programs if name.startswith("worker")]
    end, web_again = time.monotonic() + seconds, time.monotonic() + 3
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.5, 1.5))
        victim = chance.choice([*workers, *(["broker"] if broker else [])])
        if time.monotonic() > web_again:
            victim, web_again = "web", time.monotonic() + 9
        if victim == "broker" and broker:
            broker.kill()
            time.sleep(0.3)
            broker.run()
            continue
        system.kill(victim)
        time.sleep(chance.uniform(0.0, 0.3))
        system.start(victim)


def _weather(system: System, broker: Valkey | None) -> None:
    answers: list[dict[str, object]] = []

    def submit(part: int) -> None:
        for n in range(part, DOCUMENTS, 4):
            answers.append(_submit(system, f"job-{n}"))

    threads = [threading.Thread(target=submit, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    _storm(system, 25, broker)
    for thread in threads:
        thread.join()
    system.wait_until_done(120)
    _check(system, answers)
    _check_mails(system)


@pytest.mark.timeout(420)
def test_embedded_system_survives_kills_of_web_and_workers(tmp_path: Path) -> None:
    with running_system(tmp_path / "home") as system:
        _weather(system, None)


@pytest.mark.timeout(420)
def test_distributed_system_survives_kills_of_web_workers_and_broker(
    tmp_path: Path, postgres: Postgres, valkey: Valkey
) -> None:
    settings = {"database_url": postgres.create_database(), "redis_url": valkey.url()}
    with running_system(tmp_path / "home", **settings) as system:
        _weather(system, valkey)


@pytest.mark.timeout(120)
def test_an_emptied_broker_loses_nothing(tmp_path: Path, postgres: Postgres, valkey: Valkey) -> None:
    settings = {"database_url": postgres.create_database(), "redis_url": valkey.url(1)}
    with running_system(tmp_path / "home", workers=1, **settings) as system:
        system.kill("worker-1")
        for n in range(5):
            _submit(system, f"job-{n}")
        valkey.empty()
        system.start("worker-1")
        system.wait_until_done(90)
        assert {row["status"] for row in system.rows(document)} == {"released"}
