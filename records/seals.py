"""The register of seals (印章), and who may approve their use. Every change stands in the directory's ledger.

A seal's own validity and an approver's term are by the legal clock: they are facts of law. What the certificate of
its key allows is judged by the real clock, at signing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from records import steps
from records.database import legal_time
from records.ids import new_id
from records.instants import now
from records.ledger import append
from records.statements import insert_at, select_by, update_row
from records.tables import SEAL_IS_OPEN, document, person, seal, seal_approver, step, system

#: 公章, 行政执法专用章, 签名章.
KINDS: Final = ("official", "enforcement", "signature_stamp")
#: What instruments are sealed with (004-77).
ENFORCEMENT: Final = "enforcement"
#: A person's, drawn as a square with the name.
SIGNATURE_STAMP: Final = "signature_stamp"

#: The legal clock inside a statement, in microseconds.
LEGAL_NOW: Final = now() + sa.select(system.c.legal_offset).scalar_subquery()


def lasts(table: sa.Table) -> sa.ColumnElement[bool]:
    """Whether a row is in force by the legal clock: from `valid_from` on, and before `valid_until`."""
    return sa.and_(
        table.c.valid_from <= LEGAL_NOW, sa.or_(table.c.valid_until.is_(None), table.c.valid_until > LEGAL_NOW)
    )


_USABLE: Final = sa.and_(seal.c.state == "active", lasts(seal))
#: Joined to `person`: somebody who was stopped approves nothing.
APPROVES: Final = sa.and_(lasts(seal_approver), person.c.active)

_ACTIVE: Final = (
    sa.select(seal)
    .where(seal.c.authority_id == sa.bindparam("of"), seal.c.kind == sa.bindparam("a_kind"), _USABLE)
    .order_by(seal.c.created_at.desc(), seal.c.id.desc())
    .limit(1)
)
_IS_USABLE: Final = sa.select(seal.c.id).where(seal.c.id == sa.bindparam("of"), _USABLE).with_for_update(read=True)
_APPROVERS: Final = sa.select(seal_approver, person.c.name, person.c.login, APPROVES.label("in_force")).join(
    person, person.c.id == seal_approver.c.person_id
)


def stream(authority_id: str) -> str:
    """The ledger stream of the directory, which holds the register. Its lock orders approvals, grants and waiting."""
    return f"directory:{authority_id}"


# --- the register ----------------------------------------------------------------------------------------------------


def register(
    connection: sa.Connection,
    authority_id: str,
    *,
    ring_text: str,
    second_line: str,
    key_uri: str,
    test: bool,
    name: str = "",
    issuer: str = "",
    kind: str = ENFORCEMENT,
    diameter_mm: float = 42.0,
    picture: tuple[str, float] | None = None,
    certificate: Mapping[str, Any] | None = None,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    by: str = "system",
) -> str:
    """Register a seal; returns its id. The key's secret stands in the settings, never here.

    `name` defaults to what stands on the seal; `picture` is the digest of a stored one-page PDF and its width in
    millimetres, which is put on paper in place of a drawing; `certificate` tells the one that the key has now. The
    validity (aware, legal clock) begins now unless told otherwise. What waits for a seal is looked at again.
    """
    seal_id = new_id("sea")
    told = {
        "name": name or f"{ring_text}{second_line}",
        "issuer": issuer,
        "kind": kind,
        "ring_text": ring_text,
        "second_line": second_line,
        "diameter_mm": diameter_mm,
        "picture_digest": picture[0] if picture else None,
        "picture_width_mm": picture[1] if picture else None,
        "certificate": dict(certificate) if certificate else None,
        "test": test,
    }
    term = {"valid_from": valid_from or legal_time(connection), "valid_until": valid_until}
    row = {"id": seal_id, "authority_id": authority_id, "key_uri": key_uri, "state": "active", **told, **term}
    connection.execute(insert_at(seal, "created_at"), row)
    _append(connection, authority_id, f"seal/{seal_id}", "seal.registered", seal_id, by, told | _written(term))
    wake_waiting(connection, authority_id)
    return seal_id


def stop(connection: sa.Connection, seal_id: str, by: str, reason: str = "") -> int:
    """Let a seal seal nothing more; the first stop stands. Returns how many active seals the authority has left.

    Raises LookupError.
    """
    authority_id = find(connection, seal_id)["authority_id"]
    connection.execute(
        seal.update()
        .where(seal.c.id == seal_id, seal.c.state == "active")
        .values(state="stopped", stopped_at=LEGAL_NOW, stop_reason=reason)
    )
    _append(connection, authority_id, f"seal/{seal_id}/stopped", "seal.stopped", seal_id, by, {"reason": reason})
    left = sa.select(sa.func.count()).where(seal.c.authority_id == authority_id, seal.c.state == "active")
    return int(connection.execute(left).scalar_one())


def active(connection: sa.Connection, authority_id: str, kind: str = ENFORCEMENT) -> sa.RowMapping | None:
    """The authority's newest seal of this kind that is neither stopped nor outside its validity, or None."""
    return connection.execute(_ACTIVE, {"of": authority_id, "a_kind": kind}).mappings().first()


