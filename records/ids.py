"""Identifiers: sortable by time of making, unguessable, safe in URLs and file names."""

from __future__ import annotations

import secrets
import threading
import time

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u
_lock = threading.Lock()
_newest = 0


def _base32(value: int, length: int) -> str:
    digits = []
    for _ in range(length):
        value, digit = divmod(value, 32)
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_id(kind: str) -> str:
    """A new identifier such as `doc_01k9…`: milliseconds since 1970 (9 digits), then 80 random bits (16 digits).

    Those that one process makes are in the order of their making, also within a millisecond and when the clock is set
    back: each further one of a millisecond stands a random step of 72 bits behind the last one.
    """
    global _newest
    with _lock:
        moment = time.time_ns() // 1_000_000
        later = moment > _newest >> 80
        _newest = (moment << 80) | secrets.randbits(80) if later else _newest + 1 + secrets.randbits(72)
        value = _newest
    return f"{kind}_{_base32(value, 25)}"
