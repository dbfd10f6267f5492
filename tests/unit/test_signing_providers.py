"""Health of a provider: pauses that grow and end, counts, times, what people may see of its address."""

from __future__ import annotations

import pytest

from signing.providers import Provider, shown


class _Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_a_provider_that_fails_is_passed_over_for_longer_and_longer_up_to_five_minutes() -> None:
    clock = _Clock()
    provider = Provider("http://tsa.invalid/", clock=clock)
    assert provider.is_due(5)
    pauses = []
    for _ in range(9):
        provider.failed("gone")
        began = clock.now
        while not provider.is_due(0):
            clock.now += 1
        pauses.append(clock.now - began)
    assert pauses == [5, 10, 20, 40, 80, 160, 300, 300, 300]


def test_after_the_pause_one_caller_at_a_time_tries() -> None:
    clock = _Clock()
    provider = Provider("http://tsa.invalid/", clock=clock)
    provider.failed("gone")
    clock.now += 5
    assert [provider.is_due(3) for _ in range(3)] == [True, False, False]
    clock.now += 3  # whoever tried was lost
    assert provider.is_due(3)
    provider.answered(0.1)
    assert [provider.is_due(3) for _ in range(3)] == [True, True, True]


def test_a_good_answer_ends_the_pauses_and_what_was_wrong_is_kept() -> None:
    clock = _Clock()
    provider = Provider("http://tsa.invalid/", clock=clock)
    for _ in range(4):
        provider.failed("gone")
    failing = provider.standing
    assert (failing.failures, failing.answers, failing.failure, failing.mean_ms) == (4, 0, "gone", None)
    assert failing.failing_since is not None and failing.failed_at is not None
    assert failing.failing_since <= failing.failed_at
    provider.answered(0.1)
    well = provider.standing
    assert (well.failures, well.answers, well.failure, well.failing_since) == (4, 1, "gone", None)
    provider.failed("gone again")
    clock.now += 5
    assert provider.is_due(0), "the pauses begin anew"


def test_the_newest_answers_count_most_in_the_mean_time() -> None:
    provider = Provider("http://tsa.invalid/")
    provider.answered(0.1)
    assert provider.standing.mean_ms == pytest.approx(100)
    for _ in range(30):
        provider.answered(0.3)
    assert provider.standing.mean_ms == pytest.approx(300, abs=1)


def test_an_address_is_shown_without_its_secrets() -> None:
    assert shown("https://me:secret@tsa.example:8443/tsp?key=secret#x") == "https://tsa.example:8443/tsp"
    assert Provider("https://me:secret@tsa.example/").standing.url == "https://tsa.example/"
