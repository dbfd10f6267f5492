"""Notices to be written: one for each contact of a counterparty and channel that reaches it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from records import directory
from records.ids import new_id


def notices_to(
    connection: sa.Connection, authority_id: str, counterparty_id: str, mail_from: str
) -> list[dict[str, Any]]:
    """Rows of notices to every active contact by e-mail and SMS; the caller adds what they are about.

    The ids by which they go out, Message-ID and out_id, are fixed here and stay over all retries.
    """
    domain = mail_from.rpartition("@")[2]
    rows = []
    for contact in directory.contacts(connection, authority_id, counterparty_id):
        for channel, address in (("email", contact["email"]), ("sms", contact["mobile"])):
            if address:
                notice_id = new_id("ntc")
                rows.append(
                    {
                        "id": notice_id,
                        "contact_id": contact["id"],
                        "channel": channel,
                        "address": address,
                        "message_id": f"<{notice_id}@{domain}>" if channel == "email" else notice_id,
                    }
                )
    return rows
