"""The table of rights: every role and every right is known, in both languages, and says what the procedure says."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from delivery.rights import holders, issuers, may, rights, role_names
from records.tables import ROLES
from templates.manifests import manifests

HAN = re.compile(r"[一-鿿]")
MAKERS = {each.print.maker_zh for each in manifests().values() if each.print is not None}


def test_the_roles_are_those_that_can_be_given() -> None:
    assert tuple(role_names()) == ROLES


def test_every_right_is_somebodys_and_says_why_in_both_languages() -> None:
    for name, right in rights().items():
        assert right.roles and right.roles <= set(ROLES), name
        for zh, en in (right.name, right.why):
            assert HAN.search(zh), name
            assert en and (not HAN.search(en) or "局发明电" in en), name
    for zh, en in role_names().values():
        assert HAN.search(zh) and not HAN.search(en)


def test_an_administrator_acts_in_no_case() -> None:
    alone = {name for name in rights() if may(("administrator",), name)}
    assert alone == {"read", "requeue", "approve", "statistics", "people"}


def test_everybody_reads_and_only_administrators_keep_people() -> None:
    assert holders("read") == list(ROLES)
    assert holders("people") == ["administrator"]


def test_an_upgrade_takes_nothing_away() -> None:
    """A former clerk is of the legal department; a former administrator is an administrator besides."""
    assert {name for name in rights() if not may(("legal",), name)} == {"people"}
    assert all(may(("legal", "administrator"), name) for name in rights())


def test_rights_of_several_roles_add_up_and_no_role_has_none() -> None:
    assert not may(("finance",), "serve") and not may(("leader",), "payments")
    assert may(("finance", "inspector"), "serve") and may(("finance", "inspector"), "payments")
    assert may(("leader",), "serve", "correct")
    assert not any(may((), name) for name in rights())


def test_a_right_that_there_is_none_of_is_no_right() -> None:
    with pytest.raises(KeyError):
        may(ROLES, "everything")


def test_every_maker_of_a_manifest_is_known_and_every_known_one_is_a_maker() -> None:
    for maker in MAKERS:
        assert issuers(maker)[0] == "legal"
    with pytest.raises(KeyError):
        issuers("某处")


@pytest.mark.parametrize(
    ("instrument", "roles"),
    [
        ("penalty-decision", {"legal"}),
        ("penalty-prior-notice", {"legal"}),
        ("revocation-decision", {"legal"}),
        ("compulsory-measures-decision", {"legal"}),
        ("on-site-record", {"legal", "inspector"}),
        ("evidence-preservation-notice", {"legal", "inspector"}),
        ("on-the-spot-decision", {"legal", "inspector"}),
        ("investigation-report", {"legal", "inspector"}),
        ("rectification-notice", {"legal", "inspector"}),
        ("case-filing-form", {"legal", "inspector"}),
        ("fine-receipt", {"legal", "finance"}),
    ],
)
def test_who_issues_by_hand_follows_the_maker_of_the_manifest(instrument: str, roles: set[str]) -> None:
    made = manifests()[instrument].print
    assert made is not None and set(issuers(made.maker_zh)) == roles


def test_a_test_system_has_somebody_in_each_role() -> None:
    world = tomllib.loads((Path(__file__).parents[2] / "samples/directory.toml").read_text("utf-8"))
    assert {each["login"]: each["roles"] for each in world["person"]} == {
        "clerk": ["legal"],
        "admin": ["administrator"],
        "leader": ["leader"],
        "inspector": ["inspector"],
        "finance": ["finance"],
    }


def test_the_table_in_the_documentation_is_the_table_of_rights() -> None:
    text = (Path(__file__).parents[2] / "docs/roles.md").read_text("utf-8").split("## The rights")[1].split("\n\n")[1]
    head, _, *lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    told = {
        line[0].strip("`"): {role for role, mark in zip(head[1:6], line[1:6], strict=True) if mark == "●"}
        for line in lines
    }
    assert told == {name: set(right.roles) for name, right in rights().items()}
