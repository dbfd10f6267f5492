"""Pinning: a document is accepted with one version of its template, and a version never changes once it was used.

What a process found to be bound it remembers, so that a document costs no question more.
"""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from records import documents, template_versions
from records.database import Database
from records.errors import Fault, Refused
from records.store import Store
from templates.catalogue import Instrument

_Bound = tuple[str, str, str]


class Pins:
    """The template versions of one installation. Safe to use from several threads."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store
        self._known: set[_Bound] = set()

    def faults(self, instrument: Instrument) -> list[Fault]:
        """What keeps a document from being accepted with this template: its version was used with other content."""
        if _key(instrument) in self._known:
            return []
        with self._database.read() as connection:
            bound = template_versions.digest_of(connection, instrument.id, instrument.version)
        if bound == instrument.digest:
            self._known.add(_key(instrument))
        return [] if bound in (None, instrument.digest) else [_changed(instrument)]

    def unbound(self, instruments: Iterable[Instrument]) -> tuple[Instrument, ...]:
        """Those that no document was accepted with yet, as far as is known here; their content is in the store."""
        new = {_key(instrument): instrument for instrument in instruments if _key(instrument) not in self._known}
        for instrument in new.values():
            self._store.put(instrument.content)
        return tuple(new.values())


def bind(connection: sa.Connection, instruments: Iterable[Instrument]) -> None:
    """Bind their versions to their content, for good, in the caller's transaction; the content is in the store.

    Raises Refused when another process bound one to other content in the meantime.
    """
    for instrument in instruments:
        documents.record_artifact(connection, instrument.digest, len(instrument.content), "application/json")
        try:
            template_versions.bind(connection, instrument.id, instrument.version, instrument.digest)
        except template_versions.VersionChanged:
            raise Refused([_changed(instrument).under("/documents")]) from None


def _key(instrument: Instrument) -> _Bound:
    return instrument.id, instrument.version, instrument.digest


def _changed(instrument: Instrument) -> Fault:
    return Fault(
        "/instrument",
        "template_changed",
        f"The template {instrument.id} was changed after documents were made with its version {instrument.version}. "
        "The legal department has to raise the version: in instrument.toml, or in shared.toml for what all share.",
        f"文书模板“{instrument.id}”的版本{instrument.version}已被使用，其内容此后又有改动；"
        "须由法制职能部门提高版本号后方可使用。",
    )
