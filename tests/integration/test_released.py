"""Whether bytes were released here: said to whoever has them, and nothing more than that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from pipeline.cli import main
from pipeline.released import released_here
from records import documents, links
from records.database import Database
from tests.lost_keys import lose_key
from tests.rows import make_document, make_renewal

DIGEST, OTHER = "a" * 64, "b" * 64


def _release(database: Database, digest: str = DIGEST, **columns: Any) -> str:
    with database.write() as connection:
        document = make_document(connection, **columns)
        documents.record_artifact(connection, digest, 1, "application/pdf")
        documents.move(connection, document, "numbered")
        documents.move(connection, document, "rendered", final_digest=digest)
        documents.move(connection, document, "released")
    return document


def _told(database: Database, digest: str = DIGEST) -> dict[str, Any]:
    with database.read() as connection:
        return released_here(connection, digest)


def test_released_bytes_are_known_and_nothing_names_the_document(database: Database) -> None:
    document = _release(database)
    told = _told(database)
    assert (told["known"], told["state"], told["since"]) == (True, "unchanged", None)
    assert set(told) == {"known", "released_on", "state", "since", "seal", "text_en", "text_zh"}
    assert told["released_on"] in told["text_zh"] and document not in str(told)


def test_what_a_renewal_made_of_released_bytes_is_known_as_well(database: Database) -> None:
    document = _release(database)
    with database.write() as connection:
        make_renewal(connection, document, DIGEST, OTHER)
    for digest in (DIGEST, OTHER):
        assert _told(database, digest)["state"] == "unchanged"


@pytest.mark.rule("ESL-15")
def test_it_is_said_that_the_key_of_the_seal_may_have_been_in_other_hands(database: Database) -> None:
    document = _release(database)
    assert _told(database)["seal"] is None
    lose_key(database, "a", document)
    told = _told(database)
    assert (told["known"], told["state"], told["seal"]) == (True, "unchanged", "in_question")
    assert "正在核查" in told["text_zh"] and "in other hands" in told["text_en"]


def test_other_bytes_are_not_known_and_that_is_no_blame(database: Database) -> None:
    _release(database)
    told = _told(database, OTHER)
    assert (told["known"], told["state"], told["released_on"]) == (False, None, None)
    assert "nothing against them" in told["text_en"]


def test_an_unsealed_document_is_never_known(database: Database) -> None:
    """Its bytes follow from its facts: who guesses the facts could have the guess confirmed."""
    _release(database, sealed=False)
    assert _told(database)["known"] is False


def test_bytes_that_are_stored_but_not_released_are_not_known(database: Database) -> None:
    with database.write() as connection:
        document = make_document(connection)
        documents.record_artifact(connection, DIGEST, 1, "application/pdf")
        documents.move(connection, document, "numbered")
        documents.move(connection, document, "rendered", final_digest=DIGEST)
    assert _told(database)["known"] is False


@pytest.mark.parametrize(("effect", "state"), [("ends", "revoked"), ("changes", "changed"), ("mends", "mended")])
def test_a_later_instrument_is_told_from_the_day_of_its_effect_on(database: Database, effect: str, state: str) -> None:
    target = _release(database)
    later = _release(database, OTHER)
    with database.write() as connection:
        links.insert(connection, later, target, "a", effect)
    assert _told(database)["state"] == "unchanged", "it has no effect yet"
    with database.write() as connection:
        links.take_effect(connection, later, "2026-12-01")
    told = _told(database)
    assert (told["state"], told["since"]) == (state, "2026-12-01")
    assert "2026-12-01" in told["text_zh"] and later not in str(told)


def test_a_stranger_costs_one_look_at_a_primary_key(database: Database) -> None:
    asked: list[str] = []
    sa.event.listen(database.engine, "before_cursor_execute", lambda *a: asked.append(a[2]))
    _told(database, OTHER)
    assert len([each for each in asked if each.lstrip().lower().startswith("select")]) == 1, asked


def test_verify_without_an_installation_says_nothing_of_releases(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "x.pdf"
    file.write_bytes(b"no pdf")
    assert main(["--home", str(tmp_path / "none"), "--json", "verify", str(file)]) == 2
    assert "released" not in capsys.readouterr().out
