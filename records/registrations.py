"""Applications for registration: drafts, what was reported each time, and what was decided on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from records.database import LEGAL_NOW
from records.ids import new_id
from records.instants import now
from records.paging import Found, Part, part_of
from records.statements import select_by
from records.tables import (
    counterparty,
    message,
    person,
    registration,
    registration_decision,
    registration_submission,
    visit,
)


def start(connection: sa.Connection, authority_id: str, campaign_id: str, category: str, mobile: str) -> str:
    """The draft of this number and category if there is one, else a new one; returns its id."""
    mine = (
        registration.c.authority_id == authority_id,
        registration.c.mobile == mobile,
        registration.c.category == category,
        registration.c.state == "draft",
    )
    known = connection.execute(sa.select(registration.c.id).where(*mine)).scalar()
    if known is not None:
        return str(known)
    registration_id = new_id("reg")
    connection.execute(
        registration.insert().values(
            id=registration_id,
            authority_id=authority_id,
            campaign_id=campaign_id,
            category=category,
            mobile=mobile,
            state="draft",
            facts={},
            files={},
            uses=0,
            submissions=0,
            review={},
            created_at=now(),
            changed_at=LEGAL_NOW,
        )
    )
    return registration_id


def get(connection: sa.Connection, registration_id: str, authority_id: str) -> sa.RowMapping | None:
    """An application of the authority, or None."""
    named = {"id": registration_id, "authority_id": authority_id}
    return connection.execute(select_by(registration, *named), named).mappings().first()


def find(connection: sa.Connection, registration_id: str) -> sa.RowMapping | None:
    """An application by its id, of whatever authority: for its applicant, whose visit names it."""
    return connection.execute(select_by(registration, "id"), {"id": registration_id}).mappings().first()


def of_counterparty(connection: sa.Connection, authority_id: str, counterparty_id: str) -> list[sa.RowMapping]:
    """The applications by which a counterparty came into the register: one, or none."""
    named = {"authority_id": authority_id, "counterparty_id": counterparty_id}
    return list(connection.execute(select_by(registration, *named), named).mappings())


def tracked(connection: sa.Connection, number: str, mobile: str) -> sa.RowMapping | None:
    """The application of this number that was made by this mobile, or None."""
    named = {"number": number, "mobile": mobile}
    return connection.execute(select_by(registration, *named), named).mappings().first()


def change(connection: sa.Connection, registration_id: str, states: tuple[str, ...], **columns: Any) -> bool:
    """Change an application that stands in one of `states`; False when it does not (any more)."""
    here = (registration.c.id == registration_id, registration.c.state.in_(states))
    changed = connection.execute(registration.update().where(*here).values({"changed_at": LEGAL_NOW, **columns}))
    return bool(changed.rowcount)


def _forgotten(before: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Drafts that were not changed since, and whose applicant is not here just now."""
    here = sa.exists().where(visit.c.registration_id == registration.c.id, visit.c.expires_at > now())
    return registration.c.state == "draft", registration.c.changed_at < before, ~here


def forgotten(connection: sa.Connection, before: datetime, limit: int) -> list[sa.RowMapping]:
    """Drafts, of whichever authority, that were changed last before this moment of the legal clock: oldest first."""
    query = sa.select(registration).where(*_forgotten(before)).order_by(registration.c.changed_at)
    return list(connection.execute(query.limit(limit)).mappings())


def forget(connection: sa.Connection, registration_id: str, before: datetime) -> bool:
    """Delete such a draft with its visits and messages; False when it is none (any more)."""
    here = (registration.c.id == registration_id, *_forgotten(before))
    if connection.execute(sa.select(registration.c.id).where(*here).with_for_update()).first() is None:
        return False
    for of in (visit, message):
        connection.execute(of.delete().where(of.c.registration_id == registration_id))
    connection.execute(registration.delete().where(registration.c.id == registration_id))
    return True


def keep_submission(
    connection: sa.Connection, row: sa.RowMapping, nth: int, office: Mapping[str, Any], at: datetime
) -> None:
    """Keep what was reported for the `nth` time, for good."""
    connection.execute(
        registration_submission.insert().values(
            registration_id=row["id"],
            nth=nth,
            authority_id=row["authority_id"],
            facts=row["facts"],
            files=row["files"],
            office=dict(office),
            submitted_at=at,
        )
    )


def keep_decision(connection: sa.Connection, row: sa.RowMapping, **columns: Any) -> None:
    """Keep what was decided on the last submission, for good."""
    connection.execute(
        registration_decision.insert().values(
            registration_id=row["id"], nth=row["submissions"], authority_id=row["authority_id"], **columns
        )
    )


def history(connection: sa.Connection, registration_id: str) -> list[sa.RowMapping]:
    """Each submission with what was decided on it (None while nothing is), newest first."""
    joined = registration_submission.join(registration_decision, isouter=True).join(person, isouter=True)
    decided = (
        registration_decision.c[name] for name in ("outcome", "review", "reasons_zh", "reasons_en", "decided_at")
    )
    query = sa.select(registration_submission, *decided, person.c.name.label("decided_by")).select_from(joined)
    query = query.where(registration_submission.c.registration_id == registration_id)
    return list(connection.execute(query.order_by(registration_submission.c.nth.desc())).mappings())


def listed(connection: sa.Connection, authority_id: str, state: str, part: Part) -> Found:
    """Applications of the authority in one state: of the submitted those that waited longest first, else the newest."""
    query = sa.select(registration).where(registration.c.authority_id == authority_id, registration.c.state == state)
    order = (registration.c.changed_at, registration.c.id)
    return part_of(connection, query, order, part, newest=state != "submitted")


def counts(connection: sa.Connection, authority_id: str) -> dict[str, int]:
    """How many applications of the authority stand in each state."""
    query = sa.select(registration.c.state, sa.func.count().label("many")).group_by(registration.c.state)
    rows = connection.execute(query.where(registration.c.authority_id == authority_id))
    return {row.state: row.many for row in rows}


def entered_under(connection: sa.Connection, row: sa.RowMapping) -> list[str]:
    """The counterparties (ids) that stand in the register under an application's credit code."""
    named = {"authority_id": row["authority_id"], "credit_code": row["facts"].get("credit_code")}
    if not named["credit_code"]:
        return []
    return [str(each["id"]) for each in connection.execute(select_by(counterparty, *named), named).mappings()]


def named_alike(connection: sa.Connection, row: sa.RowMapping) -> list[str]:
    """The counterparties (ids) of the authority that have a name of the application's, whatever the case of letters."""
    facts = row["facts"]
    alike = sa.or_(
        counterparty.c.name_zh == facts["name_zh"],
        sa.func.lower(counterparty.c.name_en) == facts["name_en"].lower(),
    )
    query = sa.select(counterparty.c.id).where(counterparty.c.authority_id == row["authority_id"], alike)
    return [str(each) for each in connection.execute(query.order_by(counterparty.c.id)).scalars()]


def others_under(connection: sa.Connection, row: sa.RowMapping) -> list[str]:
    """The numbers of other applications under the same credit code that are not decided or were returned."""
    code = row["facts"].get("credit_code")
    if not code:
        return []
    others = sa.select(registration.c.number, registration.c.facts).where(
        registration.c.authority_id == row["authority_id"],
        registration.c.state.in_(("submitted", "returned")),
        registration.c.id != row["id"],
    )
    return [each.number for each in connection.execute(others) if each.facts.get("credit_code") == code]
