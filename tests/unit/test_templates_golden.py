"""Every word of every instrument's sample: no clause changes, in either language, without somebody seeing it."""

from __future__ import annotations

import difflib
import re
import subprocess

import pytest

from templates.catalogue import catalogue
from tests.goldens import FOLDER, golden_text
from tests.printed import printed_sample

EVERY = catalogue().ids()
HOW = "look at it, then: python -m tests.goldens"


@pytest.mark.parametrize("identifier", EVERY)
def test_the_sample_prints_the_golden_text(identifier: str) -> None:
    path = FOLDER / f"{identifier}.txt"
    assert path.exists(), f"{identifier} has no golden text; {HOW} {identifier}"
    before, now = path.read_text("utf-8"), golden_text(identifier)
    changed = "\n".join(
        difflib.unified_diff(before.split("\n"), now.split("\n"), "golden", "printed", lineterm="", n=0)
    )
    assert not changed, f"{changed}\n{HOW} {identifier}"


@pytest.mark.parametrize("identifier", EVERY)
def test_a_golden_text_is_in_both_languages(identifier: str) -> None:
    lines = (FOLDER / f"{identifier}.txt").read_text("utf-8").split("\n")
    manifest = catalogue().get(identifier).manifest
    squeezed = [re.sub(r"\s+", "", line) for line in lines]
    assert {re.sub(r"\s+", "", title) for title in (manifest.title_zh, manifest.title_en)} <= set(squeezed)
    chinese = sum(bool(re.search("[㐀-鿿]", line)) for line in lines)
    assert 0.35 < chinese / len(lines) < 0.65


def test_libreoffice_prints_the_golden_text_of_a_word_template() -> None:
    for identifier in (each for each in EVERY if catalogue().get(each).print.engine == "word"):
        pdf = printed_sample(identifier).pdf
        done = subprocess.run(["pdftotext", "-raw", "-", "-"], input=pdf, capture_output=True, check=True)
        printed = re.sub(r"\s+", "", re.sub(r"\n?— \d+ —\n?", "", done.stdout.decode()))
        for line in (FOLDER / f"{identifier}.txt").read_text("utf-8").split("\n"):
            assert re.sub(r"\s+", "", line)[:30] in printed, line


def test_there_is_no_golden_text_of_an_instrument_that_is_not_printed() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} <= set(EVERY)
