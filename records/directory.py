"""The directory: authorities with their own facts, counterparties with contacts, accounts and confirmation letters."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records.errors import Permanent
from records.ids import new_id
from records.instants import now
from records.ledger import append
from records.statements import select_by
from records.tables import (
    account,
    authority,
    authority_revision,
    confirmation_letter,
    contact,
    counterparty,
)


class SelfApproval(PermissionError):
    """The person who proposed a revision may not approve it."""


def create_authority(connection: sa.Connection, authority_id: str) -> None:
    """Enter an authority; its facts follow by `propose_facts` and `approve_facts`."""
    connection.execute(authority.insert().values(id=authority_id, created_at=now()))


def propose_facts(connection: sa.Connection, authority_id: str, facts: Mapping[str, Any], by: str) -> int:
    """Propose a revision of the authority's own facts; returns its number. It counts only once approved."""
    last = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(authority_revision.c.revision), 0)).where(
            authority_revision.c.authority_id == authority_id
        )
    ).scalar_one()
    revision = int(last) + 1
    connection.execute(
        authority_revision.insert().values(
            authority_id=authority_id, revision=revision, facts=dict(facts), proposed_by=by, proposed_at=now()
        )
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"facts/{revision}/proposed",
        "authority.proposed",
        actor=by,
        body={"facts": facts},
    )
    return revision


def approve_facts(connection: sa.Connection, authority_id: str, revision: int, by: str) -> None:
    """Let a revision count, by a second person; the first approval stands. Raises SelfApproval, LookupError."""
    here = (authority_revision.c.authority_id == authority_id, authority_revision.c.revision == revision)
    proposed_by = connection.execute(sa.select(authority_revision.c.proposed_by).where(*here)).scalar()
    if proposed_by is None:
        raise LookupError(f"authority {authority_id} has no revision {revision}")
    if proposed_by == by:
        raise SelfApproval("a second person approves a change of the authority's facts")
    open_ = authority_revision.c.approved_by.is_(None)
    approved = connection.execute(
        authority_revision.update().where(*here, open_).values(approved_by=by, approved_at=now())
    )
    if approved.rowcount:
        append(connection, f"directory:{authority_id}", f"facts/{revision}/approved", "authority.approved", actor=by)


_NEWEST_FACTS: Final = (
    sa.select(authority_revision.c.revision, authority_revision.c.facts)
    .where(
        authority_revision.c.authority_id == sa.bindparam("authority_id"), authority_revision.c.approved_by.is_not(None)
    )
    .order_by(authority_revision.c.revision.desc())
    .limit(1)
)
_FACTS_OF_REVISION: Final = _NEWEST_FACTS.where(authority_revision.c.revision == sa.bindparam("revision"))


def authority_facts(
    connection: sa.Connection, authority_id: str, revision: int | None = None
) -> tuple[int, dict[str, Any]] | None:
    """Number and facts of one revision, or of the newest approved one; None when there is none."""
    query = _NEWEST_FACTS if revision is None else _FACTS_OF_REVISION
    row = connection.execute(query, {"authority_id": authority_id, "revision": revision}).first()
    return None if row is None else (row.revision, row.facts)


def pinned_facts(connection: sa.Connection, document: sa.RowMapping) -> dict[str, Any]:
    """The authority's facts of the revision that a document was accepted with. Raises Permanent when they are gone."""
    found = authority_facts(connection, document["authority_id"], document["authority_revision"])
    if found is None:
        raise Permanent(f"authority {document['authority_id']} has no approved facts {document['authority_revision']}")
    return found[1]


def create_counterparty(
    connection: sa.Connection,
    authority_id: str,
    counterparty_id: str,
    *,
    kind: str,
    name_zh: str,
    name_en: str,
    address_zh: str,
    address_en: str,
    credit_code: str | None = None,
    office: str | None = None,
    by: str = "system",
) -> None:
    """Enter a counterparty into the authority's register (行政相对人名录库); `office` is the one responsible for it."""
    values = {
        "kind": kind,
        "name_zh": name_zh,
        "name_en": name_en,
        "address_zh": address_zh,
        "address_en": address_en,
        "credit_code": credit_code,
        "office": office,
    }
    connection.execute(
        counterparty.insert().values(id=counterparty_id, authority_id=authority_id, created_at=now(), **values)
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"counterparty/{counterparty_id}",
        "counterparty.entered",
        subject=counterparty_id,
        actor=by,
        body=values,
    )


def find_counterparty(connection: sa.Connection, authority_id: str, counterparty_id: str) -> sa.RowMapping | None:
    """The counterparty's row, or None."""
    named = {"authority_id": authority_id, "id": counterparty_id}
    return connection.execute(select_by(counterparty, *named), named).mappings().first()


def counterparties(connection: sa.Connection, authority_id: str) -> list[sa.RowMapping]:
    """All counterparties of the authority by their Chinese names."""
    query = sa.select(counterparty).where(counterparty.c.authority_id == authority_id)
    return list(connection.execute(query.order_by(counterparty.c.name_zh, counterparty.c.id)).mappings())


