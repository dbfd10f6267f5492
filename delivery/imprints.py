"""What a stored document is printed with beside its facts: the same for the first print and for every later reading."""

from __future__ import annotations

import sqlalchemy as sa

from records import directory
from records.database import is_test
from templates.printing import Imprint


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
