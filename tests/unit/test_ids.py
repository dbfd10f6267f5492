"""Identifiers: unguessable, in the order of their making, safe in URLs, file names and step ids."""

from __future__ import annotations

import re
import threading

import pytest

from records import ids
from records.ids import new_id

SHAPE = re.compile(r"doc_[0-9a-hjkmnp-tv-z]{25}")


def test_shape_is_safe_in_a_url_a_file_name_and_a_step_id() -> None:
    for _ in range(200):
        assert SHAPE.fullmatch(new_id("doc"))


@pytest.fixture(autouse=True)
def unused(monkeypatch: pytest.MonkeyPatch) -> None:
    """No identifier was made before."""
    monkeypatch.setattr(ids, "_newest", 0)


def test_those_of_one_millisecond_and_of_a_clock_set_back_are_in_the_order_of_their_making(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = []
    for moment in (1_700_000_000_000, 1_700_000_000_000, 1_600_000_000_000, 1_700_000_000_001):
        monkeypatch.setattr(ids.time, "time_ns", lambda moment=moment: moment * 1_000_000)
        made += [new_id("con") for _ in range(200)]
    assert made == sorted(set(made)) and len(made) == 800


def test_later_ones_sort_after_earlier_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [1, 31, 32, 1_700_000_000_000, 1_700_000_000_001, 1_999_999_999_999, 32**9 - 1]
    made = []
    for moment in moments:
        monkeypatch.setattr(ids.time, "time_ns", lambda moment=moment: moment * 1_000_000)
        made.append(new_id("job"))
    assert made == sorted(made)
    assert {len(each) for each in made} == {29}


def test_the_clock_fits_until_the_year_3000() -> None:
    assert 32**9 / 1000 / 86400 / 365.25 > 1030


def test_many_threads_never_make_the_same_one() -> None:
    made: list[str] = []

    def make() -> None:
        made.extend(new_id("doc") for _ in range(2000))

    threads = [threading.Thread(target=make) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == len(made) == 8000


def test_80_bits_are_random_and_none_of_them_stands_still() -> None:
    seen = {new_id("doc")[-16:] for _ in range(2000)}
    for place in range(16):
        assert len({each[place] for each in seen}) == 32
