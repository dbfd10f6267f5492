"""Calendar feeds of deadlines: who subscribed to what, and the rows that a feed shows.

A feed's address holds a token of 256 random bits, which calendar programs send without any other proof. Only its hash
is stored; the feed ends when it is revoked, and with the account, the person (or the last role) or the client's keys
that made it.
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

import sqlalchemy as sa

from records import deliveries
from records.access import OPEN, account_of
from records.ids import new_id
from records.instants import now
from records.ledger import append
from records.roles import HAS_A_ROLE
from records.tables import account, api_key, calendar_feed, delivery, document, person

#: Deliveries that one feed shows.
MOST: Final = 1000

#: Feeds that one owner may have at a time.
MOST_FEEDS: Final = 50


class TooManyFeeds(Exception):
    """The owner has as many feeds as one may have."""


def issue(
    connection: sa.Connection,
    scope: str,
    authority_id: str,
    owner: tuple[str, str],
    *,
    counterparty_id: str | None = None,
    case_no: str | None = None,
) -> tuple[str, str]:
    """Make a feed for `owner` (type and id); returns its id and its token, which is nowhere else.

    `scope` is `case` (with `case_no`, owned by a client), `desk` (a person) or `counterparty` (an account). Raises
    TooManyFeeds.
    """
    owner_type, owner_id = owner
    if len(of_owner(connection, owner)) >= MOST_FEEDS:
        raise TooManyFeeds(f"{owner_type} {owner_id} has {MOST_FEEDS} feeds")
    feed_id, token = new_id("fed"), secrets.token_urlsafe(32)
    connection.execute(
        calendar_feed.insert().values(
            id=feed_id,
            token_hash=_hash(token),
            scope=scope,
            authority_id=authority_id,
            counterparty_id=counterparty_id,
            case_no=case_no,
            owner_type=owner_type,
            owner_id=owner_id,
            created_at=now(),
            revoked_at=None,
        )
    )
    body = {"feed": feed_id, "scope": scope, "case_no": case_no}
    _append(connection, authority_id, feed_id, "feed.issued", owner, body)
    return feed_id, token


def of_owner(connection: sa.Connection, owner: tuple[str, str]) -> list[sa.RowMapping]:
    """The feeds of `owner` that are in force, oldest first."""
    query = sa.select(calendar_feed).where(
        calendar_feed.c.owner_id == owner[1],
        calendar_feed.c.owner_type == owner[0],
        calendar_feed.c.revoked_at.is_(None),
    )
    return list(connection.execute(query.order_by(calendar_feed.c.created_at, calendar_feed.c.id)).mappings())


def revoke(connection: sa.Connection, feed_id: str, owner: tuple[str, str]) -> bool:
    """End a feed of `owner` at once; False when there is none in force."""
    authority_id = connection.execute(
        calendar_feed.update()
        .where(
            calendar_feed.c.id == feed_id,
            calendar_feed.c.owner_type == owner[0],
            calendar_feed.c.owner_id == owner[1],
            calendar_feed.c.revoked_at.is_(None),
        )
        .values(revoked_at=now())
        .returning(calendar_feed.c.authority_id)
    ).scalar()
    if authority_id is None:
        return False
    _append(connection, authority_id, f"{feed_id}/revoked", "feed.revoked", owner, {"feed": feed_id})
    return True


def find(connection: sa.Connection, token: str) -> sa.RowMapping | None:
    """The feed of a token, unless it was revoked or its owner may no longer come in."""
    query = sa.select(calendar_feed).where(
        calendar_feed.c.token_hash == _hash(token), calendar_feed.c.revoked_at.is_(None)
    )
    row = connection.execute(query).mappings().first()
    return row if row is not None and _may_come_in(connection, row["owner_type"], row["owner_id"]) else None


def rows(connection: sa.Connection, feed: sa.RowMapping, since: str) -> list[sa.RowMapping]:
    """The deliveries that `feed` shows, soonest first: a limit of theirs ends on `since` (YYYY-MM-DD) or later."""
    query = (
        sa.select(
            delivery.c.id,
            delivery.c.deadlines,
            delivery.c.created_at,
            delivery.c.authority_id,
            document.c.instrument,
            document.c.facts,
            document.c.number_zh,
            document.c.number_en,
            document.c.status.label("document_status"),
        )
        .join(document, document.c.id == delivery.c.document_id)
        .where(
            delivery.c.authority_id == feed["authority_id"],
            delivery.c.deadlines_until >= since,
            *_scope(connection, feed),
        )
    )
    return list(connection.execute(query.order_by(delivery.c.deadlines_until, delivery.c.id).limit(MOST)).mappings())


def _scope(connection: sa.Connection, feed: sa.RowMapping) -> list[sa.ColumnElement[bool]]:
    if feed["scope"] == "case":
        return [document.c.case_no == feed["case_no"], document.c.client_id == feed["owner_id"]]
    if feed["scope"] == "counterparty":  # what stands in its inbox: a paper that was not served yet is not given away
        owner = connection.execute(sa.select(account).where(account.c.id == feed["owner_id"])).mappings().one()
        return [*deliveries.in_inbox(account_of(owner))]
    return []


def _may_come_in(connection: sa.Connection, owner_type: str, owner_id: str) -> bool:
    queries: dict[str, sa.Select[Any]] = {
        "account": sa.select(account.c.id).where(account.c.id == owner_id, *OPEN),
        "person": sa.select(person.c.id).where(person.c.id == owner_id, person.c.active, HAS_A_ROLE),
        "client": sa.select(api_key.c.prefix).where(api_key.c.client_id == owner_id, api_key.c.revoked_at.is_(None)),
    }
    return connection.execute(queries[owner_type].limit(1)).first() is not None


def _append(
    connection: sa.Connection, authority_id: str, key: str, kind: str, owner: tuple[str, str], body: dict[str, Any]
) -> None:
    append(connection, f"directory:{authority_id}", f"feed/{key}", kind, subject=owner[1], actor=owner[1], body=body)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
