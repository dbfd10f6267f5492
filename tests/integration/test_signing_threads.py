"""Threads share certificates, proofs and keys: none of them may see what another one is still parsing.

Found by two workers in one process: a valid seal was called invalid, because asn1crypto parses when it is asked.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator

import pytest

from signing.certificates import ChainChecker, TrustList
from signing.revocation import RevocationCache
from signing.sealing import SealingMeans
from signing.timestamps import TimestampService
from signing.verification import verify
from tests import signing_support
from tests.signing_support import Bench, tagged_pdf

THREADS = 4


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with signing_support.running(tmp_path_factory.mktemp("pki")) as bench:
        yield bench


@pytest.fixture(autouse=True)
def hurry() -> Iterator[None]:
    """Threads take turns as often as they can."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


def _together(work: Callable[[], str]) -> list[str]:
    """What `work` gives in each of several threads that begin at once; an exception as its text."""
    results: list[str] = []
    barrier = threading.Barrier(THREADS)

    def run() -> None:
        barrier.wait(20)
        try:
            results.append(work())
        except Exception as error:
            results.append(repr(error))

    threads = [threading.Thread(target=run) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def _verdict(pdf: bytes, trust: TrustList) -> str:
    found = verify(pdf, trust)
    return found.verdict if found.verdict == "valid" else "; ".join(reason.text_en for reason in found.reasons)


def test_a_fresh_trust_list_gives_every_thread_the_same_verdict(bench: Bench) -> None:
    pdf = bench.seal(tagged_pdf()).pdf
    for _ in range(8):
        trust = TrustList.load(bench.pki.trust_list, test_system=True)
        assert _together(lambda trust=trust: _verdict(pdf, trust)) == ["valid"] * THREADS  # type: ignore[misc]


def test_threads_that_seal_with_fresh_means_all_make_valid_seals(bench: Bench) -> None:
    pdf = tagged_pdf()
    for _ in range(4):
        trust = TrustList.load(bench.pki.trust_list, test_system=True)
        revocation, timestamps = RevocationCache(), TimestampService([bench.pki.tsa_url])
        means = SealingMeans(bench.key(), ChainChecker(trust, revocation), timestamps)

        def seal_and_verify(means: SealingMeans = means, trust: TrustList = trust) -> str:
            return _verdict(bench.seal(pdf, means=means).pdf, trust)

        assert _together(seal_and_verify) == ["valid"] * THREADS
        revocation.close()
        timestamps.close()


def test_a_trust_list_is_read_whole(bench: Bench) -> None:
    """Nothing of a root is left to be parsed by whoever comes first."""
    trust = TrustList.load(bench.pki.trust_list, test_system=True)
    for anchor in trust.anchors:
        assert anchor.certificate.children is not None
        assert all(child is not None for child in anchor.certificate["tbs_certificate"].children)
