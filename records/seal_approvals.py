"""What allows a use of a seal: a person's approval of exactly these bytes, or a standing grant within its limits.

Electronic Signature Law Art 13(2) wants the signer to control each use, Art 9 to be able to tell who authorised each
dispatch. An approval and a grant name one seal and end with it: a successor needs its own. A grant counts only while
whoever gave it may approve. Whoever approves, grants, or lets a document wait holds the directory's lock, so that
none is left waiting for what is there already.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records import documents, seals, steps
from records.database import legal_time
from records.ids import new_id
from records.ledger import append, lock
from records.statements import insert_at, insert_if_absent, select_by
from records.tables import client, person, seal_approval, seal_approver, seal_grant, seal_use

#: What a grant calls a case volume (案卷).
VOLUME: Final = "volume"


class NotGranted(Exception):
    """The grant has ended meanwhile: its uses, its time, its giver's office, or by revocation."""


class NothingToApprove(Exception):
    """The document does not wait for an approval of these bytes (any more)."""


@dataclass(frozen=True)
class Authorisation:
    """What allows one use of a seal. `basis` is `approval` or `grant`, `at` (aware) is when that was given."""

    basis: str
    id: str
    person_id: str
    name: str
    role_zh: str
    role_en: str
    rule: str
    at: datetime

    def as_dict(self) -> dict[str, str]:
        """As the ledger tells it."""
        return asdict(self) | {"at": self.at.isoformat()}


# Statements of every use are built once: building one costs more than running it.
_GRANTS: Final = (
    sa.select(
        seal_grant,
        seal_approver.c.person_id,
        seal_approver.c.role_zh,
        seal_approver.c.role_en,
        seal_approver.c.rule,
        person.c.name,
    )
    .join(seal_approver, seal_approver.c.id == seal_grant.c.approver_id)
    .join(person, person.c.id == seal_approver.c.person_id)
)
_LEFT: Final = sa.and_(seal_grant.c.revoked_at.is_(None), seal_grant.c.uses < seal_grant.c.most_uses)
_LIVE: Final = _GRANTS.where(
    seal_grant.c.seal_id == sa.bindparam("of"), _LEFT, seals.lasts(seal_grant), seals.APPROVES
).order_by(seal_grant.c.valid_until, seal_grant.c.id)
_TO_COME: Final = _GRANTS.where(
    seal_grant.c.seal_id == sa.bindparam("of"), _LEFT, seal_grant.c.valid_from > seals.LEGAL_NOW, person.c.active
).order_by(seal_grant.c.valid_from)
_COUNTED: Final = (
    seal_grant.update()
    .where(
        seal_grant.c.id == sa.bindparam("the_grant"),
        _LEFT,
        seals.lasts(seal_grant),
        sa.exists().where(
            seal_approver.c.id == seal_grant.c.approver_id, person.c.id == seal_approver.c.person_id, seals.APPROVES
        ),
    )
    .values(uses=seal_grant.c.uses + 1)
)


def _covers(grant: sa.RowMapping, subject: str, client_id: str | None) -> bool:
    return (not grant["instruments"] or subject in grant["instruments"]) and grant["client_id"] in (None, client_id)


def of_document(connection: sa.Connection, document: sa.RowMapping, seal_id: str) -> Authorisation | None:
    """What allows this seal on the document's rendered bytes: a person's approval, else a live grant; or None."""
    named = {"document_id": document["id"], "rendered_digest": document["rendered_digest"], "seal_id": seal_id}
    row = connection.execute(select_by(seal_approval, *named), named).mappings().first()
    if row is None:
        return by_grant(connection, seal_id, document["instrument"], document["client_id"])
    return _authorisation("approval", row, row["approved_at"])


def by_grant(connection: sa.Connection, seal_id: str, subject: str, client_id: str | None) -> Authorisation | None:
    """A live grant of this seal that covers `subject` (an instrument, or VOLUME) for the client; or None.

    `client_id` None is the authority itself: a grant for one case system does not cover that.
    """
    for row in connection.execute(_LIVE, {"of": seal_id}).mappings():
        if _covers(row, subject, client_id):
            return _authorisation("grant", row, row["granted_at"])
    return None


def _authorisation(basis: str, row: sa.RowMapping, at: datetime) -> Authorisation:
    told = {name: row[name] for name in ("id", "person_id", "name", "role_zh", "role_en", "rule")}
    return Authorisation(basis=basis, at=at, **told)


def begins(connection: sa.Connection, seal_id: str, subject: str, client_id: str | None) -> datetime | None:
    """When (legal clock) the first grant begins that was given beforehand and covers `subject`; or None."""
    rows = connection.execute(_TO_COME, {"of": seal_id}).mappings()
    return next((row["valid_from"] for row in rows if _covers(row, subject, client_id)), None)


def count_use(connection: sa.Connection, allowed: Authorisation) -> None:
    """Count a use of the grant, in the transaction that records the use; nothing to count for an approval.

    Raises NotGranted when the grant has ended since it was read: two that reach for its last use get it once.
    """
    if allowed.basis == "grant" and not connection.execute(_COUNTED, {"the_grant": allowed.id}).rowcount:
        raise NotGranted(f"grant {allowed.id} has ended, or its uses are used up")


def record_use(connection: sa.Connection, allowed: Authorisation, **values: Any) -> None:
    """Record a use of a seal on a document and what allowed it. Raises NotGranted."""
    count_use(connection, allowed)
    row = values | {
        "basis": allowed.basis,
        "approval_id": allowed.id if allowed.basis == "approval" else None,
        "grant_id": allowed.id if allowed.basis == "grant" else None,
        "approver_name": allowed.name,
        "approver_role": f"{allowed.role_zh} {allowed.role_en}",
        "approval_rule": allowed.rule,
        "approved_at": allowed.at.isoformat(),
    }
    connection.execute(insert_at(seal_use, "used_at"), row)


