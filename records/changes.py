"""What counterparties change of their own entries, or ask for: rows that a step applies or a clerk decides.

Each is told in the authority's directory. Values of contacts, which are people's data, stand in the rows alone; rows of
contacts are never overwritten, so that the history stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records.errors import Permanent
from records.ids import new_id
from records.instants import now
from records.ledger import append, lock
from records.paging import Found, Part, ordered, part_of
from records.statements import select_by
from records.tables import account, change, contact, counterparty, person

OPEN: Final = ("delayed", "to_approve")
"""The states in which a change can still be taken back."""
_FOR_DESK: Final = sa.or_(change.c.state == "to_approve", change.c.flagged)
_ORDER: Final = (change.c.asked_at, change.c.id)
_PERSONAL: Final = ("contact_added", "contact_changed", "contact_ended", "contact_wishes")


class NotOpen(Exception):
    """The change was decided, applied or taken back before."""


def ask(
    connection: sa.Connection,
    of: tuple[str, str],
    kind: str,
    subject_id: str,
    *,
    by: str,
    state: str,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    effective_at: datetime | None = None,
    flagged: bool = False,
) -> str:
    """Enter a change of the counterparty `of` (authority, id), asked for by the account `by`; returns its id."""
    authority_id, counterparty_id = of
    lock(connection, f"directory:{authority_id}")
    change_id = new_id("chg")
    row = {"kind": kind, "subject_id": subject_id, "state": state, "effective_at": effective_at, "flagged": flagged}
    connection.execute(
        change.insert().values(
            id=change_id,
            authority_id=authority_id,
            counterparty_id=counterparty_id,
            before=dict(before) if before else None,
            after=dict(after) if after else None,
            asked_by=by,
            asked_at=now(),
            **row,
        )
    )
    told = {"kind": kind, "subject": subject_id, "state": state}
    if kind not in _PERSONAL:
        told |= {"before": before, "after": after}  # type: ignore[dict-item]
    elif after:
        told["changed"] = sorted(after)  # type: ignore[assignment]
    _tell(connection, authority_id, counterparty_id, change_id, "asked", by, told)
    return change_id


def get(connection: sa.Connection, change_id: str) -> sa.RowMapping:
    """A change by its id. Raises LookupError."""
    row = connection.execute(select_by(change, "id"), {"id": change_id}).mappings().first()
    if row is None:
        raise LookupError(f"no change {change_id}")
    return row


def move(connection: sa.Connection, change_id: str, state: str, by: str, reason: str = "") -> sa.RowMapping:
    """Bring an open change to `state`, with its event; returns it as it was. Raises LookupError, NotOpen."""
    row = get(connection, change_id)
    lock(connection, f"directory:{row['authority_id']}")
    here = (change.c.id == change_id, change.c.state.in_(OPEN))
    moved = change.update().where(*here).values(state=state, decided_by=by, decided_at=now(), reason=reason or None)
    if not connection.execute(moved).rowcount:
        raise NotOpen(change_id)
    told = {"kind": row["kind"], "subject": row["subject_id"], "reason": reason}
    _tell(connection, row["authority_id"], row["counterparty_id"], change_id, state, by, told)
    return row


def look_at(connection: sa.Connection, change_id: str, by: str) -> None:
    """A clerk has seen to a change that was flagged; again changes nothing."""
    row = get(connection, change_id)
    lock(connection, f"directory:{row['authority_id']}")
    connection.execute(change.update().where(change.c.id == change_id).values(flagged=False))
    _tell(connection, row["authority_id"], row["counterparty_id"], change_id, "seen", by, {"kind": row["kind"]})


def tell_contacts(connection: sa.Connection, row: sa.RowMapping) -> bool:
    """Note that the contacts are being told of the change; False when they were before."""
    told = {"kind": row["kind"]}
    return _tell(connection, row["authority_id"], row["counterparty_id"], row["id"], "told", "system", told)


def _tell(
    connection: sa.Connection, authority_id: str, counterparty_id: str, change_id: str, what: str, by: str, body: Any
) -> bool:
    stream, key = f"directory:{authority_id}", f"change/{change_id}/{what}"
    told = {"change": change_id} | body
    return append(connection, stream, key, f"change.{what}", subject=counterparty_id, actor=by, body=told)


def of_counterparty(
    connection: sa.Connection, authority_id: str, counterparty_id: str, *, limit: int = 50
) -> list[sa.RowMapping]:
    """The counterparty's changes, newest first, with the login of who asked (`asker`)."""
    mine = (change.c.authority_id == authority_id, change.c.counterparty_id == counterparty_id)
    return _newest(connection, _listed(*mine), limit)


