"""Secrets that a token or a remote service refused: never shown to it again by this process.

Tokens and services lock a key after a few wrong attempts, so who asks again has to bring another secret.
"""

from __future__ import annotations

import hashlib
import secrets
from threading import Lock


class RefusedSecrets:
    """Which secret was refused at which place, as salted digests, until the process ends. Safe to use from threads."""

    def __init__(self) -> None:
        self._salt = secrets.token_bytes(32)
        self._digests: set[bytes] = set()
        self._turns: dict[str, Lock] = {}
        self._lock = Lock()

    def turn(self, place: str) -> Lock:
        """Held by whoever shows a secret at `place`: so a wrong one is shown once, however many threads have it."""
        with self._lock:
            return self._turns.setdefault(place, Lock())

    def add(self, place: str, secret: str | None) -> None:
        """Remember that `secret` was refused at `place`."""
        with self._lock:
            self._digests.add(self._digest(place, secret))

    def holds(self, place: str, secret: str | None) -> bool:
        """Whether `secret` was refused at `place` before."""
        return self._digest(place, secret) in self._digests

    def _digest(self, place: str, secret: str | None) -> bytes:
        named = f"{place}\0{'' if secret is None else f'={secret}'}"
        return hashlib.blake2b(named.encode(), key=self._salt).digest()


#: The one memory of this process.
REFUSED = RefusedSecrets()
