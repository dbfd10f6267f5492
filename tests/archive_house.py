"""A released document that is to be kept provable, a worker, and authorities that answer in years to come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx2
import pytest
import sqlalchemy as sa

from pipeline.cabinet import SealCabinet
from pipeline.composition import Songda
from pipeline.queue import Queue
from pipeline.relay import make_renewals
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.steps import releasing, renewing
from records import archives, ledger, steps
from records.database import Database
from records.store import FileStore
from records.tables import archive, document, step
from signing.revocation import RevocationCache
from signing.sealing import Profile
from signing.testpki import Stamper
from signing.timestamps import TimestampService
from tests.rows import make_document
from tests.signing_support import NORTH, Bench, running, tagged_pdf

STEP = "doc_1/renew"


def year(number: int) -> datetime:
    return datetime(number, 6, 1, tzinfo=UTC)


STAMPERS = (
    Stamper("first", year(2024), year(2036)),
    Stamper("second", year(2030), year(2047)),
    Stamper("third", year(2040), year(2062)),
    Stamper("leaky", year(2024), year(2036), revoked_since=year(2033)),
)


@contextmanager
def authorities(directory: Path) -> Iterator[Bench]:
    with running(directory, (NORTH,), STAMPERS, any_time=True) as bench:
        yield bench


def sealed(bench: Bench, stamper: str, profile: Profile) -> bytes:
    """A file sealed today, with time stamps by that authority."""
    timestamps = TimestampService([bench.pki.stamper_url(stamper)])
    try:
        return bench.seal(tagged_pdf(), profile, bench.means(timestamps=timestamps)).pdf
    finally:
        timestamps.close()


class ArchiveHouse:
    """A released document, and a worker that may be taken into years to come."""

    def __init__(self, database: Database, home: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bench, self.monkeypatch = bench, monkeypatch
        settings = Settings(home=home, trust_list=str(bench.pki.trust_list), database_url=database.url)
        self.songda = Songda(settings, database, FileStore(home / "store"))
        self.database = database
        self.runner = Runner(self.songda, "test", {"release": releasing.release, "renew": renewing.renew})
        self.runner.queue = Queue("", 16, self.runner.run_step)

    def release(self, pdf: bytes) -> sa.RowMapping:
        digest = self.songda.store.put(pdf)
        with self.database.write() as connection:
            make_document(connection, "doc_1")
            row = document.update().where(document.c.id == "doc_1")
            connection.execute(row.values(status="sealed", final_digest=digest, pages=2))
            steps.add(connection, "document", "doc_1", "release")
        self.runner.run_step("doc_1/release")
        return self.archive()

    def archive(self) -> sa.RowMapping:
        with self.database.read() as connection:
            return archives.get(connection, "doc_1")

    def step(self) -> sa.RowMapping:
        with self.database.read() as connection:
            return connection.execute(sa.select(step).where(step.c.id == STEP)).mappings().one()

    def go_to(self, moment: datetime, stamper: str) -> None:
        """As if it were then, for the authorities, for the worker, and for what is due."""
        headers = {"X-Certomancer-Fake-Time": moment.isoformat()}
        client = httpx2.Client(headers=headers)
        cabinet = SealCabinet(self.songda.settings, test=True, fetch=self.songda.store.get)
        vars(cabinet)["_revocation"] = RevocationCache(client=client)
        service = TimestampService([self.bench.pki.stamper_url(stamper)], client=client)
        self.monkeypatch.setattr(cabinet, "_timestamps", lambda: service)
        vars(self.songda)["cabinet"] = cabinet
        self.monkeypatch.setattr(renewing, "database_time", lambda connection: moment)
        with self.database.write() as connection:
            due = archive.update().where(archive.c.renew_at <= moment)
            connection.execute(due.values(renew_at=steps.now()))

    def renew(self) -> sa.RowMapping:
        """What a worker does by itself: look for what is due, and run its step."""
        make_renewals(self.songda)
        self.runner.run_step(STEP)
        return self.step()

    def newest(self) -> bytes:
        return self.songda.store.get(self.archive()["digest"])

    def rows(self, table: sa.Table) -> list[sa.RowMapping]:
        with self.database.read() as connection:
            return list(connection.execute(sa.select(table)).mappings())

    def events(self) -> list[ledger.Event]:
        with self.database.read() as connection:
            assert list(ledger.verify(connection)) == []
            return ledger.events(connection, "doc_1")

    def troubled(self) -> list[sa.RowMapping]:
        with self.database.read() as connection:
            return archives.troubled(connection, 10)
