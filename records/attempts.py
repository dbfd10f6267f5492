"""Attempts to serve on paper, each found by its code, and the scanned files of each."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa

from records.ids import new_id
from records.instants import now
from records.paging import Found, Part, part_of
from records.statements import insert_if_absent, select_by, update_row
from records.tables import artifact, delivery, paper_attempt, paper_file, paper_receipt


def insert(
    connection: sa.Connection,
    authority_id: str,
    delivery_id: str,
    *,
    code: str,
    method: str,
    servers: Sequence[str],
    mail_kind: str,
    mail_number: str,
    by: str,
) -> sa.RowMapping:
    """Store the next attempt of the delivery, whose stream the caller holds; returns its row."""
    taken = sa.select(sa.func.coalesce(sa.func.max(paper_attempt.c.nth), 0) + 1)
    attempt_id = new_id("pat")
    values = {
        "id": attempt_id,
        "authority_id": authority_id,
        "delivery_id": delivery_id,
        "nth": connection.execute(taken.where(paper_attempt.c.delivery_id == delivery_id)).scalar_one(),
        "code": code,
        "method": method,
        "servers": list(servers),
        "mail_kind": mail_kind,
        "mail_number": mail_number,
        "made_by": by,
    }
    connection.execute(paper_attempt.insert().values(made_at=now(), **values))
    return connection.execute(select_by(paper_attempt, "id"), {"id": attempt_id}).mappings().one()


def find(connection: sa.Connection, attempt_id: str, delivery_id: str, authority_id: str) -> sa.RowMapping | None:
    """One attempt of the authority's delivery, or None."""
    names = {"id": attempt_id, "delivery_id": delivery_id, "authority_id": authority_id}
    return connection.execute(select_by(paper_attempt, *names), names).mappings().first()


def by_code(connection: sa.Connection, code: str) -> sa.RowMapping | None:
    """The attempt whose proof bears this code, of whichever authority: the caller looks at that."""
    return connection.execute(select_by(paper_attempt, "code"), {"code": code}).mappings().first()


def of_delivery(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """The attempts of a delivery, first to last."""
    rows = connection.execute(select_by(paper_attempt, "delivery_id"), {"delivery_id": delivery_id}).mappings()
    return sorted(rows, key=lambda row: int(row["nth"]))


def set_mail(connection: sa.Connection, attempt_id: str, mail_kind: str, mail_number: str) -> None:
    """Write kind and number of the item of mail; the caller writes the event."""
    update_row(connection, paper_attempt, attempt_id, {"mail_kind": mail_kind, "mail_number": mail_number})


def add_file(connection: sa.Connection, authority_id: str, attempt_id: str, kind: str, digest: str, by: str) -> bool:
    """Add a scanned file (`proof`, `slip`, `return`); says whether it is new there."""
    same = paper_file.c.attempt_id == attempt_id, paper_file.c.kind == kind, paper_file.c.digest == digest
    if connection.execute(sa.select(paper_file.c.id).where(*same)).first():
        return False
    row = {
        "id": new_id("pfl"),
        "authority_id": authority_id,
        "attempt_id": attempt_id,
        "kind": kind,
        "digest": digest,
        "added_by": by,
    }
    return insert_if_absent(connection, paper_file, row, "added_at")


def files(connection: sa.Connection, *delivery_ids: str) -> list[sa.RowMapping]:
    """The files of all attempts of these deliveries with `delivery_id` and media type, oldest first."""
    query = (
        sa.select(paper_file, paper_attempt.c.delivery_id, artifact.c.media_type)
        .join(paper_attempt, paper_attempt.c.id == paper_file.c.attempt_id)
        .join(artifact, artifact.c.digest == paper_file.c.digest)
        .where(paper_attempt.c.delivery_id.in_(delivery_ids))
    )
    return list(connection.execute(query.order_by(paper_file.c.added_at, paper_file.c.id)).mappings())


def newest_proof(connection: sa.Connection, attempt_id: str) -> str | None:
    """The digest of the scan of the signed proof that was attached last, else of the return receipt."""
    query = (
        sa.select(paper_file.c.digest)
        .where(paper_file.c.attempt_id == attempt_id, paper_file.c.kind.in_(("proof", "return")))
        .order_by(paper_file.c.kind, paper_file.c.added_at.desc(), paper_file.c.id.desc())
    )
    return connection.execute(query.limit(1)).scalar()


def records_of(connection: sa.Connection, attempt_id: str) -> list[sa.RowMapping]:
    """The standing records of an attempt, oldest first."""
    delivery_id = sa.select(paper_attempt.c.delivery_id).where(paper_attempt.c.id == attempt_id)
    query = sa.select(paper_receipt).where(paper_receipt.c.delivery_id == delivery_id.scalar_subquery())
    rows = list(connection.execute(query.order_by(paper_receipt.c.recorded_at, paper_receipt.c.id)).mappings())
    superseded = {row["supersedes"] for row in rows}
    return [row for row in rows if row["attempt_id"] == attempt_id and row["id"] not in superseded]


def without_scan(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """Standing records without their scan, those of the oldest deliveries first.

    Each has the record's columns, its delivery's names and its code.
    """
    query = (
        sa.select(
            paper_receipt,
            delivery.c.recipient_zh,
            delivery.c.recipient_en,
            paper_attempt.c.code,
            sa.exists()
            .where(paper_file.c.attempt_id == paper_attempt.c.id, paper_file.c.kind.in_(("proof", "return")))
            .label("has_proof"),
        )
        .join(delivery, delivery.c.id == paper_receipt.c.delivery_id)
        .outerjoin(paper_attempt, paper_attempt.c.id == paper_receipt.c.attempt_id)
        .where(
            delivery.c.authority_id == authority_id,
            delivery.c.scan_missing,
            sa.not_(paper_receipt.c.final),
            sa.not_(
                sa.exists().where(
                    paper_receipt.alias("later").c.supersedes == paper_receipt.c.id,
                )
            ),
        )
    )
    return part_of(connection, query, (delivery.c.created_at, paper_receipt.c.id), part)
