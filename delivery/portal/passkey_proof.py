"""Proving to be somebody by a passkey: the challenge that a browser gets, and what is made of its answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
import structlog

from delivery import passkeys
from delivery.portal.web import Portal
from records import access
from records import passkeys as kept
from records.access import Account, Person

#: What challenges are made for: one that was made for the one is no good for the other.
TO_LOG_IN: Final = "log_in"
TO_ADD: Final = "add"
TO_SEAL: Final = "seal"

_log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Answer:
    """A browser's answer (JSON) to the challenge that was made for `asker`."""

    asker: str
    text: str


@dataclass(frozen=True)
class Held:
    """Who holds a passkey, and which it is."""

    subject: Account | Person
    passkey_id: str


def challenge_for(portal: Portal, asker: str, verified: bool) -> str | None:
    """The options of a new challenge (JSON); None where no passkeys can be used."""
    party = portal.relying_party
    if party is None:
        return None
    challenge = passkeys.new_challenge()
    with portal.database.write() as connection:
        kept.ask(connection, asker, challenge, passkeys.SECONDS)
    return passkeys.request_options(party, challenge, verified)


def holder(portal: Portal, answer: Answer, verified: bool) -> Held | None:
    """Who proves to hold a passkey; None for whatever is wrong. The challenge is used up in any case."""
    party = portal.relying_party
    with portal.database.write() as connection:
        asked = kept.take(connection, answer.asker)
    if party is None or asked is None:
        return None
    try:
        credential_id = passkeys.credential_of(answer.text)
        with portal.database.read() as connection:
            row = kept.find(connection, credential_id)
            subject = None if row is None else access.open_subject(connection, row["subject_type"], row["subject_id"])
        if row is None or subject is None:
            raise passkeys.NotAccepted("no such passkey, or its holder may not log in")
        count = passkeys.asserted(party, answer.text, asked["challenge"], row["public_key"], subject.id, verified)
    except passkeys.NotAccepted as error:
        _log.info("passkey not accepted", reason=str(error))
        return None
    return _used(portal, subject, row, count, asked["challenge"])


def _used(portal: Portal, subject: Account | Person, row: sa.RowMapping, count: int, challenge: str) -> Held | None:
    with portal.database.write() as connection:
        used = kept.use(connection, subject, row, count, challenge)
    if not used:
        _log.warning("passkey refused: removed, or its count went back", passkey=row["id"])
        return None
    return Held(subject, row["id"])
