"""Composition: the parts that one process works with, built from the settings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from delivery.sms import SmsGateway
from delivery.sms_gateways import gateway_of
from pipeline.cabinet import SealCabinet
from pipeline.pinning import Pins
from pipeline.settings import Settings
from records.database import Database, is_test
from records.store import Store, open_store


def _no_hint(step_ids: Sequence[str]) -> None:
    """Without a queue at hand the relay finds due rows by itself."""


@dataclass(frozen=True)
class Songda:
    """An opened installation. `hint` tells the queue of steps that are due now; losing a hint loses nothing."""

    settings: Settings
    database: Database
    store: Store
    hint: Callable[[Sequence[str]], None] = field(default=_no_hint)

    @cached_property
    def test(self) -> bool:
        """Whether the database was marked TEST at its creation."""
        with self.database.read() as connection:
            return is_test(connection)

    @cached_property
    def sms(self) -> SmsGateway:
        """What sends SMS, as the settings say."""
        return gateway_of(self.settings)

    @cached_property
    def pins(self) -> Pins:
        """The template versions that were used."""
        return Pins(self.database, self.store)

    @cached_property
    def cabinet(self) -> SealCabinet:
        """Keys and trust, opened when first needed."""
        return SealCabinet(self.settings, test=self.test, fetch=self.store.get)

    def close(self) -> None:
        """Close every connection: of the database, and to the authorities behind the seals."""
        if "cabinet" in vars(self):
            self.cabinet.close()
        self.database.close()


def open_songda(settings: Settings, hint: Callable[[Sequence[str]], None] = _no_hint) -> Songda:
    """Open database and store as the settings name them."""
    # each thread of a worker holds one connection at a time, and so do the relay and the thread that renews leases
    database = Database(settings.database_url, pool_size=max(8, settings.threads + 2))
    return Songda(settings, database, open_store(settings.store_url), hint)
