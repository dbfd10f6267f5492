"""Conditions: when a clause is printed. Declarative, so that a lawyer reads them and no code runs.

`{party.kind: natural_person}` holds when the fact has that value, `{party.kind: [a, b]}` when it has one of them,
`{payment: {present: true}}` when it was given at all. Several members must all hold; a list of conditions needs one of
them. A path that leads through a list holds when it holds for any item: `{penalties.kind: fine}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from records.errors import Permanent


def values(facts: object, path: str) -> list[Any]:
    """All values that a dotted path leads to, through lists too; none when a name on the way is missing."""
    found: list[Any] = [facts]
    for name in path.split("."):
        found = [each[name] for each in _spread(found) if isinstance(each, Mapping) and name in each]
    return [each for each in _spread(found) if each is not None]


def _spread(found: list[Any]) -> Iterator[Any]:
    for each in found:
        if isinstance(each, list):
            yield from each
        else:
            yield each


@dataclass(frozen=True)
class Test:
    """One member of a condition: a path, and what is wanted there (`present` None: the value is compared)."""

    path: str
    wanted: tuple[Any, ...]
    present: bool | None = None

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether the facts are as wanted."""
        found = values(facts, self.path)
        if self.present is not None:
            return bool(found) is self.present
        return any(value in self.wanted for value in found)


@dataclass(frozen=True)
class Condition:
    """Alternatives, each of which is a list of tests that must all hold."""

    alternatives: tuple[tuple[Test, ...], ...] = ((),)

    @classmethod
    def read(cls, value: object, place: str) -> Condition:
        """From YAML; None means always. Raises Permanent, naming the place."""
        if value is None:
            return cls()
        alternatives: list[Any] = value if isinstance(value, list) else [value]
        if not alternatives or not all(isinstance(each, Mapping) and each for each in alternatives):
            raise Permanent(f"{place}: a condition names facts and their values")
        return cls(tuple(tuple(_test(path, wanted) for path, wanted in dict(each).items()) for each in alternatives))

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether the clause is to be printed."""
        return any(all(test.holds(facts) for test in tests) for tests in self.alternatives)

    @property
    def paths(self) -> tuple[str, ...]:
        """All facts that are asked about."""
        return tuple(test.path for tests in self.alternatives for test in tests)


def _test(path: str, wanted: object) -> Test:
    if isinstance(wanted, Mapping):
        if set(wanted) != {"present"} or not isinstance(wanted["present"], bool):
            raise Permanent(f"a condition on {path} knows only `present: true` and `present: false`")
        return Test(path, (), wanted["present"])
    return Test(path, tuple(wanted) if isinstance(wanted, list) else (wanted,))
