"""Who is calling: the case system behind an API key."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from records import api_keys


@dataclass(frozen=True)
class Caller:
    """A client of an authority, as its API key says. Everything it may see or change is scoped by both."""

    api_key_prefix: str
    client_id: str
    authority_id: str
    scopes: frozenset[str]
    person_id: str = ""  # of a clerk who issues by hand, through the authority's own client

    @property
    def actor(self) -> str:
        """How the ledger names this caller."""
        return self.person_id or f"client:{self.client_id}"


def identify(connection: sa.Connection, presented: str) -> Caller | None:
    """The caller that holds the presented API key, or None when the key is unknown or revoked."""
    row = api_keys.find(connection, presented)
    if row is None:
        return None
    return Caller(row["prefix"], row["client_id"], row["authority_id"], frozenset(row["scopes"]))
