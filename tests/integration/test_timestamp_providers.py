"""Several time stamp authorities: whoever answers wrongly is passed over, and nothing of it gets into a document."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest

from records.errors import Permanent, Retry
from signing import providers
from signing.certificates import ChainChecker, CheckedChain
from signing.keys import SigningKey
from signing.reader import read_seals
from signing.sealing import Profile, SealingMeans
from signing.testpki import Stamper
from signing.timestamps import TimestampService
from signing.verification import verify
from tests.signing_support import NORTH, Bench, plain_pdf, running

_START = datetime(2024, 1, 1, tzinfo=UTC)
_END = datetime(2060, 1, 1, tzinfo=UTC)
STAMPERS = (
    Stamper("second", _START, _END),
    Stamper("revoked", _START, _END, revoked_since=datetime(2025, 1, 1, tzinfo=UTC)),
    Stamper("expired", _START, datetime(2025, 1, 1, tzinfo=UTC)),
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with running(tmp_path_factory.mktemp("pki") / "pki", (NORTH,), STAMPERS, any_time=True) as bench:
        yield bench


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """An authority under a root that we do not trust."""
    with running(tmp_path_factory.mktemp("stranger") / "pki", ()) as bench:
        yield bench


class Wire:
    """The way to the authorities, on which a test may do what it likes; `asked` are the addresses in order."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.answers: dict[str, Callable[[httpx2.Request], httpx2.Response]] = {}
        self._kept: dict[str, bytes] = {}

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        url = str(request.url)
        self.asked.append(url)
        return self.answers.get(url, self.passed)(request)

    def passed(self, request: httpx2.Request, **headers: str) -> httpx2.Response:
        kind = {"Content-Type": "application/timestamp-query"}
        answer = httpx2.post(str(request.url), content=request.content, headers=kind | headers)
        return httpx2.Response(answer.status_code, content=answer.content)

    def gone(self, request: httpx2.Request) -> httpx2.Response:
        raise httpx2.ConnectError("gone")

    def late(self, request: httpx2.Request) -> httpx2.Response:
        now = datetime.now(UTC) - timedelta(minutes=6)
        return self.passed(request, **{"X-Certomancer-Fake-Time": now.isoformat()})

    def replayed(self, request: httpx2.Request) -> httpx2.Response:
        """Always its first answer: the imprint and the nonce are of another request."""
        kept = self._kept.setdefault(str(request.url), self.passed(request).content)
        return httpx2.Response(200, content=kept)

    def service(self, *urls: str) -> TimestampService:
        return TimestampService(urls, client=httpx2.Client(transport=httpx2.MockTransport(self)))


@pytest.fixture
def wire() -> Wire:
    return Wire()


def _sealed_by(bench: Bench, service: TimestampService) -> str | None:
    sealed = bench.seal(plain_pdf(), Profile.B_LTA, bench.means(timestamps=service))
    assert verify(sealed.pdf, bench.trust).valid
    assert read_seals(sealed.pdf).sound
    return sealed.timestamp_authority


@pytest.mark.rule("ESL-13a")
@pytest.mark.parametrize(
    ("first", "told"),
    [
        ("revoked", "cannot be relied on: certificate .* revoked"),
        ("expired", "cannot be relied on: certificate .* expired on 2025-01-01"),
        ("stranger", "cannot be relied on: certificate .* no path to a root of the trust list"),
        ("late", "its clock and that of this machine are more than five minutes apart"),
        ("replayed", "other data"),
    ],
)
def test_an_authority_that_answers_wrongly_is_passed_over_for_a_good_one(
    bench: Bench, stranger: Bench, wire: Wire, first: str, told: str
) -> None:
    bad = {
        "revoked": bench.pki.stamper_url("revoked"),
        "expired": bench.pki.stamper_url("expired"),
        "stranger": stranger.pki.tsa_url,
        "late": bench.pki.tsa_url,
        "replayed": bench.pki.tsa_url,
    }[first]
    good = bench.pki.stamper_url("second")
    if first in ("late", "replayed"):
        wire.answers[bad] = getattr(wire, first)
    service = wire.service(bad, good)
    if first == "replayed":
        service.stamp(b"its only answer", bench.means().chains)
    assert _sealed_by(bench, service) == good
    failing, well = service.standings()
    assert failing.failing_since and failing.failures == 1, "asked once, then passed over"
    assert re.search(told, failing.failure)
    assert (well.failing_since, well.failures) == (None, 0)
    assert well.mean_ms and well.mean_ms > 0
    service.close()


