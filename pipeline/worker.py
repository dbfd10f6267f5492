"""A worker process: dramatiq's threads, the relay, the leases. Start as many as you like, on as many hosts."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import sys
import threading

from pipeline.composition import Songda, open_songda
from pipeline.queue import Queue
from pipeline.relay import Relay
from pipeline.runner import Runner
from pipeline.settings import load
from pipeline.steps import STAGES
from pipeline.wake import Bell
from records import logs, schema


class Worker:
    """One worker on an opened installation; `start`, then `stop`."""

    def __init__(self, songda: Songda) -> None:
        settings = songda.settings
        owner = f"{socket.gethostname()}-{os.getpid()}-{secrets.token_hex(3)}"
        self._runner = Runner(songda, owner, STAGES)
        self._queue = Queue(settings.redis_url, 4 * settings.threads, self._runner.run_step)
        self._runner.queue = self._queue
        self._dramatiq = self._queue.worker(settings.threads)
        self._bell = Bell(settings.home)
        self._relay = Relay(songda, self._queue, self._bell)

    def start(self) -> None:
        """Begin to take steps."""
        self._dramatiq.start()
        self._relay.start()

    def stop(self) -> None:
        """Finish the steps under way and end."""
        self._runner.end()
        self._relay.stop()
        self._dramatiq.stop()
        self._runner.close()
        self._queue.close()
        self._bell.close()


def main() -> int:
    """Run a worker until SIGTERM or SIGINT."""
    logs.configure()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    songda = open_songda(load())
    schema.keep_up(songda.database)
    worker = Worker(songda)
    worker.start()
    ended.wait()
    worker.stop()
    songda.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
