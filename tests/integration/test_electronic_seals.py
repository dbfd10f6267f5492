"""Electronic seals of GB/T 38540 in the pipeline: put on beside PAdES, judged at release, refused with a reason."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from asn1crypto import x509

from pipeline.composition import Songda
from pipeline.steps import STAGES
from records import archives, documents, electronic_seals, ledger, steps
from records.errors import Permanent, Refused, Retry
from records.tables import seal_use, step
from signing import ses
from signing.certificates import TrustList, is_test, read_certificates
from signing.electronic import load_sm2_key
from signing.reader import read_seals
from signing.ses_making import SealOrder, make_seal
from signing.sm2_testfiles import make_electronic_seal, open_authority
from signing.sm2_testpki import Sm2Authority
from signing.verification import verify
from tests.step_house import StepHouse, step_house

NOW = datetime.now(UTC)
DAY = timedelta(days=1)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StepHouse]:
    with step_house(request, tmp_path_factory, electronic=True) as house:
        yield house


@pytest.fixture
def songda(house: StepHouse) -> Iterator[Songda]:
    songda = house.open()
    yield songda
    songda.close()


def _document(songda: Songda, document_id: str) -> sa.RowMapping:
    with songda.database.read() as connection:
        return documents.get(connection, document_id)


def _step(songda: Songda, document_id: str) -> sa.RowMapping:
    with songda.database.read() as connection:
        query = sa.select(step).where(step.c.id == f"{document_id}/seal")
        return connection.execute(query).mappings().one()


def _trust(songda: Songda) -> TrustList:
    return TrustList.load(Path(songda.settings.trust_list), test_system=True)


@pytest.fixture
def released(house: StepHouse, songda: Songda) -> sa.RowMapping:
    row = _document(songda, house.make(songda))
    assert row["status"] == "released", row["reason"]
    return row


@pytest.mark.rule("LAW-14")
def test_a_document_leaves_with_pades_first_the_electronic_seal_second_and_the_archive_stamp_last(
    songda: Songda, released: sa.RowMapping
) -> None:
    pdf = songda.store.get(released["final_digest"])
    verdict = verify(pdf, _trust(songda))
    assert verdict.valid, verdict.as_dict()
    pades, electronic = verdict.signatures
    assert (pades.profile, pades.docmdp) == ("B-LTA", "fill_forms")
    assert (electronic.profile, electronic.field) == (ses.GBT_38540_2020, "ElectronicSeal")
    assert len(verdict.archive) == 1 and verdict.test
    kinds = [each.kind for each in read_seals(pdf).seals]
    assert kinds == ["Sig", "ElectronicSeal", "DocTimeStamp"]
    covers = [each.covers for each in read_seals(pdf).seals]
    assert covers == sorted(covers) and covers[-1] == len(pdf)


@pytest.mark.rule("ESL-8")
def test_ledger_and_seal_use_name_the_electronic_seal_and_its_digest(
    house: StepHouse, songda: Songda, released: sa.RowMapping
) -> None:
    with songda.database.read() as connection:
        row = electronic_seals.active(connection, house.seal_id(songda))
        used = connection.execute(sa.select(seal_use).where(seal_use.c.document_id == released["id"])).mappings().one()
        (event,) = [each for each in ledger.events(connection, released["id"]) if each.kind == "document.sealed"]
    assert row is not None
    assert (used["electronic_seal_id"], used["electronic_seal_digest"]) == (row["id"], row["digest"])
    assert event.body["electronic_seal"] == {"id": row["id"], "digest": row["digest"], "name": row["name"]}
    assert ses.read_seal(songda.store.get(row["digest"])).name == "行政执法专用章"


def test_the_archive_stamp_proves_it_after_the_seal_has_ended(songda: Songda, released: sa.RowMapping) -> None:
    """Seals end after a few years: without proof of when it was put on, the file could not be renewed either."""
    pdf = songda.store.get(released["final_digest"])
    later = NOW + timedelta(days=4000)
    assert verify(pdf, _trust(songda), now=later).valid
    end = read_seals(pdf).seals[1].covers
    bare = verify(pdf[:end], _trust(songda), now=later)
    assert (bare.verdict, "seal_ended" in [each.code for each in bare.reasons]) == ("indeterminate", True)


def test_a_document_with_an_electronic_seal_is_renewed_like_any_other(
    house: StepHouse, songda: Songda, released: sa.RowMapping
) -> None:
    with songda.database.write() as connection:
        assert archives.ask(connection, "operator:x", ids=[released["id"]]) == [released["id"]]
        archives.make_steps(connection, 1)
    house.run(songda, f"{released['id']}/renew")
    with songda.database.read() as connection:
        kept = archives.get(connection, released["id"])
    renewed = songda.store.get(kept["digest"])
    assert kept["renewals"] == 1 and renewed.startswith(songda.store.get(released["final_digest"]))
    verdict = verify(renewed, _trust(songda))
    assert (verdict.valid, len(verdict.signatures), len(verdict.archive)) == (True, 2, 2)


def test_no_byte_of_the_electronic_seals_revision_changes_unseen(songda: Songda, released: sa.RowMapping) -> None:
    pdf = songda.store.get(released["final_digest"])
    first, second = (each.covers for each in read_seals(pdf).seals[:2])
    for place in range(first, second, (second - first) // 40):
        changed = bytearray(pdf)
        changed[place] ^= 1
        assert not read_seals(bytes(changed)).sound, place
        with suppress(Refused):
            assert verify(bytes(changed), _trust(songda)).verdict != "valid", place


def test_it_is_taken_off_and_put_on_by_one_command_each(
    house: StepHouse, songda: Songda, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_id = house.seal_id(songda)
    code, told = house.songda_says(capsys, "seal", "electronic", seal_id, "--off")
    assert code == 0 and told["off"].startswith("els_")
    assert house.songda_says(capsys, "seal", "electronic", seal_id, "--off")[1]["off"] is None
    row = _document(songda, house.make(songda))
    pdf = songda.store.get(row["final_digest"])
    verdict = verify(pdf, _trust(songda))
    assert (verdict.valid, len(verdict.signatures), verdict.signatures[0].docmdp) == (True, 1, "no_changes")
    assert _register(house, capsys, seal_id)[0] == 0
    with songda.database.read() as connection:
        kinds = [each.kind for each in ledger.events(connection, f"directory:{row['authority_id']}")]
    assert kinds[-2:] == ["electronic_seal.taken_off", "electronic_seal.registered"]


def _register(
    house: StepHouse, capsys: pytest.CaptureFixture[str], seal_id: str, name: str = "caac-north-china", **other: Any
) -> tuple[int, Any]:
    files = make_electronic_seal(house.pki, name, "中国民用航空华北地区管理局", "行政执法专用章")
    words = ["seal", "electronic", seal_id, "--secrets-stdin", "--file", str(other.get("file", files.seal))]
    words += ["--key", str(other.get("key", f"pkcs8:{files.key}"))]
    words += ["--certificate", str(other.get("certificate", files.certificate))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stdin", io.StringIO(str(other.get("secret", files.passphrase)) + "\n"))
        return house.songda_says(capsys, *words)


# --- refused at registration


def test_registration_refuses_what_could_not_be_used(
    house: StepHouse, songda: Songda, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_id, other = house.seal_id(songda), make_electronic_seal(house.pki, "other", "他人", "印章")
    ours = make_electronic_seal(house.pki, "caac-north-china", "", "")
    changed, plain = tmp_path / "changed.esl", tmp_path / "plain.p8"
    data = bytearray(ours.seal.read_bytes())
    data[len(data) // 2] ^= 1
    changed.write_bytes(data)
    plain.write_bytes(load_sm2_key(f"pkcs8:{ours.key}", ours.passphrase).pkcs8())
    for named, reason in (
        ({"secret": "wrong"}, "passphrase is wrong"),
        ({"key": f"pkcs8:{plain}"}, "passphrase is wrong"),
        ({"key": "pkcs8:/nowhere"}, "cannot be read"),
        ({"key": f"pkcs12:{ours.key}"}, "pkcs8:PATH"),
        ({"file": changed}, "changed"),
        ({"file": ours.key}, "cannot be read"),
        ({"certificate": other.certificate}, "is not its key"),
        ({"file": other.seal}, "does not name the certificate"),
    ):
        code, told = _register(house, capsys, seal_id, **named)
        assert code == 2 and reason in told["error"]["message"], (named, told)
    assert house.songda_says(capsys, "seal", "electronic", seal_id)[0] == 2
    assert _register(house, capsys, "sea_unknown")[1]["error"]["code"] == "unknown_seal"
    with songda.database.read() as connection:
        assert electronic_seals.active(connection, seal_id) is not None, "the one before is still on"


def test_a_seal_that_has_ended_and_one_of_an_unknown_authority_are_refused(
    house: StepHouse, songda: Songda, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_id = house.seal_id(songda)
    make_electronic_seal(house.pki, "ended", "他人", "印章", valid_to=NOW - timedelta(hours=1))
    code, told = _register(house, capsys, seal_id, "ended")
    assert code == 2 and "valid from" in told["error"]["message"]
    stranger = Sm2Authority.make(crl_url="http://127.0.0.1:1/none")
    signer = stranger.issue("他人", "印章")
    order = SealOrder("1", "印章", ses.Picture("PNG", b"x", 42, 42), [signer.certificate], NOW - DAY, NOW + DAY)
    files = [tmp_path / name for name in ("seal.esl", "key.p8", "signer.der")]
    files[0].write_bytes(make_seal(order, signer.key, signer.certificate))
    files[1].write_bytes(signer.key.encrypted("secret"))
    files[2].write_bytes(signer.certificate)
    named = {"file": files[0], "key": f"pkcs8:{files[1]}", "certificate": files[2], "secret": "secret"}
    code, told = _register(house, capsys, seal_id, **named)
    assert code == 2 and "no path to a root" in told["error"]["message"]


def test_a_production_system_takes_no_test_seal(house: StepHouse, songda: Songda) -> None:
    with songda.database.read() as connection:
        row = electronic_seals.active(connection, house.seal_id(songda))
    assert row is not None
    vars(songda)["test"] = False
    with pytest.raises(Permanent, match="no TEST system"):
        songda.cabinet.electronic.filler(row, songda.store)


# --- refused at use: the step waits, and nothing is released without it


def _waits(house: StepHouse, songda: Songda, reason: str) -> str:
    document_id = house.make(songda)
    waiting = _step(songda, document_id)
    assert (waiting["state"], waiting["excused"]) == ("ready", 1), waiting["error"]
    assert reason in waiting["error"], waiting["error"]
    assert _document(songda, document_id)["status"] == "rendered"
    return document_id


def test_a_revoked_certificate_makes_the_step_wait_and_it_goes_on_with_the_next_seal(
    house: StepHouse, songda: Songda, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_id = house.seal_id(songda)
    assert _register(house, capsys, seal_id, "to-be-revoked")[0] == 0
    files = make_electronic_seal(house.pki, "to-be-revoked", "", "")
    serial = read_certificates(files.certificate)[0].serial_number
    open_authority(house.pki).revoke(serial, NOW - DAY)
    broken = house.open()
    document_id = _waits(house, broken, "revoked")
    broken.close()
    assert _register(house, capsys, seal_id)[0] == 0
    mended = house.open()
    house.again(mended, document_id)
    row = _document(mended, document_id)
    assert row["status"] == "released"
    assert len(verify(mended.store.get(row["final_digest"]), _trust(mended)).signatures) == 2
    mended.close()


def test_an_ended_seal_makes_the_step_wait(
    house: StepHouse, songda: Songda, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_id = house.seal_id(songda)
    end = datetime.now(UTC) + timedelta(seconds=2)
    make_electronic_seal(house.pki, "soon", "民航", "印章", valid_to=end)
    assert _register(house, capsys, seal_id, "soon")[0] == 0
    late = house.open()
    time.sleep(max(0.0, (end - datetime.now(UTC)).total_seconds()) + 1)
    document_id = _waits(house, late, "valid from")
    late.close()
    assert house.songda_says(capsys, "seal", "electronic", seal_id, "--off")[0] == 0
    without = house.open()
    house.again(without, document_id)
    assert _document(without, document_id)["status"] == "released"
    without.close()
    assert _register(house, capsys, seal_id)[0] == 0


def test_an_electronic_seal_that_is_taken_off_while_it_is_used_seals_nothing(
    house: StepHouse, songda: Songda, capsys: pytest.CaptureFixture[str]
) -> None:
    seal_id, document_id = house.seal_id(songda), house.make(songda, stop_before="seal")
    with songda.database.write() as connection:
        claim = steps.claim(connection, f"{document_id}/seal", "test", 60)
    assert claim is not None
    conclusion = STAGES["seal"](songda, claim)
    assert house.songda_says(capsys, "seal", "electronic", seal_id, "--off")[0] == 0
    with pytest.raises(Retry, match="was changed"), songda.database.write() as connection:
        conclusion.write(connection)
    assert _document(songda, document_id)["status"] == "rendered"
    assert _register(house, capsys, seal_id)[0] == 0


def test_a_lost_passphrase_makes_the_step_wait(house: StepHouse, songda: Songda) -> None:
    kept = {name: secret for name, secret in songda.settings.secrets.items() if not name.startswith("els_")}
    poor = Songda(replace(songda.settings, secrets=kept), songda.database, songda.store)
    document_id = _waits(house, poor, "passphrase is missing")
    house.again(songda, document_id)
    assert _document(songda, document_id)["status"] == "released"


def test_certificate_of_the_test_authority_says_test_and_names_its_crl(house: StepHouse) -> None:
    files = make_electronic_seal(house.pki, "caac-north-china", "", "")
    certificate: x509.Certificate = read_certificates(files.certificate)[0]
    assert is_test(certificate)
    assert next(point.url for point in certificate.crl_distribution_points).endswith("/sm2/root.crl")
