"""Keys of a remote signing service (CSC API v2), against a local service that checks tokens, PINs and hashes."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from cryptography import x509

from records.errors import Permanent, Retry
from signing import csc, remote_keys
from signing.keys import SigningKey, load_key
from signing.reader import read_seals
from signing.sealing import Profile
from signing.verification import verify
from tests import csc_server
from tests.csc_server import PIN, CscServer, serving
from tests.signing_support import NORTH, RSA, Bench, free_port, running, tagged_pdf


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", (NORTH, RSA)) as bench:
        yield bench


@pytest.fixture
def service(bench: Bench) -> Iterator[CscServer]:
    above = x509.load_pem_x509_certificate(bench.pki.intermediate.read_bytes())
    keys = {name: (bench.private(name), (bench.certificate(name), above)) for name in ("north", "rsa")}
    with serving(CscServer(keys)) as server:
        yield server


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A service that dawdles is given up sooner than in use; keys that were loaded are closed."""
    monkeypatch.setattr(
        remote_keys, "CscService", lambda *args, **options: csc.CscService(*args, seconds=1.0, **options)
    )
    yield
    while _LOADED:
        _LOADED.pop().close()


_LOADED: list[SigningKey] = []


def _load(service: CscServer, name: str = "north", **secrets: str) -> SigningKey:
    key = load_key(service.address(name), service.secret(**secrets))
    _LOADED.append(key)
    return key


@pytest.mark.rule("ESL-13a")
@pytest.mark.parametrize("name", ["north", "rsa"])
def test_a_remote_key_seals_like_any_other(bench: Bench, service: CscServer, name: str) -> None:
    """P-256 and RSA-3072, at B-LTA."""
    key = _load(service, name)
    assert key.test
    assert [str(each.subject.native["common_name"]) for each in key.chain] == ["TEST Intermediate CA"]
    sealed = bench.seal(tagged_pdf(), Profile.B_LTA, bench.means(key)).pdf
    assert verify(sealed, bench.trust).valid
    assert read_seals(sealed).sound


def test_each_signature_is_authorised_for_its_own_hash_and_tokens_are_kept(service: CscServer) -> None:
    key = _load(service)
    for data in (b"one", b"two"):
        assert key.sign(data)
    authorised = ["credentials/authorize", "signatures/signHash"] * 3
    assert service.calls == ["oauth2/token", "credentials/info", *authorised], "loading, then two signatures"
    assert service.pins == [PIN] * 3


def test_halves_are_taken_for_der(service: CscServer) -> None:
    service.raw = True
    assert _load(service).sign(b"data")


def test_an_access_token_that_is_not_taken_any_more_is_replaced(service: CscServer) -> None:
    key = _load(service)
    service.revoke_tokens()
    assert key.sign(b"data")
    service.token_seconds = 1  # shorter than our margin: a new one for each call
    service.revoke_tokens()
    assert key.sign(b"data")
    assert service.calls.count("oauth2/token") >= 3


def test_a_credential_that_needs_no_secret_is_sent_none(service: CscServer) -> None:
    service.mode = "implicit"
    key = load_key(service.address("north"), '{"client_secret": "client-secret-1"}')
    assert key.sign(b"data")
    key.close()
    assert service.pins == []


# --- refused: a person has to act


def test_a_refused_pin_is_sent_once_however_many_threads_and_keys_ask(service: CscServer) -> None:
    told: list[str] = []

    def load() -> None:
        try:
            _load(service, PIN="0000")
        except Permanent as error:
            told.append(str(error))

    threads = [threading.Thread(target=load) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert service.pins == ["0000"]
    assert len(told) == 6
    assert all("refused the PIN of credential 'north'" in each and "correct the secret" in each for each in told)
    assert sum("invalid_pin" in each for each in told) == 1
    assert "0000" not in "".join(told)
    assert _load(service).sign(b"data")


def test_a_pin_that_was_changed_at_the_service_is_noticed_and_its_successor_taken(service: CscServer) -> None:
    key = _load(service)
    service.pin = "1111"
    for _ in range(3):
        with pytest.raises(Permanent, match="refused the PIN"):
            key.sign(b"data")
    assert service.pins == [PIN, PIN], "at loading, and once more"
    assert _load(service, PIN="1111").sign(b"data")


def _set(name: str, value: Any) -> Callable[[CscServer], None]:
    return lambda service: setattr(service, name, value)


def _out(method: str, answer: int | dict[str, Any] | bytes) -> Callable[[CscServer], None]:
    return lambda service: service.out_of_order.update({method: answer})


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_set("status", "disabled"), "credential 'north' .* is disabled: have its operator enable it"),
        (_set("mode", "oauth2code"), "authorised by 'oauth2code', which needs a person at each signature"),
        (_set("factors", ("PIN", "OTP")), "asks for OTP: add it to the seal's secret"),
        (_out("credentials/info", 400), "knows no usable credential 'north': HTTP 400"),
        (_out("signatures/signHash", 403), "does not sign with credential 'north': HTTP 403"),
        (_set("wrong_signature", True), "does not verify with the certificate's public key"),
    ],
)
def test_what_an_operator_has_to_mend(service: CscServer, change: Callable[[CscServer], None], told: str) -> None:
    change(service)
    with pytest.raises(Permanent, match=told):
        _load(service)


