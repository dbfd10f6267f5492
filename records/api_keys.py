"""API keys of case systems: `sgd_<prefix>_<secret>`, shown once, hashed at rest.

The secret has 256 random bits, so one SHA-256 is right for it: nobody can guess such a value, and a slow hash (which
protects passwords that people chose) would only slow every request down. The prefix is public: it names the key in
logs and in the ledger.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from records.ids import new_id
from records.instants import now
from records.ledger import append
from records.tables import api_key, client

#: What the key of a case system may be allowed to do, with what is its own.
SCOPES: Final = ("jobs:write", "documents:read", "deliveries:write")
#: What the key of a scanning station may do: record service on paper by barcode, for every document of the authority.
SCANS: Final = "scans:write"
#: What a key does that stands in an address to which an SMS gateway pushes its reports.
SMS_REPORTS: Final = "sms:reports"
_ALL: Final = frozenset({*SCOPES, SCANS, SMS_REPORTS})

_KEY: Final = re.compile(r"sgd_([0-9a-f]{12})_([0-9a-f]{64})")
_NO_HASH: Final = "0" * 64


def create_client(connection: sa.Connection, authority_id: str, name: str, *, by: str = "system") -> str:
    """Enter a case system of the authority; returns its id."""
    client_id = new_id("cli")
    connection.execute(client.insert().values(id=client_id, authority_id=authority_id, name=name))
    append(
        connection,
        f"directory:{authority_id}",
        f"client/{client_id}",
        "client.entered",
        subject=client_id,
        actor=by,
        body={"name": name},
    )
    return client_id


def clients(connection: sa.Connection, authority_id: str) -> list[sa.RowMapping]:
    """The case systems of the authority, by name."""
    query = sa.select(client).where(client.c.authority_id == authority_id)
    return list(connection.execute(query.order_by(client.c.name, client.c.id)).mappings())


def issue(connection: sa.Connection, client_id: str, scopes: Iterable[str], *, by: str = "system") -> str:
    """Issue a key to a client and return it whole: it cannot be read again.

    Raises LookupError for an unknown client, ValueError for no scope or an unknown one.
    """
    wanted = sorted(set(scopes))
    if not wanted or not set(wanted) <= _ALL:
        raise ValueError(f"scopes must be some of {', '.join(sorted(_ALL))}")
    authority_id = connection.execute(sa.select(client.c.authority_id).where(client.c.id == client_id)).scalar()
    if authority_id is None:
        raise LookupError(f"no client {client_id}")
    prefix, secret = secrets.token_hex(6), secrets.token_hex(32)
    connection.execute(
        api_key.insert().values(
            prefix=prefix, hash=_hash(secret), client_id=client_id, scopes=wanted, created_at=now(), revoked_at=None
        )
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"api_key/{prefix}",
        "api_key.issued",
        subject=client_id,
        actor=by,
        body={"prefix": prefix, "scopes": wanted},
    )
    return f"sgd_{prefix}_{secret}"


def in_force(connection: sa.Connection, authority_id: str, scope: str) -> list[sa.RowMapping]:
    """`prefix`, `created_at` and the client's `name` of the authority's keys with this scope, oldest first."""
    query = (
        sa.select(api_key.c.prefix, api_key.c.created_at, api_key.c.scopes, client.c.name)
        .join(client, client.c.id == api_key.c.client_id)
        .where(client.c.authority_id == authority_id, api_key.c.revoked_at.is_(None))
        .order_by(api_key.c.created_at, api_key.c.prefix)
    )
    return [row for row in connection.execute(query).mappings() if scope in row["scopes"]]


def revoke(connection: sa.Connection, prefix: str, *, by: str = "system") -> bool:
    """Refuse the key from now on; False when there is none or it was revoked before."""
    owner = connection.execute(
        api_key.update()
        .where(api_key.c.prefix == prefix, api_key.c.revoked_at.is_(None))
        .values(revoked_at=now())
        .returning(api_key.c.client_id)
    ).scalar()
    if owner is None:
        return False
    authority_id = connection.execute(sa.select(client.c.authority_id).where(client.c.id == owner)).scalar_one()
    append(
        connection,
        f"directory:{authority_id}",
        f"api_key/{prefix}/revoked",
        "api_key.revoked",
        subject=owner,
        actor=by,
        body={"prefix": prefix},
    )
    return True


_IN_FORCE: Final = (
    sa.select(api_key.c.prefix, api_key.c.hash, api_key.c.client_id, client.c.authority_id, api_key.c.scopes)
    .join(client, client.c.id == api_key.c.client_id)
    .where(api_key.c.prefix == sa.bindparam("prefix"), api_key.c.revoked_at.is_(None))
)


def find(connection: sa.Connection, presented: str) -> sa.RowMapping | None:
    """`prefix`, `client_id`, `authority_id` and `scopes` of the key that was presented; None unless it is in force.

    The comparison takes the same time for a wrong secret and for an unknown prefix.
    """
    parts = _KEY.fullmatch(presented)
    prefix, secret = parts.groups() if parts else ("", "")
    row = connection.execute(_IN_FORCE, {"prefix": prefix}).mappings().first()
    fits = hmac.compare_digest(_hash(secret), row["hash"] if row else _NO_HASH)
    return row if fits else None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
