"""Writes down how the time stamp authorities answer, so that `songda status`, another process, can tell."""

from __future__ import annotations

import logging
import socket
import threading
from time import monotonic

from pipeline.composition import Songda
from records import providers
from signing.providers import Standing

_LOOKS_EVERY = 1.0
#: Seconds between two reports while nothing changes but counts and times.
_REPORTS_EVERY = 60.0
_log = logging.getLogger(__name__)


class TimestampWatch:
    """A thread of a worker that reports once a minute, and at once when an authority begins or ceases to fail.

    So no stamp waits for a row to be written.
    """

    def __init__(self, songda: Songda) -> None:
        self._songda = songda
        self._host = socket.gethostname()
        self._told: dict[str, Standing] = {}
        self._told_at = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._loop, name="timestamp-watch", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, with a last report."""
        self._ended.set()
        self._thread.join(5)

    def _loop(self) -> None:
        while not self._ended.wait(_LOOKS_EVERY):
            self.look()
        self.look(last=True)

    def look(self, *, last: bool = False) -> None:
        """Report what has changed, if it is time to."""
        changed = [each for each in self._songda.cabinet.standings() if each != self._told.get(each.url, _new(each))]
        due = last or monotonic() >= self._told_at + _REPORTS_EVERY
        if not changed or not (due or any(self._turned(each) for each in changed)):
            return
        try:
            self._report(changed)
        except Exception:
            _log.exception("how the time stamp authorities answer could not be written down")

    def _turned(self, each: Standing) -> bool:
        told = self._told.get(each.url)
        return told is None or (told.failing_since is None) != (each.failing_since is None)

    def _report(self, changed: list[Standing]) -> None:
        with self._songda.database.write() as connection:
            for each in changed:
                told = self._told.get(each.url, _new(each))
                if each.answers < told.answers or each.failures < told.failures:
                    told = _new(each)  # counted anew: the addresses were changed in the settings
                providers.report(
                    connection,
                    self._host,
                    each.url,
                    answers=each.answers - told.answers,
                    failures=each.failures - told.failures,
                    mean_ms=each.mean_ms,
                    failing_since=each.failing_since,
                    failed_at=each.failed_at,
                    failure=each.failure,
                )
        self._told |= {each.url: each for each in changed}
        self._told_at = monotonic()


def _new(each: Standing) -> Standing:
    return Standing(each.url)
