"""Runs one step: claim, work, and one finishing transaction guarded by the fence."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Stage
from pipeline.queue import Queue
from records import deliveries, documents, steps
from records.errors import Ambiguous, Permanent, Refused, Retry
from records.ledger import append

#: For how long a message that was sent counts as under way, in seconds; then the relay sends another.
HINT_SECONDS = 10.0
_LONGEST_PAUSE = 300.0
_log = logging.getLogger(__name__)


class Leases:
    """Keeps the leases of this process's claims alive, from one thread."""

    def __init__(self, songda: Songda) -> None:
        self._songda = songda
        self._held: dict[str, steps.Claim] = {}
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        threading.Thread(target=self._renew, name="leases", daemon=True).start()

    @contextmanager
    def hold(self, claim: steps.Claim) -> Iterator[None]:
        """Renew the claim's lease while the block runs."""
        with self._lock:
            self._held[claim.id] = claim
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(claim.id, None)

    def _renew(self) -> None:
        seconds = self._songda.settings.lease_seconds
        while not self._stopped.wait(seconds / 3):
            with self._lock:
                held = list(self._held.values())
            if not held:
                continue
            try:
                with self._songda.database.write() as connection:
                    for claim in held:
                        steps.renew(connection, claim, seconds)
            except Exception:
                _log.exception("leases could not be renewed")

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

    def run_step(self, step_id: str) -> None:
        """Do the step if it is due and free. Never raises: what went wrong is a row."""
        try:
            with self._songda.database.write() as connection:
                claim = steps.claim(connection, step_id, self._owner, self._songda.settings.lease_seconds)
            if claim is not None:
                with self._leases.hold(claim):
                    self._run(claim)
        except steps.LeaseLost as error:
            _log.warning("result thrown away, lease lost: %s", error)
        except Exception:
            _log.exception("step %s: could not be run, its lease will lapse", step_id)

    def _run(self, claim: steps.Claim) -> None:
        most = self._songda.settings.max_attempts
        if claim.attempt > most:
            self._give_up(claim, f"given up after {most} attempts, the last of which did not end")
            return
        try:
            conclusion = self._stages[claim.stage](self._songda, claim)
            self._conclude(claim, conclusion)
        except steps.LeaseLost:
            raise
        except Retry as error:
            self._pause(claim, str(error), error.after_seconds)
        except (Permanent, Refused, Ambiguous) as error:
            self._give_up(claim, str(error))
        except Exception as error:
            _log.exception("step %s, attempt %d", claim.id, claim.attempt)
            if claim.attempt >= most:
                self._give_up(claim, repr(error))
            else:
                self._pause(claim, repr(error), None)

    def _conclude(self, claim: steps.Claim, conclusion: Conclusion) -> None:
        direct = self.queue.room() > 0
        try:
            with self._songda.database.write() as connection:
                result = conclusion.write(connection)
                if isinstance(result, Done):
                    steps.finish(connection, claim)
                    hint = HINT_SECONDS if direct else 0.0
                    follow = [
                        steps.add(
                            connection,
                            following.subject_type,
                            following.subject_id,
                            following.stage,
                            hinted_seconds=hint,
                        )
                        for following in result.follow
                    ]
                else:
                    steps.park(connection, claim, result.until, result.why)
                    follow = []
        except steps.LeaseLost:
            if conclusion.discarded:
                self._note_discarded(claim, conclusion.discarded)
            raise
        if direct:
            self.queue.send(follow)

    def _note_discarded(self, claim: steps.Claim, digest: str) -> None:
        with self._songda.database.write() as connection:
            append(
                connection,
                claim.subject_id,
                f"{claim.stage}/discarded/{claim.fence}",
                "document.discarded",
                body={"digest": digest, "fence": claim.fence, "why": "the lease was lost before it could be written"},
            )

    def _pause(self, claim: steps.Claim, error: str, wish: float | None) -> None:
        pause = wish if wish is not None else min(0.5 * 2 ** min(claim.attempt, 12), _LONGEST_PAUSE)
        pause *= 1 + random.random() / 4  # noqa: S311 - spreads retries, keeps no secret
        _log.warning("step %s, attempt %d: again in %.1f s: %s", claim.id, claim.attempt, pause, error)
        with self._songda.database.write() as connection:
            steps.retry_later(connection, claim, pause, error)

    def _give_up(self, claim: steps.Claim, error: str) -> None:
        _log.error("step %s: given up: %s", claim.id, error)
        with self._songda.database.write() as connection:
            steps.give_up(connection, claim, error)
            if claim.subject_type == "document":
                documents.move(
                    connection, claim.subject_id, "failed", body={"stage": claim.stage, "error": error}, reason=error
                )
                return
            stream = deliveries.stream(connection, claim.subject_id)
            append(
                connection,
                stream,
                f"{claim.id}/dead/{claim.fence}",
                "step.dead",
                subject=claim.subject_id,
                body={"stage": claim.stage, "error": error},
            )
