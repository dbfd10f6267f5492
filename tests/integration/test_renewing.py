"""The renewal job: what is sealed stays provable by itself, through to 2060, and what was released stays as it is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import sqlalchemy as sa

from pipeline.cabinet import SealCabinet
from pipeline.cli import main
from pipeline.composition import Songda
from pipeline.queue import Queue
from pipeline.relay import Relay, make_renewals, relay_once
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.steps import releasing, renewing
from pipeline.wake import Bell
from records import archives, ledger, steps
from records.database import Database
from records.store import FileStore
from records.tables import archive, document, renewal, step
from signing.renewal import renewal_due
from signing.revocation import RevocationCache
from signing.sealing import Profile
from signing.testpki import Stamper
from signing.timestamps import TimestampService
from signing.verification import verify
from tests.rows import AUTHORITY, make_document
from tests.signing_support import NORTH, Bench, running, tagged_pdf


def _year(year: int) -> datetime:
    return datetime(year, 6, 1, tzinfo=UTC)


STAMPERS = (
    Stamper("first", _year(2024), _year(2036)),
    Stamper("second", _year(2030), _year(2047)),
    Stamper("third", _year(2040), _year(2062)),
    Stamper("leaky", _year(2024), _year(2036), revoked_since=_year(2033)),
)
STEP = "doc_1/renew"


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", (NORTH,), STAMPERS, any_time=True) as bench:
        yield bench


def _sealed(bench: Bench, stamper: str, profile: Profile) -> bytes:
    timestamps = TimestampService([bench.pki.stamper_url(stamper)])
    try:
        return bench.seal(tagged_pdf(), profile, bench.means(timestamps=timestamps)).pdf
    finally:
        timestamps.close()


@pytest.fixture(scope="module")
def b_lta(bench: Bench) -> bytes:
    """B-LTA of today, by an authority whose certificate ends in 2036."""
    return _sealed(bench, "first", Profile.B_LTA)


@pytest.fixture(scope="module")
def b_lt(bench: Bench) -> bytes:
    return _sealed(bench, "first", Profile.B_LT)


class House:
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
        cabinet = SealCabinet(self.songda.settings, test=True)
        vars(cabinet)["_revocation"] = RevocationCache(client=client)
        vars(cabinet)["_timestamps"] = TimestampService([self.bench.pki.stamper_url(stamper)], client=client)
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


@pytest.fixture
def house(database: Database, tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    house = House(database, tmp_path, bench, monkeypatch)
    yield house
    house.runner.close()


# --- when


@pytest.mark.parametrize(
    ("years", "before"), [(10, timedelta(days=400)), (3, timedelta(days=365)), (0.3, timedelta(days=36, hours=12))]
)
def test_it_is_renewed_in_good_time_and_of_a_short_life_a_third_is_left(years: float, before: timedelta) -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(days=365 * years)
    assert end - renewal_due(start, end, timedelta(days=400)) == before


def test_release_writes_one_row_more_and_it_says_until_when_the_file_is_provable(house: House, b_lta: bytes) -> None:
    kept = house.release(b_lta)
    assert kept["provable_until"] == _year(2036)
    assert kept["renew_at"] == _year(2036) - timedelta(days=400)
    assert kept["digest"] == kept["released_digest"] == house.rows(document)[0]["final_digest"]
    assert len(house.rows(archive)) == 1
    assert [row["id"] for row in house.rows(step)] == ["doc_1/release"], "what is due in years has no step"


def test_a_document_that_bears_no_seal_is_not_kept_provable(house: House) -> None:
    with house.database.write() as connection:
        make_document(connection, "doc_1", sealed=False, pages=2)
        final = house.songda.store.put(tagged_pdf())
        row = document.update().where(document.c.id == "doc_1")
        connection.execute(row.values(status="rendered", final_digest=final))
        steps.add(connection, "document", "doc_1", "release")
    house.runner.run_step("doc_1/release")
    assert house.rows(document)[0]["status"] == "released"
    assert house.rows(archive) == []


def test_nothing_is_done_before_it_is_due(house: House, b_lta: bytes) -> None:
    house.release(b_lta)
    assert make_renewals(house.songda) == 0
    assert relay_once(house.songda, house.runner.queue) == 0


# --- through to 2060


@pytest.mark.rule("ESL-24")
def test_the_job_keeps_a_document_provable_through_to_2060(house: House, b_lta: bytes) -> None:
    kept = house.release(b_lta)
    trust = house.bench.trust
    for year, stamper, until in ((2035, "second", 2047), (2046, "third", 2062)):
        assert verify(house.newest(), trust, now=_year(year + 2)).verdict == "indeterminate"
        before = house.newest()
        house.go_to(_year(year), stamper)
        assert house.renew()["state"] == "done"
        assert house.newest().startswith(before) and house.newest() != before
        now = house.archive()
        assert (now["provable_until"], now["renew_at"]) == (_year(until), _year(until) - timedelta(days=400))
    assert verify(house.newest(), trust, now=_year(2060)).valid
    assert verify(house.newest(), trust, now=_year(2063)).verdict == "indeterminate"
    assert house.songda.store.get(kept["released_digest"]) == b_lta, "what was served is kept for ever"
    assert house.rows(document)[0]["final_digest"] == kept["released_digest"], "and is what evidence names"
    _check_history(house)


def _check_history(house: House) -> None:
    first, second = house.rows(renewal)
    assert (first["ordinal"], second["ordinal"]) == (1, 2)
    assert second["previous_digest"] == first["digest"] and second["digest"] == house.archive()["digest"]
    told = [event for event in house.events() if event.kind == "document.renewed"]
    assert [event.body["digest"] for event in told] == [first["digest"], second["digest"]]
    assert told[0].body["previous_digest"] == house.archive()["released_digest"]
    assert told[0].body["timestamp_authority"].endswith("second")
    assert [event.body["provable_until"][:4] for event in told] == ["2047", "2062"]


def test_b_lt_becomes_b_lta_by_its_first_renewal(house: House, b_lt: bytes) -> None:
    assert house.release(b_lt)["provable_until"] == _year(2036)
    house.go_to(_year(2035), "second")
    house.renew()
    report = verify(house.newest(), house.bench.trust, now=_year(2040)).signatures[0]
    assert (house.newest().startswith(b_lt), report.profile) == (True, "B-LTA")


# --- what goes wrong


def test_too_late_is_a_dead_step_with_its_reason_and_the_released_bytes_stay(house: House, b_lta: bytes) -> None:
    kept = house.release(b_lta)
    house.go_to(_year(2037), "second")
    done = house.renew()
    assert done["state"] == "dead"
    assert "不能再续期 cannot be renewed any more" in done["error"] and "certificate has expired since" in done["error"]
    assert house.archive()["digest"] == kept["digest"] and house.rows(renewal) == []
    assert house.rows(document)[0]["status"] == "released", "the document itself did not fail"
    assert [event.kind for event in house.events()][-1] == "step.dead"
    with house.database.read() as connection:
        (row,) = archives.troubled(connection, 10)
    assert (row["id"], row["state"]) == ("doc_1", "dead")


def test_an_authority_that_was_revoked_before_the_renewal_is_a_dead_step(house: House) -> None:
    house.release(_sealed(house.bench, "leaky", Profile.B_LTA))
    house.go_to(_year(2035), "second")
    done = house.renew()
    assert done["state"] == "dead" and "revoked" in done["error"]


def test_an_authority_whose_certificate_lasts_no_longer_is_not_asked_over_and_over(house: House, b_lta: bytes) -> None:
    kept = house.release(b_lta)
    house.go_to(_year(2035), "first")
    waiting = house.renew()
    assert waiting["state"] == "ready" and "name another in tsa_urls" in waiting["error"]
    assert house.archive()["digest"] == kept["digest"]
    house.go_to(_year(2035), "second")  # the operator named one: a renewal that is asked for goes on at once
    with house.database.write() as connection:
        assert archives.ask(connection, "operator:x", before=_year(2040)) == ["doc_1"]
    assert house.renew()["state"] == "done"
    assert house.archive()["provable_until"] == _year(2047)


def test_a_time_stamp_authority_that_is_away_is_waited_for(house: House, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(_year(2035), "nobody")
    waiting = house.renew()
    assert (waiting["state"], waiting["excused"]) == ("ready", 1)
    with house.database.read() as connection:
        assert [row["state"] for row in archives.troubled(connection, 10)] == ["ready"]


def test_an_altered_file_in_the_store_is_not_renewed(house: House, b_lta: bytes, tmp_path: Path) -> None:
    digest = house.release(b_lta)["digest"]
    path = tmp_path / "store" / digest[:2] / digest[2:]
    path.chmod(0o644)
    path.write_bytes(b_lta[:-1] + b"x")
    house.go_to(_year(2035), "second")
    assert house.renew()["state"] == "dead"


# --- a worker that is late, or lost


def test_a_worker_that_lost_its_lease_renews_nothing_twice(house: House, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(_year(2035), "second")
    make_renewals(house.songda)
    with house.database.write() as connection:
        late = steps.claim(connection, STEP, "late", 60)
        assert late is not None
        connection.execute(step.update().values(lease_until=steps.now() - 1))
    conclusion = renewing.renew(house.songda, late)
    house.runner.run_step(STEP)
    assert len(house.rows(renewal)) == 1
    with pytest.raises(LookupError, match="renewed by another"), house.database.write() as connection:
        conclusion.write(connection)
    with house.database.read() as connection:
        assert not steps.is_held(connection, late), "so the runner throws the result away"
    assert len(house.rows(renewal)) == 1
    assert [event.kind for event in house.events()].count("document.renewed") == 1


def test_a_lost_worker_before_the_commit_loses_nothing(house: House, b_lta: bytes) -> None:
    """The stamped file lies in the store and no row names it: another worker stamps the same file again."""
    house.release(b_lta)
    house.go_to(_year(2035), "second")
    make_renewals(house.songda)
    with house.database.write() as connection:
        lost = steps.claim(connection, STEP, "lost", 60)
    assert lost is not None
    renewing.renew(house.songda, lost)
    assert house.archive()["renewals"] == 0
    with house.database.write() as connection:
        connection.execute(step.update().values(lease_until=steps.now() - 1))
    house.runner.run_step(STEP)
    assert (house.archive()["renewals"], house.step()["state"]) == (1, "done")
    assert verify(house.newest(), house.bench.trust, now=_year(2040)).valid


def test_a_worker_that_starts_looks_at_once_for_what_is_due(house: House, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(_year(2035), "second")
    bell = Bell(house.songda.settings.home)
    relay = Relay(house.songda, Queue("", 0, house.runner.run_step), bell)
    relay.start()
    deadline = time.monotonic() + 20
    while not any(row["id"] == STEP for row in house.rows(step)):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    relay.stop()
    bell.close()
    assert house.archive()["renew_at"] is None


def test_two_relays_make_one_step(house: House, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(_year(2035), "second")
    assert [make_renewals(house.songda), make_renewals(house.songda)] == [1, 0]


# --- many


def _many(database: Database, number: int) -> None:
    end = datetime(2046, 1, 1, tzinfo=UTC)
    with database.write() as connection:
        make_document(connection, "doc_first")
        rows = [
            {
                "id": f"doc_{n}",
                "authority_id": AUTHORITY,
                "stream": f"doc_{n}",
                "released_digest": "0",
                "digest": "0",
                "provable_until": end + timedelta(minutes=n),
                "renew_at": end - timedelta(days=400) + timedelta(minutes=n),
                "renewals": 0,
            }
            for n in range(number)
        ]
        connection.execute(archive.insert(), rows)


def test_a_flood_of_renewals_is_let_in_by_and_by(database: Database) -> None:
    _many(database, 250)
    with database.write() as connection:
        assert len(archives.ask(connection, "operator:x", before=datetime(2050, 1, 1, tzinfo=UTC))) == 250
    made = []
    while True:
        with database.write() as connection:
            made.append(archives.make_steps(connection, 100))
        if not made[-1]:
            break
    assert made == [100, 100, 50, 0]


# --- the commands


def _run(house: House, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    home = house.songda.settings.home
    settings = {"database_url": house.database.url, "trust_list": house.songda.settings.trust_list}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (home / "songda.toml").write_text("\n".join(lines))
    code = main([*words, "--home", str(home), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_operator_has_all_files_before_a_day_renewed_at_once(
    house: House, b_lta: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    assert _run(house, capsys, "archive", "renew", "--before", "2030-01-01")[1] == {"asked": []}
    assert _run(house, capsys, "archive", "renew", "--before", "2040-01-01")[1] == {"asked": ["doc_1"]}
    house.go_to(datetime.now(UTC), "first")  # its certificate ends no later, and somebody asked all the same
    assert house.renew()["state"] == "done"
    (row,) = house.rows(renewal)
    assert row["asked_by"].startswith("operator:") and row["provable_until"] == _year(2036)
    assert house.archive()["asked_by"] is None
    code, told = _run(house, capsys, "archive", "list")
    assert (code, told["files"], told["archive"][0]["renewals"]) == (0, 1, 1)


def test_one_document_by_its_id_and_an_unknown_one_is_refused(
    house: House, b_lta: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    assert _run(house, capsys, "archive", "renew", "doc_1")[1] == {"asked": ["doc_1"]}
    code, told = _run(house, capsys, "archive", "renew", "doc_2")
    assert (code, told["error"]["code"]) == (2, "unknown_document")
    assert _run(house, capsys, "archive", "renew")[0] == 2
    assert _run(house, capsys, "archive", "renew", "--before", "tomorrow")[0] == 2


def test_status_raises_the_alarm_for_what_was_not_renewed(
    house: House, b_lta: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    assert _run(house, capsys, "status")[1]["archive"]["troubled"] == []
    house.go_to(_year(2037), "second")
    house.renew()
    code, told = _run(house, capsys, "status")
    (alarm,) = told["archive"]["troubled"]
    assert (code, alarm["id"], alarm["state"]) == (0, "doc_1", "dead")
    assert main(["status", "--home", str(house.songda.settings.home)]) == 0
    assert "ALARM: doc_1, provable until 2036-06-01" in capsys.readouterr().out


def test_a_dead_renewal_is_repeated_by_the_operator_with_an_event(house: House, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(_year(2037), "second")
    house.renew()
    with house.database.write() as connection:
        steps.requeue(connection, STEP, "operator:x")
    assert house.step()["state"] == "ready"
    assert [event.kind for event in house.events()][-1] == "step.requeued"


def test_released_and_renewed_bytes_are_the_documents_and_no_others(
    house: House, b_lta: bytes, b_lt: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    _run(house, capsys, "archive", "renew", "doc_1")
    house.go_to(datetime.now(UTC), "first")
    house.renew()
    file = tmp_path / "file.pdf"
    for pdf, code in ((b_lta, 0), (house.newest(), 0), (b_lt, 1)):
        file.write_bytes(pdf)
        assert _run(house, capsys, "verify", str(file), "--document", "doc_1")[0] == code
