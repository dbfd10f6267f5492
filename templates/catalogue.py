"""The catalogue: every instrument that can be printed, with its manifest, facts and clauses, read once and checked."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError

from records.errors import Fault, Permanent, Refused
from templates import fonts
from templates.clauses import PARTS, Clauses, load_clauses
from templates.composing import Frame, compose
from templates.facts import check_facts
from templates.manifests import INSTRUMENTS, Manifest, Print, manifest, manifests

SHARED: Final = Path(__file__).with_name("parts.json")
AUTHORITY: Final = Path(__file__).with_name("authority.json")
SAMPLES: Final = Path(__file__).resolve().parents[1] / "samples"

_WIDEST_NUMBER: Final = ("民航华北〔2026〕99999号", "CAAC-NC [2026] No. 99999")


@dataclass(frozen=True)
class Instrument:
    """One kind of instrument that can be printed.

    `schema` is the complete JSON Schema of its facts; `clauses` is None for a Word template without a reading page.
    """

    manifest: Manifest
    schema: Mapping[str, Any]
    clauses: Clauses | None

    @property
    def id(self) -> str:
        """The identifier in jobs, stable for ever."""
        return self.manifest.id

    @property
    def print(self) -> Print:
        """How it is printed; every instrument of the catalogue has this table."""
        if self.manifest.print is None:
            raise Permanent(f"{self.id} has no [print] table")
        return self.manifest.print

    @property
    def folder(self) -> Path:
        """Where its data stands."""
        return INSTRUMENTS / self.id

    def sample(self) -> dict[str, Any]:
        """A complete job with one document of this kind. Raises Permanent when there is none."""
        try:
            job = json.loads((SAMPLES / f"{self.id}.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Permanent(f"there is no sample of {self.id}: {error}") from error
        return dict(job)

    def sample_facts(self) -> dict[str, Any]:
        """The facts of the sample's document of this kind."""
        for document in self.sample()["documents"]:
            if document["instrument"] == self.id:
                return dict(document["facts"])
        raise Permanent(f"the sample of {self.id} has no document of that kind")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over all that decides its pages: its own data, shared parts, typesetters, laws, pinned fonts."""
        here = Path(__file__).parent
        files = [path for path in self.folder.iterdir() if path.is_file()]
        files += [path for path in (here / "typesetters").iterdir() if path.is_file()]
        files += [PARTS, SHARED, here / "laws.toml", *here.glob("*.py")]
        whole = hashlib.sha256(fonts.list_digest().encode())
        for path in sorted(files):
            whole.update(f"\n{path.relative_to(here).as_posix()} ".encode())
            whole.update(hashlib.sha256(path.read_bytes()).digest())
        return whole.hexdigest()


class Catalogue:
    """All instruments that can be printed, by identifier. Each is read when it is first asked for."""

    def __init__(self) -> None:
        self._read: dict[str, Instrument] = {}

    def ids(self) -> tuple[str, ...]:
        """The identifiers of what can be printed, in order."""
        return tuple(name for name, found in manifests().items() if found.print is not None)

    def get(self, identifier: str) -> Instrument:
        """One instrument. Raises Refused, pointing at `/instrument`, when it is unknown or not printed here."""
        if identifier not in self._read:
            found = manifest(identifier)
            if found.print is None:
                raise Refused(
                    [
                        Fault(
                            "/instrument",
                            "not_printed_here",
                            f"{identifier} is a known instrument, but there is no template to print it from.",
                            f"“{identifier}”是已知文书，但尚无可供印制的模板。",
                        )
                    ]
                )
            self._read[identifier] = _load(found)
        return self._read[identifier]


@cache
def catalogue() -> Catalogue:
    """The one catalogue of this process."""
    return Catalogue()


def _load(found: Manifest) -> Instrument:
    folder = INSTRUMENTS / found.id
    clauses = folder / "clauses.yaml"
    if not clauses.exists() and found.print is not None and found.print.engine != "word":
        raise Permanent(f"{found.id}: has no clauses.yaml")
    return Instrument(found, load_schema(folder / "facts.json"), load_clauses(clauses) if clauses.exists() else None)


def load_schema(path: Path) -> dict[str, Any]:
    """A facts.json with the shared definitions added to its own. Raises Permanent when it is not a JSON Schema."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
        shared = json.loads(SHARED.read_text(encoding="utf-8"))["$defs"]
        schema["$defs"] = shared | schema.get("$defs", {})
        Draft202012Validator.check_schema(schema)
    except (OSError, ValueError, SchemaError) as error:
        raise Permanent(f"{path.parent.name}/{path.name}: is not a JSON Schema: {error}") from error
    return dict(schema)


def check_authority(record: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with an authority's own record, by authority.json, its twins and the glyphs of the pinned fonts."""
    return check_facts(json.loads(AUTHORITY.read_text(encoding="utf-8")), record)


def check_job_document(instrument: Instrument, facts: Mapping[str, Any], authority: Mapping[str, Any]) -> list[Fault]:
    """Everything that keeps these facts from being printed: what intake asks before its dry render.

    Pointers are relative to the facts. Schema, formats, agreement of the two languages and control characters; glyphs
    that no pinned font has; placeholders that the facts leave undefined.
    """
    faults = check_facts(instrument.schema, facts)
    if faults or instrument.clauses is None:
        return faults
    frame = Frame(
        instrument.manifest.title_zh,
        instrument.manifest.title_en,
        authority,
        *_WIDEST_NUMBER if instrument.print.numbered else (),
    )
    try:
        compose(instrument.clauses, facts, frame)
    except Refused as refused:
        return list(refused.faults)
    return []
