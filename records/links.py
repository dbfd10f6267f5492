"""Links between documents: one that ends, changes or mends another, or declares it void (004-97, 004-100).

A link is pending from intake on. It is told on both chains when the acting document is released, and takes effect when
that is served (004-79: a legal instrument takes effect when it is served), or at its release if it is served on nobody.
A link whose document dies before is dropped, and the target is free again.

Whoever writes a link locks the newer document's stream first: links lead from newer to older, so no two can deadlock.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any, Final

import sqlalchemy as sa

from records import documents
from records.access import Account
from records.deliveries import in_inbox
from records.ledger import append, count
from records.tables import delivery, document, link

#: What an effect makes of its target's status; a mended or declared document keeps its own.
STATUS_OF: Final = {"ends": "revoked", "changes": "changed"}

#: What the target says of the document that acts on it.
PASSIVE: Final = {"ends": "ended_by", "changes": "changed_by", "mends": "mended_by", "declares": "declared_by"}


def insert(connection: sa.Connection, document_id: str, target_id: str, authority_id: str, effect: str) -> None:
    """Link an accepted document to the one that it acts on, whose stream the caller has locked."""
    connection.execute(
        link.insert().values(
            document_id=document_id, target_id=target_id, authority_id=authority_id, effect=effect, state="pending"
        )
    )


def standing(connection: sa.Connection, target_id: str, effects: Collection[str], states: Collection[str]) -> bool:
    """Whether a link of one of these effects and states leads to the target."""
    found = sa.exists().where(link.c.target_id == target_id, link.c.effect.in_(effects), link.c.state.in_(states))
    return bool(connection.execute(sa.select(found)).scalar_one())


def effects_on(connection: sa.Connection, target_id: str) -> dict[str, str]:
    """What later documents do to this one: the effect, and the legal day (YYYY-MM-DD) since when."""
    query = sa.select(link.c.effect, link.c.effective_on).where(
        link.c.target_id == target_id, link.c.state == "in_effect"
    )
    return {row.effect: row.effective_on for row in connection.execute(query.order_by(link.c.effective_on))}


def recipients(connection: sa.Connection, document_id: str) -> list[sa.RowMapping]:
    """On whom the document is served: `counterparty_id`, or null and the address that the job named; and when."""
    names = ("counterparty_id", "address", "recipient_zh", "recipient_en", "service_date")
    query = sa.select(*(delivery.c[name] for name in names)).where(delivery.c.document_id == document_id)
    return list(connection.execute(query.order_by(delivery.c.id)).mappings())


def of_documents(connection: sa.Connection, document_ids: Collection[str]) -> list[sa.RowMapping]:
    """Every link of these documents in either direction that was not dropped, oldest acting document first.

    Each row has the columns of `link`, and `acting_` and `target_` with number, instrument and status of both sides.
    """
    if not document_ids:
        return []
    acting, target = document.alias(), document.alias()
    names = ("number_zh", "number_en", "instrument", "status", "released_at")
    sides = (("acting", acting), ("target", target))
    query = (
        sa.select(link, *(side.c[name].label(f"{label}_{name}") for label, side in sides for name in names))
        .join(acting, acting.c.id == link.c.document_id)
        .join(target, target.c.id == link.c.target_id)
        .where(
            sa.or_(link.c.document_id.in_(document_ids), link.c.target_id.in_(document_ids)),
            link.c.state != "dropped",
        )
        .order_by(link.c.document_id, link.c.target_id)
    )
    return list(connection.execute(query).mappings())


def deliveries_of(connection: sa.Connection, document_ids: Collection[str], of: str | Account) -> dict[str, str]:
    """One delivery of each document: an authority's (`of` is its id) to whomever, or what stands in an inbox."""
    mine = in_inbox(of) if isinstance(of, Account) else (delivery.c.authority_id == of,)
    query = sa.select(delivery.c.document_id, sa.func.min(delivery.c.id).label("id"))
    query = query.where(delivery.c.document_id.in_(document_ids), *mine)
    return {row.document_id: row.id for row in connection.execute(query.group_by(delivery.c.document_id))}


def tell_release(connection: sa.Connection, document_id: str) -> None:
    """Tell on both chains that the acting document is released; it has no effect yet."""
    for row in _of(connection, document_id, "pending"):
        _tell(connection, row, "released", "link.released")


def take_effect(connection: sa.Connection, document_id: str, on: str) -> None:
    """Let the document have its effects on the legal day `on` (YYYY-MM-DD, Beijing), or redate those that it had."""
    for row in _of(connection, document_id, "pending", "in_effect"):
        if row["effective_on"] == on:
            continue
        if row["state"] == "in_effect":
            nth = count(connection, document_id, row["target_id"], ("link.redated",)) + 1
            _set(connection, row, effective_on=on)
            _tell(connection, row, f"redated/{nth}", "link.redated", on)
        else:
            _begin(connection, row, on)


def _begin(connection: sa.Connection, row: sa.RowMapping, on: str) -> None:
    """The first effect: the target's status follows, and what it was about to do to others ends with it."""
    status = STATUS_OF.get(row["effect"])
    if status is not None:
        try:
            documents.move(connection, row["target_id"], status, body={"by": row["document_id"], "on": on})
        except documents.WrongState as error:
            _drop(connection, row, str(error), "system")
            return
        if status == "revoked":
            drop(connection, row["target_id"], f"revoked by {row['document_id']}")
    _set(connection, row, state="in_effect", effective_on=on)
    _tell(connection, row, "in_effect", "link.in_effect", on)


def drop(connection: sa.Connection, document_id: str, why: str, by: str = "system") -> None:
    """Take back what the document was about to do to others: it will never have that effect."""
    for row in _of(connection, document_id, "pending"):
        _drop(connection, row, why, by)


def _drop(connection: sa.Connection, row: sa.RowMapping, why: str, by: str) -> None:
    _set(connection, row, state="dropped")
    _tell(connection, row, "dropped", "link.dropped", actor=by, why=why)


def _of(connection: sa.Connection, document_id: str, *states: str) -> list[sa.RowMapping]:
    query = sa.select(link).where(link.c.document_id == document_id, link.c.state.in_(states))
    return list(connection.execute(query.order_by(link.c.target_id.desc())).mappings())


def _set(connection: sa.Connection, row: sa.RowMapping, **columns: Any) -> None:
    key = (link.c.document_id == row["document_id"], link.c.target_id == row["target_id"])
    connection.execute(link.update().where(*key).values(**columns))


def _tell(
    connection: sa.Connection,
    row: sa.RowMapping,
    key: str,
    kind: str,
    on: str | None = None,
    *,
    actor: str = "system",
    **more: str,
) -> None:
    """The same event on the chain of the acting document and, after it, on that of its target."""
    for stream, other in _both(row):
        body = {"effect": row["effect"], "document": row["document_id"], "target": row["target_id"], **more}
        append(
            connection,
            stream,
            f"link/{row['document_id']}/{row['target_id']}/{key}",
            kind,
            subject=other,
            actor=actor,
            legal_date=on,
            body=body,
        )


def _both(row: sa.RowMapping) -> Iterator[tuple[str, str]]:
    yield row["document_id"], row["target_id"]
    yield row["target_id"], row["document_id"]
