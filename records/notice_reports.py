"""What was reported of notices after they had gone out, and the addresses at which the last notice did not arrive.

A report is recorded and shown; it sets no date.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from records import deliveries
from records.instants import now
from records.ledger import append, count, lock
from records.paging import Found, Part, part_of
from records.tables import NOTICE_FAILED, contact, counterparty, notice


def record(
    connection: sa.Connection,
    message_id: str,
    report: str,
    code: str,
    detail: str,
    *,
    actor: str,
    authority_id: str | None = None,
) -> sa.RowMapping:
    """Record that the notice was `delivered`, `delayed` or `failed`; the same report again changes nothing.

    A delay that is told after the end of the matter changes nothing either. Raises LookupError for a notice that is
    not ours, or not of the authority that is named. Returns the notice as it stands.
    """
    here = notice.c.message_id == message_id
    if authority_id is not None:
        here &= notice.c.contact_id.in_(sa.select(contact.c.id).where(contact.c.authority_id == authority_id))
    found = connection.execute(sa.select(notice).where(here)).mappings().first()
    if found is None:
        raise LookupError(f"no notice {message_id}")
    stream = deliveries.stream(connection, found["id"])
    lock(connection, stream)
    row = connection.execute(sa.select(notice).where(here)).mappings().one()
    if (row["report"], row["report_code"]) == (report, code) or (report == "delayed" and row["report"] is not None):
        return row
    nth = count(connection, stream, row["id"], ("notice.reported",)) + 1
    deliveries.update_notice(connection, row["id"], report=report, report_code=code, reported_at=now())
    append(
        connection,
        stream,
        f"{row['id']}/reported/{nth}",
        "notice.reported",
        subject=row["id"],
        actor=actor,
        body={"channel": row["channel"], "contact": row["contact_id"], "report": report, "code": code, "told": detail},
    )
    return connection.execute(sa.select(notice).where(here)).mappings().one()


def of_delivery(connection: sa.Connection, delivery_id: str) -> list[sa.RowMapping]:
    """The notices of a delivery, oldest first, with `name` and `department` of the contact."""
    query = (
        sa.select(notice, contact.c.name, contact.c.department)
        .join(contact, contact.c.id == notice.c.contact_id)
        .where(notice.c.delivery_id == delivery_id)
        .order_by(notice.c.created_at, contact.c.name, notice.c.channel)
    )
    return list(connection.execute(query).mappings())


def told_of(connection: sa.Connection, notice_ids: Collection[str]) -> dict[str, sa.RowMapping]:
    """By notice: `delivery_id` and `name` of its contact."""
    query = sa.select(notice.c.id, notice.c.delivery_id, contact.c.name).where(notice.c.id.in_(notice_ids))
    rows = connection.execute(query.join(contact, contact.c.id == notice.c.contact_id)).mappings()
    return {row["id"]: row for row in rows}


def bad_addresses(connection: sa.Connection, authority_id: str, counterparty_id: str | None, part: Part) -> Found:
    """Addresses of active contacts at which the last notice failed, or was reported to have failed; newest first.

    Each row has the notice's columns and the contact's and counterparty's names.
    """
    query = (
        sa.select(
            notice,
            contact.c.name,
            contact.c.department,
            contact.c.counterparty_id,
            counterparty.c.name_zh,
            counterparty.c.name_en,
        )
        .join(contact, contact.c.id == notice.c.contact_id)
        .join(counterparty, _same_counterparty())
        .where(*_bad(authority_id))
    )
    if counterparty_id is not None:
        query = query.where(contact.c.counterparty_id == counterparty_id)
    return part_of(connection, query, (notice.c.created_at, notice.c.id), part, newest=True)


def count_bad_addresses(connection: sa.Connection, authority_id: str) -> int:
    """How many there are."""
    query = sa.select(sa.func.count()).select_from(notice).join(contact, contact.c.id == notice.c.contact_id)
    return int(connection.execute(query.where(*_bad(authority_id))).scalar_one())


def _bad(authority_id: str) -> list[sa.ColumnExpressionArgument[bool]]:
    later = notice.alias()
    address = sa.case((notice.c.channel == "email", contact.c.email), else_=contact.c.mobile)
    return [
        contact.c.authority_id == authority_id,
        contact.c.active,
        NOTICE_FAILED,
        notice.c.address == address,
        ~sa.exists().where(
            later.c.contact_id == notice.c.contact_id,
            later.c.channel == notice.c.channel,
            later.c.created_at > notice.c.created_at,
            later.c.state.in_(("sent", "failed")),
        ),
    ]


def _same_counterparty() -> sa.ColumnElement[bool]:
    return sa.and_(
        counterparty.c.authority_id == contact.c.authority_id, counterparty.c.id == contact.c.counterparty_id
    )
