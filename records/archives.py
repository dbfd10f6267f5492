"""Sealed files that have to stay provable: until when, what is due, and what was renewed.

The released bytes stay what they were, and stay what evidence names. A renewal adds a further file that begins with
exactly those bytes. All times are infrastructure time: the legal clock has no part in this.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records import steps
from records.instants import now
from records.ledger import append, lock
from records.statements import insert_at, select_by
from records.tables import archive, document, renewal, step, volume

#: The stage that renews.
RENEW: Final = "renew"

_IS_DUE: Final = archive.c.renew_at <= now()


def keep(
    connection: sa.Connection,
    archive_id: str,
    authority_id: str,
    stream: str,
    digest: str,
    provable_until: datetime,
    renew_at: datetime,
) -> None:
    """From now on the sealed file of a released document, or of a volume, is kept provable. Times are aware."""
    row = {
        "id": archive_id,
        "authority_id": authority_id,
        "stream": stream,
        "released_digest": digest,
        "digest": digest,
        "provable_until": provable_until,
        "renew_at": renew_at,
        "renewals": 0,
    }
    connection.execute(insert_at(archive), row)


def find(connection: sa.Connection, archive_id: str) -> sa.RowMapping | None:
    """How the sealed file of this document or volume stands; None when nothing is kept of it."""
    return connection.execute(select_by(archive, "id"), {"id": archive_id}).mappings().first()


def get(connection: sa.Connection, archive_id: str) -> sa.RowMapping:
    """As `find`. Raises LookupError."""
    row = find(connection, archive_id)
    if row is None:
        raise LookupError(f"no sealed file of {archive_id} is kept")
    return row


def newest(connection: sa.Connection, archive_id: str, released: str) -> str:
    """The digest of the newest file of a document or volume whose released bytes have the digest `released`."""
    row = find(connection, archive_id)
    return released if row is None else str(row["digest"])


def digests(connection: sa.Connection, archive_id: str) -> list[str]:
    """The digests of the released file and of every renewed one, oldest first; none when nothing is kept."""
    row = find(connection, archive_id)
    if row is None:
        return []
    renewed = sa.select(renewal.c.digest).where(renewal.c.archive_id == archive_id).order_by(renewal.c.ordinal)
    return [row["released_digest"], *connection.execute(renewed).scalars()]


def any_due(connection: sa.Connection) -> bool:
    """Whether `make_steps` would find anything."""
    return connection.execute(sa.select(archive.c.id).where(_IS_DUE).limit(1)).first() is not None


def make_steps(connection: sa.Connection, limit: int) -> int:
    """Make the steps of up to `limit` files that are due for renewal, the most urgent first; returns how many.

    Only these have a step, so that files which are due in years cost nothing before.
    """
    due = sa.select(archive.c.id).where(_IS_DUE).order_by(archive.c.renew_at).limit(limit)
    ids = list(connection.execute(due.with_for_update(skip_locked=True)).scalars())
    for archive_id in ids:
        steps.add(connection, "archive", archive_id, "renew")
    if ids:
        steps.revive(connection, [f"{archive_id}/{RENEW}" for archive_id in ids])
        connection.execute(archive.update().where(archive.c.id.in_(ids)).values(renew_at=None))
    return len(ids)


def ask(connection: sa.Connection, by: str, *, before: datetime | None = None, ids: Collection[str] = ()) -> list[str]:
    """Have these files, and those whose proof ends `before`, renewed now, due or not; returns their ids."""
    wanted: sa.ColumnElement[bool] = archive.c.id.in_(ids)
    if before is not None:
        wanted = sa.or_(wanted, archive.c.provable_until < before)
    asked = archive.update().where(wanted).values(renew_at=now(), asked_by=by).returning(archive.c.id)
    return sorted(connection.execute(asked).scalars())


def renewed(
    connection: sa.Connection,
    row: sa.RowMapping,
    *,
    digest: str,
    timestamp_authority: str,
    stamped_at: datetime,
    provable_until: datetime,
    renew_at: datetime,
) -> None:
    """Make `digest` the newest file in place of the one that `row` names, with its event.

    Raises LookupError when that is not the newest one any more.
    """
    lock(connection, row["stream"])
    ordinal = row["renewals"] + 1
    present = archive.update().where(archive.c.id == row["id"], archive.c.renewals == row["renewals"])
    changed = {"digest": digest, "provable_until": provable_until, "renew_at": renew_at, "renewals": ordinal}
    if connection.execute(present.values(**changed, asked_by=None)).rowcount != 1:
        raise LookupError(f"{row['id']} was renewed by another meanwhile")
    told: dict[str, Any] = {
        "previous_digest": row["digest"],
        "digest": digest,
        "timestamp_authority": timestamp_authority,
        "asked_by": row["asked_by"],
    }
    moments = {"stamped_at": stamped_at, "provable_until": provable_until}
    of = {"archive_id": row["id"], "ordinal": ordinal, "authority_id": row["authority_id"]}
    connection.execute(insert_at(renewal, "renewed_at"), of | told | moments)
    kind = "document.renewed" if row["stream"] == row["id"] else "case.volume_renewed"
    body = {**told, "ordinal": ordinal, "released_digest": row["released_digest"]}
    body |= {name: moment.isoformat() for name, moment in moments.items()}
    append(connection, row["stream"], f"{row['id']}/renewed/{ordinal}", kind, subject=row["id"], body=body)


def listed(connection: sa.Connection, before: datetime | None, limit: int) -> list[sa.RowMapping]:
    """Up to `limit` files, those whose proof ends first: with the document's number or the volume's case, and what the
    step of renewal says of itself while there is one."""
    query = (
        sa.select(
            archive,
            document.c.number_zh,
            sa.func.coalesce(document.c.case_no, volume.c.case_no).label("case_no"),
            sa.case((archive.c.renew_at.is_(None), step.c.state)).label("step"),
            sa.case((archive.c.renew_at.is_(None), step.c.error)).label("error"),
        )
        .join_from(archive, document, document.c.id == archive.c.id, isouter=True)
        .join(volume, volume.c.id == archive.c.id, isouter=True)
        .join(step, _STEP_OF_IT, isouter=True)
    )
    if before is not None:
        query = query.where(archive.c.provable_until < before)
    return list(connection.execute(query.order_by(archive.c.provable_until, archive.c.id).limit(limit)).mappings())


def troubled(connection: sa.Connection, limit: int) -> list[sa.RowMapping]:
    """`id`, `provable_until`, `state` and `error` of files whose renewal was given up, or fails and is tried again."""
    undone = sa.or_(step.c.state == "dead", sa.and_(step.c.state != "done", step.c.error.is_not(None)))
    query = (
        sa.select(archive.c.id, archive.c.provable_until, step.c.state, step.c.error)
        .join(step, _STEP_OF_IT)
        .where(archive.c.renew_at.is_(None), undone)
        .order_by(archive.c.provable_until, archive.c.id)
    )
    return list(connection.execute(query.limit(limit)).mappings())


def summary(connection: sa.Connection) -> sa.RowMapping:
    """`files`, how many have to be kept provable; `provable_until` and `renew_at`, the first of each, or None."""
    query = sa.select(
        sa.func.count().label("files"),
        sa.func.min(archive.c.provable_until).label("provable_until"),
        sa.func.min(archive.c.renew_at).label("renew_at"),
    )
    return connection.execute(query.select_from(archive)).mappings().one()


_STEP_OF_IT: Final = sa.and_(step.c.subject_id == archive.c.id, step.c.stage == RENEW)
