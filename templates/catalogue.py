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
from templates.clauses import Clauses, load_clauses
from templates.composing import Frame, compose
from templates.facts import check_facts
from templates.freezing import Parts, freeze, thaw
from templates.manifests import INSTRUMENTS, Manifest, Print, load_manifest, manifest, manifests
from templates.schemas import resolved
from templates.stock import Stock, present_stock

SHARED: Final = Path(__file__).with_name("parts.json")
AUTHORITY: Final = Path(__file__).with_name("authority.json")
SAMPLES: Final = Path(__file__).resolve().parents[1] / "samples"

_ANY_NUMBER: Final = ("民航华北〔2026〕99999号", "CAAC-NC [2026] No. 99999")


@dataclass(frozen=True)
class Instrument:
    """One kind of instrument that can be printed.

    `schema` is the complete JSON Schema of its facts; `clauses` is None for a Word template without a reading page;
    `body` is the Word template, if there is one.
    """

    manifest: Manifest
    schema: Mapping[str, Any]
    clauses: Clauses | None
    stock: Stock
    body: bytes | None = None

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

    @property
    def engines(self) -> tuple[str, ...]:
        """What it can be printed by: the engine of its manifest first, then typst and word with a source."""
        kept = {"typst": self.clauses is not None, "word": self.body is not None}
        return tuple(dict.fromkeys([self.print.engine, *(engine for engine, found in kept.items() if found)]))

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

    @property
    def version(self) -> str:
        """What its documents are pinned to: the version of its own data and, after a point, of what all share."""
        return f"{self.print.version}.{self.stock.version}"

    @cached_property
    def content(self) -> bytes:
        """All data that decides its pages, as one file. Raises Permanent for what cannot be frozen."""
        return freeze(Parts(self.manifest, self.schema, self.clauses, self.stock, self.body))

    @cached_property
    def digest(self) -> str:
        """SHA-256 of its content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


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
            self._read[identifier] = _load(INSTRUMENTS / found.id, found)
        return self._read[identifier]


@cache
def catalogue() -> Catalogue:
    """The one catalogue of this process."""
    return Catalogue()


def load_instrument(folder: Path) -> Instrument:
    """An instrument from a folder anywhere, with the shared parts that are here. Raises Permanent when it is none."""
    found = load_manifest(folder / "instrument.toml")
    if found.print is None:
        raise Permanent(f"{found.id} has no [print] table")
    return _load(folder, found)


def _load(folder: Path, found: Manifest) -> Instrument:
    clauses = folder / "clauses.yaml"
    if not clauses.exists() and found.print is not None and found.print.engine != "word":
        raise Permanent(f"{found.id}: has no clauses.yaml")
    body = folder / "body.docx"
    return Instrument(
        found,
        load_schema(folder / "facts.json"),
        load_clauses(clauses) if clauses.exists() else None,
        present_stock(),
        body.read_bytes() if body.exists() else None,
    )


def thawed(content: bytes) -> Instrument:
    """The instrument of which this is the `content`. Raises Permanent when it is of no instrument."""
    parts = thaw(content)
    return Instrument(parts.manifest, parts.schema, parts.clauses, parts.stock, parts.body)


def shared_definitions() -> dict[str, Any]:
    """The definitions of parts.json, which every schema may use. Raises OSError or ValueError when it is broken."""
    return dict(json.loads(SHARED.read_text(encoding="utf-8"))["$defs"])


def load_schema(path: Path) -> dict[str, Any]:
    """A facts.json with the shared definitions added to its own. Raises Permanent when it is not a JSON Schema."""
    try:
        schema = json.loads(path.read_text(encoding="utf-8"))
        schema["$defs"] = {**shared_definitions(), **schema.get("$defs", {})}
        Draft202012Validator.check_schema(schema)
    except (OSError, ValueError, SchemaError) as error:
        raise Permanent(f"{path.parent.name}/{path.name}: is not a JSON Schema: {error}") from error
    return dict(schema)


def scope_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of all that a template may name: the facts, and the authority's record under `authority`."""
    document = json.loads(AUTHORITY.read_text(encoding="utf-8"))

    def followed(node: Any) -> Any:  # its references would lead nowhere inside another schema
        if not isinstance(node, Mapping):
            return node
        whole = resolved(node, document) if "$ref" in node else node
        return {name: {k: followed(v) for k, v in value.items()} if name == "properties" else value
                for name, value in whole.items()}  # fmt: skip

    authority = {name: value for name, value in followed(document).items() if name != "$defs"}
    return {**schema, "properties": {**schema["properties"], "authority": authority}}


def check_authority(record: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with an authority's own record, by authority.json, its twins and the glyphs of the pinned fonts."""
    return check_facts(json.loads(AUTHORITY.read_text(encoding="utf-8")), record)


def check_job_document(instrument: Instrument, facts: Mapping[str, Any], authority: Mapping[str, Any]) -> list[Fault]:
    """Everything that keeps these facts from being printed.

    Pointers are relative to the facts. Schema, formats, agreement of the two languages and control characters; glyphs
    that no pinned font has; placeholders that the facts leave undefined.
    """
    return check_facts(instrument.schema, facts) or filling_faults(instrument, facts, authority)


def filling_faults(instrument: Instrument, facts: Mapping[str, Any], authority: Mapping[str, Any]) -> list[Fault]:
    """Placeholders that facts which fit the schema leave undefined, or that cannot be formatted."""
    if instrument.clauses is None:
        return []
    number_zh, number_en = _ANY_NUMBER if instrument.print.numbered else (None, None)
    titles = (instrument.manifest.title_zh, instrument.manifest.title_en)
    frame = Frame(*titles, authority, number_zh, number_en, laws=instrument.stock.laws)
    try:
        compose(instrument.clauses, facts, frame)
    except Refused as refused:
        return list(refused.faults)
    return []
