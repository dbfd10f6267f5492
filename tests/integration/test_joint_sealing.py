"""Several seals, the seam and the code in the pipeline: what a manifest asks for stands on the released file."""

from __future__ import annotations

import hashlib
import io
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pikepdf
import pytest
import sqlalchemy as sa
import zxingcpp
from PIL import Image

from delivery import seal_uses
from pipeline.composition import Songda
from pipeline.installation import add_secret
from records import access, documents, ledger, seal_approvals, seals
from records.database import Database
from records.tables import seal_use
from signing.fields import Placement
from signing.reader import read_seals
from signing.testpki import SealSubject, make_pki, open_pki
from signing.verification import verify
from templates.accessibility import file_faults
from templates.catalogue import catalogue
from tests import signing_support
from tests.rows import AUTHORITY, allow_everything
from tests.seal_house import SealHouse
from tests.signing_support import Bench
from tests.step_house import StepHouse, step_house

NOTICE = "hearing-notice"


def _ask_for(patch: pytest.MonkeyPatch, *kinds: str) -> None:
    """As if the notice's manifest asked for these seals, for seam and code, and for an archive time stamp."""
    present = catalogue().get(NOTICE)
    printing = replace(present.print, seals=kinds, seam="right", profile="B-LTA", code=True)
    asked = replace(present, manifest=replace(present.manifest, print=printing))
    patch.setitem(catalogue()._read, NOTICE, asked)


@pytest.fixture
def two_seals(monkeypatch: pytest.MonkeyPatch) -> None:
    _ask_for(monkeypatch, "enforcement", "official")


# --- the whole way ---------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def system(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepHouse]:
    with step_house(request, tmp_path_factory, electronic=True) as house:
        subject = SealSubject("official", "中国民用航空华北地区管理局", "公章")
        files = make_pki(house.pki, open_pki(house.pki).url, [subject]).seals["official"]
        songda = house.open()
        with songda.database.write() as connection:
            authority_id = str(seals.listed(connection)[0]["authority_id"])
            seal_id = seals.register(
                connection,
                authority_id,
                kind="official",
                ring_text="中国民用航空华北地区管理局",
                second_line="",
                key_uri=f"pkcs12:{files.pkcs12}",
                test=True,
            )
            allow_everything(connection, seal_id)
        add_secret(house.home / "songda.toml", seal_id, files.passphrase)
        songda.close()
        yield house


@pytest.fixture
def songda(system: StepHouse) -> Iterator[Songda]:
    songda = system.open()
    yield songda
    songda.close()


def _released(songda: Songda, document_id: str) -> tuple[sa.RowMapping, bytes]:
    with songda.database.read() as connection:
        row = documents.get(connection, document_id)
    assert row["status"] == "released", row["reason"]
    return row, songda.store.get(row["final_digest"])


def _pages(pdf: bytes, folder: Path) -> list[Image.Image]:
    (folder / "file.pdf").write_bytes(pdf)
    subprocess.run(["pdftoppm", "-png", "-r", "100", "file.pdf", "page"], cwd=folder, check=True)
    return [Image.open(each).convert("RGB") for each in sorted(folder.glob("page-*.png"))]


