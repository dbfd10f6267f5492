"""Release: the stored bytes are verified afresh by two readers, and nothing but valid, whole and trusted gets out."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pikepdf
import pypdf
import pytest
import sqlalchemy as sa

from pipeline.composition import Songda
from pipeline.queue import Queue
from pipeline.runner import Runner
from pipeline.settings import Settings
from pipeline.steps import releasing
from records import documents, ledger, series, steps
from records.database import Database
from records.store import FileStore
from records.tables import document, number, step
from tests import signing_support
from tests.rows import AUTHORITY, make_delivery, make_document
from tests.signing_support import Bench, plain_pdf, tagged_pdf


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with signing_support.running(tmp_path_factory.mktemp("pki")) as bench:
        yield bench


@pytest.fixture(scope="module")
def sealed(bench: Bench) -> bytes:
    return bench.seal(tagged_pdf()).pdf


class Releasing:
    def __init__(self, database: Database, home: Path, trust_list: Path) -> None:
        settings = Settings(home=home, trust_list=str(trust_list))
        self.database = database
        self.store = FileStore(home / "store")
        self.runner = Runner(Songda(settings, database, self.store), "test", {"release": releasing.release})
        self.runner.queue = Queue("", 16, self.runner.run_step)

    def release(self, pdf: bytes | None, *, sealed: bool = True, pages: int = 2, digest: str = "") -> sa.RowMapping:
        """Let the step run on a document with these bytes, a number and two deliveries; returns the document."""
        status = "sealed" if sealed else "rendered"
        with self.database.write() as connection:
            make_document(connection, "doc_1", sealed=sealed, pages=pages)
            for _ in range(2):
                make_delivery(connection, "doc_1")
            series.create(connection, AUTHORITY, "hearing-notice", 2026, "听{n}号", "H {n}")
            series.bind_next(connection, AUTHORITY, "hearing-notice", 2026, "doc_1")
            final = self.store.put(pdf) if pdf is not None else digest
            row = document.update().where(document.c.id == "doc_1")
            connection.execute(row.values(status=status, final_digest=final))
            steps.add(connection, "document", "doc_1", "release")
        self.runner.run_step("doc_1/release")
        with self.database.read() as connection:
            assert list(ledger.verify(connection)) == []
            return documents.get(connection, "doc_1")

    def following(self) -> list[str]:
        with self.database.read() as connection:
            query = sa.select(step.c.stage).where(step.c.subject_type == "delivery")
            return list(connection.execute(query).scalars())

    def last_event(self) -> ledger.Event:
        with self.database.read() as connection:
            return ledger.events(connection, "doc_1")[-1]


@pytest.fixture
def house(database: Database, tmp_path: Path, bench: Bench) -> Iterator[Releasing]:
    house = Releasing(database, tmp_path, bench.pki.trust_list)
    yield house
    house.runner.close()


def _refused(house: Releasing, row: sa.RowMapping, reason: str) -> None:
    """It failed with its reason, was never handed out, and its number is void."""
    assert row["status"] == "failed" and reason in row["reason"], row["reason"]
    assert row["released_at"] is None
    assert house.following() == []
    assert house.last_event().kind == "document.failed" and reason in house.last_event().body["error"]
    with house.database.read() as connection:
        state, why = connection.execute(sa.select(number.c.state, number.c.reason)).one()
    assert state == "void" and reason in why


def test_a_sealed_file_that_is_whole_and_trusted_is_released_and_every_delivery_begins(
    house: Releasing, sealed: bytes
) -> None:
    row = house.release(sealed)
    assert row["status"] == "released" and row["released_at"] is not None
    assert house.following() == ["dispatch", "dispatch"]
    body = house.last_event().body
    assert body["digest"] == row["final_digest"]
    assert (body["verdict"]["verdict"], body["verdict"]["test"]) == ("valid", True)
    assert len(body["second_reader"]["signatures"]) == 1


def _flipped(pdf: bytes) -> bytes:
    """One letter of the content changed, where it stands uncompressed or not: somewhere in the first half."""
    place = len(pdf) // 3
    return pdf[:place] + bytes([pdf[place] ^ 1]) + pdf[place + 1 :]


def _resaved(pdf: bytes) -> bytes:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        opened.save(buffer)
    return buffer.getvalue()


def _stamped(pdf: bytes) -> bytes:
    """An incremental update that adds a page: what was signed is still there, byte for byte."""
    writer = pypdf.PdfWriter(io.BytesIO(pdf), incremental=True)
    writer.add_blank_page()
    buffer = io.BytesIO()
    writer.write(buffer)
    return buffer.getvalue()


@pytest.mark.rule("ESL-5b")
@pytest.mark.parametrize(
    "change", [_flipped, _resaved, _stamped, lambda pdf: pdf[: len(pdf) * 2 // 3], lambda pdf: pdf + b"\n% more"]
)
def test_changed_stamped_saved_again_cut_or_prolonged_is_never_released(
    house: Releasing, sealed: bytes, change: object
) -> None:
    _refused(house, house.release(change(sealed)), "the sealed file")  # type: ignore[operator]


@pytest.mark.parametrize("pdf", [b"", b"no pdf at all", b"%PDF-1.7\n%%EOF"])
def test_what_is_no_readable_pdf_is_never_released(house: Releasing, pdf: bytes) -> None:
    _refused(house, house.release(pdf), "the sealed file is refused")


def test_a_file_without_any_signature_is_never_released_as_sealed(house: Releasing) -> None:
    _refused(house, house.release(tagged_pdf()), "no signature")


def test_an_encrypted_file_is_never_released(house: Releasing) -> None:
    buffer = io.BytesIO()
    with pikepdf.open(io.BytesIO(plain_pdf())) as opened:
        opened.save(buffer, encryption=pikepdf.Encryption(owner="x", user="y"))
    _refused(house, house.release(buffer.getvalue()), "the sealed file is refused")


def test_a_seal_of_an_authority_that_nobody_here_trusts_is_never_released(
    house: Releasing, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with signing_support.running(tmp_path_factory.mktemp("stranger")) as stranger:
        pdf = stranger.seal(tagged_pdf()).pdf
    _refused(house, house.release(pdf), "the sealed file is")


def test_the_second_reader_may_refuse_what_the_first_finds_valid(
    house: Releasing, sealed: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They are independent: an error in one of them is not enough to let a bad file out."""
    read = releasing.read_independently
    monkeypatch.setattr(releasing, "read_independently", lambda pdf: read(_flipped(pdf)))
    row = house.release(sealed)
    assert row["status"] == "failed" and house.following() == []


@pytest.mark.rule("ESL-5a")
def test_altered_bytes_in_the_store_are_never_released(house: Releasing, sealed: bytes, tmp_path: Path) -> None:
    digest = house.store.put(sealed)
    path = tmp_path / "store" / digest[:2] / digest[2:]
    path.chmod(0o644)
    path.write_bytes(sealed[:-1] + b"x")
    _refused(house, house.release(None, digest=digest), "altered")


def test_a_file_that_is_gone_is_never_released(house: Releasing) -> None:
    _refused(house, house.release(None, digest="0" * 64), "not in the store")


def test_a_document_that_bears_no_seal_is_released_when_it_has_the_pages_that_were_printed(house: Releasing) -> None:
    row = house.release(tagged_pdf(), sealed=False)
    assert row["status"] == "released" and house.last_event().body["pages"] == 2


def test_a_document_that_bears_no_seal_and_lost_a_page_is_never_released(house: Releasing) -> None:
    _refused(house, house.release(plain_pdf(), sealed=False), "1 pages, 2 were printed")


def test_a_document_that_bears_no_seal_and_is_no_pdf_is_never_released(house: Releasing) -> None:
    _refused(house, house.release(b"%PDF-1.7\n%%EOF", sealed=False), "cannot be read")
