"""Steps as rows: claim, renew, finish, fail, park, wake; and the relay's pick of what is due.

A step is owned through a lease and guarded by a fence: each claim raises the fence, and only the holder of the
present fence may finish. The attempt is counted before the work, so that work which kills its worker is counted too.
All times are the database's.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from records import deliveries
from records.instants import microseconds, now, to_microseconds
from records.ledger import append, lock
from records.statements import select_by
from records.tables import STEP_IS_OPEN, archive, message, step, system

#: The states of a step that is not done, the one that needs a person first.
UNDONE: Final = ("dead", "running", "ready", "waiting")


_UNENDED: Final = "the attempt before did not end: its worker was lost"


class LeaseLost(Exception):
    """Another worker owns the step now: this result must be thrown away."""


class NotRequeued(Exception):
    """The step cannot be repeated by an operator: `code` says why in a word, the message in a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Claim:
    """The right to do a step: valid while the lease lasts and the fence is unchanged.

    `takes_over`: the attempt before this one never told its outcome.
    """

    id: str
    subject_type: str
    subject_id: str
    stage: str
    attempt: int
    fence: int
    excused: int = 0
    takes_over: bool = False

    @property
    def counted(self) -> int:
        """Attempts that count against the step: all but those that only had to wait for a part out of reach."""
        return self.attempt - self.excused


# Statements of every step are built once: building one costs more than running it.
_NEW: Final = {
    "state": "ready",
    "run_at": now(),
    "attempt": 0,
    "excused": 0,
    "fence": 0,
    "hinted_until": now() + sa.bindparam("the_hint", type_=sa.BigInteger),
}
_ADD: Final = {
    name: dialect.insert(step).values(_NEW).on_conflict_do_nothing()
    for name, dialect in (("sqlite", sqlite), ("postgresql", postgresql))
}
_CLAIM: Final = (
    step.update()
    .where(
        step.c.id == sa.bindparam("the_id"),
        sa.or_(
            sa.and_(step.c.state == "ready", step.c.run_at <= now()),
            sa.and_(step.c.state == "running", step.c.lease_until < now()),
        ),
    )
    .values(
        state="running",
        owner=sa.bindparam("the_owner"),
        lease_until=now() + sa.bindparam("the_lease", type_=sa.BigInteger),
        fence=step.c.fence + 1,
        attempt=step.c.attempt + 1,
        error=sa.case((step.c.state == "running", _UNENDED), else_=step.c.error),
    )
    .returning(
        step.c.id,
        step.c.subject_type,
        step.c.subject_id,
        step.c.stage,
        step.c.attempt,
        step.c.fence,
        step.c.excused,
        sa.func.coalesce(step.c.error == _UNENDED, sa.false()),
    )
)
_OWNED: Final = step.update().where(
    step.c.id == sa.bindparam("the_id"), step.c.fence == sa.bindparam("the_fence"), step.c.state == "running"
)
_DONE: Final = _OWNED.values(state="done", owner=None, lease_until=None, hinted_until=0, error=None, legal_at=None)
_RENEWED: Final = _OWNED.values(lease_until=now() + sa.bindparam("the_lease", type_=sa.BigInteger))


def add(
    connection: sa.Connection, subject_type: str, subject_id: str, stage: str, *, hinted_seconds: float = 0.0
) -> str:
    """Make a step due at once, unless it stands already; returns its id.

    `hinted_seconds` keeps the relay from sending a message that the caller is about to send itself.
    """
    step_id = f"{subject_id}/{stage}"
    values = {
        "id": step_id,
        "subject_type": subject_type,
        "subject_id": subject_id,
        "stage": stage,
        "the_hint": microseconds(hinted_seconds),
    }
    connection.execute(_ADD[connection.dialect.name], values)
    return step_id


def claim(connection: sa.Connection, step_id: str, owner: str, lease_seconds: float) -> Claim | None:
    """Take the step if it is due and nobody owns it; None otherwise (a doubled, early or late message)."""
    values = {"the_id": step_id, "the_owner": owner, "the_lease": microseconds(lease_seconds)}
    row = connection.execute(_CLAIM, values).first()
    return None if row is None else Claim(*row)


def _named(held: Claim) -> dict[str, object]:
    return {"the_id": held.id, "the_fence": held.fence}


def renew(connection: sa.Connection, held: Claim, lease_seconds: float) -> bool:
    """Prolong the lease; False when it was lost."""
    result = connection.execute(_RENEWED, _named(held) | {"the_lease": microseconds(lease_seconds)})
    return bool(result.rowcount)


def _release(connection: sa.Connection, held: Claim, **values: object) -> None:
    _change(connection, held, _OWNED.values(owner=None, lease_until=None, hinted_until=0, **values))


def _change(connection: sa.Connection, held: Claim, change: sa.Update) -> None:
    if connection.execute(change, _named(held)).rowcount != 1:
        raise LeaseLost(f"{held.id}: fence {held.fence} is not the present one")


