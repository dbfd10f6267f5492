"""The supervisor: what dies is started again, what belongs to it ends with it, and no secret is left readable."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline import supervisor as supervisor_module
from pipeline.settings import load
from pipeline.supervisor import Program, Supervisor, environment_of, programs_of, write_access
from pipeline.testsystem import free_ports, make_test_system
from tests.conftest import LEGAL_NOW

PATIENT = """
import time
while True:
    time.sleep(0.1)
"""
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("deaf", flush=True)
while True:
    time.sleep(0.1)
"""
BROKEN = """
print("started", flush=True)
raise SystemExit(3)
"""


def _until(what: Callable[[], bool], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "too late"
        time.sleep(0.02)


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Supervisor]:
    """Makes a supervisor of small programs; it looks after them ten times a second."""
    monkeypatch.setattr(supervisor_module, "_RESTART_PAUSE", 0.1)
    for name, source in (("patient", PATIENT), ("stubborn", STUBBORN), ("broken", BROKEN)):
        (tmp_path / f"{name}.py").write_text(source)

    def make(*names: str) -> Supervisor:
        programs = [Program(f"{name}-{number}", [name]) for number, name in enumerate(names)]
        return Supervisor(programs, os.environ | {"PYTHONPATH": str(tmp_path)}, tmp_path / "log")

    return make


def test_what_is_killed_is_started_again_and_the_others_are_left_alone(house: Callable[..., Supervisor]) -> None:
    with house("patient", "patient") as supervisor:
        first, other = supervisor.running["patient-0"], supervisor.running["patient-1"]
        for _ in range(2):
            victim = supervisor.running["patient-0"]
            os.kill(victim.pid, signal.SIGKILL)
            _until(lambda victim=victim: supervisor.running["patient-0"].pid != victim.pid)  # type: ignore[misc]
        assert first.poll() == -signal.SIGKILL
        assert supervisor.running["patient-0"].poll() is None
        assert supervisor.running["patient-1"] is other and other.poll() is None


def test_what_cannot_live_is_started_again_with_a_pause_and_its_log_says_why(
    house: Callable[..., Supervisor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_RESTART_PAUSE", 0.4)
    log = tmp_path / "log" / "broken-0.log"
    with house("broken") as supervisor:
        began = time.monotonic()
        _until(lambda: log.exists() and log.read_text().count("started") >= 3)
        assert time.monotonic() - began > 0.8
        assert supervisor.running["broken-0"].args


def test_all_end_with_it_those_that_were_started_again_and_those_that_do_not_listen(
    house: Callable[..., Supervisor], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor_module, "_PATIENCE", 0.5)
    log = tmp_path / "log" / "stubborn-1.log"
    with house("patient", "stubborn") as supervisor:
        _until(lambda: log.exists() and "deaf" in log.read_text())
        before = list(supervisor.running.values())
        os.kill(supervisor.running["patient-0"].pid, signal.SIGKILL)
        _until(lambda: supervisor.running["patient-0"] is not before[0])
    ended = [*before, *supervisor.running.values()]
    assert len(ended) == 4 and all(process.poll() is not None for process in ended)
    assert supervisor.running["stubborn-1"].returncode == -signal.SIGKILL


def test_an_error_of_whoever_opened_it_ends_all_as_well(house: Callable[..., Supervisor]) -> None:
    supervisor = house("patient")
    with pytest.raises(ZeroDivisionError), supervisor:
        raise ZeroDivisionError
    assert supervisor.running["patient-0"].poll() is not None


def test_production_has_web_and_workers_and_a_test_system_its_authority_and_mails_as_well(tmp_path: Path) -> None:
    settings = load(tmp_path, {"SONGDA_WORKERS": "3"})
    assert [each.name for each in programs_of(settings, None)] == ["web", "worker-1", "worker-2", "worker-3"]
    names = [each.name for each in programs_of(settings, free_ports(0))]
    assert names == ["pki", "mail", "web", "worker-1", "worker-2", "worker-3"]
    assert environment_of(tmp_path)["SONGDA_HOME"] == str(tmp_path)


def test_log_ins_are_readable_by_their_owner_only_even_where_a_file_stood_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "access.json").write_text("{}")
    (tmp_path / "var" / "access.json").chmod(0o666)
    file = write_access({"url": "http://127.0.0.1:8000", "api_key": "k"})
    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["api_key"] == "k"


def test_a_worker_ends_in_order_on_sigterm_and_leaves_no_bell_behind(tmp_path: Path) -> None:
    home = tmp_path / "home"
    make_test_system(home, free_ports(0), legal_now=LEGAL_NOW)
    process = subprocess.Popen([sys.executable, "-m", "pipeline.worker"], env=environment_of(home))
    try:
        _until(lambda: process.poll() is not None or bool(list((home / "run").glob("worker-*.sock"))), 60)
        assert process.poll() is None
        time.sleep(0.2)
        process.terminate()
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait(10)
    assert list((home / "run").iterdir()) == []


def test_a_worker_without_a_system_says_so_and_ends(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.worker"], env=environment_of(tmp_path), capture_output=True, timeout=60
    )
    assert done.returncode != 0
    assert b"set the system up first" in done.stderr
