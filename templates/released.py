"""Released versions: what each version of an instrument was when it left the house, committed beside the folders.

The table of used versions (records/template_versions.py) is what intake obeys; this list tells the legal department the
same before anything is installed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from records.errors import Fault, Permanent, Refused
from templates.catalogue import Instrument

RELEASED: Final = Path(__file__).with_name("released.json")


def released() -> Mapping[str, Mapping[str, str]]:
    """Digests by instrument and version; empty when nothing was released. Raises Permanent for a damaged list."""
    try:
        found: dict[str, Any] = json.loads(RELEASED.read_text(encoding="utf-8")) if RELEASED.exists() else {}
    except (OSError, ValueError) as error:
        raise Permanent(f"{RELEASED.name}: cannot be read: {error}") from error
    return found


def version_faults(instrument: Instrument) -> list[Fault]:
    """The fault of an instrument that was changed after its version had been released."""
    known = released().get(instrument.id, {}).get(instrument.version)
    if known in (None, instrument.digest):
        return []
    message = (
        f"version {instrument.version} was released with other content: raise version here, "
        "or in shared.toml when something changed that instruments share"
    )
    return [
        Fault("/instrument.toml/print/version", "version_changed", message, "该版本已发布，内容有改动，须提高版本号")
    ]


def release(instruments: Iterable[Instrument]) -> list[str]:
    """Note the present versions as released; returns those that are new, as `id version`.

    Raises Refused with every instrument whose version was released with other content; then nothing is written.
    """
    listed = {identifier: dict(versions) for identifier, versions in released().items()}
    faults: list[Fault] = []
    new: list[str] = []
    for instrument in instruments:
        faults += [fault.under(f"/{instrument.id}") for fault in version_faults(instrument)]
        versions = listed.setdefault(instrument.id, {})
        if instrument.version not in versions:
            versions[instrument.version] = instrument.digest
            new.append(f"{instrument.id} {instrument.version}")
    if faults:
        raise Refused(faults)
    RELEASED.write_text(json.dumps(listed, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return new
