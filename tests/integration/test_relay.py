"""Relay and queue: hints with credit, embedded and on Valkey; a queue emptied, killed or doubled loses nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipeline import relay
from pipeline.composition import Songda, open_songda
from pipeline.outcomes import Conclusion, Done, Next
from pipeline.queue import Queue
from pipeline.relay import Relay, relay_once
from pipeline.runner import HINT_SECONDS, Runner
from pipeline.settings import Settings
from pipeline.wake import Bell, wake_workers
from pipeline.web import make_hint
from records import steps
from records.database import Database
from records.store import FileStore
from records.tables import step
from tests.servers import Valkey

THREADS = 4
CREDIT = 4 * THREADS


class Plant:
    """A worker's parts around one stage that only counts; `most` is the fullest that its queue ever was."""

    def __init__(self, database: Database, home: Path, redis_url: str = "", *, follow: int = 0) -> None:
        self.songda = Songda(Settings(home=home, redis_url=redis_url), database, FileStore(home / "store"))
        self.runs: Counter[str] = Counter()
        self.follow = follow
        self.most = 0
        self.sent = 0
        self.runner = Runner(self.songda, "test", {"render": self._stage, "seal": self._last})
        self.queue = Queue(redis_url, CREDIT, self.runner.run_step)
        self.runner.queue = self.queue
        self._send = self.queue._actor.send
        self.queue._actor.send = self._counted  # type: ignore[method-assign]

    def _counted(self, step_id: str) -> object:
        message = self._send(step_id)
        self.sent += 1
        self.most = max(self.most, self.queue._waiting())
        return message

    def _stage(self, songda: Songda, claim: steps.Claim) -> Conclusion:
        self.runs[claim.id] += 1
        following = tuple(Next("document", f"{claim.subject_id}-{n}", "seal") for n in range(self.follow))
        return Conclusion(lambda connection: Done(following))

    def _last(self, songda: Songda, claim: steps.Claim) -> Conclusion:
        self.runs[claim.id] += 1
        return Conclusion(lambda connection: Done())

    @contextmanager
    def running(self) -> Iterator[None]:
        bell = Bell(self.songda.settings.home)
        relay, worker = Relay(self.songda, self.queue, bell), self.queue.worker(THREADS)
        worker.start()
        relay.start()
        try:
            yield
        finally:
            relay.stop()
            worker.stop()
            self.close()
            bell.close()

    def close(self) -> None:
        self.runner.close()
        self.queue.close()

    def add(self, count: int, first: int = 0) -> None:
        with self.songda.database.write() as connection:
            for n in range(first, first + count):
                steps.add(connection, "document", f"doc_{n}", "render")

    def wait(self, count: int, seconds: float = 60) -> None:
        """Until `count` steps are done."""
        deadline = time.monotonic() + seconds
        query = sa.select(sa.func.count()).where(step.c.state == "done")
        while True:
            with self.songda.database.read() as connection:
                done = connection.execute(query).scalar_one()
            if done >= count:
                return
            assert time.monotonic() < deadline, f"{done} of {count} are done"
            time.sleep(0.05)


@pytest.fixture(params=["embedded", "valkey"])
def redis_url(request: pytest.FixtureRequest) -> str:
    if request.param == "embedded":
        return ""
    server: Valkey = request.getfixturevalue("valkey")
    server.empty()
    return server.url()


def test_500_due_steps_never_fill_the_queue_beyond_its_credit(
    database: Database, tmp_path: Path, redis_url: str
) -> None:
    """Without that bound a queue grew to 13,588 messages for 2,151 steps."""
    plant = Plant(database, tmp_path, redis_url)
    plant.add(500)
    with plant.running():
        plant.wait(500)
    assert plant.most <= CREDIT
    assert set(plant.runs.values()) == {1} and len(plant.runs) == 500
    assert plant.sent < 550  # a hint each, and at most a few that came twice


def test_finishing_workers_keep_to_the_credit_too(database: Database, tmp_path: Path, redis_url: str) -> None:
    plant = Plant(database, tmp_path, redis_url, follow=12)
    plant.add(30)
    with plant.running():
        plant.wait(390)
    assert plant.most <= CREDIT + THREADS * plant.follow  # each thread may look at the same free place at the same time
    assert set(plant.runs.values()) == {1} and len(plant.runs) == 390


def test_the_relay_hints_each_step_once_and_again_when_the_hint_has_lapsed(
    database: Database, tmp_path: Path, redis_url: str
) -> None:
    plant = Plant(database, tmp_path, redis_url)
    plant.add(10)
    assert [relay_once(plant.songda, plant.queue) for _ in range(3)] == [10, 0, 0]
    with database.write() as connection:
        lapsed = steps.now() - 1
        connection.execute(
            step.update().where(step.c.id.in_(["doc_3/render", "doc_4/render"])).values(hinted_until=lapsed)
        )
    assert [relay_once(plant.songda, plant.queue) for _ in range(2)] == [2, 0]
    assert plant.queue.room() == CREDIT - 12
    plant.close()


def test_relays_of_several_workers_share_the_work_and_hint_no_step_twice(database: Database, tmp_path: Path) -> None:
    """Embedded: each worker has a queue of its own; on PostgreSQL rows that another relay looks at are skipped."""
    plants = [Plant(database, tmp_path / str(n)) for n in range(3)]
    plants[0].add(40)
    barrier = threading.Barrier(3)

    def relay(plant: Plant) -> None:
        barrier.wait(10)
        for _ in range(3):
            relay_once(plant.songda, plant.queue)

    threads = [threading.Thread(target=relay, args=(plant,)) for plant in plants]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(plant.sent for plant in plants) == 40
    assert all(plant.most <= CREDIT for plant in plants)
    for plant in plants:
        plant.close()


