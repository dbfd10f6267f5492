"""The documentation is true in what can be checked by reading: links, settings, variables, commands, pictures."""

from __future__ import annotations

import argparse
import importlib
import re
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from pathlib import Path

import pytest

from pipeline.cli import COMMANDS, Parser
from pipeline.settings import Settings
from templates.manifests import manifests

ROOT = Path(__file__).resolve().parents[2]
DOCS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PACKAGES = ("records", "signing", "templates", "delivery", "pipeline")
LARGEST_PICTURE = 250 * 1024

_FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"(?<!\\)\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")

every_page = pytest.mark.parametrize("page", DOCS, ids=lambda page: str(page.relative_to(ROOT)))


@cache
def _text(page: Path) -> str:
    return page.read_text("utf-8")


def _readme() -> str:
    return _text(ROOT / "README.md")


@cache
def _anchors(page: Path) -> frozenset[str]:
    """The anchors that a page's headings get: small letters, no punctuation, hyphens for blanks."""
    headings = re.findall(r"^#+ (.+)$", _FENCE.sub("", _text(page)), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in plain)


@every_page
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", _text(page))):
        if "://" in link:
            continue
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        assert target.exists(), f"{link} leads nowhere"
        assert target.is_relative_to(ROOT), f"{link} leads out of the project"
        if anchor:
            assert anchor in _anchors(target), f"{link}: no such heading"


@every_page
def test_no_page_names_a_place_of_one_machine(page: Path) -> None:
    assert not re.search(r"/(?:root|work|tmp)/|/home/\w", _text(page))


def test_every_decision_is_in_the_index_and_has_its_parts() -> None:
    index = _text(ROOT / "docs/README.md")
    pages = sorted((ROOT / "docs/decisions").glob("*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04}" for number in range(1, len(pages) + 1)]
    for page in pages:
        assert f"(decisions/{page.name})" in index
        headings = re.findall(r"^## (.+)$", _text(page), re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"], page.name
        assert re.search(r"^\d{4}-\d{2}-\d{2}, accepted", _text(page), re.MULTILINE), page.name


def test_every_page_is_in_the_index() -> None:
    index = _text(ROOT / "docs/README.md")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name}" in index, page.name


def test_the_readme_counts_the_instruments_right() -> None:
    printed = sum(each.print is not None for each in manifests().values())
    assert f"All {len(manifests())} instruments of the procedure can be printed" in _readme()
    assert printed == len(manifests())


# --- settings --------------------------------------------------------------------------------------------------------


def test_every_setting_is_in_the_table_and_every_row_is_a_setting() -> None:
    table = _text(ROOT / "docs/operations.md").split("## Settings")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `([a-z_]+)` \|", table, re.MULTILINE)
    assert sorted(rows) == sorted(entry.name for entry in fields(Settings))


@cache
def _known_variables() -> frozenset[str]:
    read_by_name = {
        name
        for package in PACKAGES
        for file in (ROOT / package).rglob("*.py")
        for name in re.findall(r"\"(SONGDA_[A-Z_]+)\"", file.read_text("utf-8"))
    }
    return frozenset(read_by_name | {f"SONGDA_{entry.name.upper()}" for entry in fields(Settings)})


@every_page
def test_every_variable_that_is_named_is_read(page: Path) -> None:
    named = set(re.findall(r"\bSONGDA_[A-Z_]*[A-Z]\b", _text(page))) - {"SONGDA_X"}
    assert named <= _known_variables(), named - _known_variables()


# --- commands --------------------------------------------------------------------------------------------------------


@cache
def _parser() -> argparse.ArgumentParser:
    """The command line's parser with every command declared."""
    common = Parser(add_help=False)
    common.add_argument("--home")
    common.add_argument("--json", action="store_true")
    parser = Parser(prog="songda", parents=[common])
    commands = parser.add_subparsers(parser_class=Parser)
    for name, (module, _) in COMMANDS.items():
        command = commands.add_parser(name, parents=[common])
        if name != "bench":  # it has a parser of its own
            importlib.import_module(f"pipeline.cli.{module}").declare(name, command, common)
    return parser


def _actions(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}


def _spoken(page: Path) -> Iterator[str]:
    """Each piece of code of a page, in fences with its continued lines joined, and inline."""
    for fence in _FENCE.finditer(_text(page)):
        yield from fence.group().replace("\\\n", " ").splitlines()
    yield from _CODE.findall(_FENCE.sub("", _text(page)))


def _check_command(words: list[str]) -> None:
    """Follow the words after `songda` through the parser as far as they are commands, then look at the options."""
    parser, rest = _parser(), [word for word in words if not word.startswith("[")]
    while rest[:1] in (["--home"], ["--json"]):
        rest = rest[2 if rest[0] == "--home" else 1 :]
    while rest and (actions := _actions(parser)) and re.fullmatch(r"[a-z][a-z-]*", rest[0]):
        assert rest[0] in actions, f"songda {' '.join(words)}: no command {rest[0]}"
        parser, rest = actions[rest[0]], rest[1:]
    for word in rest:
        if re.fullmatch(r"--[a-z-]+", word) and parser.prog != "songda bench":
            assert word in parser._option_string_actions, f"songda {' '.join(words)}: no option {word}"


@every_page
def test_every_command_that_is_named_exists(page: Path) -> None:
    for code in _spoken(page):
        for found in re.finditer(r"(?:^|[\s(/])songda((?: +[^|;&>`]+)+)", code):
            line = re.sub(r"'[^']*'|\s#.*", " ", found.group(1))
            _check_command(line.split())


@every_page
def test_every_word_after_run_is_one_of_the_script(page: Path) -> None:
    script = _text(ROOT / "run")
    for word in re.findall(r"\./run ([a-z]+)", _text(page)):
        assert re.search(rf"^  {word}\)", script, re.MULTILINE), f"./run {word}"


@every_page
def test_every_module_that_is_started_exists(page: Path) -> None:
    for module in re.findall(rf"python -m ((?:{'|'.join(PACKAGES)})[\w.]*)", _text(page)):
        path = ROOT / module.replace(".", "/")
        assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), module


# --- pictures --------------------------------------------------------------------------------------------------------


def test_pictures_are_small_and_shown() -> None:
    shown = "".join(_text(page).replace("](images/", "](docs/images/") for page in DOCS)
    pictures = sorted((ROOT / "docs/images").glob("*.png"))
    assert pictures
    for picture in pictures:
        assert picture.stat().st_size <= LARGEST_PICTURE, picture.name
        assert f"docs/images/{picture.name}" in shown, picture.name
