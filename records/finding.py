"""By what words a delivery is found: texts folded once when it is sent, and the search at the desk.

The inbox searches `found_by` by its own indexes (`records.inbox`); the desk also finds by the recipient.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from records.paging import Key, Part, behind, ordered
from records.tables import delivery, document
from records.tables.documents import DISPATCHED, NOT_DISPATCHED

_BRACKETS: Final = str.maketrans({"〔": "[", "〕": "]", "【": "[", "】": "]", "﹝": "[", "﹞": "]"})
_LONGEST: Final = 400  # characters: PostgreSQL's indexes take up to 2700 bytes


def folded(text: str) -> str:
    """Text as it is compared: widths and cases of letters, kinds of brackets and white space make no difference."""
    plain = unicodedata.normalize("NFKC", text).translate(_BRACKETS).lower()
    return "".join(plain.split())


def found_by(document: sa.RowMapping | Mapping[str, Any]) -> str:
    """By what a document is found: its numbers and its case."""
    return _joined(document["number_zh"], document["number_en"], document["case_no"])


def found_at_desk(document: sa.RowMapping | Mapping[str, Any], delivery: sa.RowMapping | Mapping[str, Any]) -> str:
    """By what a delivery is found at the desk: the same, and its recipient."""
    numbers = (document["number_zh"], document["number_en"], document["case_no"])
    return _joined(*numbers, delivery["recipient_zh"], delivery["recipient_en"])


def _joined(*texts: str | None) -> str:
    return " ".join(folded(each) for each in texts if each)[:_LONGEST]


def at_desk(connection: sa.Connection, authority_id: str, text: str, part: Part) -> tuple[list[str], Key | None]:
    """Deliveries of the authority whose number, case or recipient contains `text`, newest first: their ids.

    With the key of the last one, if there are more.

    Those that were sent are found in an index that holds all of it; the few others, whose numbers may still come, by
    their rows.
    """
    needle = folded(text)
    if not needle:
        return [], None
    columns = (delivery.c.created_at, delivery.c.id)
    newest = ordered(columns, newest=True)
    mine = (delivery.c.authority_id == authority_id, *behind(columns, part.after, newest=True))
    sent = sa.select(*columns).where(*mine, DISPATCHED, delivery.c.found_at_desk.contains(needle, autoescape=True))
    found = [(row.created_at, row.id) for row in connection.execute(sent.order_by(*newest).limit(part.limit + 1))]
    told = (document.c.number_zh, document.c.number_en, document.c.case_no)
    open_ = (
        sa.select(*columns, *told, delivery.c.recipient_zh, delivery.c.recipient_en)
        .join(document, document.c.id == delivery.c.document_id)
        .where(*mine, NOT_DISPATCHED)
        .order_by(*newest)
    )
    found += [
        (row["created_at"], row["id"])
        for row in connection.execute(open_).mappings()
        if needle in found_at_desk(row, row)
    ]
    found.sort(reverse=True)
    ids = [delivery_id for _, delivery_id in found[: part.limit]]
    return ids, found[part.limit - 1] if len(found) > part.limit else None
