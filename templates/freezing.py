"""Freezing: all data that decides the pages of an instrument as one file, and back.

A version that was used never changes: what a document was accepted with is kept, and whatever becomes of the folder
later, the document is printed and read from that. Facts and the authority's record are kept with the document; programs
are not data, and fonts are named by their digest.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from records.errors import Permanent
from templates.clauses import Clauses, read_clauses
from templates.manifests import Manifest, Print
from templates.schemas import used_definitions
from templates.stock import Stock

FORMAT: Final = 1
_ADDED: Final = ("seals", "seam", "seam_pages", "code")  # to manifests that were frozen without them


@dataclass(frozen=True)
class Parts:
    """What an instrument is made of (see `templates.catalogue.Instrument`)."""

    manifest: Manifest
    schema: Mapping[str, Any]
    clauses: Clauses | None
    stock: Stock
    body: bytes | None


def freeze(parts: Parts) -> bytes:
    """Canonical JSON: sorted members, UTF-8, no white space; of the pages, those that its engines use.

    Raises Permanent for what JSON has no word for.
    """
    engine = parts.manifest.print.engine if parts.manifest.print else ""
    document = {
        "format": FORMAT,
        "manifest": _table(parts.manifest),
        "facts": {**parts.schema, "$defs": used_definitions(parts.schema)},
        "clauses": parts.clauses.source if parts.clauses else None,
        "body": base64.b64encode(parts.body or b"").decode("ascii"),
        "stock": {
            "version": parts.stock.version,
            "laws": parts.stock.laws,
            "page": parts.stock.page if parts.clauses else "",
            "style": parts.stock.style if engine == "html" else "",
            "fonts": parts.stock.fonts,
        },
    }
    try:
        return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
    except TypeError as error:
        raise Permanent(
            f"{parts.manifest.id}: clauses.yaml holds what is no JSON, such as a bare date: {error}"
        ) from error


def _table(manifest: Manifest) -> dict[str, Any]:
    """The manifest without what came into manifests later and stands at its default.

    So a member that is added changes the digest of those instruments alone that use it; the others keep their version.
    """
    table = asdict(manifest)
    usual = {field.name: field.default for field in fields(Print)}
    for name in _ADDED if table["print"] else ():
        if table["print"][name] == usual[name]:
            del table["print"][name]
    return table


def thaw(content: bytes) -> Parts:
    """What `freeze` made. Raises Permanent when the bytes are nothing of the kind."""
    try:
        document = json.loads(content)
        if document["format"] != FORMAT:
            raise Permanent(f"a frozen template of format {document['format']!r} cannot be read")
        table, body, clauses = document["manifest"], document["body"], document["clauses"]
        return Parts(
            manifest=_manifest(table),
            schema=document["facts"],
            clauses=read_clauses(clauses, f"{table['id']}, frozen") if clauses else None,
            stock=Stock(**_known(Stock, document["stock"])),
            body=base64.b64decode(body) or None,
        )
    except (ValueError, TypeError, KeyError) as error:
        raise Permanent(f"this is no frozen template: {type(error).__name__}: {error}") from error


def _manifest(table: Mapping[str, Any]) -> Manifest:
    return Manifest(**{**_known(Manifest, table), "print": Print(**_known(Print, table["print"]))})


def _known(kind: type, table: Mapping[str, Any]) -> dict[str, Any]:
    """The members that the class has today: later ones have defaults, former ones no longer decide a page."""
    names = {field.name for field in fields(kind)}
    return {name: _tuples(value) for name, value in table.items() if name in names}


def _tuples(value: Any) -> Any:
    return tuple(_tuples(each) for each in value) if isinstance(value, list) else value
