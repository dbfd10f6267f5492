"""The queue: hints that a step is due. A hint may be lost, doubled or reordered at any time; the rows decide.

One dramatiq actor, `run_step(step_id)`, and none of dramatiq's retries, delays, results or age limits: those are
rows of the database (docs/decisions/0002-rows-decide.md).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker

_QUEUE = "steps"
_NAMESPACE = "songda"
_log = logging.getLogger(__name__)


class Queue:
    """A broker with its one actor: in-process when `redis_url` is empty, else on Redis or Valkey.

    `credit` bounds the messages that wait: the relay and finishing workers send no more than that.
    """

    def __init__(self, redis_url: str, credit: int, run: Callable[[str], None]) -> None:
        self.credit = credit
        self._redis: redis.Redis | None = None
        self._broker: dramatiq.Broker
        if redis_url:
            self._redis = redis.Redis.from_url(
                redis_url, socket_timeout=5, socket_connect_timeout=2, health_check_interval=15
            )
            self._broker = RedisBroker(  # type: ignore[no-untyped-call]
                client=self._redis, middleware=[], namespace=_NAMESPACE, heartbeat_timeout=15_000
            )
        else:
            self._broker = StubBroker(middleware=[])
        named = dramatiq.actor(actor_name="run_step", queue_name=_QUEUE, broker=self._broker)
        self._actor = named(run)
        self._broker.declare_queue(_QUEUE)

    def _waiting(self) -> int:
        if self._redis is not None:
            return int(self._redis.llen(f"{_NAMESPACE}:{_QUEUE}"))
        return int(self._broker.queues[_QUEUE].qsize())

    def room(self) -> int:
        """How many messages may be sent now; 0 when the broker cannot be reached."""
        try:
            return max(0, self.credit - self._waiting())
        except redis.RedisError as error:
            _log.warning("broker out of reach: %s", error)
            return 0

    def is_busy(self) -> bool:
        """Whether messages wait to be taken."""
        try:
            return self._waiting() > 0
        except redis.RedisError:
            return False

    def send(self, step_ids: Iterable[str]) -> None:
        """Send a hint for each step; when the broker cannot be reached, the relay sends again later."""
        try:
            for step_id in step_ids:
                self._actor.send(step_id)
        except (redis.RedisError, dramatiq.errors.BrokerConnectionError) as error:
            _log.warning("hint not sent, the relay will: %s", error)

    def worker(self, threads: int) -> dramatiq.Worker:
        """A dramatiq worker on this queue, not yet started."""
        return dramatiq.Worker(self._broker, worker_threads=threads, worker_timeout=200)

    def close(self) -> None:
        """Close the broker's connections."""
        self._broker.close()
