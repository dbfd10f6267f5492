"""Fail closed and recovery: each part behind a seal is taken away from a real worker, and given back.

While it is away the document waits as `rendered` with a reason that names part and remedy, and nothing sealed is
stored. When it is back the same worker goes on by itself, whatever had to be mended.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12

from records import seals
from signing.testpki import SealSubject, Stamper, make_pki, open_pki
from signing.verification import verify
from tests.csc_server import CscServer, serving
from tests.sealing_house import SealingHouse, sealing_house, told
from tests.signing_support import free_port
from tests.soft_token import PIN, SoftToken, needs_softhsm

pytestmark = pytest.mark.rule("ESL-13a")
_OFFICE = ("民航华北地区管理局", "行政执法专用章")


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory) -> SoftToken:
    return SoftToken.make(tmp_path_factory.mktemp("softhsm") / "token", "house")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, token: SoftToken) -> Iterator[SealingHouse]:
    """One system for all tests of this file, and one worker that is never restarted."""
    home = tmp_path_factory.mktemp("home") / "home"
    environment = {"SOFTHSM2_CONF": token.environment["SOFTHSM2_CONF"]}
    with sealing_house(home, environment, revocation_seconds=1.0) as house:
        yield house


@pytest.fixture(autouse=True)
def _everything_is_there(house: SealingHouse) -> Iterator[None]:
    yield
    house.ca.down = set()


def _new_key(house: SealingHouse, name: str, valid_to: datetime | None = None) -> tuple[str, str]:
    """The address and the passphrase of a further key of the office."""
    subject = SealSubject(name, *_OFFICE, valid_to=valid_to)
    files = make_pki(house.pki.directory, house.pki.url, [subject]).seals[name]
    return f"pkcs12:{files.pkcs12}", files.passphrase


def _parts(house: SealingHouse, name: str) -> tuple[ec.EllipticCurvePrivateKey, x509.Certificate]:
    """Key and certificate of a further seal, for a token or a service to hold."""
    _new_key(house, name)
    folder = house.pki.directory
    key = serialization.load_pem_private_key((folder / "keys" / f"{name}.pem").read_bytes(), None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key, x509.load_pem_x509_certificate((folder / "certs" / f"{name}.pem").read_bytes())


def _assert_released_and_valid(house: SealingHouse, document_id: str) -> None:
    row = house.assert_goes_on(document_id)
    verdict = verify(house.songda.store.get(row["final_digest"]), house.songda.cabinet.trust)
    assert (verdict.valid, verdict.signatures[0].profile) == (True, "B-LTA")


def test_the_time_stamp_authority_is_down_and_comes_back(house: SealingHouse) -> None:
    house.ca.down = {"/tsa/"}
    document_id = house.submit()
    house.assert_waits(document_id, r"no time stamp authority gave a time stamp: http.*/tsa: answers with HTTP .* 503")
    (stands,) = told(house.songda, "status")["timestamps"]
    assert (stands["url"], stands["state"], stands["answers"]) == (house.pki.tsa_url, "failing", 0)
    assert stands["failures"] >= 1 and "503" in stands["failure"]
    house.ca.down = set()
    _assert_released_and_valid(house, document_id)


def test_a_second_authority_that_is_named_meanwhile_is_asked(house: SealingHouse) -> None:
    """No restart: the worker notices the changed file."""
    period = (datetime(2024, 1, 1, tzinfo=UTC), datetime(2060, 1, 1, tzinfo=UTC))
    pki = make_pki(house.pki.directory, house.pki.url, [], [Stamper("second", *period)])
    house.ca.down = {"/tsa/tsa"}
    document_id = house.submit()
    house.assert_waits(document_id, "no time stamp authority gave", attempts=1)
    house.change_settings(f'["{pki.tsa_url}"]', f'["{pki.tsa_url}", "{pki.stamper_url("second")}"]')
    _assert_released_and_valid(house, document_id)
    house.ca.down = set()


def test_revocation_data_is_not_to_be_had_and_what_was_kept_runs_out(house: SealingHouse) -> None:
    first = house.submit()
    house.assert_goes_on(first)
    house.ca.down = {"/ocsp/", "/crls/"}
    time.sleep(1.1)  # revocation_seconds: what the worker has kept is too old by now
    document_id = house.submit()
    house.assert_waits(document_id, r"no revocation data: http.*503")
    house.ca.down = set()
    _assert_released_and_valid(house, document_id)


def test_the_certificate_expires_overnight_and_a_new_seal_is_registered(house: SealingHouse) -> None:
    brief = datetime.now(UTC) + timedelta(seconds=15)
    house.use_key(*_new_key(house, "brief", brief))
    house.assert_goes_on(house.submit())
    time.sleep(max(0.0, (brief - datetime.now(UTC)).total_seconds()) + 0.1)
    document_id = house.submit()
    house.assert_waits(document_id, r"seal sea_\w+ cannot be used: certificate .*: expired on")
    fresh = house.use_key(*_new_key(house, "fresh"))
    _assert_released_and_valid(house, document_id)
    with house.songda.database.write() as connection:  # the expired one is the newest that is active again
        seals.stop(connection, fresh, by="person:admin", reason="test")
    document_id = house.submit()
    house.assert_waits(document_id, "expired on", attempts=1)
    _renew(house, "brief")
    _assert_released_and_valid(house, document_id)


def _renew(house: SealingHouse, name: str) -> None:
    """Put another key and certificate into the file that the seal's address names, under the passphrase it had."""
    key, certificate = _parts(house, f"{name}-renewed")
    files = open_pki(house.pki.directory).seals[name]
    lock = serialization.BestAvailableEncryption(files.passphrase.encode())
    files.pkcs12.write_bytes(pkcs12.serialize_key_and_certificates(b"seal", key, certificate, None, lock))


