"""The list of instruments in the documentation is that of the catalogue, and so is the picture."""

from __future__ import annotations

import json

import pytest
from PIL import Image

from pipeline.cli import main
from templates.catalogue import catalogue
from templates.listing import LISTED, SHEET, markdown
from templates.manifests import manifests
from tests.house import ROOT

HOW = "songda templates list --markdown > docs/instruments.md"


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/instruments.md").read_text("utf-8") == markdown(), HOW


def test_the_page_names_every_instrument_with_its_titles_and_rules() -> None:
    rows = [line for line in markdown().split("\n") if line.startswith("| ") and "`" in line]
    assert len(rows) == len(manifests())
    for manifest in manifests().values():
        row = next(line for line in rows if f"`{manifest.id}`" in line)
        assert f"{manifest.title_zh}<br>{manifest.title_en}" in row
        assert all(article in row for article in manifest.articles)


def test_the_picture_shows_every_instrument() -> None:
    with Image.open(ROOT / "docs" / SHEET) as picture:
        picture.load()
        assert picture.info[LISTED].split() == list(catalogue().ids()), f"songda templates sheet -o docs/{SHEET}"


def test_the_list_names_the_version_that_documents_are_pinned_to(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["templates", "list", "--json"]) == 0
    listed = {row["id"]: row["version"] for row in json.loads(capsys.readouterr().out)}
    assert listed == {identifier: catalogue().get(identifier).version for identifier in catalogue().ids()}
