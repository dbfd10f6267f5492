"""The attempts of a delivery in words, for its page."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from delivery.barcodes import spaced
from delivery.portal.views import moment
from delivery.portal.wording import Words
from records import attempts


def attempt_lines(connection: sa.Connection, delivery_id: str, t: Words) -> list[dict[str, Any]]:
    """Each attempt, last first, with its files by kind."""
    kept = attempts.files(connection, delivery_id)
    return [
        {
            "id": row["id"],
            "nth": row["nth"],
            "code": spaced(row["code"]),
            "method": t(f"method.{row['method']}"),
            "by_post": row["method"] == "post",
            "servers": t.pick("、", ", ").join(row["servers"]),
            "mail_kind": row["mail_kind"],
            "mail_number": row["mail_number"],
            "made": moment(row["made_at"], t),
            "files": [
                (file["id"], t(f"attempt.kind_{file['kind']}"), moment(file["added_at"], t))
                for file in kept
                if file["attempt_id"] == row["id"]
            ],
        }
        for row in reversed(attempts.of_delivery(connection, delivery_id))
    ]


def known_servers(facts: Any) -> str:
    """The officers of the case by name, one a line, as the form of an attempt is filled in."""
    officers = facts.get("officers") or []
    return "\n".join(officer["name"]["zh"] for officer in officers)
