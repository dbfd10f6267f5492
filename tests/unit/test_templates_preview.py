"""Previews: the sample or given facts as PDF and as pictures, marked as a specimen."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from pipeline.cli import main
from records.errors import Permanent
from templates import pictures
from templates.catalogue import catalogue
from templates.printing import print_document
from tests.printed import facts_of, imprint, tagged_words

NOTICE = "penalty-prior-notice"


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict[str, Any]]:
    code = main(["templates", "preview", NOTICE, "--json", *words])
    return code, json.loads(capsys.readouterr().out)


def test_a_preview_is_a_specimen_and_each_page_a_picture(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, told = run(capsys, "--png", "-o", str(tmp_path / "notice.pdf"))
    assert code == 0
    assert "样本" in tagged_words((tmp_path / "notice.pdf").read_bytes())
    assert told["pictures"] == [str(tmp_path / f"notice-{page}.png") for page in range(1, told["pages"] + 1)]
    for name in told["pictures"]:
        with Image.open(name) as picture:
            assert picture.size == (794, 1123)  # A4 at 96 dots an inch


def test_given_facts_are_printed(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    facts = facts_of(NOTICE)
    facts["cause"] = {"zh": "另一案由", "en": "Another cause of action"}
    (tmp_path / "facts.json").write_text(json.dumps(facts), "utf-8")
    code, told = run(capsys, "--facts", str(tmp_path / "facts.json"), "-o", str(tmp_path / "notice.pdf"))
    assert (code, told["pictures"]) == (0, [])
    assert "另一案由" in tagged_words((tmp_path / "notice.pdf").read_bytes())


def test_facts_at_fault_are_told_and_nothing_is_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "facts.json").write_text('{"cause": 5}', "utf-8")
    code, told = run(capsys, "--facts", str(tmp_path / "facts.json"), "-o", str(tmp_path / "notice.pdf"))
    assert code == 2
    assert told["error"]["field"].startswith("facts/")
    assert not (tmp_path / "notice.pdf").exists()


def test_pictures_show_the_pages_that_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """typst draws what it prints: Poppler's picture of the PDF is the same but for the smoothing of its edges."""
    instrument = catalogue().get(NOTICE)
    facts, around = instrument.sample_facts(), imprint(instrument)
    printed = print_document(instrument, facts, around)
    own = pictures.pictures(instrument, facts, around, printed, dots_per_inch=40)
    theirs = pictures._by_poppler(printed.pdf, 40)
    assert len(own) == len(theirs) == printed.pages
    for one, other in zip(own, theirs, strict=True):
        with Image.open(io.BytesIO(one)) as a, Image.open(io.BytesIO(other)) as b:
            grey = [list(each.convert("L").resize((40, 56)).tobytes()) for each in (a, b)]
        assert max(abs(x - y) for x, y in zip(*grey, strict=True)) < 60
    monkeypatch.setattr("shutil.which", lambda _name: None)
    with pytest.raises(Permanent, match="poppler-utils"):
        pictures._by_poppler(printed.pdf, 40)
