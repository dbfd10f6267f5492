"""Fail closed: a seal whose key is out of order makes the document wait; mended, it goes on by itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import intake
from pipeline.callers import identify
from pipeline.composition import Songda, open_songda
from pipeline.outcomes import Done
from pipeline.settings import load
from pipeline.steps.numbering import number
from pipeline.steps.rendering import render
from pipeline.steps.sealing import _pause, seal
from pipeline.testsystem import free_ports, make_test_system
from records import documents, seals, steps
from records.errors import Retry
from tests.conftest import LEGAL_NOW
from tests.servers import wait_for_port
from tests.system import sample


@contextmanager
def _system(home: Path) -> Iterator[tuple[Songda, str]]:
    ports = free_ports(0)
    access = make_test_system(home, ports, legal_now=LEGAL_NOW)
    songda = open_songda(load(home, {}))
    ca = subprocess.Popen([sys.executable, "-m", "signing.testpki", home / "pki"], stderr=subprocess.DEVNULL)
    try:
        wait_for_port(ports.pki)
        with songda.database.read() as connection:
            caller = identify(connection, access.api_key)
        assert caller is not None
        checked = intake.check(songda, caller, sample("hearing-notice"))
        with songda.database.write() as connection:
            answer, _ = intake.store(connection, caller, checked)
        yield songda, answer["documents"][0]["id"]
    finally:
        ca.kill()
        ca.wait(10)
        songda.database.close()


def _claim(songda: Songda, document_id: str, stage: str) -> steps.Claim:
    with songda.database.write() as connection:
        steps.add(connection, "document", document_id, stage)
        claim = steps.claim(connection, f"{document_id}/{stage}", "test", 60)
    assert claim is not None
    return claim


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (5, 32), (6, 60), (7, 60), (5000, 60)])
def test_the_pauses_begin_short_and_grow_no_longer_than_a_minute(attempt: int, seconds: float) -> None:
    assert _pause(steps.Claim("doc_1/seal", "document", "doc_1", "seal", attempt, attempt)) == seconds


def test_a_wrong_password_of_the_key_waits_and_goes_on_when_mended(tmp_path: Path) -> None:
    with _system(tmp_path / "home") as (songda, document_id):
        for stage, work in (("number", number), ("render", render)):
            conclusion = work(songda, _claim(songda, document_id, stage))
            with songda.database.write() as connection:
                assert isinstance(conclusion.write(connection), Done)
        claim = _claim(songda, document_id, "seal")
        wrong = dict.fromkeys(songda.settings.secrets, "wrong")
        broken = Songda(replace(songda.settings, secrets=wrong), songda.database, songda.store)
        with pytest.raises(Retry, match="cannot be used"):
            seal(broken, claim)
        conclusion = seal(songda, claim)
        with songda.database.write() as connection:
            assert isinstance(conclusion.write(connection), Done)


def test_a_seal_that_is_stopped_while_it_is_being_used_seals_nothing(tmp_path: Path) -> None:
    with _system(tmp_path / "home") as (songda, document_id):
        for stage, work in (("number", number), ("render", render)):
            conclusion = work(songda, _claim(songda, document_id, stage))
            with songda.database.write() as connection:
                conclusion.write(connection)
        conclusion = seal(songda, _claim(songda, document_id, "seal"))
        with songda.database.write() as connection:
            used = seals.active(connection, "caac-north-china")
            assert used is not None
            seals.stop(connection, used["id"], by="person:admin", reason="lost")
        with pytest.raises(Retry, match="stopped"), songda.database.write() as connection:
            conclusion.write(connection)
        with songda.database.read() as connection:
            assert documents.get(connection, document_id)["status"] == "rendered"
