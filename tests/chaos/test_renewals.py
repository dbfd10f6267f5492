"""kill -9 in the middle of renewals: every file is renewed once, none is lost, no event stands twice."""

from __future__ import annotations

import random
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest

from records import archives, ledger
from records.tables import archive, document, event, renewal
from signing.certificates import TrustList
from signing.verification import verify
from tests.system import System, running_system, sample

DOCUMENTS = 12


def _release(system: System) -> None:
    for n in range(DOCUMENTS):
        headers = {"Authorization": f"Bearer {system.access.api_key}", "Idempotency-Key": f"job-{n}"}
        url = f"{system.access.url}/v1/jobs"
        answer = httpx2.post(url, json=sample("penalty-prior-notice"), headers=headers, timeout=30)
        assert answer.status_code == 202, answer.text
    system.wait_until_done(120)


def _storm(system: System) -> int:
    """Kill workers while they renew, until all is done; says how often."""
    chance, kills = random.Random(5), 0
    deadline = time.monotonic() + 150
    while any(row["renewals"] == 0 for row in system.rows(archive)):
        assert time.monotonic() < deadline, system.rows(archive)
        time.sleep(chance.uniform(0.1, 0.6))
        victim = chance.choice([name for name in system.programs if name.startswith("worker")])
        if kills < 12:
            system.kill(victim)
            system.start(victim)
            kills += 1
    return kills


@pytest.mark.timeout(420)
def test_workers_that_are_killed_while_they_renew_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    with running_system(tmp_path / "home") as system:
        _release(system)
        with system.songda.database.write() as connection:
            assert len(archives.ask(connection, "operator:test", before=datetime(2200, 1, 1, tzinfo=UTC))) == DOCUMENTS
            assert archives.make_steps(connection, 100) == DOCUMENTS
        assert _storm(system) > 0
        system.wait_until_done(60)
        assert {row["renewals"] for row in system.rows(archive)} == {1}
        assert len(system.rows(renewal)) == DOCUMENTS
        events = Counter((row["stream"], row["kind"]) for row in system.rows(event))
        assert [count for (_, kind), count in events.items() if kind == "document.renewed"] == [1] * DOCUMENTS
        with system.songda.database.read() as connection:
            assert list(ledger.verify(connection)) == []
        _check_files(system)


def _check_files(system: System) -> None:
    trust = TrustList.load(Path(system.songda.settings.trust_list), test_system=True)
    released = {row["id"]: row["final_digest"] for row in system.rows(document)}
    for row in system.rows(archive):
        before, after = system.songda.store.get(row["released_digest"]), system.songda.store.get(row["digest"])
        assert row["released_digest"] == released[row["id"]]
        assert after.startswith(before) and after != before
        assert verify(after, trust).valid
