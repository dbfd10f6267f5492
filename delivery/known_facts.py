"""What the records know already of the facts of a new document: from those of its case, and the recipient's entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import sqlalchemy as sa

from templates.catalogue import Catalogue
from templates.schemas import resolved

_NEVER_WAS: Final = frozenset({"void", "cancelled", "failed"})


def known_facts(
    schema: Mapping[str, Any], case: Iterable[sa.RowMapping], recipient: sa.RowMapping | None, catalogue: Catalogue
) -> dict[str, Any]:
    """The members of a document's facts that another of its case states too, and the party by its entry.

    `case` are the documents of the case, the newest first: each fact is that of the newest. The same fact is one of the
    same name, words and form; a day is of one document only. The recipient's entry wins over what a document says.
    """
    found: dict[str, Any] = {}
    for row in case:
        if row["status"] not in _NEVER_WAS:
            theirs = catalogue.get(row["instrument"]).schema
            found = {name: row["facts"][name] for name in _shared(schema, theirs) if name in row["facts"]} | found
    if recipient is not None and "party" in schema["properties"]:
        asked = resolved(schema["properties"]["party"], schema)["properties"]
        if "name" in asked:
            entry = {name: value for name, value in _entry(recipient) if name in asked}
            same = found.get("party", {}).get("name") == entry["name"]
            found["party"] = {**(found["party"] if same else {}), **entry}
    return found


def _shared(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> Iterator[str]:
    for name, asked in ours["properties"].items():
        node, other = resolved(asked, ours), resolved(theirs["properties"].get(name, {}), theirs)
        if node == other and node.get("type") in ("object", "array"):
            yield name


def _entry(row: sa.RowMapping) -> Iterator[tuple[str, Any]]:
    yield "name", {"zh": row["name_zh"], "en": row["name_en"]}
    yield "address", {"zh": row["address_zh"], "en": row["address_en"]}
    if row["kind"] != "outside_body":
        yield "kind", row["kind"]
    if row["credit_code"]:
        yield "credit_code", row["credit_code"]