# --- approvals -------------------------------------------------------------------------------------------------------


def approve(
    connection: sa.Connection,
    document: sa.RowMapping,
    rendered_digest: str,
    approver: sa.RowMapping,
    *,
    session: str,
    authenticated: str,
) -> tuple[str, ...]:
    """Record that the approver (`seals.approver_of`) approves the seal on these bytes; returns steps that are due now.

    The same approval again changes nothing. Raises NothingToApprove when the document has other bytes by now, or is
    past its sealing.
    """
    lock(connection, seals.stream(document["authority_id"]))
    lock(connection, document["id"])
    present = documents.get(connection, document["id"])
    if present["status"] != "rendered" or present["rendered_digest"] != rendered_digest:
        raise NothingToApprove(f"document {document['id']} does not wait with the bytes {rendered_digest}")
    told = {name: approver[name] for name in ("seal_id", "person_id", "name", "role_zh", "role_en", "rule")}
    row = {
        "id": new_id("sla"),
        "authority_id": document["authority_id"],
        "document_id": document["id"],
        "rendered_digest": rendered_digest,
        "approver_id": approver["id"],
        "session": session,
        "authenticated": authenticated,
        "approved_at": legal_time(connection),
        **told,
    }
    if not insert_if_absent(connection, seal_approval, row):
        return ()
    append(
        connection,
        document["id"],
        f"seal/approved/{row['id']}",
        "seal.approved",
        actor=approver["person_id"],
        body=told | {"approval": row["id"], "digest": rendered_digest, "authenticated": authenticated},
    )
    step_id = f"{document['id']}/seal"
    return (step_id,) if steps.wake_parked(connection, step_id) else ()


# --- grants ----------------------------------------------------------------------------------------------------------


def grant(
    connection: sa.Connection,
    approver: sa.RowMapping,
    *,
    instruments: Collection[str],
    client_id: str | None,
    valid_until: datetime,
    most_uses: int,
    by: str,
    valid_from: datetime | None = None,
    authenticated: str | None = None,
) -> tuple[str, tuple[str, ...]]:
    """Give a standing approval in the approver's office; returns its id and the steps that are due now.

    `instruments` are instrument ids and VOLUME, none for everything; `by` is the person logged in, or the operator's
    hand; `authenticated` is how that person proved it for this grant. The term (aware, legal clock) begins now unless
    told otherwise. Raises LookupError when the authority has no such client.
    """
    authority_id, seal_id = approver["authority_id"], approver["seal_id"]
    lock(connection, seals.stream(authority_id))
    here = (client.c.id == client_id, client.c.authority_id == authority_id)
    if client_id is not None and connection.execute(sa.select(client.c.id).where(*here)).first() is None:
        raise LookupError(f"no client {client_id}")
    grant_id, present = new_id("sgr"), legal_time(connection)
    scope = {"instruments": sorted(instruments), "client_id": client_id, "most_uses": most_uses}
    term = {"valid_from": valid_from or present, "valid_until": valid_until}
    row = {"id": grant_id, "authority_id": authority_id, "seal_id": seal_id, "approver_id": approver["id"]}
    connection.execute(seal_grant.insert(), row | scope | term | {"uses": 0, "granted_by": by, "granted_at": present})
    office = {name: approver[name] for name in ("person_id", "name", "role_zh", "role_en", "rule")}
    body = {**scope, **office, **{name: moment.isoformat() for name, moment in term.items()}}
    body |= {"authenticated": authenticated} if authenticated else {}
    of = seals.stream(authority_id)
    append(connection, of, f"grant/{grant_id}", "seal.granted", subject=seal_id, actor=by, body=body)
    return grant_id, seals.wake_waiting(connection, authority_id)


def revoke(connection: sa.Connection, grant_id: str, authority_id: str, by: str, reason: str) -> bool:
    """End a grant of the authority, from now on; says whether there was one in force or to come."""
    changed = connection.execute(
        seal_grant.update()
        .where(
            seal_grant.c.id == grant_id, seal_grant.c.authority_id == authority_id, seal_grant.c.revoked_at.is_(None)
        )
        .values(revoked_at=seals.LEGAL_NOW, revoked_by=by, revoke_reason=reason)
    )
    if not changed.rowcount:
        return False
    row = find_grant(connection, grant_id, authority_id)
    append(
        connection,
        seals.stream(authority_id),
        f"grant/{grant_id}/revoked",
        "seal.grant_revoked",
        subject=row["seal_id"] if row else None,
        actor=by,
        body={"grant": grant_id, "reason": reason},
    )
    return True


def find_grant(connection: sa.Connection, grant_id: str, authority_id: str) -> sa.RowMapping | None:
    """A grant of the authority with its giver's office and name, or None."""
    query = _GRANTS.where(seal_grant.c.id == grant_id, seal_grant.c.authority_id == authority_id)
    return connection.execute(query).mappings().first()


def grants(connection: sa.Connection, seal_ids: Collection[str] | None = None) -> list[sa.RowMapping]:
    """The grants of these seals, or of all, newest first: with the giver's office and name, and whether `in_force`."""
    query = _GRANTS.add_columns(sa.and_(_LEFT, seals.lasts(seal_grant), seals.APPROVES).label("in_force"))
    if seal_ids is not None:
        query = query.where(seal_grant.c.seal_id.in_(sorted(seal_ids)))
    newest_first = query.order_by(seal_grant.c.granted_at.desc(), seal_grant.c.id.desc())
    return list(connection.execute(newest_first).mappings())