def open_of(connection: sa.Connection, authority_id: str, counterparty_id: str, subject_id: str) -> list[sa.RowMapping]:
    """Open changes of one of the counterparty's contacts or accounts."""
    mine = (change.c.authority_id == authority_id, change.c.counterparty_id == counterparty_id)
    return _newest(connection, _listed(*mine, change.c.subject_id == subject_id, change.c.state.in_(OPEN)), 20)


def count_for_desk(connection: sa.Connection, authority_id: str) -> int:
    """How many a clerk is to decide or to look at."""
    query = sa.select(sa.func.count()).select_from(change).where(change.c.authority_id == authority_id, _FOR_DESK)
    return int(connection.execute(query).scalar_one())


def for_desk(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """What a clerk is to decide or to look at, newest first."""
    return part_of(connection, _listed(change.c.authority_id == authority_id, _FOR_DESK), _ORDER, part, newest=True)


def lately(connection: sa.Connection, authority_id: str, part: Part) -> Found:
    """The changes of all counterparties of the authority, newest first."""
    return part_of(connection, _listed(change.c.authority_id == authority_id), _ORDER, part, newest=True)


def _newest(connection: sa.Connection, query: sa.Select[Any], limit: int) -> list[sa.RowMapping]:
    return list(connection.execute(query.order_by(*ordered(_ORDER, newest=True)).limit(limit)).mappings())


def _listed(*wanted: sa.ColumnElement[bool]) -> sa.Select[Any]:
    same = sa.and_(counterparty.c.authority_id == change.c.authority_id, counterparty.c.id == change.c.counterparty_id)
    of_counterparty = (counterparty.c.name_zh, counterparty.c.name_en, counterparty.c.office)
    return (
        sa.select(change, *of_counterparty, account.c.login.label("asker"), person.c.name)
        .join(counterparty, same)
        .join(account, account.c.id == change.c.asked_by, isouter=True)
        .join(person, person.c.id == change.c.decided_by, isouter=True)
        .where(*wanted)
    )


# --- what is changed -------------------------------------------------------------------------------------------------


def add_contact(connection: sa.Connection, of: tuple[str, str], values: Mapping[str, Any]) -> str:
    """A contact that is told of what comes and not in effect yet; returns its id."""
    contact_id = new_id("con")
    row = {"id": contact_id, "authority_id": of[0], "counterparty_id": of[1], "active": True, "pending": True}
    connection.execute(contact.insert().values(**row, **values))
    return contact_id


def set_contact(connection: sa.Connection, contact_id: str, **columns: Any) -> None:
    """Change whether a contact is told (`active`), in effect (not `pending`), and of what (`silent`)."""
    connection.execute(contact.update().where(contact.c.id == contact_id).values(**columns))


def set_entity(connection: sa.Connection, row: sa.RowMapping) -> None:
    """Let the entity's data be as the change `row` has it."""
    if not row["after"]:
        raise Permanent(f"change {row['id']} changes nothing")
    here = (counterparty.c.authority_id == row["authority_id"], counterparty.c.id == row["counterparty_id"])
    connection.execute(counterparty.update().where(*here).values(**row["after"]))


def accounts(connection: sa.Connection, authority_id: str, counterparty_id: str) -> list[sa.RowMapping]:
    """All accounts of a counterparty, stopped ones too, by login."""
    named = {"authority_id": authority_id, "counterparty_id": counterparty_id}
    rows = connection.execute(select_by(account, *named), named).mappings()
    return sorted(rows, key=lambda row: str(row["login"]))