def test_an_authority_that_is_revoked_meanwhile_is_passed_over_as_well(bench: Bench, wire: Wire) -> None:
    """Its last time stamp is remembered: that must not hold up what a second authority can do."""
    first, second = bench.pki.tsa_url, bench.pki.stamper_url("second")
    service, lost = wire.service(first, second), set[bytes]()

    class Losing(ChainChecker):
        def check(self, certificate: Any, *others: Any, **options: Any) -> CheckedChain:
            if certificate.sha256 in lost:
                raise Permanent("certificate revoked")
            return super().check(certificate, *others, **options)

    means = SealingMeans(bench.key(), Losing(bench.trust, bench.revocation), service)
    assert bench.seal(plain_pdf(), Profile.B_LTA, means).timestamp_authority == first
    lost.add(service.latest(means.chains).certificate.sha256)
    assert bench.seal(plain_pdf(), Profile.B_LTA, means).timestamp_authority == second
    assert service.standings()[0].failure == "cannot be relied on: certificate revoked"
    service.close()


def test_authorities_none_of_which_may_be_relied_on_seal_nothing(bench: Bench, stranger: Bench, wire: Wire) -> None:
    service = wire.service(stranger.pki.tsa_url, bench.pki.stamper_url("revoked"))
    with pytest.raises(Permanent, match=r"no time stamp authority gave .*no path to a root.*; http.*revoked"):
        _sealed_by(bench, service)
    service.close()


def test_a_key_is_not_used_while_no_authority_answers(
    bench: Bench, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = wire.service(bench.pki.tsa_url)
    assert _sealed_by(bench, service) == bench.pki.tsa_url
    wire.answers[bench.pki.tsa_url] = wire.gone
    means = bench.means(timestamps=service)
    with pytest.raises(Retry, match="gone"):
        bench.seal(plain_pdf(), Profile.B_LTA, means)  # the key has signed before anybody could know
    used: list[bytes] = []
    monkeypatch.setattr(SigningKey, "sign", lambda self, data: used.append(data))
    with pytest.raises(Retry, match="gone"):
        bench.seal(plain_pdf(), Profile.B_LTA, means)
    assert used == []
    service.close()


def test_one_that_failed_is_passed_over_and_preferred_again_when_it_is_back(
    bench: Bench, wire: Wire, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(providers, "_FIRST_PAUSE", 3.0)
    first, second, chains = bench.pki.tsa_url, bench.pki.stamper_url("second"), bench.means().chains
    service = wire.service(first, second)
    wire.answers[first] = wire.gone
    assert [service.stamp(b"data", chains).authority for _ in range(3)] == [second] * 3
    assert wire.asked == [first, second, second, second]
    del wire.answers[first]
    time.sleep(3.1)
    assert service.stamp(b"data", chains).authority == first
    service.close()


def test_all_are_asked_when_all_are_passed_over_and_none_is_ever_left_out(bench: Bench, wire: Wire) -> None:
    first, second, chains = bench.pki.tsa_url, bench.pki.stamper_url("second"), bench.means().chains
    service = wire.service(first, second)
    wire.answers |= {first: wire.gone, second: wire.gone}
    for _ in range(2):
        with pytest.raises(Retry, match="gone"):
            service.stamp(b"data", chains)
    assert wire.asked == [first, second] * 2
    del wire.answers[second]
    assert service.stamp(b"data", chains).authority == second, "at once, without waiting for its pause"
    service.close()


def test_threads_are_not_kept_waiting_for_authorities_that_are_known_to_be_away(bench: Bench, wire: Wire) -> None:
    """An authority that swallows requests costs one thread its patience, not all of them: there is other work."""
    url, chains = bench.pki.tsa_url, bench.means().chains
    service = wire.service(url)
    wire.answers[url] = wire.gone
    with pytest.raises(Retry):
        service.stamp(b"data", chains)
    asking, ended = threading.Event(), threading.Event()

    def swallow(request: httpx2.Request) -> httpx2.Response:
        asking.set()
        ended.wait(20)
        raise httpx2.ReadTimeout("swallowed")

    wire.answers[url] = swallow

    def wait() -> None:
        with suppress(Retry):
            service.stamp(b"data", chains)

    thread = threading.Thread(target=wait)
    thread.start()
    assert asking.wait(10)
    began = time.monotonic()
    with pytest.raises(Retry, match=r"no time stamp authority gave a time stamp: .*gone"):
        service.stamp(b"data", chains)
    assert time.monotonic() - began < 1
    ended.set()
    thread.join()
    service.close()
