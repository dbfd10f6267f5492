"""Keys of seals that may have been in other hands: reported, told to those concerned (Electronic Signature Law Art 15).

A report names the moment from which that may be so, in real time. Of several reports of one seal the earliest moment
counts: a further report moves it back, never forward. What was sealed since is the matter of `records.affected`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from records import seals, steps
from records.database import database_time
from records.ids import new_id
from records.instants import to_microseconds
from records.ledger import append
from records.statements import insert_at, select_by
from records.tables import affected_document, contact, delivery, notice, seal, seal_compromise, seal_use


class LaterMoment(Exception):
    """The seal was reported with an earlier moment, `since` (UTC), which goes on to count."""

    def __init__(self, since: datetime) -> None:
        super().__init__(f"the key was reported lost since {since.isoformat()} already, and the earliest moment counts")
        self.since = since


@dataclass(frozen=True)
class Reported:
    """A report that stands. `first` is False when the same one stood before; `step` marks and tells what follows.

    `active_seals` is how many seals the authority has left to go on with.
    """

    id: str
    since: datetime
    first: bool
    step: str
    active_seals: int


def report(connection: sa.Connection, seal_id: str, since: datetime, by: str, reason: str) -> Reported:
    """Stop the seal, record since when (aware) its key may have been in other hands, and make the step due.

    The same report again changes nothing. Raises LookupError, ValueError for a moment in the future, LaterMoment.
    """
    if since > database_time(connection):
        raise ValueError("that moment lies in the future")
    left = seals.stop(connection, seal_id, by, reason)  # holds the stream of the directory: one report at a time
    authority_id = seals.find(connection, seal_id)["authority_id"]
    standing = lost_since(connection, seal_id)
    if standing is not None and standing < since:
        raise LaterMoment(standing)
    report_id = new_id("cmp")
    values = {"id": report_id, "authority_id": authority_id, "seal_id": seal_id, "since": since}
    told = {"reported_by": by, "reason": reason}
    first = standing is None or since < standing
    if first:
        connection.execute(insert_at(seal_compromise, "reported_at"), values | told)
        append(
            connection,
            f"directory:{authority_id}",
            f"seal/{seal_id}/compromised/{to_microseconds(since)}",
            "seal.compromised",
            subject=seal_id,
            actor=by,
            body={"report": report_id, "since": since.isoformat(), "reason": reason},
        )
    else:
        same = sa.select(seal_compromise.c.id).where(
            seal_compromise.c.seal_id == seal_id, seal_compromise.c.since == since
        )
        report_id = str(connection.execute(same).scalar_one())
    return Reported(report_id, since, first, steps.add(connection, "compromise", report_id, "mark"), left)


def lost_since(connection: sa.Connection, seal_id: str) -> datetime | None:
    """The earliest moment (UTC) from which the seal's key may have been in other hands; None: never reported."""
    query = sa.select(seal_compromise.c.since).where(seal_compromise.c.seal_id == seal_id)
    return connection.execute(query.order_by(seal_compromise.c.since).limit(1)).scalar()


def get(connection: sa.Connection, report_id: str) -> sa.RowMapping:
    """A report by its id, with the texts of its seal. Raises LookupError."""
    query = sa.select(seal_compromise, seal.c.ring_text, seal.c.second_line).join(
        seal, seal.c.id == seal_compromise.c.seal_id
    )
    row = connection.execute(query.where(seal_compromise.c.id == report_id)).mappings().first()
    if row is None:
        raise LookupError(f"no report {report_id}")
    return row


def concerned(connection: sa.Connection, report_id: str) -> list[str]:
    """The counterparties with a delivery of a document that was marked on this report."""
    query = (
        sa.select(delivery.c.counterparty_id)
        .join(affected_document, affected_document.c.document_id == delivery.c.document_id)
        .where(affected_document.c.compromise_id == report_id, delivery.c.counterparty_id.is_not(None))
    )
    return [str(each) for each in connection.execute(query.distinct().order_by(delivery.c.counterparty_id)).scalars()]


def tell_end(connection: sa.Connection, row: sa.RowMapping, counterparties: Sequence[str], notices: int) -> None:
    """Tell in the directory's stream how many documents were marked on this report, and who is written to."""
    marked = sa.select(sa.func.count()).where(affected_document.c.compromise_id == row["id"])
    append(
        connection,
        f"directory:{row['authority_id']}",
        f"seal/{row['seal_id']}/compromised/{to_microseconds(row['since'])}/marked",
        "seal.affected_marked",
        subject=row["seal_id"],
        body={
            "report": row["id"],
            "documents": int(connection.execute(marked).scalar_one()),
            "counterparties": list(counterparties),
            "notices": notices,
        },
    )


def notices_by_counterparty(connection: sa.Connection, seal_id: str) -> dict[str, set[str]]:
    """In which states the notices of the seal's reports stand, by counterparty."""
    query = (
        sa.select(contact.c.counterparty_id, notice.c.state)
        .join(contact, contact.c.id == notice.c.contact_id)
        .join(seal_compromise, seal_compromise.c.id == notice.c.compromise_id)
        .where(seal_compromise.c.seal_id == seal_id)
    )
    found: dict[str, set[str]] = {}
    for row in connection.execute(query.distinct()):
        found.setdefault(row.counterparty_id, set()).add(row.state)
    return found


def certificates(connection: sa.Connection, seal_id: str) -> list[sa.RowMapping]:
    """Serial number (hexadecimal) and subject of each certificate with which the seal was used."""
    query = sa.select(seal_use.c.certificate_serial, seal_use.c.certificate_subject)
    query = query.where(seal_use.c.seal_id == seal_id).distinct().order_by(seal_use.c.certificate_serial)
    return list(connection.execute(query).mappings())


def reachable(connection: sa.Connection, authority_id: str) -> set[str]:
    """The authority's counterparties that a notice can be sent to."""
    query = sa.select(contact.c.counterparty_id).where(
        contact.c.authority_id == authority_id,
        contact.c.active,
        sa.or_(contact.c.email.is_not(None), contact.c.mobile.is_not(None)),
    )
    return set(connection.execute(query.distinct()).scalars())


def reports(connection: sa.Connection, seal_id: str) -> list[sa.RowMapping]:
    """All reports of a seal, in the order in which they were made."""
    rows = connection.execute(select_by(seal_compromise, "seal_id"), {"seal_id": seal_id}).mappings()
    return sorted(rows, key=lambda row: (row["reported_at"], row["id"]))
