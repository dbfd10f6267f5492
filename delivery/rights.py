"""Who may do what at the desk: data in rights.toml, and three questions to it. Knows no database.

A right is had by whoever has one of its roles; rights of several roles add up. Nobody has a right by name.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

_DATA: Final = Path(__file__).parent / "rights.toml"
ISSUE: Final = "issue"
_EVERYTHING: Final = "legal"
"""The role that issues every instrument by hand."""


@dataclass(frozen=True)
class Right:
    """One right; `name` and `why` are (Chinese, English)."""

    name: tuple[str, str]
    roles: frozenset[str]
    why: tuple[str, str]


@cache
def rights() -> Mapping[str, Right]:
    """Every right by its name in code."""
    return {
        name: Right((row["name"][0], row["name"][1]), frozenset(row["roles"]), (row["why"][0], row["why"][1]))
        for name, row in _table()["rights"].items()
    }


@cache
def role_names() -> Mapping[str, tuple[str, str]]:
    """What each role is called, (Chinese, English), in the order in which they are always named."""
    return {name: (pair[0], pair[1]) for name, pair in _table()["roles"].items()}


def may(roles: Collection[str], *wanted: str) -> bool:
    """Whether somebody with these roles has one of the rights. Raises KeyError for a right that there is none of."""
    return any(not rights()[each].roles.isdisjoint(roles) for each in wanted)


def holders(*wanted: str) -> list[str]:
    """The roles that have one of the rights, in the order in which they are always named."""
    return [role for role in role_names() if may((role,), *wanted)]


def issuers(maker_zh: str) -> list[str]:
    """The roles that issue by hand what `maker_zh` makes, as manifests name it. Raises KeyError for an unknown one."""
    also = _table()["makers"][maker_zh]
    return [role for role in holders(ISSUE) if role == _EVERYTHING or role in also]


@cache
def _table() -> Mapping[str, Any]:
    return tomllib.loads(_DATA.read_text("utf-8"))
