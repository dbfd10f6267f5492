"""Passwords by argon2id (RFC 9106), with a bound on how many are worked on at a time."""

from __future__ import annotations

import secrets
import threading
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

LONGEST: Final = 256
"""Characters; a longer password is refused, because hashing it would be work that anybody can order."""

SHORTEST: Final = 12
"""Characters of a password that a person chooses."""

_HASHER: Final = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)  # 64 MiB, 3 passes
_AT_ONCE: Final = threading.BoundedSemaphore(4)  # 4 × 64 MiB, however many knock


@cache
def _nobody() -> str:
    return _HASHER.hash("nobody has this password")


def hash_password(password: str) -> str:
    """The string to store for a password. Raises ValueError for one that is too short or too long."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise ValueError(f"a password has {SHORTEST} to {LONGEST} characters")
    return rehash(password)


def rehash(password: str) -> str:
    """The string to store for a password that was accepted before, whatever its length."""
    with _AT_ONCE:
        return _HASHER.hash(password)


def nobodys() -> str:
    """A string to store where no password is to open anything: that of one which nobody knows."""
    return rehash(secrets.token_urlsafe(32))


def matches(stored: str | None, password: str) -> bool:
    """Whether `password` is the one of `stored`; None (nobody) takes as long and matches nothing."""
    if len(password) > LONGEST:
        return False
    with _AT_ONCE:
        try:
            right = _HASHER.verify(stored or _nobody(), password)
        except (VerificationError, InvalidHashError):
            return False
    return right and stored is not None


def is_outdated(stored: str) -> bool:
    """Whether `stored` was made with other parameters than today's, and is to be made anew at the next log-in."""
    return _HASHER.check_needs_rehash(stored)
