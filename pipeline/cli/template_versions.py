"""`songda templates diff` and `release`: what changed between two versions, and which ones have left the house."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any, Final

from delivery.beijing import day_of
from pipeline.cli.answers import Answer, BadInput
from pipeline.cli.inputs import is_installed, opened, read_file, settings_of
from records import template_versions
from templates.catalogue import Instrument, catalogue, load_instrument, thawed
from templates.differences import differences, told
from templates.released import release

_FOLDER: Final = "folder"
_SIDES: Final = "a version that was used, a folder, a frozen template's file, or `folder` for the installed one"


def declare(actions: Any, common: ArgumentParser) -> None:
    """Declare both; `actions` are the subparsers of `songda templates`."""
    diff = actions.add_parser("diff", help="what differs between two versions, block by block", parents=[common])
    diff.add_argument("instrument", metavar="ID")
    diff.add_argument("old", metavar="OLD", nargs="?", help=f"{_SIDES} (default: the version that was used last)")
    diff.add_argument("new", metavar="NEW", nargs="?", default=_FOLDER, help="the same (default: folder)")
    diff.set_defaults(run=run_diff)
    let_go = actions.add_parser("release", help="note the present versions in released.json", parents=[common])
    let_go.add_argument("instrument", metavar="ID", nargs="*", help="only these")
    let_go.set_defaults(run=run_release)


def run_diff(arguments: Namespace) -> Answer:
    """Tell the differences."""
    old, old_name = _side(arguments, arguments.old)
    new, new_name = _side(arguments, arguments.new)
    found = differences(old, new)
    manifest = new.manifest
    head = f"{manifest.title_zh} {manifest.title_en} ({manifest.id})\n{old_name} → {new_name}"
    told_as_json = [each.as_dict() for each in found]
    value = {"instrument": manifest.id, "old": old.version, "new": new.version, "differences": told_as_json}
    return Answer(value, f"{head}\n\n{told(found) or 'no difference'}")


def run_release(arguments: Namespace) -> Answer:
    """Note the versions; refused when one was released with other content."""
    new = release(catalogue().get(each) for each in arguments.instrument or catalogue().ids())
    return Answer({"released": new}, "\n".join(new) or "every version was released before")


def _side(arguments: Namespace, asked: str | None) -> tuple[Instrument, str]:
    """One side of the comparison, and what it is called. Raises BadInput when there is no such thing."""
    identifier: str = arguments.instrument
    if asked == _FOLDER:
        instrument = catalogue().get(identifier)
        return instrument, f"folder, {instrument.version}"
    if asked is not None and Path(asked).exists():
        path = Path(asked)
        instrument = load_instrument(path.resolve()) if path.is_dir() else thawed(read_file(asked))
        return instrument, f"{asked}, {instrument.version}"
    return _used(arguments, asked)


def _used(arguments: Namespace, version: str | None) -> tuple[Instrument, str]:
    if not is_installed(settings_of(arguments)):
        raise BadInput("OLD", "not_installed", f"without an installation no version was used: name {_SIDES}")
    with opened(arguments) as songda:
        with songda.database.read() as connection:
            used = template_versions.used(connection, arguments.instrument)
        found = [row for row in used if version in (None, row["version"])]
        if not found:
            listed = ", ".join(row["version"] for row in used) or "none"
            raise BadInput("OLD", "unknown_version", f"{arguments.instrument}: the versions that were used: {listed}")
        row = found[-1]
        return thawed(songda.store.get(row["digest"])), f"{row['version']}, used since {day_of(row['first_used'])}"