def finish(connection: sa.Connection, held: Claim) -> None:
    """Mark the step done, as the guard of the finishing transaction. Raises LeaseLost."""
    _change(connection, held, _DONE)


def is_held(connection: sa.Connection, held: Claim) -> bool:
    """Whether the claim is still the present one."""
    mine = {"id": held.id, "fence": held.fence, "state": "running"}
    return connection.execute(select_by(step, *mine), mine).first() is not None


def retry_later(
    connection: sa.Connection, held: Claim, pause_seconds: float, error: str, *, excused: bool = False
) -> None:
    """Make the step due again after a pause; an `excused` attempt does not count against it. Raises LeaseLost."""
    _release(
        connection,
        held,
        state="ready",
        run_at=now() + microseconds(pause_seconds),
        error=error,
        excused=step.c.excused + int(excused),
    )


def give_up(connection: sa.Connection, held: Claim, error: str) -> None:
    """Leave the step to a person: it stays until `wake`. Raises LeaseLost."""
    _release(connection, held, state="dead", error=error)


def park(connection: sa.Connection, held: Claim, until_legal: datetime | None, why: str) -> None:
    """Let the step wait for a moment of the legal clock, or (None) until it is woken. Raises LeaseLost."""
    if until_legal is None:
        _release(connection, held, state="waiting", attempt=0, excused=0, error=why, legal_at=None)
        return
    offset = sa.select(system.c.legal_offset).scalar_subquery()
    run_at = sa.literal(to_microseconds(until_legal), sa.BigInteger) - offset
    _release(connection, held, state="ready", attempt=0, excused=0, error=why, legal_at=until_legal, run_at=run_at)


def wake(connection: sa.Connection, step_id: str, *, hinted_seconds: float = 0.0) -> bool:
    """Make a waiting, finished, parked or dead step due now; work under way on it is thrown away by the fence."""
    return bool(connection.execute(_wake(hinted_seconds).where(step.c.id == step_id)).rowcount)


#: A step that waits for a person: until it is woken, or also for a moment of the legal clock.
IS_PARKED: Final = sa.or_(step.c.state == "waiting", sa.and_(step.c.state == "ready", step.c.legal_at.is_not(None)))


def is_parked(connection: sa.Connection, step_id: str) -> bool:
    """Whether the step was parked and waits."""
    return bool(parked(connection, [step_id]))


def parked(connection: sa.Connection, step_ids: Collection[str]) -> set[str]:
    """Those of the steps that were parked and wait."""
    return set(connection.execute(sa.select(step.c.id).where(step.c.id.in_(step_ids), IS_PARKED)).scalars())


def schedule(connection: sa.Connection, subject_type: str, subject_id: str, stage: str, until_legal: datetime) -> str:
    """Let a step be due at a moment of the legal clock (aware), whether it stands already or not; returns its id.

    Work under way on it is thrown away by the fence. The caller holds the subject's stream.
    """
    step_id = add(connection, subject_type, subject_id, stage)
    offset = sa.select(system.c.legal_offset).scalar_subquery()
    run_at = sa.literal(to_microseconds(until_legal), sa.BigInteger) - offset
    connection.execute(_wake(0).where(step.c.id == step_id).values(legal_at=until_legal, run_at=run_at))
    return step_id


def wake_parked(connection: sa.Connection, step_id: str) -> bool:
    """`wake`, but only for a step that was parked: one that is under way is left alone."""
    return bool(connection.execute(_wake(0).where(step.c.id == step_id, IS_PARKED)).rowcount)


def wake_all(connection: sa.Connection, step_ids: Sequence[str]) -> set[str]:
    """`wake` for many; returns those that there are."""
    woken: set[str] = set()
    for some in (step_ids[start : start + 1000] for start in range(0, len(step_ids), 1000)):
        woken.update(connection.execute(_wake(0).where(step.c.id.in_(some)).returning(step.c.id)).scalars())
    return woken


def revive(connection: sa.Connection, step_ids: Sequence[str]) -> None:
    """`wake` for those on which nobody works just now."""
    connection.execute(_wake(0).where(step.c.id.in_(step_ids), step.c.state != "running"))


def _wake(hinted_seconds: float) -> sa.Update:
    return step.update().values(
        state="ready",
        run_at=now(),
        legal_at=None,
        attempt=0,
        excused=0,
        fence=step.c.fence + 1,
        owner=None,
        lease_until=None,
        error=None,
        hinted_until=now() + microseconds(hinted_seconds),
    )


def stream_of(connection: sa.Connection, subject_type: str, subject_id: str) -> str:
    """The ledger stream that tells of the steps of a subject. Raises LookupError."""
    if subject_type == "document":
        return subject_id
    if subject_type == "archive":
        return str(connection.execute(sa.select(archive.c.stream).where(archive.c.id == subject_id)).scalar_one())
    if subject_type == "message":
        row = connection.execute(select_by(message, "id"), {"id": subject_id}).mappings().one()
        return str(row["registration_id"] or f"directory:{row['authority_id']}")
    return deliveries.stream(connection, subject_id)


