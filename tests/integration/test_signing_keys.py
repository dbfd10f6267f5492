"""Keys from PKCS#12 files and from a real PKCS#11 token (SoftHSM2), and what an operator is told when one fails."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from records.errors import Permanent, Retry
from signing import keys
from signing.keys import load_key
from signing.reader import read_seals
from signing.sealing import Profile
from signing.verification import verify
from tests.signing_support import Bench, running, tagged_pdf

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
PIN = "1234"
needs_softhsm = pytest.mark.skipif(not MODULE.exists(), reason="the SoftHSM2 module is not installed (apt: softhsm2)")


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki") as bench:
        yield bench


@pytest.fixture(scope="module")
def token(tmp_path_factory: pytest.TempPathFactory, bench: Bench) -> Iterator[str]:
    """A SoftHSM2 token of our own with the north seal (P-256) and an RSA key; gives the start of the key's URI."""
    folder = tmp_path_factory.mktemp("softhsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    initialise = ["softhsm2-util", "--init-token", "--free", "--label", "seals", "--pin", PIN, "--so-pin", "123456"]
    subprocess.run(initialise, check=True, capture_output=True)
    north = serialization.load_pem_private_key((bench.pki.directory / "keys" / "north.pem").read_bytes(), None)
    north_certificate = x509.load_pem_x509_certificate(bench.pki.seals["north"].certificate.read_bytes())
    assert isinstance(north, ec.EllipticCurvePrivateKey)
    second = rsa.generate_private_key(65537, 3072)
    _import(folder, "north", "01", north, north_certificate)
    _import(folder, "second", "02", second, _self_signed(second))
    _import(folder, "wrong", "03", second, north_certificate)
    _import(folder, "other", "04", ec.generate_private_key(ec.SECP256R1()), north_certificate)
    yield f"pkcs11:token=seals;object=%s?module-path={MODULE}"
    keys._TOKENS.clear()
    if before is None:
        del os.environ["SOFTHSM2_CONF"]
    else:
        os.environ["SOFTHSM2_CONF"] = before


def _import(
    folder: Path,
    label: str,
    identifier: str,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey,
    certificate: x509.Certificate,
) -> None:
    pkcs8 = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, pkcs8, serialization.NoEncryption())
    (folder / "key.pem").write_bytes(pem)
    (folder / "certificate.der").write_bytes(certificate.public_bytes(serialization.Encoding.DER))
    names = ["--label", label, "--id", identifier]
    imported = ["softhsm2-util", "--import", "key.pem", "--token", "seals", "--pin", PIN, *names]
    subprocess.run(imported, cwd=folder, check=True, capture_output=True)
    written = ["pkcs11-tool", "--module", str(MODULE), "--token-label", "seals", "--login", "--pin", PIN, *names]
    written += ["--write-object", "certificate.der", "--type", "cert"]
    subprocess.run(written, cwd=folder, check=True, capture_output=True)


def _self_signed(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> x509.Certificate:
    from datetime import UTC, datetime

    from cryptography.hazmat.primitives import hashes

    name = x509.Name(
        [x509.NameAttribute(NameOID.COMMON_NAME, "rsa"), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "局")]
    )
    return x509.CertificateBuilder(
        name, name, key.public_key(), 7, datetime(2020, 1, 1, tzinfo=UTC), datetime(2090, 1, 1, tzinfo=UTC)
    ).sign(key, hashes.SHA256())


def _pkcs12(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, passphrase: str) -> Path:
    lock = serialization.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"key", key, _self_signed(key), None, lock))
    return path


def test_a_pkcs12_key_knows_its_chain_and_that_it_is_a_test_key(bench: Bench) -> None:
    key = bench.key()
    assert key.test
    assert key.algorithm == "sha256_ecdsa"
    assert [str(each.subject.native["common_name"]) for each in key.chain] == ["TEST Intermediate CA"]


def test_an_rsa_key_signs_too_and_a_certificate_without_the_word_is_no_test_key(tmp_path: Path) -> None:
    path = _pkcs12(tmp_path / "rsa.p12", rsa.generate_private_key(65537, 2048), "open")
    key = load_key(f"pkcs12:{path}", "open")
    assert (key.algorithm, key.test) == ("sha256_rsa", False)
    assert len(key.sign(b"data")) == 256


