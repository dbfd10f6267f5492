"""Which tests prove which rule: docs/traceability.md, made of tests/rules.toml and the marks of the tests.

`python -m tests.traceability` writes the page anew.
"""

from __future__ import annotations

import ast
import importlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).parent
PAGE: Final = TESTS.parent / "docs" / "traceability.md"

_KINDS: Final = (
    ("N", "Numbers and periods"),
    ("D", "Service"),
    ("R", "Registration"),
    ("LAW", "Service and time limits in the law"),
    ("ESL", "The Electronic Signature Law"),
)


@dataclass(frozen=True)
class Rule:
    """A rule; `why` says what is not built, or not ours, and is empty when nothing is missing."""

    id: str
    title: str
    source: str
    why: str


def rules() -> dict[str, Rule]:
    """The rules of tests/rules.toml, in order."""
    data = tomllib.loads((TESTS / "rules.toml").read_text("utf-8"))
    return {name: Rule(name, each["title"], each["source"], _why(each)) for name, each in data.items()}


def _why(each: Mapping[str, str]) -> str:
    told = [
        f"{word}: {each[name]}"
        for name, word in (("not_built", "not built yet"), ("not_ours", "not ours"))
        if name in each
    ]
    return "; ".join(told)


def marks() -> dict[str, list[str]]:
    """The tests that are marked with a rule, as `tests/unit/test_x.py::test_y`, by the rule, in order."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.glob("*/test_*.py")):
        text = path.read_text("utf-8")
        named = _written(ast.parse(text))
        computed = _computed(f"tests.{path.parent.name}.{path.stem}") if "mark.rule(*" in text else iter(())
        for test, rule in (*named, *computed):
            found.setdefault(rule, []).append(f"{path.relative_to(TESTS.parent).as_posix()}::{test}")
    return found


def _written(module: ast.Module) -> Iterator[tuple[str, str]]:
    """Marks that stand over a test, without importing it."""
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef):
            for mark in node.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.rule":
                    yield from ((node.name, str(ast.literal_eval(argument))) for argument in mark.args)


def _computed(module: str) -> Iterator[tuple[str, str]]:
    """Marks of the rows of a table, which a function of the module makes."""
    for name, test in vars(importlib.import_module(module)).items():
        for table in getattr(test, "pytestmark", []) if name.startswith("test_") else []:
            for row in table.args[1] if table.name == "parametrize" else []:
                for mark in getattr(row, "marks", ()):
                    yield from ((f"{name}[{row.id}]", rule) for rule in mark.args if mark.name == "rule")


def page() -> str:
    """The whole page."""
    found = marks()
    lines = [
        "# Rules and the tests that prove them",
        "",
        "Made by `python -m tests.traceability` of `tests/rules.toml` and the marks of the tests; do not edit it.",
        "000 is the registration notice with the confirmation letter, 004 the penalty procedure of the North China",
        "Regional Administration.",
    ]
    for kind, heading in _KINDS:
        lines += ["", f"## {heading}", "", "| Rule | | Source | Tests |", "|---|---|---|---|"]
        for rule in rules().values():
            if rule.id.rstrip("abc0123456789").rstrip("-") == kind:
                cells = [*_by_file(found.get(rule.id, [])), *([f"*{rule.why}*"] if rule.why else [])]
                lines.append(f"| {rule.id} | {rule.title} | {rule.source} | {'<br>'.join(cells)} |")
    return "\n".join([*lines, ""])


def _by_file(tests: list[str]) -> Iterator[str]:
    """The tests, each file named once with a link."""
    files: dict[str, list[str]] = {}
    for each in tests:
        file, _, name = each.partition("::")
        files.setdefault(file, []).append(f"`{name.removeprefix('test_')}`")
    for file, names in files.items():
        yield f"[{Path(file).stem.removeprefix('test_')}](../{file}): {', '.join(names)}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
