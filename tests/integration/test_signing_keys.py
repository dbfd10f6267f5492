"""Keys from PKCS#12 files and from a real PKCS#11 token (SoftHSM2), and what an operator is told when one fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12

from records.errors import Permanent, Retry
from signing.keys import load_key
from signing.reader import read_seals
from signing.sealing import Profile
from signing.verification import verify
from tests.signing_support import NORTH, RSA, Bench, running, tagged_pdf
from tests.soft_token import MODULE, PIN, SoftToken, in_this_process, needs_softhsm, self_signed


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", (NORTH, RSA)) as bench:
        yield bench


@pytest.fixture(scope="module")
def soft(tmp_path_factory: pytest.TempPathFactory, bench: Bench) -> Iterator[SoftToken]:
    """A SoftHSM2 token with the north seal (P-256), the RSA seal, and keys that do not fit their certificates."""
    token = SoftToken.make(tmp_path_factory.mktemp("softhsm") / "seals", "seals")
    for name, identifier in (("north", "01"), ("rsa", "02")):
        token.put(name, identifier, bench.private(name), bench.certificate(name))
    token.put("wrong", "03", bench.private("rsa"), bench.certificate("north"))
    token.put("other", "04", ec.generate_private_key(ec.SECP256R1()), bench.certificate("north"))
    with in_this_process(token):
        yield token


@pytest.fixture(scope="module")
def token(soft: SoftToken) -> str:
    """The key's URI, but for its name."""
    return soft.uri("%s")


def _pkcs12(path: Path, key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey, passphrase: str) -> Path:
    lock = serialization.BestAvailableEncryption(passphrase.encode())
    path.write_bytes(pkcs12.serialize_key_and_certificates(b"key", key, self_signed(key), None, lock))
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
@pytest.mark.parametrize("name", ["north", "rsa"])
def test_a_token_key_seals_like_any_other(token: str, bench: Bench, name: str) -> None:
    """P-256 and RSA-3072, at B-LTA."""
    key = load_key(token % name, PIN, chain=[bench.pki.intermediate])
    assert key.test
    sealed = bench.seal(tagged_pdf(), Profile.B_LTA, bench.means(key)).pdf
    assert verify(sealed, bench.trust).valid
    assert read_seals(sealed).sound


@needs_softhsm
def test_an_rsa_key_in_the_token(token: str) -> None:
    key = load_key(token % "rsa", PIN)
    assert key.algorithm == "sha256_rsa"
    assert len(key.sign(b"data")) == 384  # RSA-3072


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
