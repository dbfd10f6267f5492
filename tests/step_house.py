"""A TEST system with its authority on loopback; the steps up to release, and the renewal, run in this process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pipeline import intake
from pipeline.callers import identify
from pipeline.cli import main
from pipeline.composition import Songda, open_songda
from pipeline.outcomes import Conclusion, Done, Stage
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import load
from pipeline.steps import STAGES
from pipeline.testsystem import free_ports, make_test_system
from records import seals, steps
from records.errors import Retry
from records.tables import step
from tests.conftest import LEGAL_NOW
from tests.servers import Postgres, wait_for_port
from tests.system import sample


@dataclass
class StepHouse:
    """Where it stands, and what a case system, a worker and an operator do."""

    home: Path
    api_key: str

    @property
    def pki(self) -> Path:
        return self.home / "pki"

    def open(self) -> Songda:
        return open_songda(load(self.home, {}))

    def seal_id(self, songda: Songda) -> str:
        with songda.database.read() as connection:
            return str(seals.listed(connection)[0]["id"])

    def make(self, songda: Songda, name: str = "penalty-prior-notice", stop_before: str = "") -> str:
        """Submit a job and run its document as far as it gets; returns the document's id."""
        with songda.database.read() as connection:
            caller = identify(connection, self.api_key)
        assert caller is not None
        checked = intake.check(songda, caller, sample(name))
        with songda.database.write() as connection:
            answer, _ = intake.store(connection, caller, checked)
        document_id = str(answer["documents"][0]["id"])
        self.run(songda, f"{document_id}/number", stop_before)
        return document_id

    def run(self, songda: Songda, step_id: str, stop_before: str = "") -> None:
        """Run the step and what follows, up to release; one that stops stays due."""

        def nothing(_songda: Songda, _claim: steps.Claim) -> Conclusion:
            return Conclusion(lambda connection: Done())

        def stopped(_songda: Songda, _claim: steps.Claim) -> Conclusion:
            raise Retry("the test stops here", after_seconds=0)

        ours = {name: STAGES[name] for name in ("number", "render", "seal", "release", "renew")}
        stages: dict[str, Stage] = {**dict.fromkeys(STAGES, nothing), **ours}
        runner = Runner(songda, "test", stages | ({stop_before: stopped} if stop_before else {}))
        runner.queue = Queue("", 16, runner.run_step)
        runner.run_step(step_id)
        runner.close()

    def again(self, songda: Songda, document_id: str) -> None:
        """As if the pause were over."""
        with songda.database.write() as connection:
            row = step.update().where(step.c.id == f"{document_id}/seal")
            connection.execute(row.values(run_at=steps.now() - 1))
        self.run(songda, f"{document_id}/seal")

    def songda_says(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
        code = main([*words, "--home", str(self.home), "--json"])
        return code, json.loads(capsys.readouterr().out)


@contextmanager
def step_house(
    request: pytest.FixtureRequest, folders: pytest.TempPathFactory, *, electronic: bool = False
) -> Iterator[StepHouse]:
    """On the back end that the fixture's parameter names."""
    home, ports = folders.mktemp("house") / "home", free_ports(0)
    url = ""
    if request.param == "postgresql":
        postgres: Postgres = request.getfixturevalue("postgres")
        url = postgres.create_database()
    access = make_test_system(home, ports, database_url=url, legal_now=LEGAL_NOW, electronic=electronic)
    ca = subprocess.Popen([sys.executable, "-m", "signing.testpki", home / "pki"], stderr=subprocess.DEVNULL)
    wait_for_port(ports.pki)
    yield StepHouse(home, access.api_key)
    ca.kill()
    ca.wait(10)
