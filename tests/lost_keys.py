"""For tests of pages: the key of the seal on some documents was in other hands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from records import affected, compromises, seal_approvals, seals
from records.database import Database, database_time
from records.seal_approvals import Authorisation

_ALLOWED = Authorisation(
    "approval", "sla_1", "per_1", "孙", "局长", "director", "004-58", datetime(2026, 11, 20, 1, tzinfo=UTC)
)


def lose_key(database: Database, authority_id: str, *document_ids: str) -> str:
    """Report the key that sealed these documents lost since an hour, and mark them; returns the seal's id."""
    with database.write() as connection:
        seal_id = seals.register(
            connection, authority_id, ring_text="甲局", second_line="专用章", key_uri="pkcs12:none", test=True
        )
        for document_id in document_ids:
            seal_approvals.record_use(
                connection,
                _ALLOWED,
                document_id=document_id,
                seal_id=seal_id,
                rendered_digest="0",
                sealed_digest="1",
                certificate_serial="1",
                certificate_subject="CN=x",
            )
        since = database_time(connection) - timedelta(hours=1)
        report = compromises.report(connection, seal_id, since, "operator:root", "the token was stolen")
        found, _ = affected.sealed_since(connection, seal_id, since, limit=1000)
        affected.mark(connection, compromises.get(connection, report.id), found)
    return seal_id
