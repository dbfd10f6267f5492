"""Documents that were sealed while the seal's key may have been in other hands: found, marked, confirmed as genuine.

The time stamp decides, because nobody in the house can set it: a signature that was stamped before the key was lost
was made before. Only for a signature without a stamp does our own clock decide, by the end of the sealing, which is
later than the signature and so errs to the side of marking. The mark changes nothing of what the document is in law:
a person confirms it, or it is revoked by another instrument.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import sqlalchemy as sa

from records.documents import WrongState
from records.instants import to_microseconds
from records.ledger import append, lock
from records.statements import insert_if_absent
from records.tables import affected_document, delivery, document, event, genuine_document, seal_compromise, seal_use

MarkState = Literal["in_question", "genuine", "ended"]

#: A time stamp's clock and ours may differ by five minutes (docs/operations.md): what is looked at, not what decides.
_CLOCKS: Final = timedelta(minutes=10)

#: A time stamp is exact to the second at best, and often cut off there: in doubt the document is marked.
_EXACT_TO: Final = timedelta(seconds=1)

#: A document that has ended so, or was never released, leaves nothing to decide.
ENDED: Final = ("cancelled", "failed", "revoked", "void")

_SAME_SEAL: Final = seal_compromise.alias()
_EARLIEST: Final = (
    sa.select(sa.func.min(_SAME_SEAL.c.since))
    .join(seal_compromise, seal_compromise.c.seal_id == _SAME_SEAL.c.seal_id)
    .where(seal_compromise.c.id == affected_document.c.compromise_id)
    .scalar_subquery()
)

#: Of a query that has `document`: what its mark says, null for one that has none. Joined by `with_mark`.
MARK: Final = (
    sa.case((affected_document.c.document_id.is_not(None), _EARLIEST)).label("key_lost_since"),
    affected_document.c.sealed_at.label("affected_sealed_at"),
    genuine_document.c.confirmed_by.label("genuine_by"),
    genuine_document.c.confirmed_at.label("genuine_at"),
    genuine_document.c.reason.label("genuine_reason"),
)


class NotAffected(Exception):
    """The document bears no mark, so there is nothing to confirm."""


@dataclass(frozen=True)
class Sealed:
    """A document sealed with a certain seal: `stamped_at` by the trusted time stamp, `used_at` by our clock (UTC)."""

    document_id: str
    authority_id: str
    stamped_at: datetime | None
    used_at: datetime

    @property
    def at(self) -> datetime:
        """The moment that decides whether the key may have been in other hands."""
        return self.stamped_at or self.used_at


def with_mark(query: sa.Select[Any]) -> sa.Select[Any]:
    """Join the tables of `MARK` to a query that has `document`."""
    query = query.outerjoin(affected_document, affected_document.c.document_id == document.c.id)
    return query.outerjoin(genuine_document, genuine_document.c.document_id == document.c.id)


def state(row: sa.RowMapping, status: str) -> MarkState | None:
    """What the mark of a row with `MARK` says, given the document's status; None for a document without one.

    in_question: nobody has decided yet; genuine: confirmed by a person; ended: revoked, or it was never released.
    """
    if row["key_lost_since"] is None:
        return None
    if status in ENDED:
        return "ended"
    return "genuine" if row["genuine_at"] is not None else "in_question"


def find(connection: sa.Connection, document_id: str) -> sa.RowMapping | None:
    """The mark of a document, with its status, or None."""
    query = with_mark(sa.select(document.c.status, document.c.seal_id, *MARK).select_from(document))
    row = connection.execute(query.where(document.c.id == document_id)).mappings().one_or_none()
    return row if row is not None and row["key_lost_since"] is not None else None


def sealed_since(
    connection: sa.Connection,
    seal_id: str,
    since: datetime,
    *,
    before: str = "",
    limit: int,
    unmarked: bool = False,
) -> tuple[list[Sealed], str]:
    """Documents sealed with the seal at or after `since` (aware), newest id first, from up to `limit` uses of it.

    Returns them with where the next page begins ("" after the last one); `unmarked` leaves out those with a mark.
    """
    told = sa.and_(event.c.stream == seal_use.c.document_id, event.c.key == "document.sealed")
    query = (
        sa.select(seal_use.c.document_id, seal_use.c.used_at, document.c.authority_id, event.c.body)
        .join(document, document.c.id == seal_use.c.document_id)
        .outerjoin(event, told)
        .where(seal_use.c.seal_id == seal_id, seal_use.c.used_at >= to_microseconds(since - _CLOCKS))
    )
    if before:
        query = query.where(seal_use.c.document_id < before)
    if unmarked:
        query = query.outerjoin(affected_document, affected_document.c.document_id == seal_use.c.document_id)
        query = query.where(affected_document.c.document_id.is_(None))
    rows = connection.execute(query.order_by(seal_use.c.document_id.desc()).limit(limit)).all()
    found = [Sealed(row.document_id, row.authority_id, _stamped(row.body), row.used_at) for row in rows]
    return [each for each in found if each.at > since - _EXACT_TO], rows[-1].document_id if len(rows) == limit else ""


def _stamped(body: str | None) -> datetime | None:
    """The time of the stamp, as the event of the sealing tells it."""
    stamp = json.loads(body).get("stamped_at") if body else None
    return datetime.fromisoformat(stamp) if stamp else None


def mark(connection: sa.Connection, report: sa.RowMapping, found: Sequence[Sealed]) -> int:
    """Mark these documents on a report, each with an event on its own chain; returns how many were not yet.

    Newer documents first: whoever locks several chains does so in this order (records.links).
    """
    marked = 0
    for each in sorted(found, key=lambda sealed: sealed.document_id, reverse=True):
        lock(connection, each.document_id)
        row = {
            "document_id": each.document_id,
            "authority_id": each.authority_id,
            "compromise_id": report["id"],
            "sealed_at": each.at,
        }
        if not insert_if_absent(connection, affected_document, row, "marked_at"):
            continue
        marked += 1
        append(
            connection,
            each.document_id,
            f"seal/{report['seal_id']}/compromised",
            "seal.compromised",
            body={
                "seal": report["seal_id"],
                "report": report["id"],
                "since": report["since"].isoformat(),
                "stamped_at": each.stamped_at.isoformat() if each.stamped_at else None,
                "used_at": each.used_at.isoformat(),
            },
        )
    return marked


def confirm(connection: sa.Connection, document_id: str, authority_id: str, by: str, reason: str) -> bool:
    """Record that a person (`by`, an id) found the marked document genuine, and why; False: somebody did before.

    Raises LookupError for a document that the authority does not have, NotAffected, and WrongState (records.documents)
    for one that has ended.
    """
    lock(connection, document_id)
    here = (document.c.id == document_id, document.c.authority_id == authority_id)
    row = connection.execute(sa.select(document.c.status).where(*here)).first()
    if row is None:
        raise LookupError(f"no document {document_id}")
    if find(connection, document_id) is None:
        raise NotAffected(f"document {document_id} was not sealed with a key that may have been in other hands")
    if row.status in ENDED:
        raise WrongState(document_id, row.status, "confirmed")
    values = {"document_id": document_id, "authority_id": authority_id, "confirmed_by": by, "reason": reason}
    if not insert_if_absent(connection, genuine_document, values, "confirmed_at"):
        return False
    append(
        connection,
        document_id,
        "seal/confirmed_genuine",
        "seal.confirmed_genuine",
        actor=by,
        body={"reason": reason},
    )
    return True


def count_in_question(connection: sa.Connection, authority_id: str | None = None) -> int:
    """How many marked documents (of one authority) are neither confirmed nor ended."""
    query = sa.select(sa.func.count()).select_from(in_question(authority_id).subquery())
    return int(connection.execute(query).scalar_one())


def in_question(authority_id: str | None) -> sa.Select[tuple[str]]:
    """The ids of marked documents (of one authority, or of all) that are neither confirmed nor ended."""
    query = (
        sa.select(affected_document.c.document_id)
        .join(document, document.c.id == affected_document.c.document_id)
        .outerjoin(genuine_document, genuine_document.c.document_id == affected_document.c.document_id)
        .where(genuine_document.c.document_id.is_(None), document.c.status.not_in(ENDED))
    )
    return query if authority_id is None else query.where(affected_document.c.authority_id == authority_id)


def listed(connection: sa.Connection, document_ids: Collection[str]) -> list[sa.RowMapping]:
    """Documents with their marks, and one row for each of their deliveries, in the order of the documents' ids."""
    names = ("instrument", "case_no", "number_zh", "number_en", "status")
    of_delivery = ("recipient_zh", "recipient_en", "counterparty_id", "route", "service_status", "service_date")
    query: sa.Select[Any] = sa.select(
        document.c.id.label("document_id"),
        *(document.c[name] for name in names),
        delivery.c.id.label("delivery_id"),
        delivery.c.status.label("delivery_status"),
        *(delivery.c[name] for name in of_delivery),
        *MARK,
    ).select_from(document)
    query = with_mark(query.outerjoin(delivery, delivery.c.document_id == document.c.id))
    query = query.where(document.c.id.in_(document_ids)).order_by(document.c.id, delivery.c.id)
    return list(connection.execute(query).mappings())
