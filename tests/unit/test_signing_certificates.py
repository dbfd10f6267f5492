"""Trust as data, TEST certificates, and what is refused before anything is fetched."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
from asn1crypto import ocsp
from cryptography.hazmat.primitives import serialization

from records.errors import Permanent, Retry
from signing.certificates import ChainChecker, TrustList, is_test, name_of, read_certificates
from signing.revocation import RevocationCache
from signing.testpki import LocalPki, SealSubject, make_pki, make_server, open_pki

NORTH = SealSubject("north", "民航华北地区管理局", "行政执法专用章")
URL = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def pki(tmp_path_factory: pytest.TempPathFactory) -> LocalPki:
    return make_pki(tmp_path_factory.mktemp("pki"), URL, [NORTH])


def _offline() -> RevocationCache:
    def fail(request: httpx2.Request) -> httpx2.Response:
        raise AssertionError(f"asked {request.url}")

    return RevocationCache(client=httpx2.Client(transport=httpx2.MockTransport(fail)))


def test_everything_the_test_authority_makes_is_marked_test(pki: LocalPki) -> None:
    for path in sorted((pki.directory / "certs").glob("*.pem")):
        assert is_test(read_certificates(path)[0]), path.name
    assert (
        name_of(read_certificates(pki.seals["north"].certificate)[0]) == "民航华北地区管理局 TEST 测试, 行政执法专用章"
    )


@pytest.mark.rule("ESL-16")
def test_a_root_counts_only_where_test_is_allowed_if_it_is_a_test_root(pki: LocalPki) -> None:
    trust = TrustList.load(pki.trust_list, test_system=True)
    assert [anchor.test for anchor in trust.anchors] == [True]
    assert trust.anchors[0].source == "made by signing.testpki"
    assert len(trust.roots) == 1
    assert TrustList.load(pki.trust_list, test_system=False).roots == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{}",
        '{"anchors": [{"file": "none.pem", "source": "s", "obtained": "d"}]}',
        '{"anchors": [{"file": "x"}]}',
        "[1]",
    ],
)
def test_a_broken_trust_list_is_permanent_and_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "trust.json").write_text(content)
    with pytest.raises(Permanent, match=r"trust list|certificate file"):
        TrustList.load(tmp_path / "trust.json", test_system=True)


def test_the_files_of_a_trust_list_are_relative_to_it_and_may_be_der(pki: LocalPki, tmp_path: Path) -> None:
    root = read_certificates(pki.root)[0]
    (tmp_path / "root.der").write_bytes(root.dump())
    (tmp_path / "trust.json").write_text(
        json.dumps({"anchors": [{"file": "root.der", "source": "a letter", "obtained": "2026-11-22"}]})
    )
    assert TrustList.load(tmp_path / "trust.json", test_system=True).roots[0].dump() == root.dump()


@pytest.mark.rule("ESL-16", "ESL-21")
def test_an_untrusted_or_ill_timed_certificate_is_refused_without_asking_anybody(pki: LocalPki, tmp_path: Path) -> None:
    """Addresses inside a certificate are used only once its path to a root is proved: no request forgery by a file."""
    stranger = make_pki(tmp_path / "other", URL, [NORTH])
    checker = ChainChecker(TrustList.load(pki.trust_list, test_system=True), _offline())
    foreign = read_certificates(stranger.seals["north"].certificate)[0]
    between = read_certificates(stranger.intermediate)
    with pytest.raises(Permanent, match=r"no path to a root|signature"):
        checker.check(foreign, between)
    own = read_certificates(pki.seals["north"].certificate)[0]
    with pytest.raises(Permanent, match="expired on 2060-01-01"):
        checker.check(own, now=datetime(2061, 1, 1, tzinfo=UTC))
    with pytest.raises(Permanent, match="not valid before 2024-01-01"):
        checker.check(own, now=datetime(2023, 1, 1, tzinfo=UTC))


@pytest.mark.rule("ESL-21")
def test_a_seal_certificate_is_no_time_stamp_certificate_and_the_reverse(pki: LocalPki) -> None:
    checker = ChainChecker(TrustList.load(pki.trust_list, test_system=True), _offline())
    seal = read_certificates(pki.seals["north"].certificate)[0]
    authority = read_certificates(pki.directory / "certs" / "tsa.pem")[0]
    with pytest.raises(Permanent, match=r"usage|valid for"):
        checker.check(seal, time_stamping=True)
    with pytest.raises(Permanent, match=r"usage|valid for"):
        checker.check(authority)


@pytest.mark.parametrize(
    "answer",
    [b"", b"<html/>", ocsp.OCSPResponse({"response_status": "try_later"}).dump(), b"\x30\x82\xff\xff"],
)
def test_nonsense_in_place_of_revocation_data_is_a_retry(pki: LocalPki, answer: bytes) -> None:
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=answer))
    checker = ChainChecker(
        TrustList.load(pki.trust_list, test_system=True), RevocationCache(client=httpx2.Client(transport=transport))
    )
    with pytest.raises(Retry, match="no revocation data"):
        checker.check(read_certificates(pki.seals["north"].certificate)[0])


def test_making_the_authority_again_changes_nothing_and_adds_only_new_seals(tmp_path: Path) -> None:
    first = make_pki(tmp_path / "pki", URL, [NORTH])
    kept = {path: path.read_bytes() for path in (tmp_path / "pki").rglob("*") if path.suffix in (".pem", ".p12")}
    second = make_pki(tmp_path / "pki", URL, [NORTH, ("south", "民航中南地区管理局", "行政执法专用章")])
    assert {path: path.read_bytes() for path in kept} == kept
    assert set(second.seals) == {"north", "south"}
    assert open_pki(tmp_path / "pki") == second
    assert second.seals["north"] == first.seals["north"]


def test_the_authority_keeps_its_address_because_it_stands_in_the_certificates(tmp_path: Path) -> None:
    make_pki(tmp_path / "pki", URL, [NORTH])
    with pytest.raises(Permanent, match=r"was made for http://127\.0\.0\.1:9"):
        make_pki(tmp_path / "pki", "http://127.0.0.1:10", [NORTH])
    with pytest.raises(Permanent, match="nothing was made"):
        open_pki(tmp_path / "elsewhere")
    with pytest.raises(Permanent, match="no usable id"):
        make_pki(tmp_path / "pki", URL, [("../evil", "x", "y")])
    with pytest.raises(Permanent, match="no usable id"):
        make_pki(tmp_path / "pki", URL, [("root", "x", "y")])


def test_a_test_authority_is_served_on_loopback_only(tmp_path: Path) -> None:
    make_pki(tmp_path / "pki", "http://192.0.2.1:8080", [NORTH])
    with pytest.raises(Permanent, match="loopback only"):
        make_server(tmp_path / "pki")


@pytest.mark.rule("ESL-13a")
def test_private_keys_are_readable_by_their_owner_only(pki: LocalPki) -> None:
    for path in [*(pki.directory / "keys").iterdir(), *(pki.directory / "seals").iterdir()]:
        assert path.stat().st_mode & 0o077 == 0, path
    key = serialization.load_pem_private_key((pki.directory / "keys" / "north.pem").read_bytes(), None)
    assert key is not None


def test_the_periods_of_the_test_certificates_do_not_run_out(pki: LocalPki) -> None:
    for path in (pki.directory / "certs").glob("*.pem"):
        certificate = read_certificates(path)[0]
        assert certificate.not_valid_before < datetime(2025, 1, 1, tzinfo=UTC)
        assert certificate.not_valid_after > datetime.now(UTC) + timedelta(days=3650)
