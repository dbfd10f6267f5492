"""Waking the workers of one host: a datagram to each worker's socket. Losing one costs a second, nothing else."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path


def _folder(home: Path) -> Path:
    return home / "run"


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """A socket's address of any length: the kernel takes at most 108 bytes, so it is told a short way to the folder."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def wake_workers(home: Path) -> None:
    """Tell every worker of this home that rows were added."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for path in _folder(home).glob("worker-*.sock"):
            try:
                with _address(path) as address:
                    sender.sendto(b"!", address)
            except ConnectionRefusedError:  # its worker was killed and left the name behind
                path.unlink(missing_ok=True)
            except OSError:
                continue


class Bell:
    """A worker's socket: `wait` returns when somebody rings or the time is over."""

    def __init__(self, home: Path) -> None:
        folder = _folder(home)
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"worker-{os.getpid()}-{secrets.token_hex(3)}.sock"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with _address(self._path) as address:
            self._socket.bind(address)

    def wait(self, seconds: float) -> None:
        """Sleep until rung, `seconds` at most."""
        self._socket.settimeout(max(seconds, 0.001))
        with contextlib.suppress(TimeoutError):
            self._socket.recv(16)
            self._socket.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                while self._socket.recv(16):
                    pass

    def ring(self) -> None:
        """Ring one's own bell, from any thread."""
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender,
            _address(self._path) as address,
        ):
            sender.sendto(b"!", address)

    def close(self) -> None:
        """Remove the socket."""
        self._socket.close()
        self._path.unlink(missing_ok=True)
