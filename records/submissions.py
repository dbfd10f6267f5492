"""Material that counterparties handed in against a document, its files, whether a clerk has taken it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from records.access import Person
from records.database import legal_time
from records.ledger import append, lock
from records.paging import Found, Part, part_of
from records.tables import delivery, submission, submission_file, submission_taken

_NEWER = submission.alias("newer")


@dataclass(frozen=True)
class File:
    """A file of a submission, judged by its content; `digest` names it in the store."""

    name: str
    digest: str
    media_type: str
    size: int
    pages: int


def insert(connection: sa.Connection, values: Mapping[str, Any], files: Sequence[File]) -> None:
    """Store a submission with its files; the caller writes the event."""
    connection.execute(submission.insert().values(**values))
    rows = [
        {"submission_id": values["id"], "position": position, **vars(each)} for position, each in enumerate(files, 1)
    ]
    if rows:
        connection.execute(submission_file.insert(), rows)


def _query() -> sa.Select[Any]:
    """Submissions with when and by whom they were taken, the newer one that replaces each, and their document."""
    return (
        sa.select(
            submission,
            submission_taken.c.taken_at,
            submission_taken.c.taken_by,
            _NEWER.c.id.label("superseded_by"),
            delivery.c.instrument,
            delivery.c.recipient_zh,
            delivery.c.recipient_en,
        )
        .join(delivery, delivery.c.id == submission.c.delivery_id)
        .outerjoin(submission_taken, submission_taken.c.submission_id == submission.c.id)
        .outerjoin(_NEWER, _NEWER.c.supersedes == submission.c.id)
    )


def find(connection: sa.Connection, submission_id: str, authority_id: str) -> sa.RowMapping | None:
    """A submission to the authority, or None."""
    query = _query().where(submission.c.id == submission_id, submission.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def of_delivery(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """What was handed in against a delivery, oldest first."""
    query = _query().where(submission.c.delivery_id == delivery_id)
    return list(connection.execute(query.order_by(submission.c.submitted_at, submission.c.id)).mappings())


def of_case(
    connection: sa.Connection,
    authority_id: str,
    case_no: str,
    client_id: str | None,
    *,
    after: str = "",
    limit: int = 100,
) -> list[sa.RowMapping]:
    """What was handed in against a client's documents of a case (None: against all of them), by id: oldest first."""
    query = _query().where(
        submission.c.authority_id == authority_id, submission.c.case_no == case_no, submission.c.id > after
    )
    if client_id is not None:
        query = query.where(submission.c.client_id == client_id)
    return list(connection.execute(query.order_by(submission.c.id).limit(limit)).mappings())


def waiting(connection: sa.Connection, authority_id: str, kinds: Collection[str], part: Part) -> Found:
    """What nobody has taken yet of these kinds, oldest first; what was replaced meanwhile is left out."""
    return part_of(connection, _waiting(authority_id, kinds), (submission.c.submitted_at, submission.c.id), part)


def count_waiting(connection: sa.Connection, authority_id: str, kinds: Collection[str]) -> int:
    """How much that is."""
    found = _waiting(authority_id, kinds).with_only_columns(submission.c.id).subquery()
    return int(connection.execute(sa.select(sa.func.count()).select_from(found)).scalar_one())


def _waiting(authority_id: str, kinds: Collection[str]) -> sa.Select[Any]:
    return _query().where(
        submission.c.authority_id == authority_id,
        submission.c.kind.in_(kinds),
        submission_taken.c.taken_at.is_(None),
        _NEWER.c.id.is_(None),
    )


def files(connection: sa.Connection, submission_ids: Sequence[str]) -> dict[str, list[sa.RowMapping]]:
    """The files of submissions, by submission, in the order in which they were handed in."""
    query = sa.select(submission_file).where(submission_file.c.submission_id.in_(submission_ids))
    found: dict[str, list[sa.RowMapping]] = {each: [] for each in submission_ids}
    for row in connection.execute(query.order_by(submission_file.c.position)).mappings():
        found[row["submission_id"]].append(row)
    return found


def take(connection: sa.Connection, row: sa.RowMapping, clerk: Person) -> bool:
    """Record that the clerk has taken the submission `row` to the file; False when somebody has already."""
    lock(connection, row["document_id"])
    known = sa.select(submission_taken).where(submission_taken.c.submission_id == row["id"])
    if connection.execute(known).first() is not None:
        return False
    moment = legal_time(connection)
    connection.execute(submission_taken.insert().values(submission_id=row["id"], taken_by=clerk.id, taken_at=moment))
    append(
        connection,
        row["document_id"],
        f"{row['delivery_id']}/submission/{row['id']}/taken",
        "submission.taken",
        subject=row["delivery_id"],
        actor=clerk.id,
        happened_at=moment,
        body={"submission": row["id"], "name": clerk.name, "login": clerk.login},
    )
    return True