def requeue(connection: sa.Connection, step_id: str, by: str) -> None:
    """Make a dead or waiting step due now, but no document's, as `by`, with an event in the stream that tells of it.

    Raises LookupError for an unknown step, NotRequeued for one that is under way or done, or of a document.
    """
    query = sa.select(step.c.subject_type, step.c.subject_id, step.c.stage, step.c.state, step.c.fence, step.c.error)
    query = query.where(step.c.id == step_id)
    row = connection.execute(query).first()
    if row is None:
        raise LookupError(f"no step {step_id}")
    if row.subject_type == "document" and row.state == "dead":
        why = "a failed document is final and its number is void: the case system submits the job again"
        raise NotRequeued("document_failed", why)
    if row.subject_type == "document":
        raise NotRequeued("document", "the steps of a document go on by themselves")
    stream = stream_of(connection, row.subject_type, row.subject_id)
    lock(connection, stream)  # before the row, as everybody does
    row = connection.execute(query.with_for_update()).one()
    if row.state in ("running", "done"):
        raise NotRequeued(row.state, f"the step is {row.state}")
    wake(connection, step_id)
    append(
        connection,
        stream,
        f"{step_id}/requeued/{row.fence}",
        "step.requeued",
        subject=row.subject_id,
        actor=by,
        body={"stage": row.stage, "was": row.state, "error": row.error},
    )


def stop(connection: sa.Connection, subject_id: str) -> None:
    """End every step of a subject that is cancelled or void; work under way is thrown away by the fence."""
    connection.execute(
        step.update()
        .where(step.c.subject_id == subject_id, step.c.state != "done")
        .values(state="done", fence=step.c.fence + 1, owner=None, lease_until=None)
    )


_LAPSED: Final = sa.and_(step.c.state == "running", step.c.lease_until < now())
_UNHINTED: Final = sa.select(step.c.id).where(
    STEP_IS_OPEN, step.c.run_at <= now(), sa.or_(step.c.state == "ready", _LAPSED), step.c.hinted_until < now()
)
_ANY_DUE: Final = _UNHINTED.limit(1)
_OLDEST_DUE: Final = (
    _UNHINTED.order_by(step.c.run_at).limit(sa.bindparam("most", type_=sa.Integer)).with_for_update(skip_locked=True)
)
_HINTED: Final = (
    step.update()
    .where(step.c.id.in_(sa.bindparam("chosen", expanding=True)))
    .values(hinted_until=now() + sa.bindparam("the_hint", type_=sa.BigInteger))
)
_SOONEST: Final = sa.select(sa.func.min(step.c.run_at) - now()).where(
    STEP_IS_OPEN, step.c.state == "ready", step.c.run_at > now()
)


def any_due(connection: sa.Connection) -> bool:
    """Whether `pick_due` would find anything."""
    return connection.execute(_ANY_DUE).first() is not None


def pick_due(connection: sa.Connection, limit: int, hint_seconds: float) -> list[str]:
    """Up to `limit` due steps without a message under way, oldest first, marked as hinted for `hint_seconds`."""
    ids = list(connection.execute(_OLDEST_DUE, {"most": limit}).scalars())
    if ids:
        connection.execute(_HINTED, {"chosen": ids, "the_hint": microseconds(hint_seconds)})
    return ids


def seconds_until_next(connection: sa.Connection) -> float | None:
    """Seconds until the next step becomes due by the database's clock; None when no step waits for a time."""
    value = connection.execute(_SOONEST).scalar_one()
    return None if value is None else float(value) / 1_000_000


def listed(connection: sa.Connection, states: Collection[str], limit: int) -> list[sa.RowMapping]:
    """Up to `limit` steps in one of `states`: dead ones first, then those that are due soonest.

    `run_at` is when the step became or becomes due, `lease_until` when one that is running belongs to nobody again,
    both by the database's clock; `legal_at` is the moment of the legal clock that it waits for. All are UTC.
    """
    columns = ("id", "state", "attempt", "run_at", "lease_until", "legal_at", "owner", "error")
    query = sa.select(*(step.c[name] for name in columns)).where(step.c.state.in_(states))
    order = (sa.case((step.c.state == "dead", 0), else_=1), step.c.run_at, step.c.id)
    return list(connection.execute(query.order_by(*order).limit(limit)).mappings())


def count_overdue(connection: sa.Connection, seconds: float) -> int:
    """How many steps have been due for more than `seconds`, and nobody took them."""
    late = (STEP_IS_OPEN, step.c.state == "ready", step.c.run_at < now() - microseconds(seconds))
    return int(connection.execute(sa.select(sa.func.count()).select_from(step).where(*late)).scalar_one())


def count_by_state(connection: sa.Connection) -> dict[str, int]:
    """How many steps stand in each state."""
    rows = connection.execute(sa.select(step.c.state, sa.func.count().label("steps")).group_by(step.c.state))
    return {row.state: row.steps for row in rows}
