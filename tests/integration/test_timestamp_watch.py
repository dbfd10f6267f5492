"""How the authorities answer gets into the database once a minute or at a turn, and out again by `songda status`."""

from __future__ import annotations

import socket
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline import timestamp_watch
from pipeline.cli.status import _lines, _told
from pipeline.composition import Songda
from pipeline.settings import Settings
from pipeline.timestamp_watch import TimestampWatch
from records.database import Database
from records.store import FileStore
from records.tables import timestamp_authority
from signing.providers import Provider, Standing

A, B = "http://a.invalid/tsa", "http://b.invalid/tsa"


class Cabinet:
    """Its authorities, as a test wants them to stand."""

    def __init__(self) -> None:
        self.providers = [Provider(A), Provider(B)]

    def standings(self) -> tuple[Standing, ...]:
        return tuple(each.standing for each in self.providers)


@pytest.fixture
def cabinet() -> Cabinet:
    return Cabinet()


@pytest.fixture
def songda(database: Database, tmp_path: Path, cabinet: Cabinet) -> Songda:
    made = Songda(Settings(home=tmp_path, tsa_urls=(A, B)), database, FileStore(tmp_path / "store"))
    vars(made)["cabinet"] = cabinet
    return made


def _rows(songda: Songda) -> dict[str, sa.RowMapping]:
    with songda.database.read() as connection:
        rows = connection.execute(sa.select(timestamp_authority)).mappings()
        return {row["url"]: row for row in rows}


def test_nothing_is_written_before_there_is_something_to_tell(songda: Songda) -> None:
    TimestampWatch(songda).look()
    assert _rows(songda) == {}


def test_it_is_told_when_an_authority_turns_and_otherwise_once_a_minute(songda: Songda, cabinet: Cabinet) -> None:
    watch = TimestampWatch(songda)
    first, second = cabinet.providers
    first.answered(0.040)
    watch.look()
    assert (_rows(songda)[A]["answers"], set(_rows(songda))) == (1, {A})
    for _ in range(100):
        first.answered(0.040)
        watch.look()
    assert _rows(songda)[A]["answers"] == 1, "no row is written for a stamp"
    first.failed("gone")
    watch.look()
    row = _rows(songda)[A]
    assert (row["answers"], row["failures"], row["failure"]) == (101, 1, "gone")
    assert row["failing_since"] == first.standing.failing_since
    first.answered(0.040)
    second.answered(0.1)
    watch.look()
    rows = _rows(songda)
    assert rows[A]["failing_since"] is None and rows[A]["failure"] == "gone" and rows[A]["failed_at"]
    assert rows[A]["mean_ms"] == pytest.approx(40) and rows[B]["mean_ms"] == pytest.approx(100)


def test_after_a_minute_counts_are_told_and_at_the_end_as_well(
    songda: Songda, cabinet: Cabinet, monkeypatch: pytest.MonkeyPatch
) -> None:
    watch = TimestampWatch(songda)
    first = cabinet.providers[0]
    first.answered(0.1)
    watch.look()
    first.answered(0.1)
    watch.look(last=True)
    assert _rows(songda)[A]["answers"] == 2
    first.answered(0.1)
    monkeypatch.setattr(timestamp_watch, "_REPORTS_EVERY", 0.0)
    watch.look()
    assert _rows(songda)[A]["answers"] == 3


def test_workers_of_one_host_add_up_and_a_service_that_counts_anew_is_not_subtracted(
    songda: Songda, cabinet: Cabinet
) -> None:
    one, other = TimestampWatch(songda), TimestampWatch(songda)
    for _ in range(3):
        cabinet.providers[0].answered(0.1)
    one.look()
    other.look()
    assert _rows(songda)[A]["answers"] == 6
    cabinet.providers = [Provider(A), Provider(B)]
    cabinet.providers[0].answered(0.1)
    one.look(last=True)
    assert _rows(songda)[A]["answers"] == 7


def test_status_tells_how_each_configured_authority_stands(songda: Songda, cabinet: Cabinet) -> None:
    cabinet.providers[0].answered(0.040)
    cabinet.providers[0].failed("answers with HTTP\nstatus 503")
    TimestampWatch(songda).look()
    with songda.database.read() as connection:
        value: dict[str, Any] = _told(connection, replace(songda.settings, tsa_urls=(A, B)))
    failing, unasked = value["timestamps"]
    assert (failing["state"], failing["url"], failing["host"]) == ("failing", A, socket.gethostname())
    assert datetime.fromisoformat(failing["failing_since"]) <= datetime.now(UTC)
    assert unasked == {"state": "not asked yet", "url": B, "host": None, "answers": 0, "failures": 0}
    text = "\n".join(_lines(value))
    assert f"timestamps {A} failing; 1 answers, 1 failures, about 40 ms since 20" in text
    assert "answers with HTTP status 503" in text
    assert f"timestamps {B} not asked yet; 0 answers, 0 failures" in text
    with songda.database.read() as connection:
        value = _told(connection, replace(songda.settings, tsa_urls=(B,)))
    assert value["timestamps"][0]["url"] == B, "those that are not configured are left out"
