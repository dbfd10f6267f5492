"""`songda trust`: roots are data with source and date; changes are in the ledger; production trusts no TEST root."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pipeline.cli import main
from records import directory, ledger, schema
from records.database import Database
from signing.certificates import TrustList
from tests.rows import AUTHORITY
from tests.unit.test_cli_init import Pki

Command = Callable[..., tuple[int, Any]]
FROM = ("--source", "read aloud by telephone", "--obtained", "2026-11-22")


@pytest.fixture(params=[False, True], ids=["production", "TEST"])
def test_system(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def database(tmp_path: Path, test_system: bool) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=test_system)
    with database.write() as connection:
        directory.create_authority(connection, AUTHORITY)
    yield database
    database.close()


@pytest.fixture
def songda(database: Database, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    (tmp_path / "trust.json").write_text('{"anchors": [], "intermediates": []}')

    def run(*words: str) -> tuple[int, Any]:
        code = main(["--home", str(tmp_path), "--json", "trust", *words])
        return code, json.loads(capsys.readouterr().out)

    return run


def _events(database: Database) -> list[ledger.Event]:
    with database.read() as connection:
        return [each for each in ledger.events(connection, f"directory:{AUTHORITY}") if each.kind.startswith("trust.")]


@pytest.mark.rule("ESL-16")
def test_a_root_is_added_listed_and_removed_and_the_ledger_has_it_all(
    songda: Command, database: Database, tmp_path: Path
) -> None:
    root = Pki(tmp_path / "real", "Example Administration").root
    code, value = songda("add", str(root), *FROM)
    assert code == 0 and value["recorded"], value
    sha256 = value["added"]["sha256"]
    code, shown = songda("list")
    (anchor,) = shown["anchors"]
    assert (anchor["sha256"], anchor["source"], anchor["obtained"]) == (sha256, FROM[1], FROM[3])
    assert (shown["roots"], shown["as_recorded"], anchor["counts"]) == (1, True, True)
    assert songda("add", str(root), *FROM)[1]["error"]["code"] == "listed_already"
    code, value = songda("remove", sha256.upper(), "--reason", "withdrawn by the board")
    assert (code, value["removed"]["sha256"]) == (0, sha256)
    assert songda("list")[1]["anchors"] == []
    assert songda("remove", sha256)[1]["error"]["code"] == "unknown_root"
    assert songda("add", str(root), *FROM)[0] == 0, "it may come back"
    events = _events(database)
    assert [each.kind for each in events] == ["trust.added", "trust.removed", "trust.added"]
    assert events[0].body["source"] == FROM[1] and events[1].body["reason"] == "withdrawn by the board"
    assert all(each.subject == sha256 and each.actor.startswith("operator:") for each in events)
    with database.read() as connection:
        assert not list(ledger.verify(connection))


def test_a_test_root_is_refused_in_production_and_counts_in_a_test_system(
    songda: Command, database: Database, tmp_path: Path, test_system: bool
) -> None:
    code, value = songda("add", str(Pki(tmp_path / "pki", "Example TEST").root), *FROM)
    assert (code, value.get("error", {}).get("code")) == ((0, None) if test_system else (2, "test_root"))
    assert len(_events(database)) == test_system
    assert len(TrustList.load(tmp_path / "trust.json", test_system=test_system).roots) == test_system


def test_a_list_that_was_changed_otherwise_is_called_so(songda: Command, tmp_path: Path) -> None:
    songda("add", str(Pki(tmp_path / "real", "Example Administration").root), *FROM)
    file = tmp_path / "trust.json"
    value = json.loads(file.read_text())
    value["anchors"][0]["source"] = "somewhere else"
    file.write_text(json.dumps(value))
    assert songda("list")[1]["as_recorded"] is False


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("--source", " ", "--obtained", "2026-11-22"), "source_missing"),
        (("--source", "x", "--obtained", "22.11.2026"), "date"),
        (("--source", "x", "--obtained", "2999-01-01"), "date"),
    ],
)
def test_a_root_without_source_or_day_is_refused_and_changes_nothing(
    songda: Command, database: Database, tmp_path: Path, words: tuple[str, ...], code: str
) -> None:
    before = (tmp_path / "trust.json").read_bytes()
    root = Pki(tmp_path / "real", "Example Administration").root
    assert songda("add", str(root), *words)[1]["error"]["code"] == code
    assert (tmp_path / "trust.json").read_bytes() == before and not _events(database)


def test_what_is_no_root_is_refused(songda: Command, tmp_path: Path) -> None:
    pki = Pki(tmp_path / "real", "Example Administration")
    leaf = tmp_path / "leaf.pem"
    leaf.write_bytes(pki.leaf)
    assert songda("add", str(leaf), *FROM)[1]["error"]["code"] == "no_root"
    two = tmp_path / "two.pem"
    two.write_bytes(pki.root.read_bytes() * 2)
    assert songda("add", str(two), *FROM)[1]["error"]["code"] == "several_in_file"


def test_another_list_can_be_kept_without_a_ledger(songda: Command, database: Database, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    other.mkdir()
    (other / "roots.json").write_text('{"anchors": []}')
    root = Pki(tmp_path / "pki", "Example TEST").root
    assert songda("add", str(root), *FROM, "--trust", str(other / "roots.json"))[1]["error"]["code"] == "test_root"
    code, value = songda("add", str(root), *FROM, "--trust", str(other / "roots.json"), "--test")
    assert (code, value["recorded"]) == (0, False)
    assert not _events(database)
