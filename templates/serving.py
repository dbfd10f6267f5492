"""The child's side of `templates.children`: answer jobs on standard input until it ends.

Only the standard library, and no import of ours: LibreOffice's child runs this under Debian's own Python.

A request is 8 bytes of length (big-endian) and the payload. An answer is one byte of kind, 8 bytes of length, and the
payload: `R` ready for jobs (sent once, empty), `D` done, `P` failed for good, `A` failed and may be tried again; the
payload of a failure is a message in UTF-8.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import BinaryIO

HEADER = 9


class Again(Exception):
    """The job failed for a reason that is not in the job; the child ends after telling it."""


def serve(handle: Callable[[bytes], bytes], cleanup: Callable[[], None] = lambda: None) -> None:
    """Answer every request with `handle`, one after the other, until standard input ends.

    What `handle` raises is told as a failure for good; `Again`, MemoryError and a lost connection as one that may be
    tried again, after which this process ends. Anything that libraries print goes to standard error. `cleanup` is
    called when the parent is gone, who would else have tidied up.
    """
    answers = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    threading.Thread(target=_end_with_parent, args=(os.getppid(), cleanup), daemon=True).start()
    with contextlib.suppress(BrokenPipeError):  # the parent was killed while we worked
        _answer(answers, b"R", b"")
        while (payload := _request(sys.stdin.buffer)) is not None:
            kind, answer = _outcome(handle, payload)
            _answer(answers, kind, answer)
            if kind == b"A":
                return
    _end_group(cleanup)


def _outcome(handle: Callable[[bytes], bytes], payload: bytes) -> tuple[bytes, bytes]:
    try:
        return b"D", handle(payload)
    except (Again, MemoryError, ConnectionError) as error:
        return b"A", _told(error)
    except Exception as error:
        traceback.print_exc()
        return b"P", _told(error)


def _told(error: BaseException) -> bytes:
    return f"{type(error).__name__}: {error}".encode("utf-8", "backslashreplace")[:4000]


def _request(stream: BinaryIO) -> bytes | None:
    head = stream.read(8)
    return stream.read(int.from_bytes(head, "big")) if len(head) == 8 else None


def _answer(stream: BinaryIO, kind: bytes, payload: bytes) -> None:
    rest = memoryview(kind + len(payload).to_bytes(8, "big") + payload)
    while rest:
        rest = rest[stream.write(rest) :]


def _end_with_parent(parent: int, cleanup: Callable[[], None]) -> None:
    """Kill the whole group when the parent is gone: it may have been killed hard, and nobody else would clean up."""
    while os.getppid() == parent:
        time.sleep(0.5)
    _end_group(cleanup)


def _end_group(cleanup: Callable[[], None]) -> None:
    """Kill this process and all that it started; but never a group that somebody else leads, such as a shell's."""
    with contextlib.suppress(Exception):
        cleanup()
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)
