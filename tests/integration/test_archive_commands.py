"""`songda archive`, and what else an operator sees of files that are kept provable; what was released before."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command as alembic_command
from alembic.config import Config

from pipeline.cli import main
from records import archives, ledger, schema, seals, steps, volumes
from records.database import Database
from records.instants import from_microseconds
from records.tables import renewal, seal_use, step
from signing.sealing import Profile
from tests.archive_house import STEP, ArchiveHouse, authorities, sealed, year
from tests.house import ROOT
from tests.servers import Postgres
from tests.signing_support import Bench


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


def _run(house: ArchiveHouse, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, Any]:
    home = house.songda.settings.home
    settings = {"database_url": house.database.url, "trust_list": house.songda.settings.trust_list}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    (home / "songda.toml").write_text("\n".join(lines))
    code = main([*words, "--home", str(home), "--json"])
    return code, json.loads(capsys.readouterr().out)


def test_the_operator_has_all_files_before_a_day_renewed_at_once(
    house: ArchiveHouse, b_lta: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    assert _run(house, capsys, "archive", "renew", "--before", "2030-01-01")[1] == {"asked": []}
    assert _run(house, capsys, "archive", "renew", "--before", "2040-01-01")[1] == {"asked": ["doc_1"]}
    house.go_to(datetime.now(UTC), "first")  # its certificate ends no later, and somebody asked all the same
    assert house.renew()["state"] == "done"
    (row,) = house.rows(renewal)
    assert row["asked_by"].startswith("operator:") and row["provable_until"] == year(2036)
    assert house.archive()["asked_by"] is None
    code, told = _run(house, capsys, "archive", "list")
    assert (code, told["files"], told["archive"][0]["renewals"]) == (0, 1, 1)


def test_one_document_by_its_id_and_an_unknown_one_is_refused(
    house: ArchiveHouse, b_lta: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    assert _run(house, capsys, "archive", "renew", "doc_1")[1] == {"asked": ["doc_1"]}
    code, told = _run(house, capsys, "archive", "renew", "doc_2")
    assert (code, told["error"]["code"]) == (2, "unknown_document")
    assert _run(house, capsys, "archive", "renew")[0] == 2
    assert _run(house, capsys, "archive", "renew", "--before", "tomorrow")[0] == 2


def test_status_raises_the_alarm_for_what_was_not_renewed(
    house: ArchiveHouse, b_lta: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    assert _run(house, capsys, "status")[1]["archive"]["troubled"] == []
    house.go_to(year(2037), "second")
    house.renew()
    code, told = _run(house, capsys, "status")
    (alarm,) = told["archive"]["troubled"]
    assert (code, alarm["id"], alarm["state"]) == (0, "doc_1", "dead")
    assert main(["status", "--home", str(house.songda.settings.home)]) == 0
    assert "ALARM: doc_1, provable until 2036-06-01" in capsys.readouterr().out


def test_a_dead_renewal_is_repeated_by_the_operator_with_an_event(house: ArchiveHouse, b_lta: bytes) -> None:
    house.release(b_lta)
    house.go_to(year(2037), "second")
    house.renew()
    with house.database.write() as connection:
        steps.requeue(connection, STEP, "operator:x")
    assert house.step()["state"] == "ready"
    assert [event.kind for event in house.events()][-1] == "step.requeued"


def test_released_and_renewed_bytes_are_the_documents_and_no_others(
    house: ArchiveHouse, b_lta: bytes, b_lt: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    house.release(b_lta)
    _run(house, capsys, "archive", "renew", "doc_1")
    house.go_to(datetime.now(UTC), "first")
    house.renew()
    file = tmp_path / "file.pdf"
    for pdf, code in ((b_lta, 0), (house.newest(), 0), (b_lt, 1)):
        file.write_bytes(pdf)
        assert _run(house, capsys, "verify", str(file), "--document", "doc_1")[0] == code


# --- an installation of before


@pytest.fixture(params=["sqlite", "postgresql"])
def older(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """A database of version 0008."""
    postgres: Postgres | None = request.getfixturevalue("postgres") if request.param == "postgresql" else None
    database = Database(postgres.create_database() if postgres else f"sqlite:///{tmp_path}/older.db")
    config = Config()
    config.set_main_option("script_location", str(ROOT / "records" / "migrations"))
    with database.write() as connection:
        config.attributes["connection"] = connection
        alembic_command.upgrade(config, "0008")
    yield database
    database.close()


def _released_before_renewals(connection: sa.Connection, until: str) -> None:
    """A sealed and released document, one that bears no seal, and a volume, as version 0008 kept them."""
    for statement in (
        "insert into authority (id, created_at) values ('a', 0)",
        "insert into client (id, authority_id, name) values ('cli_1', 'a', 'x')",
        "insert into job (id, authority_id, client_id, case_no, body, created_at) values"
        " ('job_1', 'a', 'cli_1', '1', '{}', 0)",
        "insert into seal (id, authority_id, ring_text, second_line, diameter_mm, key_uri, state, test, created_at)"
        " values ('sea_1', 'a', '甲', '乙', 42, 'x', 'active', true, 0)",
        "insert into artifact (digest, size, media_type, created_at) values ('v', 1, 'application/pdf', 0)",
        "insert into volume (id, authority_id, case_no, content, digest, pages, archival, seal_id, approval, made_at)"
        " values ('vol_1', 'a', '1', 'c', 'v', 1, true, 'sea_1', '{}', 7)",
    ):
        connection.execute(sa.text(statement))
    columns = (
        "id, job_id, authority_id, client_id, case_no, position, instrument, template_version, engine, facts,"
        " authority_revision, numbered, sealed, delivered, important, series_kind, copies_to, status, final_digest,"
        " created_at, released_at"
    )
    for document_id, with_seal in (("doc_1", True), ("doc_2", False)):
        values = f"'{document_id}', 'job_1', 'a', 'cli_1', '1', 0, 'x', '1', 'typst', '{{}}', 1, true, {with_seal}"
        values += ", true, false, 'x', '[]', 'released', 'd', 0, 1790000000000000"
        connection.execute(sa.text(f"insert into document ({columns}) values ({values})"))  # noqa: S608 - our own words
        body = {"verdict": {"provable_until": until}} if with_seal else {"pages": 1}
        ledger.append(connection, document_id, "document.released", "document.released", body=body)
    connection.execute(
        sa.text(
            "insert into seal_use (document_id, seal_id, rendered_digest, sealed_digest, approver_name, approver_role,"
            " approval_rule, approved_at, certificate_serial, certificate_subject, used_at)"
            " values ('doc_1', 'sea_1', 'r', 'd', '孙', '局长', '004-58', '2026-11-20T09:00:00+08:00', '1', 'CN=x', 7)"
        )
    )
    connection.execute(
        sa.text(
            "insert into step (id, subject_type, subject_id, stage, state, run_at, attempt, excused, fence,"
            " hinted_until) values ('doc_1/release', 'document', 'doc_1', 'release', 'done', 0, 1, 0, 1, 0)"
        )
    )


def _kept_what_stood(database: Database) -> None:
    """Tables that were made anew have their rows; what stands in evidence still cannot be changed."""
    with database.write() as connection:
        (use,) = connection.execute(sa.select(seal_use)).mappings().all()
        assert (use["document_id"], use["used_at"], use["basis"], use["electronic_seal_id"]) == (
            "doc_1",
            from_microseconds(7),
            None,
            None,
        )
        assert connection.execute(sa.select(step.c.id)).scalars().all() == ["doc_1/release"]
        further = seals.register(
            connection, "a", kind="official", ring_text="甲", second_line="", key_uri="x", test=True
        )
        connection.execute(seal_use.insert().values(dict(use) | {"seal_id": further}))
    with pytest.raises(sa.exc.DBAPIError, match="append-only"), database.write() as connection:
        connection.execute(seal_use.update().values(seal_id="sea_1"))


def test_what_was_released_before_there_were_renewals_is_kept_provable_too(older: Database) -> None:
    with older.write() as connection:
        connection.execute(sa.text("insert into system (id, test, legal_offset, created_at) values (1, true, 0, 0)"))
        _released_before_renewals(connection, "2036-06-01T00:00:00Z")
    schema.keep_up(older)
    _kept_what_stood(older)
    with older.write() as connection:
        kept = {row["id"]: row for row in archives.listed(connection, None, 10)}
        assert set(kept) == {"doc_1", "vol_1"}
        assert kept["doc_1"]["provable_until"].isoformat() == "2036-06-01T00:00:00+00:00"
        assert kept["doc_1"]["released_digest"] == kept["doc_1"]["digest"] == "d"
        assert kept["vol_1"]["stream"] == volumes.stream("a", "1")
        assert archives.make_steps(connection, 10) == 1, "nothing says until when the volume is provable: renewed now"
        assert steps.claim(connection, "vol_1/renew", "test", 60) is not None
