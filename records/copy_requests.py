"""Paper copies that a party asked for: a courtesy, which is on record and never changes a service date."""

from __future__ import annotations

import sqlalchemy as sa

from records import deliveries
from records.access import Account, Person
from records.database import legal_time
from records.ids import new_id
from records.ledger import append, lock
from records.paging import Found, Part, part_of
from records.tables import copy_request, delivery


def ask(connection: sa.Connection, row: sa.RowMapping, account: Account) -> bool:
    """Record that the account asks for a paper copy of the delivery `row`; False while another request is open."""
    lock(connection, row["document_id"])
    if any(each["sent_at"] is None for each in of_delivery(connection, row["id"])):
        return False
    request_id = new_id("cpy")
    connection.execute(
        copy_request.insert().values(
            id=request_id,
            authority_id=row["authority_id"],
            delivery_id=row["id"],
            account_id=account.id,
            asked_at=legal_time(connection),
            sent_by=None,
            sent_at=None,
        )
    )
    body = {"account": account.id, "login": account.login, "department": account.department}
    key = f"{row['id']}/copy/{request_id}"
    append(connection, row["document_id"], key, "copy.asked", subject=row["id"], actor=account.id, body=body)
    return True


def mark_sent(connection: sa.Connection, request_id: str, clerk: Person) -> bool:
    """Record that the copy has left the house; False for one that has already. Raises LookupError."""
    query = (
        sa.select(copy_request, delivery.c.document_id)
        .join(delivery, delivery.c.id == copy_request.c.delivery_id)
        .where(copy_request.c.id == request_id, copy_request.c.authority_id == clerk.authority_id)
    )
    row = connection.execute(query).mappings().first()
    if row is None:
        raise LookupError(f"no request {request_id}")
    lock(connection, row["document_id"])
    still = (copy_request.c.id == request_id, copy_request.c.sent_at.is_(None))
    moment = legal_time(connection)
    if not connection.execute(copy_request.update().where(*still).values(sent_at=moment, sent_by=clerk.id)).rowcount:
        return False
    append(
        connection,
        row["document_id"],
        f"{row['delivery_id']}/copy/{request_id}/sent",
        "copy.sent",
        subject=row["delivery_id"],
        actor=clerk.id,
        happened_at=moment,
        body={"name": clerk.name, "login": clerk.login},
    )
    return True


def of_delivery(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """The requests of a delivery, oldest first."""
    query = sa.select(copy_request).where(copy_request.c.delivery_id == delivery_id)
    return list(connection.execute(query.order_by(copy_request.c.asked_at, copy_request.c.id)).mappings())


def waiting(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """Deliveries, with their documents, of which a copy is still to be sent, oldest request first.

    `request_id` and `asked_at` are those of the request.
    """
    query = (
        deliveries.with_document()
        .add_columns(copy_request.c.id.label("request_id"), copy_request.c.asked_at)
        .join(copy_request, copy_request.c.delivery_id == delivery.c.id)
        .where(copy_request.c.authority_id == authority_id, copy_request.c.sent_at.is_(None))
    )
    return part_of(connection, query, (copy_request.c.asked_at, copy_request.c.id), part)


def count_waiting(connection: sa.Connection, authority_id: str) -> int:
    """How many copies are still to be sent."""
    mine = (copy_request.c.authority_id == authority_id, copy_request.c.sent_at.is_(None))
    return int(connection.execute(sa.select(sa.func.count()).select_from(copy_request).where(*mine)).scalar_one())
