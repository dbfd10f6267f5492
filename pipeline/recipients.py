"""A counterparty as the choice of the route sees it: its kind, its approved account, its letters."""

from __future__ import annotations

import sqlalchemy as sa

from delivery.routes import Letter, Recipient, System
from records import directory


def known_recipient(connection: sa.Connection, authority_id: str, counterparty_id: str, kind: str) -> Recipient:
    """The recipient that stands in the authority's register."""
    of = (authority_id, counterparty_id)
    letters = tuple(
        Letter(
            each["id"], System(each["system_name"], each["system_address"]), each["in_force_from"], each["withdrawn_at"]
        )
        for each in directory.letters(connection, *of)
    )
    return Recipient(kind, directory.has_approved_account(connection, *of), letters)
