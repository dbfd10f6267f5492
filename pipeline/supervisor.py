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
from typing import Any, Final

import httpx2

from pipeline.settings import Settings, load
from pipeline.testsystem import REGISTRATION_CODE, SHARED_PKI, Ports, make_test_system, shared_ports
from records import logs

_RESTART_PAUSE = 1.0
_START_SECONDS = 60.0
_PATIENCE = 15.0  # seconds that a program has to end after SIGTERM
_ENDS_WITH_US = ("setpriv", "--pdeathsig", "TERM", "--")  # of util-linux; it becomes the program, with the same pid
_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Program:
    """One process to keep running."""

    name: str
    arguments: Sequence[str]


class Supervisor:
    """Starts programs, starts those anew that die, and ends all of them with itself, even if it is killed hard."""

    def __init__(self, programs: Sequence[Program], environment: Mapping[str, str], log_folder: Path) -> None:
        self._programs = {program.name: program for program in programs}
        self._environment = dict(environment)
        self._logs = log_folder
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._ending = threading.Event()
        self._started = threading.Event()
        self._failure: BaseException | None = None
        self._keeper = threading.Thread(target=self._keep, name="supervisor", daemon=True)

    def __enter__(self) -> Supervisor:
        self._logs.mkdir(parents=True, exist_ok=True)
        self._keeper.start()
        self._started.wait()
        if self._failure is not None:
            self._keeper.join()
            raise self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ending.set()
        self._keeper.join()

    def _keep(self) -> None:
        """Start, watch and end the programs, all from this one thread.

        The kernel sends a child the signal of its parent's death (prctl(2), PR_SET_PDEATHSIG) when the thread ends that
        started it, so that thread has to live for as long as the programs do.
        """
        try:
            for name in self._programs:
                self._start(name)
        except BaseException as error:
            self._failure = error
            self._ending.set()
        self._started.set()
        self._watch()
        self._end()

    def _end(self) -> None:
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(_PATIENCE)
            if process.poll() is None:
                process.kill()
                process.wait(5)

    def _start(self, name: str) -> None:
        with (self._logs / f"{name}.log").open("ab") as log:
            self.running[name] = subprocess.Popen(
                [*_ENDS_WITH_US, sys.executable, "-m", *self._programs[name].arguments],
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
        if not _answers(settings.host, ports.pki):  # the demo may find the CA of ./run up running
            programs.append(Program("pki", ["signing.testpki", str(Path(settings.trust_list).parent)]))
        sms = str(settings.home / "sms.jsonl")
        mail = ["delivery.mailsink", str(settings.home / "mail"), str(ports.smtp), str(ports.mail), sms]
        programs.append(Program("mail", mail))
    programs.append(Program("web", ["pipeline.web"]))
    programs += [Program(f"worker-{number}", ["pipeline.worker"]) for number in range(1, settings.workers + 1)]
    return programs


def _answers(host: str, port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((host, port)) == 0


def environment_of(home: Path, ports: Ports | None = None) -> dict[str, str]:
    """The environment of the system's processes; `ports` other than those of its settings are handed on."""
    # glibc keeps freed memory for each thread apart: two such arenas are enough, and a worker stays some 60 MB smaller
    environment = {"MALLOC_ARENA_MAX": "2", **os.environ, "SONGDA_HOME": str(home)}
    if ports is not None:
        environment |= {
            "SONGDA_PORT": str(ports.web),
            "SONGDA_PUBLIC_URL": f"http://127.0.0.1:{ports.web}",
            "SONGDA_SMTP_PORT": str(ports.smtp),
            "SONGDA_MAIL_URL": f"http://127.0.0.1:{ports.mail}",
        }
    return environment


def wait_until_ready(settings: Settings, ports: Ports | None) -> None:
    """Wait until web, and in a TEST system CA and mail sink, answer. Raises TimeoutError."""
    deadline = time.monotonic() + _START_SECONDS
    wanted = [settings.port, *((ports.pki, ports.smtp, ports.mail) if ports else ())]
    for port in wanted:
        while not _answers(settings.host, port):
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


def write_access(access: Mapping[str, object]) -> Path:
    """Write var/access.json, readable by its owner only."""
    file = Path("var/access.json")
    _write_private(file, access)
    return file


def _write_private(file: Path, value: Mapping[str, object]) -> None:
    file.parent.mkdir(exist_ok=True)
    file.unlink(missing_ok=True)
    file.touch(mode=0o600)
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", "utf-8")


_PEOPLE: Final = ("clerk", "administrator", "leader", "inspector", "finance")


def _told(access: Mapping[str, Any]) -> str:
    lines = [f"Songda runs at {access['url']} (TEST system; mails: {access['mail_url']})", ""]
    people = [access[who] for who in _PEOPLE if who in access]  # systems made earlier have fewer
    logins = [*people, *access["counterparties"].values()]
    lines += [f"  log in as {login['account']:<10} password {login['password']}" for login in logins]
    lines += [f"  register     {access['url']}/register with code {REGISTRATION_CODE}; codes: {access['mail_url']}/sms"]
    return "\n".join(
        [*lines, f"  API key      {access['api_key']}", "", "These stand in var/access.json. Ctrl-C ends all."]
    )


def _open_test_system(home: Path, *, fresh: bool, electronic: bool) -> Ports | None:
    """Make or open the TEST system of `home` and tell how to get in; None when a production system stands there."""
    state = home / "test-system.json"
    if fresh and state.exists():
        shutil.rmtree(home)
    ports = shared_ports(SHARED_PKI)
    if not (home / "songda.toml").exists():
        access = make_test_system(home, ports, pki=SHARED_PKI, electronic=electronic).as_dict()
        _write_private(state, access)
    elif state.exists():
        access = json.loads(state.read_text("utf-8"))
    else:
        return None
    access |= {"url": f"http://127.0.0.1:{ports.web}", "mail_url": f"http://127.0.0.1:{ports.mail}"}
    write_access(access)
    sys.stdout.write(_told(access) + "\n")
    return ports


def main() -> int:
    """`./run up`: start the installation in the home folder, or a TEST system where there is none."""
    parser = argparse.ArgumentParser(prog="./run up", description=main.__doc__)
    parser.add_argument("--fresh", action="store_true", help="throw a TEST system that stands there away first")
    parser.add_argument(
        "--electronic-seal", action="store_true", help="a TEST system that is made now has an electronic seal (SM2)"
    )
    arguments = parser.parse_args()
    logs.configure()
    home = load().home
    ports = _open_test_system(home, fresh=arguments.fresh, electronic=arguments.electronic_seal)
    environment = environment_of(home, ports)
    settings = load(home, environment)
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    with Supervisor(programs_of(settings, ports), environment, home / "log"):
        wait_until_ready(settings, ports)
        sys.stdout.write(f"ready: {settings.public_url}\n")
        sys.stdout.flush()
        ended.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
