"""How many may be inside at a time, where somebody without a key of the usual kind may bring much."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pipeline.api.problems import UNAVAILABLE, Problem


class Gate:
    """Dependency: lets `most` in at a time and tells the others to come again."""

    def __init__(self, most: int, busy: str) -> None:
        self._most, self._busy = most, busy
        self._inside = 0

    async def __call__(self) -> AsyncIterator[None]:
        """Let one in, until its request has ended. Raises a 503 problem."""
        if self._inside >= self._most:
            raise Problem(UNAVAILABLE, self._busy, headers={"Retry-After": "5"})
        self._inside += 1
        try:
            yield
        finally:
            self._inside -= 1
