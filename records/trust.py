"""Changes of the trust list, which is a file: who did what, in the ledger of every authority of the installation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import sqlalchemy as sa

from records.ledger import append, count, events
from records.tables import authority

_KINDS = ("trust.added", "trust.removed")


def record(
    connection: sa.Connection,
    kind: Literal["trust.added", "trust.removed"],
    sha256: str,
    *,
    by: str,
    body: Mapping[str, Any],
) -> None:
    """Record that the root with this fingerprint was added or removed; `body` has the digest of the list, too."""
    for authority_id in connection.execute(sa.select(authority.c.id).order_by(authority.c.id)).scalars().all():
        stream = f"directory:{authority_id}"
        nth = count(connection, stream, sha256, _KINDS) + 1
        append(connection, stream, f"trust/{sha256}/{nth}", kind, subject=sha256, actor=by, body=body)


def recorded_list(connection: sa.Connection) -> str | None:
    """SHA-256 of the trust list as the newest change left it; None before any was recorded."""
    first = connection.execute(sa.select(sa.func.min(authority.c.id))).scalar()
    found = [event for event in events(connection, f"directory:{first}") if event.kind in _KINDS]
    return str(found[-1].body["list_sha256"]) if found else None
