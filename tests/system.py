"""A whole TEST system of real processes for tests: local CA, mail sink, web, workers, to be used and killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.composition import Songda, open_songda
from pipeline.settings import load
from pipeline.supervisor import Program, environment_of, programs_of
from pipeline.testsystem import SAMPLES, Access, free_ports, make_test_system
from records.tables import step
from tests.conftest import LEGAL_NOW
from tests.servers import wait_for_port


@dataclass
class System:
    songda: Songda
    access: Access
    programs: dict[str, Program]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, name: str) -> None:
        home = self.songda.settings.home
        with (home / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *self.programs[name].arguments],
                env=environment_of(home),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def kill(self, name: str) -> None:
        process = self.running[name]
        os.kill(process.pid, signal.SIGKILL)
        process.wait(10)

    def wait_until_done(self, seconds: float) -> None:
        """Until no step is ready or running, but for those that wait for a legal moment."""
        deadline = time.monotonic() + seconds
        open_steps = sa.select(step.c.id, step.c.state, step.c.error).where(
            step.c.state.in_(("ready", "running", "dead")), step.c.legal_at.is_(None)
        )
        while True:
            with self.songda.database.read() as connection:
                left = connection.execute(open_steps).all()
            if not left:
                return
            if time.monotonic() > deadline or any(row.state == "dead" for row in left):
                raise AssertionError(f"{len(left)} steps are not done: {left[:3]}")
            time.sleep(0.2)

    def rows(self, table: sa.Table) -> list[sa.RowMapping]:
        with self.songda.database.read() as connection:
            return list(connection.execute(sa.select(table)).mappings())


@contextmanager
def running_system(home: Path, *, workers: int = 2, **settings: Any) -> Iterator[System]:
    ports = free_ports(0)
    database_url = settings.pop("database_url", "")
    access = make_test_system(
        home,
        ports,
        database_url=database_url,
        legal_now=LEGAL_NOW,
        extra={"workers": workers, "lease_seconds": 3.0, **settings},
    )
    loaded = load(home, {})
    programs = {program.name: program for program in programs_of(loaded, ports)}
    system = System(open_songda(loaded), access, programs)
    try:
        for name in programs:
            system.start(name)
        for port in (ports.pki, ports.smtp, ports.web):
            wait_for_port(port, 60)
        yield system
    finally:
        for process in system.running.values():
            process.kill()
        for process in system.running.values():
            process.wait(10)
        system.songda.database.close()


def sample(name: str) -> dict[str, Any]:
    return dict(json.loads((SAMPLES / f"{name}.json").read_text("utf-8")))
