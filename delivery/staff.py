"""The people of an authority, kept by an administrator: added, given roles, stopped, helped to a new password.

Everything is in the ledger of the authority's directory. A password that is made here is told once, and opens nothing
but the own settings until its owner has chosen another. All functions raise LookupError when the administrator's
authority has no such person.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection
from typing import Final

import sqlalchemy as sa

from delivery import passwords, recovery
from delivery.rights import role_names
from records import access, logins, roles
from records.access import Person
from records.database import Database
from records.errors import Fault, Refused

LONGEST: Final = 100
"""Characters of a name; a log-in has at most 32."""
_LOGIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,30}[A-Za-z0-9])?")


def add(database: Database, by: Person, login: str, name: str, wanted: Collection[str]) -> str:
    """Add somebody with these roles; returns the first password. Raises Refused with every fault."""
    faults = list[Fault]()
    if not _LOGIN.fullmatch(login):
        en = "A log-in has up to 32 letters, digits, dots, hyphens and underscores."
        faults.append(Fault("/login", "login", en, "登录名为1至32个字母、数字、点、连字符或者下划线。"))
    if not 1 <= len(name) <= LONGEST:
        faults.append(Fault("/name", "missing", "The real name is needed.", "请填写真实姓名。"))
    faults += _check(wanted)
    password = secrets.token_urlsafe(12)
    hashed = passwords.hash_password(password)
    with database.write() as connection:
        if logins.taken(connection, [login]):
            faults.append(Fault("/login", "taken", "Somebody has or had this log-in.", "该登录名已被使用。"))
        if faults:
            raise Refused(faults)
        access.add_person(
            connection,
            by.authority_id,
            login=login,
            name=name,
            roles=wanted,
            password_hash=hashed,
            by=by.id,
            first_password=True,
        )
    return password


def change_roles(database: Database, by: Person, person_id: str, wanted: Collection[str], reason: str) -> bool:
    """Let the person have exactly these roles; False when that is so already.

    Raises Refused: without a reason, without any role, or when no administrator would be left.
    """
    faults = [*_check(wanted), *_check_reason(reason)]
    if faults:
        raise Refused(faults)
    with database.write() as connection:
        row = _of(connection, by, person_id)
        held = roles.roles_of(connection, person_id)
        for role in sorted(set(wanted) - held):
            roles.give(connection, row, role, by.id, reason)
        try:
            for role in sorted(held - set(wanted)):
                roles.take(connection, row, role, by.id, reason)
        except roles.LastAdministrator:
            raise Refused([_last_administrator("/roles")]) from None
    return held != set(wanted)


def stop(database: Database, by: Person, person_id: str, reason: str) -> None:
    """Let the person log in no more; the sessions end.

    Raises Refused without a reason, or for the last administrator.
    """
    if faults := _check_reason(reason):
        raise Refused(faults)
    with database.write() as connection:
        try:
            access.stop_person(connection, _of(connection, by, person_id)["login"], by.id, reason)
        except roles.LastAdministrator:
            raise Refused([_last_administrator("")]) from None


def new_password(database: Database, by: Person, person_id: str) -> str:
    """Give the person a first password, which is told once; the sessions end.

    Raises Refused for the own one, Stopped.
    """
    if person_id == by.id:
        en, zh = "Change your own password under Settings.", "请在“设置”中修改自己的密码。"
        raise Refused([Fault("", "own", en, zh)])
    password = secrets.token_urlsafe(12)
    hashed = passwords.hash_password(password)
    with database.write() as connection:
        login = _of(connection, by, person_id)["login"]
        access.change_person_password(connection, login, hashed, by.id, first=True)
    return password


def remove_factor(database: Database, by: Person, person_id: str, reason: str) -> bool:
    """Let the person log in by the password alone: app and passkeys go, the sessions end. False when there are none.

    Raises Refused without a reason.
    """
    if faults := _check_reason(reason):
        raise Refused(faults)
    with database.write() as connection:
        subject = access.person_of(connection, _of(connection, by, person_id))
        return bool(recovery.forget(connection, subject, "all", by.id, reason))


def _of(connection: sa.Connection, by: Person, person_id: str) -> sa.RowMapping:
    row = roles.find_person(connection, person_id, by.authority_id)
    if row is None:
        raise LookupError(f"no person {person_id}")
    return row


def _check(wanted: Collection[str]) -> list[Fault]:
    if wanted and set(wanted) <= set(role_names()):
        return []
    en, zh = (
        "Choose at least one role; who is to do nothing any more is stopped.",
        "请至少选择一个角色；不再任用的，请停用。",
    )
    return [Fault("/roles", "missing", en, zh)]


def _check_reason(reason: str) -> list[Fault]:
    return [] if reason.strip() else [Fault("/reason", "missing", "A reason is needed.", "请填写理由。")]


def _last_administrator(pointer: str) -> Fault:
    en = "This is the last administrator: make somebody else one first."
    return Fault(pointer, "last_administrator", en, "这是最后一名系统管理员，请先指定他人。")
