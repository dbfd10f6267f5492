"""The renewal job: what is sealed stays provable by itself, through to 2060, and what was released stays as it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from pipeline.queue import Queue
from pipeline.relay import Relay, make_renewals, relay_once
from pipeline.steps import renewing
from pipeline.wake import Bell
from records import archives, steps
from records.database import Database
from records.tables import archive, document, renewal, step
from signing.renewal import renewal_due
from signing.sealing import Profile
from signing.verification import verify
from tests.archive_house import STEP, ArchiveHouse, authorities, sealed, year
from tests.rows import AUTHORITY, make_document
from tests.signing_support import Bench, tagged_pdf


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with authorities(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def b_lta(bench: Bench) -> bytes:
    """B-LTA of today, by an authority whose certificate ends in 2036."""
    return sealed(bench, "first", Profile.B_LTA)


@pytest.fixture(scope="module")
def b_lt(bench: Bench) -> bytes:
    return sealed(bench, "first", Profile.B_LT)


@pytest.fixture
def house(database: Database, tmp_path: Path, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[ArchiveHouse]:
    house = ArchiveHouse(database, tmp_path, bench, monkeypatch)
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


def test_release_writes_one_row_more_and_it_says_until_when_the_file_is_provable(
    house: ArchiveHouse, b_lta: bytes
) -> None:
    kept = house.release(b_lta)
    assert kept["provable_until"] == year(2036)
    assert kept["renew_at"] == year(2036) - timedelta(days=400)
    assert kept["digest"] == kept["released_digest"] == house.rows(document)[0]["final_digest"]
    assert len(house.rows(archive)) == 1
    assert [row["id"] for row in house.rows(step)] == ["doc_1/release"], "what is due in years has no step"


def test_a_document_that_bears_no_seal_is_not_kept_provable(house: ArchiveHouse) -> None:
    with house.database.write() as connection:
        make_document(connection, "doc_1", sealed=False, pages=2)
        final = house.songda.store.put(tagged_pdf())
        row = document.update().where(document.c.id == "doc_1")
        connection.execute(row.values(status="rendered", final_digest=final))
        steps.add(connection, "document", "doc_1", "release")
    house.runner.run_step("doc_1/release")
    assert house.rows(document)[0]["status"] == "released"
    assert house.rows(archive) == []


def test_nothing_is_done_before_it_is_due(house: ArchiveHouse, b_lta: bytes) -> None:
    house.release(b_lta)
    assert make_renewals(house.songda) == 0
    assert relay_once(house.songda, house.runner.queue) == 0


# --- through to 2060


@pytest.mark.rule("ESL-24")
def test_the_job_keeps_a_document_provable_through_to_2060(house: ArchiveHouse, b_lta: bytes) -> None:
    kept = house.release(b_lta)
    trust = house.bench.trust
    for due, stamper, until in ((2035, "second", 2047), (2046, "third", 2062)):
        assert verify(house.newest(), trust, now=year(due + 2)).verdict == "indeterminate"
        before = house.newest()
        house.go_to(year(due), stamper)
        assert house.renew()["state"] == "done"
        assert house.newest().startswith(before) and house.newest() != before
        now = house.archive()
        assert (now["provable_until"], now["renew_at"]) == (year(until), year(until) - timedelta(days=400))
    assert verify(house.newest(), trust, now=year(2060)).valid
    assert verify(house.newest(), trust, now=year(2063)).verdict == "indeterminate"
    assert house.songda.store.get(kept["released_digest"]) == b_lta, "what was served is kept for ever"
    assert house.rows(document)[0]["final_digest"] == kept["released_digest"], "and is what evidence names"
    _check_history(house)


def _check_history(house: ArchiveHouse) -> None:
    first, second = house.rows(renewal)
    assert (first["ordinal"], second["ordinal"]) == (1, 2)
    assert second["previous_digest"] == first["digest"] and second["digest"] == house.archive()["digest"]
    told = [event for event in house.events() if event.kind == "document.renewed"]
    assert [event.body["digest"] for event in told] == [first["digest"], second["digest"]]
    assert told[0].body["previous_digest"] == house.archive()["released_digest"]
    assert told[0].body["timestamp_authority"].endswith("second")
    assert [event.body["provable_until"][:4] for event in told] == ["2047", "2062"]


def test_b_lt_becomes_b_lta_by_its_first_renewal(house: ArchiveHouse, b_lt: bytes) -> None:
    assert house.release(b_lt)["provable_until"] == year(2036)
    house.go_to(year(2035), "second")
    house.renew()
    report = verify(house.newest(), house.bench.trust, now=year(2040)).signatures[0]
    assert (house.newest().startswith(b_lt), report.profile) == (True, "B-LTA")


# --- what goes wrong


def test_too_late_is_a_dead_step_with_its_reason_and_the_released_bytes_stay(house: ArchiveHouse, b_lta: bytes) -> None:
    kept = house.release(b_lta)
    house.go_to(year(2037), "second")
    done = house.renew()
    assert done["state"] == "dead"
    assert "不能再续期 cannot be renewed any more" in done["error"] and "certificate has expired since" in done["error"]
    assert house.archive()["digest"] == kept["digest"] and house.rows(renewal) == []
    assert house.rows(document)[0]["status"] == "released", "the document itself did not fail"
    assert [event.kind for event in house.events()][-1] == "step.dead"
    (row,) = house.troubled()
    assert (row["id"], row["state"]) == ("doc_1", "dead")


def test_an_authority_that_was_revoked_before_the_renewal_is_a_dead_step(house: ArchiveHouse) -> None:
    house.release(sealed(house.bench, "leaky", Profile.B_LTA))
    house.go_to(year(2035), "second")
    done = house.renew()
    assert done["state"] == "dead" and "revoked" in done["error"]


def test_an_authority_whose_certificate_lasts_no_longer_is_not_asked_over_and_over(
    house: ArchiveHouse, b_lta: bytes
) -> None:
    kept = house.release(b_lta)
    house.go_to(year(2035), "first")
    waiting = house.renew()
    assert waiting["state"] == "ready" and "name another in tsa_urls" in waiting["error"]
    assert house.archive()["digest"] == kept["digest"]
    house.go_to(year(2035), "second")  # the operator named one: a renewal that is asked for goes on at once
    with house.database.write() as connection:
        assert archives.ask(connection, "operator:x", before=year(2040)) == ["doc_1"]
    assert house.renew()["state"] == "done"
    assert house.archive()["provable_until"] == year(2047)


def test_a_time_stamp_authority_that_is_away_is_waited_for(house: ArchiveHouse, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(year(2035), "nobody")
    waiting = house.renew()
    assert (waiting["state"], waiting["excused"]) == ("ready", 1)
    assert [row["state"] for row in house.troubled()] == ["ready"]


def test_an_altered_file_in_the_store_is_not_renewed(house: ArchiveHouse, b_lta: bytes, tmp_path: Path) -> None:
    digest = house.release(b_lta)["digest"]
    path = tmp_path / "store" / digest[:2] / digest[2:]
    path.chmod(0o644)
    path.write_bytes(b_lta[:-1] + b"x")
    house.go_to(year(2035), "second")
    assert house.renew()["state"] == "dead"


# --- a worker that is late, or lost


def test_a_worker_that_lost_its_lease_renews_nothing_twice(house: ArchiveHouse, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(year(2035), "second")
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


def test_a_lost_worker_before_the_commit_loses_nothing(house: ArchiveHouse, b_lta: bytes) -> None:
    """The stamped file lies in the store and no row names it: another worker stamps the same file again."""
    house.release(b_lta)
    house.go_to(year(2035), "second")
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
    assert verify(house.newest(), house.bench.trust, now=year(2040)).valid


def test_a_worker_that_starts_looks_at_once_for_what_is_due(house: ArchiveHouse, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(year(2035), "second")
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


def test_two_relays_make_one_step(house: ArchiveHouse, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(year(2035), "second")
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