def test_the_key_is_loaded_once_and_not_per_signature(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """The trap of pyHanko's SimpleSigner: it loads (and for RSA checks) the private key for every signature."""
    key = bench.key()
    means = bench.means(key)
    bench.seal(tagged_pdf(), Profile.B_B, means)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("the key was loaded again")

    monkeypatch.setattr(serialization, "load_der_private_key", never)
    monkeypatch.setattr(pkcs12, "load_key_and_certificates", never)
    for _ in range(2):
        bench.seal(tagged_pdf(), Profile.B_B, means)


def test_what_an_operator_is_told_about_a_pkcs12_file(bench: Bench, tmp_path: Path) -> None:
    weak = _pkcs12(tmp_path / "weak.p12", ec.generate_private_key(ec.SECP256K1()), "open")
    (tmp_path / "rubbish.p12").write_bytes(b"rubbish")
    file = bench.pki.seals["north"].pkcs12
    for address, passphrase, told in (
        (f"pkcs12:{file}", "wrong", "passphrase is wrong"),
        (f"pkcs12:{file}", None, "passphrase is wrong"),
        (f"pkcs12:{tmp_path}/none.p12", "x", "cannot be read"),
        (f"pkcs12:{tmp_path}/rubbish.p12", "x", "no PKCS#12 file"),
        (f"pkcs12:{weak}", "open", "only ECDSA P-256 and RSA"),
        ("pem:key.pem", None, "is unknown; use pkcs12:"),
    ):
        with pytest.raises(Permanent, match=told):
            load_key(address, passphrase)


@pytest.mark.rule("ESL-13a")
@needs_softhsm
def test_a_token_key_seals_like_any_other(token: str, bench: Bench) -> None:
    key = load_key(token % "north", PIN, chain=[bench.pki.intermediate])
    assert key.test
    sealed = bench.seal(tagged_pdf(), means=bench.means(key)).pdf
    assert verify(sealed, bench.trust).valid
    assert read_seals(sealed).sound


@needs_softhsm
def test_an_rsa_key_in_the_token(token: str) -> None:
    key = load_key(token % "second", PIN)
    assert key.algorithm == "sha256_rsa"
    assert len(key.sign(b"data")) == 384  # RSA-3072


@needs_softhsm
def test_one_session_serves_all_keys_and_signatures_of_a_token(token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = load_key(token % "north", PIN), load_key(token % "second", PIN)
    opened: list[object] = []
    monkeypatch.setattr(keys, "_open_session", lambda *args: opened.append(args))
    for _ in range(3):
        first.sign(b"data")
        second.sign(b"data")
    assert opened == []


@needs_softhsm
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # the library's, about the dead session
def test_a_session_that_died_is_opened_again(token: str) -> None:
    key = load_key(token % "north", PIN)
    assert isinstance(key, keys.TokenKey)
    key._token._session.close()
    assert key.sign(b"data")


@needs_softhsm
def test_a_pin_may_lie_in_a_file(token: str, tmp_path: Path) -> None:
    (tmp_path / "pin").write_text(f"{PIN}\n")
    assert load_key(f"{token % 'north'}&pin-source=file:{tmp_path}/pin").sign(b"data")
    with pytest.raises(Permanent, match="PIN file"):
        load_key(f"{token % 'north'}&pin-source=file:{tmp_path}/none")


@needs_softhsm
def test_a_key_that_does_not_fit_its_certificate_is_refused_at_loading(token: str) -> None:
    with pytest.raises(Permanent, match="0 private EC keys of that name"):
        load_key(token % "wrong", PIN)
    with pytest.raises(Permanent, match="does not belong to its certificate"):
        load_key(token % "other", PIN)


@needs_softhsm
@pytest.mark.parametrize(
    ("address", "error", "told"),
    [
        (f"pkcs11:token=elsewhere;object=x?module-path={MODULE}", Retry, "present: .*seals.*plug it in"),
        (
            f"pkcs11:token=seals;object=none?module-path={MODULE}",
            Permanent,
            r"0 certificates named 'none' \(found: north",
        ),
        ("pkcs11:token=seals;object=north?module-path=/none.so", Permanent, "install the token's driver"),
        ("pkcs11:token=seals?module-path=/none.so", Permanent, "a PKCS#11 key is named by"),
    ],
)
def test_what_an_operator_is_told_about_a_token(token: str, address: str, error: type[Exception], told: str) -> None:
    with pytest.raises(error, match=told):
        load_key(address, PIN)


@needs_softhsm
def test_a_wrong_pin_is_permanent_so_that_nobody_locks_the_token_by_retrying(token: str) -> None:
    """In a process of its own: a login counts for the whole process."""
    program = (
        "import sys\nfrom records.errors import Permanent\nfrom signing.keys import load_key\n"
        "try:\n    load_key(sys.argv[1], '9999')\nexcept Permanent as error:\n    print(error)\n"
    )
    command = [sys.executable, "-c", program, token % "north"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert "PIN of token 'seals' is wrong; it is not tried again" in told
    load_key(token % "north", PIN)
    with pytest.raises(Permanent, match="already open with another PIN"):
        load_key(token % "north", "9999")


_COUNTED = """
import sys, threading, pkcs11
from records.errors import Permanent
from signing import keys

opened = []

class Token:
    def __init__(self, token): self._token = token
    def open(self, user_pin):
        opened.append(user_pin)
        return self._token.open(user_pin=user_pin)

class Library:
    def __init__(self, library): self._library = library
    def get_token(self, **names): return Token(self._library.get_token(**names))

class Pkcs11:
    def lib(self, path): return Library(pkcs11.lib(path))
    def __getattr__(self, name): return getattr(pkcs11, name)

keys.pkcs11 = Pkcs11()
told = []

def load(address, pin):
    try:
        keys.load_key(address, pin)
    except Permanent as error:
        told.append(str(error))

north, second, right = sys.argv[1:]
threads = [threading.Thread(target=load, args=(each, "9999")) for each in (north, second) * 4]
for thread in threads: thread.start()
for thread in threads: thread.join()
load(north, "99")
load(north, "9999")
print(len(opened), len(told), len(set(told)), "9999" in repr(keys._REFUSED_PINS))
load(north, right)
load(second, right)
print(len(opened), len(told))
"""


@needs_softhsm
def test_a_refused_pin_reaches_the_token_once_in_the_life_of_a_process(token: str) -> None:
    """Many documents, threads and keys with one wrong PIN: a real token locks itself after three tries."""
    command = [sys.executable, "-c", _COUNTED, token % "north", token % "second", PIN]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    refused, right = ran.stdout.splitlines()
    assert refused == "2 10 1 False"  # 9999 once and 99 once; every caller was told the same
    assert right == "3 10"
