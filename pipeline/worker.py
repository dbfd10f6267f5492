"""A worker process: dramatiq's threads, the relay, the leases. Start as many as you like, on as many hosts."""

from __future__ import annotations

import logging
import os
import secrets
import signal
import socket
import sys
import threading

from delivery.beijing import day_of
from delivery.calendar_years import lacking, unsettled_from, watched_years, year_states
from pipeline.composition import Songda, open_songda
from pipeline.queue import Queue
from pipeline.relay import Relay
from pipeline.runner import Runner
from pipeline.settings import load
from pipeline.steps import STAGES
from pipeline.timestamp_watch import TimestampWatch
from pipeline.wake import Bell
from records import logs, schema
from records.database import legal_time

_log = logging.getLogger(__name__)


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
        self._watch = TimestampWatch(songda)

    def start(self) -> None:
        """Begin to take steps."""
        self._dramatiq.start()
        self._relay.start()
        self._watch.start()

    def stop(self) -> None:
        """Finish the steps under way and end."""
        self._runner.end()
        self._relay.stop()
        self._dramatiq.stop()
        self._watch.stop()
        self._runner.close()
        self._queue.close()
        self._bell.close()


def warn_of_calendars(songda: Songda) -> None:
    """Tell the log of each year whose holiday notice should be here and is not."""
    with songda.database.read() as connection:
        today = day_of(legal_time(connection))
        states = year_states(connection, watched_years(today))
    unsettled = unsettled_from(states, today)
    for year in lacking(states, today):
        _log.warning("the holiday notice of %s is not imported: dates from %s on are provisional", year, unsettled)


def main() -> int:
    """Run a worker until SIGTERM or SIGINT."""
    logs.configure()
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    songda = open_songda(load())
    schema.keep_up(songda.database)
    warn_of_calendars(songda)
    worker = Worker(songda)
    worker.start()
    ended.wait()
    worker.stop()
    songda.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
