"""Jobs and documents: what was asked for, and each issued instrument on its way.

A status is written in the same transaction as the event that makes it, and only along an allowed transition.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from records.instants import now
from records.ledger import append
from records.statements import contains, insert_at, insert_if_absent, select_by
from records.tables import artifact, document, job, number, renewal

#: From where each status may be reached.
TRANSITIONS: Mapping[str, frozenset[str]] = {
    "numbered": frozenset({"accepted"}),
    "rendered": frozenset({"accepted", "numbered"}),
    "sealed": frozenset({"rendered"}),
    "released": frozenset({"rendered", "sealed"}),
    "failed": frozenset({"accepted", "numbered", "rendered", "sealed"}),
    "cancelled": frozenset({"accepted"}),
    "void": frozenset({"numbered", "rendered", "sealed", "failed"}),
    "revoked": frozenset({"released", "changed"}),
    "changed": frozenset({"released"}),
}


class WrongState(Exception):
    """The document is not in a state from which this may follow: `present` is the one that it is in."""

    def __init__(self, document_id: str, present: str | None, wanted: str) -> None:
        super().__init__(f"document {document_id} is {present}, so it cannot become {wanted}")
        self.present = present


def insert_job(connection: sa.Connection, **values: Any) -> None:
    """Store a job as the case system sent it."""
    connection.execute(insert_at(job, "created_at"), values)


def find_job(connection: sa.Connection, job_id: str, authority_id: str, client_id: str) -> sa.RowMapping | None:
    """A job of this client, or None: other clients' jobs do not exist for it."""
    query = sa.select(job).where(job.c.id == job_id, job.c.authority_id == authority_id, job.c.client_id == client_id)
    return connection.execute(query).mappings().first()


def insert(connection: sa.Connection, **values: Any) -> None:
    """Store an accepted document."""
    connection.execute(insert_at(document, "created_at"), {"status": "accepted", **values})


def get(connection: sa.Connection, document_id: str) -> sa.RowMapping:
    """A document by its id, for the pipeline's own steps. Raises LookupError."""
    row = connection.execute(select_by(document, "id"), {"id": document_id}).mappings().first()
    if row is None:
        raise LookupError(f"no document {document_id}")
    return row


def find(connection: sa.Connection, document_id: str, authority_id: str, client_id: str) -> sa.RowMapping | None:
    """A document of this client, or None."""
    query = sa.select(document).where(
        document.c.id == document_id, document.c.authority_id == authority_id, document.c.client_id == client_id
    )
    return connection.execute(query).mappings().first()