def _red_at_the_edge(page: Image.Image) -> bool:
    """Whether the seam seal stands at the right edge, in the middle of its height."""
    width, height = page.size
    strip = page.crop((width - 8, height // 2 - 80, width, height // 2 + 80))
    return any(red > 180 and green < 120 for red, green, _ in strip.get_flattened_data())


def _kinds(pdf: bytes) -> list[str]:
    reading = read_seals(pdf)
    assert reading.sound, reading.faults
    return [each.kind for each in reading.seals]


def test_a_decision_leaves_with_seam_and_code_under_its_seal(system: StepHouse, songda: Songda, tmp_path: Path) -> None:
    row, pdf = _released(songda, system.make(songda, "penalty-decision"))
    verdict = verify(pdf, songda.cabinet.trust)
    assert verdict.valid, verdict.as_dict()
    assert _kinds(pdf) == ["Sig", "ElectronicSeal", "DocTimeStamp"]
    assert list(file_faults(pdf)) == []
    pages = _pages(pdf, tmp_path)
    assert len(pages) == row["pages"] > 1 and all(_red_at_the_edge(page) for page in pages)
    (read,) = zxingcpp.read_barcodes(pages[0])
    address = urlsplit(read.text)
    assert f"{address.scheme}://{address.netloc}{address.path}" == f"{songda.settings.public_url}/verify"
    rendered = hashlib.sha256(songda.store.get(row["rendered_digest"])).hexdigest()
    assert parse_qs(address.query) == {"document": [row["id"]], "digest": [rendered[:16]]}
    assert not any(zxingcpp.read_barcodes(page) for page in pages[1:])


def test_an_instrument_without_them_has_neither_seam_nor_code(
    system: StepHouse, songda: Songda, tmp_path: Path
) -> None:
    _, pdf = _released(songda, system.make(songda, "penalty-prior-notice"))
    pages = _pages(pdf, tmp_path)
    assert not any(_red_at_the_edge(page) or zxingcpp.read_barcodes(page) for page in pages)


@pytest.mark.usefixtures("two_seals")
def test_two_seals_stand_side_by_side_then_the_electronic_seal_then_the_archive_stamp(
    system: StepHouse, songda: Songda
) -> None:
    row, pdf = _released(songda, system.make(songda, NOTICE))
    verdict = verify(pdf, songda.cabinet.trust)
    assert verdict.valid, verdict.as_dict()
    assert [each.field for each in verdict.signatures] == ["Seal", "Seal2", "ElectronicSeal"]
    assert _kinds(pdf) == ["Sig", "Sig", "ElectronicSeal", "DocTimeStamp"]
    covers = [each.covers for each in read_seals(pdf).seals]
    assert covers == sorted(covers) and covers[-1] == len(pdf)
    first, second = _places(pdf)
    assert (round(first.width_mm, 2), round(second.width_mm, 2)) == (42.0, 42.0)
    assert first.page == second.page and second.x_mm + 21 < first.x_mm - 21 and second.y_mm == pytest.approx(first.y_mm)
    with songda.database.read() as connection:
        uses = connection.execute(sa.select(seal_use).where(seal_use.c.document_id == row["id"])).mappings().all()
        kinds = {seals.find(connection, each["seal_id"])["kind"]: each for each in uses}
        (event,) = [each for each in ledger.events(connection, row["id"]) if each.kind == "document.sealed"]
        assert list(ledger.verify(connection)) == []
    assert set(kinds) == {"enforcement", "official"}
    assert {each["sealed_digest"] for each in uses} == {row["final_digest"]}
    assert len({each["grant_id"] for each in uses}) == len({each["certificate_serial"] for each in uses}) == 2
    assert kinds["enforcement"]["electronic_seal_id"] and kinds["official"]["electronic_seal_id"] is None
    assert event.body["seal"] == kinds["enforcement"]["seal_id"] == row["seal_id"]
    assert [each["seal"] for each in event.body["counter_signed"]] == [kinds["official"]["seal_id"]]


def _places(pdf: bytes) -> list[Placement]:
    """Where the seals stand, in the order of their names."""
    found = {}
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        for number, page in enumerate(opened.pages, start=1):
            for each in page.obj.get("/Annots", []):
                left, low, right, high = (float(side) * 25.4 / 72 for side in each.get("/Rect", [0, 0, 0, 0]))
                if str(each.get("/T", "")).startswith("Seal"):
                    place = Placement(number, (left + right) / 2, (low + high) / 2, right - left, high - low)
                    found[str(each.T)] = place
    return [found[name] for name in sorted(found)]


# --- the step --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with signing_support.running(tmp_path_factory.mktemp("pki")) as bench:
        yield bench


@pytest.fixture
def house(database: Database, tmp_path: Path, bench: Bench, two_seals: None) -> Iterator[SealHouse]:
    house = SealHouse(database, tmp_path, bench)
    yield house
    house.close()


@pytest.mark.rule("ESL-13a")
def test_a_missing_second_seal_makes_the_document_wait_with_the_reason_and_nothing_is_sealed(house: SealHouse) -> None:
    house.grant()
    document_id = house.rendered()
    assert house.run(document_id) == "rendered"
    waiting = house.step(document_id)
    assert waiting["state"] == "ready" and "no active seal of the kind official: none is registered" in waiting["error"]
    assert house.uses() == []
    official, _ = house.add_seal(kind="official", second_line="")
    house.grant(seal_id=official)
    house.runner = house.another()
    assert house.run(document_id) == "sealed"
    assert {each["seal_id"] for each in house.uses()} == {house.seal_id, official}


@pytest.mark.rule("ESL-13a")
def test_each_of_two_seals_needs_its_own_approval(house: SealHouse) -> None:
    official, _ = house.add_seal(kind="official", second_line="")
    house.runner = house.another()
    document_id = house.rendered()
    person = access.Person(house.leader, "leader", "孙建平", frozenset({"leader"}), AUTHORITY)
    asked = []
    for _ in range(2):
        assert house.run(document_id) == "rendered" and house.step(document_id)["state"] == "waiting"
        with house.database.read() as connection:
            assert [row["id"] for row in seal_uses.waiting_for(connection, house.store, person)] == [document_id]
            asked.append(str(seal_uses.find(connection, house.store, document_id, person).seal["id"]))
        assert house.uses() == []
        house.approve(document_id, seal_id=asked[-1])
    assert asked == [house.seal_id, official]
    assert house.run(document_id) == "sealed"
    assert [each["basis"] for each in house.uses()] == ["approval", "approval"]
    assert len({each["approval_id"] for each in house.uses()}) == 2
    awaited = [event.body["seal"] for event in house.events(document_id) if event.kind == "seal.awaited"]
    assert awaited == [house.seal_id, official], "each is told once"


def test_what_is_approved_is_the_seal_that_was_shown(house: SealHouse) -> None:
    house.add_seal(kind="official", second_line="")
    document_id = house.rendered()
    house.run(document_id)
    session = access.Session(
        "0" * 64, "csrf", access.Person(house.leader, "leader", "孙建平", frozenset({"leader"}), AUTHORITY)
    )
    with pytest.raises(seal_approvals.NothingToApprove):
        seal_uses.approve(house.database, house.store, document_id, (house.printed, "sea_other"), session, "password")


def test_a_seal_that_is_stopped_while_both_are_put_on_leaves_nothing(house: SealHouse) -> None:
    official, _ = house.add_seal(kind="official", second_line="")
    house.grant()
    house.grant(seal_id=official)
    house.runner = house.another()
    document_id = house.rendered()
    real = house.songda.cabinet.seal

    def stopping(*words: object, **named: object) -> object:
        done = real(*words, **named)  # type: ignore[arg-type]
        with house.database.write() as connection:
            seals.stop(connection, official, "operator:test")
        return done

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(house.songda.cabinet, "seal", stopping)
        assert house.run(document_id) == "rendered"
    assert house.uses() == [] and "stopped while it was being used" in house.step(document_id)["error"]
    assert [event.kind for event in house.events(document_id)] == ["document.discarded"]


def test_a_signature_stamp_is_a_square_of_its_own_size_with_the_name(
    house: SealHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _ask_for(monkeypatch, "enforcement", "signature_stamp")
    stamp, _ = house.add_seal(kind="signature_stamp", ring_text="何静", second_line="", diameter_mm=20.0)
    house.grant()
    house.grant(seal_id=stamp)
    house.runner = house.another()
    document_id = house.rendered()
    assert house.run(document_id) == "sealed"
    pdf = house.store.get(house.row(document_id)["final_digest"])
    assert [round(each.width_mm, 2) for each in _places(pdf)] == [42.0, 20.0]
    assert verify(pdf, house.bench.trust).valid


def test_a_stamp_that_cannot_be_drawn_is_waited_for(house: SealHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    _ask_for(monkeypatch, "signature_stamp")
    stamp, _ = house.add_seal(kind="signature_stamp", ring_text="一个过长的姓名", second_line="")
    house.grant(seal_id=stamp)
    house.runner = house.another()
    document_id = house.rendered()
    assert house.run(document_id) == "rendered" and "cannot be drawn" in house.step(document_id)["error"]


def test_seals_that_do_not_fit_side_by_side_are_not_put_over_the_text(house: SealHouse) -> None:
    official, _ = house.add_seal(kind="official", second_line="")
    house.grant()
    house.grant(seal_id=official)
    house.runner = house.another()
    document_id = house.rendered(placement={"page": 1, "x_mm": 60, "y_mm": 100})
    assert house.run(document_id) == "rendered"
    assert "do not fit side by side" in house.step(document_id)["error"] and house.uses() == []
