"""Deliveries with their paper track, and the notices that remind of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from records import affected
from records.access import Account
from records.ids import new_id
from records.instants import now
from records.statements import insert_at, insert_if_absent, select_by, update_row
from records.tables import change, delivery, document, notice, paper_receipt, seal_compromise

_RECEIPTS: Final = select_by(paper_receipt, "delivery_id").order_by(paper_receipt.c.recorded_at, paper_receipt.c.id)


def _subject_or_of_notice(subject: sa.Column[Any], of_notice: sa.Column[Any]) -> sa.ColumnElement[bool]:
    wanted: sa.BindParameter[str] = sa.bindparam("subject")
    return sa.or_(subject == wanted, subject == sa.select(of_notice).where(notice.c.id == wanted).scalar_subquery())


_STREAM: Final = sa.union_all(
    sa.select(delivery.c.document_id).where(_subject_or_of_notice(delivery.c.id, notice.c.delivery_id)),
    sa.select(sa.literal("directory:") + seal_compromise.c.authority_id).where(
        _subject_or_of_notice(seal_compromise.c.id, notice.c.compromise_id)
    ),
    sa.select(sa.literal("directory:") + change.c.authority_id).where(
        _subject_or_of_notice(change.c.id, notice.c.change_id)
    ),
)


def insert(connection: sa.Connection, **values: Any) -> str:
    """Store a delivery that waits for its document's release; returns its id."""
    delivery_id = new_id("dlv")
    defaults: dict[str, Any] = {
        "route_reasons": [],
        "status": "pending",
        "paper_status": "none",
        "service_status": "pending",
        "places": {},
    }
    connection.execute(insert_at(delivery, "created_at"), {"id": delivery_id, **defaults, **values})
    return delivery_id


def get(connection: sa.Connection, delivery_id: str) -> sa.RowMapping:
    """A delivery by its id. Raises LookupError."""
    row = connection.execute(select_by(delivery, "id"), {"id": delivery_id}).mappings().first()
    if row is None:
        raise LookupError(f"no delivery {delivery_id}")
    return row


def of_document(connection: sa.Connection, document_id: str) -> list[sa.RowMapping]:
    """The deliveries of a document, in the order of its recipients."""
    rows = connection.execute(select_by(delivery, "document_id"), {"document_id": document_id}).mappings()
    return sorted(rows, key=lambda row: str(row["id"]))


def update(connection: sa.Connection, delivery_id: str, **columns: Any) -> None:
    """Change columns of a delivery; the caller writes the event that says why."""
    update_row(connection, delivery, delivery_id, columns)


def with_document() -> sa.Select[Any]:
    """Deliveries with the columns of their documents, and with the mark of each (`records.affected`)."""
    query = sa.select(
        *(column for column in delivery.c if column.name != "instrument"),  # known at dispatch; the document's always
        document.c.instrument,
        document.c.number_zh,
        document.c.number_en,
        document.c.case_no,
        document.c.important,
        document.c.sealed,
        document.c.final_digest,
        document.c.pages,
        document.c.facts,
        document.c.template_version,
        document.c.authority_revision,
        document.c.status.label("document_status"),
        *affected.MARK,
    ).join(document, document.c.id == delivery.c.document_id)
    return affected.with_mark(query)


def inbox_item(connection: sa.Connection, delivery_id: str, account: Account) -> sa.RowMapping | None:
    """One delivery in the inbox of an account; None when it is not there."""
    query = with_document().where(delivery.c.id == delivery_id, *in_inbox(account))
    return connection.execute(query).mappings().first()


def in_inbox(account: Account) -> tuple[sa.ColumnElement[bool], ...]:
    """What is true of a delivery that stands in the inbox of an account."""
    return (*belonging_to(account), delivery.c.route == "inbox", delivery.c.sent_at.is_not(None))


def belonging_to(account: Account) -> tuple[sa.ColumnElement[bool], ...]:
    """What is true of a delivery to the account's counterparty, in one of the account's cases where it has its own."""
    owned = (delivery.c.authority_id == account.authority_id, delivery.c.counterparty_id == account.counterparty_id)
    if not account.cases:
        return owned
    of_case = (document.c.authority_id == account.authority_id, document.c.case_no.in_(account.cases))
    return (*owned, delivery.c.document_id.in_(sa.select(document.c.id).where(*of_case)))


def of_few(authority_id: str) -> sa.ColumnElement[bool]:
    """What is true of the authority's own among a few deliveries that are named otherwise.

    It is compared so that no index serves: for a few ids SQLite, which keeps no statistics of its tables, would read
    every delivery of the authority.
    """
    return delivery.c.authority_id.concat("") == authority_id


