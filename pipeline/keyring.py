"""The loaded keys of a process, each kept until its secret changes or it cannot sign any more."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from time import monotonic
from typing import Any, NamedTuple

from pipeline.settings import CurrentSettings
from records.errors import Permanent, Retry
from signing.keys import SigningKey, load_key

#: Seconds for which a key that could not be loaded is not tried again: many threads may wait for the same one.
_REST = 2.0


class _Place(NamedTuple):
    """What became of the last loading: a key, or an error and when (seconds of the monotonic clock)."""

    address: str
    secret: str | None
    outcome: SigningKey | Permanent | Retry
    at: float

    @property
    def stands(self) -> bool:
        return isinstance(self.outcome, SigningKey) or monotonic() < self.at + _REST


class KeyRing:
    """Keys of seals by the seal's id. Safe to use from several threads: each key is loaded by one at a time."""

    def __init__(self, settings: CurrentSettings) -> None:
        self._settings = settings
        self._places: dict[str, _Place] = {}
        self._locks: dict[str, Lock] = {}
        self._lock = Lock()

    def key(self, seal: Mapping[str, Any]) -> SigningKey:
        """The key of the seal, with the secret that stands in the settings now. Raises as `load_key` does."""
        settings = self._settings.now()
        named = (seal["key_uri"], settings.secrets.get(seal["id"]))
        with self._lock:
            lock = self._locks.setdefault(seal["id"], Lock())
        with lock:
            place = self._places.get(seal["id"])
            if place is None or place[:2] != named or not place.stands:
                self._drop(seal["id"])
                place = self._places[seal["id"]] = _load(*named, settings.token_sessions)
        if isinstance(place.outcome, SigningKey):
            return place.outcome
        raise type(place.outcome)(str(place.outcome)) from place.outcome  # several threads may be told of it

    def forget(self, seal_id: str) -> None:
        """Load the key anew when it is needed next: it may have been replaced at its place."""
        with self._lock:
            lock = self._locks.setdefault(seal_id, Lock())
        with lock:
            self._drop(seal_id)

    def close(self) -> None:
        """Close the connections behind the keys."""
        for seal_id in list(self._locks):
            self.forget(seal_id)

    def _drop(self, seal_id: str) -> None:
        place = self._places.pop(seal_id, None)
        if place is not None and isinstance(place.outcome, SigningKey):
            place.outcome.close()


def _load(address: str, secret: str | None, token_sessions: int) -> _Place:
    try:
        outcome: SigningKey | Permanent | Retry = load_key(address, secret, token_sessions=token_sessions)
    except (Permanent, Retry) as error:
        outcome = error
    return _Place(address, secret, outcome, monotonic())
