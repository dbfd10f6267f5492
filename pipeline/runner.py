"""Runs one step: claim, work, and one finishing transaction guarded by the fence."""

from __future__ import annotations

import logging
import random
import threading
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next, Stage
from pipeline.queue import Queue
from records import documents, links, series, steps
from records.errors import Ambiguous, Permanent, Refused, Retry
from records.ledger import append

#: For how long a message that was sent counts as under way, in seconds; then the relay sends another.
HINT_SECONDS = 10.0
_LONGEST_PAUSE = 300.0
#: So many steps at most wait for the thread that made them due: the rest is for whoever is free.
_LONGEST_CHAIN = 8
_log = logging.getLogger(__name__)


class Leases:
    """Keeps the leases of this process's claims alive, from one thread."""

    def __init__(self, songda: Songda) -> None:
        self._songda = songda
        self._held: set[steps.Claim] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._renew, name="leases", daemon=True).start()

    @contextmanager
    def hold(self, claim: steps.Claim) -> Iterator[None]:
        """Renew the claim's lease while the block runs."""
        with self._lock:
            self._held.add(claim)
        try:
            yield
        finally:
            with self._lock:
                self._held.discard(claim)

    def _renew(self) -> None:
        seconds = self._songda.settings.lease_seconds
        while not self._stopped.wait(seconds / 3):
            with self._lock:
                held = list(self._held)
            for claim in held:  # one transaction each: none holds one row while it waits for another
                try:
                    with self._songda.database.write() as connection:
                        steps.renew(connection, claim, seconds)
                except Exception:
                    _log.exception("step %s: its lease could not be renewed", claim.id)

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()