@needs_softhsm
def test_the_token_is_unplugged_and_plugged_in_again(house: SealingHouse, token: SoftToken) -> None:
    token.put("seal", "01", *_parts(house, "in-token"))
    house.use_key(token.uri("seal"), PIN)
    _assert_released_and_valid(house, house.submit())
    token.unplug()
    document_id = house.submit()
    house.assert_waits(document_id, r"no token 'house' in any slot of .*plug it in")
    token.plug()
    _assert_released_and_valid(house, document_id)


@needs_softhsm
def test_the_pin_is_wrong_and_corrected_in_the_settings(house: SealingHouse, token: SoftToken) -> None:
    token.put("other", "02", *_parts(house, "in-token-too"))
    seal_id = house.use_key(token.uri("other"), "9999")
    document_id = house.submit()
    told_to_mend = house.assert_waits(
        document_id, r"PIN of token 'house' is wrong.* correct it in the secrets of songda"
    )
    assert "9999" not in told_to_mend
    house.change_settings(f'"{seal_id}" = "9999"', f'"{seal_id}" = "{PIN}"')
    _assert_released_and_valid(house, document_id)


def test_the_signing_service_is_down_and_comes_back(house: SealingHouse) -> None:
    key, certificate = _parts(house, "remote")
    above = x509.load_pem_x509_certificate(house.pki.intermediate.read_bytes())
    service = CscServer({"remote": (key, (certificate, above))}, port=free_port())
    house.use_key(service.address("remote"), service.secret())
    document_id = house.submit()
    house.assert_waits(document_id, r"the signing service does not answer at http.*csc/v2")
    with serving(service, service.port):
        _assert_released_and_valid(house, document_id)
        assert service.pins.count("2580") == len(service.pins)
    next_one = house.submit()
    house.assert_waits(next_one, r"the signing service does not answer")
    with serving(service, service.port):
        _assert_released_and_valid(house, next_one)