def is_usable(connection: sa.Connection, seal_id: str) -> bool:
    """Whether the seal is neither stopped nor outside its validity; nobody stops it before the transaction ends."""
    return connection.execute(_IS_USABLE, {"of": seal_id}).first() is not None


def why_none(connection: sa.Connection, authority_id: str, kind: str = ENFORCEMENT) -> str:
    """Why `active` finds nothing, for an operator to act on."""
    query = sa.select(seal).where(seal.c.authority_id == authority_id, seal.c.kind == kind)
    rows = list(connection.execute(query.order_by(seal.c.created_at)).mappings())
    present = legal_time(connection)
    states = [
        f"{row['id']} was stopped"
        if row["state"] == "stopped"
        else f"{row['id']} is valid only from {row['valid_from'].isoformat()} on"
        if row["valid_from"] > present
        else f"{row['id']} expired at {row['valid_until'].isoformat()}"
        for row in rows
    ]
    return f"the authority has no active seal of the kind {kind}: {'; '.join(states) or 'none is registered'}"


def listed(connection: sa.Connection) -> list[sa.RowMapping]:
    """All seals of all authorities, oldest first."""
    return list(connection.execute(sa.select(seal).order_by(seal.c.created_at, seal.c.id)).mappings())


def find(connection: sa.Connection, seal_id: str) -> sa.RowMapping:
    """A seal by its id. Raises LookupError."""
    row = connection.execute(select_by(seal, "id"), {"id": seal_id}).mappings().first()
    if row is None:
        raise LookupError(f"no seal {seal_id}")
    return row


# --- who may approve -------------------------------------------------------------------------------------------------


def add_approver(
    connection: sa.Connection,
    seal_id: str,
    person_id: str,
    *,
    role_zh: str,
    role_en: str,
    rule: str,
    valid_from: datetime | None = None,
    valid_until: datetime | None = None,
    by: str,
) -> str:
    """Let a person approve uses of the seal, in this office and by this rule; returns the entry's id.

    The term (aware, legal clock) begins now unless told otherwise. Raises LookupError when the seal's authority has no
    such active person.
    """
    authority_id = find(connection, seal_id)["authority_id"]
    here = (person.c.id == person_id, person.c.authority_id == authority_id, person.c.active)
    if connection.execute(sa.select(person.c.id).where(*here)).first() is None:
        raise LookupError(f"no active person {person_id} of {authority_id}")
    approver_id = new_id("sap")
    told = {"seal_id": seal_id, "person_id": person_id, "role_zh": role_zh, "role_en": role_en, "rule": rule}
    term = {"valid_from": valid_from or legal_time(connection), "valid_until": valid_until}
    row = {"id": approver_id, "authority_id": authority_id, "added_by": by, **told, **term}
    connection.execute(insert_at(seal_approver, "added_at"), row)
    key = f"seal/{seal_id}/approver/{approver_id}"
    _append(connection, authority_id, key, "seal.approver_added", seal_id, by, told | _written(term))
    return approver_id


