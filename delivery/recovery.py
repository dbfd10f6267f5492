"""Getting back in after a device was lost: what a log-in needs beside the password is taken off by somebody else."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from records import access, passkeys, second_factors
from records.access import Account, Person

#: What may be taken off.
WHAT: Final = ("all", "app", "passkeys")


def forget(connection: sa.Connection, subject: Account | Person, what: str, by: str, reason: str) -> list[str]:
    """Take the app, the passkeys or both (one of `WHAT`) off a subject; its sessions end if it had any of that.

    Returns what was taken off, as `accounts.tell_of_access` calls it. The reason says how it was checked who asked.
    """
    taken = []
    if what in ("all", "app") and second_factors.remove(connection, subject, by, reason):
        taken.append("factor_removed")
    if what in ("all", "passkeys") and passkeys.remove_all(connection, subject, by, reason):
        taken.append("passkey_removed")
    if taken:
        access.end_sessions(connection, subject)
    return taken
