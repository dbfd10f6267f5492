"""`songda verify` on a file that was really sealed, and `songda ledger verify` on a ledger that was tampered with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pikepdf
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient

from pipeline.api.app import make_api
from pipeline.cli import main
from records import deliveries, documents, schema, steps
from records.database import Database, database_time
from records.tables import delivery
from tests.house import House, furnish, sample
from tests.notices import publish
from tests.signing_support import Bench, running, tagged_pdf


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    return bench.seal(tagged_pdf()).pdf


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    database = Database(f"sqlite:///{tmp_path}/songda.db")
    schema.create(database, test=True)
    yield furnish(database, tmp_path)
    database.close()


class Songda:
    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *words: str) -> tuple[int, Any]:
        code = main([*words, "--json"])
        return code, json.loads(self._capsys.readouterr().out)


@pytest.fixture
def songda(capsys: pytest.CaptureFixture[str]) -> Songda:
    return Songda(capsys)


def _released(house: House, pdf: bytes) -> str:
    """A document that was released as these bytes."""
    with TestClient(make_api(house.songda), headers=house.headers) as web:
        accepted = web.post("/jobs", json=sample("penalty-decision"), headers={"Idempotency-Key": "a"}).json()
    document_id = str(accepted["documents"][0]["id"])
    with house.songda.database.write() as connection:
        for status in ("numbered", "rendered", "sealed"):
            documents.move(connection, document_id, status)
        documents.move(
            connection,
            document_id,
            "released",
            final_digest=house.songda.store.put(pdf),
        )
    return document_id


def test_verify_says_valid_and_test_and_exits_0(songda: Songda, bench: Bench, sealed: bytes, tmp_path: Path) -> None:
    file = tmp_path / "sealed.pdf"
    file.write_bytes(sealed)
    trust = ("--trust", str(bench.pki.trust_list))
    code, value = songda("verify", str(file), *trust, "--test")
    assert (code, value["verdict"], value["test"]) == (0, "valid", True)
    assert value["sha256"] == hashlib.sha256(sealed).hexdigest()
    # a system that is no TEST one does not trust the same root
    code, value = songda("verify", str(file), *trust)
    assert (code, value["verdict"], value["test"]) == (1, "indeterminate", True)
    assert "test_not_trusted" in {reason["code"] for reason in value["reasons"]}
    # where nothing is installed, nobody is trusted
    code, value = songda("--home", str(tmp_path / "none"), "verify", str(file))
    assert (code, value["verdict"]) == (1, "indeterminate")


@pytest.mark.rule("ESL-5b")
def test_verify_exits_1_for_a_changed_file_and_2_for_no_readable_pdf(
    songda: Songda, bench: Bench, sealed: bytes, tmp_path: Path
) -> None:
    trust, file = ("--trust", str(bench.pki.trust_list), "--test"), tmp_path / "x.pdf"
    changed = bytearray(sealed)
    changed[len(changed) // 3] ^= 1
    file.write_bytes(changed)
    assert songda("verify", str(file), *trust)[0] in (1, 2)
    file.write_bytes(tagged_pdf())
    code, value = songda("verify", str(file), *trust)
    assert (code, value["verdict"], value["reasons"][0]["code"]) == (1, "invalid", "unsigned")
    file.write_bytes(sealed[: len(sealed) // 2])
    code, value = songda("verify", str(file), *trust)
    assert (code, value["error"]["code"]) == (2, "truncated")
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        pdf.save(file, encryption=pikepdf.Encryption(owner="o", user="u"))
    code, value = songda("verify", str(file), *trust)
    assert (code, value["error"]["code"]) == (2, "encrypted")
    file.write_bytes(b"")
    assert songda("verify", str(file), *trust)[0] == 2


@pytest.mark.rule("ESL-5a")
def test_verify_with_a_document_says_whether_these_are_its_released_bytes(
    songda: Songda, bench: Bench, sealed: bytes, house: House, tmp_path: Path
) -> None:
    home = tmp_path
    (home / "songda.toml").write_text(f"trust_list = {json.dumps(str(bench.pki.trust_list))}\n")
    document_id, file = _released(house, sealed), tmp_path / "sealed.pdf"
    file.write_bytes(sealed)
    words = ("--home", str(home), "verify", str(file), "--document")
    assert songda(*words, document_id)[0] == 0
    file.write_bytes(bench.seal(tagged_pdf("另一份文书。")).pdf)
    code, value = songda(*words, document_id)
    assert (code, value["verdict"], value["reasons"][-1]["code"]) == (1, "invalid", "other_bytes")
    assert songda(*words, "doc_nothing")[1]["error"]["code"] == "unknown_document"


def test_the_api_gives_the_same_verdict(bench: Bench, sealed: bytes, house: House, tmp_path: Path) -> None:
    (tmp_path / "trust.json").write_text(
        json.dumps({"anchors": [{"file": str(bench.pki.root), "source": "test", "obtained": "2020-01-01"}]})
    )
    with TestClient(make_api(house.songda)) as web:
        answer = web.post("/verify", content=sealed, headers={"Content-Type": "application/pdf"})
    assert answer.status_code == 200
    assert (answer.json()["verdict"], answer.json()["test"]) == ("valid", True), answer.text


@pytest.mark.rule("ESL-7", "ESL-8")
def test_ledger_verify_names_the_entry_that_was_changed(songda: Songda, house: House, tmp_path: Path) -> None:
    words = ("--home", str(tmp_path), "ledger", "verify")
    assert songda(*words)[1]["verdict"] == "valid"
    with house.songda.database.write() as connection:
        for name in connection.execute(
            sa.text("select name from sqlite_master where type = 'trigger' and tbl_name = 'event'")
        ).scalars():
            connection.execute(sa.text(f'drop trigger "{name}"'))
        connection.execute(sa.text("update event set body = '{}' where kind = 'authority.approved'"))
        connection.execute(sa.text("update event set actor = 'nobody' where kind = 'authority.approved'"))
    code, value = songda(*words)
    assert (code, value["verdict"]) == (1, "invalid")
    assert "authority.approved" in value["reasons"][0]


def test_an_imported_notice_wakes_the_deliveries_whose_date_has_not_passed(house: House) -> None:
    document_id = _released(house, b"%PDF-")
    with house.songda.database.write() as connection:
        delivery_id = deliveries.of_document(connection, document_id)[0]["id"]
        connection.execute(delivery.update().values(sent_at=database_time(connection)))
        step_id = steps.add(connection, "delivery", delivery_id, "settle")
        claim = steps.claim(connection, step_id, "worker", 30)
        assert claim is not None
        steps.park(connection, claim, None, "waits")
    assert publish(house.songda, 2027, {date(2027, 1, 4): False}).woken == (step_id,)
    with house.songda.database.write() as connection:
        assert steps.claim(connection, step_id, "worker", 30) is not None
        # one that is final and long past is left alone
        connection.execute(delivery.update().values(service_status="final", deemed_date="2020-01-01"))
    assert publish(house.songda, 2027, {date(2027, 1, 5): False}).woken == ()
