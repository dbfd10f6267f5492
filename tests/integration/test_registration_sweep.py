"""Drafts that nobody came back to are deleted with their scans; what others hold, and what was reported, stays."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from delivery import registration_sweep
from delivery.registration import add_scan
from delivery.registration_sweep import draft_days, look_again, set_aside_unused, sweep
from pipeline.queue import Queue
from pipeline.relay import Relay
from pipeline.wake import Bell
from records import artifacts, documents, ledger, registrations
from records.database import Database, legal_time, set_legal_time
from records.errors import Permanent
from records.tables import artifact, message, metadata, registration, template_version, visit
from tests.portal_house import AUTHORITY, PortalHouse, furnish
from tests.registration_house import MOBILE, Applicant, applicant, open_campaign, scan, the_row


@pytest.fixture
def house(database: Database, tmp_path: Path) -> PortalHouse:
    return furnish(database, tmp_path)


@pytest.fixture
def someone(house: PortalHouse, tmp_path: Path) -> Applicant:
    """Filled in to the last step, and never reported; the browser is closed."""
    open_campaign(house, ends_on="2027-12-31")
    made = applicant(house, tmp_path)
    made.fill()
    leave(house)
    return made


def leave(house: PortalHouse) -> None:
    """Every visit has ended."""
    with house.database.write() as connection:
        connection.execute(visit.update().values(expires_at=1))


def later(house: PortalHouse, **more: float) -> None:
    with house.database.write() as connection:
        set_legal_time(connection, legal_time(connection) + timedelta(**more))


def swept(house: PortalHouse) -> int:
    return sweep(house.database, house.store)


def digests(house: PortalHouse) -> set[str]:
    return {str(each["digest"]) for each in the_row(house)["files"].values()}


def ago(house: PortalHouse) -> int:
    """The second look, as if an hour had passed."""
    return look_again(house.database, house.store, -60)


def count(house: PortalHouse, table: sa.Table) -> int:
    with house.database.read() as connection:
        return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def test_a_draft_is_deleted_thirty_days_after_its_last_change_by_the_legal_clock(
    house: PortalHouse, someone: Applicant
) -> None:
    row, files = the_row(house), digests(house)
    later(house, days=draft_days(), seconds=-60)
    assert swept(house) == 0 and the_row(house) == row
    later(house, seconds=120)
    assert swept(house) == 1
    assert [count(house, table) for table in (registration, visit)] == [0, 0]
    assert swept(house) == 0
    assert look_again(house.database, house.store) == 0, "nothing is deleted at once"
    assert all(house.store.get(digest) for digest in files)
    assert ago(house) == len(files)
    for digest in files:
        with pytest.raises(Permanent):
            house.store.get(digest)
    with house.database.read() as connection:
        assert not connection.execute(sa.select(artifact).where(artifact.c.digest.in_(files))).all()
        (told,) = (
            each for each in ledger.events(connection, f"directory:{AUTHORITY}") if each.kind == "registration.swept"
        )
        assert list(ledger.verify(connection)) == []
    assert (told.subject, told.body) == (row["id"], {"files": len(files), "days": 30})
    everything = json.dumps([told.body, told.subject, told.actor])
    assert not any(word in everything for word in (MOBILE, "海河", "孙丽", *files))


def test_who_comes_back_before_finds_it_and_a_change_counts_anew(house: PortalHouse, someone: Applicant) -> None:
    later(house, days=29)
    with house.database.write() as connection:
        registrations.change(connection, the_row(house)["id"], ("draft",), review={})
    later(house, days=29)
    assert swept(house) == 0
    later(house, days=2)
    someone.open()
    someone.prove()
    assert swept(house) == 0, "its applicant is here just now"
    assert someone.client.get("/register/entity").status_code == 200
    leave(house)
    assert swept(house) == 1
    assert someone.client.get("/register/entity").headers["location"] == "/register"


def test_a_file_that_somebody_else_holds_stays(house: PortalHouse, someone: Applicant, tmp_path: Path) -> None:
    shared = house.store.put(scan())
    assert digests(house) == {shared}
    other = applicant(house, tmp_path, "13900139001")
    other.fill("other_organisation", credit_code="91120116MA0BF8AX28")
    leave(house)
    with house.database.write() as connection:
        first = connection.execute(sa.select(registration).where(registration.c.mobile == MOBILE)).mappings().one()
    later(house, days=29)
    with house.database.write() as connection:
        mine = connection.execute(sa.select(registration.c.id).where(registration.c.mobile != MOBILE)).scalar_one()
        registrations.change(connection, mine, ("draft",), review={})
    later(house, days=2)
    assert swept(house) == 1
    assert the_row(house)["id"] != first["id"]
    assert ago(house) == 0 and house.store.has(shared)


def test_what_was_reported_is_kept_for_good(house: PortalHouse, someone: Applicant) -> None:
    someone.open()
    someone.prove()
    someone.report()
    leave(house)
    later(house, days=400)
    assert swept(house) == 0 and ago(house) == 0
    assert the_row(house)["state"] == "submitted" and all(house.store.has(digest) for digest in digests(house))


def test_a_scan_that_was_replaced_is_not_kept_for_ever(house: PortalHouse, someone: Applicant) -> None:
    old = the_row(house)["files"]["licence"]["digest"]
    jpeg_like = scan() + b"\n"
    for name in ("licence", "letter"):
        add_scan(house.database, house.store, the_row(house)["id"], name, jpeg_like)
        assert (old in house.store.aside(-60)) is (name == "letter"), "the letter was the same file until now"
    assert ago(house) == 1
    assert digests(house) == {house.store.put(jpeg_like)}


def test_bytes_that_come_again_while_they_are_set_aside_are_not_lost(house: PortalHouse, someone: Applicant) -> None:
    (digest,) = digests(house)
    later(house, days=31)
    swept(house)
    assert house.store.put(scan()) == digest  # somebody else hands the same file in, and names it a moment later
    assert ago(house) == 1 and house.store.get(digest) == scan()
    with house.database.write() as connection:
        assert connection.execute(sa.select(artifact).where(artifact.c.digest == digest)).first()
    house.store.set_aside(digest)
    with house.database.write() as connection:  # the row that named it before it was set aside
        documents.record_artifact(connection, digest, len(scan()), "application/pdf")
        registrations.start(connection, AUTHORITY, campaign(connection), "legal_person", "13900139009")
        connection.execute(registration.update().values(files={"letter": {"digest": digest}}))
    assert ago(house) == 0 and house.store.has(digest)


def test_a_row_that_comes_between_the_look_and_the_deletion_keeps_its_file(
    house: PortalHouse, someone: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    (digest,) = digests(house)
    with house.database.write() as connection:
        row = {"instrument": "001", "version": "1", "digest": digest, "first_used": 1}
        connection.execute(template_version.insert().values(row))
    house.store.set_aside(digest)
    monkeypatch.setattr(artifacts, "held", lambda *_: set())
    assert ago(house) == 0 and house.store.has(digest)


def campaign(connection: sa.Connection) -> str:
    from records.tables import campaign as table

    return str(connection.execute(sa.select(table.c.id)).scalar_one())


def test_a_crash_before_the_row_is_deleted_loses_nothing(
    house: PortalHouse, someone: Applicant, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(house, days=31)

    def dies(*_: object) -> bool:
        raise KeyboardInterrupt

    with monkeypatch.context() as killed:
        killed.setattr(registrations, "forget", dies)
        with pytest.raises(KeyboardInterrupt):
            swept(house)
    assert ago(house) == 0
    assert all(house.store.has(digest) for digest in digests(house))
    assert swept(house) == 1


def test_visits_and_codes_that_have_ended_are_swept_without_a_visitor(house: PortalHouse, someone: Applicant) -> None:
    assert (count(house, visit), count(house, message)) == (1, 1)
    with house.database.write() as connection:
        connection.execute(message.update().values(created_at=1))
    swept(house)
    assert (count(house, visit), count(house, message)) == (0, 0)
    assert count(house, registration) == 1


def test_every_column_that_names_a_file_is_asked(house: PortalHouse) -> None:
    """A file named by any table is held: a new table with a `…digest` column is heeded by itself."""
    names = {column.name for table in metadata.sorted_tables for column in table.columns if "digest" in column.name}
    assert names and all(name.endswith("digest") for name in names)
    seen = set[str]()
    with house.database.read() as connection:
        connection = _Spy(connection, seen)  # type: ignore[assignment]
        artifacts.held(connection, ["0" * 64])
    asked = {
        f"{table.name}.{column.name}"
        for table in metadata.sorted_tables
        for column in table.columns
        if column.name.endswith("digest") and table is not artifact
    } | {"registration.files", "registration_submission.files"}
    assert not [each for each in asked if not any(each in query for query in seen)]


class _Spy:
    def __init__(self, connection: sa.Connection, seen: set[str]) -> None:
        self._connection, self._seen = connection, seen

    def execute(self, query: sa.Executable) -> sa.CursorResult[object]:
        self._seen.add(str(query))
        return self._connection.execute(query)


def test_the_relay_of_a_worker_does_it(house: PortalHouse, someone: Applicant) -> None:
    later(house, days=31)
    bell, queue = Bell(someone.songda.settings.home), Queue("", 4, lambda _: None)
    relay = Relay(someone.songda, queue, bell)
    relay.start()
    try:
        until = time.monotonic() + 20
        while count(house, registration) and time.monotonic() < until:
            time.sleep(0.1)
    finally:
        relay.stop()
        queue.close()
        bell.close()
    assert count(house, registration) == 0


def test_the_door_says_for_how_long_a_draft_is_kept(house: PortalHouse) -> None:
    page = house.browser().get("/register?lang=en").text
    assert "neither changed nor submitted for 30 days is deleted" in page
    assert "30日内未再修改且未报送的" in house.browser().get("/register").text


def test_nothing_is_set_aside_that_is_held(house: PortalHouse, someone: Applicant) -> None:
    set_aside_unused(house.database, house.store, digests(house))
    assert house.store.aside(-60) == []
    assert registration_sweep.SECOND_LOOK >= 600
