"""How a provider answers: counted, timed, and passed over for a while after it failed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from threading import Lock
from time import monotonic
from urllib.parse import urlsplit

#: Seconds that a provider is passed over after its first failure in a row; doubled by each further one up to the last.
_FIRST_PAUSE, _LONGEST_PAUSE = 5.0, 300.0
#: How much the newest answer counts in the mean time.
_WEIGHT = 0.2


@dataclass(frozen=True)
class Standing:
    """How a provider stands. Times are aware, in UTC, by this machine's clock.

    `mean_ms` is the mean time of an answer, in which the newest ones count most, None before the first.
    `failing_since` is None when the newest answer was good.
    """

    url: str
    answers: int = 0
    failures: int = 0
    mean_ms: float | None = None
    failing_since: datetime | None = None
    failed_at: datetime | None = None
    failure: str = ""


class Provider:
    """One provider, named by its address; `longest` is its longest pause, in seconds. For any number of threads."""

    def __init__(self, url: str, *, longest: float = _LONGEST_PAUSE, clock: Callable[[], float] = monotonic) -> None:
        self.url = url
        self._longest, self._clock = longest, clock
        self._lock = Lock()
        self._in_a_row = 0
        self._passed_over_until = 0.0
        self._standing = Standing(shown(url))

    @property
    def standing(self) -> Standing:
        """How it stands now."""
        return self._standing

    def is_due(self, patience: float) -> bool:
        """Whether to ask it. After its pause one caller at a time is told so, who has `patience` seconds for it."""
        with self._lock:
            now = self._clock()
            if not self._in_a_row:
                return True
            if now < self._passed_over_until:
                return False
            self._passed_over_until = now + patience
            return True

    def answered(self, seconds: float) -> None:
        """It answered well, in so many seconds."""
        with self._lock:
            was, took = self._standing, seconds * 1000
            mean = took if was.mean_ms is None else was.mean_ms + _WEIGHT * (took - was.mean_ms)
            self._in_a_row = 0
            self._standing = Standing(was.url, was.answers + 1, was.failures, mean, None, was.failed_at, was.failure)

    def failed(self, why: str) -> None:
        """It did not answer, or not well."""
        with self._lock:
            was, now = self._standing, datetime.now(UTC)
            pause = min(_FIRST_PAUSE * 2 ** min(self._in_a_row, 16), self._longest)
            self._in_a_row += 1
            self._passed_over_until = self._clock() + pause
            since = was.failing_since or now
            self._standing = Standing(was.url, was.answers, was.failures + 1, was.mean_ms, since, now, why)


def shown(url: str) -> str:
    """An address as people may see it: without the name, password and query that may stand in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl()