def end_approver(connection: sa.Connection, approver_id: str, by: str, reason: str = "") -> None:
    """Let an entry count no more, from now on; the first end stands. What was approved before stays approved.

    Raises LookupError.
    """
    row = connection.execute(select_by(seal_approver, "id"), {"id": approver_id}).mappings().first()
    if row is None:
        raise LookupError(f"no approver {approver_id}")
    if row["ended_by"] is not None:
        return
    update_row(connection, seal_approver, approver_id, {"valid_until": LEGAL_NOW, "ended_by": by, "end_reason": reason})
    key = f"seal/{row['seal_id']}/approver/{approver_id}/ended"
    told = {"approver": approver_id, "person_id": row["person_id"], "reason": reason}
    _append(connection, row["authority_id"], key, "seal.approver_ended", row["seal_id"], by, told)


def approvers(connection: sa.Connection, seal_id: str) -> list[sa.RowMapping]:
    """Every entry of the seal with the person's `name` and `login`, and whether it is `in_force`; oldest first."""
    query = _APPROVERS.where(seal_approver.c.seal_id == seal_id)
    return list(connection.execute(query.order_by(seal_approver.c.added_at, seal_approver.c.id)).mappings())


def approver_of(connection: sa.Connection, seal_id: str, person_id: str) -> sa.RowMapping | None:
    """The entry by which the person may approve uses of the seal now, with `name` and `login`; or None."""
    mine = (seal_approver.c.seal_id == seal_id, seal_approver.c.person_id == person_id, APPROVES)
    query = _APPROVERS.where(*mine).order_by(seal_approver.c.added_at.desc(), seal_approver.c.id.desc())
    return connection.execute(query.limit(1)).mappings().first()


def of_approver(connection: sa.Connection, person_id: str) -> list[sa.RowMapping]:
    """The seals, stopped ones too, whose use the person may approve now; oldest first."""
    mine = sa.select(seal_approver.c.seal_id).join(person, person.c.id == seal_approver.c.person_id)
    mine = mine.where(seal_approver.c.person_id == person_id, APPROVES)
    query = sa.select(seal).where(seal.c.id.in_(mine)).order_by(seal.c.created_at, seal.c.id)
    return list(connection.execute(query).mappings())


# --- what waits ------------------------------------------------------------------------------------------------------


#: What tells by which template, and on which bytes, a document is sealed.
_SEALED_AS: Final = ("instrument", "template_version", "template_digest", "rendered_digest")


def waiting(connection: sa.Connection, authority_id: str | None = None) -> list[sa.RowMapping]:
    """The documents that await an approval, of the authority or of all, oldest first; not their facts."""
    columns = ("id", "authority_id", "client_id", "case_no", "number_zh", "number_en", "created_at", *_SEALED_AS)
    query = sa.select(*(document.c[name] for name in columns)).join(step, step.c.subject_id == document.c.id)
    query = query.where(SEAL_IS_OPEN, document.c.status == "rendered", steps.IS_PARKED)
    if authority_id is not None:
        query = query.where(document.c.authority_id == authority_id)
    return list(connection.execute(query.order_by(document.c.created_at, document.c.id)).mappings())


def is_waiting(connection: sa.Connection, document_id: str) -> bool:
    """Whether the document awaits an approval."""
    return steps.is_parked(connection, f"{document_id}/seal")


def waiting_among(connection: sa.Connection, document_ids: Collection[str]) -> set[str]:
    """Those of the documents that await an approval."""
    named = {f"{each}/seal": each for each in document_ids}
    return {named[each] for each in steps.parked(connection, named)}


def wake_waiting(connection: sa.Connection, authority_id: str) -> tuple[str, ...]:
    """Let what waits for an approval or a seal be looked at again; returns the steps that are due now."""
    query = sa.select(step.c.id).join(document, document.c.id == step.c.subject_id)
    query = query.where(
        SEAL_IS_OPEN,
        step.c.state != "running",
        document.c.authority_id == authority_id,
        document.c.status == "rendered",
    )
    found = list(connection.execute(query).scalars())
    return tuple(sorted(steps.wake_all(connection, found)))


def _append(
    connection: sa.Connection,
    authority_id: str,
    key: str,
    kind: str,
    seal_id: str,
    by: str,
    body: Mapping[str, Any],
) -> None:
    append(connection, stream(authority_id), key, kind, subject=seal_id, actor=by, body=body)


def _written(term: Mapping[str, datetime | None]) -> dict[str, str | None]:
    return {name: moment.isoformat() if moment else None for name, moment in term.items()}
