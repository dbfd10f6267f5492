"""The door of registration: a registration code or an application number, and a mobile number that an SMS code proves.

Nothing here tells who is registered: a wrong pair of number and mobile is answered as a right one is.
"""

from __future__ import annotations

import secrets
from typing import Final

import sqlalchemy as sa

from delivery import passwords
from delivery.beijing import day_of
from records import campaigns, messages, registrations, visits
from records.access import token_hash
from records.database import Database, legal_time

CODE_SECONDS: Final = 10 * 60.0
"""For how long an SMS code lets in."""
TRIES: Final = 5
"""Tries of one code."""
DOOR_SECONDS: Final = 30 * 60.0
"""For how long a visitor may stand at the door."""
VISIT_SECONDS: Final = 2 * 3600.0
"""For how long a proved number lets its visitor work."""
PER_DAY: Final = 10
"""Codes for one number in a day."""
NETWORK_PER_DAY: Final = 60
"""Codes asked for from one address in a day: many of a company come from one."""

_DAY: Final = 24 * 3600.0


class UnknownCode(Exception):
    """No campaign of this code is open."""


class TooManyCodes(Exception):
    """So many codes were asked for, to this number or from this address, that it has to wait until tomorrow."""


def to_register(connection: sa.Connection, code: str, category: str, mobile: str) -> str:
    """A visitor who wants to apply; returns the visit's token. Raises UnknownCode."""
    found = campaigns.by_code(connection, code, day_of(legal_time(connection)).isoformat())
    if found is None:
        raise UnknownCode
    here = {"authority_id": found["authority_id"], "campaign_id": found["id"], "category": category}
    return visits.open_visit(connection, DOOR_SECONDS, mobile=mobile, **here)


def to_track(connection: sa.Connection, number: str, mobile: str) -> str:
    """A visitor who asks about an application; returns the visit's token, whether there is such a one or not."""
    found = registrations.tracked(connection, number, mobile)
    here = {} if found is None else {"authority_id": found["authority_id"], "registration_id": found["id"]}
    return visits.open_visit(connection, DOOR_SECONDS, mobile=mobile, **here)


def send_code(connection: sa.Connection, token: str, network: str) -> list[str]:
    """Have a code sent to the visit's number; returns the steps to hint, none where nothing was found.

    Raises TooManyCodes.
    """
    visit = visits.find(connection, token)
    if visit is None or visit["authority_id"] is None:
        return []
    to, by = messages.asked(connection, visit["mobile"], network, _DAY)
    if to >= PER_DAY or by >= NETWORK_PER_DAY:
        if visit["campaign_id"] is None:  # who tracks learns nothing by this
            return []
        raise TooManyCodes
    asked = {"secret_of": visit["token_hash"], "asked_from": network}
    return [messages.write(connection, visit["authority_id"], "sms", visit["mobile"], "register-code", {}, **asked)]


def new_code() -> str:
    """Six digits."""
    return f"{secrets.randbelow(10**6):06}"


def prove(database: Database, token: str, code: str) -> str | None:
    """The token that the visitor is in by, if the code is right. The try is counted before the code is looked at."""
    with database.write() as connection:
        stored = visits.count_try(connection, token_hash(token), TRIES)
    if not passwords.matches(stored, code):
        return None
    with database.write() as connection:
        visit = visits.find(connection, token)
        if visit is None or visit["code_hash"] != stored:  # somebody used this very code a moment ago
            return None
        registration_id = visit["registration_id"] or registrations.start(
            connection, visit["authority_id"], visit["campaign_id"], visit["category"], visit["mobile"]
        )
        return visits.prove(connection, visit["token_hash"], registration_id, VISIT_SECONDS)