def test_a_step_that_is_killed_under_way_is_hinted_when_its_lease_has_lapsed(
    database: Database, tmp_path: Path
) -> None:
    plant = Plant(database, tmp_path)
    plant.add(1)
    assert relay_once(plant.songda, plant.queue) == 1
    with database.write() as connection:
        assert steps.claim(connection, "doc_0/render", "killed soon", 60)
        connection.execute(step.update().values(hinted_until=0))
    assert relay_once(plant.songda, plant.queue) == 0
    with database.write() as connection:
        connection.execute(step.update().values(lease_until=steps.now() - 1))
    assert relay_once(plant.songda, plant.queue) == 1
    plant.close()


def test_an_emptied_queue_is_filled_again(database: Database, tmp_path: Path, valkey: Valkey) -> None:
    valkey.empty()
    plant = Plant(database, tmp_path, valkey.url())
    plant.add(5)
    assert relay_once(plant.songda, plant.queue) == 5
    valkey.empty()
    with database.write() as connection:  # as if the hints had lapsed
        connection.execute(step.update().values(hinted_until=steps.now() - 1))
    with plant.running():
        plant.wait(5)
    assert set(plant.runs.values()) == {1}


def test_a_killed_broker_comes_back_and_everything_is_done(database: Database, tmp_path: Path) -> None:
    """While it is away nothing is sent and nobody fails; what it had forgotten is sent again."""
    (tmp_path / "valkey").mkdir()
    with Valkey.start(tmp_path / "valkey") as broker:
        plant = Plant(database, tmp_path, broker.url())
        plant.add(5)
        with plant.running():
            plant.wait(5)
            broker.kill()
            assert plant.queue.room() == 0 and not plant.queue.is_busy()
            plant.add(5, first=5)
            plant.queue.send(["doc_5/render"])
            make_hint(plant.songda.settings)(["doc_6/render"])
            assert relay_once(plant.songda, plant.queue) == 0
            broker.run()
            plant.wait(10)
        assert set(plant.runs.values()) == {1} and len(plant.runs) == 10


def test_a_doubled_reordered_and_false_message_changes_nothing(
    database: Database, tmp_path: Path, redis_url: str
) -> None:
    plant = Plant(database, tmp_path, redis_url)
    plant.add(8)
    ids = [f"doc_{n}/render" for n in range(8)]
    plant.queue.send([*reversed(ids), *ids, "doc_99/render", "nonsense"])
    with plant.running():
        plant.wait(8)
    assert set(plant.runs) == set(ids) and set(plant.runs.values()) == {1}


def test_every_thread_of_a_large_worker_has_its_connection(database: Database, tmp_path: Path) -> None:
    """Threads, relay and leases hold a connection each at the same time: the pool is made for them."""
    threads = 30
    settings = Settings(tmp_path, database_url=database.url, store_url=f"file://{tmp_path}/store", threads=threads)
    songda = open_songda(settings)
    barrier = threading.Barrier(threads + 2)
    together: list[int] = []

    def hold() -> None:
        with songda.database.read() as connection:
            together.append(connection.execute(sa.select(sa.func.count()).select_from(step)).scalar_one())
            barrier.wait(20)

    holders = [threading.Thread(target=hold) for _ in range(threads + 2)]
    for holder in holders:
        holder.start()
    for holder in holders:
        holder.join()
    assert together == [0] * (threads + 2) and not barrier.broken
    songda.close()


def test_a_hint_lapses_before_anybody_would_call_the_step_lost() -> None:
    assert HINT_SECONDS <= 15


# --- the bell


def test_ringing_wakes_a_worker_at_once_in_a_folder_of_any_depth(tmp_path: Path) -> None:
    """A socket's address has at most 108 bytes, a home folder may be longer."""
    home = tmp_path.joinpath(*["a-folder-with-a-long-name"] * 6)
    assert len(str(home)) > 108
    bells = [Bell(home) for _ in range(2)]  # two workers of one process
    woken: list[float] = []

    def wait(bell: Bell) -> None:
        bell.wait(20)
        woken.append(time.monotonic())

    threads = [threading.Thread(target=wait, args=(bell,)) for bell in bells]
    for thread in threads:
        thread.start()
    time.sleep(0.1)
    rung = time.monotonic()
    wake_workers(home)
    for thread in threads:
        thread.join(5)
    assert len(woken) == 2 and max(woken) - rung < 2
    for bell in bells:
        bell.close()
    assert list((home / "run").iterdir()) == []


def test_what_a_killed_worker_leaves_behind_is_swept_and_disturbs_nobody(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    left = folder / "worker-1-dead.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as dead:
        dead.bind(str(left))
    bell = Bell(tmp_path)
    wake_workers(tmp_path)
    assert not left.exists()
    began = time.monotonic()
    bell.wait(5)
    assert time.monotonic() - began < 2
    bell.close()
    wake_workers(tmp_path)
    wake_workers(tmp_path / "nowhere")


def test_an_embedded_worker_is_woken_by_the_web_process(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "_LONGEST_SLEEP", 60.0)  # nothing else wakes it in time
    plant = Plant(database, tmp_path)
    hint = make_hint(plant.songda.settings)
    with plant.running():
        time.sleep(0.2)
        plant.add(3)
        began = time.monotonic()
        hint(["doc_0/render"])
        plant.wait(3)
    assert time.monotonic() - began < 20
