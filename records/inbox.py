"""The list of one counterparty's inbox: filtered, searched, paged by key, answered by an index however long it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records import deliveries
from records.access import Account
from records.finding import folded
from records.paging import Key, behind, ordered
from records.tables import UNREAD, WAITING, delivery, document

STATES: Final = ("all", "unread", "waiting", "served")

#: Counts stop here: what a person needs to know of more is that there are more.
MOST_COUNTED: Final = 1000

_IN_INBOX: Final = "route = 'inbox'"  # literal, like the other conditions: a partial index is used for nothing else
_CONDITIONS: Final = {
    "all": _IN_INBOX,
    "unread": UNREAD,
    "waiting": WAITING,
    "served": f"{_IN_INBOX} and service_status = 'final'",
}


_ORDER: Final = (delivery.c.sent_at, delivery.c.id)


@dataclass(frozen=True)
class Wanted:
    """What is asked for. `since` and `until` (aware) bound the time of sending, `until` not included.

    `needle` is looked for in number and case, as `folded` writes them; documents of the instruments `titled` are found
    as well.
    """

    state: str = "all"
    instrument: str = ""
    since: datetime | None = None
    until: datetime | None = None
    needle: str = ""
    titled: tuple[str, ...] = ()


def listed(
    connection: sa.Connection,
    account: Account,
    wanted: Wanted,
    *,
    limit: int,
    before: Key | None = None,
) -> list[sa.RowMapping]:
    """Deliveries in the inbox of `account`, newest first, with the columns of their documents.

    `before` is `sent_at` and id of the last delivery of the page before this one: many are sent at one moment.
    """
    newest = ordered(_ORDER, newest=True)
    query = sa.select(delivery.c.id).where(*_conditions(account, wanted, before)).order_by(*newest).limit(limit)
    ids = connection.execute(query).scalars().all()
    if not ids:
        return []
    rows = deliveries.with_document().where(delivery.c.id.in_(ids)).order_by(*newest)
    return list(connection.execute(rows).mappings())


def _conditions(account: Account, wanted: Wanted, before: Key | None = None) -> list[Any]:
    conditions: list[Any] = [*deliveries.belonging_to(account), sa.text(_CONDITIONS[wanted.state])]
    if wanted.instrument:
        conditions.append(delivery.c.instrument == wanted.instrument)
    if wanted.since is not None:
        conditions.append(delivery.c.sent_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(delivery.c.sent_at < wanted.until)
    if needle := folded(wanted.needle):
        found: sa.ColumnElement[bool] = delivery.c.found_by.contains(needle, autoescape=True)
        conditions.append(sa.or_(found, delivery.c.instrument.in_(wanted.titled)) if wanted.titled else found)
    return conditions + behind(_ORDER, before, newest=True)


def case_in_inbox(connection: sa.Connection, account: Account, typed: str) -> str | None:
    """The number of the case that somebody typed as `folded` compares it, if the account has a document of it."""
    if not folded(typed):
        return None
    query = sa.select(document.c.case_no).distinct().join(delivery, delivery.c.document_id == document.c.id)
    rows = connection.execute(query.where(*_conditions(account, Wanted(needle=typed)))).scalars()
    return next((each for each in rows if folded(each) == folded(typed)), None)


def counts(connection: sa.Connection, account: Account) -> dict[str, int]:
    """How many stand in each state but `all`, up to `MOST_COUNTED`."""
    columns = []
    for state in STATES[1:]:
        some = sa.select(delivery.c.id).where(*_conditions(account, Wanted(state))).limit(MOST_COUNTED).subquery()
        columns.append(sa.select(sa.func.count()).select_from(some).scalar_subquery().label(state))
    return dict(connection.execute(sa.select(*columns)).mappings().one())