class Runner:
    """Runs steps of all stages in `stages`, as `owner`; `queue` is set by the worker before it starts."""

    queue: Queue

    def __init__(self, songda: Songda, owner: str, stages: Mapping[str, Stage]) -> None:
        self._songda = songda
        self._owner = owner
        self._stages = stages
        self._leases = Leases(songda)
        self._ending = threading.Event()

    def end(self) -> None:
        """Begin no step that follows another any more: the relay of another worker, or of the next start, finds it."""
        self._ending.set()

    def close(self) -> None:
        """End the thread that renews leases; call it when no step is under way any more."""
        self._leases.stop()

    def run_step(self, step_id: str) -> None:
        """Do the step if it is due and free, and then what follows from it. Never raises: what went wrong is a row."""
        chain = deque([step_id])
        claim: steps.Claim | None = None
        while claim is not None or (chain and not self._ending.is_set()):
            doing, claim = claim, None
            name = doing.id if doing is not None else chain.popleft()
            try:
                doing = doing or self._claim(name)
                if doing is not None:
                    with self._leases.hold(doing):
                        claim = self._run(doing, chain)
            except steps.LeaseLost as error:
                _log.warning("result thrown away, lease lost: %s", error)
            except Exception:
                _log.exception("step %s: could not be run, its lease will lapse", name)

    def _claim(self, step_id: str) -> steps.Claim | None:
        with self._songda.database.write() as connection:
            return steps.claim(connection, step_id, self._owner, self._songda.settings.lease_seconds)

    def _claim_next(self, connection: sa.Connection, chain: deque[str]) -> steps.Claim | None:
        """The first step of the chain that is free, claimed in the transaction that finishes the one before it."""
        while chain and not self._ending.is_set():
            claim = steps.claim(connection, chain.popleft(), self._owner, self._songda.settings.lease_seconds)
            if claim is not None:
                return claim
        chain.clear()
        return None

    def _run(self, claim: steps.Claim, chain: deque[str]) -> steps.Claim | None:
        """Do a step; returns the claim of the next one of the chain, if its end was written together with that."""
        most = self._songda.settings.max_attempts
        if claim.counted > most:
            self._give_up(claim, f"given up after {most} attempts, the last of which did not end")
            return None
        try:
            conclusion = self._stages[claim.stage](self._songda, claim)
            return self._conclude(claim, conclusion, chain)
        except steps.LeaseLost:
            raise
        except Retry as error:
            self._pause(claim, str(error), error.after_seconds, excused=True)
        except (Permanent, Refused, Ambiguous) as error:
            self._give_up(claim, str(error))
        except Exception as error:
            _log.exception("step %s, attempt %d", claim.id, claim.attempt)
            if claim.counted >= most:
                self._give_up(claim, repr(error))
            else:
                self._pause(claim, repr(error), None, excused=False)
        return None

    @contextmanager
    def _finishing(self, claim: steps.Claim) -> Iterator[sa.Connection]:
        """The finishing transaction. What goes wrong in it because another worker has the step now is LeaseLost."""
        try:
            with self._songda.database.write() as connection:
                yield connection
        except steps.LeaseLost:
            raise
        except Exception as error:
            with self._songda.database.read() as connection:
                held = steps.is_held(connection, claim)
            if held:
                raise
            raise steps.LeaseLost(f"{claim.id}: fence {claim.fence} is not the present one") from error

    def _conclude(self, claim: steps.Claim, conclusion: Conclusion, chain: deque[str]) -> steps.Claim | None:
        room = self.queue.room()
        kept, sent = deque(chain), list[str]()
        try:
            with self._finishing(claim) as connection:
                result = conclusion.write(connection)
                if isinstance(result, Done):
                    steps.finish(connection, claim)
                else:
                    steps.park(connection, claim, result.until, result.why)
                sent = self._follow(connection, result.follow, kept, room)
                following = self._claim_next(connection, kept)
        except Exception as error:
            if conclusion.discarded:
                self._note_discarded(claim, conclusion.discarded, error)
            raise
        chain.clear()
        chain.extend(kept)
        self.queue.send(sent)
        return following

    def _follow(self, connection: sa.Connection, follow: Sequence[Next], chain: deque[str], room: int) -> list[str]:
        """Make the steps due that follow: a few join the chain, the others are to be sent as messages if there is room.

        A step that follows is claimed in the transaction that makes it due: no message, and no claim by itself.
        """
        kept = follow[: max(0, _LONGEST_CHAIN - len(chain))]
        sent = follow[len(kept) :]
        direct = len(sent) <= room
        chain.extend(_add(connection, each, HINT_SECONDS) for each in kept)
        ids = [_add(connection, each, HINT_SECONDS if direct else 0.0) for each in sent]
        return ids if direct else []

    def _note_discarded(self, claim: steps.Claim, digest: str, error: Exception) -> None:
        """Leave the digest of bytes that will not be used in the ledger, unless their commit went through after all."""
        try:
            with self._songda.database.write() as connection:
                if documents.get(connection, claim.subject_id)["final_digest"] == digest:
                    return
                append(
                    connection,
                    claim.subject_id,
                    f"{claim.stage}/discarded/{claim.fence}",
                    "document.discarded",
                    body={"digest": digest, "fence": claim.fence, "why": str(error)},
                )
        except Exception:
            _log.exception("step %s: the discarded %s could not be noted", claim.id, digest)

    def _pause(self, claim: steps.Claim, error: str, wish: float | None, *, excused: bool) -> None:
        pause = wish if wish is not None else min(0.5 * 2 ** min(claim.attempt, 12), _LONGEST_PAUSE)
        pause *= 1 + random.random() / 4  # noqa: S311 - spreads retries, keeps no secret
        _log.warning("step %s, attempt %d: again in %.1f s: %s", claim.id, claim.attempt, pause, error)
        with self._songda.database.write() as connection:
            steps.retry_later(connection, claim, pause, error, excused=excused)

    def _give_up(self, claim: steps.Claim, error: str) -> None:
        """Leave the step to a person. A document fails with it, and its number, if it has one, is void (作废)."""
        _log.error("step %s: given up: %s", claim.id, error)
        with self._finishing(claim) as connection:
            if claim.subject_type == "document":
                told = {"stage": claim.stage, "error": error}
                documents.move(connection, claim.subject_id, "failed", body=told, reason=error)
                series.void(connection, claim.subject_id, error)
                links.drop(connection, claim.subject_id, "the document failed")
            else:
                append(
                    connection,
                    steps.stream_of(connection, claim.subject_type, claim.subject_id),
                    f"{claim.id}/dead/{claim.fence}",
                    "step.dead",
                    subject=claim.subject_id,
                    body={"stage": claim.stage, "error": error},
                )
            steps.give_up(connection, claim, error)


def _add(connection: sa.Connection, each: Next, hinted_seconds: float) -> str:
    return steps.add(connection, each.subject_type, each.subject_id, each.stage, hinted_seconds=hinted_seconds)
