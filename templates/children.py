"""Native or long work in a child process: warm between jobs, limited in memory and time, killed hard.

A crash or a hang of LibreOffice or WeasyPrint takes one job with it and nothing else. The child's side is
`templates.serving`; it gets a clean environment, so that no password of ours reaches native code.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import resource
import selectors
import signal
import subprocess
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import IO, Final

from records.errors import Permanent, Retry
from templates.serving import HEADER

_KEPT = ("PATH", "TMPDIR", "SONGDA_FONTS", "TZ")
_REMEMBERED: Final = 256
"""Jobs that ended the child once and are remembered by their digest."""
_MAX_ANSWER: Final = 512 * 2**20


class Child:
    """One warm child process; restarted when it crashed, hung, or has done `jobs` jobs.

    `command` starts a program that calls `templates.serving.serve`; `name` is what errors call it. `memory`
    is the limit of its address space in bytes (each process of its group has it), `start_timeout` the seconds until it
    must be ready. Jobs from several threads wait for each other.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        name: str = "",
        memory: int,
        jobs: int = 500,
        start_timeout: float = 60,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = list(command)
        self._name = name or self._command[-1]
        self._memory = memory
        self._jobs = jobs
        self._start_timeout = start_timeout
        self._environment = dict(environment or {})
        self._lock = threading.Lock()
        self._running: _Running | None = None
        self._fatal: OrderedDict[bytes, None] = OrderedDict()

    @property
    def pid(self) -> int | None:
        """The process, which is also its group, while one runs."""
        return self._running.process.pid if self._running else None

    def call(self, payload: bytes, timeout: float) -> bytes:
        """The child's answer to one job, within `timeout` seconds of wall time.

        Raises Permanent when the job itself failed; Retry when the child crashed, was killed, ran out of memory or of
        time; but Permanent when that happens with the same job for the second time, lest it go round for ever.
        """
        with self._lock:
            running = self._ready()
            running.jobs += 1
            try:
                kind, answer = running.exchange(payload, time.monotonic() + timeout)
            except TimeoutError as error:
                self._stop()
                raise self._ended_by(payload, f"took longer than {timeout:g} s") from error
            except OSError as error:
                told = self._stop()
                raise self._ended_by(payload, f"ended in the middle of a job: {told}") from error
            if kind == b"A":
                self._stop()
                raise self._ended_by(payload, f"gave up a job: {answer.decode()}")
            self._forgive(payload)
            if running.jobs >= self._jobs:
                self._stop()
            if kind == b"P":
                raise Permanent(f"{self._name}: {answer.decode()}")
            return answer

    def start(self) -> None:
        """Start the child now, so that the first job finds it warm. Raises Retry when it does not get ready."""
        with self._lock:
            self._ready()

    def close(self) -> None:
        """Kill the child, if one runs; the next job starts another."""
        with self._lock:
            self._stop()

    def _ended_by(self, payload: bytes, what: str) -> Retry | Permanent:
        """The error for a job that ended the child, and the memory of that job."""
        digest = hashlib.sha256(payload).digest()
        if digest in self._fatal:
            return Permanent(f"{self._name} {what}, for the second time with the same job")
        self._fatal[digest] = None
        while len(self._fatal) > _REMEMBERED:
            self._fatal.popitem(last=False)
        return Retry(f"{self._name} {what}")

    def _forgive(self, payload: bytes) -> None:
        """Forget that a job ended the child once: it was answered now, so the fault was not in the job."""
        if self._fatal:
            self._fatal.pop(hashlib.sha256(payload).digest(), None)

    def _ready(self) -> _Running:
        running = self._running
        if running is not None and running.owner == os.getpid() and running.process.poll() is None:
            return running
        self._stop()
        running = self._running = _Running(self._command, self._environment, self._memory)
        try:
            kind, answer = running.receive(time.monotonic() + self._start_timeout)
        except OSError as error:  # TimeoutError is one
            told = self._stop()
            raise Retry(f"{self._name} did not get ready: {error} {told}".rstrip()) from error
        if kind != b"R":
            self._stop()
            raise Retry(f"{self._name} did not get ready: {answer.decode()}")
        return running

    def _stop(self) -> str:
        """Kill the child's group; what it said last on standard error."""
        running, self._running = self._running, None
        if running is None or running.owner != os.getpid():  # after a fork, the child is the other process's
            return ""
        return running.kill()


class _Running:
    """One started process, in a group of its own, with its pipes."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], memory: int) -> None:
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        self.owner = os.getpid()
        self.jobs = 0
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  (lives as long as the process)
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            env={"LANG": "C.UTF-8", **kept, **environment},
            start_new_session=True,
            bufsize=0,
        )
        with contextlib.suppress(ProcessLookupError):
            resource.prlimit(self.process.pid, resource.RLIMIT_AS, (memory, memory))
            resource.prlimit(self.process.pid, resource.RLIMIT_CORE, (0, 0))
        self.stdin, self.stdout = self.process.stdin, self.process.stdout
        assert self.stdin is not None and self.stdout is not None  # noqa: S101  (asked for above)
        os.set_blocking(self.stdin.fileno(), False)
        self._last_resort = weakref.finalize(self, _kill_group, self.process, self.owner, self._errors)

    def exchange(self, payload: bytes, deadline: float) -> tuple[bytes, bytes]:
        """Send one request and read its answer. Raises TimeoutError, or another OSError when the process is gone."""
        assert self.stdin is not None  # noqa: S101
        rest = memoryview(len(payload).to_bytes(8, "big") + payload)
        with selectors.DefaultSelector() as selector:
            selector.register(self.stdin, selectors.EVENT_WRITE)
            while rest:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError
                rest = rest[os.write(self.stdin.fileno(), rest[: 1 << 16]) :]
        return self.receive(deadline)

    def receive(self, deadline: float) -> tuple[bytes, bytes]:
        """Read one answer: its kind and its payload."""
        head = self._read(HEADER, deadline)
        length = int.from_bytes(head[1:], "big")
        if length > _MAX_ANSWER:
            raise ConnectionError("an answer without measure")
        return head[:1], self._read(length, deadline)

    def _read(self, length: int, deadline: float) -> bytes:
        assert self.stdout is not None  # noqa: S101
        received = bytearray()
        with selectors.DefaultSelector() as selector:
            selector.register(self.stdout, selectors.EVENT_READ)
            while len(received) < length:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    raise TimeoutError("no answer in time")
                part = os.read(self.stdout.fileno(), min(1 << 20, length - len(received)))
                if not part:
                    raise ConnectionError("the process has ended")
                received += part
        return bytes(received)

    def kill(self) -> str:
        """Kill the group and wait for it; the end of what it wrote to standard error."""
        self._last_resort.detach()
        _kill_process(self.process)
        self._errors.seek(0, os.SEEK_END)
        self._errors.seek(max(0, self._errors.tell() - 600))
        told = self._errors.read().decode("utf-8", "replace").strip()
        for stream in (self.stdin, self.stdout, self._errors):
            if stream is not None:
                stream.close()
        return f"exit {self.process.returncode}. {told}".strip()


def _kill_group(process: subprocess.Popen[bytes], owner: int, errors: IO[bytes]) -> None:
    """The last resort when nobody closed the child: at the end of this process, or when it is forgotten."""
    if owner != os.getpid():
        return
    _kill_process(process)
    for stream in (process.stdin, process.stdout, errors):
        if stream is not None:
            stream.close()


def _kill_process(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
