"""What belongs to a case beside its documents, and the sealed volumes that were made of it.

`client_id` None is the whole case, for an operator; a case system sees and adds its own papers only.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from records.ids import new_id
from records.ledger import append
from records.statements import insert_at, insert_if_absent
from records.tables import artifact, case_file, delivery, document, paper_receipt, volume


def stream(authority_id: str, case_no: str) -> str:
    """The ledger stream of a case's volume."""
    return f"case:{authority_id}:{case_no}"


def _own(table: sa.Table, authority_id: str, case_no: str, client_id: str | None) -> list[sa.ColumnElement[bool]]:
    own = [table.c.authority_id == authority_id, table.c.case_no == case_no]
    return own if client_id is None else [*own, table.c.client_id == client_id]


def add_file(connection: sa.Connection, authority_id: str, case_no: str, *, by: str, **values: Any) -> str | None:
    """Add a stored file to the case; None when the case has the same bytes already."""
    file_id = new_id("cfl")
    row = {"id": file_id, "authority_id": authority_id, "case_no": case_no, "added_by": by, **values}
    if not insert_if_absent(connection, case_file, row, "added_at"):
        return None
    body = {name: values[name] for name in ("part", "title_zh", "title_en", "day", "digest")}
    append(connection, stream(authority_id, case_no), f"file/{file_id}", "case.file_added", actor=by, body=body)
    return file_id


def files(connection: sa.Connection, authority_id: str, case_no: str, client_id: str | None) -> list[sa.RowMapping]:
    """The files that were added to the case, with their media types, oldest first."""
    query = sa.select(case_file, artifact.c.media_type).join(artifact, artifact.c.digest == case_file.c.digest)
    query = query.where(*_own(case_file, authority_id, case_no, client_id))
    return list(connection.execute(query.order_by(case_file.c.added_at, case_file.c.id)).mappings())


def documents(connection: sa.Connection, authority_id: str, case_no: str, client_id: str | None) -> list[sa.RowMapping]:
    """The released documents of the case, revoked and changed ones too, in the order of their release."""
    query = sa.select(document).where(
        *_own(document, authority_id, case_no, client_id), document.c.status.in_(("released", "revoked", "changed"))
    )
    return list(connection.execute(query.order_by(document.c.released_at, document.c.id)).mappings())


def confirmed(connection: sa.Connection, document_id: str) -> list[str]:
    """The document's deliveries whose receipt was confirmed."""
    query = sa.select(delivery.c.id).where(delivery.c.document_id == document_id, delivery.c.confirmed_at.is_not(None))
    return list(connection.execute(query.order_by(delivery.c.id)).scalars())


def scans(connection: sa.Connection, *document_ids: str) -> list[sa.RowMapping]:
    """The scanned proofs of the documents' service on paper, with their media types; superseded ones left out."""
    later = paper_receipt.alias()
    superseded = sa.select(later.c.supersedes).where(later.c.supersedes.is_not(None))
    query = (
        sa.select(paper_receipt, artifact.c.media_type)
        .join(delivery, delivery.c.id == paper_receipt.c.delivery_id)
        .join(artifact, artifact.c.digest == paper_receipt.c.scan_digest)
        .where(delivery.c.document_id.in_(document_ids), paper_receipt.c.id.not_in(superseded))
    )
    return list(connection.execute(query.order_by(paper_receipt.c.recorded_at, paper_receipt.c.id)).mappings())


def find(
    connection: sa.Connection, authority_id: str, case_no: str, client_id: str | None, content: str
) -> sa.RowMapping | None:
    """The newest volume that holds exactly these papers, or None."""
    query = sa.select(volume).where(
        volume.c.authority_id == authority_id, volume.c.case_no == case_no, volume.c.content == content
    )
    own = volume.c.client_id.is_(None) if client_id is None else volume.c.client_id == client_id
    newest = query.where(own).order_by(volume.c.made_at.desc(), volume.c.id.desc()).limit(1)
    return connection.execute(newest).mappings().first()


def made(connection: sa.Connection, authority_id: str, case_no: str) -> list[sa.RowMapping]:
    """Every volume that was sealed of the case, whoever asked for it, oldest first."""
    query = sa.select(volume).where(*_own(volume, authority_id, case_no, None))
    return list(connection.execute(query.order_by(volume.c.made_at, volume.c.id)).mappings())


def sealed_since(connection: sa.Connection, seal_id: str, since: datetime) -> list[sa.RowMapping]:
    """The volumes that were sealed with a seal at or after `since` (aware, by our clock), oldest first."""
    query = sa.select(volume).where(volume.c.seal_id == seal_id, volume.c.made_at >= since)
    return list(connection.execute(query.order_by(volume.c.made_at, volume.c.id)).mappings())


def record(connection: sa.Connection, authority_id: str, case_no: str, *, by: str, **values: Any) -> str:
    """Record a sealed volume, with the event that tells of the use of the seal; returns its id."""
    volume_id = new_id("vol")
    row = {"id": volume_id, "authority_id": authority_id, "case_no": case_no, **values}
    connection.execute(insert_at(volume, "made_at"), row)
    told = {name: values[name] for name in ("content", "digest", "pages", "archival", "seal_id", "approval")}
    append(connection, stream(authority_id, case_no), f"volume/{volume_id}", "case.volume_sealed", actor=by, body=told)
    return volume_id