def test_a_refused_client_is_named(service: CscServer) -> None:
    with pytest.raises(Permanent, match=r"refused the client 'songda': invalid_client; correct client or client_sec"):
        _load(service, client_secret="other")
    assert service.calls == ["oauth2/token"]


def test_an_algorithm_that_the_certificate_does_not_want_is_refused(service: CscServer, bench: Bench) -> None:
    service.keys = {"north": (bench.private("rsa"), (bench.certificate("north"),))}
    with pytest.raises(Permanent, match=r"does not sign by sha256_ecdsa.*offers 1\.2\.840\.113549"):
        _load(service)


# --- away: it comes back


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_out("oauth2/token", 503), "not able to do oauth2/token now: HTTP 503"),
        (_out("credentials/info", 500), "not able to do credentials/info now"),
        (_out("credentials/authorize", 429), "not able to do credentials/authorize now"),
        (_out("signatures/signHash", 502), "not able to do signatures/signHash now"),
        (_out("credentials/info", b"<html>"), "its answer to credentials/info cannot be understood"),
        (_out("credentials/authorize", {"handle": "later"}), "answer to credentials/authorize cannot be understood"),
        (_out("signatures/signHash", {"signatures": ["????"]}), "answer to signatures/signHash cannot be understood"),
        (_out("signatures/signHash", {"signatures": []}), "answer to signatures/signHash cannot be understood"),
        (_out("signatures/signHash", {"responseID": "x"}), "answer to signatures/signHash cannot be understood"),
        (_out("credentials/info", b" " * 2**21), "does not answer at .*larger than 1024 KiB"),
        (_set("slow", 1.5), "does not answer at"),
    ],
)
def test_what_comes_back_by_itself(service: CscServer, change: Callable[[CscServer], None], told: str) -> None:
    change(service)
    with pytest.raises(Retry, match=told):
        _load(service)
    service.out_of_order.clear()
    service.slow = 0.0
    assert _load(service).sign(b"data"), "nothing was held against the PIN"


def test_a_service_that_is_down_is_waited_for(service: CscServer) -> None:
    with pytest.raises(Retry, match="does not answer at http://127"):
        load_key(f"csc:http://127.0.0.1:{free_port()}/csc/v2?credential=north&client=songda", service.secret())


def test_redirects_are_not_followed(service: CscServer) -> None:
    """Whoever could redirect would be shown the client's secret."""
    service.out_of_order["oauth2/token"] = 307
    with pytest.raises(Permanent, match="refused the client 'songda': HTTP 307"):
        _load(service)


def test_a_service_that_drips_is_cut_off(bench: Bench, service: CscServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte comes in time, the answer never does."""

    def drip(path: str, body: bytes, authorization: str) -> tuple[int, bytes]:
        return 200, b" " * 100

    monkeypatch.setattr(service, "answer", drip)
    monkeypatch.setattr(csc_server, "_PAUSE", 0.05)
    began = time.monotonic()
    with pytest.raises(Retry, match="took longer than 1 s"):
        _load(service)
    assert time.monotonic() - began < 3


# --- addresses and secrets


@pytest.mark.parametrize(
    ("address", "secret", "told"),
    [
        ("csc:http://sign.example/csc/v2?credential=a&client=b", "{}", "only https is used"),
        ("csc:https://sign.example/csc/v2?credential=a&client=b&oauth2=http://x.example", "{}", "only https is used"),
        ("csc:ftp://sign.example/csc/v2?credential=a&client=b", "{}", "only https is used"),
        ("csc:https://sign.example/csc/v2?credential=a", "{}", "is named by csc:https"),
        ("csc:https:///csc/v2?credential=a&client=b", "{}", "is named by csc:https"),
        ("csc:https://sign.example/csc/v2?credential=a&client=b", None, "is a JSON object of texts"),
        ("csc:https://sign.example/csc/v2?credential=a&client=b", "1234", "is a JSON object of texts"),
        ("csc:https://sign.example/csc/v2?credential=a&client=b", '{"PIN": "1"}', "is a JSON object of texts"),
        (
            "csc:https://sign.example/csc/v2?credential=a&client=b",
            json.dumps({"client_secret": "hidden", "PIN": 2580}),
            "is a JSON object of texts",
        ),
    ],
)
def test_an_address_or_a_secret_that_cannot_work_is_refused_without_a_call(
    address: str, secret: str | None, told: str
) -> None:
    with pytest.raises(Permanent, match=told) as raised:
        load_key(address, secret)
    assert "hidden" not in str(raised.value) and "2580" not in str(raised.value)