def offices(connection: sa.Connection, authority_id: str) -> dict[str, str]:
    """The responsible offices of the authority's counterparties, by the counterparty's id, where one is entered."""
    query = sa.select(counterparty.c.id, counterparty.c.office).where(
        counterparty.c.authority_id == authority_id, counterparty.c.office.is_not(None)
    )
    return {row.id: row.office for row in connection.execute(query)}


def add_contact(
    connection: sa.Connection,
    authority_id: str,
    counterparty_id: str,
    *,
    name: str,
    department: str,
    mobile: str | None,
    email: str | None,
) -> str:
    """Add a contact person, who gets reminders; returns the contact's id."""
    contact_id = new_id("con")
    connection.execute(
        contact.insert().values(
            id=contact_id,
            authority_id=authority_id,
            counterparty_id=counterparty_id,
            name=name,
            department=department,
            mobile=mobile,
            email=email,
            active=True,
        )
    )
    return contact_id


def contacts(connection: sa.Connection, authority_id: str, counterparty_id: str) -> list[sa.RowMapping]:
    """The counterparty's active contacts."""
    named = {"authority_id": authority_id, "counterparty_id": counterparty_id, "active": True}
    rows = connection.execute(select_by(contact, *named), named).mappings()
    return sorted(rows, key=lambda row: str(row["id"]))


def mobiles(connection: sa.Connection, authority_id: str, counterparty_id: str) -> list[str]:
    """The numbers of every contact that the counterparty has or ever had."""
    here = (contact.c.authority_id == authority_id, contact.c.counterparty_id == counterparty_id)
    query = sa.select(contact.c.mobile).where(*here, contact.c.mobile.is_not(None))
    return [str(each) for each in connection.execute(query).scalars()]


def add_account(
    connection: sa.Connection,
    authority_id: str,
    counterparty_id: str,
    *,
    login: str,
    department: str,
    password_hash: str,
    by: str = "system",
) -> str:
    """Add an approved dedicated log-in account (专用登录账号); returns its id.

    Raises ValueError for a login with Chinese characters (rule R3).
    """
    if not login.isascii() or not login.strip():
        raise ValueError("an account name has no Chinese characters (rule R3)")
    account_id = new_id("acc")
    connection.execute(
        account.insert().values(
            id=account_id,
            authority_id=authority_id,
            counterparty_id=counterparty_id,
            login=login,
            department=department,
            password_hash=password_hash,
            state="approved",
            created_at=now(),
        )
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"account/{account_id}",
        "account.approved",
        subject=counterparty_id,
        actor=by,
        body={"login": login, "department": department},
    )
    return account_id


def has_approved_account(connection: sa.Connection, authority_id: str, counterparty_id: str) -> bool:
    """Whether at least one approved account exists; that of outside counsel is not the dedicated one."""
    named = {"authority_id": authority_id, "counterparty_id": counterparty_id, "state": "approved"}
    query = select_by(account, *named).where(account.c.ends_at.is_(None))
    return connection.execute(query, named).first() is not None


def file_letter(
    connection: sa.Connection,
    authority_id: str,
    counterparty_id: str,
    *,
    letter_version: str,
    system_name: str,
    system_address: str,
    signed_on: str,
    in_force_from: datetime,
    scan_digest: str | None = None,
    by: str = "system",
) -> str:
    """File a signed confirmation letter with the system that it names; returns its id."""
    letter_id = new_id("let")
    values = {
        "letter_version": letter_version,
        "system_name": system_name,
        "system_address": system_address,
        "signed_on": signed_on,
        "scan_digest": scan_digest,
    }
    connection.execute(
        confirmation_letter.insert().values(
            id=letter_id,
            authority_id=authority_id,
            counterparty_id=counterparty_id,
            in_force_from=in_force_from,
            **values,
        )
    )
    append(
        connection,
        f"directory:{authority_id}",
        f"letter/{letter_id}",
        "letter.filed",
        subject=counterparty_id,
        actor=by,
        body=values | {"in_force_from": in_force_from.isoformat()},
    )
    return letter_id


def withdraw_letter(connection: sa.Connection, letter_id: str, at: datetime, by: str) -> None:
    """Withdraw consent from `at` (aware) on: stops electronic service, not what was sent before.

    The first withdrawal stands. Raises NoResultFound when there is no such letter.
    """
    here = confirmation_letter.c.id == letter_id
    row = connection.execute(sa.select(confirmation_letter).where(here).with_for_update()).one()
    if row.withdrawn_at is not None:
        return
    connection.execute(confirmation_letter.update().where(here).values(withdrawn_at=at))
    append(
        connection,
        f"directory:{row.authority_id}",
        f"letter/{letter_id}/withdrawn",
        "letter.withdrawn",
        subject=row.counterparty_id,
        actor=by,
        happened_at=at,
    )


def letters(connection: sa.Connection, authority_id: str, counterparty_id: str) -> list[sa.RowMapping]:
    """All confirmation letters of the counterparty, newest first."""
    named = {"authority_id": authority_id, "counterparty_id": counterparty_id}
    rows = connection.execute(select_by(confirmation_letter, *named), named).mappings()
    return sorted(rows, key=lambda row: row["in_force_from"], reverse=True)