def find_in(connection: sa.Connection, document_id: str, authority_id: str) -> sa.RowMapping | None:
    """A document of the authority, whichever of its case systems asked for it, or None."""
    query = sa.select(document).where(document.c.id == document_id, document.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def of_job(connection: sa.Connection, job_id: str) -> list[sa.RowMapping]:
    """The documents of a job in the order in which they were asked for."""
    query = sa.select(document).where(document.c.job_id == job_id).order_by(document.c.position)
    return list(connection.execute(query).mappings())


_OF_CASE: Final = (
    sa.select(document)
    .where(
        document.c.authority_id == sa.bindparam("authority"),
        document.c.case_no == sa.bindparam("case"),
        document.c.instrument.in_(sa.bindparam("instruments", expanding=True)),
    )
    .order_by(document.c.created_at.desc(), document.c.id.desc())
    .limit(sa.bindparam("most", type_=sa.Integer))
)


def of_case(
    connection: sa.Connection, authority_id: str, case_no: str, instruments: Collection[str], *, limit: int = 20
) -> list[sa.RowMapping]:
    """The authority's documents of these kinds in a case, newest first."""
    named = {"authority": authority_id, "case": case_no, "instruments": sorted(instruments), "most": limit}
    return list(connection.execute(_OF_CASE, named).mappings())


def whole_case(connection: sa.Connection, authority_id: str, case_no: str, *, limit: int) -> list[sa.RowMapping]:
    """The authority's documents of a case, whatever became of them, in the order in which they were asked for."""
    query = sa.select(document).where(document.c.authority_id == authority_id, document.c.case_no == case_no)
    ordered = query.order_by(document.c.created_at, document.c.job_id, document.c.position, document.c.id)
    return list(connection.execute(ordered.limit(limit)).mappings())


def cases_found(connection: sa.Connection, authority_id: str, text: str, *, limit: int = 20) -> list[sa.RowMapping]:
    """Cases whose number, or the number of one of whose documents, contains `text`, the newest first.

    Each has `case_no` and `document_id`, the newest of its documents that were found.
    """
    zh, en = (sa.func.coalesce(column, "") for column in (document.c.number_zh, document.c.number_en))
    told = document.c.case_no + "\n" + zh + "\n" + en  # one comparison for each row
    query = (
        sa.select(document.c.case_no, sa.func.max(document.c.id).label("document_id"))
        .where(document.c.authority_id == authority_id, contains(connection, told, text))
        .group_by(document.c.case_no)
        .order_by(sa.func.max(document.c.created_at).desc(), document.c.case_no)
    )
    return list(connection.execute(query.limit(limit)).mappings())


def numbered(connection: sa.Connection, authority_id: str, text: str) -> sa.RowMapping | None:
    """The document to which the authority bound this number (its Chinese text), void or not; or None."""
    query = sa.select(document).join(number, number.c.document_id == document.c.id)
    here = (number.c.authority_id == authority_id, number.c.text_zh == text)
    return connection.execute(query.where(*here)).mappings().first()


@cache
def _moved(status: str) -> sa.Update:
    from_one = (document.c.id == sa.bindparam("the_row"), document.c.status.in_(TRANSITIONS[status]))
    moment = {"released_at": now()} if status == "released" else {}
    return document.update().where(*from_one).values(status=status, **moment)


def move(
    connection: sa.Connection,
    document_id: str,
    status: str,
    *,
    actor: str = "system",
    body: Mapping[str, Any] | None = None,
    **columns: Any,
) -> None:
    """Bring a document to `status`, with the event `document.<status>` and other columns, in this transaction.

    A released one gets the moment in `released_at`.

    Raises WrongState when the transition is not allowed.
    """
    changed = connection.execute(_moved(status), {"the_row": document_id, **columns})
    if changed.rowcount != 1:
        present = connection.execute(sa.select(document.c.status).where(document.c.id == document_id)).scalar()
        raise WrongState(document_id, present, status)
    append(connection, document_id, f"document.{status}", f"document.{status}", actor=actor, body=body)


def has_case(connection: sa.Connection, case_no: str, authority_id: str, client_id: str) -> bool:
    """Whether this client has a document of the case."""
    query = sa.select(document.c.id).where(
        document.c.authority_id == authority_id, document.c.client_id == client_id, document.c.case_no == case_no
    )
    return connection.execute(query.limit(1)).first() is not None


def released_as(connection: sa.Connection, digest: str) -> sa.RowMapping | None:
    """The sealed document, whosever it is, that was released as the bytes with this SHA-256, or renewed so; or None.

    One that is not sealed is never found: its bytes follow from its facts, so somebody could guess and ask.
    """
    if connection.execute(sa.select(artifact.c.digest).where(artifact.c.digest == digest)).first() is None:
        return None  # by the primary key: strangers' files cost no more than that
    query = sa.select(document.c.id, document.c.status, document.c.released_at)
    query = query.where(document.c.sealed, document.c.released_at.is_not(None)).limit(1)
    renewed = document.c.id.in_(sa.select(renewal.c.archive_id).where(renewal.c.digest == digest))
    for these in (document.c.final_digest == digest, renewed):
        if row := connection.execute(query.where(these)).mappings().first():
            return row
    return None


def record_artifact(connection: sa.Connection, digest: str, size: int, media_type: str) -> None:
    """Name a stored file; naming it again changes nothing."""
    values = {"digest": digest, "size": size, "media_type": media_type}
    insert_if_absent(connection, artifact, values, "created_at")


def count_by_status(connection: sa.Connection) -> dict[str, int]:
    """How many documents have each status."""
    query = sa.select(document.c.status, sa.func.count().label("documents")).group_by(document.c.status)
    return {row.status: row.documents for row in connection.execute(query)}


def failed(connection: sa.Connection, limit: int) -> list[sa.RowMapping]:
    """`id`, `number_zh` and `reason` of the failed documents that were accepted last."""
    query = sa.select(document.c.id, document.c.number_zh, document.c.reason).where(document.c.status == "failed")
    newest_first = query.order_by(document.c.created_at.desc(), document.c.id.desc())
    return list(connection.execute(newest_first.limit(limit)).mappings())
