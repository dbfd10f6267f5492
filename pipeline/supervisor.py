"""The embedded system: one web process and N workers under a supervisor; a TEST system has a local CA and mail sink."""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import httpx2

from pipeline.settings import Settings, load
from pipeline.testsystem import Access, Ports, free_ports, make_test_system

_RESTART_PAUSE = 1.0
_START_SECONDS = 60.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    arguments: Sequence[str]


class Supervisor:
    """Starts programs, starts those anew that die, and ends all of them with itself."""

    def __init__(self, programs: Sequence[Program], environment: Mapping[str, str], log_folder: Path) -> None:
        self._programs = {program.name: program for program in programs}
        self._environment = dict(environment)
        self._logs = log_folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = threading.Event()
        self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def __enter__(self) -> Supervisor:
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            for name in self._programs:
                self._start(name)
        except BaseException:
            self._end()
            raise
        self._watcher.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._watcher.join(5)
        self._end()

    def _end(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(15)
            if process.poll() is None:
                process.kill()
                process.wait(5)

    def _start(self, name: str) -> None:
        with (self._logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [sys.executable, "-m", *self._programs[name].arguments],
                env=self._environment,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
            )

    def _watch(self) -> None:
        while not self._ending.wait(_RESTART_PAUSE):
            for name, process in list(self.running.items()):
                if process.poll() is None or self._ending.is_set():
                    continue
                _log.warning("%s ended with %s and is started again", name, process.returncode)
                try:
                    self._start(name)
                except OSError:  # no memory, no file handles: tried again with the next round
                    _log.exception("%s could not be started", name)


def programs_of(settings: Settings, ports: Ports | None) -> list[Program]:
    """Web and workers; with `ports` (a TEST system) the local CA and the mail sink before them."""
    programs = []
    if ports is not None:
        programs.append(Program("pki", ["signing.testpki", str(settings.home / "pki")]))
        mail = ["delivery.mailsink", str(settings.home / "mail"), str(ports.smtp), str(ports.mail)]
        programs.append(Program("mail", mail))
    programs.append(Program("web", ["pipeline.web"]))
    programs += [Program(f"worker-{number}", ["pipeline.worker"]) for number in range(1, settings.workers + 1)]
    return programs


def environment_of(home: Path) -> dict[str, str]:
    """The environment of the system's processes."""
    return {**os.environ, "SONGDA_HOME": str(home)}


def wait_until_ready(settings: Settings, ports: Ports | None) -> None:
    """Wait until web, and in a TEST system CA and mail sink, answer. Raises TimeoutError."""
    deadline = time.monotonic() + _START_SECONDS
    wanted = [settings.port, *((ports.pki, ports.smtp, ports.mail) if ports else ())]
    for port in wanted:
        while True:
            with socket.socket() as probe:
                if probe.connect_ex((settings.host, port)) == 0:
                    break
            if time.monotonic() > deadline:
                raise TimeoutError(f"port {port} did not open; see {settings.home}/log")
            time.sleep(0.05)
    while not _is_healthy(f"http://{settings.host}:{settings.port}/v1/health"):
        if time.monotonic() > deadline:
            raise TimeoutError(f"the web process is not healthy; see {settings.home}/log")
        time.sleep(0.2)


def _is_healthy(url: str) -> bool:
    try:
        return httpx2.get(url).status_code == 200
    except httpx2.TransportError:  # it may be on its way down and up again
        return False


def write_access(access: Access) -> Path:
    """Write var/access.json, readable by its owner only."""
    file = Path("var/access.json")
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(access.as_dict(), ensure_ascii=False, indent=2) + "\n", "utf-8")
    return file


def _told(access: Access) -> str:
    lines = [f"Songda runs at {access.url} (TEST system; mails: {access.mail_url})", ""]
    logins = [*access.people.values(), *access.counterparties.values()]
    lines += [f"  log in as {login.account:<10} password {login.password}" for login in logins]
    return "\n".join(
        [*lines, f"  API key      {access.api_key}", "", "These stand in var/access.json. Ctrl-C ends all."]
    )


def main() -> int:
    """`./run up`: start the installation in the home folder, or a new TEST system where there is none."""
    parser = argparse.ArgumentParser(prog="./run up", description=main.__doc__)
    parser.add_argument("--fresh", action="store_true", help="throw a TEST system that stands there away first")
    arguments = parser.parse_args()
    home = load().home
    state = home / "test-system.json"
    if arguments.fresh and state.exists():
        shutil.rmtree(home)
    ports: Ports | None = None
    if not (home / "songda.toml").exists():
        ports = free_ports()
        access = make_test_system(home, ports)
        state.touch(mode=0o600)
        state.write_text(json.dumps({"ports": vars(ports), "access": access.as_dict()}), "utf-8")
        write_access(access)
        sys.stdout.write(_told(access) + "\n")
    elif state.exists():
        known = json.loads(state.read_text("utf-8"))
        ports = Ports(**known["ports"])
        sys.stdout.write(f"Songda runs at {known['access']['url']}; log-ins stand in {state}. Ctrl-C ends all.\n")
    settings = load(home)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Supervisor(programs_of(settings, ports), environment_of(home), home / "log"):
        wait_until_ready(settings, ports)
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
