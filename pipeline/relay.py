"""The relay: turns due rows into hints, with credit, so that the queue never holds more than workers can soon do."""

from __future__ import annotations

import logging
import threading
import time

from delivery.registration_sweep import look_again, sweep
from pipeline.composition import Songda
from pipeline.queue import Queue
from pipeline.runner import HINT_SECONDS
from pipeline.wake import Bell
from records import archives, steps

_LONGEST_SLEEP = 1.0
_RENEWALS_PAUSE = 60.0
_SWEEPS_PAUSE = 600.0
_RENEWALS_AT_ONCE = 100  # each relay makes so many steps at a time: documents that people wait for go on between
_BUSY_SLEEP = 0.05  # while messages wait: refill before the workers run dry
_log = logging.getLogger(__name__)


def relay_once(songda: Songda, queue: Queue) -> int:
    """Send hints for due steps as far as there is credit; returns how many."""
    room = queue.room()
    if not room:
        return 0
    with songda.database.read() as connection:
        if not steps.any_due(connection):  # a read blocks nobody; SQLite has one writer
            return 0
    with songda.database.write() as connection:
        due = steps.pick_due(connection, room, HINT_SECONDS)
    queue.send(due)
    return len(due)


def make_renewals(songda: Songda) -> int:
    """Make the steps of files whose proof has to be renewed by now; returns how many."""
    with songda.database.read() as connection:
        if not archives.any_due(connection):
            return 0
    with songda.database.write() as connection:
        return archives.make_steps(connection, _RENEWALS_AT_ONCE)


class Relay:
    """The relay's thread. It wakes when rung, when the next step becomes due, and once a second at least.

    Once a minute it looks for files that are due for renewal, every ten minutes for drafts that nobody came back to.
    """

    def __init__(self, songda: Songda, queue: Queue, bell: Bell) -> None:
        self._songda, self._queue, self._bell = songda, queue, bell
        self._stopped = threading.Event()
        self._renewals_at = self._sweeps_at = time.monotonic()
        self._thread = threading.Thread(target=self._loop, name="relay", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, after the present round."""
        self._stopped.set()
        self._bell.ring()
        self._thread.join(5)

    def _loop(self) -> None:
        while not self._stopped.is_set():
            try:
                self._bell.wait(self._round())
            except Exception:
                _log.exception("relay")
                self._stopped.wait(_LONGEST_SLEEP)

    def _round(self) -> float:
        if time.monotonic() >= self._sweeps_at:
            self._sweeps_at = time.monotonic() + _SWEEPS_PAUSE
            sweep(self._songda.database, self._songda.store)
            look_again(self._songda.database, self._songda.store)
        if time.monotonic() >= self._renewals_at:
            self._renewals_at = time.monotonic() + _RENEWALS_PAUSE
            make_renewals(self._songda)
        relay_once(self._songda, self._queue)
        if self._queue.is_busy():
            return _BUSY_SLEEP
        with self._songda.database.read() as connection:
            soonest = steps.seconds_until_next(connection)
        return _LONGEST_SLEEP if soonest is None else min(soonest, _LONGEST_SLEEP)
