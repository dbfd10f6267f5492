"""kill -9 of the supervisor, and of what it keeps running: nothing is left behind, nothing stays away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipeline.supervisor import Program, Supervisor
from pipeline.testsystem import free_ports, make_test_system
from tests.conftest import LEGAL_NOW
from tests.servers import wait_for_port

ROOT = Path(__file__).parents[2]

SUPERVISOR = """
import sys, threading
from pathlib import Path
from pipeline.settings import load
from pipeline.supervisor import Supervisor, environment_of, programs_of
from pipeline.testsystem import Ports

home = Path(sys.argv[1])
ports = Ports(*(int(word) for word in sys.argv[2:]))
with Supervisor(programs_of(load(home, {}), ports), environment_of(home, ports), home / "log"):
    threading.Event().wait()
"""


def _children(pid: int) -> dict[int, str]:
    """The processes that `pid` started, with their command lines."""
    found = {}
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            found[int(child)] = Path(f"/proc/{child}/cmdline").read_text().replace("\0", " ")
    return found


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _until(what: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "too late"
        time.sleep(0.05)


def _pid_of(supervisor: int, module: str) -> int:
    return next((pid for pid, command in _children(supervisor).items() if module in command), 0)


@contextmanager
def _supervised(home: Path) -> Iterator[subprocess.Popen[bytes]]:
    ports = free_ports(0)
    make_test_system(home, ports, legal_now=LEGAL_NOW, extra={"workers": 1})
    command = [sys.executable, "-c", SUPERVISOR, str(home), *(str(port) for port in vars(ports).values())]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        for port in (ports.web, ports.smtp):
            wait_for_port(port, 60)
        yield process
    finally:
        process.kill()
        process.wait(10)


@pytest.mark.timeout(120)
def test_kill_9_of_the_supervisor_ends_all_that_it_started_and_started_again(tmp_path: Path) -> None:
    with _supervised(tmp_path / "home") as supervisor:
        first = _pid_of(supervisor.pid, "pipeline.worker")
        os.kill(first, signal.SIGKILL)
        _until(lambda: _pid_of(supervisor.pid, "pipeline.worker") not in (0, first), 10)
        kept = _children(supervisor.pid)
        assert len(kept) >= 3, kept
        supervisor.kill()
        _until(lambda: not any(_alive(pid) for pid in kept), 20)


def test_the_end_of_the_thread_that_opened_a_supervisor_does_not_end_its_programs(tmp_path: Path) -> None:
    """The kernel ties the signal of a parent's death to the thread, not to the process, that started the child."""
    supervisor = Supervisor([Program("idle", ["http.server", "0"])], dict(os.environ), tmp_path / "log")
    opening = threading.Thread(target=supervisor.__enter__)
    opening.start()
    opening.join()
    time.sleep(0.5)
    process = supervisor.running["idle"]
    assert process.poll() is None
    supervisor.__exit__(None, None, None)
    assert process.poll() is not None


def test_programs_that_cannot_be_started_are_told_to_whoever_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.supervisor._ENDS_WITH_US", ("/no/such/program",))
    with (
        pytest.raises(FileNotFoundError, match="/no/such/program"),
        Supervisor([Program("idle", ["http.server", "0"])], dict(os.environ), tmp_path / "log"),
    ):
        raise AssertionError("opened")
