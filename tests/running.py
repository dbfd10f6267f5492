"""A runner whose stages do what a test says, with one document and its step `doc_1/render`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.outcomes import Conclusion, Done, Next
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import Settings
from records import documents, ledger, steps
from records.database import Database
from records.store import FileStore
from records.tables import step
from tests.rows import make_document

Work = Callable[[Songda, steps.Claim], Conclusion]
STEP = "doc_1/render"


class Bench:
    """A runner whose stage does what the test says; counts how often it did, and names what followed."""

    def __init__(self, database: Database, home: Path, *, lease_seconds: float = 60, max_attempts: int = 3) -> None:
        settings = Settings(home=home, lease_seconds=lease_seconds, max_attempts=max_attempts)
        self.songda = Songda(settings, database, FileStore(home / "store"))
        self.database = database
        self.runs = 0
        self.followed: list[str] = []
        self.work: Work = lambda songda, claim: Conclusion(lambda connection: Done())
        self.runner = self.another()

    def add_document(self) -> None:
        with self.database.write() as connection:
            make_document(connection, "doc_1")
            steps.add(connection, "document", "doc_1", "render")

    def another(self) -> Runner:
        runner = Runner(self.songda, "test", {"render": self._stage, "settle": self._stage, "seal": self._follow})
        runner.queue = Queue("", 16, runner.run_step)
        return runner

    def _stage(self, songda: Songda, claim: steps.Claim) -> Conclusion:
        self.runs += 1
        return self.work(songda, claim)

    def _follow(self, songda: Songda, claim: steps.Claim) -> Conclusion:
        """What follows the step under test: it is only noted."""
        self.followed.append(claim.id)
        return Conclusion(lambda connection: Done())

    def raising(self, error: BaseException) -> None:
        def work(songda: Songda, claim: steps.Claim) -> Conclusion:
            raise error

        self.work = work

    def run(self, step_id: str = STEP) -> sa.RowMapping:
        self.runner.run_step(step_id)
        return self.row(step_id)

    def row(self, step_id: str = STEP) -> sa.RowMapping:
        with self.database.read() as connection:
            return connection.execute(sa.select(step).where(step.c.id == step_id)).mappings().one()

    def document(self) -> sa.RowMapping:
        with self.database.read() as connection:
            return documents.get(connection, "doc_1")

    def events(self) -> list[ledger.Event]:
        with self.database.read() as connection:
            assert list(ledger.verify(connection)) == []
            return ledger.events(connection, "doc_1")

    def pass_time(self, step_id: str = STEP) -> None:
        """As if the pause were over, or the lease of a killed worker lapsed."""
        with self.database.write() as connection:
            early = steps.now() - 1
            row = step.update().where(step.c.id == step_id)
            connection.execute(row.where(step.c.state == "ready").values(run_at=early))
            connection.execute(row.where(step.c.state == "running").values(lease_until=early))


def move_to_rendered(connection: sa.Connection) -> Done:
    documents.move(connection, "doc_1", "rendered")
    return Done((Next("document", "doc_1", "seal"),))