def desk_items(connection: sa.Connection, ids: Sequence[str], authority_id: str) -> list[sa.RowMapping]:
    """Deliveries of the authority with their documents, in the order of `ids`; others are left out."""
    query = with_document().where(delivery.c.id.in_(ids), of_few(authority_id))
    place = {delivery_id: nth for nth, delivery_id in enumerate(ids)}
    return sorted(connection.execute(query).mappings(), key=lambda row: place[row["id"]])


def of_case(connection: sa.Connection, document_ids: Collection[str], authority_id: str) -> list[sa.RowMapping]:
    """The authority's deliveries of these documents, with their documents, in the order of their recipients."""
    query = with_document().where(delivery.c.document_id.in_(document_ids), of_few(authority_id))
    return list(connection.execute(query.order_by(delivery.c.id)).mappings())


def whole(connection: sa.Connection, delivery_id: str) -> sa.RowMapping:
    """A delivery with its document's columns. Raises NoResultFound."""
    return connection.execute(with_document().where(delivery.c.id == delivery_id)).mappings().one()


def desk_item(connection: sa.Connection, delivery_id: str, authority_id: str) -> sa.RowMapping | None:
    """One delivery of the authority, with its document's columns; None when it is another authority's."""
    query = with_document().where(delivery.c.id == delivery_id, delivery.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def insert_paper_receipt(connection: sa.Connection, **values: Any) -> str:
    """Store what a clerk recorded of one attempt; returns its id."""
    receipt_id = new_id("ppr")
    connection.execute(paper_receipt.insert().values(id=receipt_id, recorded_at=now(), **values))
    return receipt_id


def paper_receipts(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """The receipts of a delivery that stand (superseded ones left out), oldest first."""
    rows = list(connection.execute(_RECEIPTS, {"delivery_id": delivery_id}).mappings())
    superseded = {row["supersedes"] for row in rows}
    return [row for row in rows if row["id"] not in superseded]


def insert_notices(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Store notices that are still to be sent; returns the ids of the new ones.

    Those of a contact, channel and occasion that has one already are left out.
    """
    pending = {"state": "pending", "sends": 0}
    return [row["id"] for row in rows if insert_if_absent(connection, notice, pending | dict(row), "created_at")]


def get_notice(connection: sa.Connection, notice_id: str) -> sa.RowMapping:
    """A notice by its id. Raises LookupError."""
    row = connection.execute(select_by(notice, "id"), {"id": notice_id}).mappings().first()
    if row is None:
        raise LookupError(f"no notice {notice_id}")
    return row


def notices(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """The notices of a delivery, oldest first."""
    query = sa.select(notice).where(notice.c.delivery_id == delivery_id).order_by(notice.c.created_at, notice.c.id)
    return list(connection.execute(query).mappings())


def update_notice(connection: sa.Connection, notice_id: str, **columns: Any) -> None:
    """Change columns of a notice; the caller writes the event that says why."""
    update_row(connection, notice, notice_id, columns)


def stream(connection: sa.Connection, subject_id: str) -> str:
    """The ledger stream of a delivery, a report that a seal's key was lost, a change, or a notice of one of them.

    It is the document's id, or the authority's directory. Raises NoResultFound.
    """
    return str(connection.execute(_STREAM, {"subject": subject_id}).scalar_one())


def not_passed(connection: sa.Connection, today: str) -> list[str]:
    """Ids of sent deliveries whose service date, or a limit that hangs on it, is open or not before `today`.

    `today` is YYYY-MM-DD in Beijing.
    """
    open_ = (delivery.c.service_status != "final", delivery.c.deemed_date >= today, delivery.c.deadlines_until >= today)
    query = sa.select(delivery.c.id).where(delivery.c.sent_at.is_not(None), sa.or_(*open_))
    return list(connection.execute(query.order_by(delivery.c.id)).scalars())


def first_served(connection: sa.Connection, document_id: str) -> str:
    """The first legal day (YYYY-MM-DD) on which the document was served on anybody; one delivery has a final date."""
    dates = sa.select(sa.func.min(delivery.c.service_date)).where(
        delivery.c.document_id == document_id, delivery.c.service_status == "final"
    )
    return str(connection.execute(dates).scalar_one())


def count_notices(connection: sa.Connection) -> list[sa.RowMapping]:
    """`channel`, `state` and `notices`: how many reminders stand in each state."""
    columns = (notice.c.channel, notice.c.state)
    query = sa.select(*columns, sa.func.count().label("notices")).group_by(*columns).order_by(*columns)
    return list(connection.execute(query).mappings())
