"""Notices to be written: one for each contact of a counterparty and channel that reaches it."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from delivery.reminders import mainland_phone
from records import directory
from records.ids import new_id


def notices_to(
    connection: sa.Connection, authority_id: str, counterparty_id: str, mail_from: str, occasion: str
) -> list[dict[str, Any]]:
    """Rows of notices to every active contact by e-mail and SMS; the caller adds what they are about.

    An SMS goes to mobile numbers of the mainland only; what a contact does not want of an `occasion` is left out.
    The ids by which they go out, Message-ID and out_id, are fixed here and stay over all retries.
    """
    domain = mail_from.rpartition("@")[2]
    rows = []
    for contact in directory.contacts(connection, authority_id, counterparty_id):
        mobile = contact["mobile"] if mainland_phone(contact["mobile"]) else None
        for channel, address in (("email", contact["email"]), ("sms", mobile)):
            if address and f"{occasion}/{channel}" not in (contact["silent"] or ()):
                notice_id = new_id("ntc")
                rows.append(
                    {
                        "id": notice_id,
                        "contact_id": contact["id"],
                        "channel": channel,
                        "occasion": occasion,
                        "address": address,
                        "message_id": f"<{notice_id}@{domain}>" if channel == "email" else notice_id,
                    }
                )
    return rows
