"""What a stored document is printed with beside its facts: the same for the first print and for every later reading."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import sqlalchemy as sa

from records import directory
from records.database import is_test
from records.errors import Permanent, Refused
from records.store import Store
from templates.catalogue import Instrument, catalogue, thawed
from templates.printing import Imprint

#: Reading clauses costs more than checking the stored bytes against their digest.
_thawed: Final = lru_cache(maxsize=64)(thawed)


def template_of(store: Store, document: sa.RowMapping) -> Instrument:
    """The template that a row of `document` was accepted with, whatever became of its folder since.

    Raises Permanent when it was not frozen (before version 0006 of the schema) and its version is not installed.
    """
    digest = document["template_digest"]
    try:
        present = catalogue().get(document["instrument"])
    except (Refused, Permanent):
        present = None
    unfrozen = digest is None and present is not None and present.print.version == document["template_version"]
    if present is not None and (unfrozen or present.digest == digest):
        return present
    if digest is None:
        raise Permanent(f"template {document['instrument']} {document['template_version']} is not installed")
    return _thawed(store.get(digest))


def imprint_of(connection: sa.Connection, document: sa.RowMapping) -> Imprint:
    """The imprint of a row of `document`. Raises Permanent when its authority's facts are gone."""
    return Imprint(
        authority=directory.pinned_facts(connection, document),
        number_zh=document["number_zh"],
        number_en=document["number_en"],
        test=is_test(connection),
        specimen=False,
        copies_to=tuple((copy["zh"], copy["en"]) for copy in document["copies_to"]),
        document_id=document["id"],
    )
